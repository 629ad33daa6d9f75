package socketio_test

import (
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/socketio"
)

// breakable is a connection whose deadlines cannot be set, and which cannot be written to or closed without a panic, once
// it is broken.
type breakable struct {
	net.Conn
	broken *atomic.Bool
}

func (c breakable) call() {
	if c.broken.Load() {
		panic("a fault")
	}
}

func (c breakable) Write(p []byte) (int, error)       { c.call(); return c.Conn.Write(p) }
func (c breakable) SetReadDeadline(t time.Time) error { c.call(); return c.Conn.SetReadDeadline(t) }
func (c breakable) Close() error                      { c.Conn.Close(); c.call(); return nil }

type breakableListener struct {
	net.Listener
	broken *atomic.Bool
}

func (l breakableListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return breakable{c, l.broken}, err
}

// A fault in what belongs to a connection closes it, whatever held a lock then, and a fault in closing it is the last.
func TestServer_fault_in_an_end(t *testing.T) {
	for name, fault := range map[string]func(n *node, c *client, broken *atomic.Bool){
		"an inbox": func(n *node, c *client, _ *atomic.Bool) {
			c.join("/")
			synctest.Wait()
			socketio.SpoilInbox(n.socket(c.t, c, "/"))
		},
		"an inbox, then the connection": func(n *node, c *client, broken *atomic.Bool) {
			c.join("/")
			synctest.Wait()
			broken.Store(true)
			socketio.SpoilInbox(n.socket(c.t, c, "/"))
		},
		"a timer": func(n *node, c *client, _ *atomic.Bool) {
			c.join("/")
			socketio.FaultOfTimer(n.socket(c.t, c, "/"))
		},
		"the connection, at its connect timeout": func(_ *node, _ *client, broken *atomic.Bool) {
			time.Sleep(44 * time.Second)
			broken.Store(true)
			time.Sleep(2 * time.Second)
		},
		"the connection, at the timeout of attachments": func(_ *node, c *client, broken *atomic.Bool) {
			c.join("/")
			c.send(`451-["e",{"_placeholder":true,"num":0}]`)
			synctest.Wait()
			broken.Store(true)
			time.Sleep(11 * time.Second)
		},
	} {
		bubble(t, name, func(t *testing.T) {
			io, err := socketio.New(&socketio.Options{
				Logger: slog.New(slog.DiscardHandler), ReadTimeout: 10 * time.Second, PingInterval: time.Hour,
			})
			if err != nil {
				t.Fatal(err)
			}
			var broken atomic.Bool
			l := memnet.Listen()
			server := &http.Server{Handler: io}
			go server.Serve(breakableListener{l, &broken})
			n := &node{Server: io, dialer: l.DialContext}
			c := n.dial(t)
			fault(n, c, &broken)
			synctest.Wait()
			broken.Store(false)
			stats := io.Stats()
			if stats.Engine.Sessions != 0 || stats.Panics+stats.Engine.Panics == 0 {
				t.Errorf("%d sessions, %d and %d faults", stats.Engine.Sessions, stats.Panics, stats.Engine.Panics)
			}
			if err := io.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			c.conn.Close()
			server.Close()
		})
	}
}
