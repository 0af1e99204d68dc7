package db

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Tx is what a job of Update works with. Its Queries run in the job's own transaction or savepoint.
type Tx struct {
	*Queries
	Scope Scope
	now   time.Time
	c     transaction
	depth int
	after []func()
	audit *AuditKey
}

// transaction is what Savepoint needs of an engine: a conn or a pgTx.
type transaction interface {
	// usable returns the error after which nothing more may run.
	usable() error
	// control runs SAVEPOINT, ROLLBACK TO or RELEASE, also when a statement has failed.
	control(query string) error
	// fail makes every further statement fail with err.
	fail(err error)
	// lost says whether what failed with err, the answer of a job's own code, has cost more than
	// a rollback to a savepoint can mend.
	lost(err error) bool
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
		tx.c.fail(err)
		return err
	}
	n := len(tx.after)
	err := f()
	if err != nil {
		tx.after = tx.after[:n]
		if tx.c.lost(err) {
			return err
		}
		if rerr := tx.c.control("ROLLBACK TO " + name); rerr != nil {
			tx.c.fail(rerr)
			return errors.Join(err, rerr)
		}
	}
	if rerr := tx.c.control("RELEASE " + name); rerr != nil {
		tx.c.fail(rerr)
		return errors.Join(err, rerr)
	}
	return err
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
