package cluster

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
)

// storeLocked sees to it that a session is stored, after a while.
func (x *sessions) storeLocked(r *record, after time.Duration) {
	if !r.dirty {
		r.dirty = true
		x.dirty = append(x.dirty, r)
	}
	switch {
	case x.working:
	case after == 0:
		x.workLocked()
	case x.timer == nil:
		x.timer = time.AfterFunc(after, func() {
			defer x.stream.engine.guard("storing sessions")
			x.mu.Lock()
			defer x.mu.Unlock()
			x.timer = nil
			x.workLocked()
		})
	}
}

func (x *sessions) workLocked() {
	if !x.working {
		x.working = x.stream.engine.spawn("storing sessions", x.storeAll)
	}
}

// storeAll stores and drops sessions until there is nothing more to do.
func (x *sessions) storeAll() {
	for attempt := 0; ; {
		drops, batch := x.take()
		if drops == nil && batch == nil {
			return
		}
		for _, d := range drops {
			x.dropFromLog(d)
		}
		if len(batch) == 0 {
			continue
		}
		if x.store(batch) {
			attempt = 0
			continue
		}
		if !x.stream.engine.pause(x.stream.engine.ctx, attempt) {
			return
		}
		attempt++
	}
}

// take returns what is to be done. When there is nothing the work is over.
func (x *sessions) take() (drops []pendingDrop, batch []*record) {
	const most = 128
	x.mu.Lock()
	defer x.mu.Unlock()
	drops, x.dropping = x.dropping, nil
	for len(x.dirty) > 0 && len(batch) < most {
		r := x.dirty[0]
		x.dirty[0] = nil
		x.dirty = x.dirty[1:]
		r.dirty = false
		if r.ended || r.claimed {
			continue
		}
		r.writing = make(chan struct{})
		batch = append(batch, r)
	}
	if len(drops) == 0 && len(batch) == 0 {
		x.dirty, x.working = nil, false
	}
	return drops, batch
}

// store writes sessions to the log. It reports false if some of them have to be written again.
func (x *sessions) store(batch []*record) (ok bool) {
	e := x.stream.engine
	var states []*Session
	batch = slices.DeleteFunc(batch, func(r *record) bool {
		s := x.state(r)
		if s == nil {
			x.mu.Lock()
			defer x.mu.Unlock()
			close(r.writing)
			r.writing = nil
			return true
		}
		states = append(states, s)
		return false
	})
	ctx, cancel := context.WithTimeout(e.ctx, e.config.RequestTimeout)
	defer cancel()
	errs := x.keep(ctx, states)
	var first error
	var claimed []Member
	x.mu.Lock()
	for i, r := range batch {
		var err error
		if i < len(errs) {
			err = errs[i]
		}
		close(r.writing)
		r.writing, r.stored = nil, true
		if err == nil {
			r.version = states[i].Version // not before: a log may refuse what is not there and is not the first
			select {
			case <-r.first:
			default:
				close(r.first)
			}
		}
		switch {
		case err == nil || r.ended:
		case errors.Is(err, ErrSessionClaimed):
			if r.claimed = true; r.member != nil {
				claimed = append(claimed, r.member)
			}
		default:
			first = err
			if !r.dirty {
				r.dirty = true
				x.dirty = append(x.dirty, r)
			}
		}
	}
	x.mu.Unlock()
	for _, m := range claimed {
		x.supersede(m)
	}
	if first != nil {
		e.log.Warn("storing sessions", slog.String("nsp", x.stream.adapter.name), slog.Any("err", first))
	}
	return first == nil
}

// keep hands sessions to the log. A log that panics is one that fails.
func (x *sessions) keep(ctx context.Context, states []*Session) (errs []error) {
	failed := errors.New("cluster: the log has panicked")
	for range states {
		errs = append(errs, failed)
	}
	defer x.stream.engine.guard("storing sessions")
	errs = x.stream.log.Keep(ctx, states)
	return errs
}

func (x *sessions) supersede(m Member) {
	defer x.stream.engine.guard("ending a superseded socket")
	x.stream.adapter.local.Supersede(m)
}

// state returns a session as it is now, or nil when it has ended.
func (x *sessions) state(r *record) *Session {
	x.mu.Lock()
	m, latest, version := r.member, r.latest, r.version+1
	x.mu.Unlock()
	if m == nil && latest == nil {
		return nil
	}
	var s Session
	grace := 10 * time.Second // the node that has it ends it on time; the log does so when that node is gone
	if m == nil {
		s = *latest
	} else {
		s = x.stream.snapshot(m)
		s.Data = x.stream.adapter.local.Data(m)
		grace = x.limits().MaxDisconnection / 3 // until it is stored again
	}
	s.Generation, s.Version = r.generation, version
	s.TTL = x.limits().MaxDisconnection + grace
	return &s
}

func (x *sessions) dropFromLog(d pendingDrop) {
	e := x.stream.engine
	if d.then != nil {
		defer d.then()
	}
	defer x.out(d.record)
	defer e.guard("dropping a session")
	ctx, cancel := context.WithTimeout(e.ctx, e.config.JoinTimeout)
	defer cancel()
	if _, err := x.stream.log.Drop(ctx, x.stream.adapter.name, d.record.pid, d.record.generation); err != nil {
		e.log.Warn("dropping a session", slog.String("nsp", x.stream.adapter.name), slog.Any("err", err))
	}
}
