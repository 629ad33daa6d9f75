// Package memnet is a network in memory for tests.
//
// Its connections behave like those of TCP where programs can tell: they buffer, so that a write returns before the
// peer reads and blocks when the peer has not read for long; they have deadlines, half closes and resets; their errors
// are net.ErrClosed, os.ErrDeadlineExceeded, io.EOF, syscall.EPIPE and syscall.ECONNRESET, inside a *net.OpError as
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
// testing/synctest, and deadlines follow the clock of the bubble: a listener that is made inside a bubble, and its
// connections, must be used inside it only.
package memnet
