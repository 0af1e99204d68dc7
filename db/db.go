// Package db is the SQL floor: the schema, the queries (typed by sqlc), and opening, reading,
// writing and backing up the database.
//
// All writes go through Update, which gathers whatever waits into one transaction (group
// commit); reads go through View on a pool of read-only connections. Both run on SQLite in
// WAL mode with synchronous=FULL: a commit that was answered survives a power cut.
package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/mattn/go-sqlite3"
	"golang.org/x/sys/unix"
)

// FileName is the database's file within the data directory.
const FileName = "trak.db"

var (
	// ErrLocked means that another process has the data directory.
	ErrLocked = errors.New("the data directory is in use by another Trak")
	// ErrNewer means that the database was written by a newer Trak, which this one must not touch.
	ErrNewer = errors.New("the database is newer than this Trak")
)

// Scope says whose data a transaction is about: a workspace's id, or System. It is kept with
// the audit records that the transaction makes.
type Scope string

// System is the scope of what belongs to no workspace or to several: sign-in, webhooks, workers.
const System Scope = ""

// Options are what Open needs beside the directory.
type Options struct {
	Migrations Migrations
	Now        func() time.Time
	Logger     *slog.Logger
	// Fault, when set, runs before each statement of the writer and may return the error that
	// the statement shall fail with. Tests plant disk errors with it.
	Fault func(query string) error
}

// DB is an open database. Its methods may be used from many goroutines.
type DB struct {
	path    string
	lock    *os.File
	write   *sql.DB
	read    *sql.DB
	readers chan *conn
	writer  *writer
	now     func() time.Time
	log     *slog.Logger
	closing chan struct{}
	closed  sync.Once
}

// Open locks the data directory, migrates its database (after a backup, when there is
// something to migrate) and starts the writer. It returns ErrLocked or ErrNewer when that is
// the reason.
func Open(ctx context.Context, dir string, o Options) (*DB, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	d := &DB{path: filepath.Join(dir, FileName), lock: lock, now: o.Now, log: o.Logger, closing: make(chan struct{})}
	if err := d.open(ctx, o); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

func (d *DB) open(ctx context.Context, o Options) error {
	if err := createPrivate(d.path); err != nil {
		return err
	}
	if err := o.Migrations.run(ctx, d.path, o.Now(), o.Logger); err != nil {
		return err
	}
	d.write = sql.OpenDB(connector{dsn: writeDSN(d.path)})
	d.write.SetMaxOpenConns(1)
	c, err := newConn(ctx, d.write)
	if err != nil {
		return fmt.Errorf("open %s: %w", d.path, err)
	}
	c.fault = o.Fault
	d.writer = startWriter(c, o.Now)

	n := max(2, runtime.NumCPU())
	d.read = sql.OpenDB(connector{dsn: readDSN(d.path)})
	d.read.SetMaxOpenConns(n)
	readers := make(chan *conn, n)
	for range n {
		c, err := newConn(ctx, d.read)
		if err != nil {
			return fmt.Errorf("open %s for reading: %w", d.path, err)
		}
		readers <- c
	}
	d.readers = readers // all of them, or Close would wait for those that are not there
	return nil
}

// OpenReadOnly opens the database of a data directory without the lock and without a writer,
// beside a server that may be running: for commands that only read.
func OpenReadOnly(ctx context.Context, dir string) (*DB, error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d := &DB{path: path, now: time.Now, log: slog.Default(), closing: make(chan struct{})}
	d.read = sql.OpenDB(connector{dsn: readDSN(path)})
	d.read.SetMaxOpenConns(1)
	c, err := newConn(ctx, d.read)
	if err != nil {
		return nil, fmt.Errorf("open %s for reading: %w", path, err)
	}
	d.readers = make(chan *conn, 1)
	d.readers <- c
	return d, nil
}

// Path is the file that the database is in.
func (d *DB) Path() string { return d.path }

// Close finishes what was accepted, closes the files and lets go of the lock.
func (d *DB) Close() error {
	var errs []error
	d.closed.Do(func() {
		close(d.closing)
		if d.writer != nil {
			d.writer.stop()
		}
		if d.read != nil {
			for range cap(d.readers) {
				(<-d.readers).close()
			}
			errs = append(errs, d.read.Close())
		}
		if d.write != nil {
			errs = append(errs, d.write.Close())
		}
		if d.lock != nil {
			errs = append(errs, d.lock.Close())
		}
	})
	return errors.Join(errs...)
}

// Ping says whether the database answers a read.
func (d *DB) Ping(ctx context.Context) error {
	return d.View(ctx, System, func(q *Queries) error {
		_, err := q.db.ExecContext(ctx, "SELECT 1")
		return err
	})
}

// lockPatience is how long to wait for the lock: a process that was killed in the middle of
// starting another program leaves it held for a moment.
const lockPatience = time.Second

func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "trak.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	for until := time.Now().Add(lockPatience); err != nil && time.Now().Before(until); {
		time.Sleep(lockPatience / 20)
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		holder := make([]byte, 32)
		n, _ := f.Read(holder)
		_ = f.Close()
		return nil, fmt.Errorf("%w (process %s)", ErrLocked, holder[:n])
	}
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt(fmt.Appendf(nil, "%d", os.Getpid()), 0)
	}
	return f, nil
}

// createPrivate makes the database file readable by its owner alone; SQLite gives the WAL the
// mode of the database.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return f.Close()
}

func writeDSN(path string) string {
	return dsn(path, url.Values{"_txlock": {"immediate"}, "_foreign_keys": {"1"}})
}

func readDSN(path string) string {
	return dsn(path, url.Values{"mode": {"ro"}, "_query_only": {"1"}})
}

func dsn(path string, v url.Values) string {
	v.Set("_journal_mode", "WAL")
	v.Set("_synchronous", "FULL") // the driver's default, NORMAL, loses commits at a power cut
	v.Set("_busy_timeout", "5000")
	v.Set("_mutex", "no") // database/sql never lets two goroutines use a connection at once
	if v.Get("mode") == "ro" {
		v.Del("_journal_mode") // a read-only connection can't set it, and the file remembers it
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: v.Encode()}).String()
}

// connector opens SQLite connections with the settings that have no place in the DSN.
type connector struct{ dsn string }

func (c connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	d := &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		// 8 MiB of page cache and 256 MiB of mapped file a connection; a checkpoint every 1,000
		// pages. What a savepoint may have to undo stays in memory: as a file it would cost a
		// system call for each page that is changed.
		_, err := c.Exec("PRAGMA cache_size = -8192; PRAGMA mmap_size = 268435456; PRAGMA wal_autocheckpoint = 1000; "+
			"PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF", nil)
		return err
	}}
	return d.Open(c.dsn)
}
