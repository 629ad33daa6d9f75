// Package parser turns Socket.IO packets into Engine.IO messages and back.
//
// A [Packet] is the form that every parser shares: JSON text with the binary values lifted out into attachments. The
// default parser is [JSON], the text format of socket.io-protocol v5. It validates a payload once, when it arrives, and
// keeps it raw: it is decoded only into the type of the handler that wants it, or relayed as it is through a [Raw].
// [MessagePack] is the format of clients that were built for it; its packets are the same.
//
// # Usage
//
// An application names a parser in its options, and knows of this package otherwise only [Raw] and the errors.
//
// Another format is a type that implements [Parser]. A connection has one [Decoder]. Each message that arrives is added; a
// packet comes out when it is whole:
//
//	dec := parser.JSON{}.NewDecoder(parser.Limits{})
//	p, err := dec.Add(message, binary) // (nil, nil) while attachments are awaited
//
// # Binary values
//
// A []byte, or a named type of one, travels as an attachment wherever it stands in an argument: in a struct's field, a
// map, a slice, behind a pointer or an interface. In the JSON text {"_placeholder":true,"num":i} stands in its place. A
// type that has MarshalJSON or MarshalText decides for itself and is not searched, as JavaScript does with toJSON;
// json.RawMessage is such a type. A nil []byte is null, and an array of bytes is an array of numbers.
//
// # Concurrency
//
// A Decoder belongs to one goroutine at a time. Everything else is safe for concurrent use. Packets are not changed
// after they were handed over.
//
// # Hostile input
//
// Decoding never panics, takes time linear in the input and holds no more than the input and the limits allow. Its
// errors are [*SyntaxError] values, which tell what is wrong and where but repeat nothing of the payload.
package parser
