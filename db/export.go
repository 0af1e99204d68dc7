package db

import (
	"context"
	"fmt"
	"strings"
)

// Dump is rows of one table, whatever its columns are, for exports: all of a workspace, or those
// where a column has a value. Names come from the program, never from a request.
type Dump struct {
	Table         string
	Key           []string // orders the rows, and is unique within the workspace
	Column, Value string   // of the rows that are wanted, "" = all of them
}

// Row is one row of a Dump.
type Row struct {
	Columns []string
	Values  []any // int64, string, bool, []byte or nil
}

// Page reads the rows of the workspace that come after the one with the given key, nil = the first.
func (d Dump) Page(ctx context.Context, q *Queries, workspaceID string, after []any, limit int) (rows []Row, err error) {
	owner := "workspace_id"
	if d.Table == "workspaces" {
		owner = "id"
	}
	args := []any{workspaceID}
	mark := func(value any) string {
		args = append(args, value)
		return fmt.Sprintf("$%d", len(args))
	}
	where := owner + " = $1"
	if d.Column != "" {
		where += " AND " + d.Column + " = " + mark(d.Value)
	}
	if after != nil {
		var marks []string
		for _, value := range after {
			marks = append(marks, mark(value))
		}
		where += " AND (" + strings.Join(d.Key, ", ") + ") > (" + strings.Join(marks, ", ") + ")"
	}
	query := fmt.Sprintf("SELECT * FROM %s WHERE %s ORDER BY %s LIMIT %d", d.Table, where, strings.Join(d.Key, ", "), limit)
	found, err := q.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", d.Table, err)
	}
	defer func() { _ = found.Close() }()
	columns, err := found.Columns()
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s: %w", d.Table, err)
	}
	for found.Next() {
		row := Row{columns, make([]any, len(columns))}
		into := make([]any, len(columns))
		for i := range into {
			into[i] = &row.Values[i]
		}
		if err := found.Scan(into...); err != nil {
			return nil, fmt.Errorf("read a row of %s: %w", d.Table, err)
		}
		rows = append(rows, row)
	}
	return rows, found.Err()
}

// KeyOf is the key of a row, for the next page.
func (d Dump) KeyOf(r Row) []any {
	var key []any
	for _, name := range d.Key {
		for i, column := range r.Columns {
			if column == name {
				key = append(key, r.Values[i])
			}
		}
	}
	return key
}
