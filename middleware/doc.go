// Package middleware holds ready-made middlewares for a Socket.IO server, one file each.
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
// A middleware of this package stops an event by an *event.Error, which the server sends as its acknowledgement.
package middleware
