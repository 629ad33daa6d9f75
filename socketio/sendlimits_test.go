package socketio_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// TestEmit_exceeds_limits sends events that official clients, or a Parley decoder, would answer by closing the connection.
// Every way to send must refuse them and name the limit, and the connection must stay usable.
func TestEmit_exceeds_limits(t *testing.T) {
	deep := func(levels int) any {
		return json.RawMessage(strings.Repeat("[", levels) + strings.Repeat("]", levels))
	}
	files := func(n int) any {
		all := make([][]byte, n)
		for i := range all {
			all[i] = []byte("x")
		}
		return all
	}
	long := strings.Repeat("n", 513)
	sends := map[string]func(n *node, s *socketio.Socket, name string, arg any) error{
		"Socket":          func(_ *node, s *socketio.Socket, name string, arg any) error { return s.Emit(name, arg) },
		"Socket.Volatile": func(_ *node, s *socketio.Socket, name string, arg any) error { return s.Volatile().Emit(name, arg) },
		"Socket.EmitWithAck": func(_ *node, s *socketio.Socket, name string, arg any) error {
			_, err := s.EmitWithAck(context.Background(), name, arg)
			return err
		},
		"Namespace": func(n *node, _ *socketio.Socket, name string, arg any) error { return n.Emit(name, arg) },
		"Broadcast": func(n *node, s *socketio.Socket, name string, arg any) error { return n.To(s.ID()).Emit(name, arg) },
		"ParentNamespace": func(n *node, _ *socketio.Socket, name string, arg any) error {
			parent := n.OfPattern(regexp.MustCompile("^/room-"))
			n.Of("/room-1")
			return parent.Emit(name, arg)
		},
		"EmitWithAcks": func(n *node, _ *socketio.Socket, name string, arg any) error {
			_, err := n.To("nobody").EmitWithAcks(context.Background(), name, arg)
			return err
		},
		"typed": func(_ *node, s *socketio.Socket, name string, arg any) error {
			return event.Emit(s, event.Name[any](name), arg)
		},
	}
	for format, p := range map[string]parser.Parser{"JSON": parser.JSON{}, "MessagePack": parser.MessagePack{}} {
		for how, send := range sends {
			bubble(t, format+"/"+how, func(t *testing.T) {
				n := serve(t, &socketio.Options{Parser: p})
				s := n.joined(t, p)
				refused := map[string]error{
					"MaxDepth":     send(n, s, "e", deep(64)),
					"MaxEventName": send(n, s, long, 1),
				}
				if format == "JSON" {
					refused["MaxAttachments"] = send(n, s, "e", files(11))
				}
				for limit, err := range refused {
					if !errors.Is(err, parser.ErrExceedsLimit) || !strings.Contains(fmt.Sprint(err), limit) {
						t.Errorf("%s: got %v", limit, err)
					}
				}
				if strings.Contains(how, "Ack") {
					return // these would wait for the answer
				}
				accepted := []error{send(n, s, "e", deep(63)), send(n, s, long[:512], 1), send(n, s, "e", files(10))}
				if format == "MessagePack" {
					accepted = append(accepted, send(n, s, "e", files(11)))
				}
				if err := errors.Join(accepted...); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if !s.Connected() {
					t.Error("disconnected")
				}
			})
		}
	}
	bubble(t, "acknowledgements", func(t *testing.T) {
		n := serve(t, nil)
		results := make(chan []error, 1)
		n.On("ask", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
			results <- []error{m.Ack(files(11)), m.Ack(deep(64)), m.Ack("short")}
			return nil
		})
		n.On("fail", func(context.Context, *socketio.Socket, *event.Message) error {
			return &event.Error{Code: "c", Message: "m", Data: deep(62)}
		})
		c := n.join(t)
		c.send(`421["ask"]`)
		c.expect(`431["short"]`)
		errs := <-results
		if !errors.Is(errs[0], parser.ErrExceedsLimit) || !errors.Is(errs[1], parser.ErrExceedsLimit) || errs[2] != nil {
			t.Errorf("got %v", errs)
		}
		c.send(`422["fail"]`)
		c.expect(`432[{"error":{"code":"c","message":"m"}}]`)
	})
	bubble(t, "refusals", func(t *testing.T) {
		n := serve(t, nil)
		n.Use(func(context.Context, *socketio.Socket) error { return &event.Error{Message: "m", Data: deep(64)} })
		c := n.dial(t)
		c.send("40")
		c.expect(`44{"message":"m"}`)
	})
	bubble(t, "a namespace that no client can name", func(t *testing.T) {
		n := serve(t, nil)
		if err := n.Of("/" + long[:511]).Emit("e"); err != nil {
			t.Error(err)
		}
		if err := n.Of("/" + long[:512]).Emit("e"); !errors.Is(err, parser.ErrExceedsLimit) || !strings.Contains(err.Error(), "MaxNamespaceName is 512") {
			t.Errorf("got %v", err)
		}
	})
	bubble(t, "server-side events", func(t *testing.T) {
		n := serve(t, nil)
		for limit, err := range map[string]error{
			"MaxDepth":     n.ServerSideEmit("e", deep(64)),
			"MaxEventName": n.ServerSideEmit(long, 1),
		} {
			if !errors.Is(err, parser.ErrExceedsLimit) || !strings.Contains(err.Error(), limit) {
				t.Errorf("%s: got %v", limit, err)
			}
		}
		if err := n.ServerSideEmit("e", deep(63), files(11)); errors.Is(err, parser.ErrExceedsLimit) {
			t.Error(err)
		}
	})
	bubble(t, "the limits are the options", func(t *testing.T) {
		n := serve(t, &socketio.Options{MaxAttachments: 1, MaxDepth: 3, MaxEventName: 2})
		for limit, err := range map[string]error{
			"MaxAttachments is 1":  n.Emit("e", files(2)),
			"MaxDepth, which is 3": n.Emit("e", deep(3)),
			"MaxEventName is 2":    n.Emit("eee"),
			"":                     n.Emit("ee", deep(2), []byte("x")),
		} {
			if (err != nil) != (limit != "") || !strings.Contains(fmt.Sprint(err), limit) {
				t.Errorf("%s: got %v", limit, err)
			}
		}
		n = serve(t, &socketio.Options{MaxAttachments: -1, MaxDepth: -1, MaxEventName: -1})
		if err := n.Emit(long, files(11), deep(64)); err != nil {
			t.Error(err)
		}
	})
}

// joined connects a client with a parser, and returns its socket in "/".
func (n *node) joined(t *testing.T, p parser.Parser) *socketio.Socket {
	t.Helper()
	frames, err := p.Encode(&parser.Packet{Type: parser.Connect, Namespace: "/"})
	if err != nil {
		t.Fatal(err)
	}
	c := n.dial(t)
	if frames[0].Binary {
		c.send("<" + hex.EncodeToString(frames[0].Data) + ">")
	} else {
		c.send("4" + string(frames[0].Data))
	}
	c.next()
	return n.Sockets()[0]
}
