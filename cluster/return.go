package cluster

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/parleyio/parley/parser"
)

// Return is a session that was claimed, on its way back to a member. It ends with Enter or Cancel.
type Return struct {
	// Immutable after construction.
	stream  *stream
	session *Session
	rooms   map[string]struct{} // of the session, its own id among them
	limit   int                 // in bytes, of what was missed
	record  *record             // since CatchUp

	// Owned by the caller.
	at       Position // how far the log was read
	missed   []missedPacket
	bytes    int
	received Position // the last packet that the client has or will have; or any before, from which it has all
	full     bool     // it has missed more than the limit

	// stream.mu guards the fields below.
	over    bool           // it has been entered, or has failed, or was cancelled
	live    []missedPacket // delivered since CatchUp has begun
	lost    bool           // entries are gone
	reached chan struct{}  // closed when this node has delivered everything up to at; nil unless it is awaited
}

// missedPacket is a packet with its offset.
type missedPacket struct {
	packet *parser.Packet
	target *Target
	at     Position
}

// begin finds the position behind which the client has missed packets.
func (r *Return) begin(offset string) error {
	session := r.session
	has := session.Joined
	if offset != "" {
		at, ok := r.stream.log.ParseOffset(offset)
		if !ok {
			return ErrUnknownOffset
		}
		// Clients keep the offset of an earlier session until they get another; what came before this session is not part
		// of it.
		if at.Compare(has) > 0 {
			has = at
		}
	}
	r.at, r.received = has, has
	// A client that has the last packet that was meant for it has missed nothing up to the moment at which that was known,
	// however long ago that packet was. Any other needs all packets behind its offset.
	if has.Compare(session.Received) >= 0 && session.Until.Compare(has) > 0 {
		r.at = session.Until
	}
	return nil
}

// read goes on through the log until its end. A client that has missed too much need not know how much.
func (r *Return) read(ctx context.Context) error {
	const page = 256
	for !r.full {
		entries, err := r.stream.log.Read(ctx, r.stream.adapter.name, r.at, page)
		if err != nil {
			return err
		}
		for i := range entries {
			e := &entries[i]
			r.at = e.Position
			if r.selects(e) {
				r.add(missedPacket{r.stream.withOffset(e), e.Target, e.Position})
			}
		}
		if len(entries) < page {
			return nil
		}
	}
	return nil
}

// add notes a packet that was missed.
func (r *Return) add(m missedPacket) {
	r.missed = append(r.missed, m)
	r.bytes += len(m.packet.Data)
	for _, attachment := range m.packet.Attachments {
		r.bytes += len(attachment)
	}
	r.full = r.limit > 0 && r.bytes > r.limit
}

// selects reports whether an entry was meant for a member of the session's rooms.
func (r *Return) selects(e *Entry) bool {
	if e.Target.Local && e.Node != r.session.Node {
		return false
	}
	return selects(e.Target, func(room string) bool {
		_, ok := r.rooms[room]
		return ok
	})
}

// selects reports whether a target selects a member that is in these rooms, its own id among them.
func selects(t *Target, in func(room string) bool) bool {
	return (t.Everyone || slices.ContainsFunc(t.Rooms, in)) && !slices.ContainsFunc(t.Except, in)
}

// putLocked takes an entry that is delivered while the member is coming back. The lock of the stream is held.
func (r *Return) putLocked(e *Entry, p *parser.Packet) {
	const most = 1 << 16
	if !r.selects(e) {
		return
	}
	if len(r.live) >= most {
		r.lost = true // it takes too long
		return
	}
	r.live = append(r.live, missedPacket{p, e.Target, e.Position})
}

// ID, Rooms and Data are those of the session.
func (r *Return) ID() string            { return r.session.ID }
func (r *Return) Rooms() []string       { return slices.Clone(r.session.Rooms) }
func (r *Return) Data() json.RawMessage { return r.session.Data }

// CatchUp finds what has been sent since Restore, and stores the session as this node's. It is called once, before Enter,
// without locks. Its errors are those of Restore. Enter or Cancel must follow.
func (r *Return) CatchUp(ctx context.Context) error {
	s := r.stream
	if s.adapter.closed.Load() {
		return ErrClosed
	}
	ctx, cancel := s.engine.deadline(ctx)
	defer cancel()
	// What was delivered before is read, what is delivered from here on comes by putLocked: nothing falls between.
	s.mu.Lock()
	s.returning = append(s.returning, r)
	s.mu.Unlock()
	r.keep(ctx)
	if err := r.read(ctx); err != nil {
		return err
	}
	// This node may not have delivered what was read already.
	s.mu.Lock()
	var reached chan struct{}
	if s.end.Compare(r.at) < 0 && !r.lost {
		reached = make(chan struct{})
		r.reached = reached
	}
	s.mu.Unlock()
	if reached == nil {
		return nil
	}
	select {
	case <-reached:
		return nil
	case <-s.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keep stores the session as this node's, so that it can be claimed again wherever the client comes back next.
func (r *Return) keep(ctx context.Context) {
	s := r.stream
	session := *r.session
	session.Node = s.engine.id
	r.record = s.sessions.add(&record{
		pid: session.PID, id: session.ID, generation: session.Generation, latest: &session,
		expires: time.Now().Add(s.engine.config.MaxDisconnection),
	})
	if s.shared {
		s.adapter.await(ctx, []<-chan struct{}{r.record.first})
	}
}

// lookLocked lets those that are coming back know how far this node has come.
func (s *stream) lookLocked() {
	for _, r := range s.returning {
		if r.reached != nil && (r.lost || s.end.Compare(r.at) >= 0) {
			close(r.reached)
			r.reached = nil
		}
	}
}

// Enter adds m with the restored session. m joins each room of the session that rooms also lists. Deliver is called once,
// with the packets that it has missed, each with its offset, at a moment at which no other packet can come between them and
// those that follow; it waits for nothing and calls nothing of the adapter. The packets are those behind the client's offset
// that were meant for the rooms of the session.
//
// It returns ErrUnknownOffset when the packets are no longer there, ErrUnknownSession when the client has come back
// elsewhere meanwhile, ErrQueueFull for more than the limit of Restore and ErrClosed after Close, and has then not called
// deliver; or the error of deliver. Then the session is over. It may be called with the locks of the member held.
func (r *Return) Enter(m Member, rooms []string, deliver func(missed []*parser.Packet) error) error {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	r.leaveLocked()
	r.over = true
	switch {
	case s.adapter.closed.Load():
		return ErrClosed
	case r.lost:
		return r.failed(ErrUnknownOffset)
	}
	for _, live := range r.live {
		if live.at.Compare(r.at) > 0 {
			r.add(live)
		}
	}
	left := r.leftOut(rooms)
	var missed []*parser.Packet
	for _, p := range r.missed {
		if len(left) == 0 || selects(p.target, func(room string) bool {
			_, in := r.rooms[room]
			_, out := left[room]
			return in && !out
		}) {
			missed = append(missed, p.packet)
			r.received = p.at
		}
	}
	err := ErrQueueFull
	if !r.full {
		if !s.sessions.attach(r.record, m) {
			return ErrUnknownSession
		}
		err = deliver(missed)
	}
	if err != nil {
		return r.failed(err)
	}
	progress := m.Progress()
	progress.joined, progress.received, progress.entered = r.session.Joined, r.received, true
	progress.record = r.record
	s.replaceLocked(s.adapter.rooms.add(m))
	return s.adapter.rooms.join(r.session.ID, rooms)
}

// failed ends the session, which cannot be resumed, and returns the reason.
func (r *Return) failed(reason error) error {
	x := &r.stream.sessions
	x.drop(r.record, nil)
	x.lost(r.session.ID)
	return reason
}

// leftOut returns the rooms of the session that are not among these.
func (r *Return) leftOut(rooms []string) map[string]struct{} {
	var left map[string]struct{}
	for _, room := range r.session.Rooms {
		if !slices.Contains(rooms, room) {
			if left == nil {
				left = map[string]struct{}{}
			}
			left[room] = struct{}{}
		}
	}
	return left
}

// leaveLocked ends the watching of what is delivered.
func (r *Return) leaveLocked() {
	s := r.stream
	s.returning = slices.DeleteFunc(s.returning, func(other *Return) bool { return other == r })
}

// Cancel ends a session that is not resumed; after Enter it does nothing. With again the session is kept for one more
// attempt, with this data, because its client has only lost its connection once more. Cancel waits until the session is
// stored, at most for Config.JoinTimeout.
func (r *Return) Cancel(again bool, data json.RawMessage) {
	s := r.stream
	s.mu.Lock()
	r.leaveLocked()
	over := r.over
	r.over = true
	s.mu.Unlock()
	if over {
		return
	}
	if !again || s.adapter.closed.Load() {
		if r.record != nil {
			s.sessions.drop(r.record, nil)
		}
		s.sessions.lost(r.session.ID)
		return
	}
	session := *r.session
	session.Data, session.Node = data, s.engine.id
	if r.record == nil {
		r.record = s.sessions.add(&record{pid: session.PID, id: session.ID, generation: session.Generation, latest: &session})
	}
	s.sessions.suspend(r.record, &session)
	if s.shared {
		s.adapter.await(s.ctx, []<-chan struct{}{r.record.first})
	}
}

// Adapter returns the adapter that has claimed the session.
func (r *Return) Adapter() *Adapter { return r.stream.adapter }
