package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/parser"
)

func newSocket(c *connection, nsp *Namespace, auth []byte) *Socket {
	s := &Socket{
		id:        c.socketID(nsp.name),
		session:   c.session,
		nsp:       nsp,
		conn:      c,
		handshake: Handshake{auth: json.RawMessage(auth), request: c.session.Request(), decoding: &c.server.authDecoding},
	}
	s.ctx, s.cancel = context.WithCancelCause(c.server.base)
	return s
}

// open finds the namespace, runs the middlewares and connects the socket, on its worker.
func (s *Socket) open() {
	if err := s.enter(); err != nil {
		s.refuse(err)
		return
	}
	session := s.restore()
	// All before the first runs: those that one adds are for the next socket.
	middlewares := registered(s.nsp, func(r *registry) *chain[func(context.Context, *Socket) error] { return &r.middlewares })
	onConnection := registered(s.nsp, func(r *registry) *chain[func(context.Context, *Socket) error] { return &r.connection })
	if session != nil && s.nsp.server.opts.skipMiddlewares() {
		middlewares = nil
	}
	for _, middleware := range middlewares {
		if err := s.protect("middleware", func() error { return (*middleware)(s.ctx, s) }); err != nil {
			s.refuse(err)
			s.abandon(session)
			return
		}
		if !s.live() {
			s.abandon(session)
			return
		}
	}
	err := s.identify()
	if err != nil {
		s.refuse(err)
		s.abandon(session)
		return
	}
	err = s.connect(session)
	switch {
	case err == nil:
	case session != nil && !errors.Is(err, ErrClosed):
		// A refusal would keep the client away; a lost connection brings it back, as a new socket.
		s.recoveryFailed(err)
		session.Cancel(false, nil)
		s.conn.session.Abort(engineio.ForcedClose, err)
		return
	default:
		s.refuse(err)
		s.abandon(session)
		return
	}
	for _, f := range onConnection {
		if err := s.protect("connection", func() error { return (*f)(s.ctx, s) }); err != nil {
			if !isPanic(err) {
				s.warn(refusedByHandler, none+"it returned the error", err)
			}
			s.leave(false, err, nil)
			return
		}
	}
}

// enter finds the namespace that the client asked for, which a parent may have to make. From then on the namespace
// counts the socket, until ended.
func (s *Socket) enter() error {
	server := s.conn.server
	n, made := server.find(s.nsp.name, true), false
	if n == nil {
		var err error
		if n, made, err = s.adopt(); err != nil {
			return err
		}
	}
	s.conn.mu.Lock()
	s.nsp, s.entered = n, true
	removed := n.removed.Load() // if not, RemoveNamespace will find the socket here
	s.conn.mu.Unlock()
	if made {
		_ = s.protect("namespace", func() error { server.announce(n); return nil }) // logged by protect
	}
	if removed {
		return errInvalidNamespace
	}
	select {
	case <-n.ready:
		return nil
	default:
	}
	select {
	case <-n.ready:
		return nil
	case <-s.ctx.Done():
		return ErrClosed
	}
}

// adopt asks the parents for the namespace that the client wants, on the socket's worker.
func (s *Socket) adopt() (n *Namespace, made bool, err error) {
	name := s.nsp.name
	for _, p := range s.conn.server.parentList() {
		taken := false
		err := s.protect("namespace", func() (err error) {
			taken, err = p.match(s.ctx, name, s.handshake.auth)
			return err
		})
		switch {
		case err != nil:
			return nil, false, err
		case s.ctx.Err() != nil:
			return nil, false, ErrClosed // nobody to make it for
		case taken:
			return s.conn.server.makeNamespace(name, p, true)
		}
	}
	return nil, false, errInvalidNamespace
}

// identify asks the application whose connection it is, when its middlewares have let the socket pass, and counts it.
func (s *Socket) identify() error {
	server := s.conn.server
	limit := server.opts.MaxConnectionsPerUser
	if limit == unlimited {
		return nil
	}
	var user string
	if err := s.protect("identify", func() error { user = s.User(); return nil }); err != nil || user == "" {
		return err
	}
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return ErrClosed
	case !server.users.enter(c, user, limit):
		server.counters.tooManyPerUser.Add(1)
		return errTooManyConnections
	}
	return nil
}

// connect lets the socket into its namespace and answers the client; session is nil for a new socket. It returns ErrClosed
// if the socket has disconnected while its middlewares ran.
func (s *Socket) connect(session *cluster.Return) error {
	var pid string
	if s.progress != nil {
		pid = s.progress.PID
	}
	reply, err := s.conn.marshalReply(struct {
		SID string `json:"sid"`
		PID string `json:"pid,omitempty"`
	}{s.id, pid})
	if err != nil {
		return err
	}
	if session != nil {
		if err := session.CatchUp(s.ctx); err != nil {
			if !s.live() {
				return ErrClosed
			}
			return fmt.Errorf("socketio: resuming a session: %w", err)
		}
	}
	c := s.conn
	c.mu.Lock()
	rooms := slices.Clone(s.rooms)
	c.mu.Unlock()
	release := s.nsp.adapter.Expect(s.ctx, (*member)(s), rooms...)
	defer release()
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.state == disconnected {
		return ErrClosed
	}
	// A member before the reply: who has seen the client connect may send to it.
	if session != nil {
		if err := s.resumeLocked(session); err != nil {
			return err
		}
	} else {
		s.nsp.adapter.Add((*member)(s))
	}
	if len(s.rooms) > 0 {
		if err := s.nsp.adapter.Join(s.id, s.rooms...); err != nil {
			s.exitLocked(ServerDisconnect)
			return err
		}
		s.rooms = nil
	}
	s.state, s.accepted = connected, true
	c.stopConnectTimerLocked()
	_ = c.send(&parser.Packet{Type: parser.Connect, Namespace: s.nsp.name, Data: reply}) // closed: Close follows
	return nil
}

// refuse ends a socket that is not let in. The client receives an *event.Error; of other errors it receives "internal".
func (s *Socket) refuse(err error) {
	s.warnRefused(err)
	why := err
	refusal := &event.Error{Message: event.Internal}
	if own := (*event.Error)(nil); errors.As(err, &own) && own != nil {
		refusal = own
	}
	var payload []byte
	err = s.protect("middleware", func() (err error) { // encoding the error's data may run code of the application
		payload, err = s.conn.marshalRefusal(refusal)
		return err
	})
	if err != nil {
		s.log("encoding a refusal", "middleware", err)
		payload, _ = s.conn.marshalRefusal(&event.Error{Code: refusal.Code, Message: refusal.Message}) // text only: it cannot fail
	}
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.state != disconnected {
		c.refuse(s.nsp.name, payload)
		s.closeLocked(&DisconnectError{Reason: ServerDisconnect, Err: why})
	}
}
