package parser

// MessagePack is the format of socket.io-msgpack-parser: every packet is one binary message, a MessagePack map of type,
// data, nsp and id. It is smaller than [JSON] where packets hold many numbers or binary values, and the packets that go
// in and come out are the same, so handlers do not notice which one a client speaks. It holds nothing, so all values of
// it are equal.
//
// # Values
//
// What JSON has no form for is decoded to what JSON.stringify makes of it. The extensions of type 0 are those of
// notepack.io 2, the library behind the reference:
//
//	bin, ext 8/16/32 of type 0 (ArrayBuffer)   an attachment
//	fixext 1 of type 0 (undefined)             nothing; null in an array
//	fixext 8 of type 0 (Date, milliseconds)    "2026-01-02T03:04:05.006Z"; null outside of JavaScript's range
//	any other extension                        [type,attachment], as the reference decodes it
//	NaN and the infinities                     null
//	integers                                   all their digits, up to 64 bits
//	a map's key that is an integer             its digits as a string; other keys than these and strings are errors
//
// A key that a map has twice stays in the text twice, and the last one counts, as with JSON.
//
// Encoding goes the other way: a number takes the smallest integer form that holds its value, so 1.0 and 1e0 are 1 as
// they are for JavaScript, and is a float64 otherwise. A lone surrogate ("\ud800") becomes U+FFFD, for MessagePack's
// strings are UTF-8.
type MessagePack struct{}

var _ Parser = MessagePack{}

// NewDecoder returns a decoder for one connection. It is never [Decoder].Waiting, for a message is a packet.
//
// Of the limits, Depth counts an attachment as one level, as it is in JSON. The text of a packet is at most six times as
// long as the message, which an application's control characters can make it.
//
// It is stricter than the reference where JSON is: the name of an event is checked, so an event without one and a
// reserved name are errors, and so are a namespace that JSON could not name, a negative id, a key of the packet that is
// there twice or no string, text that is not UTF-8, binary in other packets than events and acknowledgements, and an
// object with "_placeholder": true in a packet that has attachments. Keys of the packet that it does not know are skipped.
func (MessagePack) NewDecoder(l Limits) Decoder {
	return &msgpackDecoder{limits: l.WithDefaults()}
}

// The keys of a packet.
const (
	keyType      = "type"
	keyData      = "data"
	keyNamespace = "nsp"
	keyID        = "id"
)
