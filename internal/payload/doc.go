// Package payload encodes and decodes the payload of events and acknowledgements: their arguments as JSON text, with the
// binary values as attachments (socket.io-protocol v5, "Packet encoding"). It also validates the JSON of peers and walks it
// without decoding.
//
// Applications use the parts of this package that packages parser and event export.
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
// All functions may be called from any goroutine. Results share memory with the input only where the function says so.
package payload
