package main

import (
	"context"
	"strings"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// clients returns the server for tests with real clients of every version. In the namespaces "/" and "/other" an event
// tells the server what to do. "/refusing" refuses a client whose auth payload asks for it. When a socket disconnects, the
// others in its namespace receive the reason.
func clients(o socketio.Options) (profile, error) {
	io, err := socketio.New(&o)
	if err != nil {
		return profile{}, err
	}
	for _, name := range []string{"/", "/other"} {
		serveClients(io.Of(name))
	}
	io.Of("/refusing").Use(func(_ context.Context, s *socketio.Socket) error {
		// Clients of Socket.IO 2 send a query in place of the payload; its values are text.
		var auth struct {
			Code    any `json:"code"`
			Quietly any `json:"quietly"`
		}
		if err := s.Handshake().ScanAuth(&auth); err != nil || auth.Code == nil && auth.Quietly == nil {
			return err
		}
		if auth.Quietly != nil {
			return &event.Error{Message: "refused"}
		}
		return &event.Error{Message: "refused", Data: map[string]any{"code": auth.Code}}
	})
	return profile{"/socket.io/", io, io.Shutdown}, nil
}

func serveClients(n *socketio.Namespace) {
	n.OnDisconnect(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) {
		_ = n.Emit("gone", s.ID(), reason) // at the end no client is left
	})
	n.On("echo", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		return s.Emit("echo", m.Raws()...)
	})
	n.On("ack", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
		return m.Ack(m.Raws()...)
	})
	// The server asks the client, and sends the answer back to it.
	n.On("ask", func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
		answer, err := s.EmitWithAck(ctx, "question", m.Raws()...)
		if err != nil {
			return err
		}
		return s.Emit("answer", answer.Raws()...)
	})
	n.On("who", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		h := s.Handshake()
		query := map[string]string{}
		for name, values := range h.Query() {
			query[name] = values[0]
		}
		return m.Ack(map[string]any{"id": s.ID(), "auth": h.Auth(), "query": query, "transport": s.Transport()})
	})
	n.On("many", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		var count int
		if err := m.Scan(&count); err != nil {
			return err
		}
		for i := range count {
			if err := s.Emit("many", i); err != nil {
				return err
			}
		}
		return nil
	})
	n.On("text", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		var length int
		if err := m.Scan(&length); err != nil {
			return err
		}
		return s.Emit("text", strings.Repeat("x", length))
	})
	n.On("leave", func(_ context.Context, s *socketio.Socket, _ *event.Message) error {
		s.Disconnect(false)
		return nil
	})
	n.On("close", func(_ context.Context, s *socketio.Socket, _ *event.Message) error {
		s.Disconnect(true)
		return nil
	})
}
