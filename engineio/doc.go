// Package engineio is a server for Engine.IO, the session layer below Socket.IO. A session is one logical connection that
// carries text and binary messages in order. It starts on HTTP long-polling or on a websocket, can move from polling to a
// websocket, and is checked by a heartbeat. The package implements revision 4 of the protocol, and revision 3 when
// [Options].AllowEIO3 is set. It does not depend on Socket.IO.
//
// # Usage
//
// A [Server] is a [net/http.Handler]. For every session that a client opens it calls the accept function given to [New],
// which returns the [Handler] that receives the session's messages:
//
//	engine, err := engineio.New(func(s *engineio.Session) engineio.Handler { return &echo{s} }, nil)
//	mux.Handle("/engine.io/", engine)
//
// # Revisions
//
// The first request of a session selects its revision; [Session.Protocol] returns it. The messages are the same in
// both. The wire formats differ: in revision 3 each packet of a polling body begins with its length, polling bodies may be
// binary, and each binary message begins with its type. In revision 3 the clients send the pings; the server closes the
// session of a client that has sent none for PingInterval and PingTimeout together.
//
// # Concurrency
//
// Handler.Message is called by one goroutine at a time, in the order in which the client sent the messages. All methods of
// Session and Server may be called from any goroutine. An idle websocket session holds one goroutine, which waits in the
// network poller, and no buffer. An idle polling session holds the goroutine of its pending request.
//
// # Delivery
//
// Send never blocks. It writes a message at once when the connection can take it; otherwise it puts the message into the
// send queue, which has a limit. The client receives messages in the order of the Send calls, also during an upgrade, and
// at most once. Handler.Close is called exactly once for each session, with the [Reason] of the end.
//
// # Compression
//
// Large polling bodies are compressed when the request accepts gzip or deflate. Websocket messages are compressed only
// with Options.PerMessageDeflate, for clients that offer it, and without state between messages. Options.MaxPayload limits
// the compressed and the decompressed size of a received message; decompression stops at the limit. [Message.NoCompress]
// applies to polling and websocket. The reference applies it to polling only.
//
// # HTTP
//
// [Server.Use] puts a middleware around every request. Options.InitialHeaders and Options.Headers change the headers of
// answers, Options.Cookie sets a cookie for proxies, and Options.OnConnectionError is called for each refused request.
package engineio
