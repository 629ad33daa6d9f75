package cluster

import (
	"time"
)

// repeated reports whether a message with this number has come before, and notes it.
func (p *peers) repeated(node string, sequence uint64, now time.Time) bool {
	if sequence == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.windows[node]
	if w == nil {
		if p.windows == nil {
			p.windows = map[string]*window{}
		}
		w = new(window)
		p.windows[node] = w
	}
	w.used = now
	return !w.add(sequence)
}

// window remembers which of the latest numbers of a sender have come.
type window struct {
	used time.Time
	left bool   // the sender has said bye
	last uint64 // the highest
	bits [windowSize / 64]uint64
}

// windowSize is how far a message may be overtaken. One that comes later counts as repeated.
const windowSize = 4096

// add reports false for a number that has come before, or too late to be known.
func (w *window) add(n uint64) bool {
	switch {
	case n > w.last:
		if n-w.last >= windowSize {
			clear(w.bits[:])
		} else {
			for i := w.last + 1; i <= n; i++ {
				w.bits[i%windowSize/64] &^= 1 << (i % 64)
			}
		}
		w.last = n
	case w.last-n >= windowSize:
		return false
	case w.bits[n%windowSize/64]&(1<<(n%64)) != 0:
		return false
	}
	w.bits[n%windowSize/64] |= 1 << (n % 64)
	return true
}
