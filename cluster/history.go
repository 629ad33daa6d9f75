package cluster

import (
	"strconv"
	"strings"
	"time"

	"github.com/parleyio/parley/parser"
)

// history is the latest packets of a namespace, in the order of their positions. Its owner's lock guards it.
type history struct {
	// Immutable after construction.
	epoch  uint64
	limits MemoryLogLimits

	number uint64 // of the last packet, kept or not
	kept   []kept // the packets number-len(kept)+1 … number
	bytes  int    // of kept
}

// kept is a packet that may have to be delivered again.
type kept struct {
	packet   *parser.Packet
	target   *Target
	node     string
	sequence uint64
	time     time.Time
	size     int
}

// last is the position of the last packet, or the one before the first.
func (h *history) last() Position { return Position{h.epoch, h.number} }

// push keeps an entry as the last one, and gives it its position.
func (h *history) push(e *Entry, now time.Time) {
	e.Previous = h.last()
	h.number++
	e.Position = h.last()
	size := packetSize(e.Packet, e.Target)
	h.kept = append(h.kept, kept{e.Packet, e.Target, e.Node, e.Sequence, now, size})
	h.bytes += size
}

// pop undoes the push before it: the packet was given to nobody, and the next one may have its position.
func (h *history) pop() {
	i := len(h.kept) - 1
	h.bytes -= h.kept[i].size
	h.kept[i] = kept{}
	h.kept = h.kept[:i]
	h.number--
}

// trim drops what is too old or too much.
func (h *history) trim(now time.Time) {
	drop := 0
	for i := range h.kept {
		k := &h.kept[i]
		if len(h.kept)-drop <= h.limits.MaxPackets && h.bytes <= h.limits.MaxBytes && now.Sub(k.time) <= h.limits.MaxAge {
			break
		}
		h.bytes -= k.size
		*k = kept{}
		drop++
	}
	if h.kept = h.kept[drop:]; len(h.kept) == 0 {
		h.kept = nil
	}
}

// oldest returns the time of the oldest packet that is kept.
func (h *history) oldest() (time.Time, bool) {
	if len(h.kept) == 0 {
		return time.Time{}, false
	}
	return h.kept[0].time, true
}

// behind returns at most so many entries behind a position, or ErrUnknownOffset if some of them are gone.
func (h *history) behind(after Position, most int) ([]Entry, error) {
	if after.Epoch != h.epoch && !after.IsZero() || after.Number > h.number {
		return nil, ErrUnknownOffset
	}
	missing := h.number - after.Number
	if missing > uint64(len(h.kept)) {
		return nil, ErrUnknownOffset
	}
	found := h.kept[len(h.kept)-int(missing):]
	found = found[:min(len(found), most)]
	if len(found) == 0 {
		return nil, nil
	}
	entries := make([]Entry, len(found))
	before := Position{h.epoch, after.Number}
	for i := range found {
		k := &found[i]
		at := Position{h.epoch, after.Number + uint64(i) + 1}
		entries[i] = Entry{
			Position: at, Previous: before, Node: k.node, Sequence: k.sequence, Packet: k.packet, Target: k.target,
		}
		before = at
	}
	return entries, nil
}

// appendOffset appends the text form of a position of a memory log.
func appendOffset(b []byte, p Position) []byte {
	b = append(strconv.AppendUint(b, p.Epoch, 36), '.')
	return strconv.AppendUint(b, p.Number, 36)
}

// parseOffset reads the text form of a position, and no other text that means the same.
func parseOffset(offset string) (Position, bool) {
	epoch, number, _ := strings.Cut(offset, ".")
	e, err := strconv.ParseUint(epoch, 36, 64)
	if err != nil {
		return Position{}, false
	}
	n, err := strconv.ParseUint(number, 36, 64)
	if err != nil {
		return Position{}, false
	}
	var buffer [32]byte
	p := Position{e, n}
	return p, e != 0 && n != 0 && string(appendOffset(buffer[:0], p)) == offset
}
