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

	// On the wire of the JSON parser, events and acknowledgements that have attachments.
	binaryEvent // 5
	binaryAck   // 6
)

// Packet is one Socket.IO packet in the form that all parsers share: JSON text with binary values lifted out.
//
// A Packet is not changed after it has been handed over, so one may be read from several goroutines.
type Packet struct {
	// Type is Connect, Disconnect, Event, Ack or ConnectError.
	Type Type

	// Namespace is the namespace's name, with its leading slash. Empty means "/".
	Namespace string

	// ID is the acknowledgement id; it counts only when HasID is true, for zero is an id too.
	ID    uint64
	HasID bool

	// Data is valid JSON: an array for Event (name first) and Ack, an object for Connect, an object or a string for
	// ConnectError. Nil means that the packet carries none. A binary value stands as
	// {"_placeholder":true,"num":i}, where i is its index in Attachments.
	Data []byte

	// Attachments are the binary values that Data refers to.
	Attachments [][]byte
}
