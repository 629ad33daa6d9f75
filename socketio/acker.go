package socketio

import (
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/parser"
)

// acker is a socket in its role as message.Acker, and message.Runner.
type acker Socket

// Acknowledge sends the answer to an event.
func (a *acker) Acknowledge(id uint64, data []byte, attachments [][]byte) error {
	if !(*Socket)(a).live() {
		return ErrClosed
	}
	return a.conn.send(&parser.Packet{
		Type: parser.Ack, Namespace: a.nsp.name, ID: id, HasID: true, Data: data, Attachments: attachments,
	})
}

// Run runs a handler beside the socket's order. Beyond as many as the inbox holds, it runs in order.
func (a *acker) Run(incoming *message.Message, f func() error) {
	s, m := (*Socket)(a), (*event.Message)(incoming)
	c := s.conn
	c.mu.Lock()
	beside := int(c.concurrent) < c.server.opts.InboxPackets
	if beside {
		c.concurrent++
		s.concurrent++
	}
	c.mu.Unlock()
	if beside {
		go s.runBeside(m, f)
	} else {
		s.failed(m, s.protect(m.Name(), f))
	}
}

func (s *Socket) runBeside(m *event.Message, f func() error) {
	defer s.besideEnded()
	defer func() {
		if fault := recover(); fault != nil {
			s.fault(fault)
		}
	}()
	s.failed(m, s.protect(m.Name(), f))
}

// besideEnded finishes the socket if the worker has left that to the last handler.
func (s *Socket) besideEnded() {
	c := s.conn
	c.mu.Lock()
	c.concurrent--
	s.concurrent--
	last := s.worked && s.concurrent == 0
	c.mu.Unlock()
	if last {
		s.finish()
	}
}
