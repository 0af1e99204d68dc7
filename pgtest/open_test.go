package pgtest

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"trak/db"
)

// Several processes that start at once on an empty database: one makes the tables.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	url := emptyDatabase(t, "ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")
	for _, err := range atOnce(3, func(int) error {
		d, err := db.OpenPostgres(t.Context(), url, options())
		if err != nil {
			return err
		}
		return errors.Join(d.Ping(t.Context()), d.Close())
	}) {
		must(t, err)
	}
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	o := options()
	o.Migrations.FS = fstest.MapFS{"00001_start.sql": {Data: []byte("-- +goose Up\nSELECT 1;")}}
	if _, err := db.OpenPostgres(t.Context(), newDatabase(t), o); !errors.Is(err, db.ErrNewer) {
		t.Errorf("opened a newer database: %v", err)
	}
}

func TestADatabaseThatSortsOtherwiseIsRefused(t *testing.T) {
	t.Parallel()
	for _, with := range []string{"ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0", "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"} {
		if _, err := db.OpenPostgres(t.Context(), emptyDatabase(t, with), options()); err == nil || !strings.Contains(err.Error(), "LOCALE 'C'") {
			t.Errorf("opened a database with %s: %v", with, err)
		}
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	if _, err := db.OpenPostgres(t.Context(), "postgres:///trak?host="+t.TempDir(), options()); err == nil || !strings.Contains(err.Error(), "connect to the database") {
		t.Errorf("opened nothing: %v", err)
	}
}
