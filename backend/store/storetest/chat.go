package storetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleyio/parley/backend"
)

func testSaveAndRead(t *testing.T, open Open) {
	s := start(t, open)
	began := backend.Now()
	first := save(t, s, backend.NewMessage{RoomID: "lobby", User: new("ann"), Text: "hello", ClientMessageID: new("c1")})
	second := save(t, s, backend.NewMessage{RoomID: "lobby", Socket: "s1", Text: "hi"})

	if first.RoomID != "lobby" || first.User == nil || *first.User != "ann" || first.Text != "hello" ||
		first.ClientMessageID == nil || *first.ClientMessageID != "c1" {
		t.Errorf("saved %+v", first)
	}
	if second.User != nil || second.ClientMessageID != nil {
		t.Errorf("saved %+v, want no user and no clientMessageId", second)
	}
	if at := first.CreatedAt; at.Before(began) || at.After(time.Now()) || at.Location() != time.UTC {
		t.Errorf("created at %v, want the present time in UTC", at)
	}
	got := page(t, s, "lobby", "", 0)
	if want := (backend.Page{Messages: []backend.ChatMessage{second, first}}); !reflect.DeepEqual(got, want) {
		t.Errorf("read  %+v\nsaved %+v", got, want)
	}
}

func testPages(t *testing.T, open Open) {
	s := start(t, open)
	const n = 23
	var ids []string
	for i := range n {
		ids = append(ids, save(t, s, backend.NewMessage{RoomID: "r", Socket: "s", Text: fmt.Sprint(i)}).ID)
	}
	slices.Reverse(ids)
	for _, limit := range []int{1, 5, 22, 23, 24, 100} {
		var got []string
		before, pages := "", 0
		for {
			p := page(t, s, "r", before, limit)
			pages++
			for _, m := range p.Messages {
				got = append(got, m.ID)
			}
			if p.Next == nil {
				break
			}
			if len(p.Messages) != limit {
				t.Fatalf("limit %d: page of %d in the middle", limit, len(p.Messages))
			}
			before = *p.Next
		}
		if !slices.Equal(got, ids) {
			t.Errorf("limit %d: got %v, want %v", limit, got, ids)
		}
		if want := (n + limit - 1) / limit; pages != want {
			t.Errorf("limit %d: %d pages, want %d: the last full page must say that nothing follows", limit, pages, want)
		}
	}
	if p := page(t, s, "r", ids[n-1], 5); p.Messages == nil || len(p.Messages) != 0 || p.Next != nil {
		t.Errorf("before the oldest: %+v, want an empty page", p)
	}
	for range backend.DefaultLimit {
		save(t, s, backend.NewMessage{RoomID: "r", Socket: "s", Text: "more"})
	}
	if p := page(t, s, "r", "", 0); len(p.Messages) != backend.DefaultLimit {
		t.Errorf("limit 0: %d messages, want %d", len(p.Messages), backend.DefaultLimit)
	}
}

func testRoomsApart(t *testing.T, open Open) {
	s := start(t, open)
	rooms := []string{"a", "A", "a ", "ä", "a\u0308", "%", "_", "a%"}
	for _, room := range rooms {
		save(t, s, backend.NewMessage{RoomID: room, Socket: "s", Text: room})
	}
	for _, room := range rooms {
		if p := page(t, s, room, "", 10); len(p.Messages) != 1 || p.Messages[0].Text != room {
			t.Errorf("room %q has %+v", room, p.Messages)
		}
	}
	if p := page(t, s, "unknown", "", 10); p.Messages == nil || len(p.Messages) != 0 || p.Next != nil {
		t.Errorf("an unknown room has %+v, want an empty page", p)
	}
}

func testIDsSort(t *testing.T, open Open) {
	s := start(t, open)
	last := ""
	for range 200 { // many fall into the same millisecond
		id := save(t, s, backend.NewMessage{RoomID: "r", Socket: "s", Text: "x"}).ID
		if id <= last {
			t.Fatalf("id %s after %s", id, last)
		}
		if err := backend.ValidateBefore(id); err != nil {
			t.Fatalf("id %q: %v", id, err)
		}
		last = id
	}
}

func testOneCopy(t *testing.T, open Open) {
	s := start(t, open)
	m := backend.NewMessage{RoomID: "r", User: new("ann"), Text: "first", ClientMessageID: new("c")}
	first := save(t, s, m)
	m.Text, m.Socket = "second", "another socket"
	again, created, err := s.SaveMessage(t.Context(), m)
	if err != nil || created || !reflect.DeepEqual(again, first) {
		t.Errorf("repeat: %+v, created %t, %v; want the first copy %+v", again, created, err, first)
	}
	if p := page(t, s, "r", "", 0); len(p.Messages) != 1 {
		t.Errorf("%d messages, want 1", len(p.Messages))
	}
	m.ClientMessageID = nil // without one, every message is new
	save(t, s, m)
	save(t, s, m)
}

func testAuthorsApart(t *testing.T, open Open) {
	s := start(t, open)
	id := new("c")
	save(t, s, backend.NewMessage{RoomID: "r", User: new("x"), Socket: "y", Text: "user x", ClientMessageID: id})
	save(t, s, backend.NewMessage{RoomID: "r", Socket: "x", Text: "socket x", ClientMessageID: id})
	save(t, s, backend.NewMessage{RoomID: "r", User: new("socket:x"), Text: "user socket:x", ClientMessageID: id})
	save(t, s, backend.NewMessage{RoomID: "r", User: new("y"), Socket: "x", Text: "user y", ClientMessageID: id})
	save(t, s, backend.NewMessage{RoomID: "q", User: new("x"), Text: "another room", ClientMessageID: id})
}

func testOneCopyConcurrently(t *testing.T, open Open) {
	s := start(t, open)
	const messages, senders = 10, 16
	var (
		wg    sync.WaitGroup
		saved [messages][senders]backend.ChatMessage
		made  [messages][senders]bool
	)
	for i := range messages {
		for k := range senders {
			wg.Go(func() {
				m := backend.NewMessage{RoomID: "r", User: new("ann"), Text: fmt.Sprint(k), ClientMessageID: new(fmt.Sprint(i))}
				var err error
				if saved[i][k], made[i][k], err = s.SaveMessage(t.Context(), m); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for i := range messages {
		creators := 0
		for k := range senders {
			if made[i][k] {
				creators++
			}
			if !reflect.DeepEqual(saved[i][k], saved[i][0]) {
				t.Errorf("message %d: copies differ: %+v, %+v", i, saved[i][k], saved[i][0])
			}
		}
		if creators != 1 {
			t.Errorf("message %d was saved %d times", i, creators)
		}
	}
	if p := page(t, s, "r", "", 100); len(p.Messages) != messages {
		t.Errorf("%d messages, want %d", len(p.Messages), messages)
	}
}

func testManyWriters(t *testing.T, open Open) {
	s := start(t, open)
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			last := ""
			for i := range each {
				m, created, err := s.SaveMessage(t.Context(), backend.NewMessage{RoomID: "r", User: new(fmt.Sprint(w)), Text: fmt.Sprint(i)})
				if err != nil || !created || m.ID <= last {
					t.Errorf("writer %d, message %d: id %s after %s, created %t, %v", w, i, m.ID, last, created, err)
					return
				}
				last = m.ID
				if _, err := s.Messages(t.Context(), "r", "", 10); err != nil {
					t.Errorf("writer %d reads: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for before := ""; ; {
		p := page(t, s, "r", before, 7)
		for _, m := range p.Messages {
			seen[m.ID] = true
		}
		if p.Next == nil {
			break
		}
		before = *p.Next
	}
	if len(seen) != writers*each {
		t.Errorf("%d messages, want %d", len(seen), writers*each)
	}
}

// awkward are texts that have broken databases or those who put them together from strings.
var awkward = []string{
	`'; DROP TABLE messages; --`,
	`" OR ""="`,
	`$1 ?1 :room @room %s {{.}}`,
	`<script>alert(1)</script>`,
	"line\nfeed\ttab\r\x01\x7f",
	"žluťoučký 日本語 🙂👩‍👩‍👧 \u202e\ufeff\U0010ffff",
	" ",
	`\`,
}

func testAnyText(t *testing.T, open Open) {
	s := start(t, open)
	for _, text := range append(awkward, strings.Repeat("🙂", backend.MaxTextChars)) {
		name := text[:min(len(text), 64)]
		saved := save(t, s, backend.NewMessage{RoomID: name, User: &name, Text: text, ClientMessageID: &name})
		p := page(t, s, name, "", 0)
		if len(p.Messages) != 1 || !reflect.DeepEqual(p.Messages[0], saved) || saved.Text != text {
			t.Errorf("text %q came back as %+v", text, p)
		}
	}
}

func testInvalidChat(t *testing.T, open Open) {
	s := start(t, open)
	good := backend.NewMessage{RoomID: "r", User: new("u"), Text: "t"}
	for name, spoil := range map[string]func(m *backend.NewMessage){
		"no room":       func(m *backend.NewMessage) { m.RoomID = "" },
		"long room":     func(m *backend.NewMessage) { m.RoomID = strings.Repeat("r", backend.MaxRoomBytes+1) },
		"room in bytes": func(m *backend.NewMessage) { m.RoomID = "\xff" },
		"no text":       func(m *backend.NewMessage) { m.Text = "" },
		"long text":     func(m *backend.NewMessage) { m.Text = strings.Repeat("x", backend.MaxTextChars+1) },
		"nul":           func(m *backend.NewMessage) { m.Text = "a\x00b" },
		"empty user":    func(m *backend.NewMessage) { m.User = new("") },
		"nobody":        func(m *backend.NewMessage) { m.User = nil },
		"empty id":      func(m *backend.NewMessage) { m.ClientMessageID = new("") },
	} {
		t.Run(name, func(t *testing.T) {
			m := good
			spoil(&m)
			_, _, err := s.SaveMessage(t.Context(), m)
			wantCode(t, err, backend.CodeInvalid)
		})
	}
	for _, c := range []struct {
		room, before string
		limit        int
	}{
		{"", "", 1}, {"r", "", -1}, {"r", "", backend.MaxLimit + 1}, {"r", "x", 1},
		{"r", "' OR 1=1 --", 1}, {"r", strings.Repeat("z", 26), 1}, {"r", "01arz3ndektsv4rrffq69g5fav", 1},
	} {
		_, err := s.Messages(t.Context(), c.room, c.before, c.limit)
		wantCode(t, err, backend.CodeInvalid)
	}
	if p := page(t, s, "r", "", 0); len(p.Messages) != 0 {
		t.Errorf("invalid messages were saved: %+v", p)
	}
}

func testCancelled(t *testing.T, open Open) {
	s := start(t, open)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.SaveMessage(ctx, backend.NewMessage{RoomID: "r", Socket: "s", Text: "x"}); err == nil {
		t.Error("saved with a cancelled context")
	}
	if p := page(t, s, "r", "", 0); len(p.Messages) != 0 {
		t.Errorf("a failed call has saved %+v", p)
	}
}
