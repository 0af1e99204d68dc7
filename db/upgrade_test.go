package db

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A database of the first version, with rows in every table, keeps each value of each row through
// all migrations, and ends as a new one begins.
func TestAnUpgradeKeepsEveryValue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := Open(t.Context(), dir, withDefaults(Options{Migrations: Migrations{older(t)}}))
	if err != nil {
		t.Fatal(err)
	}
	var tables []table
	err = d.Update(t.Context(), System, func(tx *Tx) (err error) {
		if tables, err = tablesOf(t.Context(), tx.db); err != nil {
			return err
		}
		for _, workspace := range []string{"mine", "theirs"} {
			for i, x := range tables {
				if err := newRow(t.Context(), tx.db, x, workspace, distinct(x, workspace, 1000*i)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	before := everyValue(t, openOther(t, d.Path()), tables)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	d = openIn(t, dir, Options{})
	upgraded := openOther(t, d.Path())
	after := everyValue(t, upgraded, tables)
	for _, x := range tables {
		if len(before[x.name]) != 2 || !slices.Equal(before[x.name], after[x.name]) {
			t.Errorf("%s had\n%s\nand has\n%s", x.name, strings.Join(before[x.name], "\n"), strings.Join(after[x.name], "\n"))
		}
	}
	for pragma, want := range map[string][]string{"foreign_key_check": nil, "integrity_check": {"ok"}} {
		if got := mustTexts(t, upgraded, `SELECT * FROM pragma_`+pragma); !slices.Equal(got, want) {
			t.Errorf("%s says %v", pragma, got)
		}
	}

	const schema = "SELECT type || ' ' || name || ' of ' || tbl_name || ': ' || COALESCE(sql, '') FROM sqlite_schema ORDER BY 1"
	fresh := mustTexts(t, openOther(t, openIn(t, t.TempDir(), Options{}).Path()), schema)
	if got := mustTexts(t, upgraded, schema); !slices.Equal(got, fresh) {
		t.Errorf("the schema is\n%s\nthat of a new database is\n%s", strings.Join(got, "\n"), strings.Join(fresh, "\n"))
	}
}

// A migration that builds a table anew makes its indexes again.
func TestAnUpgradeKeepsEveryIndex(t *testing.T) {
	t.Parallel()
	had := mustTexts(t, openOther(t, openIn(t, t.TempDir(), Options{Migrations: Migrations{older(t)}}).Path()), indexes)
	has := mustTexts(t, openOther(t, openIn(t, t.TempDir(), Options{}).Path()), indexes)
	for _, x := range had {
		if !slices.Contains(has, x) {
			t.Errorf("is gone or another: %s", x)
		}
	}
}

const indexes = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"

// distinct gives every column that is free to hold anything a value that no other column has, so
// that one copied into another is seen.
func distinct(x table, workspace string, n int) map[string]any {
	set := map[string]any{}
	for i, c := range x.columns {
		isKey := c.name == "id" || c.name == "workspace_id" ||
			slices.ContainsFunc(x.keys, func(k foreignKey) bool { return slices.Contains(k.from, c.name) })
		switch {
		case isKey, allowed[c.name] != "", allowed[x.name+"."+c.name] != "":
		case c.kind == "TEXT", c.kind == "BYTEA":
			set[c.name] = fmt.Sprintf("%s of %s, %s", c.name, x.name, workspace)
		case c.kind == "BIGINT":
			set[c.name] = n + i
		case c.kind == "BOOLEAN":
			set[c.name] = i%2 == 0
		}
	}
	return set
}

// everyValue is all that is in the columns of the tables, row by row.
func everyValue(t *testing.T, file *sql.DB, tables []table) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, x := range tables {
		var columns []string
		for _, c := range x.columns {
			columns = append(columns, "'"+c.name+" ' || quote("+c.name+")")
		}
		all[x.name] = mustTexts(t, file, "SELECT "+strings.Join(columns, " || ', ' || ")+" FROM "+x.name+" ORDER BY 1")
	}
	return all
}

func mustTexts(t *testing.T, file *sql.DB, query string) []string {
	t.Helper()
	list, err := texts(context.Background(), file, query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return list
}
