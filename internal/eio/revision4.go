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

// Payload implements Revision. A body is always text.
func (Revision4) Payload(_, _ bool) Form { return Payload4 }

// Packets cuts a body at each separator. An empty body is one empty packet, and so an error, as in the reference.
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

// DecodeText implements Revision. What is base64 is a message.
func (Revision4) DecodeText(text []byte) (Packet, error) {
	if len(text) > 0 && text[0] == base64Prefix {
		data, err := DecodeBase64(text[1:])
		return Packet{Type: TypeMessage, Data: data, Binary: true}, err
	}
	return decodeTyped(text)
}

// DecodeBinary implements Revision: a binary message is the message's bare bytes.
func (Revision4) DecodeBinary(data []byte) (Packet, error) {
	return Packet{Type: TypeMessage, Data: data, Binary: true}, nil
}
