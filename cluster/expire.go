package cluster

import (
	"context"
	"slices"
	"time"
)

// A session ends unrestored on the node that has kept it last. That node drops it from the log when its time is up: if it
// was there nobody else has it, and the application is told.

// endLocked ends the session of a client that is away. If Expired is too slow the latest are not told.
func (x *sessions) endLocked(r *record) {
	x.forgetLocked(r)
	if r.claimed {
		return
	}
	e := ending{id: r.id}
	if r.stored || r.writing != nil {
		e.record = r
		x.goneLocked(r) // nobody claims it here until it is out of the log
	}
	x.noteLocked(e)
}

func (x *sessions) noteLocked(e ending) {
	switch {
	case len(x.ended) < x.limits().MaxSessions && !x.closed:
		x.ended = append(x.ended, e)
	case e.record != nil: // the log ends it
		delete(x.gone, e.record.pid)
	}
}

// unclaimed ends a session that was to be claimed when the log failed: it may be there still.
func (x *sessions) unclaimed(r *record) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.noteLocked(ending{id: r.id, record: r})
	x.armLocked()
}

// lost tells of a session that was claimed and is not restored.
func (x *sessions) lost(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.noteLocked(ending{id: id})
	x.armLocked()
}

// armLocked sees to it that expire runs when there is something for it to do.
func (x *sessions) armLocked() {
	if x.expiring || x.closed { // it will do so at its end
		return
	}
	var wait time.Duration
	if len(x.ended) == 0 {
		first := x.away.Front()
		if first == nil {
			return // an armed timer finds nothing to do
		}
		wait = time.Until(first.Value.(*record).expires)
	}
	if x.expirer == nil {
		x.expirer = time.AfterFunc(wait, func() {
			defer x.stream.engine.guard("ending sessions")
			x.stream.engine.spawn("ending sessions", x.expire)
		})
	} else {
		x.expirer.Reset(wait)
	}
}

// expire ends the sessions whose time has come, and tells of all that have ended.
func (x *sessions) expire() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.expiring {
		return
	}
	for !x.closed {
		now := time.Now()
		for first := x.away.Front(); first != nil && !now.Before(first.Value.(*record).expires); first = x.away.Front() {
			x.endLocked(first.Value.(*record))
		}
		if len(x.ended) == 0 {
			x.armLocked()
			return
		}
		ended := x.ended
		x.ended, x.expiring = nil, true
		x.tell(ended)
		x.expiring = false
	}
}

// tell drops sessions from the log and tells of them, without the lock, which its caller holds.
func (x *sessions) tell(ended []ending) {
	x.mu.Unlock()
	defer x.mu.Lock()
	ended = slices.DeleteFunc(ended, func(e ending) bool { return e.record != nil && !x.dropExpired(e.record) })
	for _, e := range ended { // which may take its time
		x.expired(e.id)
	}
}

func (x *sessions) expired(id string) {
	defer x.stream.engine.guard("OnExpired")
	x.stream.adapter.local.Expired(id)
}

// dropExpired reports whether a session was still in the log. A log that does not answer ends it by itself.
func (x *sessions) dropExpired(r *record) bool {
	e := x.stream.engine
	defer x.out(r)
	for attempt := 0; attempt < 5; attempt++ {
		ctx, cancel := context.WithTimeout(e.ctx, e.config.RequestTimeout)
		x.mu.Lock()
		writing := r.writing
		x.mu.Unlock()
		_ = settled(ctx, writing) // if not, the log says so
		dropped, err := x.stream.log.Drop(ctx, x.stream.adapter.name, r.pid, r.generation)
		cancel()
		if err == nil {
			return dropped
		}
		if !e.pause(e.ctx, attempt) {
			return false
		}
	}
	return false
}

// settled waits until a channel is closed. Nil counts as closed.
func settled(ctx context.Context, done <-chan struct{}) error {
	if done == nil {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
