package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// trio is three clients: a in red, b in red and blue, c in blue.
func trio(t *testing.T, opts *socketio.Options) (n *node, clients map[string]*client) {
	t.Helper()
	n, clients = serve(t, opts), map[string]*client{}
	for name, rooms := range map[string][]string{"a": {"red"}, "b": {"red", "blue"}, "c": {"blue"}} {
		clients[name] = n.join(t)
		must(t, n.socket(t, clients[name], "/").Join(rooms...))
	}
	return n, clients
}

// members names the clients whose sockets are in a room.
func members(n *node, clients map[string]*client, room string) (names string) {
	for _, name := range slices.Sorted(maps.Keys(clients)) {
		for _, s := range n.In(room).Sockets() {
			if s.ID() == clients[name].sid {
				names += name
			}
		}
	}
	return names
}

// name is a name whose encoding fails for some.
type name string

func (v name) MarshalJSON() ([]byte, error) {
	switch v {
	case "panic":
		panic("the application's fault")
	case "error":
		return nil, errors.New("no name")
	}
	return json.Marshal(string(v))
}

func TestServer_FetchSockets(t *testing.T) {
	bubble(t, "describes", func(t *testing.T) {
		n := serve(t, nil)
		began := time.Now()
		c := n.dial(t)
		c.send(`40{"token":"<x>","n":[1]}`)
		c.sid = c.next()[10:30]
		s := n.socket(t, c, "/")
		must(t, s.Join("b", "a"))
		must(t, socketio.NewData[map[string]int]("scores").Set(s, map[string]int{"x": 1}),
			socketio.NewData[*string]("nothing").Set(s, nil),
			socketio.NewData[name]("name").Set(s, "Ann"),
			socketio.NewLocalData[func()]("stays here").Set(s, func() {}))
		if err := socketio.NewData[name]("broken").Set(s, "error"); err == nil {
			t.Error("a value that cannot be encoded was stored")
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic of a value's own encoder was kept from who has stored it")
				}
			}()
			_ = socketio.NewData[name]("panics").Set(s, "panic")
		}()
		gone := socketio.NewData[string]("gone")
		must(t, gone.Set(s, "x"))
		gone.Delete(s)

		all, err := n.FetchSockets(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("%d sockets, %v", len(all), err)
		}
		r := all[0]
		if r.ID() != s.ID() || !slices.Equal(r.Rooms(), []string{"a", "b"}) {
			t.Errorf("%q in %q", r.ID(), r.Rooms())
		}
		var data map[string]any
		must(t, r.ScanData(&data))
		if got := fmt.Sprint(data); got != "map[name:Ann nothing:<nil> scores:map[x:1]]" {
			t.Errorf("data: %s", got)
		}
		var h struct {
			Headers       map[string]string
			Time, Address string
			XDomain       *bool
			Secure        *bool
			Issued        int64
			URL           string
			Query         map[string]string
			Auth          json.RawMessage
		}
		decoder := json.NewDecoder(strings.NewReader(string(r.Handshake())))
		decoder.DisallowUnknownFields()
		must(t, decoder.Decode(&h))
		if h.Headers["host"] != "parley.test" || h.Headers["upgrade"] != "websocket" || h.Time != began.UTC().Format("Mon Jan 02 2006 15:04:05")+" GMT+0000 (Coordinated Universal Time)" ||
			h.Address != "198.51.100.1" || *h.XDomain || *h.Secure || h.Issued != began.UnixMilli() ||
			h.URL != "/socket.io/?EIO=4&transport=websocket" || fmt.Sprint(h.Query) != "map[EIO:4 transport:websocket]" ||
			string(h.Auth) != `{"token":"<x>","n":[1]}` {
			t.Errorf("handshake: %s", r.Handshake())
		}
		var keys map[string]json.RawMessage
		must(t, json.Unmarshal(r.Handshake(), &keys))
		want := []string{"address", "auth", "headers", "issued", "query", "secure", "time", "url", "xdomain"}
		if got := slices.Sorted(maps.Keys(keys)); !slices.Equal(got, want) {
			t.Errorf("the reference has %q, got %q", want, got)
		}
	})
	bubble(t, "describes who has nothing", func(t *testing.T) {
		n := serve(t, nil)
		n.join(t)
		all, err := n.FetchSockets(t.Context())
		must(t, err)
		var data map[string]any
		must(t, all[0].ScanData(&data))
		if len(all[0].Rooms()) > 0 || len(data) > 0 || !strings.Contains(string(all[0].Handshake()), `"auth":{}`) {
			t.Errorf("%q, %v, %s", all[0].Rooms(), data, all[0].Handshake())
		}
	})
	bubble(t, "chooses", func(t *testing.T) {
		n, clients := trio(t, nil)
		n.Of("/other")
		n.join(t, "/other")
		other := n.dial(t) // has joined nothing
		other.quiet()
		for want, b := range map[string]interface {
			FetchSockets(context.Context) ([]*socketio.RemoteSocket, error)
		}{
			"abc": n, "abc ": n.Local(), "ab": n.To("red"), "abc  ": n.To("red", "blue"), "a": n.To("red").Except("blue"),
			"bc": n.Except(clients["a"].sid), "c": n.In(clients["c"].sid), "": n.To("green"),
			"ac": n.socket(t, clients["b"], "/").Broadcast(), "abc   ": n.Of("/").Volatile(),
		} {
			all, err := b.FetchSockets(t.Context())
			must(t, err)
			var got []string
			for _, r := range all {
				for name, c := range clients {
					if c.sid == r.ID() {
						got = append(got, name)
					}
				}
			}
			slices.Sort(got)
			if strings.Join(got, "") != strings.TrimSpace(want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

func TestRemoteSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, clients := trio(t, nil)
		c := clients["a"]
		all, err := n.In(c.sid).FetchSockets(t.Context())
		must(t, err)
		r := all[0]
		must(t, r.Emit("e", []byte{1}), r.Join("green", "blue"), r.Leave("red", "none"))
		c.expect(`451-["e",{"_placeholder":true,"num":0}]`, "<01>")
		if got := n.socket(t, c, "/").Rooms(); !slices.Equal(got, []string{"blue", "green"}) {
			t.Errorf("in %q", got)
		}
		if got := r.Rooms(); !slices.Equal(got, []string{"red"}) {
			t.Errorf("the description is of its time, got %q", got)
		}
		if err := r.Join(""); !errors.Is(err, socketio.ErrRoomName) {
			t.Errorf("got %v", err)
		}

		outcome := make(chan string)
		const q = event.WithAck[int, string]("q")
		ask := func() {
			answer, err := event.EmitWithAck(t.Context(), r, q, 7)
			outcome <- fmt.Sprint(answer, " ", err)
		}
		go ask()
		c.expect(`420["q",7]`)
		c.send(`430["seven"]`)
		if got := <-outcome; got != "seven <nil>" {
			t.Error(got)
		}
		go ask()
		c.expect(`421["q",7]`)
		c.send(`431[{"error":{"code":"invalid","message":"no"}}]`)
		if got := <-outcome; got != " invalid: no" {
			t.Error(got)
		}
		began := time.Now()
		_, err = r.EmitWithAck(t.Context(), "q")
		var incomplete *socketio.IncompleteError
		if !errors.As(err, &incomplete) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 30*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		c.expect(`422["q"]`)

		must(t, r.Disconnect(false))
		c.expect("41")
		if _, err := r.EmitWithAck(t.Context(), "q"); !errors.Is(err, socketio.ErrClosed) {
			t.Errorf("afterwards: %v", err)
		}
		must(t, r.Emit("e"), r.Join("x"), r.Leave("x"), r.Disconnect(true))
		c.quiet()
		for _, name := range []string{"b", "c"} {
			clients[name].quiet()
		}
	})
	bubble(t, "with the connection", func(t *testing.T) {
		n, clients := trio(t, nil)
		all, err := n.In(clients["a"].sid).FetchSockets(t.Context())
		must(t, err, all[0].Disconnect(true))
		clients["a"].closed("41")
	})
}

func TestBroadcast_SocketsJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, clients := trio(t, &socketio.Options{MaxRooms: 3})
		must(t, n.SocketsJoin("all"), n.To("red").SocketsJoin("x", "red"), n.To("red").Except("blue").Local().SocketsJoin("y"))
		for room, want := range map[string]string{"all": "abc", "x": "a", "y": "", "red": "ab"} { // nobody has more than three
			if got := members(n, clients, room); got != want {
				t.Errorf("%s: %q, want %q", room, got, want)
			}
		}
		if s := n.Stats(); s.TooManyRooms != 2 { // b into x, a into y
			t.Errorf("%d refused", s.TooManyRooms)
		}
		for _, bad := range []string{"", strings.Repeat("x", 513)} {
			if err := n.SocketsJoin("fine", bad); !errors.Is(err, socketio.ErrRoomName) || members(n, clients, "fine") != "" {
				t.Errorf("got %v", err)
			}
		}
		must(t, n.Except("red").SocketsLeave("blue", "none"), n.To("x").SocketsLeave("red"), n.SocketsLeave("all", clients["a"].sid))
		for room, want := range map[string]string{"blue": "b", "red": "b", "all": "", clients["a"].sid: "a"} {
			if got := members(n, clients, room); got != want {
				t.Errorf("%s: %q, want %q", room, got, want)
			}
		}
		must(t, n.Shutdown(t.Context()))
		if err := n.SocketsJoin("x"); !errors.Is(err, socketio.ErrClosed) {
			t.Errorf("after Shutdown: %v", err)
		}
		must(t, n.SocketsLeave("x"), n.DisconnectSockets(true))
		all, err := n.FetchSockets(t.Context())
		if err != nil || len(all) > 0 {
			t.Errorf("after Shutdown: %d sockets, %v", len(all), err)
		}
	})
}

func TestBroadcast_DisconnectSockets(t *testing.T) {
	bubble(t, "of the namespace", func(t *testing.T) {
		n, clients := trio(t, nil)
		told := newJournal()
		n.OnDisconnect(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
		must(t, n.To("red").Except("blue").DisconnectSockets(false))
		told.expect(t, string(socketio.ServerDisconnect))
		clients["a"].expect("41")
		clients["a"].join("/") // the connection is there
		must(t, n.To("red").Local().DisconnectSockets(true))
		clients["b"].closed("41")
		clients["c"].quiet()
		clients["a"].quiet()
		must(t, n.DisconnectSockets(true))
		clients["a"].closed("41")
		clients["c"].closed("41")
		told.expect(t, slices.Repeat([]string{string(socketio.ServerDisconnect)}, 3)...)
	})
	bubble(t, "by one of them", func(t *testing.T) {
		n, clients := trio(t, nil)
		n.On("out", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
			return errors.Join(s.Broadcast().DisconnectSockets(true), m.Ack(), n.DisconnectSockets(false))
		})
		clients["a"].send(`420["out"]`)
		clients["a"].expect("430[]", "41")
		clients["b"].closed("41")
		clients["c"].closed("41")
	})
}

func TestServer_ServerCount(t *testing.T) {
	n := serve(t, nil)
	if got, err := n.ServerCount(t.Context()); got != 1 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
}

func TestNamespace_ObserveRooms(t *testing.T) {
	bubble(t, "in order", func(t *testing.T) {
		n := serve(t, nil)
		told := newJournal()
		stop := n.Of("/").ObserveRooms(func(e socketio.RoomEvent) {
			told.add("%v %s %v", e.Kind, e.Room, e.ID != "")
			if len(n.In(e.Room).Sockets()) > 1 { // it may ask
				t.Error("how many?")
			}
			panic("the application's fault")
		})
		c := n.join(t)
		s := n.socket(t, c, "/")
		must(t, s.Join("a"), s.Join("a"))
		s.Leave("a")
		must(t, n.SocketsJoin("b"))
		c.cut()
		told.expect(t, "create-room a false", "join-room a true", "leave-room a true", "delete-room a false",
			"create-room b false", "join-room b true", "leave-room b true", "delete-room b false")
		if got := n.Stats().HandlerPanics; got != 8 {
			t.Errorf("%d panics", got)
		}
		stop()
		stop()
		must(t, n.socket(t, n.join(t), "/").Join("a"))
		told.expect(t)
	})
	bubble(t, "with recovery", func(t *testing.T) {
		n, c, k := recovering(t, &socketio.Recovery{})
		told := newJournal()
		defer n.Of("/").ObserveRooms(func(e socketio.RoomEvent) { told.add("%v %s", e.Kind, e.Room) })()
		must(t, n.socket(t, c, "/").Join("a"))
		c.cut()
		told.expect(t, "create-room a", "join-room a", "leave-room a", "delete-room a")
		n.back(t, k)
		told.expect(t, "create-room a", "join-room a")
	})
}
