// Package dbtest prepares databases for tests.
package dbtest

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"trak/db"
)

// Prepare puts an empty database with the present schema into dir, unless it has one. The
// migrations run once for all tests of a package and are copied from then on: to parse them takes
// longer than most tests.
func Prepare(t testing.TB, dir string, migrations fs.FS) {
	t.Helper()
	path := filepath.Join(dir, db.FileName)
	if _, err := os.Stat(path); err == nil {
		return
	}
	once.Do(func() { empty, failed = migrate(migrations) })
	if failed != nil {
		t.Fatal(failed)
	}
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatal(err)
	}
}

var (
	once   sync.Once
	empty  []byte // the file
	failed error
)

func migrate(migrations fs.FS) ([]byte, error) {
	dir, err := os.MkdirTemp("", "trak-empty")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the empty database: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d, err := db.Open(context.Background(), dir, db.Options{Migrations: db.Migrations{FS: migrations}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("migrate the empty database: %w", err)
	}
	if err := d.Close(); err != nil {
		return nil, fmt.Errorf("close the empty database: %w", err)
	}
	return os.ReadFile(filepath.Join(dir, db.FileName))
}
