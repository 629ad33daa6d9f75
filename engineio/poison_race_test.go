//go:build race

package engineio

import (
	"bytes"
	"testing"
)

// TestPoison: what goes back to a pool is overwritten, all of it.
func TestPoison(t *testing.T) {
	r, w := takeReadBuffer(), takeWriteBuffer()
	*w = append(*w, "a secret of one client"...)
	copy(r[:], "a secret of another")
	written := (*w)[:cap(*w)]
	giveReadBuffer(r)
	giveWriteBuffer(w)
	for _, b := range [][]byte{r[:], written} {
		if bytes.Count(b, []byte{0xdb}) != len(b) {
			t.Errorf("a buffer in a pool holds %.50q", b)
		}
	}
}
