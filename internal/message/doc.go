// Package message is the incoming event as the engine of a server or a client has it: made of a packet, acknowledged, failed
// and run beside others. Applications have the same value as an *event.Message, which shows less of it; the two convert
// into each other at no cost:
//
//	m := (*event.Message)(message.New(p, name, args, acker))
//	err = (*message.Message)(m).Fail(failure)
//
// # Concurrency
//
// A Message is safe for concurrent use, a Decoder for one goroutine at a time.
package message
