package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// toSQLite brings a file to the newest schema, after a backup. Foreign keys are off meanwhile,
// because rebuilding a parent table fails otherwise, and checked before each migration commits
// (see checkedStore).
func (m Migrations) toSQLite(ctx context.Context, path string, now time.Time, log *slog.Logger) error {
	db := sql.OpenDB(connector{dsn: dsn(path, map[string][]string{"_txlock": {"immediate"}, "_foreign_keys": {"0"}})})
	db.SetMaxOpenConns(1)
	defer func() { _ = db.Close() }()

	store, err := database.NewStore(database.DialectSQLite3, goose.DefaultTablename)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectCustom, db, without{m.FS, ".postgres.sql"}, goose.WithStore(checkedStore{store}))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, newest, err := versions(ctx, p)
	if err != nil || have == newest {
		return err
	}
	if have > 0 {
		to := filepath.Join(filepath.Dir(path), "backups", fmt.Sprintf("before-v%d-%s.db", newest, now.UTC().Format("20060102-150405")))
		if err := backup(ctx, db, to); err != nil {
			return fmt.Errorf("back up before migrating: %w", err)
		}
		log.Info("backed up before migrating", "file", to)
	}
	return up(ctx, p)
}

// checkedStore checks the foreign keys when goose records a migration, which it does last in
// the migration's own transaction: one that leaves a row pointing to nothing is undone.
type checkedStore struct{ database.Store }

func (s checkedStore) Insert(ctx context.Context, tx database.DBTxConn, req database.InsertRequest) error {
	var table, parent string
	err := tx.QueryRowContext(ctx, `SELECT "table", parent FROM pragma_foreign_key_check LIMIT 1`).Scan(&table, &parent)
	switch {
	case err == nil:
		return fmt.Errorf("a row of %s points to one of %s that is not there", table, parent)
	case !errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("check foreign keys: %w", err)
	}
	return s.Store.Insert(ctx, tx, req)
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
