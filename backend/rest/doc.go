// Package rest is the HTTP side of the backend: notifications, live data and room history for programs that do not speak
// Socket.IO, health for load balancers and supervisors, and the OpenAPI document with a page to read it.
//
// # Usage
//
//	api, err := rest.New(&rest.Options{Service: service})
//	for _, pattern := range api.Patterns() {
//		mux.Handle(pattern, api)
//	}
//
// Every error is an RFC 9457 problem (application/problem+json) whose code is one of those that Socket.IO clients of the
// backend know, too. A body must be application/json; a field that is not in the document is refused, because a
// misspelt "room" would otherwise reach everyone.
//
// # Concurrency
//
// An API is safe for concurrent use.
//
// # Delivery
//
// What a request changes is stored first and emitted then. An answer below 300 therefore means that the change is on
// disk; connected clients receive it at most once, and others find it by GET. A client that goes away while its
// request is being served does not undo it.
package rest
