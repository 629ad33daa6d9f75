package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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
// node. MaxPackets and MaxBytes hold for the log in memory, which keeps sessions on this node; a log of Options.Adapter has
// its own, and sessions on all nodes.
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

	// OnFailed is called when a client that asked for its session gets a new one. The error is ErrUnknownSession,
	// ErrUnknownOffset, ErrQueueFull (the client missed more than its send queue takes), or an error of the log. It runs on
	// the socket's goroutine: before the middlewares if the server cannot read the session or the missed packets, after
	// them if resuming fails later. In the second case the connection is closed, and the client reconnects. Nil means that
	// nothing is called.
	OnFailed func(s *Socket, err error)
	// OnExpired is told the id of a socket whose session has ended for good: its client has not come back in time, or
	// was not let in again. It is for what the application keeps by id beyond OnDisconnect. Nil means that nobody is told.
	OnExpired func(id string)
}

// configure turns recovery on: in memory, unless there is a log.
func (r *Recovery) configure(c *cluster.Config) {
	if r == nil {
		return
	}
	if c.Log == nil {
		limits := cluster.MemoryLogLimits{MaxAge: r.MaxDisconnection, MaxPackets: r.MaxPackets, MaxBytes: r.MaxBytes}
		if r.MaxDisconnection > 0 {
			limits.MaxAge += unnoticed
		}
		c.Log = cluster.PrivateLog(limits)
	}
	if r.MaxDisconnection != 0 {
		c.MaxDisconnection = r.MaxDisconnection
	}
	if r.MaxSessions != 0 {
		c.MaxSessions = r.MaxSessions
	}
}

// unnoticed is how long a connection may be dead before its socket is suspended: what is sent into it is missed too. The
// default ping interval and timeout are 45 s together.
const unnoticed = time.Minute

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

// recovers reports whether sockets of the namespace can come back.
func (n *Namespace) recovers() bool { return n.adapter != nil && n.adapter.Recovers() }

// restore looks for the session that the client asks for, before the middlewares run. It returns nil when the socket is
// a new one.
func (s *Socket) restore() *cluster.Return {
	if !s.nsp.recovers() {
		return nil
	}
	s.progress = &cluster.Progress{PID: engineio.NewID()}
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
	session, err := s.nsp.adapter.Restore(s.ctx, pid, offset, s.conn.server.opts.SendQueueBytes)
	if err != nil {
		s.recoveryFailed(err)
		return nil
	}
	s.id, s.progress.PID, s.recovered = session.ID(), pid, true
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.restoreDataLocked(session.Data())
	s.rooms = session.Rooms()
	s.joined = len(s.rooms)
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

var (
	errSuperseded = errors.New("socketio: the client has come back on another connection")
	errLost       = errors.New("socketio: events for the client were lost")
)

// Data implements cluster.LocalSessions.
func (d deliverer) Data(m cluster.Member) json.RawMessage {
	s := socketOf(m)
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.marshalDataLocked()
}

// Supersede implements cluster.LocalSessions: the client is back before the server knew that it was gone.
func (d deliverer) Supersede(m cluster.Member) {
	c := socketOf(m).conn
	c.end(&DisconnectError{Reason: TransportClose, Err: errSuperseded})
	c.session.Abort(engineio.TransportClose, errSuperseded)
}

// Reset implements cluster.LocalSessions.
func (d deliverer) Reset(members []cluster.Member) {
	for _, m := range members {
		socketOf(m).session.Abort(engineio.TransportClose, errLost)
	}
}

// Expired implements cluster.LocalSessions.
func (d deliverer) Expired(id string) {
	d.nsp.server.opts.Recovery.expired(id, d.nsp.server.opts.Logger)
}

// resumeLocked lets a recovered socket into its rooms and sends what it has missed.
func (s *Socket) resumeLocked(session *cluster.Return) error {
	err := session.Enter((*member)(s), s.rooms, func(missed []*parser.Packet) error {
		for _, p := range missed {
			// A session that has closed is suspended again.
			if err := s.conn.send(p); errors.Is(err, ErrQueueFull) {
				return err // the next attempt would end in the same way
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, ErrQueueFull):
		return ErrQueueFull
	case err != nil:
		return fmt.Errorf("socketio: resuming a session: %w", err)
	}
	s.rooms = nil
	s.nsp.server.counters.recoveries.Add(1)
	return nil
}

// abandon is for a session that was claimed, if any, by a socket that has ended before it was connected. A client that has
// only lost its connection once more may try again.
func (s *Socket) abandon(session *cluster.Return) {
	if session == nil {
		return
	}
	s.conn.mu.Lock()
	again := s.state == disconnected && s.why.Reason.recoverable()
	data := s.marshalDataLocked()
	s.conn.mu.Unlock()
	session.Cancel(again, data)
}

// exitLocked takes a connected socket out of its namespace, and keeps its session where that makes sense.
func (s *Socket) exitLocked(reason Reason) {
	adapter := s.nsp.adapter
	if s.progress != nil && reason.recoverable() {
		s.rooms = adapter.Suspend((*member)(s), s.marshalDataLocked())
		return
	}
	s.rooms = adapter.Rooms(s.id)
	adapter.Remove(s.id)
}
