//go:build race

package engineio

// poison overwrites a buffer that goes back to a pool. It does so in builds with the race detector, which all tests are
// run with: who still uses such a buffer sends or receives this instead of another client's bytes, and a test sees it.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}
