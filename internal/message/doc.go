// Package message holds incoming events for servers and clients, which make them from packets, acknowledge them and run
// their handlers. Applications see the same value as an *event.Message, which has fewer methods. The types convert into each
// other at no cost:
//
//	m := (*event.Message)(message.New(p, name, args, acker, rules))
//	err = (*message.Message)(m).Fail(failure)
//
// # Concurrency
//
// A Message is safe for concurrent use. A Decoder must not be used by several goroutines at the same time.
package message
