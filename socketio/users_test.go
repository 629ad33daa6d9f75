package socketio_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// users are the options of a server on which a user, named by the auth payload, has so many connections.
func users(limit int) *socketio.Options {
	return &socketio.Options{
		MaxConnectionsPerUser: limit,
		Identify: func(s *socketio.Socket) string {
			var auth struct{ User string }
			if err := s.Handshake().ScanAuth(&auth); err != nil {
				panic(err)
			}
			return auth.User
		},
	}
}

const tooManyConnections = `{"message":"too many connections"}`

func TestOptions_MaxConnectionsPerUser(t *testing.T) {
	// as joins a namespace as a user, and reports whether that was possible.
	as := func(c *client, namespace, user string) bool {
		c.t.Helper()
		c.send(packet("40", namespace) + `{"user":"` + user + `"}`)
		reply := c.next()
		if reply == packet("44", namespace)+tooManyConnections {
			return false
		}
		if len(reply) < 2 || reply[:2] != "40" {
			c.t.Fatalf("got %q", reply)
		}
		return true
	}
	bubble(t, "connections, not sockets", func(t *testing.T) {
		n := serve(t, users(2))
		n.Of("/other")
		a, b, c := n.dial(t), n.dial(t), n.dial(t)
		if !as(a, "/", "ann") || !as(a, "/other", "ann") || !as(b, "/", "ann") {
			t.Error("refused within the limit")
		}
		if as(c, "/", "ann") || as(c, "/other", "ann") {
			t.Error("let in beyond the limit")
		}
		if !as(c, "/", "bob") || !as(n.dial(t), "/", "") || !as(n.dial(t), "/", "") || !as(n.dial(t), "/", "") {
			t.Error("the limit of one is that of another")
		}
		if got := n.Stats().TooManyConnectionsPerUser; got != 2 {
			t.Errorf("counted %d", got)
		}
		var seen []string
		for _, s := range n.Of("/other").Sockets() {
			seen = append(seen, s.User())
		}
		if len(seen) != 1 || seen[0] != "ann" {
			t.Errorf("users %q", seen)
		}
	})
	for name, end := range map[string]func(*node, *client){
		"closed by the client": func(_ *node, c *client) { c.conn.Close() },
		"closed by the server": func(n *node, c *client) { n.Sockets()[0].Disconnect(true) },
		"a bad packet":         func(_ *node, c *client) { c.send("42") },
	} {
		bubble(t, name, func(t *testing.T) {
			n := serve(t, users(1))
			for range 3 {
				c := n.dial(t)
				if !as(c, "/", "ann") || as(n.dial(t), "/", "ann") {
					t.Fatal("the limit is not one")
				}
				end(n, c)
				synctest.Wait()
			}
		})
	}
	bubble(t, "whom a middleware refuses, or who has gone meanwhile, does not count", func(t *testing.T) {
		n := serve(t, users(1))
		held := make(chan struct{})
		n.Use(func(_ context.Context, s *socketio.Socket) error {
			switch s.User() {
			case "mallory":
				return &event.Error{Message: "no"}
			case "slow":
				<-held
			}
			return nil
		})
		for range 2 {
			c := n.dial(t)
			c.send(`40{"user":"mallory"}`)
			c.expect(`44{"message":"no"}`)
			slow := n.dial(t)
			slow.send(`40{"user":"slow"}`)
			synctest.Wait()
			slow.conn.Close()
		}
		synctest.Wait()
		close(held)
		synctest.Wait()
		if !as(n.dial(t), "/", "slow") {
			t.Error("a connection that is gone still counts")
		}
	})
	bubble(t, "a panic refuses", func(t *testing.T) {
		n := serve(t, users(1))
		c := n.dial(t)
		c.send(`40{"user":7}`)
		c.expect(`44{"message":"internal"}`)
		if got := n.Stats().HandlerPanics; got != 1 {
			t.Errorf("%d panics", got)
		}
	})
	bubble(t, "who comes back takes the place of the connection that is lost", func(t *testing.T) {
		opts := users(1)
		opts.Recovery = &socketio.Recovery{}
		n := serve(t, opts)
		k, _ := n.dial(t).enter("/", `{"user":"ann"}`)
		again, _ := n.dial(t).enter("/", `{"user":"ann","pid":"`+k.PID+`"}`)
		if again.SID != k.SID {
			t.Error("the client is a new one")
		}
		if as(n.dial(t), "/", "ann") {
			t.Error("let in beyond the limit")
		}
	})
}
