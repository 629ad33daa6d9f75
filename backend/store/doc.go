// Package store keeps the backend's chat and live data in an SQL database. SQLite is built in; the SQL is plain enough
// for Postgres too, and what differs stands behind a dialect.
//
// # Usage
//
//	s, err := store.Open(ctx, "parley.db", nil)
//	defer s.Close()
//
// [Open] creates the file and brings its tables up to date (migrations/, embedded).
//
// # Durability
//
// What a method has acknowledged is on disk. SQLite runs in WAL mode with synchronous=FULL: every commit is flushed, so
// it outlives a crash of the process and a power cut alike. (NORMAL would flush only at checkpoints, and a power cut
// could take back messages that their authors have already seen acknowledged.)
//
// # Concurrency
//
// A [Store] is safe for concurrent use. SQLite knows one writer at a time, so all writes share one connection and queue for
// it in the process, where a context can end the wait, instead of contending for the file's lock. Reads have connections of
// their own and never wait for a write. Message ids are made by the holder of the writing connection: the order of the
// ids is the order of the commits, and a reader that pages through a room misses nothing.
//
// Several processes may have one SQLite file open, as during a restart without a gap, or start on a new one; each waits up
// to five seconds for the others' writes, migrations included.
package store
