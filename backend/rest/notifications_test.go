package rest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/rest"
)

func TestNotify_emits_to_everyone(t *testing.T) {
	s := setup(t)
	var answer rest.Success
	wantJSON(t, s.do("GET", "/notify", ""), 200, &answer)
	events := s.published.all()
	if !answer.Success || len(events) != 1 {
		t.Fatalf("answer = %+v, published %v", answer, events)
	}
	n := events[0].notification
	if n.Type != "info" || n.Message != "New notification" || time.Since(n.Time) > time.Minute || events[0].to != (backend.Audience{}) {
		t.Errorf("published %+v", events[0])
	}
	wire, _ := json.Marshal(n)
	if strings.Contains(string(wire), `"id"`) {
		t.Errorf("notification on the wire = %s, want type, message and timestamp alone", wire)
	}
}

func TestNotify_refuses_pages_of_other_sites(t *testing.T) {
	s := setup(t)
	for _, site := range []string{"cross-site", "same-site"} {
		wantProblem(t, s.do("GET", "/notify", "", "Sec-Fetch-Site", site), 403)
	}
	if got := s.published.all(); len(got) != 0 {
		t.Errorf("published %v", got)
	}
	for _, site := range []string{"same-origin", "none"} {
		wantJSON(t, s.do("GET", "/notify", "", "Sec-Fetch-Site", site), 200, new(rest.Success))
	}
}

func TestCreateNotification(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		to   backend.Audience
	}{
		"everyone": {`{"type":"info","message":"hello"}`, backend.Audience{}},
		"room":     {`{"type":"info","message":"hello","room":"office"}`, backend.Audience{Room: "office"}},
		"user":     {`{"type":"info","message":"hello","user":"ada"}`, backend.Audience{User: "ada"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup(t)
			var answer rest.Notification
			wantJSON(t, s.do("POST", "/api/notifications", c.body), 202, &answer)
			events := s.published.all()
			if len(events) != 1 || events[0].to != c.to {
				t.Fatalf("published %+v, want one to %+v", events, c.to)
			}
			if n := events[0].notification; rest.Notification(n) != answer || n.Type != "info" || n.Message != "hello" || n.ID == "" {
				t.Errorf("published %+v, answered %+v", n, answer)
			}
		})
	}
}

func TestCreateNotification_refuses(t *testing.T) {
	long := strings.Repeat("é", 65) // 130 bytes, 65 characters
	for name, c := range map[string]struct {
		body     string
		status   int
		location string
	}{
		"room and user":     {`{"type":"a","message":"b","room":"r","user":"u"}`, 422, "body.user"},
		"an empty room":     {`{"type":"a","message":"b","room":""}`, 422, "body.room"},
		"an empty user":     {`{"type":"a","message":"b","user":""}`, 422, "body.user"},
		"an empty ROOM":     {`{"type":"a","message":"b","room":"r","ROOM":""}`, 422, "body"},
		"a ROOM of null":    {`{"type":"a","message":"b","room":"r","ROOM":null}`, 422, "body"},
		"a ROOM alone":      {`{"type":"a","message":"b","ROOM":"r"}`, 422, "body"},
		"a room of null":    {`{"type":"a","message":"b","room":null}`, 422, "body"},
		"a user of null":    {`{"type":"a","message":"b","user":null}`, 422, "body"},
		"a room twice":      {`{"type":"a","message":"b","room":"r","room":"s"}`, 422, "body"},
		"a room, then null": {`{"type":"a","message":"b","room":"r","room":null}`, 422, "body"},
		"escaped twice":     {`{"type":"a","message":"b","room":"r","\u0072oom":null}`, 422, "body"},
		"a long s":          {`{"type":"a","meſſage":"b","message":"b"}`, 422, "body"},
		"a long room":       {`{"type":"a","message":"b","room":"` + long + `"}`, 422, "body.room"},
		"no type":           {`{"message":"b"}`, 422, "body"},
		"an empty message":  {`{"type":"a","message":""}`, 422, "body.message"},
		"a number":          {`{"type":"a","message":5}`, 422, "body.message"},
		"a NUL":             {`{"type":"a","message":"b\u0000"}`, 422, "body.message"},
		"an unknown field":  {`{"type":"a","message":"b","rom":"r"}`, 422, "body.rom"},
		"an array":          {`[]`, 422, "body"},
		"no JSON":           {`{"type":`, 400, "body"},
		"two values":        {`{"type":"a","message":"b"} {}`, 400, "body"},
		"bad UTF-8":         {"{\"type\":\"a\",\"message\":\"\xff\"}", 400, "body"},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup(t)
			w := s.do("POST", "/api/notifications", c.body)
			if strings.Contains(w.Body.String(), long) {
				t.Error("the answer repeats what was sent")
			}
			p := wantProblem(t, w, c.status)
			if len(p.Errors) == 0 || p.Errors[0].Location != c.location || p.Code != backend.CodeInvalid {
				t.Errorf("problem = %+v, want one about %s", p, c.location)
			}
			if got := s.published.all(); len(got) != 0 {
				t.Errorf("published %v", got)
			}
		})
	}
}

func TestCreateNotification_fails_with_its_publisher(t *testing.T) {
	s := setup(t)
	s.published.err = errDisk
	wantProblem(t, s.do("POST", "/api/notifications", `{"type":"a","message":"b"}`), 500)
	wantProblem(t, s.do("GET", "/notify", ""), 500)
}
