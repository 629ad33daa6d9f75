package cluster

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// interests is what lives on this node, as the bus knows it. A bus that subscribes to rooms is told of the first and the
// last holder of each: of the members in a room, and of joins that wait for the subscription.
type interests struct {
	engine *Engine // immutable after construction

	// mu guards the fields below. Locks of rooms are held above it.
	mu      sync.Mutex
	held    map[place]*holding
	changed []place // each once; their holding says so
	working bool
}

// place is a namespace, or a room in one.
type place struct{ namespace, room string }

type holding struct {
	holders   int
	private   bool
	watched   bool          // the bus has been told that it lives here
	changed   bool          // it is in interests.changed, or in the batch that the bus is being told
	effective chan struct{} // closed when messages for it arrive here
}

// hold counts a holder more, and returns what is closed when messages for the place arrive here.
func (x *interests) hold(p place, private bool) (effective <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	h := x.held[p]
	if h == nil {
		if x.held == nil {
			x.held = map[place]*holding{}
		}
		h = &holding{private: private, effective: make(chan struct{})}
		x.held[p] = h
	}
	h.holders++
	if h.holders == 1 {
		x.changeLocked(p, h)
	}
	return h.effective
}

// release counts a holder less.
func (x *interests) release(p place) {
	x.mu.Lock()
	defer x.mu.Unlock()
	h := x.held[p]
	if h == nil {
		return
	}
	if h.holders--; h.holders == 0 {
		x.changeLocked(p, h)
	}
}

// changeLocked sees to it that the bus is told.
func (x *interests) changeLocked(p place, h *holding) {
	if h.changed {
		return
	}
	h.changed = true
	x.changed = append(x.changed, p)
	if !x.working {
		x.working = x.engine.spawn("subscribing", x.watchAll)
	}
}

// watchAll tells the bus until there is nothing more to tell.
func (x *interests) watchAll() {
	for attempt := 0; ; {
		changes, places := x.batch()
		if places == nil {
			return
		}
		ctx, cancel := context.WithTimeout(x.engine.ctx, x.engine.config.RequestTimeout)
		var err error
		if len(changes) > 0 {
			err = x.tell(ctx, changes)
		}
		cancel()
		x.settle(places, changes, err)
		if err == nil {
			attempt = 0
			continue
		}
		if attempt == 0 {
			x.engine.log.Warn("subscribing to rooms", slog.String("node", x.engine.id), slog.Any("err", err))
		}
		if !x.engine.pause(x.engine.ctx, attempt) {
			return
		}
		attempt++
	}
}

func (x *interests) tell(ctx context.Context, changes []Interest) (err error) {
	err = errors.New("cluster: the bus has panicked")
	defer x.engine.guard("subscribing")
	err = x.engine.bus.Watch(ctx, changes)
	return err
}

// batch takes what has changed, and says what of it the bus does not know. No places mean that the worker must end.
func (x *interests) batch() (changes []Interest, places []place) {
	const most = 512
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.changed) == 0 {
		x.changed, x.working = nil, false
		return nil, nil
	}
	n := min(most, len(x.changed))
	places = x.changed[:n:n]
	x.changed = x.changed[n:]
	for _, p := range places {
		if h := x.held[p]; h.holders > 0 != h.watched {
			if h.watched { // those that come from now on wait until it is subscribed to again
				h.effective = make(chan struct{})
			}
			changes = append(changes, Interest{Namespace: p.namespace, Room: p.room, Private: h.private, Ended: h.watched})
		}
	}
	return changes, places
}

// settle notes what the bus knows now. What has changed meanwhile, and everything after an error, comes again.
func (x *interests) settle(places []place, changes []Interest, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err == nil {
		for _, c := range changes {
			h := x.held[place{c.Namespace, c.Room}]
			if h.watched = !c.Ended; h.watched {
				close(h.effective)
			}
		}
	}
	for _, p := range places {
		h := x.held[p]
		switch h.changed = false; {
		case h.holders > 0 != h.watched:
			h.changed = true
			x.changed = append(x.changed, p)
		case h.holders == 0:
			delete(x.held, p)
		}
	}
}

// subscribes reports whether joining a room may have to wait for the bus.
func (a *Adapter) subscribes() bool { return a.rooms.holds != nil }

// Subscribed waits until messages that other nodes send to these rooms of this node arrive here: at once unless the bus
// subscribes to rooms, and at most Config.JoinTimeout. A room whose subscription takes longer is counted in Health; its
// messages arrive when the bus has caught up.
func (a *Adapter) Subscribed(ctx context.Context, rooms ...string) {
	if !a.subscribes() {
		return
	}
	x := &a.engine.interest
	var waiting []<-chan struct{}
	x.mu.Lock()
	for _, room := range rooms {
		if h := x.held[place{a.name, room}]; h != nil {
			waiting = append(waiting, h.effective)
		}
	}
	x.mu.Unlock()
	a.await(ctx, waiting)
}

// Expect prepares for a member that is about to be added and to join rooms, so that nothing is missed from the moment it is
// there. It waits until the engine follows the log. It subscribes to the rooms and to the room of the member's id. It stores
// the session, if there is one, in a log that is Shared. It waits at most for Config.JoinTimeout. Call release after Add and
// Join, or when the member is not added.
func (a *Adapter) Expect(ctx context.Context, m Member, rooms ...string) (release func()) {
	var waiting []<-chan struct{}
	var places []place
	if a.subscribes() {
		places = append(places, place{a.name, m.ID()})
		waiting = append(waiting, a.engine.interest.hold(places[0], true))
		for _, room := range rooms {
			if room != m.ID() {
				places = append(places, place{a.name, room})
				waiting = append(waiting, a.engine.interest.hold(place{a.name, room}, false))
			}
		}
	}
	if a.stream != nil {
		if stored := a.stream.expect(ctx, m); stored != nil {
			waiting = append(waiting, stored)
		}
	}
	a.await(ctx, waiting)
	return func() {
		for _, p := range places {
			a.engine.interest.release(p)
		}
		if a.stream != nil {
			a.stream.unexpect(m)
		}
	}
}

// await waits until all are closed, or for as long as a join may take.
func (a *Adapter) await(ctx context.Context, waiting []<-chan struct{}) {
	var late *time.Timer
	for i, effective := range waiting {
		select {
		case <-effective:
			continue
		default:
		}
		if late == nil {
			late = time.NewTimer(a.engine.config.JoinTimeout)
			defer late.Stop()
		}
		select {
		case <-effective:
			continue
		case <-late.C:
		case <-ctx.Done():
		}
		a.engine.counters.degraded.Add(int64(len(waiting) - i))
		return
	}
}
