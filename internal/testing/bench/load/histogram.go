package load

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets that are at most 1/32 wide of what they hold, from a microsecond on.
type histogram struct {
	counts [32 * 32]uint32
	total  int
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)/time.Microsecond))]++
	h.total++
}

// bucket gives values below 32 a bucket of their own, and each further power of two 32.
func bucket(v uint64) int {
	if v < 32 {
		return int(v)
	}
	shift := bits.Len64(v) - 6
	return min((shift+1)*32+int(v>>shift)-32, 32*32-1)
}

// value is the middle of a bucket.
func value(bucket int) time.Duration {
	if bucket < 32 {
		return time.Duration(bucket) * time.Microsecond
	}
	shift := bucket/32 - 1
	low := uint64(bucket%32+32) << shift
	return time.Duration(low+uint64(1)<<shift/2) * time.Microsecond
}

// quantile returns the duration that the fraction q of all is not above, or zero when there are none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := min(int(q*float64(h.total)), h.total-1)
	for i, n := range h.counts {
		if rank -= int(n); rank < 0 && n > 0 {
			return value(i)
		}
	}
	return 0
}

func (h *histogram) reset() { *h = histogram{} }
