package backend

import "context"

// ChatStore keeps the messages of the rooms. Both methods check their arguments and return an [*Error] of [CodeInvalid]
// when one breaks a rule of this package; every other error is a failure of the store.
type ChatStore interface {
	// SaveMessage saves m and returns it with its id and time. It returns when the message is on disk. Where there is no
	// room for it, the error is an [*Error] of [CodeFull]. Created is false
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
	// PutItem saves an item in place of an earlier one of its key, and returns when it is on disk. Where there is no room
	// for it, the error is an [*Error] of [CodeFull].
	PutItem(ctx context.Context, item NewItem) (Item, error)

	// Item returns the item of a key, or an [*Error] of [CodeNotFound]. An item that has expired is not found.
	Item(ctx context.Context, key string) (Item, error)

	// Items returns at most limit items whose key is behind after, sorted by key; a page whose values are large has fewer.
	// An empty after means from the first on, a limit of zero [DefaultItemLimit].
	Items(ctx context.Context, after string, limit int) (ItemPage, error)
}

// Purged is what [Store].Purge has deleted.
type Purged struct{ Messages, Items int }

// Store is everything that the backend keeps.
type Store interface {
	ChatStore
	DataStore

	// Ping returns an error when the database cannot be reached.
	Ping(ctx context.Context) error

	// Purge deletes the messages and the items whose time is over. Nobody has been able to read them since.
	Purge(ctx context.Context) (Purged, error)

	// Close waits for running calls, flushes and closes the database.
	Close() error
}
