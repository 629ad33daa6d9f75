// Package backend is the domain of Parley's ready-to-run backend: its entities, the rules that they obey, the errors
// that its services return and the interfaces between them. It knows neither Socket.IO nor HTTP nor SQL: package
// realtime, package rest and package store are those sides of it, and cmd/parley joins them.
//
// # Usage
//
// A store saves and reads ([Store]); the HTTP side tells connected clients what has happened through a [Publisher].
// Whoever stands at an edge asks [AsError] for the code and the message that a client may see.
//
// # Concurrency
//
// Entities are plain values. Everything behind an interface of this package is safe for concurrent use.
//
// # Delivery
//
// A message or an item that a store has returned without an error survives a crash of the process and of the machine.
// What a Publisher emits reaches the clients that are connected at that moment, at most once.
package backend
