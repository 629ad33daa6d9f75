// Package load is a load generator for any Socket.IO server. One goroutine drives all connections. On Linux over plain TCP it
// is an epoll loop, so that a client uses less CPU time than the server it measures. Over TLS and on other systems there is
// also a goroutine for each connection.
//
// # What it measures
//
// Throughput and latency are those that the clients see. To compare servers, use the server's own CPU time per message, from
// the clock of its process: it does not include the generator, and a shared machine disturbs it less. [Result.Busy] says how
// busy the generator was, and [Result.Starved] how long it had no core. If the generator was the limit, the result says so;
// its latency then is that of the generator, not of the server.
//
// # The server
//
// The server must answer the events of the profile "bench" of conformance/server: echo, bc, ack, join and room.
package load
