// Package realtime is the Socket.IO side of the backend: chat, rooms, presence, notifications and live data. Its events
// are typed constants, all of them in events.go.
//
// # Usage
//
//	handlers := realtime.New(realtime.Options{IO: io, Service: service})
//	defer handlers.Close()
//
// [New] registers the handlers on the server's "/" namespace, and subscribes to what the [backend.Service] publishes. The
// package translates and decides nothing: what an event of a client does is a method of the Service, called in
// handlers.go; what clients receive is in publish.go.
//
// # Delivery
//
// Every event may be sent with or without an acknowledgement. A failure is acknowledged with
// {"error":{"code","message"}}; without an acknowledgement the sender gets it as [Exception].
//
// Keys of payloads match exactly, and null is no value for them. Unknown keys are ignored, because clients add their own. If
// a key occurs twice, the last one counts. Neither lets an event reach others than those of one room:
// an event goes to the one room that was read, in which the sender must be, and a room that is missing or null is refused.
//
// What a client receives about a room is in order: a client that applies every [UserJoined] and [UserLeft] to the answer to
// "join-room" has the list of members. (A [UserLeft] may tell of a member that the answer does not list any more,
// because its connection had ended.) In the same way what a client was sent last about presence is the truth: a
// [UsersOnline] or a list that answers "user-online" replaces what it knew, and [PresenceChange] changes it. An answer may be
// ahead of the events, which are sent at most once in an interval.
// The changes of a room are therefore made one at a time, each together with its event; they wait for no network.
//
// # Concurrency
//
// [Handlers] are safe for concurrent use. The events of one socket are handled in the order sent.
//
// # Privacy
//
// Room R of a client is the Socket.IO room "room:R", and the connections of user U are in "user:U". So no name that a
// client can join is the own room of a socket or of a user. A user id is what the client says it is: an application that
// must know better authenticates its clients in a middleware.
package realtime
