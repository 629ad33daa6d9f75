package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

type picture struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

func TestTypedEvents(t *testing.T) {
	const (
		said    = event.Name[string]("said")
		moved   = event.Name[event.Args2[int, int]]("moved")
		pinged  = event.Name[event.None]("pinged")
		upload  = event.WithAck[picture, int]("upload")
		current = event.WithAck[event.None, picture]("current")
		forbid  = event.WithAck[event.None, event.None]("forbid")
	)
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		told := newJournal()
		event.On(n, said, func(_ context.Context, s *socketio.Socket, text string) error {
			told.add("said %s", text)
			return event.Emit(s, said, strings.ToUpper(text))
		})
		event.On(n, moved, func(_ context.Context, s *socketio.Socket, to event.Args2[int, int]) error {
			told.add("moved %d %d", to.A, to.B)
			return event.Emit(n.To(s.ID()), moved, event.Args2[int, int]{A: to.B, B: to.A})
		})
		event.On(n, pinged, func(_ context.Context, s *socketio.Socket, _ event.None) error {
			return event.Emit(s.Volatile(), pinged, event.None{})
		})
		event.OnWithAck(n, upload, func(_ context.Context, _ *socketio.Socket, p picture) (int, error) {
			return len(p.Data), nil
		})
		event.OnWithAck(n, forbid, func(context.Context, *socketio.Socket, event.None) (event.None, error) {
			return event.None{}, &event.Error{Code: event.Forbidden, Message: "no"}
		})
		c := n.join(t)
		for _, tt := range []struct {
			name string
			sent []string
			want []string
		}{
			{"a value", []string{`42["said","hi"]`}, []string{`42["said","HI"]`}},
			{"a value with an acknowledgement", []string{`420["said","yo"]`}, []string{`42["said","YO"]`, `430[]`}},
			{"two arguments", []string{`42["moved",1,2]`}, []string{`42["moved",2,1]`}},
			{"no argument", []string{`42["pinged"]`}, []string{`42["pinged"]`}},
			{"binary in a struct", []string{`451-1["upload",{"name":"a","data":{"_placeholder":true,"num":0}}]`, "<010203>"}, []string{`431[3]`}},
			{"an error", []string{`422["forbid"]`}, []string{`432[{"error":{"code":"forbidden","message":"no"}}]`}},
			{"a wrong type", []string{`423["said",{}]`}, []string{`433[{"error":{"code":"invalid","message":"argument 1: `}},
			{"a missing argument", []string{`424["moved",1]`}, []string{`434[{"error":{"code":"invalid","message":"argument 2 is missing"}}]`}},
		} {
			c.send(tt.sent...)
			for _, want := range tt.want {
				if got := c.next(); !strings.HasPrefix(got, want) {
					t.Errorf("%s: got %q, want %q", tt.name, got, want)
				}
			}
		}
		told.expect(t, "said hi", "said yo", "moved 1 2")

		s := n.socket(t, c, "/")
		for _, tt := range []struct{ answer, want string }{
			{`461-%d[{"name":"a","data":{"_placeholder":true,"num":0}}]`, "{a [7]} <nil>"},
			{`43%d[{"error":{"code":"x","message":"y"}}]`, "{ []} x: y"},
			{`43%d[{"error":{"code":"x"},"name":"a"}]`, "{a []} <nil>"},
		} {
			outcome := make(chan string)
			go func() {
				p, err := event.EmitWithAck(t.Context(), s, current, event.None{})
				outcome <- fmt.Sprint(p, err)
			}()
			var id int
			if _, err := fmt.Sscanf(c.next(), `42%d["current"]`, &id); err != nil {
				t.Fatal(err)
			}
			c.send(fmt.Sprintf(tt.answer, id))
			if strings.HasPrefix(tt.answer, "46") {
				c.send("<07>")
			}
			if got := <-outcome; !strings.HasPrefix(got, strings.TrimSuffix(tt.want, "<nil>")) {
				t.Errorf("%s: got %s, want %s", tt.answer, got, tt.want)
			}
		}
	})
}

func TestData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name, twin := socketio.NewData[string]("name"), socketio.NewData[string]("name")
		failure, own := socketio.NewLocalData[error]("failure"), socketio.NewLocalData[string]("name")
		n := serve(t, nil)
		seen := make(chan string, 1)
		n.Use(func(_ context.Context, s *socketio.Socket) error {
			return errors.Join(name.Set(s, "ann"), failure.Set(s, nil))
		})
		n.OnDisconnect(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) {
			v, ok := name.Value(s)
			seen <- fmt.Sprintf("%s %v", v, ok)
		})
		c := n.join(t)
		s := n.socket(t, c, "/")
		if v, ok := name.Value(s); v != "ann" || !ok {
			t.Errorf("got %q, %v", v, ok)
		}
		if v, ok := twin.Value(s); v != "ann" || !ok {
			t.Errorf("another key of that name: %q, %v", v, ok)
		}
		if v, ok := own.Value(s); v != "" || ok {
			t.Errorf("a local key of that name: %q, %v", v, ok)
		}
		if v, ok := failure.Value(s); v != nil || !ok {
			t.Errorf("a nil interface: %v, %v", v, ok)
		}
		must(t, failure.Set(s, errors.New("x")))
		failure.Delete(s)
		if _, ok := failure.Value(s); ok {
			t.Error("deleted and still there")
		}
		if name.String() != "name" {
			t.Error(name)
		}
		if v, ok := name.Value(n.socket(t, n.join(t), "/")); v != "ann" || !ok {
			t.Errorf("of another socket: %q, %v", v, ok)
		}
		c.conn.Close()
		if got := <-seen; got != "ann true" {
			t.Errorf("after the disconnect: %s", got)
		}
	})
}

func TestNewConnectionData(t *testing.T) {
	bubble(t, "is shared by the sockets of a connection", func(t *testing.T) {
		own, shared := socketio.NewData[int]("own"), socketio.NewConnectionData[int]("shared")
		n := serve(t, nil)
		n.Of("/x")
		c, other := n.join(t), n.join(t)
		s := n.socket(t, c, "/")
		must(t, own.Set(s, 1), shared.Set(s, 2))
		c.join("/x")
		x := n.socket(t, c, "/x")
		if v, ok := own.Value(x); ok {
			t.Errorf("of another socket: %d", v)
		}
		if v, ok := shared.Value(x); v != 2 || !ok {
			t.Errorf("of the same connection: %d, %v", v, ok)
		}
		if v, ok := shared.Value(n.socket(t, other, "/")); ok {
			t.Errorf("of another connection: %d", v)
		}
		c.send("41/x,")
		synctest.Wait()
		c.join("/x")
		if v, _ := shared.Value(n.socket(t, c, "/x")); v != 2 {
			t.Errorf("after the namespace was joined again: %d", v)
		}
		shared.Delete(x)
		if _, ok := shared.Value(s); ok {
			t.Error("deleted and still there")
		}
	})
	bubble(t, "stays on its node", func(t *testing.T) {
		shared := socketio.NewConnectionData[int]("shared")
		n := serve(t, nil)
		shared.Set(n.socket(t, n.join(t), "/"), 2)
		remote, err := n.FetchSockets(t.Context())
		if err != nil || len(remote) != 1 {
			t.Fatalf("%v, %v", remote, err)
		}
		data := map[string]int{}
		if err := remote[0].ScanData(&data); err != nil || len(data) > 0 {
			t.Errorf("shown to others: %v, %v", data, err)
		}
	})
}
