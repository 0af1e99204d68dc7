// Package db is the SQL floor: the schema, the queries (typed by sqlc), and opening, reading,
// writing and backing up the database.
//
// The SQL is the same on SQLite and on PostgreSQL; what differs is in sqlite.go and postgres.go.
// All writes go through Update, reads through View. On SQLite, Update gathers whatever waits into
// one transaction (group commit) in WAL mode with synchronous=FULL: a commit that was answered
// survives a power cut. On PostgreSQL each Update is a transaction of its own, run again when it
// meets another one.
package db

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrLocked means that another process has the data directory.
	ErrLocked = errors.New("the data directory is in use by another Trak")
	// ErrNewer means that the database was written by a newer Trak, which this one must not touch.
	ErrNewer = errors.New("the database is newer than this Trak")
	// ErrOlder means that the database was written by an older Trak; only a start brings it up to date.
	ErrOlder = errors.New("the database is older than this Trak")
	// ErrNone means that there is no database in the directory.
	ErrNone = errors.New("there is no database of Trak's")
	// ErrClosed is returned by Update and View after Close.
	ErrClosed = errors.New("the database is closed")
	// ErrReadOnly is returned by Update after OpenReadOnly.
	ErrReadOnly = errors.New("the database is open for reading only")
)

// Scope says whose data a transaction is about: a workspace's id, or System. It is kept with
// the audit records that the transaction makes.
type Scope string

// System is the scope of what belongs to no workspace or to several: sign-in, webhooks, workers.
const System Scope = ""

// Options are what Open and OpenPostgres need beside the place.
type Options struct {
	Migrations Migrations
	Now        func() time.Time
	Logger     *slog.Logger
	// Fault, when set, runs before each statement of Update and may return the error that the
	// statement shall fail with. Tests plant errors of the disk with it.
	Fault func(query string) error
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// DB is an open database. Its methods may be used from many goroutines.
type DB struct {
	engine engine
	path   string
	closed sync.Once
	audit  atomic.Pointer[AuditKey]
}

// engine is what SQLite and PostgreSQL do differently.
type engine interface {
	update(ctx context.Context, scope Scope, f func(*Tx) error) error
	view(ctx context.Context, f func(*Queries) error) error
	brokenKeys(ctx context.Context) ([]BrokenKey, error)
	// close finishes what was accepted; it is called once.
	close() error
}

// Update runs f in a transaction and returns when its work is on the disk, or with f's error
// when nothing of it is. f uses nothing but tx, waits for nothing outside the database, and may
// run twice. An error of a constraint that f goes on after belongs into a Savepoint; after any
// other error of a statement, nothing of f stands.
//
// ctx is looked at before f starts and never after. When the connection to PostgreSQL is lost
// during the commit, the error does not tell whether the work stands.
func (d *DB) Update(ctx context.Context, scope Scope, f func(*Tx) error) error {
	return d.engine.update(ctx, scope, func(tx *Tx) error {
		tx.audit = d.AuditKey()
		return f(tx)
	})
}

// View runs f on a read snapshot: all that f reads is of one moment. ctx is looked at while
// waiting for a connection, never during a statement.
func (d *DB) View(ctx context.Context, _ Scope, f func(*Queries) error) error {
	return d.engine.view(ctx, f)
}

// BrokenKey is a row that points to one that is not there.
type BrokenKey struct {
	Table       string
	Row         int64  // SQLite's rowid
	Parent      string // the table that it points to
	WorkspaceID string // of the row, "" when it has none
}

// BrokenKeys looks for rows whose foreign keys point nowhere: SQLite lets them in when its check
// is off. PostgreSQL never does, so that there is nothing to look for.
func (d *DB) BrokenKeys(ctx context.Context) ([]BrokenKey, error) {
	return d.engine.brokenKeys(ctx)
}

// Ping says whether the database answers a read.
func (d *DB) Ping(ctx context.Context) error {
	return d.View(ctx, System, func(q *Queries) error {
		_, err := q.db.ExecContext(ctx, "SELECT 1")
		return err
	})
}

// Path is the file that the database is in, "" on PostgreSQL.
func (d *DB) Path() string { return d.path }

// Close finishes what was accepted and lets go of the database.
func (d *DB) Close() (err error) {
	d.closed.Do(func() { err = d.engine.close() })
	return err
}
