// Package security has the tests of docs/SECURITY.md. Each published vulnerability of similar servers, and each attack, is
// sent to the real server over TCP, byte by byte where that matters. A test checks the answer. It also checks that other
// clients are answered before and after the attack, and that goroutines, descriptors and heap return to their values before.
//
// TestS1 to TestS38 are the published vulnerabilities, TestA1 to TestA30 the attacks; the rows of docs/SECURITY.md name them.
// rig_test.go has the server and its canaries, client_test.go the attacker's connections, footprint_test.go the measurements.
package security
