package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/store"
)

// A file that is shared with other processes, for which stores and connections of this one stand.

func openStore(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openRaw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// lock keeps everybody else from writing until it is undone.
func lock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	db := openRaw(t, path)
	exec(t, db, `BEGIN IMMEDIATE`)
	return func() { exec(t, db, `ROLLBACK`) }
}

func saveText(ctx context.Context, s *store.Store, text string) error {
	_, _, err := s.SaveMessage(ctx, backend.NewMessage{RoomID: "r", Socket: "s", Text: text})
	return err
}

func TestOpen_manyAtOnceOnNewFile(t *testing.T) {
	for range 10 {
		path := filepath.Join(t.TempDir(), "parley.db")
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for i := range 6 {
			wg.Go(func() {
				<-begin
				s, err := store.Open(t.Context(), path, nil)
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				defer s.Close()
				if err := saveText(t.Context(), s, fmt.Sprint(i)); err != nil {
					t.Errorf("save: %v", err)
				}
			})
		}
		close(begin)
		wg.Wait()
		db := openRaw(t, path)
		var applied, twice, messages int
		row := db.QueryRow(`SELECT count(*), count(*) - count(DISTINCT version_id), (SELECT count(*) FROM messages) FROM goose_db_version`)
		if err := row.Scan(&applied, &twice, &messages); err != nil || applied < 2 || twice != 0 || messages != 6 {
			t.Errorf("%d versions, %d of them twice, %d messages, %v", applied, twice, messages, err)
		}
	}
}

func TestStore_twoOnOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parley.db")
	stores := []*store.Store{openStore(t, path), openStore(t, path)}
	const writers, each = 4, 50
	var wg sync.WaitGroup
	for i, s := range stores {
		for w := range writers {
			wg.Go(func() {
				for n := range each {
					if err := saveText(t.Context(), s, "x"); err != nil {
						t.Errorf("store %d: %v", i, err)
						return
					}
					if _, err := s.PutItem(t.Context(), backend.NewItem{Key: fmt.Sprint(w), Value: []byte(fmt.Sprint(n))}); err != nil {
						t.Errorf("store %d: %v", i, err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	count := 0
	for before, more := "", true; more; {
		page, err := stores[0].Messages(t.Context(), "r", before, 100)
		if err != nil {
			t.Fatal(err)
		}
		count += len(page.Messages)
		if more = page.Next != nil; more {
			before = *page.Next
		}
	}
	if want := len(stores) * writers * each; count != want {
		t.Errorf("%d messages, want %d", count, want)
	}
}

// While the file is locked a write waits; it is done when the lock is gone.
func TestStore_waitsForLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parley.db")
	s := openStore(t, path)
	unlock := lock(t, path)
	time.AfterFunc(100*time.Millisecond, unlock)
	if err := saveText(t.Context(), s, "x"); err != nil {
		t.Error(err)
	}
}

func TestShutdown_ofLockedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parley.db")
	shutdown := func(s *store.Store) (took time.Duration, err error) {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		err = s.Shutdown(ctx)
		return time.Since(began), err
	}
	t.Run("nothing to be done", func(t *testing.T) {
		s := openStore(t, path)
		defer lock(t, path)()
		if took, err := shutdown(s); err != nil || took > 2*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
	t.Run("a write waits", func(t *testing.T) {
		s := openStore(t, path)
		unlock := lock(t, path)
		ctx, cancel := context.WithCancel(context.Background())
		ctx = &watched{Context: ctx, waiting: make(chan struct{})}
		saved := make(chan error, 1)
		go func() { saved <- saveText(ctx, s, "x") }()
		<-ctx.(*watched).waiting
		took, err := shutdown(s)
		if err == nil || !strings.Contains(err.Error(), "a write is running") || took > 2*time.Second {
			t.Errorf("%v after %s", err, took)
		}
		cancel()
		if err := <-saved; err == nil {
			t.Error("the write is done although the file was locked")
		}
		unlock()
	})
	t.Run("too late, but nothing runs", func(t *testing.T) {
		s := openStore(t, path)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := s.Ping(t.Context()); err == nil {
			t.Error("it is still open")
		}
	})
}

// watched tells when somebody has begun to wait for its end while holding a connection: the pool asks first.
type watched struct {
	context.Context
	mu      sync.Mutex
	asked   int
	waiting chan struct{}
}

func (w *watched) Done() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked++; w.asked == 8 { // SQLite's waiting asks again and again
		close(w.waiting)
	}
	return w.Context.Done()
}

// The database file alone is a full copy, also where another process keeps the log from being removed.
func TestClose_flushes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parley.db")
	s := openStore(t, path)
	if err := saveText(t.Context(), s, "kept"); err != nil {
		t.Fatal(err)
	}
	other := openRaw(t, path)
	exec(t, other, `SELECT count(*) FROM messages`)
	if log, err := os.Stat(path + "-wal"); err != nil || log.Size() == 0 {
		t.Fatalf("no log to be flushed: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if log, err := os.Stat(path + "-wal"); err != nil || log.Size() != 0 {
		t.Errorf("log of %d bytes, %v", log.Size(), err)
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), "kept") {
		t.Errorf("the message is not in the file (%v)", err)
	}
}

// readOnly makes the file one that only a later release of SQLite may write. (Permissions do not stop root.)
func readOnly(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte{3}, 18); err != nil {
		t.Fatal(err)
	}
}

func TestOpen_readOnlyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parley.db")
	change(t, path, ``)
	readOnly(t, path)
	s, err := store.Open(t.Context(), path, nil)
	if err == nil {
		s.Close()
		t.Fatal("opened")
	}
	if text := err.Error(); !strings.Contains(text, path) || !strings.Contains(text, "readonly") || strings.Contains(text, "\n") {
		t.Errorf("error %q", text)
	}
}

func TestPing_readOnlyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parley.db")
	s := openStore(t, path)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := openRaw(t, path)
	exec(t, other, `CREATE TABLE other (x)`) // makes the store read the header again
	exec(t, other, `PRAGMA wal_checkpoint(TRUNCATE)`)
	readOnly(t, path)
	if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("ping: %v", err)
	}
}
