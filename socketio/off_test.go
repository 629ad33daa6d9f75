package socketio_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// TestRegistrations_off: each registration is taken back by its own off, which may be called several times at once and
// removes nothing else.
func TestRegistrations_off(t *testing.T) {
	type (
		socket  = socketio.Socket
		message = event.Message
	)
	for name, tt := range map[string]struct {
		on      func(n *node, s *socket, f func()) (off func())
		trigger func(n *node, c *client)
	}{
		"Server.Use": {func(n *node, _ *socket, f func()) func() {
			return n.Use(func(context.Context, *socket) error { f(); return nil })
		}, func(n *node, c *client) { n.join(c.t) }},
		"Server.OnConnection": {func(n *node, _ *socket, f func()) func() {
			return n.OnConnection(func(context.Context, *socket) error { f(); return nil })
		}, func(n *node, c *client) { n.join(c.t) }},
		"Server.OnDisconnect": {func(n *node, _ *socket, f func()) func() {
			return n.OnDisconnect(func(context.Context, *socket, socketio.Reason) { f() })
		}, func(_ *node, c *client) { c.send("41") }},
		"Server.UseEvent": {func(n *node, _ *socket, f func()) func() {
			return n.UseEvent(func(context.Context, *socket, *message) error { f(); return nil })
		}, func(_ *node, c *client) { c.send(`42["e"]`) }},
		"Server.On": {func(n *node, _ *socket, f func()) func() {
			return n.On("e", func(context.Context, *socket, *message) error { f(); return nil })
		}, func(_ *node, c *client) { c.send(`42["e"]`) }},
		"Server.OnAny": {func(n *node, _ *socket, f func()) func() {
			return n.OnAny(func(context.Context, *socket, *message) error { f(); return nil })
		}, func(_ *node, c *client) { c.send(`42["e"]`) }},
		"Server.OnAnyOutgoing": {func(n *node, _ *socket, f func()) func() {
			return n.OnAnyOutgoing(func(*socket, *message) { f() })
		}, func(n *node, _ *client) { _ = n.Emit("e") }},
		"Server.OnNamespace": {func(n *node, _ *socket, f func()) func() {
			return n.OnNamespace(func(*socketio.Namespace) { f() })
		}, func(n *node, _ *client) { n.Of("/new") }},
		"Socket.Use": {func(_ *node, s *socket, f func()) func() {
			return s.Use(func(context.Context, *socket, *message) error { f(); return nil })
		}, func(_ *node, c *client) { c.send(`42["e"]`) }},
		"Socket.On": {func(_ *node, s *socket, f func()) func() {
			return s.On("e", func(context.Context, *socket, *message) error { f(); return nil })
		}, func(_ *node, c *client) { c.send(`42["e"]`) }},
		"Socket.OnAny": {func(_ *node, s *socket, f func()) func() {
			return s.OnAny(func(context.Context, *socket, *message) error { f(); return nil })
		}, func(_ *node, c *client) { c.send(`42["e"]`) }},
		"Socket.OnAnyOutgoing": {func(_ *node, s *socket, f func()) func() {
			return s.OnAnyOutgoing(func(*socket, *message) { f() })
		}, func(n *node, _ *client) { _ = n.Emit("e") }},
		"Socket.OnDisconnect": {func(_ *node, s *socket, f func()) func() {
			return s.OnDisconnect(func(context.Context, *socket, socketio.Reason) { f() })
		}, func(_ *node, c *client) { c.send("41") }},
		"Namespace.ObserveRooms": {func(n *node, _ *socket, f func()) func() {
			return n.ObserveRooms(func(socketio.RoomEvent) { f() })
		}, func(n *node, _ *client) { _ = n.Sockets()[0].Join("r") }},
	} {
		bubble(t, name, func(t *testing.T) {
			n := serve(t, nil)
			c := n.join(t)
			s := n.socket(t, c, "/")
			var mu sync.Mutex
			ran := map[string]int{}
			count := func(who string) func() {
				return func() {
					mu.Lock()
					defer mu.Unlock()
					ran[who]++
				}
			}
			first := tt.on(n, s, count("first"))
			tt.on(n, s, count("second"))
			var group sync.WaitGroup
			for range 8 {
				group.Go(first)
			}
			group.Wait()
			first()
			tt.trigger(n, c)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if ran["first"] != 0 || ran["second"] == 0 {
				t.Errorf("ran %v, want the second only", ran)
			}
		})
	}
}
