// Package load is a load generator for Socket.IO servers, whoever has written them. One goroutine drives all connections:
// on Linux and plain TCP from one epoll loop, so that a client costs less than what it measures; over TLS and on other
// systems with a goroutine for each connection.
//
// # What it measures
//
// Throughput and latency are those that the clients see. The figure to compare servers by is the server's own CPU time
// for each message, by the process's clock: the load's share does not count, and noise on a shared machine counts less.
// [Result.Busy] tells how busy the generator itself was, and [Result.Starved] how long it had no core; a run in which it was
// the limit says so and measures latency of the generator, not of the server.
//
// # The server
//
// It answers the events of the profile "bench" of conformance/server: echo, bc, ack, join and room.
package load
