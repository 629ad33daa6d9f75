package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// TestRecovery_frames follows the capture csr-inmemory of the reference server.
func TestRecovery_frames(t *testing.T) {
	foo := socketio.NewData[string]("foo")
	emitAll := func(t *testing.T, n *node, s *socketio.Socket) (offline func()) {
		must(t, s.Join("r1"))
		must(t, foo.Set(s, "bar"))
		must(t, n.Emit("a", 1), n.To("r1").Emit("b", map[string]int{"x": 1}), n.Emit("bin", []byte{1, 2}),
			n.Local().Emit("loc"), s.Emit("direct"))
		ask(t.Context(), s)
		synctest.Wait()
		must(t, n.Volatile().Emit("v", "text"))
		synctest.Wait()
		must(t, s.Volatile().Emit("v"), n.To("r1").Emit("sc"), n.Emit("noargs"), s.To("r1").Emit("others"))
		return func() {
			must(t, n.Emit("missed1", 1), n.To("r1", "r2").Emit("missed2", []byte{7}), n.To("r2").Emit("theirs"),
				n.Except("r1").Emit("theirs"), n.Volatile().Emit("v"), n.To(s.ID()).Except("r2").Emit("mine"))
		}
	}
	sent := []string{
		`42["a",1,"*"]`, `42["b",{"x":1},"*"]`, `451-["bin",{"_placeholder":true,"num":0},"*"]`, `<0102>`, `42["loc","*"]`,
		`42["direct","*"]`, `420["q"]`, `42["v","text"]`, `42["v"]`, `42["sc","*"]`, `42["noargs","*"]`,
	}
	missed := []string{
		`42["b",{"x":1},"*"]`, `451-["bin",{"_placeholder":true,"num":0},"*"]`, `<0102>`, `42["loc","*"]`, `42["direct","*"]`,
		`42["sc","*"]`, `42["noargs","*"]`, `42["missed1",1,"*"]`, `451-["missed2",{"_placeholder":true,"num":0},"*"]`, `<07>`,
		`42["mine","*"]`,
	}
	check := func(t *testing.T, n *node, id string) {
		s := n.Sockets()[0]
		if v, _ := foo.Value(s); !s.Recovered() || s.ID() != id || !slices.Equal(s.Rooms(), []string{"r1"}) || v != "bar" {
			t.Errorf("%v %q %q %q", s.Recovered(), s.ID(), s.Rooms(), v)
		}
	}
	bubble(t, "websocket", func(t *testing.T) {
		n, c, k := recovering(t, &socketio.Recovery{})
		s := n.socket(t, c, "/")
		offline := emitAll(t, n, s)
		got := c.came()
		if s.Recovered() || !slices.Equal(masked(got), sent) {
			t.Fatalf("%v, got %q\nwant %q", s.Recovered(), masked(got), sent)
		}
		c.cut()
		offline()
		c, again, before := n.back(t, k.behind(got[0]))
		if !slices.Equal(masked(before), missed) {
			t.Errorf("got  %q\nwant %q", masked(before), missed)
		}
		if !slices.Equal(before[:2], got[1:3]) {
			t.Errorf("other offsets: %q, %q", before[:2], got[1:3])
		}
		continues(t, k, again, true)
		check(t, n, k.SID)
		must(t, n.Emit("next"))
		if got := c.next(); masked([]string{got})[0] != `42["next","*"]` || again.behind(got).Offset <= again.Offset {
			t.Errorf("got %q behind %q", got, again.Offset)
		}
		if s := n.Stats(); s.Recoveries != 1 || s.FailedRecoveries != 0 {
			t.Errorf("%+v", s)
		}
	})
	bubble(t, "polling", func(t *testing.T) {
		n := serve(t, &socketio.Options{Recovery: &socketio.Recovery{}, PingInterval: time.Second, PingTimeout: time.Second})
		p := n.poll(t)
		p.post("40")
		k := ticketOf(t, p.get())
		s := n.Sockets()[0]
		must(t, n.Emit("first"))
		first := p.get()
		offline := emitAll(t, n, s)
		time.Sleep(5 * time.Second) // the client polls no more
		offline()
		p = n.poll(t)
		p.post("40" + k.behind(first).auth())
		synctest.Wait()
		got := strings.Split(p.get(), "|")
		want := slices.Concat([]string{`42["a",1,"*"]`}, missed)
		for i, m := range want {
			want[i] = strings.NewReplacer("<0102>", "bAQI=", "<07>", "bBw==").Replace(m)
		}
		last := len(got) - 1
		if !slices.Equal(masked(got[:last]), want) {
			t.Errorf("got  %q\nwant %q", masked(got[:last]), want)
		}
		continues(t, k, ticketOf(t, got[last]), true)
		check(t, n, k.SID)
	})
}

func TestRecovery_reasons(t *testing.T) {
	for reason, c := range map[string]struct {
		again bool
		cause func(c *client, s *socketio.Socket)
	}{
		"transport close":             {true, func(c *client, _ *socketio.Socket) { c.conn.Close() }},
		"transport error":             {true, func(c *client, _ *socketio.Socket) { c.send("2") }},
		"ping timeout":                {true, func(*client, *socketio.Socket) { time.Sleep(time.Minute) }},
		"forced close":                {true, func(c *client, _ *socketio.Socket) { c.send("40") }},
		"parse error":                 {false, func(c *client, _ *socketio.Socket) { c.send("42") }},
		"client namespace disconnect": {false, func(c *client, _ *socketio.Socket) { c.send("41") }},
		"server namespace disconnect": {false, func(_ *client, s *socketio.Socket) { s.Disconnect(false) }},
		"slow consumer": {true, func(_ *client, s *socketio.Socket) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			for asking := true; asking; { // of these nothing is kept
				_, err := s.EmitWithAck(ctx, "x", strings.Repeat("x", 1000))
				asking = errors.Is(err, context.Canceled)
			}
		}},
	} {
		bubble(t, reason, func(t *testing.T) {
			n, told := serve(t, &socketio.Options{Recovery: &socketio.Recovery{}, SendQueueBytes: 100_000}), newJournal()
			n.OnDisconnect(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) {
				told.add("%s %q", reason, s.Rooms())
			})
			first := n.open(t)
			first.send("40")
			k := ticketOf(t, first.readMessage())
			synctest.Wait()
			s := n.Sockets()[0]
			must(t, s.Join("room"))
			must(t, n.Emit("e"))
			k = k.behind(first.readMessage())
			c.cause(first, s)
			told.expect(t, reason+` ["room"]`)
			must(t, n.Emit("missed"))
			second := n.dial(t)
			again, before := second.enter("/", k.auth())
			continues(t, k, again, c.again)
			if c.again != slices.Contains(masked(before), `42["missed","*"]`) {
				t.Errorf("got %q", before)
			}
			if s := n.Sockets()[0]; s.Recovered() != c.again || s.InRoom("room") != c.again {
				t.Errorf("%v, %q", s.Recovered(), s.Rooms())
			}
		})
	}
	bubble(t, "server shutting down", func(t *testing.T) { // for a log that outlives the process
		log := cluster.NewMemoryLog(cluster.MemoryLogLimits{})
		n := serve(t, &socketio.Options{Adapter: cluster.Config{Log: log.Node()}})
		c := n.dial(t)
		k, _ := c.enter("/", "")
		must(t, n.socket(t, c, "/").Join("room"))
		must(t, n.Shutdown(t.Context()))
		c.closed()
		kept, err := log.Node().Claim(t.Context(), "/", k.PID)
		if err != nil || kept.PID != k.PID || kept.ID != k.SID || !slices.Equal(kept.Rooms, []string{"room"}) {
			t.Errorf("kept %+v, %v", kept, err)
		}
	})
}

func TestRecovery_offset(t *testing.T) {
	bubble(t, "of none, the session begins with its socket", func(t *testing.T) {
		n, c, k := recovering(t, &socketio.Recovery{})
		c.cut()
		must(t, n.Emit("first", 1))
		_, again, before := n.back(t, k)
		continues(t, k, again, true)
		if got := masked(before); !slices.Equal(got, []string{`42["first",1,"*"]`}) {
			t.Errorf("got %q", got)
		}
	})
	bubble(t, "of none, what came before is not part of it", func(t *testing.T) {
		n, first, old := recovering(t, &socketio.Recovery{})
		must(t, n.Emit("earlier"))
		c := n.dial(t)
		k, _ := c.enter("/", "")
		must(t, n.Emit("e"))
		c.cut()
		for _, offset := range []string{"", old.behind(first.next()).Offset} { // a client keeps that of an earlier session
			var before []string
			c, k, before = n.back(t, ticket{k.SID, k.PID, offset})
			if got := masked(before); !slices.Equal(got, []string{`42["e","*"]`}) {
				t.Errorf("%q: got %q", offset, got)
			}
			c.cut()
		}
	})
	bubble(t, "nothing missed", func(t *testing.T) {
		n, c, k := recovering(t, &socketio.Recovery{})
		must(t, n.Emit("e"))
		k = k.behind(c.next())
		for range 3 {
			c.cut()
			must(t, n.To("elsewhere").Emit("x"))
			var again ticket
			var before []string
			c, again, before = n.back(t, k)
			continues(t, k, again, true)
			if len(before) > 0 {
				t.Errorf("got %q", before)
			}
		}
	})
	bubble(t, "long ago", func(t *testing.T) { // socket.io issue 5282
		n, c, k := recovering(t, &socketio.Recovery{})
		must(t, n.Emit("e"))
		k = k.behind(c.next())
		for range 60 {
			time.Sleep(time.Minute)
			must(t, n.To("elsewhere").Emit("x"))
		}
		c.cut()
		must(t, n.Emit("missed"))
		_, again, before := n.back(t, k)
		continues(t, k, again, true)
		if got := masked(before); !slices.Equal(got, []string{`42["missed","*"]`}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestRecovery_namespaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, &socketio.Options{Recovery: &socketio.Recovery{}})
		names := []string{"/", "/a", "/b"}
		tickets := map[string]ticket{}
		c := n.dial(t)
		for _, name := range names {
			n.Of(name)
			tickets[name], _ = c.enter(name, "")
			must(t, n.Of(name).Emit("e", name))
			tickets[name] = tickets[name].behind(c.next())
		}
		c.send("41/b,")
		c.cut()
		for _, name := range names {
			must(t, n.Of(name).Emit("missed", name))
		}
		c = n.dial(t)
		// A pid of one namespace is nothing in another.
		wrong, _ := c.enter("/a", tickets["/"].auth())
		continues(t, tickets["/"], wrong, false)
		continues(t, tickets["/a"], wrong, false)
		c.send("41/a,")
		for _, name := range names {
			again, before := c.enter(name, tickets[name].auth())
			continues(t, tickets[name], again, name != "/b")
			var want []string
			if name != "/b" {
				want = []string{packet("42", name) + fmt.Sprintf(`["missed","%s","*"]`, name)}
			}
			if got := masked(before); !slices.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	})
}

// What is acknowledged, or sent by the client, is not touched by recovery.
func TestRecovery_acks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c, k := recovering(t, &socketio.Recovery{})
		n.On("q", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack(m.Raws()...) })
		c.send(`427["q",1]`)
		c.expect("437[1]")
		s := n.socket(t, c, "/")
		answer := ask(t.Context(), s)
		c.expect(`420["q"]`)
		c.cut()
		if got := <-answer; got != socketio.ErrClosed.Error() {
			t.Error(got)
		}
		if err := s.Emit("x"); !errors.Is(err, socketio.ErrClosed) {
			t.Errorf("Emit: %v", err)
		}
		c, again, before := n.back(t, k)
		continues(t, k, again, true)
		if len(before) > 0 {
			t.Errorf("got %q", before)
		}
		answer = ask(t.Context(), n.socket(t, c, "/"))
		c.expect(`421["q"]`)
		c.send(`430["late"]`, `431["now"]`)
		if got := <-answer; got != "[now]" {
			t.Error(got)
		}
	})
}

func TestNew_recovery(t *testing.T) {
	bubble(t, "with a log of its own", func(t *testing.T) {
		var kept []*cluster.Session
		log := newRecorder()
		log.keep = func(s *cluster.Session) { kept = append(kept, s) }
		n := serve(t, &socketio.Options{Recovery: &socketio.Recovery{}, Adapter: cluster.Config{Log: log}})
		c := n.dial(t)
		k, _ := c.enter("/", "")
		c.cut()
		_, again, _ := n.back(t, k)
		continues(t, k, again, true)
		if len(kept) == 0 || kept[0].PID != k.PID {
			t.Errorf("kept %v", kept)
		}
	})
	bubble(t, "off", func(t *testing.T) {
		n := serve(t, nil)
		c := n.join(t) // without pid
		must(t, n.Emit("e"), n.socket(t, c, "/").Emit("e"))
		c.expect(`42["e"]`, `42["e"]`)
		if s := n.socket(t, c, "/"); s.Recovered() {
			t.Error("recovered")
		}
		c = n.dial(t)
		c.send(`40{"pid":"x","offset":"y"}`)
		if got := c.next(); strings.Contains(got, "pid") {
			t.Errorf("got %q", got)
		}
	})
}
