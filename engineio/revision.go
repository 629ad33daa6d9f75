package engineio

import "iter"

// revision is what differs between the revisions of the protocol that clients speak: how packets stand on the wire, and
// which side begins the heartbeat. A session has the revision of its handshake. How packets are written is said by
// forms, so that the path of a message to a websocket has no call through this interface.
type revision interface {
	// number is what clients say in the query parameter EIO.
	number() int

	// clientPings reports whether the client sends the pings and the server the pongs, or the other way round.
	clientPings() bool

	// frames returns the form in which a websocket takes packets, with binary data as base64 or as it is.
	frames(base64 bool) form

	// payload encodes groups of packets as one polling body, and reports whether the body is binary.
	payload(groups []*Prepared, base64 bool) (body []byte, binary bool)

	// takesBinary reports whether a polling body of the client may be binary.
	takesBinary() bool

	// packets decodes a polling body up to its end or its first error. The packets' data may be parts of the body.
	packets(body []byte, binary bool) iter.Seq2[packet, error]

	// decodeText decodes a packet in its text form: in a polling body or a websocket text message, which has been found
	// to be UTF-8. The packet's data is a part of text, or bytes of its own when it was base64.
	decodeText(text []byte) (packet, error)

	// decodeBinary decodes a binary websocket message. The packet's data is a part of it.
	decodeBinary(data []byte) (packet, error)
}

// revisionOf returns the revision that the query parameter EIO asks for: everything but "4" means 3, as in the
// reference.
func revisionOf(parameter string) revision {
	if parameter == "4" {
		return revision4{}
	}
	return revision3{}
}

// join puts the parts of a polling body together.
func join(groups []*Prepared, f form) []byte {
	size := 0
	for _, p := range groups {
		size += len(p.wire(f)) + 1
	}
	body := make([]byte, 0, size)
	for i, p := range groups {
		if i > 0 && f == payload4 {
			body = append(body, separator)
		}
		body = append(body, p.wire(f)...)
	}
	return body
}
