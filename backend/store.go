package backend

import (
	"context"
	"encoding/json"
)

// ChatStore keeps the messages of the rooms. Both methods check their arguments and return an [*Error] of [CodeInvalid]
// when one breaks a rule of this package; every other error is a failure of the store.
type ChatStore interface {
	// SaveMessage saves m and returns it with its id and time. It returns when the message is on disk. Created is false
	// when the author had saved a message with the same ClientMessageID in this room before: then the first copy is
	// returned and nothing is changed.
	SaveMessage(ctx context.Context, m NewMessage) (saved ChatMessage, created bool, err error)

	// Messages returns at most limit messages of the room that are older than the message before, newest first. An
	// empty before means from the newest on, a limit of zero [DefaultLimit]. A room that nobody has written to has an
	// empty page.
	Messages(ctx context.Context, roomID, before string, limit int) (Page, error)
}

// DataStore keeps live data. Its methods check their arguments like those of [ChatStore].
type DataStore interface {
	// PutItem saves value under key, in place of an earlier value, and returns when it is on disk.
	PutItem(ctx context.Context, key string, value json.RawMessage) (Item, error)

	// Item returns the item of a key, or an [*Error] of [CodeNotFound].
	Item(ctx context.Context, key string) (Item, error)

	// Items returns all items, sorted by key. The slice is never nil.
	Items(ctx context.Context) ([]Item, error)
}

// Store is everything that the backend keeps.
type Store interface {
	ChatStore
	DataStore

	// Ping returns an error when the database cannot be reached.
	Ping(ctx context.Context) error

	// Close waits for running calls, flushes and closes the database.
	Close() error
}
