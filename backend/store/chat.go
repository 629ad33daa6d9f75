package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/parleyio/parley/backend"
)

const messageColumns = `id, room_id, user_id, text, client_message_id, created_at`

// The WHERE of the conflict target names the partial index messages_once.
const insertMessage = `
INSERT INTO messages (id, room_id, user_id, text, client_message_id, created_at, author)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (room_id, author, client_message_id) WHERE client_message_id IS NOT NULL DO NOTHING`

const selectFirstCopy = `
SELECT ` + messageColumns + ` FROM messages
WHERE room_id = $1 AND author = $2 AND client_message_id = $3`

// SaveMessage implements [backend.ChatStore].
func (s *Store) SaveMessage(ctx context.Context, m backend.NewMessage) (saved backend.ChatMessage, created bool, err error) {
	if err := m.Validate(); err != nil {
		return backend.ChatMessage{}, false, err
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return backend.ChatMessage{}, false, fmt.Errorf("store: saving a message: %w", err)
	}
	defer conn.Close() // gives it back to the pool

	now := backend.Now()
	saved = backend.ChatMessage{
		ID: s.ids.Next(now), RoomID: m.RoomID, User: m.User, Text: m.Text,
		ClientMessageID: m.ClientMessageID, CreatedAt: now,
	}
	res, err := conn.ExecContext(ctx, insertMessage, saved.ID, saved.RoomID, saved.User, saved.Text,
		saved.ClientMessageID, saved.CreatedAt.UnixMilli(), m.AuthorKey())
	if err != nil {
		return backend.ChatMessage{}, false, s.writeError(ctx, conn, "saving a message", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return backend.ChatMessage{}, false, fmt.Errorf("store: saving a message: %w", err)
	}
	if n == 1 {
		return saved, true, nil
	}
	// The insert waited for the statement that saved the first copy, so that copy is committed and visible.
	first, err := scanMessage(conn.QueryRowContext(ctx, selectFirstCopy, m.RoomID, m.AuthorKey(), m.ClientMessageID))
	if err != nil {
		return backend.ChatMessage{}, false, fmt.Errorf("store: reading the first copy of a message: %w", err)
	}
	return first, false, nil
}

// afterAll sorts behind every message id: ids consist of digits and capital letters.
const afterAll = "~"

const selectPage = `
SELECT ` + messageColumns + ` FROM messages
WHERE room_id = $1 AND id < $2 AND id >= $4
ORDER BY id DESC LIMIT $3`

// Messages implements [backend.ChatStore].
func (s *Store) Messages(ctx context.Context, roomID, before string, limit int) (backend.Page, error) {
	if err := backend.ValidateRoom("roomId", roomID); err != nil {
		return backend.Page{}, err
	}
	if err := backend.ValidateBefore(before); err != nil {
		return backend.Page{}, err
	}
	limit, err := backend.ValidateLimit(limit)
	if err != nil {
		return backend.Page{}, err
	}
	if before == "" {
		before = afterAll
	}
	messages, err := s.page(ctx, roomID, before, limit+1) // one more tells whether another page follows
	if err != nil {
		return backend.Page{}, fmt.Errorf("store: reading messages: %w", err)
	}
	page := backend.Page{Messages: messages}
	if len(messages) > limit {
		page.Messages = messages[:limit]
		page.Next = &messages[limit-1].ID
	}
	return page, nil
}

func (s *Store) page(ctx context.Context, roomID, before string, limit int) ([]backend.ChatMessage, error) {
	rows, err := s.read.QueryContext(ctx, selectPage, roomID, before, limit, s.oldest())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	messages := []backend.ChatMessage{}
	for rows.Next() {
		m, err := scanMessage(rows)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, rows.Err()
}

// scanMessage reads messageColumns from a *sql.Row or the current one of *sql.Rows.
func scanMessage(row interface{ Scan(dst ...any) error }) (backend.ChatMessage, error) {
	var (
		m         backend.ChatMessage
		user      sql.Null[string]
		clientID  sql.Null[string]
		createdAt int64
	)
	if err := row.Scan(&m.ID, &m.RoomID, &user, &m.Text, &clientID, &createdAt); err != nil {
		return backend.ChatMessage{}, err
	}
	if user.Valid {
		m.User = &user.V
	}
	if clientID.Valid {
		m.ClientMessageID = &clientID.V
	}
	m.CreatedAt = time.UnixMilli(createdAt).UTC()
	return m, nil
}
