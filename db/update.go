package db

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// maxBatch is how many waiting jobs share one commit at most.
const maxBatch = 256

var (
	// ErrClosed is returned by Update and View after Close.
	ErrClosed = errors.New("the database is closed")
	// ErrReadOnly is returned by Update after OpenReadOnly.
	ErrReadOnly = errors.New("the database is open for reading only")
)

// Tx is what a job of Update works with. Its Queries run in the job's own savepoint.
type Tx struct {
	*Queries
	Scope Scope
	now   time.Time
	c     *conn
	depth int
	after []func()
}

// Now is the time of the transaction, in Unix microseconds.
func (tx *Tx) Now() int64 { return tx.now.UnixMicro() }

// AfterCommit runs f once the job's work is durable, before Update returns. f must be quick
// and must not use the database: it raises versions in memory and wakes workers.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// Savepoint runs f so that its error undoes what f wrote and nothing else.
func (tx *Tx) Savepoint(f func() error) error {
	if err := tx.c.usable(); err != nil {
		return err
	}
	tx.depth++
	name := fmt.Sprintf("s%d", tx.depth)
	defer func() { tx.depth-- }()
	if err := tx.c.control("SAVEPOINT " + name); err != nil {
		tx.c.failed = err
		return err
	}
	n := len(tx.after)
	err := f()
	if err != nil {
		tx.after = tx.after[:n]
		if tx.c.failed != nil {
			return err
		}
		if rerr := tx.c.control("ROLLBACK TO " + name); rerr != nil {
			tx.c.failed = rerr
			return errors.Join(err, rerr)
		}
	}
	if rerr := tx.c.control("RELEASE " + name); rerr != nil {
		tx.c.failed = rerr
		return errors.Join(err, rerr)
	}
	return err
}

// Update runs f in a transaction and returns when its work is on the disk, or with f's error
// when nothing of it is. Many callers share one commit: f runs in a savepoint of its own, uses
// nothing but tx, waits for nothing outside the database, and may run twice.
//
// ctx is looked at before f starts and never after: see conn.
func (d *DB) Update(ctx context.Context, scope Scope, f func(*Tx) error) error {
	if d.writer == nil {
		return ErrReadOnly
	}
	j := &job{ctx: ctx, scope: scope, f: f, done: make(chan error, 1)}
	if err := d.writer.submit(j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-d.writer.done:
		// Close and submit met: j was run by the last batch, or never will be.
		select {
		case err := <-j.done:
			return err
		default:
			return ErrClosed
		}
	}
}

type job struct {
	ctx   context.Context
	scope Scope
	f     func(*Tx) error
	done  chan error
	after []func()
}

// writer owns the only connection that writes.
type writer struct {
	c    *conn
	now  func() time.Time
	jobs chan *job
	quit chan struct{}
	done chan struct{}
}

func startWriter(c *conn, now func() time.Time) *writer {
	w := &writer{c: c, now: now, jobs: make(chan *job, maxBatch), quit: make(chan struct{}), done: make(chan struct{})}
	go w.loop()
	return w
}

func (w *writer) submit(j *job) error {
	select {
	case <-w.quit:
		return ErrClosed
	default:
	}
	select {
	case w.jobs <- j:
		return nil
	case <-j.ctx.Done():
		return context.Cause(j.ctx)
	case <-w.quit:
		return ErrClosed
	}
}

func (w *writer) stop() {
	close(w.quit)
	<-w.done
	w.c.close()
}

func (w *writer) loop() {
	defer close(w.done)
	for {
		select {
		case j := <-w.jobs:
			w.commit(w.gather(j))
		case <-w.quit:
			for {
				select {
				case j := <-w.jobs:
					w.commit(w.gather(j))
				default:
					return
				}
			}
		}
	}
}

// gather takes whatever waits by now. There is no timer: a batch forms while the commit
// before it is being written.
func (w *writer) gather(first *job) []*job {
	batch := []*job{first}
	for len(batch) < maxBatch {
		select {
		case j := <-w.jobs:
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch in one transaction and answers each job. If the transaction as a whole
// is lost on the way, nothing of it stands, and each job runs again by itself.
func (w *writer) commit(batch []*job) {
	answers, err := w.try(batch)
	if err != nil && len(batch) > 1 {
		for _, j := range batch {
			w.commit([]*job{j})
		}
		return
	}
	for i, j := range batch {
		if err == nil && answers[i] == nil {
			for _, f := range j.after {
				f()
			}
		}
		if err != nil {
			j.done <- err
		} else {
			j.done <- answers[i]
		}
	}
}

// try returns each job's own error, or the error that lost the whole transaction.
func (w *writer) try(batch []*job) (answers []error, err error) {
	w.c.failed = nil
	w.rollback() // of the batch before, if that could not be undone
	if err := w.c.control("BEGIN IMMEDIATE"); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	answers = make([]error, len(batch))
	worked := false
	for i, j := range batch {
		if answers[i] = context.Cause(j.ctx); answers[i] != nil {
			continue
		}
		if answers[i], err = w.run(j); err != nil {
			w.rollback()
			return nil, err
		}
		worked = worked || answers[i] == nil
	}
	if !worked {
		w.rollback()
		return answers, nil
	}
	if err := w.c.control("COMMIT"); err != nil {
		w.rollback()
		return nil, fmt.Errorf("commit: %w", err)
	}
	return answers, nil
}

// run runs one job in its savepoint. lost is set when SQLite has rolled back, or may have,
// more than this job.
func (w *writer) run(j *job) (answer, lost error) {
	if err := w.c.control("SAVEPOINT job"); err != nil {
		return nil, fmt.Errorf("savepoint: %w", err)
	}
	tx := &Tx{Queries: New(w.c), Scope: j.scope, now: w.now(), c: w.c}
	answer = call(j.f, tx)
	if err := w.c.usable(); err != nil {
		return nil, errors.Join(answer, err)
	}
	if answer != nil {
		if err := w.c.control("ROLLBACK TO job"); err != nil {
			return nil, errors.Join(answer, err)
		}
	}
	if err := w.c.control("RELEASE job"); err != nil {
		return nil, errors.Join(answer, err)
	}
	j.after = tx.after
	return answer, nil
}

// call keeps a panicking job from taking the writer, and everybody else's work, with it.
func call(f func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
		}
	}()
	return f(tx)
}

func (w *writer) rollback() {
	if w.c.autocommit() {
		return // nothing is open, or SQLite has done it already
	}
	_ = w.c.control("ROLLBACK")
}
