package parser

// Type is the kind of a Socket.IO packet (socket.io-protocol v5, "Packet encoding").
type Type byte

// The packet types, with the digit that each has on the wire.
const (
	Connect      Type = iota // 0: join a namespace, and the answer to it
	Disconnect               // 1: leave a namespace
	Event                    // 2: an event with its arguments
	Ack                      // 3: the acknowledgement of an event
	ConnectError             // 4: a namespace was refused

	// Events and acknowledgements with attachments, on the wire of the JSON parser only.
	binaryEvent // 5
	binaryAck   // 6
)

// Packet is a Socket.IO packet in the form that all parsers share: JSON text, with the binary values as attachments.
//
// A Packet must not be changed after it was returned or passed on. Several goroutines may then read it.
type Packet struct {
	// Type is Connect, Disconnect, Event, Ack or ConnectError.
	Type Type

	// Namespace is the namespace's name, with its leading slash. Empty means "/".
	Namespace string

	// ID is the acknowledgement id. It is valid only if HasID is true, because zero is a valid id.
	ID    uint64
	HasID bool

	// Data is valid JSON: an array for Event (name first) and Ack, an object for Connect, an object or a string for
	// ConnectError. Nil means that the packet has no data. A binary value is written as {"_placeholder":true,"num":i},
	// where i is its index in Attachments.
	Data []byte

	// Attachments are the binary values that Data refers to.
	Attachments [][]byte
}
