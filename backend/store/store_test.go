package store_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/store"
	"github.com/parleyio/parley/backend/store/storetest"
	"github.com/parleyio/parley/internal/testing/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestStore_SQLite(t *testing.T) {
	storetest.TestStore(t, func(t *testing.T) storetest.Open {
		path := filepath.Join(t.TempDir(), "parley.db")
		return func() (backend.Store, error) { return store.Open(t.Context(), path, nil) }
	})
}

func TestStore_SQLite_limits(t *testing.T) {
	storetest.TestLimits(t, func(t *testing.T, l storetest.Limits) storetest.Open {
		path := filepath.Join(t.TempDir(), "parley.db")
		return func() (backend.Store, error) {
			return store.Open(t.Context(), path, &store.Options{ChatRetention: l.ChatRetention, MaxItems: l.MaxItems, MaxBytes: l.MaxBytes})
		}
	})
}

// A database of the release before gets the new columns, and its items are counted.
func TestOpen_upgrade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parley.db")
	old, err := os.ReadFile("testdata/version1.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(string(old)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), path, &store.Options{MaxItems: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if page, err := s.Items(t.Context(), "", 0); err != nil || len(page.Items) != 2 {
		t.Errorf("items %+v, %v; want both", page, err)
	}
	_, err = s.PutItem(t.Context(), backend.NewItem{Key: "third", Value: []byte(`1`)})
	if backend.AsError(err).Code != backend.CodeFull {
		t.Errorf("a third item: %v, want full", err)
	}
}

func TestStore_Memory(t *testing.T) {
	s, err := store.Open(t.Context(), ":memory:", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	saved, created, err := s.SaveMessage(t.Context(), backend.NewMessage{RoomID: "r", Socket: "s", Text: "x"})
	if err != nil || !created {
		t.Fatalf("created %t, %v", created, err)
	}
	p, err := s.Messages(t.Context(), "r", "", 0)
	if err != nil || len(p.Messages) != 1 || p.Messages[0].ID != saved.ID {
		t.Errorf("page %+v, %v", p, err)
	}
}

func TestOpen_errors(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dsn, want string }{
		{"empty", "", "no database is named"},
		{"postgres", "postgres://ann:secret@localhost/parley", "Postgres comes in a later release"},
		{"postgresql", "postgresql://ann:secret@localhost/parley", "Postgres comes in a later release"},
		{"another scheme", "mysql://ann:secret@localhost/parley", `unknown kind of database "mysql"`},
		{"no folder", filepath.Join(dir, "missing", "parley.db"), "the folder " + filepath.Join(dir, "missing") + " does not exist"},
		{"a file as folder", filepath.Join(garbage, "parley.db"), garbage + " is not a folder"},
		{"a folder", dir, dir + ": this is a folder"},
		{"not a database", garbage, "not a database"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := store.Open(t.Context(), c.dsn, nil)
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			t.Log(err)
			if text := err.Error(); !strings.Contains(text, c.want) || strings.Contains(text, "\n") || strings.Contains(text, "secret") {
				t.Errorf("error %q, want one line with %q and no password", text, c.want)
			}
		})
	}
}

func TestOpen_path(t *testing.T) {
	dir := t.TempDir()
	names := []string{"a b.db", "50%.db", "a?_pragma=foreign_keys(0).db", "a#b.db", "é&=+.db", "%41.db"}
	for _, name := range names {
		s, err := store.Open(t.Context(), filepath.Join(dir, name), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s.Close()
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("files %q, want %q and no log beside them", got, names)
	}
}

func TestOpen_relativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	s, err := store.Open(t.Context(), "parley.db", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := os.Stat("parley.db"); err != nil {
		t.Error(err)
	}
}

func TestOpen_newerRelease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parley.db")
	change(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	s, err := store.Open(t.Context(), path, nil)
	if err == nil {
		s.Close()
		t.Fatal("opened a database of a newer release")
	}
	if !strings.Contains(err.Error(), "newer release") {
		t.Error(err)
	}
}

// The clock was far ahead when the last message was saved; the next one must be the newest all the same.
func TestStore_clockSetBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parley.db")
	const future = "7ZZZZZZZZ0ZZZZZZZZZZZZZZZZ"
	change(t, path, `INSERT INTO messages (id, room_id, text, author, created_at) VALUES ('`+future+`', 'r', 'x', 'user:u', 0)`)
	s, err := store.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	last := future
	for range 3 {
		m, _, err := s.SaveMessage(t.Context(), backend.NewMessage{RoomID: "r", Socket: "s", Text: "x"})
		if err != nil || m.ID <= last {
			t.Fatalf("id %s after %s, %v", m.ID, last, err)
		}
		last = m.ID
	}
	p, err := s.Messages(t.Context(), "r", "", 0)
	if err != nil || len(p.Messages) != 4 || p.Messages[0].ID != last || p.Messages[3].ID != future {
		t.Errorf("page %+v, %v", p, err)
	}
}

// A page is read from the index, and no message outside it is looked at.
func TestStore_pageUsesIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parley.db")
	change(t, path, ``)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var id, parent, unused int
	var detail string
	row := db.QueryRow(`EXPLAIN QUERY PLAN SELECT id, text FROM messages WHERE room_id = 'r' AND id < '~' AND id >= '' ORDER BY id DESC LIMIT 5`)
	if err := row.Scan(&id, &parent, &unused, &detail); err != nil {
		t.Fatal(err)
	}
	if want := "SEARCH messages USING INDEX messages_by_room (room_id=? AND id>? AND id<?)"; detail != want {
		t.Errorf("plan %q, want %q", detail, want)
	}
}

// change makes the tables of a new database, and then a change that Parley itself would not make.
func change(t *testing.T, path, statement string) {
	t.Helper()
	s, err := store.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkStore_SaveMessage(b *testing.B) {
	s, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "parley.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := s.SaveMessage(b.Context(), backend.NewMessage{RoomID: "r", Socket: "s", Text: "hello"}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
