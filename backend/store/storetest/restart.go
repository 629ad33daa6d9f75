package storetest

import (
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/parleyio/parley/backend"
)

func testRestart(t *testing.T, open Open) {
	s, err := open()
	if err != nil {
		t.Fatal(err)
	}
	m := backend.NewMessage{RoomID: "r", User: new("ann"), Text: "before", ClientMessageID: new("c")}
	before := save(t, s, m)
	item := put(t, s, "k", `1`)
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}

	s = start(t, open)
	again, created, err := s.SaveMessage(t.Context(), m)
	if err != nil || created || !reflect.DeepEqual(again, before) {
		t.Errorf("repeat after a restart: %+v, created %t, %v; want %+v", again, created, err, before)
	}
	after := save(t, s, backend.NewMessage{RoomID: "r", Socket: "s", Text: "after"})
	if after.ID <= before.ID {
		t.Errorf("id %s after a restart, %s before", after.ID, before.ID)
	}
	want := backend.Page{Messages: []backend.ChatMessage{after, before}}
	if got := page(t, s, "r", "", 0); !reflect.DeepEqual(got, want) {
		t.Errorf("read  %+v\nsaved %+v", got, want)
	}
	if got, err := s.Item(t.Context(), "k"); err != nil || !reflect.DeepEqual(got, item) {
		t.Errorf("item %+v, %v; want %+v", got, err, item)
	}
}

// testClose closes under load: what was acknowledged is there afterwards, and nothing else is.
func testClose(t *testing.T, open Open) {
	s, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	const writers = 8
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		saved   = map[string]bool{}
		started = make(chan struct{}, writers)
	)
	for w := range writers {
		wg.Go(func() {
			for i := 0; ; i++ {
				m, _, err := s.SaveMessage(t.Context(), backend.NewMessage{RoomID: "r", Socket: fmt.Sprint(w), Text: "x"})
				if err != nil {
					return
				}
				mu.Lock()
				saved[m.ID] = true
				mu.Unlock()
				if i == 0 {
					started <- struct{}{}
				}
			}
		})
	}
	for range writers {
		<-started
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("ping after close succeeds")
	}
	if _, err := s.Messages(t.Context(), "r", "", 0); err == nil {
		t.Error("read after close succeeds")
	}

	s = start(t, open)
	found := 0
	for before := ""; ; {
		p := page(t, s, "r", before, 100)
		for _, m := range p.Messages {
			if !saved[m.ID] {
				t.Errorf("message %s was refused and is there", m.ID)
			}
			found++
		}
		if p.Next == nil {
			break
		}
		before = *p.Next
	}
	if found != len(saved) {
		t.Errorf("%d messages, %d were acknowledged", found, len(saved))
	}
}
