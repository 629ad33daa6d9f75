package realtime_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/parser"
)

func TestUserOnline(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, b, c := w.connect(), w.connect(), w.connect()
		want(t, b.call("user-online", "bob"), `["bob"]`)
		for _, p := range []*peer{a, b, c} { // every client, the sender too
			want(t, p.event("users-online"), `["bob"]`)
		}
		a.emit("user-online", "ann")
		for _, p := range []*peer{a, b, c} {
			want(t, p.event("users-online"), `["ann","bob"]`)
		}
		want(t, c.call("user-online", "bob"), `["ann","bob"]`) // a second connection: no change
		want(t, b.call("user-online", "bob"), `["ann","bob"]`) // again: no change
		quiet(t, a, b, c)

		want(t, b.call("user-online", "carl"), `["ann","bob","carl"]`) // bob has another connection
		want(t, a.event("users-online"), `["ann","bob","carl"]`)
		want(t, a.call("user-online", "bob"), `["bob","carl"]`) // ann has none: replaced at once
		want(t, a.event("users-online"), `["bob","carl"]`)
		forget(b, c)
		quiet(t, a, b, c)
	})
}

func TestPresenceGrace(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		a, b, b2 := w.connect(), w.connect(), w.connect()
		a.call("user-online", "ann")
		b.call("user-online", "bob")
		b2.call("user-online", "bob")
		forget(a, b, b2)

		b2.drop() // bob has another connection
		time.Sleep(3 * time.Second)
		quiet(t, a, b)

		b.drop()
		time.Sleep(1900 * time.Millisecond)
		quiet(t, a)
		b = w.connect() // within the grace
		want(t, b.call("user-online", "bob"), `["ann","bob"]`)
		time.Sleep(3 * time.Second)
		quiet(t, a, b)

		b.drop()
		synctest.Wait()
		time.Sleep(1999 * time.Millisecond)
		quiet(t, a)
		time.Sleep(time.Millisecond)
		want(t, a.event("users-online"), `["ann"]`)
		quiet(t, a)
	})
}

// The last list that a client has got, answered or told, is the truth, and lists are told once in an interval.
func TestUserOnline_concurrentChanges(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		const peers, steps = 8, 100
		all := make([]*peer, peers)
		for i := range all {
			all[i] = w.connect()
		}
		var wg sync.WaitGroup
		for i, p := range all {
			wg.Go(func() {
				for id := uint64(1); id <= steps; id++ {
					p.sendEvent(&id, "user-online", []any{fmt.Sprint((i + int(id)) % 5)})
					if id%10 == 0 {
						time.Sleep(10 * time.Millisecond)
					}
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		truth := map[string]bool{}
		for i := range all {
			truth[fmt.Sprint((i+steps)%5)] = true
		}
		wanted, err := json.Marshal(slices.Sorted(maps.Keys(truth)))
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range all {
			last, told := "", 0
			for len(p.packets) > 0 {
				packet := <-p.packets
				if packet.Type == parser.Event {
					last = text(packet, 1)
					told++
				} else {
					last = text(packet, 0)
				}
			}
			if last != string(wanted) {
				t.Errorf("peer %d was sent %s last, want %s", i, last, wanted)
			}
			if told > 3 { // at once, at the end of the interval, and once more if that was not the end
				t.Errorf("peer %d was told %d times within an interval", i, told)
			}
		}
	}, interval)
}

// interval leaves the interval at its default.
func interval(o *backend.Options) { o.PresenceInterval = 0 }

// few lets a list be long.
func few(o *backend.Options) { o.PresenceListLimit = 3 }

func TestUserOnline_changes(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		watcher := w.connect()
		var third *peer
		for _, user := range []string{"ann", "bob", "carl"} {
			third = w.connect()
			third.call("user-online", user)
		}
		time.Sleep(time.Second)
		forget(watcher)

		var list struct {
			Users   []string
			Version uint64
			Epoch   string
			Next    *string
		}
		page := func(req ...any) {
			t.Helper()
			list.Next = nil
			if err := json.Unmarshal([]byte(watcher.call("presence-list", req...)), &list); err != nil {
				t.Fatal(err)
			}
		}
		page()
		if !slices.Equal(list.Users, []string{"ann", "bob", "carl"}) || list.Next != nil || list.Epoch == "" {
			t.Fatalf("list %+v", list)
		}
		at := func(version uint64) string { return fmt.Sprintf(`"version":%d,"epoch":%q`, version, list.Epoch) }

		// A fourth user is one too many for lists.
		d, e := w.connect(), w.connect()
		want(t, d.call("user-online", "dora"), `{"count":4,`+at(list.Version+1)+`}`)
		want(t, watcher.event("presence-changed"), `{"joined":["dora"],"left":[],"count":4,`+at(list.Version+1)+`}`)
		want(t, e.call("user-online", "emil"), `{"count":4,`+at(list.Version+1)+`}`) // published at the end of the interval
		want(t, d.call("user-online", "ella"), `{"count":4,`+at(list.Version+1)+`}`)
		quiet(t, watcher)
		time.Sleep(250 * time.Millisecond)
		want(t, watcher.event("presence-changed"), `{"joined":["ella","emil"],"left":["dora"],"count":5,`+at(list.Version+2)+`}`)

		version := list.Version + 2
		page(map[string]any{"limit": 2})
		if !slices.Equal(list.Users, []string{"ann", "bob"}) || list.Version != version || *list.Next != "bob" {
			t.Errorf("first page %+v", list)
		}
		page(map[string]any{"limit": 3, "after": *list.Next})
		if !slices.Equal(list.Users, []string{"carl", "ella", "emil"}) || list.Next != nil {
			t.Errorf("last page %+v", list)
		}
		for _, bad := range []map[string]any{{"limit": 0}, {"limit": 1001}, {"after": strings.Repeat("x", 129)}} {
			wantCode(t, watcher.call("presence-list", bad), "invalid")
		}

		// Lists come back below four fifths of the limit.
		d.drop()
		time.Sleep(3 * time.Second)
		want(t, watcher.event("presence-changed"), `{"joined":[],"left":["ella"],"count":4,`+at(version+1)+`}`)
		e.drop()
		time.Sleep(3 * time.Second)
		want(t, watcher.event("presence-changed"), `{"joined":[],"left":["emil"],"count":3,`+at(version+2)+`}`)
		want(t, w.connect().call("user-online", "ann"), `{"count":3,`+at(version+2)+`}`)
		third.drop()
		time.Sleep(3 * time.Second)
		want(t, watcher.event("users-online"), `["ann","bob"]`)
	}, interval, few)
}

func TestJoinRoom_manyMembers(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		peers := []*peer{w.connect(), w.connect(), w.connect(), w.connect()}
		for _, p := range peers[:3] {
			if answer := p.call("join-room", "r"); !strings.Contains(answer, `"members"`) {
				t.Errorf("a short list is not there: %s", answer)
			}
		}
		var state struct {
			Count   int
			Version uint64
			Epoch   string
		}
		answer := peers[3].call("join-room", "r")
		if err := json.Unmarshal([]byte(answer), &state); err != nil || state.Count != 4 || state.Epoch == "" || strings.Contains(answer, "members") {
			t.Fatalf("answer %s, %v", answer, err)
		}
		var ids []string
		after := ""
		for {
			var page struct {
				Members []struct{ ID string }
				Version uint64
				Epoch   string
				Next    *string
			}
			req := map[string]any{"room": "r", "limit": 3}
			if after != "" {
				req["after"] = after
			}
			if err := json.Unmarshal([]byte(peers[3].call("room-members", req)), &page); err != nil || page.Version != state.Version || page.Epoch != state.Epoch {
				t.Fatalf("page %+v, %v, want version %d", page, err, state.Version)
			}
			for _, m := range page.Members {
				ids = append(ids, m.ID)
			}
			if page.Next == nil {
				break
			}
			after = *page.Next
		}
		if len(ids) != 4 || !slices.IsSorted(ids) {
			t.Errorf("members %q", ids)
		}
		peers[0].call("leave-room", "r")
		if answer := peers[3].call("room-members", map[string]any{"room": "r"}); strings.Contains(answer, fmt.Sprintf(`"version":%d`, state.Version)) {
			t.Errorf("the version has not moved: %s", answer)
		}
		wantCode(t, peers[0].call("room-members", map[string]any{"room": "r"}), "forbidden")
		wantCode(t, peers[3].call("room-members", map[string]any{"room": "r", "limit": 0}), "invalid")
	}, few)
}

// TestPresence_traffic has 1,000 users come online within a minute and shows what it costs all of them together.
func TestPresence_traffic(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		const users = 1000
		known := map[string]bool{}
		var first *peer
		for i := range users {
			p := w.connect()
			if first == nil {
				first = p
			} else {
				go func() {
					for range p.packets { // as a client that listens
					}
				}()
			}
			id := uint64(1)
			p.sendEvent(&id, "user-online", []any{fmt.Sprintf("user-%04d", i)})
			time.Sleep(time.Minute / users)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		carried := w.carried.Load()
		t.Logf("%d users who come online within a minute: %.1f MB", users, float64(carried)/1e6)
		if carried > 20e6 {
			t.Errorf("%d bytes were sent, want less than 20 MB", carried)
		}
		for len(first.packets) > 0 { // whoever applies what comes knows all
			packet := <-first.packets
			if packet.Type != parser.Event {
				continue
			}
			var change struct{ Joined, Left []string }
			if text := []byte(text(packet, 1)); text[0] == '[' {
				var list []string
				if err := json.Unmarshal(text, &list); err != nil {
					t.Fatal(err)
				}
				clear(known)
				change.Joined = list
			} else if err := json.Unmarshal(text, &change); err != nil {
				t.Fatal(err)
			}
			for _, user := range change.Joined {
				known[user] = true
			}
			for _, user := range change.Left {
				delete(known, user)
			}
		}
		if len(known) != users {
			t.Errorf("the first user knows of %d, want %d", len(known), users)
		}
	}, interval)
}
