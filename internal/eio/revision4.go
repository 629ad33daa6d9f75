package eio

import (
	"bytes"
	"iter"
)

// Revision4 is the current revision (engine.io-protocol v4): Socket.IO 3 and later.
type Revision4 struct{}

func (Revision4) Number() int       { return 4 }
func (Revision4) ClientPings() bool { return false }
func (Revision4) TakesBinary() bool { return false }

func (Revision4) Frames(base64 bool) Form {
	if base64 {
		return Frames4Base64
	}
	return Frames4
}

// Payload implements Revision. Bodies are always text.
func (Revision4) Payload(_, _ bool) Form { return Payload4 }

// Packets implements Revision. It cuts the body at each separator. An empty body is an empty packet, which is an error as on
// the Node server.
func (r Revision4) Packets(body []byte, _ bool) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		if err := checkText(body); err != nil {
			yield(Packet{}, err)
			return
		}
		for more := true; more; {
			var text []byte
			text, body, more = bytes.Cut(body, []byte{separator})
			p, err := r.DecodeText(text)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// DecodeText implements Revision. A base64 packet is a message.
func (Revision4) DecodeText(text []byte) (Packet, error) {
	if len(text) > 0 && text[0] == base64Prefix {
		data, err := DecodeBase64(text[1:])
		return Packet{Type: TypeMessage, Data: data, Binary: true}, err
	}
	return decodeTyped(text)
}

// DecodeBinary implements Revision. The data is a message without a prefix.
func (Revision4) DecodeBinary(data []byte) (Packet, error) {
	return Packet{Type: TypeMessage, Data: data, Binary: true}, nil
}
