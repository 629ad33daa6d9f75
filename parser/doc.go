// Package parser turns Socket.IO packets into Engine.IO messages and back.
//
// All parsers produce the same [Packet]: JSON text, with the binary values moved into attachments. The default parser is
// [JSON], the text format of socket.io-protocol v5. It validates a payload once, when it arrives, and keeps it encoded. The
// payload is decoded later into the type of the handler, or passed on without decoding as a [Raw]. [MessagePack] is the
// format for clients that use socket.io-msgpack-parser.
//
// # Usage
//
// An application selects a parser in its options. Of this package it uses only [Raw] and the errors.
//
// To add a format, implement [Parser]. Each connection has a [Decoder], which receives every message and returns a packet
// when it is complete:
//
//	dec := parser.JSON{}.NewDecoder(parser.Limits{})
//	p, err := dec.Add(message, binary) // (nil, nil) while attachments are awaited
//
// # Binary values
//
// A []byte, or a type defined as []byte, is sent as an attachment. It may stand anywhere in an argument: in a struct field,
// a map or a slice, behind a pointer or an interface. The JSON text holds {"_placeholder":true,"num":i} in its place. Types
// with a MarshalJSON or MarshalText method are encoded by that method and not searched for binary values, as in JavaScript
// with toJSON; json.RawMessage is such a type. A nil []byte is encoded as null, an array of bytes as an array of numbers.
//
// # Concurrency
//
// A Decoder must not be used by several goroutines at the same time. Everything else is safe for concurrent use. A packet
// is not changed after it was returned.
//
// # Hostile input
//
// Decoding never panics. Its time is linear in the input, and its memory is bounded by the input and the [Limits]. Its
// errors are [*SyntaxError] values: they say what is wrong and at which offset, and repeat nothing of the payload.
package parser
