// Package pipe is an Engine.IO transport in memory, for tests. It shows that a transport needs nothing of websockets:
// packets cross as records of a type, a flag and their data, and there are no frames, masks or control frames.
//
// # Usage
//
//	t := pipe.New()
//	engine, err := engineio.New(accept, &engineio.Options{MoreTransports: []transport.Transport{t}})
//	client, err := t.Dial(ctx)
//	// The request opens the connection: GET ?EIO=4&transport=pipe, with the header client.Header().
//	packet, err := client.Receive()
//
// # Concurrency
//
// The methods of Transport may be called by several goroutines. A Client belongs to one that sends and one that receives.
// Every wait is durably blocking in the sense of package testing/synctest.
package pipe
