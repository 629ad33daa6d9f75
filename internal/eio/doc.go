// Package eio is the wire format of Engine.IO (engine.io-protocol v4, and v3 as Revision3), for both ends of a connection:
// packets, polling bodies, and packets in websocket frames (RFC 6455) with permessage-deflate (RFC 7692).
//
// It does no I/O and has no timers, buffers or sessions. Package engineio uses it for the server.
//
// # Usage
//
// Packets are sent in a Form, which depends on the transport and the Revision:
//
//	frames := eio.Frames4.Append(nil, packets)  // websocket, from a server; many clients may share the frames
//	frames = eio.Mask(nil, frames, eio.NewMask) // websocket, from a client
//	body := eio.Payload4.Append(nil, packets)   // the body of a POST, or the answer to a poll
//
// Revision.Packets decodes a polling body. On a websocket, an Assembler reads and checks frames, and Revision.DecodeText and
// Revision.DecodeBinary decode complete messages.
//
// # Concurrency
//
// Forms, revisions and a Deflater are safe for concurrent use. An Assembler is not.
package eio
