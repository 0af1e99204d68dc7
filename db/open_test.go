package db

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

func TestConnectionsAreAsDurableAndAsStrictAsPromised(t *testing.T) {
	t.Parallel()
	w := setup(t)
	common := map[string]string{
		"journal_mode": "wal", "synchronous": "2" /* FULL */, "busy_timeout": "5000", "trusted_schema": "0",
		"cache_size": "-8192", "mmap_size": "268435456", "wal_autocheckpoint": "1000",
	}
	check := func(t *testing.T, q *Queries, more map[string]string) {
		t.Helper()
		for _, pragmas := range []map[string]string{common, more} {
			for name, want := range pragmas {
				var got string
				if err := q.db.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&got); err != nil || got != want {
					t.Errorf("%s is %q, %v; want %q", name, got, err, want)
				}
			}
		}
	}
	if err := w.Update(t.Context(), System, func(tx *Tx) error {
		check(t, tx.Queries, map[string]string{"foreign_keys": "1", "query_only": "0"})
		return nil
	}); err != nil {
		t.Error(err)
	}
	for range cap(w.file().readers) { // the pool hands them out in turn
		if err := w.View(t.Context(), System, func(q *Queries) error {
			check(t, q, map[string]string{"query_only": "1"})
			if _, err := q.db.ExecContext(t.Context(), "DELETE FROM users"); err == nil {
				t.Error("a reader could write")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}

// Not parallel: the umask is the whole process's.
// Attack G17.
func TestFilesAreTheirOwnersAlone(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	dir := filepath.Join(t.TempDir(), "new", "data")
	d, err := Open(t.Context(), dir, withDefaults(Options{Migrations: Migrations{older(t)}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = openIn(t, dir, Options{Migrations: Migrations{newer(t, "CREATE TABLE later (id TEXT PRIMARY KEY);")}}) // after a backup
	if err := d.Update(t.Context(), System, puts("a")); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		seen++
		return nil
	})
	if err != nil || seen < 7 { // two directories, database, WAL, its index, lock, backup
		t.Errorf("saw %d files, %v", seen, err)
	}
}

func TestOpenTwiceIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := openIn(t, dir, Options{})
	_, err := Open(t.Context(), dir, withDefaults(Options{}))
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("opened twice: %v", err)
	}
	if err := first.Update(t.Context(), System, puts("a")); err != nil {
		t.Errorf("the first one is disturbed: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	openIn(t, dir, Options{})
}

func TestOpenInADirectoryWithAnOddName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b?c#d%41&e=ü")
	d := openIn(t, dir, Options{})
	if err := d.Update(t.Context(), System, puts("a")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
		t.Error(err)
	}
}

// older is the schema that an older program knew.
func older(t *testing.T) fs.FS {
	t.Helper()
	return fstest.MapFS{"00000001_start.sql": {Data: first(t)}}
}

// newer is that schema with more migrations.
func newer(t *testing.T, migrations ...string) fs.FS {
	t.Helper()
	m := fstest.MapFS{"00000001_start.sql": {Data: first(t)}}
	for i, sql := range migrations {
		m[fmt.Sprintf("%08d_more.sql", 9000+i)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + sql)}
	}
	return m
}

func first(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("migrations/00001_start.sql")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fillAndClose opens a directory with a schema, writes a row, and closes it again.
func fillAndClose(t *testing.T, dir string, schema fs.FS) {
	t.Helper()
	d, err := Open(t.Context(), dir, withDefaults(Options{Migrations: Migrations{schema}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Update(t.Context(), System, puts("a")); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestANewerDatabaseIsRefusedAndUntouched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fillAndClose(t, dir, newer(t, "CREATE TABLE later (id TEXT PRIMARY KEY);"))
	path := filepath.Join(dir, FileName)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, withDefaults(Options{})); !errors.Is(err, ErrNewer) {
		t.Errorf("opened a newer database: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed, %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "backups")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a backup was made: %v", err)
	}
	// The newer program still opens it: the lock was let go.
	openIn(t, dir, Options{Migrations: Migrations{newer(t, "CREATE TABLE later (id TEXT PRIMARY KEY);")}})
}

func TestADatabaseIsBackedUpBeforeItIsMigrated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fillAndClose(t, dir, older(t))
	now := func() time.Time { return time.Date(2026, 12, 7, 8, 9, 10, 0, time.UTC) }
	d := openIn(t, dir, Options{Now: now, Migrations: Migrations{newer(t, "CREATE TABLE later (id TEXT PRIMARY KEY);", "DELETE FROM one_time_tokens;")}})

	backup := openOther(t, filepath.Join(dir, "backups", "before-v9001-20261207-080910.db"))
	if has(t, backup, "one_time_tokens") != 1 || tableThere(t, backup, "later") {
		t.Error("the backup is not the database as it was")
	}
	var check string
	if err := backup.QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("the backup is damaged: %q, %v", check, err)
	}
	migrated := openOther(t, d.Path())
	if has(t, migrated, "one_time_tokens") != 0 || !tableThere(t, migrated, "later") {
		t.Error("the database was not migrated")
	}
}

func TestNoBackupOfWhatIsNewOrUpToDate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fillAndClose(t, dir, os.DirFS("migrations"))
	openIn(t, dir, Options{})
	if _, err := os.Stat(filepath.Join(dir, "backups")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a backup was made: %v", err)
	}
}

func TestAMigrationThatFailsLeavesTheDataAsItWas(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, sql, says string }{
		{"bad SQL after good", "DELETE FROM one_time_tokens; CREATE TABLE later (id TEXT PRIMARY KEY); INSERT INTO nowhere VALUES (1);", "nowhere"},
		{"a row is left that points to nothing", `CREATE TABLE later (id TEXT PRIMARY KEY); DELETE FROM one_time_tokens;
			INSERT INTO memberships (workspace_id, user_id, role, created_at) VALUES ('none', 'nobody', 'owner', 1);`, "memberships"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			fillAndClose(t, dir, older(t))
			bad := Options{Migrations: Migrations{newer(t, tt.sql)}}
			for _, time := range []string{"first", "second"} {
				bad.Now = clockFor(time) // a backup has the second in its name
				if _, err := Open(t.Context(), dir, withDefaults(bad)); err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("%s time: opened with a failed migration: %v", time, err)
				}
				as := openOther(t, filepath.Join(dir, FileName))
				if has(t, as, "one_time_tokens") != 1 || has(t, as, "memberships") != 0 || tableThere(t, as, "later") {
					t.Fatalf("%s time: the data is not as it was", time)
				}
				_ = as.Close()
			}
			openIn(t, dir, Options{}) // the older program goes on with it
		})
	}
}

func clockFor(s string) func() time.Time {
	return func() time.Time { return time.Unix(int64(len(s)), 0) }
}

// Rebuilding a table that others point to is the usual way to change one in SQLite.
func TestAMigrationMayRebuildAParentTable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openIn(t, dir, Options{Migrations: Migrations{older(t)}})
	if err := d.Update(t.Context(), System, func(tx *Tx) error { return newRows(tx, "w1") }); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = openIn(t, dir, Options{Migrations: Migrations{newer(t, `
		CREATE TABLE users_new (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, password_hash TEXT NOT NULL,
			theme TEXT NOT NULL, last_workspace_id TEXT REFERENCES workspaces (id), disabled_at BIGINT NOT NULL, created_at BIGINT NOT NULL);
		INSERT INTO users_new SELECT * FROM users;
		DROP TABLE users;
		ALTER TABLE users_new RENAME TO users;`)}})
	as := openOther(t, d.Path())
	if has(t, as, "users") != 1 || has(t, as, "memberships") != 1 {
		t.Error("rows were lost")
	}
}

func TestOpenReadOnly(t *testing.T) {
	t.Parallel()
	t.Run("beside a writer it sees what is committed", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		d := openIn(t, dir, Options{})
		r, err := OpenReadOnly(t.Context(), dir, Migrations{os.DirFS("migrations")})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			if err := d.Update(t.Context(), System, puts(fmt.Sprint(n))); err != nil {
				t.Fatal(err)
			}
			if got := tokens(t, r); got != n+1 {
				t.Errorf("sees %d rows, want %d", got, n+1)
			}
		}
		if err := r.Update(t.Context(), System, puts("x")); !errors.Is(err, ErrReadOnly) {
			t.Errorf("could write: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := d.Update(t.Context(), System, puts("after")); err != nil {
			t.Errorf("the writer is disturbed: %v", err)
		}
	})
	t.Run("when nothing else runs it needs no lock and takes none", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		fillAndClose(t, dir, os.DirFS("migrations"))
		r, err := OpenReadOnly(t.Context(), dir, Migrations{os.DirFS("migrations")})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		if got := tokens(t, r); got != 1 {
			t.Errorf("sees %d rows", got)
		}
		openIn(t, dir, Options{})
	})
	t.Run("another schema is not read", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		fillAndClose(t, dir, os.DirFS("migrations"))
		if _, err := OpenReadOnly(t.Context(), dir, Migrations{older(t)}); !errors.Is(err, ErrNewer) {
			t.Errorf("one of a newer program: %v", err)
		}
		if _, err := OpenReadOnly(t.Context(), dir, Migrations{newer(t, "CREATE TABLE later (id TEXT PRIMARY KEY);")}); !errors.Is(err, ErrOlder) {
			t.Errorf("one of an older program: %v", err)
		}
	})
	t.Run("no database is an error, and none is made", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if _, err := OpenReadOnly(t.Context(), dir, Migrations{os.DirFS("migrations")}); !errors.Is(err, ErrNone) {
			t.Errorf("opened nothing: %v", err)
		}
		if files, _ := os.ReadDir(dir); len(files) > 0 {
			t.Errorf("made %v", files)
		}
	})
}

func TestViewIsASnapshot(t *testing.T) {
	t.Parallel()
	w := setup(t)
	err := w.View(t.Context(), System, func(q *Queries) error {
		before := countTokens(t, q)
		if err := w.Update(t.Context(), System, puts("a")); err != nil {
			return err
		}
		if after := countTokens(t, q); after != before {
			t.Errorf("saw %d rows, then %d", before, after)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if got := tokens(t, w.DB); got != 1 {
		t.Errorf("the next View sees %d rows", got)
	}
}

func TestViewGivesItsConnectionBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for range 3 * cap(w.file().readers) {
		_ = w.View(t.Context(), System, func(q *Queries) error {
			_, err := q.db.ExecContext(t.Context(), "nonsense")
			return err
		})
		func() {
			defer func() { _ = recover() }()
			_ = w.View(t.Context(), System, func(*Queries) error { panic("a reader panics") })
		}()
	}
	if err := w.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errMine)
	var held []*conn
	for range cap(w.file().readers) {
		held = append(held, <-w.file().readers)
	}
	if err := w.View(ctx, System, func(*Queries) error { return nil }); !isMine(err) {
		t.Errorf("waited for a connection although its context has ended: %v", err)
	}
	for _, c := range held {
		w.file().readers <- c
	}
}

func tokens(t *testing.T, d *DB) (n int) {
	t.Helper()
	if err := d.View(t.Context(), System, func(q *Queries) error { n = countTokens(t, q); return nil }); err != nil {
		t.Error(err)
	}
	return n
}

func countTokens(t *testing.T, q *Queries) (n int) {
	t.Helper()
	if err := q.db.QueryRowContext(t.Context(), "SELECT count(*) FROM one_time_tokens").Scan(&n); err != nil {
		t.Error(err)
	}
	return n
}

func has(t *testing.T, db *sql.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Errorf("count %s: %v", table, err)
	}
	return n
}

func tableThere(t *testing.T, db *sql.DB, table string) bool {
	t.Helper()
	var n int
	if err := db.QueryRow("SELECT count(*) FROM sqlite_schema WHERE name = ?", table).Scan(&n); err != nil {
		t.Error(err)
	}
	return n > 0
}
