package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleyio/parley/backend"
)

func put(t *testing.T, s backend.Store, key, value string) backend.Item {
	t.Helper()
	item, err := s.PutItem(t.Context(), backend.NewItem{Key: key, Value: json.RawMessage(value)})
	if err != nil {
		t.Fatalf("PutItem(%q, %s): %v", key, value, err)
	}
	return item
}

func testPutAndRead(t *testing.T, open Open) {
	s := start(t, open)
	page, err := s.Items(t.Context(), "", 0)
	items := page.Items
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
	page, err = s.Items(t.Context(), "", 0)
	if want := (backend.ItemPage{Items: []backend.Item{a, b}}); err != nil || !reflect.DeepEqual(page, want) {
		t.Errorf("items %+v, %v; want %+v", page, err, want)
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
				item, err := s.PutItem(t.Context(), backend.NewItem{Key: "k", Value: json.RawMessage(value)})
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
		_, err := s.PutItem(t.Context(), backend.NewItem{Key: c.key, Value: json.RawMessage(c.value)})
		wantCode(t, err, backend.CodeInvalid)
	}
	if page, err := s.Items(t.Context(), "", 0); err != nil || len(page.Items) != 0 {
		t.Errorf("invalid items were saved: %v, %v", page, err)
	}
	_, err := s.Item(t.Context(), "")
	wantCode(t, err, backend.CodeInvalid)
	_, err = s.Items(t.Context(), strings.Repeat("k", backend.MaxKeyBytes+1), 0)
	wantCode(t, err, backend.CodeInvalid)
	for _, limit := range []int{-1, backend.MaxItemLimit + 1} {
		_, err = s.Items(t.Context(), "", limit)
		wantCode(t, err, backend.CodeInvalid)
	}
}

// testItemPages reads all items by pages of each size, and pages that large values make short.
func testItemPages(t *testing.T, open Open) {
	s := start(t, open)
	var keys []string
	for i := range 23 {
		keys = append(keys, put(t, s, fmt.Sprintf("k%02d", i), `1`).Key)
	}
	large := `"` + strings.Repeat("x", backend.MaxValueBytes-2) + `"`
	for i := range 9 {
		keys = append(keys, put(t, s, fmt.Sprintf("l%d", i), large).Key)
	}
	for _, limit := range []int{1, 7, len(keys) - 1, len(keys), backend.MaxItemLimit} {
		var got []string
		for after := ""; ; {
			page, err := s.Items(t.Context(), after, limit)
			if err != nil || len(page.Items) > limit {
				t.Fatalf("limit %d: %d items, %v", limit, len(page.Items), err)
			}
			bytes := 0
			for _, item := range page.Items {
				got = append(got, item.Key)
				bytes += len(item.Value)
			}
			if bytes > 5*backend.MaxValueBytes {
				t.Errorf("limit %d: a page of %d bytes", limit, bytes)
			}
			if page.Next == nil {
				break
			}
			after = *page.Next
		}
		if !slices.Equal(got, keys) {
			t.Errorf("limit %d: read %q, want %q", limit, got, keys)
		}
	}
}

func testExpiry(t *testing.T, open Open) {
	s := start(t, open)
	at := backend.Now().Add(time.Hour)
	kept, err := s.PutItem(t.Context(), backend.NewItem{Key: "kept", Value: json.RawMessage(`1`), Expires: at})
	if err != nil || kept.ExpiresAt == nil || !kept.ExpiresAt.Equal(at) {
		t.Fatalf("put %+v, %v, want it to expire at %v", kept, err, at)
	}
	if got, err := s.Item(t.Context(), "kept"); err != nil || !reflect.DeepEqual(got, kept) {
		t.Errorf("item %+v, %v; want %+v", got, err, kept)
	}
	past := backend.NewItem{Key: "gone", Value: json.RawMessage(`1`), Expires: backend.Now().Add(-time.Millisecond)}
	if _, err := s.PutItem(t.Context(), past); err != nil {
		t.Fatal(err)
	}
	_, err = s.Item(t.Context(), "gone")
	wantCode(t, err, backend.CodeNotFound)
	if page, err := s.Items(t.Context(), "", 0); err != nil || len(page.Items) != 1 {
		t.Errorf("items %+v, %v; want one", page, err)
	}
	if purged, err := s.Purge(t.Context()); err != nil || purged != (backend.Purged{Items: 1}) {
		t.Errorf("purged %+v, %v; want one item", purged, err)
	}
	again := put(t, s, "kept", `2`) // without an end
	if again.ExpiresAt != nil {
		t.Errorf("put %+v, want no end", again)
	}
	if got, err := s.Item(t.Context(), "kept"); err != nil || !reflect.DeepEqual(got, again) {
		t.Errorf("item %+v, %v; want %+v", got, err, again)
	}
}
