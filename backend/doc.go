// Package backend is the domain of Parley's ready-to-run backend and its application layer: the entities, the rules that
// they obey, and a [Service] with every use case. It knows neither Socket.IO nor HTTP nor SQL: package realtime, package
// rest and package store are those sides of it, and cmd/parley joins them.
//
// # Usage
//
//	service, err := backend.NewService(backend.Options{Store: store})
//	sent, err := service.SendMessage(ctx, principal, backend.SendMessage{RoomID: "tea", Text: "hello"})
//
// Each method of the Service takes a [Principal], who asks, and a request. It validates the names in the request, asks
// whether the principal may do it (all of that is in permission.go), stores the change in the [Store], and publishes an
// [Event] that says what has happened. The rest of the request is validated before anything is stored. Code that tells
// others of it is a [Subscriber]; there may be many, and none of them decides anything. Code that serves clients asks
// [AsError] for the code and the message that a client may see.
//
// # Concurrency
//
// Entities, requests and events are plain values. A Service and everything behind an interface of this package are safe
// for concurrent use; the use cases of one [Client] run one after another.
//
// # Delivery
//
// A change is published after it was stored, and once. A message or an item that a use case has returned without an error
// survives a crash of the process and of the machine. The events reach subscribers while the process lives, and clients
// that are connected at that moment, at most once.
package backend
