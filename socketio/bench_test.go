package socketio_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// tally counts the bytes that clients have got, and tells when they have all.
type tally struct {
	got, want atomic.Int64
	reached   chan struct{}
}

// drain reads and counts bytes without looking at them or allocating.
func (c *client) drain(count *tally) {
	buffer := make([]byte, 4<<10)
	for {
		n, err := c.reader.Read(buffer)
		if count.got.Add(int64(n)) == count.want.Load() && n > 0 {
			count.reached <- struct{}{}
		}
		if err != nil {
			return
		}
	}
}

// audience joins clients whose bytes are counted, all in "room".
func audience(tb testing.TB, n *node, size int) *tally {
	tb.Helper()
	count := &tally{reached: make(chan struct{}, 1)}
	for range size {
		c := n.open(tb)
		c.send("40")
		c.readMessage()
		go c.drain(count)
	}
	for _, s := range n.Sockets() {
		if err := s.Join("room"); err != nil {
			tb.Fatal(err)
		}
	}
	return count
}

// BenchmarkEcho measures an event there and back, with an acknowledgement and without, over TCP.
func BenchmarkEcho(b *testing.B) {
	for _, bench := range []struct{ name, sent, echo string }{
		{"event", `42["echo","hello"]`, `42["echo","hello"]`},
		{"acknowledged", `427["ask","hello"]`, `437["hello"]`},
		{"binary", `451-["echo",{"_placeholder":true,"num":0}]`, `451-["echo",{"_placeholder":true,"num":0}]`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			n := serveTCP(b, nil)
			n.On("echo", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
				return s.Emit("echo", m.Raws()...)
			})
			n.On("ask", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack(m.Raws()...) })
			c := n.open(b)
			c.send("40")
			c.readMessage()
			sent := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(bench.sent))))
			size := len(bench.echo) + 2
			if bench.name == "binary" {
				sent = append(sent, ws.MustCompileFrame(ws.MaskFrame(ws.NewBinaryFrame(make([]byte, 100))))...)
				size += 102
			}
			received := make([]byte, size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.conn.Write(sent); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c.reader, received); err != nil {
					b.Fatal(err)
				}
			}
			if !strings.HasPrefix(string(received[2:]), bench.echo) {
				b.Errorf("got %q", received)
			}
		})
	}
}

// BenchmarkBroadcast measures an event to a room until all have it, over TCP.
func BenchmarkBroadcast(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			n := serveTCP(b, nil)
			count := audience(b, n, size)
			frame := int64(len(`42["news","0123456789012345678901234567890123456789"]`) + 2)
			room := n.To("room")
			b.ReportAllocs()
			for b.Loop() {
				count.want.Add(frame * int64(size))
				if err := room.Emit("news", "0123456789012345678901234567890123456789"); err != nil {
					b.Fatal(err)
				}
				<-count.reached
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/delivery")
		})
	}
}
