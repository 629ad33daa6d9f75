package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/rest"
	"github.com/parleyio/parley/backend/store"
)

func TestData_keeps_any_value_as_it_was_sent(t *testing.T) {
	for _, value := range []string{
		`null`, `true`, `0`, `-1.50`, `123456789012345678901234567890`, `1e400`, `""`, `"<b>&\u2028 é"`,
		`[]`, `{"b":1,"a":[{}]}`, `{"__proto__":1}`, `{"a":1,"A":2,"a":null}`,
		strings.Repeat("[", 59) + strings.Repeat("]", 59),
	} {
		s := setup(t)
		var put, got rest.Item
		wantJSON(t, s.do("POST", "/api/data", `{"key":"k","value":`+value+`}`), 200, &put)
		wantJSON(t, s.do("GET", "/api/data/k", ""), 200, &got)
		if string(put.Value) != value || string(got.Value) != value || got.Key != "k" || !got.UpdatedAt.Equal(put.UpdatedAt) {
			t.Errorf("value %s: answered %+v, then read %+v", value, put, got)
		}
		events := s.published.all()
		if len(events) != 1 || string(events[0].item.Value) != value || !events[0].item.UpdatedAt.Equal(put.UpdatedAt) {
			t.Errorf("value %s: published %+v, want the answer", value, events)
		} else if !events[0].stored {
			t.Errorf("value %s was published before it was stored", value)
		}
	}
}

func TestData_lists_all_items_by_key(t *testing.T) {
	s := setup(t)
	if w := s.do("GET", "/api/data", ""); strings.TrimSpace(w.Body.String()) != `{"items":[],"next":null}` {
		t.Errorf("empty list = %s", w.Body)
	}
	for _, key := range []string{"b", "a", "b"} {
		wantJSON(t, s.do("POST", "/api/data", fmt.Sprintf(`{"key":%q,"value":%q}`, key, key)), 200, new(rest.Item))
	}
	var list rest.Items
	wantJSON(t, s.do("GET", "/api/data", ""), 200, &list)
	if len(list.Items) != 2 || list.Items[0].Key != "a" || list.Items[1].Key != "b" {
		t.Errorf("items = %+v", list.Items)
	}

	var first, last rest.Items
	wantJSON(t, s.do("GET", "/api/data?limit=1", ""), 200, &first)
	if len(first.Items) != 1 || first.Next == nil || *first.Next != "a" {
		t.Fatalf("first page = %+v", first)
	}
	wantJSON(t, s.do("GET", "/api/data?limit=1&after="+*first.Next, ""), 200, &last)
	if len(last.Items) != 1 || last.Items[0].Key != "b" || last.Next != nil {
		t.Errorf("last page = %+v", last)
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "after=" + strings.Repeat("k", 257)} {
		wantProblem(t, s.do("GET", "/api/data?"+query, ""), 422)
	}
}

func TestData_expires(t *testing.T) {
	s := setup(t)
	var item rest.Item
	wantJSON(t, s.do("POST", "/api/data", `{"key":"k","value":1,"ttl":3600}`), 200, &item)
	if item.ExpiresAt == nil || time.Until(*item.ExpiresAt).Round(time.Minute) != time.Hour {
		t.Errorf("expires at %v, want in an hour", item.ExpiresAt)
	}
	for _, ttl := range []string{"0", "-1", "1.5", "315360001", `"1h"`, "null"} {
		p := wantProblem(t, s.do("POST", "/api/data", `{"key":"k","value":1,"ttl":`+ttl+`}`), 422)
		if !strings.Contains(p.Detail, "ttl") {
			t.Errorf("ttl %s: %q does not name it", ttl, p.Detail)
		}
	}
}

func TestData_full(t *testing.T) {
	db, err := store.Open(t.Context(), ":memory:", &store.Options{MaxItems: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := setupOn(t, db)
	wantJSON(t, s.do("POST", "/api/data", `{"key":"a","value":1}`), 200, new(rest.Item))
	if p := wantProblem(t, s.do("POST", "/api/data", `{"key":"b","value":1}`), 507); p.Code != backend.CodeFull || !strings.Contains(p.Detail, "1 items are stored") {
		t.Errorf("problem = %+v", p)
	}
	wantJSON(t, s.do("POST", "/api/data", `{"key":"a","value":2}`), 200, new(rest.Item))
}

func TestData_takes_any_key(t *testing.T) {
	s := setup(t)
	for _, key := range []string{"a/b", "a//b", "a b?c#d%2F", "héllo", "<script>", "{key}", strings.Repeat("k", 256)} {
		body, _ := json.Marshal(map[string]any{"key": key, "value": key})
		wantJSON(t, s.do("POST", "/api/data", string(body)), 200, new(rest.Item))
		var got rest.Item
		wantJSON(t, s.do("GET", "/api/data/"+url.PathEscape(key), ""), 200, &got)
		if got.Key != key {
			t.Errorf("key = %q, want %q", got.Key, key)
		}
	}
	wantProblem(t, s.do("GET", "/api/data/unknown", ""), 404)
	wantProblem(t, s.do("GET", "/api/data/"+strings.Repeat("k", 257), ""), 422)
	wantProblem(t, s.do("GET", "/api/data/%ff", ""), 422)
}

func TestData_refuses(t *testing.T) {
	deep := strings.Repeat("[", 60) + strings.Repeat("]", 60)
	for name, c := range map[string]struct {
		body    string
		headers []string
		status  int
	}{
		"no body":             {"", []string{"Content-Type", "application/json"}, 400},
		"no content type":     {`{"key":"k","value":1}`, []string{"Content-Type", ""}, 415},
		"a form":              {`key=k`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		"plain text":          {`{"key":"k","value":1}`, []string{"Content-Type", "text/plain"}, 415},
		"another JSON":        {`{"key":"k","value":1}`, []string{"Content-Type", "application/merge-patch+json"}, 415},
		"another charset":     {`{"key":"k","value":1}`, []string{"Content-Type", "application/json; charset=latin1"}, 415},
		"a compressed body":   {`{"key":"k","value":1}`, []string{"Content-Encoding", "gzip"}, 415},
		"no key":              {`{"value":1}`, nil, 422},
		"an empty key":        {`{"key":"","value":1}`, nil, 422},
		"a long key":          {`{"key":"` + strings.Repeat("é", 129) + `","value":1}`, nil, 422},
		"no value":            {`{"key":"k"}`, nil, 422},
		"an unknown field":    {`{"key":"k","value":1,"until":5}`, nil, 422},
		"a key twice":         {`{"key":"k","value":1,"value":2}`, nil, 422},
		"a KEY":               {`{"KEY":"k","value":1}`, nil, 422},
		"a key of null":       {`{"key":null,"value":1}`, nil, 422},
		"a VALUE besides":     {`{"key":"k","value":1,"VALUE":2}`, nil, 422},
		"a deep value":        {`{"key":"k","value":` + deep + `}`, nil, 400},
		"an unpaired bracket": {`{"key":"k","value":]}`, nil, 400},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup(t)
			wantProblem(t, s.do("POST", "/api/data", c.body, c.headers...), c.status)
			page, err := s.store.Items(context.Background(), "", 0)
			items := page.Items
			if err != nil || len(items) != 0 || len(s.published.all()) != 0 {
				t.Errorf("stored %v (%v), published %v, want nothing", items, err, s.published.all())
			}
		})
	}
	s := setup(t)
	wantJSON(t, s.do("POST", "/api/data", `{"key":"k","value":1}`, "Content-Type", "Application/JSON; charset=UTF-8"), 200, new(rest.Item))
}

func TestData_bounds_the_body(t *testing.T) {
	const limit = 1000
	s := setup(t, func(o *rest.Options) { o.MaxBody = limit })
	body := func(size int) string {
		const empty = `{"key":"k","value":""}`
		return strings.Replace(empty, `""`, `"`+strings.Repeat("x", size-len(empty))+`"`, 1)
	}
	wantJSON(t, s.do("POST", "/api/data", body(limit)), 200, new(rest.Item))
	wantProblem(t, s.do("POST", "/api/data", body(limit+1)), 413)

	// Without a Content-Length only the reading can tell.
	for size, status := range map[int]int{limit: 200, limit + 1: 413, 50 * limit: 413} {
		r := httptest.NewRequest("POST", "/api/data", io.NopCloser(bytes.NewReader([]byte(body(size)))))
		r.ContentLength = -1
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%d bytes of unknown length: status %d, want %d", size, w.Code, status)
		}
		if want := "the body is larger than 1000 bytes"; status == 413 && !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d bytes of unknown length: %s, want %q", size, w.Body, want)
		}
	}
}

func TestData_is_stored_when_the_client_is_gone(t *testing.T) {
	s := setup(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", "/api/data", strings.NewReader(`{"key":"k","value":1}`))
	r.Header.Set("Content-Type", "application/json")
	s.ServeHTTP(httptest.NewRecorder(), r)
	if _, err := s.store.Item(context.Background(), "k"); err != nil || len(s.published.all()) != 1 {
		t.Errorf("item: %v, published %v, want both", err, s.published.all())
	}
}

func TestData_is_stored_when_nobody_can_be_told(t *testing.T) {
	s := setup(t)
	s.published.err = errDisk
	wantJSON(t, s.do("POST", "/api/data", `{"key":"k","value":1}`), 200, new(rest.Item))
	wantJSON(t, s.do("GET", "/api/data/k", ""), 200, new(rest.Item))
}

// FuzzData posts any body: it is stored and published whole, or refused and neither.
func FuzzData(f *testing.F) {
	for _, seed := range []string{`{"key":"k","value":1}`, `{"key":"k","value":1e999}`, `{"Key":"k","value":"\ud800"}`, `[[[[`, "\xff", `{"key":"k","value":"]"}{`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := setup(t)
		w := s.do("POST", "/api/data", string(body), "Content-Type", "application/json")
		page, err := s.store.Items(context.Background(), "", 0)
		items := page.Items
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case w.Code == 200 && len(items) == 1 && len(s.published.all()) == 1 && json.Valid(w.Body.Bytes()):
		case w.Code >= 400 && w.Code < 500 && len(items) == 0 && len(s.published.all()) == 0 && json.Valid(w.Body.Bytes()):
		default:
			t.Errorf("status %d, %d stored, %d published: %s", w.Code, len(items), len(s.published.all()), w.Body)
		}
	})
}
