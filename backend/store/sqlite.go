package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	driver "modernc.org/sqlite" // registers itself as "sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/parleyio/parley/backend"
)

//go:embed migrations
var migrations embed.FS

const memory = ":memory:"

// busyTimeout is how long a lock of another process is waited for.
const busyTimeout = 5 * time.Second

// busyRetry is the time between two attempts where SQLite itself does not wait.
const busyRetry = 10 * time.Millisecond

// pageSize is SQLite's default.
const pageSize = 4096

// sqlite is the dialect of a database in one file.
type sqlite struct{ path string }

func (d sqlite) open(maxBytes int64) (write, read *sql.DB, err error) {
	var params []string
	if maxBytes > 0 {
		params = append(params, fmt.Sprintf("_pragma=max_page_count(%d)", max(1, maxBytes/pageSize)))
	}
	write, err = sql.Open("sqlite", d.dsn(params...))
	if err != nil {
		return nil, nil, d.openError(err)
	}
	write.SetMaxOpenConns(1)
	if d.path == memory { // lives in its connection: a second one would see another database
		return write, write, nil
	}
	read, err = sql.Open("sqlite", d.dsn("_query_only=1"))
	if err != nil {
		_ = write.Close()
		return nil, nil, d.openError(err)
	}
	readers := max(2, runtime.GOMAXPROCS(0))
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return write, read, nil
}

// dsn spells the path as an SQLite URI, in which no character of a file's name can be taken for a parameter.
func (d sqlite) dsn(params ...string) string {
	path := d.path
	if path != memory {
		path = filepath.ToSlash(filepath.Clean(path))
		if filepath.VolumeName(d.path) != "" {
			path = "/" + path
		}
		path = (&url.URL{Path: path}).EscapedPath()
	}
	return "file:" + path + "?" + strings.Join(append([]string{
		"_busy_timeout=" + strconv.FormatInt(busyTimeout.Milliseconds(), 10),
		"_journal_mode=WAL",
		"_synchronous=FULL",
		"_foreign_keys=1",
		"_defensive=1", // no SQL of this connection can damage the file's structure
		"_dqs=0",       // "x" is a name, never a string by mistake
		"_error_rc=1",  // errors without the text of an earlier one
	}, params...), "&")
}

// migrate holds the lock of the writer from the version on, and writes even where nothing is to be done: a file that cannot
// be written is found here and not by the first message.
func (d sqlite) migrate(ctx context.Context, db *sql.DB) (err error) {
	dir, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return fmt.Errorf("store: embedded migrations: %w", err)
	}
	conn, err := d.connect(ctx, db)
	if err != nil {
		return d.openError(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return d.openError(err)
	}
	defer func() {
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`) // what failed tells more
		}
	}()
	if err := migrateLocked(ctx, conn, d.path, dir); err != nil {
		return err
	}
	if err := d.touch(ctx, conn); err != nil {
		return d.openError(err)
	}
	if _, err := conn.ExecContext(ctx, `COMMIT`); err != nil {
		return d.openError(err)
	}
	return nil
}

// connect opens the file. SQLite turns a new file into one with a write-ahead log without waiting for other processes that do
// the same, whatever the busy timeout says; so the waiting is done here.
func (d sqlite) connect(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	for end := time.Now().Add(busyTimeout); ; {
		conn, err := db.Conn(ctx)
		var failed *driver.Error
		busy := errors.As(err, &failed) && failed.Code()&0xff == sqlite3.SQLITE_BUSY // the rest of the code is a detail
		if !busy || time.Now().After(end) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(busyRetry):
		}
	}
}

// touch sets a field of the file's header to what it is.
func (d sqlite) touch(ctx context.Context, conn *sql.Conn) error {
	var version int64
	if err := conn.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, version))
	return err
}

// full also tells a database at its limit from a full disk, for which SQLite has the same error.
func (d sqlite) full(ctx context.Context, conn *sql.Conn, err error) bool {
	failed, ok := errors.AsType[*driver.Error](err)
	if !ok || failed.Code()&0xff != sqlite3.SQLITE_FULL {
		return false
	}
	var pages, most int64
	err = errors.Join(conn.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&pages), conn.QueryRowContext(ctx, `PRAGMA max_page_count`).Scan(&most))
	return err == nil && pages+fullMargin >= most
}

// fullMargin is how many pages one write may need: those of the largest value, and its way through the index.
const fullMargin = backend.MaxValueBytes/pageSize + 16

// flush moves the write-ahead log into the database file, so that the file alone is a full copy of the data. While another
// process uses the file it keeps the log, in which the data is as safe, and moves it when it is done: that is no error.
func (d sqlite) flush(ctx context.Context, conn *sql.Conn) error {
	var busy, pages, moved int
	err := conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved)
	if err != nil && ctx.Err() == nil { // the end of ctx ends the wait for the other process
		return fmt.Errorf("store: flushing %s: %w", d.path, err)
	}
	return nil
}

// openError says why the file cannot be used, which SQLite does not.
func (d sqlite) openError(err error) error {
	failed, ok := errors.AsType[*driver.Error](err)
	if d.path != memory && ok {
		switch failed.Code() & 0xff {
		case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR:
			if reason := obstacle(d.path); reason != "" {
				return fmt.Errorf("store: opening %s: %s (%w)", d.path, reason, err)
			}
		}
	}
	return fmt.Errorf("store: opening %s: %w", d.path, err)
}

// obstacle says what is wrong with a path, or returns nothing.
func obstacle(path string) string {
	if at, err := filepath.Abs(path); err == nil {
		path = at
	}
	folder := filepath.Dir(path)
	switch info, err := os.Stat(folder); {
	case errors.Is(err, fs.ErrNotExist):
		return "the folder " + folder + " does not exist"
	case errors.Is(err, syscall.ENOTDIR), err == nil && !info.IsDir():
		return folder + " is not a folder"
	case err != nil:
		return "the folder " + folder + " cannot be used: " + reason(err)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return "this is a folder, and not a file"
	}
	_, err := os.Lstat(path)
	file, openErr := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if openErr != nil {
		return "the file cannot be written in the folder " + folder + ": " + reason(openErr)
	}
	_ = file.Close()
	if errors.Is(err, fs.ErrNotExist) {
		_ = os.Remove(path)
	}
	// SQLite has files beside the database.
	beside, err := os.CreateTemp(folder, ".parley-*")
	if err != nil {
		return "no file can be made in the folder " + folder + ": " + reason(err)
	}
	_ = beside.Close()
	_ = os.Remove(beside.Name())
	return ""
}

// reason is the operating system's word for an error, without the path.
func reason(err error) string {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err.Error()
	}
	return err.Error()
}
