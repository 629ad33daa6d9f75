package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/backend"
)

// Limits are those of a store. Zero means none.
type Limits struct {
	ChatRetention time.Duration
	MaxItems      int
	MaxBytes      int64
}

// TestLimits runs the suite about what a store with limits keeps. NewDatabase makes a new, empty database.
func TestLimits(t *testing.T, newDatabase func(t *testing.T, limits Limits) Open) {
	for _, test := range []struct {
		name   string
		limits Limits
		run    func(t *testing.T, open Open)
	}{
		{"chat retention", Limits{ChatRetention: 200 * time.Millisecond}, testRetention},
		{"items", Limits{MaxItems: 3}, testMaxItems},
		{"bytes", Limits{MaxBytes: 2_000_000}, testMaxBytes},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, newDatabase(t, test.limits))
		})
	}
}

func testRetention(t *testing.T, open Open) {
	s := start(t, open)
	old := save(t, s, backend.NewMessage{RoomID: "r", Socket: "s", Text: "old"})
	if got := page(t, s, "r", "", 0); len(got.Messages) != 1 {
		t.Fatalf("page %+v, want the message", got)
	}
	<-time.After(time.Until(old.CreatedAt.Add(201 * time.Millisecond)))
	if got := page(t, s, "r", "", 0); len(got.Messages) != 0 {
		t.Errorf("page %+v, want none that is too old", got)
	}
	save(t, s, backend.NewMessage{RoomID: "r", Socket: "s", Text: "new"})
	purged, err := s.Purge(t.Context())
	if err != nil || purged != (backend.Purged{Messages: 1}) {
		t.Errorf("purged %+v, %v; want one message", purged, err)
	}
}

func testMaxItems(t *testing.T, open Open) {
	s := start(t, open)
	for _, key := range []string{"a", "b"} {
		put(t, s, key, `1`)
	}
	expired := backend.NewItem{Key: "c", Value: json.RawMessage(`1`), Expires: backend.Now().Add(-time.Second)}
	if _, err := s.PutItem(t.Context(), expired); err != nil {
		t.Fatal(err)
	}
	put(t, s, "d", `1`) // in the place of the one that has expired
	_, err := s.PutItem(t.Context(), backend.NewItem{Key: "e", Value: json.RawMessage(`1`)})
	wantCode(t, err, backend.CodeFull)
	if err != nil && !strings.Contains(err.Error(), "3 items") {
		t.Errorf("error %q does not say how many", err)
	}
	put(t, s, "a", `2`) // is there already
	if page, err := s.Items(t.Context(), "", 0); err != nil || len(page.Items) != 3 {
		t.Errorf("items %+v, %v; want 3", page, err)
	}
}

func testMaxBytes(t *testing.T, open Open) {
	s := start(t, open)
	value := json.RawMessage(`"` + strings.Repeat("x", 100_000) + `"`)
	var err error
	kept := 0
	for ; err == nil && kept < 100; kept++ {
		_, err = s.PutItem(t.Context(), backend.NewItem{Key: fmt.Sprint(kept), Value: value})
	}
	wantCode(t, err, backend.CodeFull)
	if kept < 10 {
		t.Errorf("full after %d items of 100 kB, want room for more in 2 MB", kept)
	}
	for err = nil; err == nil && kept < 10_000; kept++ {
		_, _, err = s.SaveMessage(t.Context(), backend.NewMessage{RoomID: "r", Socket: "s", Text: strings.Repeat("x", 4000)})
	}
	wantCode(t, err, backend.CodeFull)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("a full database is not ready: %v", err)
	}
	if page, err := s.Items(t.Context(), "", 1); err != nil || len(page.Items) != 1 {
		t.Errorf("a full database cannot be read: %v", err)
	}
}
