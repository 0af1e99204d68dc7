package db

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
)

// Migrations is the folder of the migration files (embedded in the binary). Where the engines
// need different statements, NNNNN_x.sqlite.sql and NNNNN_x.postgres.sql end in the same schema.
type Migrations struct{ FS fs.FS }

// without hides the files of the other engine.
type without struct {
	fs.FS
	suffix string
}

func (w without) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(w.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return strings.HasSuffix(e.Name(), w.suffix)
	}), err
}

// versions returns the version of the database and the newest that this program knows. It
// returns ErrNewer when the first is greater.
func versions(ctx context.Context, p *goose.Provider) (have, newest int64, err error) {
	have, err = p.GetDBVersion(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read the database's version: %w", err)
	}
	sources := p.ListSources()
	newest = sources[len(sources)-1].Version
	return have, newest, notNewer(have, newest)
}

func notNewer(have, newest int64) error {
	if have > newest {
		return fmt.Errorf("%w: it has version %d, this program knows %d; start the newer program, or restore a backup made before the upgrade", ErrNewer, have, newest)
	}
	return nil
}

// current returns ErrNewer or ErrOlder unless have is the newest version of the schema.
func (m Migrations) current(have int64) error {
	files, err := fs.Glob(m.FS, "*.sql")
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	newest := int64(0)
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			return fmt.Errorf("read migrations: %w", err)
		}
		newest = max(newest, version)
	}
	if have < newest {
		return fmt.Errorf("%w: it has version %d, this program reads %d; start Trak once, which brings it up to date", ErrOlder, have, newest)
	}
	return notNewer(have, newest)
}

// up runs the migrations that are missing, each in a transaction of its own.
func up(ctx context.Context, p *goose.Provider) error {
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
