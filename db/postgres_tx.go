package db

import (
	"context"
	"database/sql"
)

// pgTx is one transaction on PostgreSQL. Its statements see its own context, never a caller's.
//
// PostgreSQL takes no statement after an error until the rollback to a savepoint. So a job that
// goes on after an error outside of one fails at its next statement, or at the commit.
type pgTx struct {
	ctx    context.Context
	cancel context.CancelFunc
	tx     *sql.Tx
	// failed is the error after which this transaction takes no further statement.
	failed error
	fault  func(query string) error
}

// ExecContext, QueryContext, QueryRowContext and PrepareContext are what sqlc's code calls. The
// driver keeps the statements it has prepared.
func (t *pgTx) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.before(query); err != nil {
		return nil, err
	}
	r, err := t.tx.ExecContext(t.ctx, query, args...)
	t.note(err)
	return r, err
}

func (t *pgTx) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.before(query); err != nil {
		return nil, err
	}
	rows, err := t.tx.QueryContext(t.ctx, query, args...)
	t.note(err)
	return rows, err
}

func (t *pgTx) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	if err := t.before(query); err != nil {
		return failedRow(err)
	}
	row := t.tx.QueryRowContext(t.ctx, query, args...)
	t.note(row.Err())
	return row
}

func (t *pgTx) PrepareContext(_ context.Context, query string) (*sql.Stmt, error) {
	if err := t.before(query); err != nil {
		return nil, err
	}
	s, err := t.tx.PrepareContext(t.ctx, query)
	t.note(err)
	return s, err
}

// before is asked ahead of each statement.
func (t *pgTx) before(query string) error {
	if t.failed != nil || t.fault == nil {
		return t.failed
	}
	err := t.fault(query)
	t.note(err)
	return err
}

// note remembers an error that is more than a refused row.
func (t *pgTx) note(err error) {
	if err != nil && t.failed == nil && !ofConstraint(err) {
		t.failed = err
	}
}

func (t *pgTx) usable() error { return t.failed }

func (t *pgTx) fail(err error) { t.failed = err }

// lost looks at the error too: one that comes after the first row was seen by the job's code only.
func (t *pgTx) lost(err error) bool {
	if sqlState(err) != "" {
		t.note(err)
	}
	return t.failed != nil
}

func (t *pgTx) control(query string) error {
	if t.fault != nil {
		if err := t.fault(query); err != nil {
			return err
		}
	}
	_, err := t.tx.ExecContext(t.ctx, query)
	return err
}

// commit fails when a statement has failed that was not undone.
func (t *pgTx) commit() error {
	if err := t.before("COMMIT"); err != nil {
		return err
	}
	return t.tx.Commit()
}

// end rolls back what was not committed.
func (t *pgTx) end() {
	_ = t.tx.Rollback()
	t.cancel()
}
