package cluster

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/parleyio/parley/parser"
)

// history is the latest recoverable packets of a namespace, in the order of their positions. Its owner's lock guards it.
type history struct {
	// Immutable after construction.
	epoch  string // tells the offsets of this history from those of others, of an earlier process above all
	limits RecoveryLimits

	last  Ordinal   // of the last packet, kept or not
	kept  []*logged // the packets last-len(kept)+1 … last
	bytes int       // of kept
}

// logged is a packet that may have to be delivered again. It is not changed.
type logged struct {
	packet parser.Packet
	target *Target
	time   time.Time
	size   int
}

func newHistory(limits RecoveryLimits) history {
	return history{epoch: strconv.FormatUint(rand.Uint64N(1<<40), 36), limits: limits}
}

// push keeps a copy of a packet, with its offset, as the last one. It reports false for a packet that has no array to
// put the offset into.
func (h *history) push(p *parser.Packet, t *Target) (*logged, bool) {
	data, ok := h.appendOffset(p.Data, h.last+1)
	if !ok {
		return nil, false
	}
	l := &logged{packet: *p, target: t, time: time.Now()}
	l.packet.Data = data
	l.size = l.count()
	h.last++
	h.kept = append(h.kept, l)
	h.bytes += l.size
	return l, true
}

// count is about what a packet holds in memory.
func (l *logged) count() int {
	const fixed = 256 // the structs, and the place in the history
	size := fixed + len(l.packet.Data)
	for _, attachment := range l.packet.Attachments {
		size += len(attachment)
	}
	for _, names := range [][]string{l.target.Rooms, l.target.Except} {
		for _, name := range names {
			size += 16 + len(name)
		}
	}
	return size
}

// pop undoes the push before it: the packet was given to nobody, and the next one may have its offset.
func (h *history) pop() {
	i := len(h.kept) - 1
	h.bytes -= h.kept[i].size
	h.kept[i] = nil
	h.kept = h.kept[:i]
	h.last--
}

// trim drops what is too old or too much.
func (h *history) trim(now time.Time) {
	drop := 0
	for _, l := range h.kept {
		if len(h.kept)-drop <= h.limits.MaxPackets && h.bytes <= h.limits.MaxBytes && now.Sub(l.time) <= h.age() {
			break
		}
		h.bytes -= l.size
		h.kept[drop] = nil
		drop++
	}
	if h.kept = h.kept[drop:]; len(h.kept) == 0 {
		h.kept = nil
	}
}

// age is how long packets are kept.
func (h *history) age() time.Duration { return h.limits.MaxDisconnection + unnoticed }

// behind returns the packets behind a position, or false if some of them are gone.
func (h *history) behind(at Ordinal) ([]*logged, bool) {
	if at > h.last || h.last-at > Ordinal(len(h.kept)) {
		return nil, false
	}
	return h.kept[len(h.kept)-int(h.last-at):], true
}

// appendOffset returns a copy of an array with the offset of a position as its last element. It reports false if it is
// none. The array has an element in front, the event's name, and offsets need no escaping.
func (h *history) appendOffset(array []byte, at Ordinal) ([]byte, bool) {
	end := bytes.LastIndexByte(array, ']')
	if end < 0 {
		return nil, false
	}
	const longest = 13 // digits of a position
	out := make([]byte, 0, end+len(h.epoch)+longest+len(`,"."]`))
	out = append(out, array[:end]...)
	out = append(out, `,"`...)
	out = h.appendPosition(out, at)
	return append(out, `"]`...), true
}

func (h *history) appendPosition(b []byte, at Ordinal) []byte {
	b = append(append(b, h.epoch...), '.')
	return strconv.AppendUint(b, uint64(at), 36)
}

// position reads an offset. It reports false for what this history cannot have written.
func (h *history) position(offset string) (Ordinal, bool) {
	epoch, digits, _ := strings.Cut(offset, ".")
	if epoch != h.epoch {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 36, 64)
	if err != nil {
		return 0, false
	}
	at := Ordinal(n)
	var buffer [32]byte
	return at, at != 0 && string(h.appendPosition(buffer[:0], at)) == offset
}
