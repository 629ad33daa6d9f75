// Package engineio is a server for Engine.IO, the session layer below Socket.IO: one logical connection that starts on
// HTTP long-polling or on a websocket, moves from the first to the second, is watched by a heartbeat and carries text
// and binary messages in order. It speaks revision 4 of the protocol, and revision 3 where [Options].AllowEIO3 says so.
// It knows nothing of Socket.IO.
//
// # Usage
//
// A [Server] is an [net/http.Handler]. For every session that a client opens it calls the accept function given to
// [New], which returns the [Handler] that receives the session's messages:
//
//	engine, err := engineio.New(func(s *engineio.Session) engineio.Handler { return &echo{s} }, nil)
//	mux.Handle("/engine.io/", engine)
//
// # Revisions
//
// A session has the revision that its first request asks for; [Session.Protocol] tells it. The messages are the same in
// both. On the wire revision 3 puts a length in front of each packet of a polling body, which may be binary, and its type
// in front of each binary message, and its clients send the pings: one that has sent none for the ping interval and
// timeout together is gone.
//
// # Concurrency
//
// Handler.Message is called by one goroutine at a time, in the order in which the client sent. All methods of Session
// and Server may be called from any goroutine. An idle websocket session holds one goroutine, parked in the network
// poller, and no buffer; an idle polling session holds the goroutine of its pending request.
//
// # Delivery
//
// Send never blocks: a message is written at once when the connection takes it and is queued otherwise, and the queue
// is bounded. Messages reach the client in the order of the Send calls, also across an upgrade, and at most once.
// Whatever closes a session, Handler.Close is called exactly once with the [Reason].
//
// # Compression
//
// Large polling bodies are compressed when the request accepts gzip or deflate. Websocket messages are compressed only
// with Options.PerMessageDeflate, for clients that offer it, and without state between messages. What is received
// counts against Options.MaxPayload as it is on the wire and again decompressed, and no more than that is ever made of
// it. [Message.NoCompress] holds for both: the reference heeds it on polling alone.
//
// # HTTP
//
// [Server.Use] puts a middleware around every request. Options.InitialHeaders and Options.Headers change the headers of
// answers, Options.Cookie sets a cookie for proxies, and Options.OnConnectionError is called for each refused request.
package engineio
