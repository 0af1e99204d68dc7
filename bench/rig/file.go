package rig

import (
	"context"
	"database/sql"
	"path/filepath"

	_ "github.com/mattn/go-sqlite3" // driver

	"trak/db"
)

// openFile opens the database of a data directory past the product. Its cache is large, because
// what is written by it is.
func openFile(dir string) (*sql.DB, error) {
	return sql.Open("sqlite3", "file:"+filepath.Join(dir, db.FileName)+"?_txlock=immediate&_foreign_keys=1&_cache_size=-262144")
}

// write changes the database of a data directory past the product, in one transaction. Nobody has
// it open.
func write(ctx context.Context, dir string, f func(*sql.Tx) error) error {
	pool, err := openFile(dir)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Count runs a query whose answer is one number.
func Count(ctx context.Context, dir, query string) (n int64, err error) {
	pool, err := openFile(dir)
	if err != nil {
		return 0, err
	}
	defer func() { _ = pool.Close() }()
	return n, pool.QueryRowContext(ctx, query).Scan(&n)
}
