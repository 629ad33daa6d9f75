// Package pipe is an Engine.IO transport in memory, for tests. It proves that transports do not depend on websockets: it
// sends packets as records of a type, a flag and data, without frames, masks or control frames.
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
// The methods of Transport may be called by several goroutines. A Client may be used by one goroutine that sends and one
// that receives. Every wait is durably blocking in the sense of package testing/synctest.
package pipe
