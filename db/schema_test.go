package db

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// table is what SQLite says of one.
type table struct {
	name    string
	columns []column
	keys    []foreignKey
}

type column struct {
	name, kind string
	notNull    bool
}

type foreignKey struct {
	parent   string
	from, to []string
}

func (t table) has(name string) bool {
	return slices.ContainsFunc(t.columns, func(c column) bool { return c.name == name })
}

// tablesOf lists the product's tables, parents before children.
func tablesOf(ctx context.Context, q DBTX) ([]table, error) {
	names, err := texts(ctx, q, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%' ORDER BY name")
	if err != nil {
		return nil, err
	}
	var tables []table
	for _, name := range names {
		t := table{name: name}
		rows, err := q.QueryContext(ctx, `SELECT name, type, "notnull" OR pk > 0 FROM pragma_table_info('`+name+`')`)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var c column
			if err := rows.Scan(&c.name, &c.kind, &c.notNull); err != nil {
				return nil, err
			}
			t.columns = append(t.columns, c)
		}
		rows, err = q.QueryContext(ctx, `SELECT id, "table", "from", "to" FROM pragma_foreign_key_list('`+name+`') ORDER BY id, seq`)
		if err != nil {
			return nil, err
		}
		last := -1
		for rows.Next() {
			var id int
			var parent, from, to string
			if err := rows.Scan(&id, &parent, &from, &to); err != nil {
				return nil, err
			}
			if id != last {
				t.keys, last = append(t.keys, foreignKey{parent: parent}), id
			}
			k := &t.keys[len(t.keys)-1]
			k.from, k.to = append(k.from, from), append(k.to, to)
		}
		tables = append(tables, t)
	}
	return parentsFirst(tables), nil
}

func parentsFirst(tables []table) (sorted []table) {
	placed := map[string]bool{}
	for len(sorted) < len(tables) {
		for _, t := range tables {
			waits := slices.ContainsFunc(t.keys, func(k foreignKey) bool { return k.parent != t.name && !placed[k.parent] })
			if !placed[t.name] && !waits {
				sorted, placed[t.name] = append(sorted, t), true
			}
		}
	}
	return sorted
}

func texts(ctx context.Context, q DBTX, query string, args ...any) (list []string, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// allowed are values for the columns that don't take any.
var allowed = map[string]string{
	"theme": "light", "role": "owner", "decided": "draft", "phase": "open", "payment_links.state": "creating", "stripe_webhook_events.state": "unmatched", "source": "webhook",
	"kind": "review", "refund_requests.state": "asking", "dispute_answers.state": "draft", "messages.state": "waiting", "method": "cash",
}

// newRow writes a row: text columns hold the workspace's id, so that keys within a workspace
// match each other, and numbers 1. set replaces some of them.
func newRow(ctx context.Context, q DBTX, t table, workspace string, set map[string]any) error {
	var names, marks []string
	var values []any
	for _, c := range t.columns {
		value, given := set[c.name]
		if !given {
			value = 1
			if c.kind == "TEXT" || c.kind == "BYTEA" {
				value = workspace
				for _, key := range []string{c.name, t.name + "." + c.name} {
					if v, ok := allowed[key]; ok {
						value = v
					}
				}
			}
		}
		names, marks, values = append(names, c.name), append(marks, "?"), append(values, value)
	}
	_, err := q.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.name, strings.Join(names, ", "), strings.Join(marks, ", ")), values...)
	if err != nil {
		return fmt.Errorf("new row of %s: %w", t.name, err)
	}
	return nil
}

// newRows writes one row into each table, all of one workspace.
func newRows(tx *Tx, workspace string) error {
	tables, err := tablesOf(context.Background(), tx.db)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if err := newRow(context.Background(), tx.db, t, workspace, nil); err != nil {
			return err
		}
	}
	return nil
}

// No row of a workspace can point into another workspace, even when code is wrong.
// Attack B11.
func TestForeignKeysStayWithinAWorkspace(t *testing.T) {
	t.Parallel()
	w := setup(t)
	err := w.Update(t.Context(), System, func(tx *Tx) error {
		if err := newRows(tx, "mine"); err != nil {
			return err
		}
		if err := newRows(tx, "theirs"); err != nil {
			return err
		}
		tables, err := tablesOf(t.Context(), tx.db)
		if err != nil {
			return err
		}
		byName := map[string]table{}
		for _, x := range tables {
			byName[x.name] = x
		}
		tried := 0
		for _, child := range tables {
			if !child.has("workspace_id") {
				continue
			}
			for _, k := range child.keys {
				if !byName[k.parent].has("workspace_id") {
					continue
				}
				if !slices.Equal(k.from[:1], []string{"workspace_id"}) || !slices.Equal(k.to[:1], []string{"workspace_id"}) {
					t.Errorf("%s (%s) points to %s (%s): the key must begin with workspace_id", child.name, k.from, k.parent, k.to)
					continue
				}
				tried++
				// A row of mine that points to one of theirs; all that must be unique is new.
				fresh := map[string]any{"workspace_id": "mine"}
				for _, c := range child.columns {
					isKey := slices.ContainsFunc(child.keys, func(k foreignKey) bool { return slices.Contains(k.from, c.name) })
					if c.kind == "TEXT" && !isKey && allowed[c.name] == "" && allowed[child.name+"."+c.name] == "" {
						fresh[c.name] = fmt.Sprintf("new %d", tried)
					}
				}
				if child.has("position") {
					fresh["position"] = 1000 + tried
				}
				if child.has("revision") {
					fresh["revision"] = 1000 + tried
				}
				if err := tx.Savepoint(func() error {
					return newRow(t.Context(), tx.db, child, "mine", with(fresh, k.from[1], "theirs"))
				}); !isConstraint(err) || !strings.Contains(err.Error(), "FOREIGN KEY") {
					t.Errorf("a row of %s pointed to another workspace's row of %s: %v", child.name, k.parent, err)
				}
				if err := tx.Savepoint(func() error { // nor one that is there already
					_, err := tx.db.ExecContext(t.Context(), fmt.Sprintf("UPDATE %s SET %s = 'theirs' WHERE workspace_id = 'mine'", child.name, k.from[1]))
					return err
				}); !isConstraint(err) {
					t.Errorf("a row of %s was turned to another workspace's row of %s: %v", child.name, k.parent, err)
				}
				err := newRow(t.Context(), tx.db, child, "mine", fresh)
				if oneEach := err != nil && strings.Contains(err.Error(), "UNIQUE"); err != nil && !oneEach {
					t.Errorf("the same row, within its workspace: %v", err)
				}
			}
		}
		if tried < 5 {
			t.Errorf("tried only %d keys", tried)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func with(m map[string]any, key string, value any) map[string]any {
	more := map[string]any{}
	for k, v := range m {
		more[k] = v
	}
	more[key] = value
	return more
}

// Every column that names a row of a workspace's table is a foreign key.
func TestReferencesAreForeignKeys(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tables, err := tablesOf(t.Context(), w.other)
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range tables {
		for _, parent := range tables {
			name := strings.TrimSuffix(parent.name, "s") + "_id"
			isKey := slices.ContainsFunc(child.keys, func(k foreignKey) bool { return slices.Contains(k.from, name) })
			if child.has(name) && !isKey && parent.has("id") {
				t.Errorf("%s.%s is no foreign key", child.name, name)
			}
		}
	}
}
