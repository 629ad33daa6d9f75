//go:build race

package buffer

// Poison overwrites a buffer that goes back to a pool. It does so in builds with the race detector, which all tests are
// run with: code that still uses such a buffer sends or receives this instead of another client's bytes, and a test sees
// it.
func Poison(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}
