package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/parleyio/parley/backend"
)

// Store is a [backend.Store] in an SQL database.
type Store struct {
	// Immutable after construction.
	dialect dialect
	options Options
	write   *sql.DB // one connection where the dialect has a single writer
	read    *sql.DB // may be the same as write
	ids     *backend.IDs

	closing sync.Once
	closed  error // the result of closing
}

var _ backend.Store = (*Store)(nil)

// dialect is what differs between the databases.
type dialect interface {
	// open connects without touching the tables. The database does not grow beyond maxBytes, unless that is zero.
	open(maxBytes int64) (write, read *sql.DB, err error)

	// migrate brings the tables up to date.
	migrate(ctx context.Context, db *sql.DB) error

	// touch writes without changing anything.
	touch(ctx context.Context, conn *sql.Conn) error

	// full reports whether a write has failed because the database may not grow.
	full(ctx context.Context, conn *sql.Conn, err error) bool

	// flush moves what has been committed to where it belongs before the database is closed.
	flush(ctx context.Context, conn *sql.Conn) error
}

// Options bounds what a Store keeps. The zero value bounds nothing.
type Options struct {
	// ChatRetention is how long messages are kept: older ones are not read any more, and [Store.Purge] deletes them. Zero
	// means for ever.
	ChatRetention time.Duration

	// MaxItems is the number of items; a further key is refused with [backend.CodeFull]. Zero means no limit.
	MaxItems int

	// MaxBytes is the size of the database file, without the log beside it, which is at most a few MB. What does not fit is
	// refused with [backend.CodeFull]. A file that is larger already does not grow. Zero means no limit.
	MaxBytes int64
}

// Open opens the database that dsn names, creates it if it does not exist and brings its tables up to date. A dsn is the
// path of an SQLite file, or ":memory:" for a database that ends with the Store.
//
// Nil options are the zero value. Its error is one line that never repeats a dsn with a scheme, for that may hold a password.
func Open(ctx context.Context, dsn string, opts *Options) (*Store, error) {
	d, err := dialectOf(dsn)
	if err != nil {
		return nil, err
	}
	var options Options
	if opts != nil {
		options = *opts
	}
	write, read, err := d.open(options.MaxBytes)
	if err != nil {
		return nil, err
	}
	s := &Store{dialect: d, options: options, write: write, read: read}
	if err := s.prepare(ctx); err != nil {
		_ = s.closePools() // the reason why it cannot be used tells more
		return nil, err
	}
	return s, nil
}

func dialectOf(dsn string) (dialect, error) {
	scheme, _, hasScheme := strings.Cut(dsn, "://")
	switch {
	case dsn == "":
		return nil, errors.New("store: no database is named: give the path of an SQLite file")
	case !hasScheme:
		return sqlite{path: dsn}, nil
	case scheme == "postgres" || scheme == "postgresql":
		return nil, errors.New("store: Postgres comes in a later release: give the path of an SQLite file")
	default:
		return nil, fmt.Errorf("store: unknown kind of database %q: give the path of an SQLite file", scheme)
	}
}

// prepare makes the tables current and finds out which message is the newest.
func (s *Store) prepare(ctx context.Context) error {
	if err := s.dialect.migrate(ctx, s.write); err != nil {
		return err
	}
	var newest sql.NullString
	if err := s.write.QueryRowContext(ctx, `SELECT max(id) FROM messages`).Scan(&newest); err != nil {
		return fmt.Errorf("store: reading the newest message id: %w", err)
	}
	ids, err := backend.NewIDs(newest.String)
	if err != nil {
		return fmt.Errorf("store: the newest message: %w", err)
	}
	s.ids = ids
	return nil
}

// Ping returns an error when the database can not be read or, as with a full disk, not be written, and after Close. It waits
// for its turn to write, so ctx should end.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.read.QueryRowContext(ctx, `SELECT 1`).Scan(new(int)); err != nil {
		return fmt.Errorf("store: ping: %w", err)
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("store: ping: %w", err)
	}
	defer conn.Close()
	if err := s.dialect.touch(ctx, conn); err != nil {
		return fmt.Errorf("store: ping: trying to write: %w", err)
	}
	return nil
}

// Close waits for the running write, flushes and closes the database. Calls that come later, or that were still waiting for
// the writing connection, fail without having changed anything. Only the first call of Close or Shutdown does something;
// all return its error.
func (s *Store) Close() error { return s.Shutdown(context.Background()) }

// Shutdown is Close within the time of ctx. If that ends first, it returns an error when a write was still running, which
// may then be saved or not; a flush that it ends loses nothing.
func (s *Store) Shutdown(ctx context.Context) error {
	s.closing.Do(func() { s.closed = s.flushAndClose(ctx) })
	return s.closed
}

func (s *Store) flushAndClose(ctx context.Context) error {
	// A pool's Close does not wait for connections in use. Holding the writing connection while both pools close means
	// that the running write is over and that no other can start.
	conn, err := s.write.Conn(ctx)
	if err != nil && s.write.Stats().InUse == 0 { // ctx had ended before, and cuts nothing
		return s.closePools()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("store: closing while a write is running: %w", err), s.closePools())
	}
	defer conn.Close()
	return errors.Join(s.dialect.flush(ctx, conn), s.closePools())
}

func (s *Store) closePools() error {
	err := s.write.Close()
	if s.read != s.write {
		err = errors.Join(s.read.Close(), err)
	}
	if err != nil {
		return fmt.Errorf("store: closing: %w", err)
	}
	return nil
}
