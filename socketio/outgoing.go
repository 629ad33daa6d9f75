package socketio

import (
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/parser"
)

// observed reports whether anybody listens to outgoing events. It is asked at each.
func (n *Namespace) observed() bool {
	for _, r := range n.registries {
		if len(r.outgoing.all()) > 0 {
			return true
		}
	}
	return n.watched.Load() > 0
}

// observe calls the listeners for an event that the socket alone is about to be sent.
func (s *Socket) observe(p *parser.Packet) {
	if s.nsp.observed() {
		s.sending((*event.Message)(message.Parse(p, nil, &s.nsp.server.toClients)))
	}
}

// sending calls the listeners for outgoing events. A panic of one has been logged by protect.
func (s *Socket) sending(m *event.Message) {
	tell := func(f func(*Socket, *event.Message)) {
		_ = s.protect(m.Name(), func() error { f(s, m); return nil })
	}
	for _, r := range s.nsp.registries {
		for _, f := range r.outgoing.all() {
			tell(*f)
		}
	}
	if own := s.own.Load(); own != nil {
		for _, f := range own.outgoing.all() {
			tell(*f)
		}
	}
}
