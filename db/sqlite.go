package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
	"golang.org/x/sys/unix"
)

// FileName is the database's file within the data directory.
const FileName = "trak.db"

// sqlite is a file with one connection that writes and several that read.
type sqlite struct {
	lock    *os.File
	write   *sql.DB
	read    *sql.DB
	readers chan *conn
	writer  *writer // nil = open for reading only
	closing chan struct{}
}

// Open locks the data directory, migrates its database (after a backup, when there is
// something to migrate) and starts the writer. It returns ErrLocked or ErrNewer when that is
// the reason.
func Open(ctx context.Context, dir string, o Options) (*DB, error) {
	o = o.withDefaults()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, FileName)
	s := &sqlite{lock: lock, closing: make(chan struct{})}
	if err := s.open(ctx, path, o); err != nil {
		_ = s.close()
		return nil, err
	}
	return &DB{engine: s, path: path}, nil
}

func (s *sqlite) open(ctx context.Context, path string, o Options) error {
	if err := createPrivate(path); err != nil {
		return err
	}
	if err := o.Migrations.toSQLite(ctx, path, o.Now(), o.Logger); err != nil {
		return err
	}
	s.write = sql.OpenDB(connector{dsn: writeDSN(path)})
	s.write.SetMaxOpenConns(1)
	c, err := newConn(ctx, s.write)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	c.fault = o.Fault
	s.writer = startWriter(c, o.Now)

	n := max(2, runtime.NumCPU())
	s.read = sql.OpenDB(connector{dsn: readDSN(path)})
	s.read.SetMaxOpenConns(n)
	readers := make(chan *conn, n)
	for range n {
		c, err := newConn(ctx, s.read)
		if err != nil {
			return fmt.Errorf("open %s for reading: %w", path, err)
		}
		readers <- c
	}
	s.readers = readers // all of them, or close would wait for those that are not there
	return nil
}

// OpenReadOnly opens the database of a data directory without the lock and without a writer,
// beside a server that may be running: for commands that only read. It returns ErrNone, ErrNewer
// or ErrOlder when that is the reason.
func OpenReadOnly(ctx context.Context, dir string, m Migrations) (*DB, error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s", ErrNone, dir)
	} else if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s := &sqlite{closing: make(chan struct{})}
	s.read = sql.OpenDB(connector{dsn: readDSN(path)})
	s.read.SetMaxOpenConns(1)
	c, err := m.readable(ctx, s.read)
	if err != nil {
		_ = s.read.Close()
		return nil, fmt.Errorf("open %s for reading: %w", path, err)
	}
	s.readers = make(chan *conn, 1)
	s.readers <- c
	return &DB{engine: s, path: path}, nil
}

// readable connects to a file that has the schema which this program reads.
func (m Migrations) readable(ctx context.Context, read *sql.DB) (*conn, error) {
	var have int64
	err := read.QueryRowContext(ctx, "SELECT max(version_id) FROM "+goose.DefaultTablename).Scan(&have)
	if err != nil {
		return nil, fmt.Errorf("read the database's version: %w", err)
	}
	if err := m.current(have); err != nil {
		return nil, err
	}
	return newConn(ctx, read)
}

// update hands f to the writer, which commits it together with whatever waits beside it.
func (s *sqlite) update(ctx context.Context, scope Scope, f func(*Tx) error) error {
	if s.writer == nil {
		return ErrReadOnly
	}
	j := &job{ctx: ctx, scope: scope, f: f, done: make(chan error, 1)}
	if err := s.writer.submit(j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-s.writer.done:
		// close and submit met: j was run by the last batch, or never will be.
		select {
		case err := <-j.done:
			return err
		default:
			return ErrClosed
		}
	}
}

func (s *sqlite) view(ctx context.Context, f func(*Queries) error) error {
	var c *conn
	select {
	case c = <-s.readers:
	case <-s.closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { s.readers <- c }()
	c.failed = nil
	if err := c.control("BEGIN"); err != nil {
		return fmt.Errorf("begin read: %w", err)
	}
	defer func() { _ = c.control("ROLLBACK") }()
	return f(New(c))
}

func (s *sqlite) brokenKeys(ctx context.Context) (broken []BrokenKey, err error) {
	err = s.view(ctx, func(q *Queries) error {
		rows, err := q.db.QueryContext(ctx, `SELECT k."table", COALESCE(k.rowid, 0), k.parent,
			EXISTS (SELECT 1 FROM pragma_table_info(k."table") c WHERE c.name = 'workspace_id') FROM pragma_foreign_key_check k`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		var ofWorkspace []bool
		for rows.Next() {
			var b BrokenKey
			var has bool
			if err := rows.Scan(&b.Table, &b.Row, &b.Parent, &has); err != nil {
				return err
			}
			broken, ofWorkspace = append(broken, b), append(ofWorkspace, has)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for i, b := range broken {
			if !ofWorkspace[i] {
				continue
			}
			var id sql.NullString
			if err := q.db.QueryRowContext(ctx, `SELECT workspace_id FROM "`+b.Table+`" WHERE rowid = ?`, b.Row).Scan(&id); err != nil {
				return err
			}
			broken[i].WorkspaceID = id.String
		}
		return nil
	})
	return broken, err
}

// close closes the files and lets go of the lock.
func (s *sqlite) close() error {
	var errs []error
	close(s.closing)
	if s.writer != nil {
		s.writer.stop()
	}
	if s.read != nil {
		for range cap(s.readers) {
			(<-s.readers).close()
		}
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
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
		// system call for each page that is changed. What is deleted is overwritten in the pages that
		// are written anyway, so that the file does not keep it.
		_, err := c.Exec("PRAGMA cache_size = -8192; PRAGMA mmap_size = 268435456; PRAGMA wal_autocheckpoint = 1000; "+
			"PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = FAST", nil)
		return err
	}}
	return d.Open(c.dsn)
}
