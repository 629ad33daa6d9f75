// Package middleware holds ready-made middlewares for a Socket.IO server.
//
// # Usage
//
// [RateLimit] bounds how many events clients may send:
//
//	limiter, err := middleware.RateLimit(nil)
//	io.UseEvent(limiter.Event)
//
// # Concurrency
//
// All methods may be called from any goroutine. A middleware may be used for any number of namespaces and servers.
//
// # Delivery
//
// To stop an event, a middleware of this package returns an *event.Error, which the server sends as the acknowledgement.
package middleware
