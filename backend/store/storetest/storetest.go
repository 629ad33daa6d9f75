// Package storetest is the suite that every [backend.Store] must pass.
package storetest

import (
	"errors"
	"testing"

	"github.com/parleyio/parley/backend"
)

// Open opens one and the same database each time it is called: first an empty one, later with what was saved before.
type Open func() (backend.Store, error)

// TestStore runs the suite. NewDatabase makes a new, empty database for the test it is given.
func TestStore(t *testing.T, newDatabase func(t *testing.T) Open) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, open Open)
	}{
		{"chat/save and read", testSaveAndRead},
		{"chat/pages to the end", testPages},
		{"chat/rooms are apart", testRoomsApart},
		{"chat/ids sort by time", testIDsSort},
		{"chat/one copy", testOneCopy},
		{"chat/authors are apart", testAuthorsApart},
		{"chat/one copy of many at once", testOneCopyConcurrently},
		{"chat/many writers", testManyWriters},
		{"chat/any text", testAnyText},
		{"chat/invalid", testInvalidChat},
		{"chat/cancelled", testCancelled},
		{"data/put and read", testPutAndRead},
		{"data/updatedAt grows", testUpdatedAtGrows},
		{"data/any key and value", testAnyItem},
		{"data/invalid", testInvalidData},
		{"data/pages", testItemPages},
		{"data/expiry", testExpiry},
		{"restart", testRestart},
		{"close", testClose},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, newDatabase(t))
		})
	}
}

// start opens the store and closes it with the test.
func start(t *testing.T, open Open) backend.Store {
	t.Helper()
	s, err := open()
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func save(t *testing.T, s backend.Store, m backend.NewMessage) backend.ChatMessage {
	t.Helper()
	saved, created, err := s.SaveMessage(t.Context(), m)
	if err != nil || !created {
		t.Fatalf("SaveMessage(%+v): created %t, %v", m, created, err)
	}
	return saved
}

func page(t *testing.T, s backend.Store, room, before string, limit int) backend.Page {
	t.Helper()
	p, err := s.Messages(t.Context(), room, before, limit)
	if err != nil {
		t.Fatalf("Messages(%q, %q, %d): %v", room, before, limit, err)
	}
	return p
}

func wantCode(t *testing.T, err error, code backend.Code) {
	t.Helper()
	if e, ok := errors.AsType[*backend.Error](err); !ok || e.Code != code {
		t.Errorf("error %v, want code %s", err, code)
	}
}
