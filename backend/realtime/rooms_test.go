package realtime_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

func TestJoinRoom(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, b, c := w.connect(), w.connect(), w.connect()
		want(t, a.call("join-room", "r"), joined("r", a))
		a.call("user-online", "ann")
		forget(a, b, c)

		both := strings.Replace(joined("r", a, b), `"`+a.id+`","user":null`, `"`+a.id+`","user":"ann"`, 1)
		want(t, b.call("join-room", "r"), both)
		want(t, a.event("user-joined"), `{"id":"`+b.id+`","user":null,"room":"r","timestamp":NOW}`)
		quiet(t, a, b, c)

		want(t, b.call("join-room", "r"), both) // again: the same answer, and nobody hears of it
		quiet(t, a, b, c)

		c.emit("join-room", "r") // the acknowledgement is optional
		a.event("user-joined")
		b.event("user-joined")
		quiet(t, a, b, c)
	})
}

func TestLeaveRoom(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, b := w.connect(), w.connect()
		a.call("join-room", "r")
		b.call("join-room", "r")
		b.call("user-online", "bob")
		forget(a, b)

		want(t, b.call("leave-room", "r"), `{"room":"r"}`)
		want(t, a.event("user-left"), `{"id":"`+b.id+`","user":"bob","room":"r","timestamp":NOW}`)
		quiet(t, a, b)

		want(t, b.call("leave-room", "r"), `{"room":"r"}`) // again
		want(t, b.call("leave-room", "never joined"), `{"room":"never joined"}`)
		quiet(t, a, b)

		wantCode(t, b.call("room-message", map[string]any{"room": "r", "message": 1}), "forbidden")
		a.call("room-message", map[string]any{"room": "r", "message": 1})
		a.event("room-broadcast")
		quiet(t, a, b)
	})
}

func TestDisconnect(t *testing.T) {
	for name, leave := range map[string]func(*peer){
		"by packet":  func(p *peer) { p.send(&parser.Packet{Type: parser.Disconnect}) },
		"connection": (*peer).drop,
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, w *world) {
				a, b, c := w.connect(), w.connect(), w.connect()
				for _, room := range []string{"r1", "r2", "r3"} {
					a.call("join-room", room)
					b.call("join-room", room)
				}
				c.call("join-room", "r2")
				b.call("leave-room", "r1")
				forget(a, b, c)

				leave(b)
				want(t, a.event("user-left"), `{"id":"`+b.id+`","user":null,"room":"r2","timestamp":NOW}`)
				want(t, a.event("user-left"), `{"id":"`+b.id+`","user":null,"room":"r3","timestamp":NOW}`)
				want(t, c.event("user-left"), `{"id":"`+b.id+`","user":null,"room":"r2","timestamp":NOW}`)
				quiet(t, a, c)
				want(t, c.call("join-room", "r3"), joined("r3", a, c))
			})
		})
	}
}

// joined is the answer to join-room with these members, none of whom has a user.
func joined(room string, peers ...*peer) string {
	var members []string
	for _, p := range peers {
		members = append(members, `{"id":"`+p.id+`","user":null}`)
	}
	slices.Sort(members)
	return `{"room":"` + room + `","members":[` + strings.Join(members, ",") + `]}`
}

// Whoever applies what it hears to the answer of its join knows who is there, whatever the others do at the same time.
func TestRooms_concurrentChanges(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		const peers, steps = 10, 100
		all := make([]*peer, peers)
		for i := range all {
			all[i] = w.connect()
		}
		var wg sync.WaitGroup
		for i, p := range all {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			wg.Go(func() {
				for id := uint64(1); id <= steps; id++ {
					p.sendEvent(&id, []string{"join-room", "leave-room"}[random.IntN(2)], []any{"r"})
				}
				if i%3 == 0 {
					p.drop()
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		dropped := map[string]bool{}
		for i := 0; i < peers; i += 3 {
			dropped[all[i].id] = true
		}

		asker := w.connect()
		truth := members(t, asker.callRaw("join-room", "r"))
		synctest.Wait() // the others have heard of the asker
		for i, p := range all {
			view := follow(t, p, dropped)
			if i%3 != 0 && view != nil && !maps.Equal(view, truth) {
				t.Errorf("peer %d sees %d members, want %d\n%v\n%v", i, len(view), len(truth), view, truth)
			}
		}
	})
}

// members are the ids in the answer to join-room.
func members(t *testing.T, ack *parser.Packet) map[string]bool {
	t.Helper()
	var answer struct{ Members []struct{ ID string } }
	if err := json.Unmarshal([]byte(text(ack, 0)), &answer); err != nil {
		t.Fatalf("%v: %s", err, ack.Data)
	}
	ids := map[string]bool{}
	for _, m := range answer.Members {
		ids[m.ID] = true
	}
	return ids
}

// follow keeps the list of members as a client would that joins and leaves one room. It returns nil if it is outside.
// One whose connection has dropped is out of the room before the others hear of it.
func follow(t *testing.T, p *peer, dropped map[string]bool) (ids map[string]bool) {
	t.Helper()
	for len(p.packets) > 0 {
		packet, ok := <-p.packets
		switch {
		case !ok:
			return nil
		case packet.Type == parser.Ack && bytes.Contains(packet.Data, []byte(`"members"`)):
			ids = members(t, packet)
			continue
		case packet.Type == parser.Ack:
			ids = nil
			continue
		}
		name, _, _ := payload.EventName(packet.Data)
		var change struct{ ID string }
		if err := json.Unmarshal([]byte(text(packet, 1)), &change); err != nil {
			t.Fatal(err)
		}
		switch {
		case ids != nil && name == "user-joined" && !ids[change.ID]:
			ids[change.ID] = true
		case ids != nil && name == "user-left" && ids[change.ID]:
			delete(ids, change.ID)
		case ids != nil && name == "user-left" && dropped[change.ID]:
		default:
			t.Errorf("%s of %s; member: %t, and knows of it: %t", name, change.ID, ids != nil, ids[change.ID])
		}
	}
	return ids
}
