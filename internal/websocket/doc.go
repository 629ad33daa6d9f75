// Package websocket is the transport websocket of an Engine.IO server: the handshake, the frames, and connections that
// hold one goroutine and no buffer while nothing arrives. It implements the interfaces of package transport.
//
// # Concurrency
//
// One goroutine reads each connection; when a handler takes its time on it, another one takes over. A frame that is sent
// goes straight to the descriptor when nothing is queued, otherwise a flusher writes it: see [transport.Queue].
package websocket
