package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
)

// White box, because what a commit survives cannot be seen from outside without cutting the power.
func TestSQLite_pragmas(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "parley.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		db           *sql.DB
		pragma, want string
	}{
		{s.write, "journal_mode", "wal"},
		{s.write, "synchronous", "2"}, // FULL: a commit is on disk
		{s.write, "busy_timeout", "5000"},
		{s.write, "foreign_keys", "1"},
		{s.write, "query_only", "0"},
		{s.read, "busy_timeout", "5000"},
		{s.read, "query_only", "1"},
	} {
		var got string
		if err := c.db.QueryRowContext(context.Background(), "PRAGMA "+c.pragma).Scan(&got); err != nil || got != c.want {
			t.Errorf("%s = %s (%v), want %s", c.pragma, got, err, c.want)
		}
	}
}
