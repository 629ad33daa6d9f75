package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleyio/parley/backend"
)

func put(t *testing.T, s backend.Store, key, value string) backend.Item {
	t.Helper()
	item, err := s.PutItem(t.Context(), key, json.RawMessage(value))
	if err != nil {
		t.Fatalf("PutItem(%q, %s): %v", key, value, err)
	}
	return item
}

func testPutAndRead(t *testing.T, open Open) {
	s := start(t, open)
	items, err := s.Items(t.Context())
	if err != nil || items == nil || len(items) != 0 {
		t.Errorf("new database: items %v, %v; want an empty slice", items, err)
	}
	began := backend.Now()
	put(t, s, "b", `1`)
	a := put(t, s, "a", `{"x": [1, 2]}`)
	b := put(t, s, "b", `null`)
	if a.Key != "a" || string(a.Value) != `{"x":[1,2]}` {
		t.Errorf("put %+v", a)
	}
	if at := a.UpdatedAt; at.Before(began) || at.After(time.Now()) || at.Location() != time.UTC {
		t.Errorf("updated at %v, want the present time in UTC", at)
	}
	items, err = s.Items(t.Context())
	if want := []backend.Item{a, b}; err != nil || !reflect.DeepEqual(items, want) {
		t.Errorf("items %+v, %v; want %+v", items, err, want)
	}
	got, err := s.Item(t.Context(), "b")
	if err != nil || !reflect.DeepEqual(got, b) {
		t.Errorf("item %+v, %v; want %+v", got, err, b)
	}
	_, err = s.Item(t.Context(), "c")
	wantCode(t, err, backend.CodeNotFound)
}

func testUpdatedAtGrows(t *testing.T, open Open) {
	s := start(t, open)
	const writers, each = 4, 20
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		seen = map[time.Time]string{}
		last time.Time
	)
	for w := range writers {
		wg.Go(func() {
			var before time.Time
			for i := range each {
				value := fmt.Sprintf("%d", w*each+i)
				item, err := s.PutItem(t.Context(), "k", json.RawMessage(value))
				if err != nil || !item.UpdatedAt.After(before) {
					t.Errorf("put: %v after %v, %v", item.UpdatedAt, before, err)
					return
				}
				before = item.UpdatedAt
				mu.Lock()
				seen[before] = value
				if before.After(last) {
					last = before
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != writers*each {
		t.Errorf("%d different times for %d changes", len(seen), writers*each)
	}
	item, err := s.Item(t.Context(), "k")
	if err != nil || string(item.Value) != seen[last] || !item.UpdatedAt.Equal(last) {
		t.Errorf("item %+v, %v; want the newest change, %s at %v", item, err, seen[last], last)
	}
}

func testAnyItem(t *testing.T, open Open) {
	s := start(t, open)
	for _, text := range awkward {
		value, err := json.Marshal(map[string]any{text: []any{text, 1.5, nil, "\x00"}})
		if err != nil {
			t.Fatal(err)
		}
		want := put(t, s, text, string(value))
		got, err := s.Item(t.Context(), text)
		if err != nil || !reflect.DeepEqual(got, want) || string(got.Value) != string(value) {
			t.Errorf("item %q: %s, %v; want %s", text, got.Value, err, value)
		}
	}
	const number = `[12345678901234567890.12345678901234567890,1e400]`
	if item := put(t, s, "number", number); string(item.Value) != number {
		t.Errorf("number came back as %s, want its text", item.Value)
	}
}

func testInvalidData(t *testing.T, open Open) {
	s := start(t, open)
	for _, c := range []struct{ key, value string }{
		{"", `1`}, {strings.Repeat("k", backend.MaxKeyBytes+1), `1`}, {"\xff", `1`}, {"a\x00", `1`},
		{"k", ``}, {"k", `{`}, {"k", `1 2`}, {"k", "\"\xff\""}, {"k", `"` + strings.Repeat("x", backend.MaxValueBytes) + `"`},
	} {
		_, err := s.PutItem(t.Context(), c.key, json.RawMessage(c.value))
		wantCode(t, err, backend.CodeInvalid)
	}
	if items, err := s.Items(t.Context()); err != nil || len(items) != 0 {
		t.Errorf("invalid items were saved: %v, %v", items, err)
	}
	_, err := s.Item(t.Context(), "")
	wantCode(t, err, backend.CodeInvalid)
}
