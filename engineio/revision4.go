package engineio

import (
	"bytes"
	"iter"
)

// revision4 is the current revision (engine.io-protocol v4): Socket.IO 3 and later.
type revision4 struct{}

func (revision4) number() int       { return 4 }
func (revision4) clientPings() bool { return false }
func (revision4) takesBinary() bool { return false }

func (revision4) frames(base64 bool) form {
	if base64 {
		return frames4Base64
	}
	return frames4
}

// payload implements revision. A body is always text.
func (revision4) payload(groups []*Prepared, _ bool) (body []byte, binary bool) {
	return join(groups, payload4), false
}

// packets cuts a body at each separator. An empty body is one empty packet, and so an error, as in the reference.
func (r revision4) packets(body []byte, _ bool) iter.Seq2[packet, error] {
	return func(yield func(packet, error) bool) {
		if err := checkText(body); err != nil {
			yield(packet{}, err)
			return
		}
		for more := true; more; {
			var text []byte
			text, body, more = bytes.Cut(body, []byte{separator})
			p, err := r.decodeText(text)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// decodeText implements revision. What is base64 is a message.
func (revision4) decodeText(text []byte) (packet, error) {
	if len(text) > 0 && text[0] == typeBinary {
		data, err := decodeBase64(text[1:])
		return packet{kind: typeMessage, data: data, binary: true}, err
	}
	return decodeTyped(text)
}

// decodeBinary implements revision: a binary message is the message's bare bytes.
func (revision4) decodeBinary(data []byte) (packet, error) {
	return packet{kind: typeMessage, data: data, binary: true}, nil
}
