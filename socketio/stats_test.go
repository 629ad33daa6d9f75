package socketio_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// TestStats goes beyond each limit: the counter of this cause, and no other, has counted it.
func TestStats(t *testing.T) {
	sends := func(messages ...string) func(*testing.T, *node, *client, *socketio.Socket) {
		return func(_ *testing.T, _ *node, c *client, _ *socketio.Socket) { c.send(messages...) }
	}
	long := strings.Repeat("n", 600)
	for counter, tt := range map[string]struct {
		opts socketio.Options
		do   func(t *testing.T, n *node, c *client, s *socketio.Socket)
	}{
		"TooManyAttachments":  {do: sends(`4511-["e"]`)},
		"AttachmentsTooLarge": {opts: socketio.Options{MaxAttachmentBytes: 100}, do: sends(`452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, hexBytes(60), hexBytes(60))},
		"TooDeep":             {do: sends(`42["e",` + strings.Repeat("[", 64) + strings.Repeat("]", 65))},
		"LongEventNames":      {do: sends(`42["` + long + `"]`)},
		"LongNamespaceNames":  {do: sends(`40/` + long + `,`)},
		"LateAttachments":     {do: sends(`451-["e",{"_placeholder":true,"num":0}]`)},
		"TooManyNamespaces":   {opts: socketio.Options{MaxNamespaces: 1}, do: sends(`40/other,`)},
		"UnknownAcks":         {do: sends(`437[]`)},
		"UnhandledEvents":     {do: sends(`42["nobody"]`)},
		"ConnectTimeouts":     {do: func(t *testing.T, n *node, _ *client, _ *socketio.Socket) { n.dial(t) }},
		"LongRoomNames": {do: func(t *testing.T, _ *node, _ *client, s *socketio.Socket) {
			if err := s.Join("a", long); !errors.Is(err, socketio.ErrRoomName) {
				t.Errorf("Join: %v", err)
			}
		}},
		"TooManyRooms": {opts: socketio.Options{MaxRooms: 1}, do: func(t *testing.T, _ *node, _ *client, s *socketio.Socket) {
			if err := s.Join("a", "b"); !errors.Is(err, socketio.ErrTooManyRooms) {
				t.Errorf("Join: %v", err)
			}
		}},
		"AckTimeouts": {do: func(t *testing.T, _ *node, _ *client, s *socketio.Socket) {
			began := time.Now()
			if _, err := s.EmitWithAck(t.Context(), "q"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 30*time.Second {
				t.Errorf("EmitWithAck: %v after %v", err, time.Since(began))
			}
		}},
		"TooManyAcks": {opts: socketio.Options{MaxAcks: 1}, do: func(t *testing.T, _ *node, c *client, s *socketio.Socket) {
			ctx, cancel := context.WithCancel(t.Context())
			go func() { _, _ = s.EmitWithAck(ctx, "q") }()
			synctest.Wait()
			if _, err := s.EmitWithAck(ctx, "q"); !errors.Is(err, socketio.ErrTooManyAcks) {
				t.Errorf("EmitWithAck: %v", err)
			}
			cancel()
		}},
		"InboxStalls": {opts: socketio.Options{InboxPackets: 1}, do: func(_ *testing.T, _ *node, c *client, _ *socketio.Socket) {
			c.send(`42["slow"]`)
			synctest.Wait() // it is being handled
			c.send(`42["slow"]`, `42["slow"]`)
		}},
		"InboxOverflows": {opts: socketio.Options{InboxPackets: 1, InboxBytes: 2000, MaxPayload: 2000}, do: func(t *testing.T, _ *node, c *client, s *socketio.Socket) {
			go func() { _, _ = s.EmitWithAck(t.Context(), "q") }()
			synctest.Wait()
			for range 5 {
				_ = c.trySend(`42["slow","` + strings.Repeat("x", 1500) + `"]`) // the server may have closed
			}
		}},
		"HandlerPanics": {do: sends(`42["panic"]`)},
	} {
		bubble(t, counter, func(t *testing.T) {
			tt.opts.PingInterval = time.Hour
			n := serve(t, &tt.opts)
			n.Of("/other")
			n.On("e", func(context.Context, *socketio.Socket, *event.Message) error { return nil })
			n.On("slow", func(ctx context.Context, _ *socketio.Socket, _ *event.Message) error {
				time.Sleep(time.Second)
				return nil
			})
			n.On("panic", func(context.Context, *socketio.Socket, *event.Message) error { panic("on purpose") })
			c, canary := n.join(t), n.join(t)
			tt.do(t, n, c, n.socket(t, c, "/"))
			time.Sleep(time.Minute)
			got := map[string]int64{}
			for stats, i := reflect.ValueOf(n.Stats()), 0; i < stats.NumField(); i++ {
				if name := stats.Type().Field(i).Name; stats.Field(i).Kind() == reflect.Int64 && stats.Field(i).Int() > 0 {
					got[name] = stats.Field(i).Int()
				}
			}
			if len(got) != 1 || got[counter] != 1 {
				t.Errorf("counted %v", got)
			}
			canary.send(`42["e"]`)
			canary.quiet()
			if closed := n.Stats().Engine.Closed; closed[engineio.TransportError] != 0 {
				t.Errorf("closed %v", closed)
			}
		})
	}
}
