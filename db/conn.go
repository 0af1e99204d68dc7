package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/mattn/go-sqlite3"
)

// errRolledBack means that SQLite has ended the transaction by itself.
var errRolledBack = errors.New("the database undid the whole transaction")

// conn is one SQLite connection that keeps the statements it has prepared.
//
// No statement sees a caller's context: a context that ends in the middle of a statement makes
// SQLite roll back the whole transaction, which would take other callers' work with it.
type conn struct {
	c     *sql.Conn
	stmts map[string]*sql.Stmt
	// failed is the error after which this transaction takes no further statement.
	failed error
	fault  func(query string) error
}

func newConn(ctx context.Context, pool *sql.DB) (*conn, error) {
	c, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{c: c, stmts: map[string]*sql.Stmt{}}, nil
}

func (c *conn) close() {
	for _, s := range c.stmts {
		_ = s.Close()
	}
	_ = c.c.Close()
}

// ExecContext, QueryContext, QueryRowContext and PrepareContext are what sqlc's code calls.
func (c *conn) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	r, err := s.ExecContext(context.Background(), args...)
	return r, c.note(err)
}

func (c *conn) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(context.Background(), args...)
	return rows, c.note(err)
}

func (c *conn) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	s, err := c.stmt(query)
	if err != nil {
		return failedRow(err)
	}
	row := s.QueryRowContext(context.Background(), args...)
	_ = c.note(row.Err())
	return row
}

// failedRow is a row whose Scan returns err. Only a pool that can't connect makes such a row.
func failedRow(err error) *sql.Row {
	pool := sql.OpenDB(noConnector{err})
	defer func() { _ = pool.Close() }()
	return pool.QueryRow("")
}

type noConnector struct{ err error }

func (n noConnector) Connect(context.Context) (driver.Conn, error) { return nil, n.err }
func (n noConnector) Driver() driver.Driver                        { return &sqlite3.SQLiteDriver{} }

func (c *conn) PrepareContext(_ context.Context, query string) (*sql.Stmt, error) {
	return c.stmt(query)
}

func (c *conn) stmt(query string) (*sql.Stmt, error) {
	if err := c.usable(); err != nil {
		return nil, err
	}
	if c.fault != nil {
		if err := c.fault(query); err != nil {
			return nil, c.note(err)
		}
	}
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.c.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, c.note(err)
	}
	c.stmts[query] = s
	return s, nil
}

// usable returns the error after which nothing more may run in this transaction. Without one a
// statement would commit by itself, so the connection is asked each time.
func (c *conn) usable() error {
	if c.failed == nil && c.autocommit() {
		c.failed = errRolledBack
	}
	return c.failed
}

// note remembers an error after which SQLite may have rolled back more than the statement.
func (c *conn) note(err error) error {
	if err != nil && c.failed == nil && !harmless(err) {
		c.failed = err
	}
	return err
}

func (c *conn) fail(err error) { c.failed = err }

// lost needs no look at the error: the connection tells whether the transaction is still there.
func (c *conn) lost(error) bool { return c.usable() != nil }

// harmless errors undo their own statement only, so that the transaction may go on.
func harmless(err error) bool {
	var e sqlite3.Error
	return errors.Is(err, sql.ErrNoRows) || errors.As(err, &e) && e.Code == sqlite3.ErrConstraint
}

// control runs BEGIN, SAVEPOINT, COMMIT and the like, also when a statement has failed.
func (c *conn) control(query string) error {
	if c.fault != nil {
		if err := c.fault(query); err != nil {
			return err
		}
	}
	s, ok := c.stmts[query]
	if !ok {
		var err error
		if s, err = c.c.PrepareContext(context.Background(), query); err != nil {
			return err
		}
		c.stmts[query] = s
	}
	_, err := s.ExecContext(context.Background())
	return err
}

// autocommit says that no transaction is open (any more).
func (c *conn) autocommit() bool {
	auto := true
	err := c.c.Raw(func(dc any) error {
		auto = dc.(*sqlite3.SQLiteConn).AutoCommit()
		return nil
	})
	return err != nil || auto
}
