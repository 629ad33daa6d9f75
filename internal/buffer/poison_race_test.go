//go:build race

package buffer

import (
	"bytes"
	"testing"
)

// TestPoison: what goes back to a pool is overwritten, all of it.
func TestPoison(t *testing.T) {
	b := Take()
	*b = append(*b, "a secret of one client"...)
	whole := (*b)[:cap(*b)]
	Give(b)
	if bytes.Count(whole, []byte{0xdb}) != len(whole) {
		t.Errorf("a buffer in a pool holds %.50q", whole)
	}
}
