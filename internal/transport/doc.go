// Package transport defines the interfaces between an Engine.IO session and the connection that carries its packets.
//
// A session uses its connection through [Conn], and a connection uses its session through [Session]. So a connection can
// be a websocket with a goroutine that reads, one that an event loop owns while it is idle, or a stream of WebTransport. A
// server opens connections through a [Transport]. HTTP long-polling, on which a session begins, does not use these
// interfaces: it is a part of package engineio.
//
// # Usage
//
// An implementation embeds a [Link] as the first field of its connections. It usually writes through a [Queue], which
// limits the waiting bytes, holds corked messages back and writes the rest on a goroutine of its own. engineio gives
// connections to sessions like this:
//
//	conn, sid, err := transport.Accept(w, r, opening)
//	conn.Tie().Bind(session, &mutex)
//	conn.Greet(packets...) // with the mutex held
//	conn.Run()             // without
//
// # Concurrency
//
// A session and its connection share one mutex, that of the session, because sending a message reads the state of both.
// The comment of each method says whether its caller holds the mutex. A method that is called with the mutex held must not
// block or call the application.
package transport
