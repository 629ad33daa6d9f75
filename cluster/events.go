package cluster

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// RoomEvent is a change of a room. The room of a member's id causes no events until another member joins it.
type RoomEvent struct {
	Kind RoomEventKind

	// Room is the room's name.
	Room string

	// ID is that of the member, when Kind is RoomJoined or RoomLeft.
	ID string

	// Missed is the number of events between this one and the one before it that were lost.
	Missed int
}

// RoomEventKind is what has happened to a room.
type RoomEventKind uint8

// The events of Socket.IO's adapters: create-room, join-room, leave-room and delete-room.
const (
	RoomCreated RoomEventKind = iota + 1
	RoomJoined
	RoomLeft
	RoomDeleted
)

// String returns Socket.IO's name of the event.
func (k RoomEventKind) String() string {
	switch k {
	case RoomCreated:
		return "create-room"
	case RoomJoined:
		return "join-room"
	case RoomLeft:
		return "leave-room"
	case RoomDeleted:
		return "delete-room"
	}
	return fmt.Sprintf("RoomEventKind(%d)", uint8(k))
}

// roomEvents brings the events from where they happen, under the lock of a room, to the observers, who are called
// without. A queue keeps their order; a goroutine works on it while there is something in it.
type roomEvents struct {
	log *slog.Logger // immutable after construction; nil means slog.Default

	// observers is nil while there are none, and a new slice after each change.
	observers atomic.Pointer[[]*observer]

	// mu guards the fields below, and changes of observers. It is a leaf.
	mu      sync.Mutex
	waiting []RoomEvent
	pushed  uint64 // events so far, lost ones aside
	missed  int
	working bool
}

// observer is told of the events behind the first so many.
type observer struct {
	call func(RoomEvent)
	from uint64
}

// maxRoomEvents is how many events wait for a slow observer.
const maxRoomEvents = 1 << 16

// observed tells whether events are worth making. This is all they cost while nobody observes.
func (e *roomEvents) observed() bool { return e.observers.Load() != nil }

func (e *roomEvents) observe(f func(RoomEvent)) (stop func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := &observer{f, e.pushed}
	e.changeLocked(func(list []*observer) []*observer { return append(list, o) })
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.changeLocked(func(list []*observer) []*observer {
			return slices.DeleteFunc(list, func(other *observer) bool { return other == o })
		})
	}
}

func (e *roomEvents) changeLocked(change func([]*observer) []*observer) {
	var list []*observer
	if old := e.observers.Load(); old != nil {
		list = slices.Clone(*old)
	}
	if list = change(list); len(list) == 0 {
		e.observers.Store(nil)
		return
	}
	e.observers.Store(&list)
}

// push adds an event. The lock of its room is held: that is what makes the order right.
func (e *roomEvents) push(event RoomEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) >= maxRoomEvents {
		e.missed++
		return
	}
	event.Missed, e.missed = e.missed, 0
	e.waiting = append(e.waiting, event)
	e.pushed++
	if !e.working {
		e.working = true
		go e.work()
	}
}

// work calls the observers until no event waits.
func (e *roomEvents) work() {
	defer guardCall("room events", e.log)
	for {
		event, before, ok := e.next()
		if !ok {
			return
		}
		observers := e.observers.Load()
		if observers == nil {
			continue
		}
		for _, o := range *observers {
			if o.from <= before {
				o.tell(event, e.log)
			}
		}
	}
}

// next takes an event from the queue, and says how many there were before it. When there is none the work is over.
func (e *roomEvents) next() (event RoomEvent, before uint64, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) == 0 {
		e.waiting, e.working = nil, false
		return RoomEvent{}, 0, false
	}
	event, before = e.waiting[0], e.pushed-uint64(len(e.waiting))
	e.waiting[0] = RoomEvent{}
	e.waiting = e.waiting[1:]
	return event, before, true
}

func (o *observer) tell(event RoomEvent, log *slog.Logger) {
	defer guardCall("an observer of rooms", log)
	o.call(event)
}
