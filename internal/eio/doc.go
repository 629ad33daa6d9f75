// Package eio is the wire format of Engine.IO (engine.io-protocol v4, and v3 as Revision3), for both ends of a connection:
// packets, polling bodies, and packets in websocket frames (RFC 6455) with permessage-deflate (RFC 7692).
//
// It does no I/O and holds no timer, buffer or session: package engineio is the server that is made of it.
//
// # Usage
//
// A packet leaves in a Form, which follows from the transport and the Revision:
//
//	frames := eio.Frames4.Append(nil, packets)  // a server's websocket: the frames may be shared by many clients
//	frames = eio.Mask(nil, frames, eio.NewMask) // a client's
//	body := eio.Payload4.Append(nil, packets)   // the body of a POST, or the answer to a poll
//
// What arrives in a polling body is decoded by Revision.Packets. What arrives on a websocket is cut into frames by an
// Assembler, which also says whether the peer may send such a frame now; whole messages are decoded by
// Revision.DecodeText and Revision.DecodeBinary.
//
// # Concurrency
//
// Forms, revisions and a Deflater may be used by any number of goroutines; an Assembler belongs to one.
package eio
