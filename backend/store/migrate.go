package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// migrateLocked brings the tables up to date while nobody else can write. Conn holds a transaction that has the lock, and
// becomes part of it: several servers that start on one new file must neither see half of a migration nor make one twice,
// and goose has no lock for SQLite.
func migrateLocked(ctx context.Context, conn *sql.Conn, name string, dir fs.FS) error {
	return conn.Raw(func(held any) error {
		db := sql.OpenDB(nested{held.(driver.Conn)})
		defer db.Close()
		db.SetMaxOpenConns(1)
		p, err := goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithDisableGlobalRegistry(true))
		if err != nil {
			return fmt.Errorf("store: embedded migrations: %w", err)
		}
		current, err := p.GetDBVersion(ctx)
		if err != nil {
			return fmt.Errorf("store: reading the version of %s: %w", name, err)
		}
		sources := p.ListSources()
		if known := sources[len(sources)-1].Version; current > known {
			return fmt.Errorf("store: %s was written by a newer release (tables of version %d, known is %d)", name, current, known)
		}
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("store: bringing the tables of %s up to date: %w", name, err)
		}
		return nil
	})
}

// nested is a connection inside a transaction, as a driver of its own: goose begins and commits as it likes, and what it
// begins are savepoints of that transaction.
type nested struct{ driver.Conn }

// Connect implements [driver.Connector].
func (n nested) Connect(context.Context) (driver.Conn, error) { return n, nil }

// Driver implements [driver.Connector].
func (n nested) Driver() driver.Driver { return nil }

// Close leaves the connection to its owner.
func (n nested) Close() error { return nil }

// BeginTx implements [driver.ConnBeginTx].
func (n nested) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	_, err := n.ExecContext(ctx, `SAVEPOINT migration`, nil)
	return n, err
}

// Commit implements [driver.Tx].
func (n nested) Commit() error {
	_, err := n.ExecContext(context.Background(), `RELEASE migration`, nil)
	return err
}

// Rollback implements [driver.Tx].
func (n nested) Rollback() error {
	_, err := n.ExecContext(context.Background(), `ROLLBACK TO migration`, nil)
	return errors.Join(err, n.Commit())
}

// ExecContext implements [driver.ExecerContext].
func (n nested) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return n.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

// QueryContext implements [driver.QueryerContext].
func (n nested) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return n.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}
