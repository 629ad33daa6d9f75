// Package fasthttpio serves an http.Handler, such as a socketio.Server, in programs on fasthttp: those of Fiber, and of
// routers for fasthttp itself.
//
// The adaptors of fasthttp and Fiber suit handlers that answer at once. A Socket.IO server holds polls: with those adaptors
// a held poll does not notice that its client has disconnected, and a slow client blocks the writing of an answer without a
// limit that the server knows. This package behaves as net/http does.
//
// # Usage
//
//	app := fiber.New(fiber.Config{StreamRequestBody: true, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute})
//	app.All("/socket.io/*", fasthttpio.Handler(io, nil)) // io is a *socketio.Server
//	app.Hooks().OnPreShutdown(func() error { return io.Shutdown(ctx) })
//
// In Fiber 2 the second line is
//
//	serve := fasthttpio.Handler(io, nil)
//	app.All("/socket.io/*", func(c *fiber.Ctx) error { serve(c.Context()); return nil })
//
// Set two fields of fasthttp.Server, which have the same names in fiber.Config:
//
//   - StreamRequestBody: the handler reads bodies as they arrive and limits them. Without it fasthttp reads each body whole
//     before it calls the handler, up to the program's own limit.
//   - ReadTimeout: the time for a request's headers and for the first 8 KiB of its body, which fasthttp reads before it
//     calls the handler. Polls may take longer than ReadTimeout and WriteTimeout.
//
// Do not wrap the handler in middlewares that change an answer's body (compression, caches, entity tags) or that answer
// after a timeout.
//
// # What differs from net/http
//
// If a client sends its next request before it has received an answer, the server answers the first request and closes the
// connection; the client has to send the second one again. While a request with the header Upgrade is handled, the server
// does not notice that the client disconnects. Only HTTP/1 is served. Trailers are not passed on.
//
// # Concurrency
//
// The handler runs on a goroutine of its own for each request; fasthttp's goroutine watches the connection meanwhile. Both
// end when a TCP connection is hijacked. For other connections, such as TLS, one goroutine of fasthttp lives until the
// connection is closed.
package fasthttpio
