package db

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mattn/go-sqlite3"
)

// world is an open database in a directory of its own, whose disk fails when the test says so.
type world struct {
	*DB
	t    *testing.T
	disk *disk
	// other is a connection that is none of Trak's: what it reads is really in the file.
	other *sql.DB
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, disk: &disk{}}
	w.DB = openIn(t, t.TempDir(), Options{Fault: w.disk.before})
	w.other = openOther(t, w.Path())
	return w
}

// file is the engine under test.
func (d *DB) file() *sqlite { return d.engine.(*sqlite) }

// openIn opens the database of a directory and closes it when the test ends.
func openIn(t *testing.T, dir string, o Options) *DB {
	t.Helper()
	d, err := Open(t.Context(), dir, withDefaults(o))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

func withDefaults(o Options) Options {
	if o.Migrations.FS == nil {
		o.Migrations.FS = os.DirFS("migrations")
	}
	o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	return o
}

func openOther(t *testing.T, path string) *sql.DB {
	t.Helper()
	other, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=5000&_foreign_keys=1")
	if err != nil {
		t.Fatalf("open beside: %v", err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return other
}

// disk fails the writer's statements that fail asks for, and remembers what was run.
type disk struct {
	mu   sync.Mutex
	fail func(query string) error
	ran  []string
}

func (d *disk) before(query string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ran = append(d.ran, query)
	if d.fail == nil {
		return nil
	}
	return d.fail(query)
}

// set forgets what was run, and lets statements fail from now on; nil mends the disk.
func (d *disk) set(fail func(query string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail, d.ran = fail, nil
}

func (d *disk) count(query string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, q := range d.ran {
		if q == query {
			n++
		}
	}
	return n
}

// errDisk is what SQLite says when a disk can't be written.
var errDisk = sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrWrite}

// on fails every statement that starts with prefix; once fails the first of them only.
func on(prefix string) func(string) error {
	return func(query string) error {
		if strings.HasPrefix(query, prefix) {
			return errDisk
		}
		return nil
	}
}

func once(prefix string) func(string) error {
	done := false
	return func(query string) error {
		if done || !strings.HasPrefix(query, prefix) {
			return nil
		}
		done = true
		return errDisk
	}
}

// caller is one caller of Update in a batch.
type caller struct {
	ctx context.Context // nil = the test's
	f   func(*Tx) error
}

// batch makes the writer take all callers as one batch, in this order: it keeps the writer
// busy with first (nil = nothing to do) until all of them wait. It returns their answers.
func (w *world) batch(first func(*Tx) error, callers ...caller) []error {
	w.t.Helper()
	started, goOn := make(chan struct{}), make(chan struct{})
	busy := &job{ctx: w.t.Context(), done: make(chan error, 1), f: func(tx *Tx) error {
		close(started)
		<-goOn
		if first == nil {
			return nil
		}
		return first(tx)
	}}
	w.submit(busy)
	<-started
	jobs := make([]*job, len(callers))
	for i, c := range callers {
		if c.ctx == nil {
			c.ctx = w.t.Context()
		}
		jobs[i] = &job{ctx: c.ctx, f: c.f, done: make(chan error, 1)}
		w.submit(jobs[i])
	}
	close(goOn)
	if err := <-busy.done; err != nil {
		w.t.Fatalf("the first job: %v", err)
	}
	answers := make([]error, len(jobs))
	for i, j := range jobs {
		answers[i] = <-j.done
	}
	return answers
}

func (w *world) submit(j *job) {
	w.t.Helper()
	if err := w.file().writer.submit(j); err != nil {
		w.t.Fatalf("submit: %v", err)
	}
}

// jobs are callers that only differ in what they do.
func jobs(fs ...func(*Tx) error) []caller {
	callers := make([]caller, len(fs))
	for i, f := range fs {
		callers[i] = caller{f: f}
	}
	return callers
}

// put writes one row, named by a key that must be new.
func put(tx *Tx, key string) error {
	return tx.InsertOneTimeToken(context.Background(), InsertOneTimeTokenParams{Hash: key})
}

func puts(key string) func(*Tx) error { return func(tx *Tx) error { return put(tx, key) } }

// fill writes more than a disk limited by limitDisk can take, in the two ways in which sqlc
// runs a statement.
func fill(tx *Tx) error {
	_, err := tx.db.ExecContext(context.Background(), "INSERT INTO installation (name, value) VALUES ('big', zeroblob(3000000))")
	return err
}

func fillReturning(tx *Tx) error {
	var name string
	row := tx.db.QueryRowContext(context.Background(), "INSERT INTO installation (name, value) VALUES ('big', zeroblob(3000000)) RETURNING name")
	return row.Scan(&name)
}

// limitDisk lets the database grow by some pages only, until freeDisk.
func limitDisk(tx *Tx) error {
	var pages, limit int64
	if err := tx.db.QueryRowContext(context.Background(), "PRAGMA page_count").Scan(&pages); err != nil {
		return err
	}
	return tx.db.QueryRowContext(context.Background(), "PRAGMA max_page_count = "+strconv.FormatInt(pages+40, 10)).Scan(&limit)
}

func freeDisk(tx *Tx) error {
	var limit int64
	return tx.db.QueryRowContext(context.Background(), "PRAGMA max_page_count = 1000000000").Scan(&limit)
}

// kept lists the keys in the file, with a space between them.
func (w *world) kept() string {
	w.t.Helper()
	return strings.Join(w.keys(), " ")
}

func (w *world) keys() (keys []string) {
	w.t.Helper()
	rows, err := w.other.QueryContext(context.Background(), "SELECT hash FROM one_time_tokens ORDER BY hash")
	if err != nil {
		w.t.Fatalf("read beside: %v", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			w.t.Fatalf("read beside: %v", err)
		}
		keys = append(keys, key)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatalf("read beside: %v", err)
	}
	return keys
}

func isConstraint(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.Code == sqlite3.ErrConstraint
}

func isFull(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.Code == sqlite3.ErrFull
}
