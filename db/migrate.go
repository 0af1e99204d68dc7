package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Migrations is the folder of the migration files (embedded in the binary).
type Migrations struct{ FS fs.FS }

// run brings the database to the newest schema: backup first, then each migration in a
// transaction of its own. Foreign keys are off meanwhile, because rebuilding a parent table
// fails otherwise, and checked afterwards.
func (m Migrations) run(ctx context.Context, path string, now time.Time, log *slog.Logger) error {
	db := sql.OpenDB(connector{dsn: dsn(path, map[string][]string{"_txlock": {"immediate"}, "_foreign_keys": {"0"}})})
	db.SetMaxOpenConns(1)
	defer func() { _ = db.Close() }()

	p, err := goose.NewProvider(database.DialectSQLite3, db, m.FS)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the database's version: %w", err)
	}
	sources := p.ListSources()
	newest := sources[len(sources)-1].Version
	switch {
	case have > newest:
		return fmt.Errorf("%w: it has version %d, this program knows %d; start the newer program, or restore a backup made before the upgrade", ErrNewer, have, newest)
	case have == newest:
		return nil
	case have > 0:
		to := filepath.Join(filepath.Dir(path), "backups", fmt.Sprintf("before-v%d-%s.db", newest, now.UTC().Format("20060102-150405")))
		if err := backup(ctx, db, to); err != nil {
			return fmt.Errorf("back up before migrating: %w", err)
		}
		log.Info("backed up before migrating", "file", to)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	rows, err := db.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return fmt.Errorf("check foreign keys: %w", err)
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		return errors.New("migrate: a row points to one that is not there (PRAGMA foreign_key_check)")
	}
	return rows.Err()
}

// backup writes a consistent copy to a new file, readable by its owner alone, and makes it durable.
func backup(ctx context.Context, db *sql.DB, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := createPrivate(to); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return err
	}
	f, err := os.Open(to)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return f.Sync()
}
