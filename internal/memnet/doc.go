// Package memnet is a network in memory for tests.
//
// Its connections behave like TCP connections. They buffer: a write returns before the peer reads, and blocks while the
// buffer is full. They have deadlines, half closes and resets. Their errors are
// net.ErrClosed, os.ErrDeadlineExceeded, io.EOF, syscall.EPIPE and syscall.ECONNRESET, inside a *net.OpError as
// far as package net wraps them. They have no file descriptor.
//
// # Usage
//
//	l := memnet.Listen()
//	defer l.Close()
//	go http.Serve(l, handler)
//	client := &http.Client{Transport: &http.Transport{DialContext: l.DialContext}}
//
// # Concurrency
//
// All methods may be called by several goroutines at once. Every wait is durably blocking in the sense of package
// testing/synctest, and deadlines follow the clock of the bubble. A listener that is made inside a bubble and its
// connections must only be used inside that bubble.
package memnet
