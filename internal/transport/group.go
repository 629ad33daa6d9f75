package transport

import (
	"slices"
	"sync/atomic"

	"github.com/parleyio/parley/internal/eio"
)

// Group is a group of packets that are sent together, with no other packet between them. It is encoded at most once for
// each wire form, however many sessions receive it. It is safe for concurrent use. The bytes of the packets must not
// change.
type Group struct {
	// Immutable after construction.
	Packets    []eio.Packet
	Expendable bool          // it may be dropped from a queue to make space for other groups
	binary     bool          // a packet is binary
	single     [1]eio.Packet // backs Packets for the common case

	// The packets in each form, encoded by the first session that needs the form. Two sessions may do so at the same time;
	// the results are equal.
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

// Add adds a packet to a group that will have the number of packets given by of. It must not be called after the group has
// been sent.
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

// Made returns the bytes that were given to Keep for a form, or nil.
func (g *Group) Made(f eio.Form) []byte {
	if made := g.forms[f].Load(); made != nil {
		return *made
	}
	return nil
}

// Keep stores the group in a form that Wire cannot encode.
func (g *Group) Keep(f eio.Form, wire []byte) { g.forms[f].Store(&wire) }

// Binary reports whether a packet is binary.
func (g *Group) Binary() bool { return g.binary }

// Compressible reports whether a packet may be compressed.
func (g *Group) Compressible() bool {
	return slices.ContainsFunc(g.Packets, func(p eio.Packet) bool { return !p.Plain })
}
