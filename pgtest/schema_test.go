package pgtest

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"trak/db"
)

// The migrations end in the same tables on both engines: columns with their kinds, whether they
// may be NULL, and defaults; keys, indexes, and the values that checks allow.
func TestBothEnginesHaveTheSameSchema(t *testing.T) {
	t.Parallel()
	pg := postgresSchema(t, beside(t, newDatabase(t)))

	dir := t.TempDir()
	d, err := db.Open(t.Context(), dir, options())
	must(t, err)
	must(t, d.Close())
	file, err := sql.Open("sqlite3", filepath.Join(dir, db.FileName))
	must(t, err)
	defer func() { _ = file.Close() }()
	lite := sqliteSchema(t, file)

	if len(lite) < 200 {
		t.Errorf("SQLite's schema says only %d things:\n%s", len(lite), strings.Join(lite, "\n"))
	}
	for _, x := range lite {
		if !slices.Contains(pg, x) {
			t.Errorf("only on SQLite: %s", x)
		}
	}
	for _, x := range pg {
		if !slices.Contains(lite, x) {
			t.Errorf("only on PostgreSQL: %s", x)
		}
	}
}

type column struct{ name, kind string }

// columnsOf lists the product's tables on PostgreSQL.
func columnsOf(t *testing.T, q querier) map[string][]column {
	t.Helper()
	tables := map[string][]column{}
	for _, r := range query(t, q, `SELECT table_name, column_name, upper(data_type) FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%' ORDER BY table_name, ordinal_position`) {
		tables[r[0]] = append(tables[r[0]], column{r[1], r[2]})
	}
	return tables
}

func postgresSchema(t *testing.T, q querier) (said []string) {
	t.Helper()
	for _, r := range query(t, q, `SELECT table_name, column_name, upper(data_type),
			CASE is_nullable WHEN 'YES' THEN 'NULL' ELSE 'NOT NULL' END, COALESCE(column_default, '')
		FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%'`) {
		said = append(said, fmt.Sprintf("%s.%s %s %s, default %s", r[0], r[1], r[2], r[3], plain(r[4])))
	}
	columns := func(table, keys string) string {
		return `(SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(` + keys + `) WITH ORDINALITY AS k(attnum, n)
			JOIN pg_attribute a ON a.attrelid = ` + table + ` AND a.attnum = k.attnum)`
	}
	for _, r := range query(t, q, `SELECT CASE c.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key' ELSE 'check' END,
			c.conrelid::regclass::text, COALESCE(`+columns("c.conrelid", "c.conkey")+`, ''),
			COALESCE(' to ' || NULLIF(c.confrelid, 0)::regclass || ' (' || `+columns("c.confrelid", "c.confkey")+` || ')', ''),
			pg_get_constraintdef(c.oid)
		FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace AND c.conrelid::regclass::text NOT LIKE 'goose%'`) {
		if r[0] == "check" {
			said = append(said, fmt.Sprintf("%s: check of %s", r[1], literals(r[4])))
			continue
		}
		said = append(said, fmt.Sprintf("%s: %s (%s)%s", r[1], r[0], r[2], r[3]))
	}
	for _, r := range query(t, q, `SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, CASE WHEN i.indisunique THEN 'unique ' ELSE '' END,
			`+columns("i.indrelid", "i.indkey")+`, COALESCE(pg_get_expr(i.indpred, i.indrelid), '')
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE c.relnamespace = 'public'::regnamespace AND i.indrelid::regclass::text NOT LIKE 'goose%'
			AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u'))`) {
		said = append(said, fmt.Sprintf("%s: %sindex %s (%s) where %s", r[0], r[2], r[1], r[3], plain(r[4])))
	}
	return said
}

func sqliteSchema(t *testing.T, q querier) (said []string) {
	t.Helper()
	for _, table := range query(t, q, `SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%'`) {
		name := table[0]
		var primary []string
		for _, r := range query(t, q, `SELECT name, type, CASE WHEN "notnull" OR pk > 0 THEN 'NOT NULL' ELSE 'NULL' END, COALESCE(dflt_value, ''), pk
			FROM pragma_table_info($1) ORDER BY pk`, name) {
			said = append(said, fmt.Sprintf("%s.%s %s %s, default %s", name, r[0], r[1], r[2], plain(r[3])))
			if r[4] != "0" {
				primary = append(primary, r[0])
			}
		}
		said = append(said, fmt.Sprintf("%s: primary key (%s)", name, strings.Join(primary, ", ")))
		for _, r := range query(t, q, `SELECT "table", group_concat("from", ', ' ORDER BY seq), group_concat("to", ', ' ORDER BY seq)
			FROM pragma_foreign_key_list($1) GROUP BY id, "table"`, name) {
			said = append(said, fmt.Sprintf("%s: foreign key (%s) to %s (%s)", name, r[1], r[0], r[2]))
		}
		for _, check := range regexp.MustCompile(`CHECK (\(([^()]|\([^()]*\))*\))`).FindAllStringSubmatch(table[1], -1) {
			said = append(said, fmt.Sprintf("%s: check of %s", name, literals(check[1])))
		}
		for _, r := range query(t, q, `SELECT l.name, l.origin, CASE WHEN l."unique" THEN 'unique ' ELSE '' END,
				(SELECT group_concat(name, ', ' ORDER BY seqno) FROM pragma_index_info(l.name)), COALESCE(s.sql, '')
			FROM pragma_index_list($1) l JOIN sqlite_schema s ON s.name = l.name`, name) {
			switch r[1] {
			case "u":
				said = append(said, fmt.Sprintf("%s: unique (%s)", name, r[3]))
			case "c":
				_, where, _ := strings.Cut(r[4], "WHERE ")
				said = append(said, fmt.Sprintf("%s: %sindex %s (%s) where %s", name, r[2], r[0], r[3], plain(where)))
			}
		}
	}
	return said
}

// plain takes from an expression what PostgreSQL adds when it shows one.
func plain(expression string) string {
	expression = regexp.MustCompile(`::\w+|[()]`).ReplaceAllString(expression, "")
	expression = regexp.MustCompile(`= ANY ARRAY\[([^]]*)\]`).ReplaceAllString(expression, "IN $1")
	return strings.ToUpper(regexp.MustCompile(`'(-?\d+)'`).ReplaceAllString(expression, "$1"))
}

// literals are the texts that an expression names; each engine shows the rest in its own words.
func literals(expression string) string {
	return strings.Join(regexp.MustCompile(`'[^']*'`).FindAllString(expression, -1), ", ")
}

type querier interface {
	Query(query string, args ...any) (*sql.Rows, error)
}

// query gives the rows as texts.
func query(t *testing.T, q querier, text string, args ...any) (all [][]string) {
	t.Helper()
	rows, err := q.Query(text, args...)
	must(t, err)
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		row := make([]string, len(names))
		into := make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		must(t, rows.Scan(into...))
		all = append(all, row)
	}
	must(t, rows.Err())
	return all
}
