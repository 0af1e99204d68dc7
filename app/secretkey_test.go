package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/auth"
	"trak/db"
)

// vault is a data directory with something sealed in every column that may hold it.
type vault struct {
	t     *testing.T
	dir   string
	db    *db.DB
	fault func(query string) error
	plain map[string]string // what is sealed, by column and id
}

func newVault(t *testing.T, box *auth.Box) *vault {
	t.Helper()
	v := &vault{t: t, dir: t.TempDir(), plain: map[string]string{}}
	v.open()
	must(t, v.db.Update(t.Context(), db.System, func(tx *db.Tx) error {
		ctx := t.Context()
		seal := func(column, id, plain string) []byte {
			sealed, err := box.Seal([]byte(plain), app.SealedPlace(column, id))
			must(t, err)
			v.plain[column+" "+id] = plain
			return sealed
		}
		for _, name := range []string{"webhook_secret", "webhook_secret_live"} {
			must(t, tx.SetInstallationValue(ctx, db.SetInstallationValueParams{Name: name, Value: seal("installation.value", name, "whsec_"+name)}))
		}
		for _, id := range []string{"mira", "jon"} {
			must(t, tx.InsertUser(ctx, db.InsertUserParams{ID: id, Email: id + "@example.com", Name: id, PasswordHash: "x", CreatedAt: tx.Now()}))
			must(t, tx.SetTOTPSecret(ctx, db.SetTOTPSecretParams{ID: id, Sealed: seal("users.totp_secret", id, "totp of "+id)}))
		}
		return tx.InsertMessage(ctx, db.InsertMessageParams{
			ID: "letter", Kind: "invitation", Recipient: "kim@example.com", Subject: "x", Body: "{link}", Path: "/join/", Secret: seal("messages.secret", "letter", "token"), Now: tx.Now(),
		})
	}))
	must(t, app.OpenAudit(t.Context(), v.db, box, logger(t)))
	for _, row := range v.sealed() {
		if row.Place == "installation.audit_key" {
			plain, err := box.Open(row.Sealed, app.SealedPlace(row.Place, row.ID))
			must(t, err)
			v.plain[row.Place+" "+row.ID] = string(plain)
		}
	}
	return v
}

func (v *vault) open() {
	v.t.Helper()
	d, err := db.Open(v.t.Context(), v.dir, db.Options{
		Migrations: db.Migrations{FS: os.DirFS("../db/migrations")}, Logger: logger(v.t), Now: time.Now,
		Fault: func(query string) error {
			if v.fault != nil {
				return v.fault(query)
			}
			return nil
		},
	})
	must(v.t, err)
	v.db = d
	v.t.Cleanup(func() { _ = d.Close() })
}

// sealed is all that is encrypted.
func (v *vault) sealed() (rows []db.SealedValuesRow) {
	v.t.Helper()
	must(v.t, v.db.View(v.t.Context(), db.System, func(q *db.Queries) (err error) {
		rows, err = app.SealedRows(v.t.Context(), q)
		return err
	}))
	return rows
}

// opens fails unless the key opens all of it, or none.
func (v *vault) opens(box *auth.Box, all bool) {
	v.t.Helper()
	rows := v.sealed()
	if len(rows) != len(v.plain) {
		v.t.Errorf("%d values are sealed, not %d", len(rows), len(v.plain))
	}
	for _, row := range rows {
		got, err := box.Open(row.Sealed, app.SealedPlace(row.Place, row.ID))
		switch {
		case all && (err != nil || string(got) != v.plain[row.Place+" "+row.ID]):
			v.t.Errorf("%s of %s: %q, %v", row.Place, row.ID, got, err)
		case !all && !errors.Is(err, auth.ErrSealed):
			v.t.Errorf("%s of %s opens: %q, %v", row.Place, row.ID, got, err)
		}
	}
}

func boxOf(t *testing.T, letter string) *auth.Box {
	t.Helper()
	box, err := auth.NewBox([]byte(strings.Repeat(letter, 32)))
	must(t, err)
	return box
}

func adoptKey(v *vault, box, old *auth.Box) (int, error) {
	return app.AdoptKey(v.t.Context(), v.db, box, old, "TRAK_SECRET_KEY")
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	before, after := boxOf(t, "a"), boxOf(t, "b")
	v := newVault(t, before)
	if n, err := adoptKey(v, before, nil); err != nil || n != len(v.plain) {
		t.Fatalf("the first start sealed %d values, %v", n, err)
	}
	was := v.sealed()
	if n, err := adoptKey(v, before, nil); err != nil || n != 0 {
		t.Errorf("a second start sealed %d values, %v", n, err)
	}
	if n, err := adoptKey(v, after, before); err != nil || n != len(v.plain) {
		t.Fatalf("sealed %d values anew, %v", n, err)
	}
	v.opens(after, true)
	v.opens(before, false)
	if n, err := adoptKey(v, after, before); err != nil || n != 0 {
		t.Errorf("a start that still has the old key sealed %d values, %v", n, err)
	}
	if n, err := adoptKey(v, after, nil); err != nil || n != 0 {
		t.Errorf("a start without the old key sealed %d values, %v", n, err)
	}

	v.holdsNoMore(was)
}

// holdsNoMore fails when a file still holds what was sealed.
func (v *vault) holdsNoMore(was []db.SealedValuesRow) {
	v.t.Helper()
	must(v.t, v.db.Close())
	must(v.t, filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, row := range was {
			if bytes.Contains(content, row.Sealed[len(row.Sealed)-16:]) {
				v.t.Errorf("%s still holds what was in %s of %s", path, row.Place, row.ID)
			}
		}
		return err
	}))
}

// Values from before keys had ids get one at the first start.
func TestKeyOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	box := boxOf(t, "a")
	v := newVault(t, box)
	must(t, v.db.Update(t.Context(), db.System, func(tx *db.Tx) error {
		value, err := tx.InstallationValue(t.Context(), "webhook_secret")
		must(t, err)
		unnamed := append([]byte{1}, value[1+len(box.KeyID())/2:]...)
		return tx.SetInstallationValue(t.Context(), db.SetInstallationValueParams{Name: "webhook_secret", Value: unnamed})
	}))
	if _, err := adoptKey(v, boxOf(t, "b"), nil); err == nil {
		t.Error("another key is taken")
	}
	_, err := adoptKey(v, box, nil)
	must(t, err)
	v.opens(box, true)
	for _, row := range v.sealed() {
		if row.Sealed[0] != 2 {
			t.Errorf("%s of %s names no key", row.Place, row.ID)
		}
	}
}

// A change that is cut off anywhere has changed nothing, and the next start does it.
func TestKeyRotationCutOff(t *testing.T) {
	t.Parallel()
	before, after := boxOf(t, "a"), boxOf(t, "b")
	v := newVault(t, before)
	_, err := adoptKey(v, before, nil)
	must(t, err)
	boom := errors.New("boom")
	for cut := range 100 {
		n := 0
		v.fault = func(query string) error {
			if !strings.Contains(query, "-- name:") { // those that begin and end transactions
				return nil
			}
			if n++; n > cut {
				return boom
			}
			return nil
		}
		_, err := adoptKey(v, after, before)
		v.fault = nil
		if err == nil {
			if cut < len(v.plain) {
				t.Errorf("done after %d statements", cut)
			}
			v.opens(after, true)
			v.opens(before, false)
			return
		}
		v.opens(before, true)
		v.opens(after, false)
	}
	t.Error("it was never done")
}

func TestLostKey(t *testing.T) {
	t.Parallel()
	right, wrong := boxOf(t, "a"), boxOf(t, "b")
	v := newVault(t, right)
	_, err := adoptKey(v, right, nil)
	must(t, err)
	_, wrongErr := adoptKey(v, wrong, boxOf(t, "c"))
	missingErr := app.KeyMissing(t.Context(), v.db, "data/secret.key")
	for what, err := range map[string]error{"is not the key": wrongErr, "is missing": missingErr} {
		var unfit *app.Unfit
		if !errors.As(err, &unfit) || !strings.Contains(unfit.What, what) {
			t.Errorf("got %v, want an Unfit: %s", err, what)
			continue
		}
		for _, says := range []string{right.KeyID(), "TRAK_SECRET_KEY_OLD", "trak verify --local", "trak key reset", "webhook secrets: 2, second factors: 2, links in mail that waits: 1, keys of the audit log: 1"} {
			if !strings.Contains(unfit.Remedy, says) {
				t.Errorf("%s: %q is missing in %s", what, says, unfit.Remedy)
			}
		}
	}
	v.opens(right, true)

	// Where nothing is encrypted, any key will do.
	empty := newWorldDir(t)
	if err := app.KeyMissing(t.Context(), empty, "data/secret.key"); err != nil {
		t.Error(err)
	}
	for _, box := range []*auth.Box{right, wrong} {
		if _, err := app.AdoptKey(t.Context(), empty, box, nil, "TRAK_SECRET_KEY"); err != nil {
			t.Error(err)
		}
	}
}

func newWorldDir(t *testing.T) *db.DB {
	t.Helper()
	v := &vault{t: t, dir: t.TempDir()}
	v.open()
	return v.db
}

func TestResetKey(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	lost, fresh := boxOf(t, "a"), boxOf(t, "b")
	v := newVault(t, lost)
	_, err := adoptKey(v, lost, nil)
	must(t, err)
	const all = "webhook secrets: 2, second factors: 2, links in mail that waits: 1, keys of the audit log: 1"
	if said, err := app.ResetKey(ctx, v.db, fresh, nil, false); err != nil || said != all {
		t.Errorf("%q, %v", said, err)
	}
	v.opens(lost, true)
	if said, err := app.ResetKey(ctx, v.db, lost, nil, true); err != nil || said != "" {
		t.Errorf("with the right key it gives up %q, %v", said, err)
	}
	v.opens(lost, true)
	was := v.sealed()
	if said, err := app.ResetKey(ctx, v.db, fresh, nil, true); err != nil || said != all {
		t.Errorf("%q, %v", said, err)
	}
	if rows := v.sealed(); len(rows) != 1 || rows[0].Place != "installation.audit_key" {
		t.Errorf("still sealed: %v", rows)
	}
	v.plain = map[string]string{"the audit log goes on": "with a key of its own"}
	v.opens(lost, false)
	if n, err := adoptKey(v, fresh, nil); err != nil || n != 0 {
		t.Errorf("the next start seals %d values, %v", n, err)
	}
	raw, err := sql.Open("sqlite3", filepath.Join(v.dir, db.FileName))
	must(t, err)
	var state string
	var due int64
	must(t, raw.QueryRow("SELECT state, next_attempt_at FROM messages").Scan(&state, &due))
	must(t, raw.Close()) // or the WAL would stay
	if state != "dropped" || due != 0 {
		t.Errorf("mail without its link is %s, due %d", state, due)
	}
	v.holdsNoMore(was)
}

// unsealed are the columns of bytes that a change of the secret key leaves alone, each with its
// reason.
var unsealed = map[string]string{
	"stripe_webhook_events.payload": "what Stripe sent",
	"dispute_files.content":         "a file that the team gives Stripe",
	"passkeys.credential":           "the public half of a key",
	"workspace_logos.png":           "a picture that everybody sees",
	"sessions.data":                 "what belongs to a session, which only its token finds",
}

// seals are the functions that seal something, with where it rests.
var seals = map[string]string{
	"ensureWebhook":     "installation.value",
	"useAudit":          "installation.value",
	"BeginSecondFactor": "users.totp_secret",
	"post":              "messages.secret",
	"sealAnew":          "", // whatever there is
	"AnswerProbe":       "", // a word in a request that Trak sends to itself
}

// A column that holds what is sealed and is not in the list would be lost with the next change of
// the key.
func TestNothingSealedIsForgotten(t *testing.T) {
	t.Parallel()
	v := newVault(t, boxOf(t, "a"))
	listed := app.SealedColumns()
	filled := map[string]bool{}
	for _, row := range v.sealed() {
		filled[row.Place] = true
	}
	for _, name := range listed {
		if !filled[name] {
			t.Errorf("%s is not tried in these tests, or missing in SealedValues", name)
		}
	}

	raw, err := sql.Open("sqlite3", filepath.Join(v.dir, db.FileName))
	must(t, err)
	defer func() { _ = raw.Close() }()
	rows, err := raw.Query(`SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND upper(c.type) IN ('BYTEA', 'BLOB')`)
	must(t, err)
	defer func() { _ = rows.Close() }()
	found := map[string]bool{}
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		found[name] = true
		if !slices.Contains(listed, name) && unsealed[name] == "" {
			t.Errorf("%s holds bytes: sealed ones belong into SealedValues and sealedColumns, others into this test with a reason", name)
		}
	}
	must(t, rows.Err())
	for name := range unsealed {
		if !found[name] {
			t.Errorf("there is no column %s", name)
		}
	}

	files, err := filepath.Glob("*.go")
	must(t, err)
	called := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		must(t, err)
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if call, ok := call.Fun.(*ast.SelectorExpr); ok && call.Sel.Name == "Seal" {
					called[f.Name.Name] = true
					if column, known := seals[f.Name.Name]; !known || column != "" && !slices.Contains(listed, column) {
						t.Errorf("%s in %s seals something that is in no list: a change of the secret key would lose it", f.Name.Name, file)
					}
				}
				return true
			})
		}
	}
	for name := range seals {
		if !called[name] {
			t.Errorf("%s seals nothing", name)
		}
	}
}
