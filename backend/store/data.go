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

// updated_at grows with every change, also within a millisecond and when the clock has been set back.
const upsertItem = `
INSERT INTO items (key, value, updated_at) VALUES ($1, $2, $3)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at =
    CASE WHEN excluded.updated_at > items.updated_at THEN excluded.updated_at ELSE items.updated_at + 1 END
RETURNING updated_at`

// PutItem implements [backend.DataStore].
func (s *Store) PutItem(ctx context.Context, key string, value json.RawMessage) (backend.Item, error) {
	if err := backend.ValidateKey(key); err != nil {
		return backend.Item{}, err
	}
	if err := backend.ValidateValue(value); err != nil {
		return backend.Item{}, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		return backend.Item{}, fmt.Errorf("store: saving an item: %w", err)
	}
	var updatedAt int64
	row := s.write.QueryRowContext(ctx, upsertItem, key, compact.String(), backend.Now().UnixMilli())
	if err := row.Scan(&updatedAt); err != nil {
		return backend.Item{}, fmt.Errorf("store: saving an item: %w", err)
	}
	return backend.Item{Key: key, Value: compact.Bytes(), UpdatedAt: time.UnixMilli(updatedAt).UTC()}, nil
}

// Item implements [backend.DataStore].
func (s *Store) Item(ctx context.Context, key string) (backend.Item, error) {
	if err := backend.ValidateKey(key); err != nil {
		return backend.Item{}, err
	}
	item, err := scanItem(s.read.QueryRowContext(ctx, `SELECT key, value, updated_at FROM items WHERE key = $1`, key))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return backend.Item{}, backend.NotFound("no data under this key")
	case err != nil:
		return backend.Item{}, fmt.Errorf("store: reading an item: %w", err)
	}
	return item, nil
}

// Items implements [backend.DataStore].
func (s *Store) Items(ctx context.Context) ([]backend.Item, error) {
	items, err := s.items(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: reading items: %w", err)
	}
	return items, nil
}

func (s *Store) items(ctx context.Context) ([]backend.Item, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT key, value, updated_at FROM items ORDER BY key`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	items := []backend.Item{}
	for rows.Next() {
		item, err := scanItem(rows)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, rows.Err()
}

func scanItem(row interface{ Scan(dst ...any) error }) (backend.Item, error) {
	var (
		item      backend.Item
		value     []byte
		updatedAt int64
	)
	if err := row.Scan(&item.Key, &value, &updatedAt); err != nil {
		return backend.Item{}, err
	}
	item.Value, item.UpdatedAt = value, time.UnixMilli(updatedAt).UTC()
	return item, nil
}
