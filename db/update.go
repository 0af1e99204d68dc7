package db

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxBatch is how many waiting jobs share one commit at most.
const maxBatch = 256

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

func (w *writer) rollback() {
	if w.c.autocommit() {
		return // nothing is open, or SQLite has done it already
	}
	_ = w.c.control("ROLLBACK")
}
