package cluster

import (
	"sync/atomic"

	"github.com/parleyio/parley/parser"
)

// Adapter keeps the rooms of one namespace and delivers its broadcasts, on this node and on the others. [Engine.Namespace]
// makes it. How it works beyond this node is up to the [Bus] and the [Log] of the engine.
//
// All methods are safe for concurrent use, and only those that take a context wait for another node.
type Adapter struct {
	// Immutable after construction.
	engine *Engine
	name   string
	local  Local
	rooms  *index
	stream *stream // nil without recovery

	inbox  queue[*Message]
	closed atomic.Bool
}

// Add lets a member into the namespace. A member with the same id that is still there is replaced, and leaves all its
// rooms. With recovery the member's session begins here, if it has a PID.
func (a *Adapter) Add(m Member) {
	if a.stream != nil && m.Progress() != nil {
		a.stream.enter(m)
		return
	}
	a.rooms.add(m)
}

// Remove takes the member with this id out of the namespace and of all its rooms, and drops its session. An unknown id is
// ignored.
func (a *Adapter) Remove(id string) {
	m, _ := a.rooms.remove(id, nil)
	if m != nil && a.stream != nil {
		a.stream.drop(m, nil)
	}
}

// Join puts a member into rooms; those it is in already are ignored, and so is its own id. It returns ErrUnknownMember if
// there is no such member, in which case the member is in none of the rooms, and ErrClosed after Close. The number and the
// length of room names are limited by the caller. It holds on this node when it returns; see Subscribed for the others.
func (a *Adapter) Join(id string, rooms ...string) error {
	if a.closed.Load() {
		return ErrClosed
	}
	if err := a.rooms.join(id, rooms); err != nil {
		return err
	}
	a.touch(id)
	return nil
}

// Leave takes a member out of rooms. Unknown ids, rooms it is not in, and its own id are ignored.
func (a *Adapter) Leave(id string, rooms ...string) {
	a.rooms.leave(id, rooms)
	a.touch(id)
}

// touch notes that the session of a member has changed.
func (a *Adapter) touch(id string) {
	if a.stream == nil || !a.stream.shared {
		return
	}
	if r := a.rooms.find(id); r != nil {
		a.Touch(r.member)
	}
}

// Touch says that the data of a member has changed, so that its session is stored again.
func (a *Adapter) Touch(m Member) {
	if a.stream != nil && a.stream.shared {
		a.stream.sessions.touch(m)
	}
}

// Rooms returns the rooms that a member has joined, sorted and without its own id. It is empty for an unknown id. The slice
// belongs to the caller.
func (a *Adapter) Rooms(id string) []string { return a.rooms.roomsOf(id) }

// InRoom reports whether a member is in a room. A member is always in the room of its own id.
func (a *Adapter) InRoom(id, room string) bool { return a.rooms.inRoom(id, room) }

// Members returns the members of this node that a target selects, in no particular order. The slice belongs to the caller.
func (a *Adapter) Members(t *Target) []Member {
	if t.nobody() {
		return nil
	}
	s := a.rooms.snapshot(t)
	defer a.rooms.release(s)
	return append([]Member(nil), s.members...)
}

// Broadcast delivers a packet to the members that a target selects, here and, unless t.Local is set, on the other nodes.
// The order of the broadcasts of one goroutine is kept, except that packets that do not go into a Shared log (volatile ones,
// those for this node alone) may overtake others. Without a log, and with one that is Immediate, delivery on this node has
// happened when it returns; otherwise it happens when the log gives the packet its position.
//
// It returns the error of Deliver, if that has run, ErrQueueFull when too many packets wait for the log, or ErrClosed.
// What the bus cannot take is lost for the other nodes and counted in Health.
func (a *Adapter) Broadcast(p *parser.Packet, t *Target) error {
	if a.closed.Load() {
		return ErrClosed
	}
	if t.nobody() {
		return nil
	}
	if a.stream != nil && a.stream.takes(p, t) {
		if err := a.stream.append(p, t); err != nil || a.stream.shared {
			return err
		}
	} else if err := a.deliver(p, t); err != nil {
		return err
	}
	if a.engine.bus != nil && !t.Local {
		a.engine.publish(&Message{Kind: KindBroadcast, Namespace: a.name, Target: *t, Packet: p}, nil)
	}
	return nil
}

// deliver hands a packet to the members of this node.
func (a *Adapter) deliver(p *parser.Packet, t *Target) error {
	s := a.rooms.snapshot(t)
	defer a.rooms.release(s)
	if len(s.members) == 0 {
		return nil
	}
	return a.local.Deliver(p, s.members, t)
}

// ObserveRooms calls f for each change of the rooms of this node after it, until stop is called. A change during
// ObserveRooms or stop may or may not be reported. Stop may be called several times, and by f.
//
// f is called without any lock, on a goroutine of the adapter, for one event at a time; it may call the adapter. A panic of
// it is logged, and ends that call only. The events come in the order in which the changes happened, for all rooms: a room
// is created before it is joined, left before it is deleted, and deleted before it is created again. They come later than
// the changes, though: by the time of an event the room may have changed again.
//
// Changes do not wait for observers. While one is slow 65,536 events wait; those that come then are lost, and counted in
// the Missed of the next.
func (a *Adapter) ObserveRooms(f func(RoomEvent)) (stop func()) {
	return a.rooms.events.observe(f)
}

// Close ends the adapter: nothing is delivered or can be recovered any more. After it Join, Broadcast and what is sent to
// other nodes return ErrClosed; the other methods go on answering for this node, so that members that end late can still
// be removed. Sessions stay in a log that is Shared. Closing twice does nothing.
func (a *Adapter) Close() {
	if a.closed.Swap(true) {
		return
	}
	a.engine.remove(a)
}
