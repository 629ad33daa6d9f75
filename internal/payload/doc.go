// Package payload is what an event or an acknowledgement carries: its arguments as JSON text, with the binary values
// lifted out into attachments (socket.io-protocol v5, "Packet encoding"). It encodes the values of a program into that
// form and decodes them again, walks texts without decoding them, and validates those of peers.
//
// What applications see of it has names in packages parser and event.
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
// All functions may be called from any goroutine. What they return shares memory with the input where they say so.
package payload
