package realtime_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

// The last list that a client has got is the truth, whether it was told or answered.
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
				}
			})
		}
		wg.Wait()
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
			heard := ""
			for len(p.packets) > 0 {
				packet := <-p.packets
				if packet.Type == parser.Event {
					heard = text(packet, 1)
				} else if answer := text(packet, 0); answer != heard {
					t.Errorf("peer %d is answered %s after it has heard %s", i, answer, heard)
				}
			}
			if heard != string(wanted) {
				t.Errorf("peer %d believes in %s, want %s", i, heard, wanted)
			}
		}
	})
}
