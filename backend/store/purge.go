package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/parleyio/parley/backend"
)

// purgeBatch bounds the rows that one statement deletes, so that writers do not wait long.
const purgeBatch = 1000

const (
	deleteOld = `DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE id < $1 ORDER BY id LIMIT $2)`

	deleteExpired = `DELETE FROM items WHERE key IN (SELECT key FROM items WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`
)

// Purge implements [backend.Store].
func (s *Store) Purge(ctx context.Context) (backend.Purged, error) {
	var purged backend.Purged
	if oldest := s.oldest(); oldest != "" {
		n, err := s.deleteAll(ctx, deleteOld, oldest)
		if purged.Messages = n; err != nil {
			return purged, fmt.Errorf("store: deleting old messages: %w", err)
		}
	}
	n, err := s.deleteAll(ctx, deleteExpired, backend.Now().UnixMilli())
	if purged.Items = n; err != nil {
		return purged, fmt.Errorf("store: deleting expired items: %w", err)
	}
	return purged, nil
}

// deleteAll runs a statement until it has nothing more to delete. Between two runs others may write.
func (s *Store) deleteAll(ctx context.Context, statement string, bound any) (int, error) {
	total := 0
	for {
		res, err := s.write.ExecContext(ctx, statement, bound, purgeBatch)
		if err != nil {
			return total, err
		}
		n, err := res.RowsAffected()
		total += int(n)
		if err != nil || n < purgeBatch {
			return total, err
		}
	}
}

// oldest is the id before which messages are too old; empty if none is.
func (s *Store) oldest() string {
	if s.options.ChatRetention <= 0 {
		return ""
	}
	return backend.FirstID(time.Now().Add(-s.options.ChatRetention))
}

// writeError is the error of a failed write: one that a client may see if it is the limit of the database's size.
func (s *Store) writeError(ctx context.Context, conn *sql.Conn, what string, err error) error {
	if s.options.MaxBytes > 0 && s.dialect.full(ctx, conn, err) {
		return backend.Full("the database has reached its limit of %d bytes", s.options.MaxBytes)
	}
	return fmt.Errorf("store: %s: %w", what, err)
}
