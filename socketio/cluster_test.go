package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// cable is a bus that can be cut, as the network of a node that vanishes is.
type cable struct {
	cluster.Bus
	cut atomic.Bool
}

func (c *cable) Start(ctx context.Context, node cluster.BusNode) error {
	receive := node.Receive
	node.Receive = func(m *cluster.Message) bool { return !c.cut.Load() && receive(m) }
	return c.Bus.Start(ctx, node)
}

func (c *cable) Publish(ctx context.Context, messages []*cluster.Message) error {
	if c.cut.Load() {
		return nil // nobody tells it
	}
	return c.Bus.Publish(ctx, messages)
}

// serveCables starts nodes whose buses can be cut.
func serveCables(t testing.TB, count int) (nodes []*node, cables []*cable) {
	t.Helper()
	bus := cluster.NewMemoryBus(false)
	for i := range count {
		c := &cable{Bus: bus.Node()}
		cables = append(cables, c)
		nodes = append(nodes, serve(t, &socketio.Options{Adapter: cluster.Config{Bus: c, NodeID: fmt.Sprint("node ", i)}}))
	}
	meet(t, nodes...)
	return nodes, cables
}

// clusters calls test with two and three nodes, on a bus that carries everything to all and on one that subscribes to rooms.
func clusters(t *testing.T, test func(t *testing.T, nodes []*node, clients []*client)) {
	for count := 2; count <= 3; count++ {
		for _, rooms := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%d nodes, rooms %t", count, rooms), func(t *testing.T) {
				nodes := serveCluster(t, cluster.NewMemoryBus(rooms), count, func(int) *socketio.Options { return &socketio.Options{} })
				var clients []*client
				for _, n := range nodes {
					clients = append(clients, n.join(t))
				}
				test(t, nodes, clients)
			})
		}
	}
}

func TestCluster_broadcast(t *testing.T) {
	clusters(t, func(t *testing.T, nodes []*node, clients []*client) {
		io, last := nodes[0], len(nodes)-1
		for i, n := range nodes {
			s := n.socket(t, clients[i], "/")
			must(t, s.Join("all", fmt.Sprint("of ", i)))
		}
		// check expects messages at some clients, and nothing at the others.
		check := func(want string, at ...int) {
			t.Helper()
			synctest.Wait()
			for i, c := range clients {
				var wanted []string
				if slices.Contains(at, i) {
					wanted = []string{want}
				}
				if got := c.came(); !slices.Equal(got, wanted) {
					t.Errorf("client %d got %q, want %q", i, got, wanted)
				}
			}
		}
		everybody := []int{0, 1, 2}[:len(nodes)]
		must(t, io.Emit("e", 1))
		check(`42["e",1]`, everybody...)
		must(t, io.To("all").Emit("room"))
		check(`42["room"]`, everybody...)
		must(t, io.To(fmt.Sprint("of ", last)).Emit("one"))
		check(`42["one"]`, last)
		must(t, io.To("of 0", fmt.Sprint("of ", last)).Emit("two"))
		check(`42["two"]`, 0, last)
		must(t, io.To("all").Except(fmt.Sprint("of ", last)).Emit("but"))
		check(`42["but"]`, everybody[:last]...)
		must(t, nodes[last].socket(t, clients[last], "/").To("all").Emit("others"))
		check(`42["others"]`, everybody[:last]...)
		must(t, io.Local().Emit("here"))
		check(`42["here"]`, 0)
		must(t, io.Volatile().Emit("volatile"))
		check(`42["volatile"]`, everybody...)
		must(t, io.Compress(false).Emit("plain"))
		check(`42["plain"]`, everybody...)
		must(t, io.To(clients[last].sid).Emit("by id"))
		check(`42["by id"]`, last)
		must(t, io.To().Emit("nobody"), io.To("nobody's").Emit("nobody"), io.Of("/elsewhere").Emit("nobody"))
		check("")

		must(t, io.Emit("bin", []byte{1, 2}))
		for _, c := range clients {
			c.expect(`451-["bin",{"_placeholder":true,"num":0}]`, `<0102>`)
		}
		nodes[last].socket(t, clients[last], "/").Leave("all")
		must(t, io.To("all").Emit("left"))
		check(`42["left"]`, everybody[:last]...)
	})
}

func TestCluster_queries(t *testing.T) {
	user := socketio.NewData[map[string]int]("user")
	clusters(t, func(t *testing.T, nodes []*node, clients []*client) {
		io, last := nodes[0], len(nodes)-1
		var ids []string
		for i, n := range nodes {
			s := n.socket(t, clients[i], "/")
			must(t, s.Join("all"), user.Set(s, map[string]int{"n": i}))
			ids = append(ids, s.ID())
		}
		slices.Sort(ids)
		if count, err := io.ServerCount(t.Context()); count != len(nodes) || err != nil {
			t.Errorf("%d nodes, %v", count, err)
		}
		all, err := io.To("all").FetchSockets(t.Context())
		must(t, err)
		var got []string
		for _, r := range all {
			got = append(got, r.ID())
			var data struct{ User struct{ N int } }
			must(t, r.ScanData(&data))
			if clients[data.User.N].sid != r.ID() || !slices.Equal(r.Rooms(), []string{"all"}) {
				t.Errorf("%s has data of %d and rooms %q", r.ID(), data.User.N, r.Rooms())
			}
		}
		if slices.Sort(got); !slices.Equal(got, ids) {
			t.Errorf("fetched %q, want %q", got, ids)
		}

		must(t, io.Except(clients[0].sid).SocketsJoin("far"), io.SocketsLeave("all"))
		synctest.Wait()
		for i, n := range nodes {
			want := []string{"far"}
			if i == 0 {
				want = nil
			}
			if got := n.socket(t, clients[i], "/").Rooms(); !slices.Equal(got, want) {
				t.Errorf("node %d: rooms %q, want %q", i, got, want)
			}
		}

		for i, c := range clients {
			go func() {
				switch got := c.next(); got {
				case `420["q"]`:
					c.send(fmt.Sprintf("430[%d]", i))
				default:
					t.Errorf("client %d got %q", i, got)
				}
			}()
		}
		answers, err := io.EmitWithAcks(t.Context(), "q")
		must(t, err)
		got = nil
		for _, m := range answers {
			got = append(got, string(m.Raw(0).JSON))
		}
		if slices.Sort(got); !slices.Equal(got, []string{"0", "1", "2"}[:len(nodes)]) {
			t.Errorf("answers %q", got)
		}

		for i, n := range nodes {
			n.OnServerEvent("sum", func(_ context.Context, m *event.Message) error { return m.Ack(fmt.Sprint("node ", i)) })
		}
		answers, err = io.ServerSideEmitWithAck(t.Context(), "sum", 1)
		must(t, err)
		got = nil
		for _, m := range answers {
			got = append(got, string(m.Raw(0).JSON))
		}
		if slices.Sort(got); !slices.Equal(got, []string{`"node 1"`, `"node 2"`}[:last]) {
			t.Errorf("answers %q", got)
		}

		must(t, io.To("far").DisconnectSockets(true))
		for _, c := range clients[1:] {
			c.closed("41")
		}
		clients[0].quiet()
	})
}

// The clients of a node that has asked and gone are gone; one that does not answer is named.
func TestCluster_nodes_that_go(t *testing.T) {
	bubble(t, "in order", func(t *testing.T) {
		nodes, _ := serveCables(t, 3)
		c := nodes[2].join(t)
		asked := make(chan error)
		go func() {
			answers, err := nodes[0].EmitWithAcks(t.Context(), "q")
			if len(answers) > 0 {
				t.Errorf("%d answers", len(answers))
			}
			asked <- err
		}()
		c.expect(`420["q"]`)
		began := time.Now()
		must(t, nodes[2].Shutdown(t.Context()))
		var incomplete *socketio.IncompleteError
		if err := <-asked; !errors.As(err, &incomplete) || !slices.Equal(incomplete.Sockets, []string{c.sid}) ||
			len(incomplete.Nodes)+incomplete.UnnamedNodes > 0 || incomplete.Err != nil {
			t.Errorf("got %+v", err)
		}
		if got, err := nodes[0].FetchSockets(t.Context()); err != nil || len(got) > 0 {
			t.Errorf("%d sockets, %v", len(got), err)
		}
		if n, err := nodes[0].ServerCount(t.Context()); n != 2 || err != nil {
			t.Errorf("%d nodes, %v", n, err)
		}
		if waited := time.Since(began); waited > 5*time.Second {
			t.Errorf("it took %v", waited)
		}
	})
	bubble(t, "without a word", func(t *testing.T) {
		nodes, cables := serveCables(t, 3)
		far, near := nodes[2].join(t), nodes[1].join(t)
		cables[2].cut.Store(true)
		for _, ask := range []func(ctx context.Context) error{
			func(ctx context.Context) error {
				got, err := nodes[0].FetchSockets(ctx)
				if len(got) != 1 || got[0].ID() != near.sid {
					t.Errorf("%d sockets", len(got))
				}
				return err
			},
			func(ctx context.Context) error {
				_, err := nodes[0].ServerSideEmitWithAck(ctx, "nobody handles it")
				return err
			},
			func(ctx context.Context) error { _, err := nodes[0].EmitWithAcks(ctx, "q"); return err },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			err := ask(ctx)
			cancel()
			var incomplete *socketio.IncompleteError
			if !errors.As(err, &incomplete) || !slices.Contains(incomplete.Nodes, "node 2") || incomplete.UnnamedNodes > 0 ||
				!errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
				t.Errorf("got %+v after %v", err, time.Since(began))
			}
		}
		// Once its heartbeats are missed nobody waits any more, and not even the question that was asked before.
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := nodes[0].FetchSockets(ctx)
		var incomplete *socketio.IncompleteError
		if !errors.As(err, &incomplete) || !slices.Equal(incomplete.Nodes, []string{"node 2"}) || incomplete.Err != nil {
			t.Errorf("got %+v", err)
		}
		if waited := time.Since(began); waited > 13*time.Second {
			t.Errorf("it was waited for %v", waited)
		}
		if got, err := nodes[0].FetchSockets(t.Context()); err != nil || len(got) != 1 {
			t.Errorf("afterwards: %d sockets, %v", len(got), err)
		}
		cables[2].cut.Store(false) // it is back
		time.Sleep(10 * time.Second)
		meet(t, nodes...)
		if got, err := nodes[0].FetchSockets(t.Context()); err != nil || len(got) != 2 {
			t.Errorf("after its return: %d sockets, %v", len(got), err)
		}
		must(t, nodes[0].To(far.sid).Emit("hello"))
		far.expect(`42["hello"]`)
	})
}

// serveRecovering starts nodes that share a log.
func serveRecovering(t testing.TB, count int, told journal) (nodes []*node) {
	log := cluster.NewMemoryLog(cluster.MemoryLogLimits{})
	return serveCluster(t, cluster.NewMemoryBus(false), count, func(int) *socketio.Options {
		return &socketio.Options{
			Adapter: cluster.Config{Log: log.Node()},
			Recovery: &socketio.Recovery{
				OnFailed:  func(_ *socketio.Socket, err error) { told.add("failed: %v", err) },
				OnExpired: func(id string) { told.add("expired %s", id) },
			},
		}
	})
}

func TestCluster_recovery(t *testing.T) {
	type user struct{ Name string }
	who, local := socketio.NewData[user]("user"), socketio.NewLocalData[func()]("local")
	for name, leave := range map[string]func(t *testing.T, n *node, c *client){
		"the connection is lost":   func(_ *testing.T, _ *node, c *client) { c.cut() },
		"the node stops":           func(t *testing.T, n *node, _ *client) { must(t, n.Shutdown(t.Context())) },
		"nobody has noticed yet":   func(*testing.T, *node, *client) {},
		"the client is told to go": func(t *testing.T, n *node, c *client) { n.socket(t, c, "/").Disconnect(true) },
		"the client leaves":        func(_ *testing.T, _ *node, c *client) { c.send("41"); synctest.Wait() },
		"it is away for longer":    func(_ *testing.T, _ *node, c *client) { c.cut(); time.Sleep(3 * time.Minute) },
	} {
		again := name != "the client is told to go" && name != "the client leaves" && name != "it is away for longer"
		bubble(t, name, func(t *testing.T) {
			told := newJournal()
			nodes := serveRecovering(t, 2, told)
			a, b := nodes[0], nodes[1]
			c := a.dial(t)
			k, _ := c.enter("/", "")
			s := a.socket(t, c, "/")
			must(t, s.Join("room"), who.Set(s, user{"Ann"}), local.Set(s, func() {}))
			must(t, b.Emit("first"), b.To("room").Emit("seen"))
			k = k.behind(c.next(), c.next())
			must(t, b.To("room").Emit("sent into the dead connection"))
			synctest.Wait()
			leave(t, a, c)
			must(t, b.To("room").Emit("missed", []byte{7}), b.To("elsewhere").Emit("theirs"))
			synctest.Wait()

			second, after, before := b.back(t, k)
			continues(t, k, after, again)
			got := b.Sockets()[0]
			if !again {
				if len(before) > 0 || got.Recovered() || got.InRoom("room") {
					t.Errorf("got %q, and it is in %q", before, got.Rooms())
				}
				return
			}
			want := []string{
				`42["sent into the dead connection","*"]`, `451-["missed",{"_placeholder":true,"num":0},"*"]`, `<07>`,
			}
			if !slices.Equal(masked(before), want) {
				t.Errorf("got  %q\nwant %q", masked(before), want)
			}
			if v, ok := who.Value(got); !got.Recovered() || v.Name != "Ann" || !ok || !slices.Equal(got.Rooms(), []string{"room"}) {
				t.Errorf("recovered %t, of %q, in %q", got.Recovered(), v.Name, got.Rooms())
			}
			if _, ok := local.Value(got); ok {
				t.Error("local data has travelled")
			}
			synctest.Wait()
			if all := a.Sockets(); len(all) > 0 {
				t.Error("the socket is on both nodes")
			}
			must(t, b.To("room").Emit("next"))
			if got := masked([]string{second.next()}); got[0] != `42["next","*"]` {
				t.Errorf("got %q", got)
			}
			told.expect(t)
			must(t, who.Set(got, user{"Bob"}))
		})
	}
}

// A client may wander between nodes while all of them broadcast.
func TestCluster_recovery_again(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := serveRecovering(t, 3, newJournal())
		c := nodes[0].dial(t)
		k, _ := c.enter("/", "")
		must(t, nodes[0].socket(t, c, "/").Join("room"))
		next := 0
		book := func(messages ...string) {
			for _, m := range messages {
				if want := fmt.Sprintf(`42["e",%d,"*"]`, next); masked([]string{m})[0] != want {
					t.Errorf("got %q, want %q", m, want)
				}
				next++
				k = k.behind(m)
			}
		}
		for i := range 60 {
			must(t, nodes[i%3].To("room").Emit("e", i))
			switch i % 4 {
			case 0:
				book(c.next())
				continue
			case 1:
				synctest.Wait()
				c.cut() // it has not seen the last one
			}
			var before []string
			var again ticket
			c, again, before = nodes[(i+1)%3].back(t, k)
			continues(t, k, again, true)
			book(before...)
		}
		if next != 60 {
			t.Errorf("%d events have come", next)
		}
	})
}

// Clients are made to come back as new ones when events for them are lost: they must know.
func TestCluster_lost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newRecorder()
		n := serve(t, &socketio.Options{Adapter: cluster.Config{Log: log}})
		c := n.dial(t)
		k, _ := c.enter("/", "")
		must(t, n.Emit("seen"))
		k = k.behind(c.next())
		end, err := log.Last(t.Context(), "/")
		must(t, err)
		log.node.Lost("/", cluster.Position{Epoch: end.Epoch, Number: end.Number})
		c.closed()
		_, again, _ := n.back(t, k)
		continues(t, k, again, false)
		if h := n.ClusterHealth(); h.Lost != 1 {
			t.Errorf("%+v", h)
		}
	})
}

func TestData_travels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		s := n.socket(t, n.join(t), "/")
		for what, err := range map[string]error{
			"a function":           socketio.NewData[func()]("x").Set(s, func() {}),
			"a channel":            socketio.NewData[chan int]("x").Set(s, make(chan int)),
			"an error":             socketio.NewData[error]("x").Set(s, errors.New("x")),
			"one way only":         socketio.NewData[oneWay]("x").Set(s, "x"),
			"a map that cannot be": socketio.NewData[map[float64]int]("x").Set(s, map[float64]int{1: 1}),
		} {
			if err == nil {
				t.Errorf("%s was stored", what)
			}
		}
		key := socketio.NewData[[]any]("key")
		must(t, key.Set(s, []any{1.5, "a", nil, map[string]any{"b": true}}))
		if err := socketio.NewData[func()]("key").Set(s, nil); err == nil {
			t.Error("a function was stored")
		}
		if v, ok := key.Value(s); !ok || fmt.Sprint(v) != "[1.5 a <nil> map[b:true]]" {
			t.Errorf("got %v, %t: a Set that fails changes nothing", v, ok)
		}
	})
}

// oneWay can be encoded, and comes back as something else.
type oneWay string

func (o oneWay) MarshalText() ([]byte, error)     { return []byte("text of " + o), nil }
func (o *oneWay) UnmarshalText(text []byte) error { *o = oneWay(text); return nil }
