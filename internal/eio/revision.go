package eio

import "iter"

// Revision holds the differences between the revisions of the protocol: the encoding of packets and the direction of the
// heartbeat. A session keeps the revision of its handshake. A Revision only selects the Form of packets that are sent, so
// that sending needs no call through this interface. Servers and clients decode in the same way. Revisions are comparable.
type Revision interface {
	// Number returns the value of the query parameter EIO.
	Number() int

	// ClientPings reports whether the client sends pings and the server pongs. If false, the server sends pings.
	ClientPings() bool

	// Frames returns the form of packets on a websocket. base64 says whether the receiver wants binary data as base64.
	Frames(base64 bool) Form

	// Payload returns the form of a polling body. binary says whether it has a binary packet, base64 whether the receiver
	// wants binary data as base64.
	Payload(binary, base64 bool) Form

	// TakesBinary reports whether a polling body may be binary.
	TakesBinary() bool

	// Packets decodes a polling body up to its end or its first error. The data of the packets may be parts of the body.
	Packets(body []byte, binary bool) iter.Seq2[Packet, error]

	// DecodeText decodes a packet of a polling body, or a websocket text message. text must be valid UTF-8. The packet's
	// data is a part of text, or a new slice if it was base64.
	DecodeText(text []byte) (Packet, error)

	// DecodeBinary decodes a binary websocket message. The packet's data is a part of data.
	DecodeBinary(data []byte) (Packet, error)
}

// RevisionOf returns the revision for the query parameter EIO. Every value except "4" means revision 3, as on the Node
// server.
func RevisionOf(parameter string) Revision {
	if parameter == "4" {
		return Revision4{}
	}
	return Revision3{}
}
