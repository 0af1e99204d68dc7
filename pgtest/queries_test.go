package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"trak/db"
)

// Every query of db/queries runs, with arguments of the generated types and rows to find.
func TestEveryQueryRuns(t *testing.T) {
	t.Parallel()
	tx, err := beside(t, newDatabase(t)).BeginTx(t.Context(), nil)
	must(t, err)
	defer func() { must(t, tx.Rollback()) }()
	fill(t, tx)
	seen := &recorder{DBTX: tx, ran: map[string]bool{}}
	queries := reflect.ValueOf(db.New(seen))
	for _, name := range names(t) {
		method := queries.MethodByName(name)
		if !method.IsValid() {
			t.Errorf("%s has no generated code", name)
			continue
		}
		must(t, ignore(tx.Exec("SAVEPOINT one")))
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		for i := 1; i < method.Type().NumIn(); i++ {
			v := reflect.New(method.Type().In(i)).Elem()
			plant(v, "")
			if strings.HasSuffix(name, "DisputeAnswer") { // whose states are others
				if state := v.FieldByName("State"); state.IsValid() {
					state.SetString(allowed["dispute_answers.state"])
				}
			}
			args = append(args, v)
		}
		out := method.Call(args)
		err, _ := out[len(out)-1].Interface().(error)
		// What is inserted is there already, and what is deleted has rows that point to it.
		mayBeRefused := strings.HasPrefix(name, "Insert") || strings.HasPrefix(name, "Delete") || strings.HasPrefix(name, "Forget")
		if err != nil && !errors.Is(err, sql.ErrNoRows) && !(mayBeRefused && isConstraint(err)) {
			t.Errorf("%s: %v", name, err)
		}
		if !seen.ran[name] {
			t.Errorf("%s did not reach the server", name)
		}
		must(t, ignore(tx.Exec("ROLLBACK TO one")))
	}
}

// names are those of the queries, as they stand in the files.
func names(t *testing.T) (list []string) {
	t.Helper()
	files, err := filepath.Glob("../db/queries/*.sql")
	must(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, m := range regexp.MustCompile(`(?m)^-- name: (\w+) :`).FindAllStringSubmatch(string(text), -1) {
			list = append(list, m[1])
		}
	}
	if len(list) < 50 {
		t.Fatalf("found only %d queries", len(list))
	}
	return list
}

// recorder notes the names of the statements that go to the server.
type recorder struct {
	db.DBTX
	ran map[string]bool
}

func (r *recorder) note(query string) {
	name, _, _ := strings.Cut(strings.TrimPrefix(query, "-- name: "), " ")
	r.ran[name] = true
}

func (r *recorder) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r.note(query)
	return r.DBTX.ExecContext(ctx, query, args...)
}

func (r *recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r.note(query)
	return r.DBTX.QueryContext(ctx, query, args...)
}

func (r *recorder) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	r.note(query)
	return r.DBTX.QueryRowContext(ctx, query, args...)
}

// planted is what every text of the rows and of the arguments is, so that they meet; every
// number is 1, every truth true.
const planted = "planted"

// allowed are values for the columns that don't take any.
var allowed = map[string]string{
	"theme": "light", "role": "owner", "decided": "draft", "phase": "open",
	"payment_links.state": "creating", "stripe_webhook_events.state": "unmatched", "source": "webhook",
	"kind": "review", "refund_requests.state": "asking", "dispute_answers.state": "draft", "messages.state": "waiting", "answer": "draft", "method": "cash",
}

// fill writes one row into each table.
func fill(t *testing.T, tx *sql.Tx) {
	t.Helper()
	// Without foreign keys for the moment, so that the order doesn't matter.
	must(t, ignore(tx.Exec("SET LOCAL session_replication_role = replica")))
	for table, columns := range columnsOf(t, tx) {
		var names, values []string
		for _, column := range columns {
			names = append(names, `"`+column.name+`"`)
			switch column.kind {
			case "TEXT", "BYTEA":
				value := planted
				for _, key := range []string{column.name, table + "." + column.name} {
					if v, ok := allowed[key]; ok {
						value = v
					}
				}
				values = append(values, "'"+value+"'")
			case "BIGINT":
				values = append(values, "1")
			case "BOOLEAN":
				values = append(values, "TRUE")
			default:
				t.Fatalf("%s.%s is a %s", table, column.name, column.kind)
			}
		}
		must(t, ignore(tx.Exec(fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(values, ", ")))))
	}
	must(t, ignore(tx.Exec("SET LOCAL session_replication_role = origin")))
}

// plant fills an argument with what the rows hold, or, where its name says that it is a bound,
// with one that leaves nothing out.
func plant(v reflect.Value, name string) {
	text, number := planted, int64(1)
	switch {
	case strings.HasPrefix(name, "After"), name == "Since":
		return
	case strings.HasPrefix(name, "Before"), name == "Until", name == "Today", name == "Max":
		text, number = "~", 1000
	case name == "Pattern":
		text = "%"
	case name == "State":
		text = "applied"
	case allowed[strings.ToLower(name)] != "":
		text = allowed[strings.ToLower(name)]
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int64:
		v.SetInt(number)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.SetBytes([]byte(text))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		plant(v.Elem(), name)
	case reflect.Struct:
		for i := range v.NumField() {
			plant(v.Field(i), v.Type().Field(i).Name)
		}
	default:
		panic("don't know how to fill " + v.Type().String())
	}
}

func isConstraint(err error) bool {
	var e interface{ SQLState() string }
	return errors.As(err, &e) && strings.HasPrefix(e.SQLState(), "23")
}

func ignore[T any](_ T, err error) error { return err }
