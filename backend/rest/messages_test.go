package rest_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/rest"
)

func TestMessages_pages_through_a_room(t *testing.T) {
	s := setup(t)
	user, clientID := "ada", "m-1"
	const room = "tea & cake/2"
	for i := range 7 {
		m := backend.NewMessage{RoomID: room, Socket: "socket", Text: fmt.Sprint(i)}
		if i == 6 {
			m.User, m.ClientMessageID = &user, &clientID
		}
		if _, _, err := s.store.SaveMessage(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	target := "/api/rooms/" + url.PathEscape(room) + "/messages"
	var texts []string
	for before := ""; ; {
		var page rest.Messages
		wantJSON(t, s.do("GET", target+"?limit=3&before="+before, ""), 200, &page)
		for _, m := range page.Messages {
			texts = append(texts, m.Text)
		}
		if page.Next == nil {
			break
		}
		before = *page.Next
	}
	if got := strings.Join(texts, " "); got != "6 5 4 3 2 1 0" {
		t.Errorf("texts = %q, want newest first, each once", got)
	}

	var page rest.Messages
	wantJSON(t, s.do("GET", target, ""), 200, &page)
	first, second := page.Messages[0], page.Messages[1]
	if *first.User != user || *first.ClientMessageID != clientID || first.RoomID != room || first.ID == "" || first.CreatedAt.IsZero() {
		t.Errorf("message = %+v", first)
	}
	if second.User != nil || second.ClientMessageID != nil {
		t.Errorf("message without a user = %+v", second)
	}
}

func TestMessages_of_an_unknown_room(t *testing.T) {
	if w := setup(t).do("GET", "/api/rooms/empty/messages", ""); strings.TrimSpace(w.Body.String()) != `{"messages":[],"next":null}` {
		t.Errorf("answer = %s", w.Body)
	}
}

func TestMessages_refuses(t *testing.T) {
	s := setup(t)
	for target, location := range map[string]string{
		"/api/rooms/r/messages?limit=0":                       "query.limit",
		"/api/rooms/r/messages?limit=101":                     "query.limit",
		"/api/rooms/r/messages?limit=-1":                      "query.limit",
		"/api/rooms/r/messages?limit=many":                    "query.limit",
		"/api/rooms/r/messages?before=xyz":                    "query.before",
		"/api/rooms/%ff/messages":                             "path.room",
		"/api/rooms/" + strings.Repeat("é", 65) + "/messages": "path.room",
	} {
		p := wantProblem(t, s.do("GET", target, ""), 422)
		if len(p.Errors) != 1 || p.Errors[0].Location != location {
			t.Errorf("%s: problem = %+v, want one about %s", target, p, location)
		}
	}
	for _, query := range []string{"before=%zz", "limit=2;before=x", "limit=%"} {
		if p := wantProblem(t, s.do("GET", "/api/rooms/r/messages?"+query, ""), 400); len(p.Errors) != 1 || p.Errors[0].Location != "query" {
			t.Errorf("?%s: problem = %+v, want one about the query", query, p)
		}
	}
}
