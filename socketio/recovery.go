package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/guard"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// Recovery turns connection state recovery on: a client that has lost its connection and comes back in time gets its
// socket's id, rooms and data back, and the events that it has missed, in order and once. Events with an acknowledgement
// and volatile ones are not kept. Official clients of version 4.6 and later do their part by themselves; each event
// carries an offset for them, as an argument behind its own.
//
// For every limit zero means the default and a negative value no limit. The limits are those of each namespace on this
// node, and hold for the in-memory adapter; another adapter has its own.
type Recovery struct {
	// MaxDisconnection is how long a client may be away. Zero means 2 minutes.
	MaxDisconnection time.Duration
	// MaxPackets bounds the events that are kept. Zero means 10,000.
	MaxPackets int
	// MaxBytes bounds the size of the events that are kept. Zero means 64 MiB.
	MaxBytes int
	// MaxSessions bounds the clients that are away. Zero means 100,000.
	MaxSessions int

	// SkipMiddlewares lets a recovered socket in without running the middlewares again. False runs them: who was let in
	// two minutes ago need not be welcome now.
	SkipMiddlewares bool

	// OnFailed is told why a client that asked for its session gets a new one: ErrUnknownSession,
	// ErrUnknownOffset, ErrQueueFull (it has missed more than its send queue takes), or the adapter's error. It
	// runs on the socket's goroutine, before the middlewares when they are not to see the session. Nil means that nobody
	// is told.
	OnFailed func(s *Socket, err error)
	// OnExpired is told the id of a socket whose session has ended for good: its client has not come back in time, or
	// was not let in again. It is for what the application keeps by id beyond OnDisconnect. Nil means that nobody is told.
	OnExpired func(id string)
}

// adapter returns the in-memory adapter with these limits.
func (r *Recovery) adapter(log *slog.Logger) cluster.Factory {
	var expired func(id string)
	if r.OnExpired != nil {
		expired = func(id string) { r.expired(id, log) }
	}
	return cluster.Recoverable(cluster.RecoveryLimits{
		MaxDisconnection: r.MaxDisconnection,
		MaxPackets:       r.MaxPackets,
		MaxBytes:         r.MaxBytes,
		MaxSessions:      r.MaxSessions,
		OnExpired:        expired,
	})
}

// expired calls OnExpired.
func (r *Recovery) expired(id string, log *slog.Logger) {
	if r == nil || r.OnExpired == nil {
		return
	}
	defer func() {
		if value := recover(); value != nil {
			guard.Log(log, "panic in OnExpired", value)
		}
	}()
	r.OnExpired(id)
}

// recovery is a socket's part in connection state recovery.
type recovery struct {
	pid       string          // secret: shows that a client is the one that had the session
	recovered bool            // the session is an earlier socket's
	joined    cluster.Ordinal // where the session began
	received  cluster.Ordinal // the last recoverable packet in the socket's queue; the adapter's lock guards it
}

// restore looks for the session that the client asks for, before the middlewares run. It returns nil when the socket is
// a new one.
func (s *Socket) restore() *cluster.Leftover {
	r := s.nsp.recoverer
	if r == nil {
		return nil
	}
	s.recovery.pid = engineio.NewID()
	if s.conn.eio3 { // it has never been told its pid
		return nil
	}
	pid, offset, err := s.handshake.session()
	switch {
	case err != nil:
		s.recoveryFailed(err)
		return nil
	case pid == "":
		return nil
	}
	s.nsp.supersede(pid)
	session, err := r.Take(s.ctx, pid, offset)
	if err != nil {
		s.recoveryFailed(err)
		return nil
	}
	s.id, s.recovery.pid, s.recovery.recovered = session.ID, session.PID, true
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if data, ok := session.Data.(map[any]any); ok {
		s.data = data
	}
	s.rooms, s.joined = slices.Clone(session.Rooms), len(session.Rooms)
	return session
}

// session returns what a client that wants its session back has put in front of its own auth payload: the pid, empty if
// there is none, and the offset, empty if it has seen none.
func (h *Handshake) session() (pid, offset string, err error) {
	var auth map[string]json.RawMessage // not a struct: the application may have a field "PID" of its own
	if h.auth == nil || payload.Unmarshal(h.auth, nil, &auth) != nil || payload.Unmarshal(auth["pid"], nil, &pid) != nil {
		return "", "", nil
	}
	if raw, ok := auth["offset"]; ok && payload.Unmarshal(raw, nil, &offset) != nil {
		return "", "", ErrUnknownOffset
	}
	return pid, offset, nil
}

// recoveryFailed tells the application.
func (s *Socket) recoveryFailed(err error) {
	s.nsp.server.counters.failedRecoveries.Add(1)
	options := s.nsp.server.opts.Recovery
	if options == nil || options.OnFailed == nil {
		s.nsp.server.opts.Logger.Debug("recovery failed", slog.String("nsp", s.nsp.name), slog.Any("err", err))
		return
	}
	_ = s.protect("recovery", func() error { options.OnFailed(s, err); return nil }) // logged by protect
}

// supersede ends the socket that still has this session: its client is back before the server knew that it was gone.
func (n *Namespace) supersede(pid string) {
	n.mu.RLock()
	old := n.live[pid]
	n.mu.RUnlock()
	if old == nil {
		return
	}
	old.conn.end(&DisconnectError{Reason: TransportClose, Err: errSuperseded})
	old.conn.session.Abort(engineio.TransportClose, errSuperseded)
}

var errSuperseded = errors.New("socketio: the client has come back on another connection")

// enterLocked lets the socket into its namespace: as a new member, or into its rooms and with what it has missed.
func (s *Socket) enterLocked(session *cluster.Leftover) error {
	n := s.nsp
	if n.recoverer == nil {
		n.adapter.Add((*member)(s))
		return nil
	}
	// Whoever comes with this session from now on finds the socket, and waits for the lock of its connection.
	n.mu.Lock()
	if n.live == nil {
		n.live = map[string]*Socket{}
	}
	n.live[s.recovery.pid] = s
	n.mu.Unlock()
	if session == nil {
		s.recovery.joined = n.recoverer.Enter((*member)(s))
		return nil
	}
	if err := s.resumeLocked(session); err != nil {
		n.leave(s)
		return err
	}
	n.server.counters.recoveries.Add(1)
	return nil
}

// resumeLocked lets a recovered socket into its rooms and sends what it has missed.
func (s *Socket) resumeLocked(session *cluster.Leftover) error {
	// What was sent to the rooms that a middleware has left is not for this client any more.
	session.Rooms = slices.DeleteFunc(slices.Clone(session.Rooms), func(room string) bool { // the earlier socket has the old ones
		return !slices.Contains(s.rooms, room)
	})
	var full error
	err := s.nsp.recoverer.Resume((*member)(s), session, func(missed []*parser.Packet) {
		for _, p := range missed {
			// A session that has closed is suspended again.
			if err := s.conn.send(p); errors.Is(err, ErrQueueFull) {
				full = err
				return
			}
		}
	})
	switch {
	case err != nil:
		return fmt.Errorf("socketio: resuming a session: %w", err)
	case full != nil:
		s.nsp.adapter.Remove(s.id) // the next attempt would end in the same way: the session cannot be kept
		return full
	}
	s.recovery.joined = session.Joined
	return nil
}

// leave forgets a socket that supersede need not find any more.
func (n *Namespace) leave(s *Socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.live[s.recovery.pid] == s {
		delete(n.live, s.recovery.pid)
	}
}

// expired tells that a session that was taken does not go on.
func (n *Namespace) expired(session *cluster.Leftover) {
	n.server.opts.Recovery.expired(session.ID, n.server.opts.Logger)
}

// abandon is for a session that was taken, if any, by a socket that has ended before it was connected. A client that has
// only lost its connection once more may try again.
func (s *Socket) abandon(session *cluster.Leftover) {
	n := s.nsp
	if session == nil {
		return
	}
	s.conn.mu.Lock()
	again := s.state == disconnected && s.why.Reason.recoverable()
	data := maps.Clone(s.data)
	s.conn.mu.Unlock()
	if !again {
		n.expired(session)
		return
	}
	if err := n.recoverer.Resume((*member)(s), session, func([]*parser.Packet) {}); err != nil {
		s.recoveryFailed(err)
		return
	}
	n.recoverer.Suspend(&cluster.Leftover{ID: session.ID, PID: session.PID, Data: data, Joined: session.Joined})
}

// exitLocked takes a connected socket out of its namespace, and keeps its session where that makes sense.
func (s *Socket) exitLocked(reason Reason) {
	n := s.nsp
	if n.recoverer == nil {
		s.rooms = n.adapter.Rooms(s.id)
		n.adapter.Remove(s.id)
		return
	}
	defer n.leave(s) // at last: until the session is kept, its client finds the socket
	if !reason.recoverable() {
		s.rooms = n.adapter.Rooms(s.id)
		n.adapter.Remove(s.id)
		return
	}
	session := &cluster.Leftover{ID: s.id, PID: s.recovery.pid, Data: maps.Clone(s.data), Joined: s.recovery.joined}
	n.recoverer.Suspend(session)
	s.rooms = session.Rooms
}
