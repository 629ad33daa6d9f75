// Package websocket is the transport websocket of an Engine.IO server: the handshake, the frames, and connections that
// hold one goroutine and no buffer while they are idle. It implements the interfaces of package transport.
//
// # Concurrency
//
// One goroutine reads each connection. When a handler blocks it, another goroutine continues to read. A sent frame is
// written directly to the descriptor when the queue is empty; otherwise a flusher writes it: see [transport.Queue].
package websocket
