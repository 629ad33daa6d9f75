//go:build !race

package socketio_test

import (
	"context"
	"testing"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// A broadcast costs the same allocations whatever the number of its receivers, and few of them: the packet, its frames, and
// the group that receivers share.
func TestBroadcast_allocations(t *testing.T) {
	const few, many = 8, 72
	const most = 9 // 8 were measured in every case; one, now and then, is of the runtime
	for name, to := range map[string]func(n *node) socketio.Broadcast{
		"room":     func(n *node) socketio.Broadcast { return n.To("room") },
		"all":      func(n *node) socketio.Broadcast { return n.Local() },
		"volatile": func(n *node) socketio.Broadcast { return n.To("room").Volatile() },
		"except":   func(n *node) socketio.Broadcast { return n.Sockets()[0].To("room") },
	} {
		t.Run(name, func(t *testing.T) {
			measure := func(size int) float64 {
				n := serveTCP(t, nil)
				count := audience(t, n, size)
				broadcast := to(n)
				bytes := int64(len(broadcast.Sockets()) * (len(`42["news","hello"]`) + 2))
				return testing.AllocsPerRun(200, func() {
					count.want.Add(bytes)
					if err := broadcast.Emit("news", "hello"); err != nil {
						t.Fatal(err)
					}
					<-count.reached
				})
			}
			if small, large := measure(few), measure(many); large > small+1 { // one, now and then, is somebody else's
				t.Errorf("%v allocations for %d receivers, %v for %d", small, few, large, many)
			} else if small > most {
				t.Errorf("%v allocations for a broadcast, at most %d", small, most)
			} else {
				t.Logf("%v allocations for a broadcast", small)
			}
		})
	}
}

// Nothing is paid for listeners that have gone. The race detector changes the numbers, so this is built without it.
func TestSocket_OnAnyOutgoing_allocations(t *testing.T) {
	n := serve(t, nil)
	c := n.join(t)
	s := n.socket(t, c, "/")
	go func() {
		for range c.in {
		}
	}()
	measure := func() float64 {
		return testing.AllocsPerRun(1000, func() {
			if err := n.To("nobody").Emit("e"); err != nil {
				t.Error(err)
			}
		})
	}
	before := measure()
	off := s.OnAnyOutgoing(func(*socketio.Socket, *event.Message) {})
	if with := measure(); with <= before {
		t.Errorf("%v allocations with a listener, %v without: the test shows nothing", with, before)
	}
	off()
	if after := measure(); after > before {
		t.Errorf("%v allocations without a listener, %v before there was one", after, before)
	}
	gone := n.socket(t, n.join(t), "/")
	told := make(chan struct{})
	gone.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { close(told) })
	gone.Disconnect(true)
	<-told
	gone.OnAnyOutgoing(func(*socketio.Socket, *event.Message) {})
	if after := measure(); after > before {
		t.Errorf("%v allocations with a listener on a socket that has gone, %v before there was one", after, before)
	}
}
