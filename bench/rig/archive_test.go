package rig

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"trak/app"
	"trak/db"
)

// The books of a filled archive have to be right: what is measured is what could have happened.
func TestArchive(t *testing.T) {
	t.Chdir("../..") // the schema is read from the root of the repository
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "data")
	w, err := NewWorld(ctx, dir, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	begun := time.Now()
	a, err := w.Fill(ctx, 7, 600)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(time.Since(begun))
	d, err := db.OpenReadOnly(ctx, dir, db.Migrations{FS: os.DirFS("db/migrations")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	r, err := app.Verify(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, difference := range r.Differences {
		t.Error(difference)
	}
	if r.Workspaces != 7 || r.Invoices < 600 || r.Payments < 300 || len(a.Members) != 7 {
		t.Errorf("%d workspaces, %d invoices, %d payments, %d members", r.Workspaces, r.Invoices, r.Payments, len(a.Members))
	}
}
