// Package security holds the tests of docs/SECURITY.md: each published failure of this field, and each attack, is sent to
// the real server over TCP, byte by byte where that matters. A test checks the answer, that clients beside the attacker
// are answered before it and behind it, and that goroutines, descriptors and heap are back where they were.
//
// TestS1 to TestS38 are the published failures, TestA1 to TestA30 the attacks; the rows of docs/SECURITY.md name them.
// rig_test.go has the server and its canaries, client_test.go the attacker's connections, footprint_test.go the measure.
package security
