package db

import (
	"context"
	"fmt"
)

// View runs f on a read snapshot: all that f reads is of one moment. ctx is looked at while
// waiting for a connection, never during a statement.
func (d *DB) View(ctx context.Context, _ Scope, f func(*Queries) error) error {
	var c *conn
	select {
	case c = <-d.readers:
	case <-d.closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { d.readers <- c }()
	c.failed = nil
	if err := c.control("BEGIN"); err != nil {
		return fmt.Errorf("begin read: %w", err)
	}
	defer func() { _ = c.control("ROLLBACK") }()
	return f(New(c))
}
