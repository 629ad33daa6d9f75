package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/parleyio/parley/backend"
)

// updated_at grows with every change, also within a millisecond and when the clock has been set back. A new key is not
// inserted, and no row returned, where $5 items are there already.
const upsertItem = `
INSERT INTO items (key, value, updated_at, expires_at) SELECT $1, $2, $3, $4
WHERE $5 = 0 OR (SELECT n FROM item_count) < $5 OR EXISTS (SELECT 1 FROM items WHERE key = $1)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, updated_at =
    CASE WHEN excluded.updated_at > items.updated_at THEN excluded.updated_at ELSE items.updated_at + 1 END
RETURNING updated_at`

// PutItem implements [backend.DataStore].
func (s *Store) PutItem(ctx context.Context, item backend.NewItem) (backend.Item, error) {
	if err := item.Validate(); err != nil {
		return backend.Item{}, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, item.Value); err != nil {
		return backend.Item{}, fmt.Errorf("store: saving an item: %w", err)
	}
	saved := backend.Item{Key: item.Key, Value: compact.Bytes()}
	var expires *int64
	if !item.Expires.IsZero() {
		expires = new(item.Expires.UnixMilli())
		saved.ExpiresAt = new(time.UnixMilli(*expires).UTC())
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return backend.Item{}, fmt.Errorf("store: saving an item: %w", err)
	}
	defer conn.Close() // gives it back to the pool

	put := func() (updatedAt int64, err error) {
		row := conn.QueryRowContext(ctx, upsertItem, item.Key, compact.String(), backend.Now().UnixMilli(), expires, s.options.MaxItems)
		err = row.Scan(&updatedAt)
		return updatedAt, err
	}
	updatedAt, err := put()
	if errors.Is(err, sql.ErrNoRows) { // it is full, but perhaps of items that have expired
		if _, err := conn.ExecContext(ctx, deleteExpired, backend.Now().UnixMilli(), purgeBatch); err != nil {
			return backend.Item{}, fmt.Errorf("store: saving an item: %w", err)
		}
		updatedAt, err = put()
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return backend.Item{}, backend.Full("%d items are stored, which is the limit: a key that is there can be set, a new one cannot", s.options.MaxItems)
	case err != nil:
		return backend.Item{}, s.writeError(ctx, conn, "saving an item", err)
	}
	saved.UpdatedAt = time.UnixMilli(updatedAt).UTC()
	return saved, nil
}

const itemColumns = `key, value, updated_at, expires_at`

// Item implements [backend.DataStore].
func (s *Store) Item(ctx context.Context, key string) (backend.Item, error) {
	if err := backend.ValidateKey(key); err != nil {
		return backend.Item{}, err
	}
	item, err := scanItem(s.read.QueryRowContext(ctx, `SELECT `+itemColumns+` FROM items
WHERE key = $1 AND (expires_at IS NULL OR expires_at > $2)`, key, backend.Now().UnixMilli()))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return backend.Item{}, backend.NotFound("no data under this key")
	case err != nil:
		return backend.Item{}, fmt.Errorf("store: reading an item: %w", err)
	}
	return item, nil
}

// maxPageBytes bounds the values of a page that has more than one item.
const maxPageBytes = 4_000_000

// Items implements [backend.DataStore].
func (s *Store) Items(ctx context.Context, after string, limit int) (backend.ItemPage, error) {
	if after != "" {
		if err := backend.ValidateAfter(after); err != nil {
			return backend.ItemPage{}, err
		}
	}
	limit, err := backend.ValidateItemLimit(limit)
	if err != nil {
		return backend.ItemPage{}, err
	}
	page, err := s.items(ctx, after, limit)
	if err != nil {
		return backend.ItemPage{}, fmt.Errorf("store: reading items: %w", err)
	}
	return page, nil
}

func (s *Store) items(ctx context.Context, after string, limit int) (backend.ItemPage, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+itemColumns+` FROM items
WHERE key > $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY key LIMIT $3`, after, backend.Now().UnixMilli(), limit+1)
	if err != nil {
		return backend.ItemPage{}, err
	}
	defer rows.Close()
	page := backend.ItemPage{Items: []backend.Item{}}
	for size := 0; rows.Next(); {
		item, err := scanItem(rows)
		if err != nil {
			return backend.ItemPage{}, err
		}
		n := len(page.Items)
		if size += len(item.Value); n == limit || n > 0 && size > maxPageBytes {
			page.Next = new(page.Items[n-1].Key)
			return page, nil
		}
		page.Items = append(page.Items, item)
	}
	return page, rows.Err()
}

// scanItem reads itemColumns.
func scanItem(row interface{ Scan(dst ...any) error }) (backend.Item, error) {
	var (
		item      backend.Item
		value     []byte
		updatedAt int64
		expires   sql.Null[int64]
	)
	if err := row.Scan(&item.Key, &value, &updatedAt, &expires); err != nil {
		return backend.Item{}, err
	}
	item.Value, item.UpdatedAt = value, time.UnixMilli(updatedAt).UTC()
	if expires.Valid {
		item.ExpiresAt = new(time.UnixMilli(expires.V).UTC())
	}
	return item, nil
}
