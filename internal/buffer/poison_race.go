//go:build race

package buffer

// Poison overwrites a buffer that goes back to a pool. It does so in builds with the race detector only, which all tests
// use: code that still uses such a buffer then sends or receives these bytes instead of another client's, and a test fails.
func Poison(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}
