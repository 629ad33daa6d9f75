package eio

import "iter"

// Revision is what differs between the revisions of the protocol that clients speak: how packets stand on the wire, and
// which side begins the heartbeat. A session has the revision of its handshake. How packets are written is said by
// forms, so that the path of a message to a websocket has no call through this interface. Decoding is the same for what a
// server and what a client sends. Revisions are comparable.
type Revision interface {
	// Number is what clients say in the query parameter EIO.
	Number() int

	// ClientPings reports whether the client sends the pings and the server the pongs, or the other way round.
	ClientPings() bool

	// Frames returns the form in which a websocket takes packets, with binary data as base64 or as it is.
	Frames(base64 bool) Form

	// Payload returns the form of a polling body, with a binary packet in it or without, for a peer that wants binary
	// data as base64 or as it is.
	Payload(binary, base64 bool) Form

	// TakesBinary reports whether a polling body may be binary.
	TakesBinary() bool

	// Packets decodes a polling body up to its end or its first error. The packets' data may be parts of the body.
	Packets(body []byte, binary bool) iter.Seq2[Packet, error]

	// DecodeText decodes a packet in its text form: in a polling body or a websocket text message, which has been found
	// to be UTF-8. The packet's data is a part of text, or bytes of its own when it was base64.
	DecodeText(text []byte) (Packet, error)

	// DecodeBinary decodes a binary websocket message. The packet's data is a part of it.
	DecodeBinary(data []byte) (Packet, error)
}

// RevisionOf returns the revision that the query parameter EIO asks for: everything but "4" means 3, as in the
// reference.
func RevisionOf(parameter string) Revision {
	if parameter == "4" {
		return Revision4{}
	}
	return Revision3{}
}
