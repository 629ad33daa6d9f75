package cluster_test

import (
	"fmt"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// BenchmarkAdapter_Broadcast measures the choice of members; the delivery costs nothing.
func BenchmarkAdapter_Broadcast(b *testing.B) {
	for _, size := range []int{1, 10, 1_000, 10_000} {
		a := setup(b, func(*parser.Packet, []cluster.Member, *cluster.Target) error { return nil })
		for i := range size {
			id := fmt.Sprint(i)
			a.Add(member(id))
			if err := a.Join(id, "room", fmt.Sprintf("half %d", i%2)); err != nil {
				b.Fatal(err)
			}
		}
		p := &parser.Packet{Type: parser.Event, Data: []byte(`["x"]`)}
		for _, c := range []struct {
			name   string
			target cluster.Target
		}{
			{"everyone", cluster.Target{Everyone: true}},
			{"room", cluster.Target{Rooms: []string{"room"}}},
			{"room but sender", cluster.Target{Rooms: []string{"room"}, Except: []string{"0"}}},
			{"room but half", cluster.Target{Rooms: []string{"room"}, Except: []string{"half 0"}}},
			{"union", cluster.Target{Rooms: []string{"room", "half 0"}}},
			{"member", cluster.Target{Rooms: []string{"0"}}},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := a.Broadcast(p, &c.target); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkRecovery_Broadcast measures what recovery adds: the offset, the history, and the members that follow. "plain"
// is the same broadcast without recovery.
func BenchmarkRecovery_Broadcast(b *testing.B) {
	for _, size := range []int{0, 1, 1_000} {
		p := &parser.Packet{Type: parser.Event, Data: []byte(`["news",{"text":"a sentence of some length"}]`)}
		for name, target := range map[string]*cluster.Target{"recovery": {Everyone: true}, "plain": {Everyone: true, Volatile: true}} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				a := followed(b, size)
				b.ReportAllocs()
				for b.Loop() {
					if err := a.Broadcast(p, target); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkRecovery_Resume measures a client that comes back while 10,000 packets are kept, none of them for it.
func BenchmarkRecovery_Resume(b *testing.B) {
	for _, rooms := range []int{1, 1_000} {
		b.Run(fmt.Sprintf("rooms=%d", rooms), func(b *testing.B) {
			a := followed(b, 0)
			m := &follower{id: "a", progress: cluster.Progress{PID: "pid"}}
			a.Add(m)
			for i := range rooms {
				if err := a.Join("a", fmt.Sprint("room ", i)); err != nil {
					b.Fatal(err)
				}
			}
			a.Suspend(m, nil)
			for range 10_000 {
				p := &parser.Packet{Type: parser.Event, Data: []byte(`["x"]`)}
				if err := a.Broadcast(p, &cluster.Target{Rooms: []string{"another", "third"}}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				r, err := a.Restore(b.Context(), "pid", "", 0)
				if err == nil {
					err = r.CatchUp(b.Context())
				}
				if err == nil {
					err = r.Enter(m, r.Rooms(), func([]*parser.Packet) error { return nil })
				}
				if err != nil {
					b.Fatal(err)
				}
				a.Suspend(m, nil)
			}
		})
	}
}

// followed makes an adapter with recovery and so many followers in a room.
func followed(t testing.TB, size int) *cluster.Adapter {
	t.Helper()
	nowhere := func(*parser.Packet, []cluster.Member, *cluster.Target) error { return nil }
	a := join(t, cluster.Config{Log: cluster.PrivateLog(cluster.MemoryLogLimits{})}, deliver(nowhere))
	for i := range size {
		id := fmt.Sprint(i)
		a.Add(&follower{id: id, progress: cluster.Progress{PID: "pid of " + id}})
		if err := a.Join(id, "room"); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// BenchmarkAdapter_Join measures a join and the leave that undoes it, in rooms of different sizes.
func BenchmarkAdapter_Join(b *testing.B) {
	for _, size := range []int{0, 10, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			a := setup(b, nil)
			for i := range size + 1 {
				id := fmt.Sprint(i)
				a.Add(member(id))
				if err := a.Join(id, "room"); err != nil {
					b.Fatal(err)
				}
			}
			a.Leave("0", "room")
			b.ReportAllocs()
			for b.Loop() {
				if err := a.Join("0", "room"); err != nil {
					b.Fatal(err)
				}
				a.Leave("0", "room")
			}
		})
	}
}

// BenchmarkAdapter_Add measures a connection that joins one room and ends.
func BenchmarkAdapter_Add(b *testing.B) {
	a := setup(b, nil)
	m := member("a")
	b.ReportAllocs()
	for b.Loop() {
		a.Add(m)
		if err := a.Join("a", "room"); err != nil {
			b.Fatal(err)
		}
		a.Remove("a")
	}
}
