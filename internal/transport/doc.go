// Package transport is the seam between an Engine.IO session and the connection that carries its packets.
//
// A session knows what it asks of a connection, which is [Conn], and a connection knows what it tells its session, which is
// [Session]. Neither knows more of the other, so that a connection can be a websocket with a goroutine that reads, one that
// belongs to an event loop while it is silent, or a stream of WebTransport. A server opens connections through a
// [Transport]. HTTP long-polling, on which a session begins, is no connection: it is the other half of a session, in
// package engineio.
//
// # Usage
//
// An implementation embeds a [Link] in its connections, first, and usually writes through a [Queue], which bounds what
// waits, holds back what is corked and writes the rest on a goroutine of its own. engineio hands connections to sessions:
//
//	conn, sid, err := transport.Accept(w, r, opening)
//	conn.Tie().Bind(session, &mutex)
//	conn.Greet(packets...) // with the mutex held
//	conn.Run()             // without
//
// # Concurrency
//
// A session and its connection share one mutex, the session's, because a message that is sent looks at both. Each method
// says whether its caller holds it. Nothing that is called with it held may block or call the application.
package transport
