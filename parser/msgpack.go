package parser

// MessagePack is the format of socket.io-msgpack-parser: every packet is one binary message, a MessagePack map with the
// keys type, data, nsp and id. It is smaller than [JSON] when packets hold many numbers or binary values. Handlers work the
// same with both formats. It has no state: all values are equal.
//
// # Values
//
// Values that JSON cannot express are decoded to what JSON.stringify writes for them. The extensions of type 0 are those of
// notepack.io 2, the library that socket.io-msgpack-parser uses:
//
//	bin, ext 8/16/32 of type 0 (ArrayBuffer)   an attachment
//	fixext 1 of type 0 (undefined)             nothing; null in an array
//	fixext 8 of type 0 (Date, milliseconds)    "2026-01-02T03:04:05.006Z"; null outside of JavaScript's range
//	any other extension                        [type,attachment], as in the Node parser
//	NaN and the infinities                     null
//	integers                                   all their digits, up to 64 bits
//	a map key that is an integer               its digits as a string; a key of another type is an error
//
// When a map has the same key twice, the text has it twice and the last one counts, as with JSON.
//
// For encoding, a number becomes the smallest integer form that holds its value: 1.0 and 1e0 become 1, as in JavaScript.
// Other numbers become a float64. A lone surrogate ("\ud800") becomes U+FFFD, because MessagePack strings are UTF-8.
type MessagePack struct{}

var _ Parser = MessagePack{}

// NewDecoder returns a decoder for one connection. Its Waiting method always returns false, because each message is a
// complete packet.
//
// Limits.Attachments and Limits.AttachmentBytes do not apply, because a packet is one message. It may hold 9,999 binary
// values. For Limits.Depth a binary value counts as one level, as in JSON. The JSON text of a packet is at most six times as
// long as the message, plus 37 bytes for each binary value; strings of control characters reach this factor.
//
// Like the JSON decoder, it returns an error for some packets that the Node parser accepts: an event without a name or with
// a reserved name; a namespace that JSON cannot express; a negative id; a packet key that occurs twice or is not a string;
// text that is not UTF-8; binary values in a packet that is neither an event nor an acknowledgement; an object with
// "_placeholder": true in a packet with attachments. It ignores unknown keys of the packet.
func (MessagePack) NewDecoder(l Limits) Decoder {
	return &msgpackDecoder{limits: l.WithDefaults()}
}

// HasAttachments returns false.
func (MessagePack) HasAttachments() bool { return false }

// The keys of a packet.
const (
	keyType      = "type"
	keyData      = "data"
	keyNamespace = "nsp"
	keyID        = "id"
)
