package transport

import (
	"slices"
	"sync/atomic"

	"github.com/parleyio/parley/internal/eio"
)

// Group is packets that leave together, with nothing between them, encoded at most once for each form in which clients
// take them, however many sessions they are sent to. It is safe for concurrent use; the packets' bytes must not change.
type Group struct {
	// Immutable after construction.
	Packets    []eio.Packet
	Expendable bool          // it may be dropped while it waits, for others to fit
	binary     bool          // a packet is
	single     [1]eio.Packet // backs Packets for the common case

	// What the packets are in each form, made by the first session that needs it. Two sessions may make one at the same
	// time; they are equal.
	forms [eio.Forms]atomic.Pointer[[]byte]
}

// NewGroup makes a group of packets.
func NewGroup(packets ...eio.Packet) *Group {
	g := &Group{}
	for _, p := range packets {
		g.Add(len(packets), p)
	}
	return g
}

// Add adds a packet to a group that is being made, and will have so many.
func (g *Group) Add(of int, p eio.Packet) {
	if g.Packets == nil {
		g.Packets = g.single[:0]
		if of > 1 {
			g.Packets = make([]eio.Packet, 0, of)
		}
	}
	g.Packets = append(g.Packets, p)
	g.binary = g.binary || p.Binary
}

// Wire returns the group in one form.
func (g *Group) Wire(f eio.Form) []byte {
	if !g.binary {
		f = f.OfText()
	}
	if made := g.forms[f].Load(); made != nil {
		return *made
	}
	wire := f.Append(make([]byte, 0, f.Size(g.Packets)), g.Packets)
	g.forms[f].Store(&wire)
	return wire
}

// Made returns what has been kept in a form, or nil.
func (g *Group) Made(f eio.Form) []byte {
	if made := g.forms[f].Load(); made != nil {
		return *made
	}
	return nil
}

// Keep keeps what has been made in a form of which Wire knows nothing.
func (g *Group) Keep(f eio.Form, wire []byte) { g.forms[f].Store(&wire) }

// Binary reports whether a packet is binary.
func (g *Group) Binary() bool { return g.binary }

// Compressible reports whether a packet may be compressed.
func (g *Group) Compressible() bool {
	return slices.ContainsFunc(g.Packets, func(p eio.Packet) bool { return !p.Plain })
}
