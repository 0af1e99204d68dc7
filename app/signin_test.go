package app_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/alexedwards/scs/v2"
	_ "github.com/mattn/go-sqlite3"

	"trak/app"
	"trak/auth"
	"trak/billing"
	"trak/db"
)

// sql runs a statement on the database file beside the running Trak, and returns one column.
func (w *world) sql(statement string, args ...any) (column []string) {
	w.t.Helper()
	file, err := sql.Open("sqlite3", filepath.Join(w.dir, db.FileName)+"?_busy_timeout=5000")
	must(w.t, err)
	defer func() { _ = file.Close() }()
	rows, err := file.Query(statement, args...)
	must(w.t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s string
		must(w.t, rows.Scan(&s))
		column = append(column, s)
	}
	must(w.t, rows.Err())
	return column
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	const email, password, ip = "mira@example.com", "paper lantern quiet harbour", "192.0.2.1"

	t.Run("a right and a wrong one leave an audit record", func(t *testing.T) {
		if _, err := w.app.SignIn(ctx, email, password, ip); err != nil {
			t.Fatal(err)
		}
		if _, err := w.app.SignIn(ctx, email, "wrong", ip); !errors.Is(err, app.ErrWrongSignIn) {
			t.Fatal(err)
		}
		got := w.sql("SELECT action FROM audit_log WHERE user_id = ? AND action LIKE '%sign in' ORDER BY at, id", w.owner.UserID)
		if strings.Join(got, ", ") != "sign in, fail to sign in" {
			t.Errorf("records %q", got)
		}
	})
	t.Run("a hash of an old cost is made anew", func(t *testing.T) {
		old, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 1024, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
		must(t, err)
		w.sql("UPDATE users SET password_hash = ? WHERE email = ?", old, email)
		for range 2 {
			if _, err := w.app.SignIn(ctx, email, password, ip); err != nil {
				t.Fatal(err)
			}
		}
		if hash := w.sql("SELECT password_hash FROM users WHERE email = ?", email)[0]; !strings.Contains(hash, "m=47104") {
			t.Errorf("hash %q", hash)
		}
	})
	t.Run("an email is taken in any spelling", func(t *testing.T) {
		_, err := w.app.CreateUser(ctx, app.NewUser{Email: "MIRA@example.com", Name: "X", Password: password})
		var errs billing.FieldErrors
		if !errors.As(err, &errs) || errs["email"] == "" {
			t.Errorf("%v", err)
		}
	})
	t.Run("who is disabled is out at once and can't sign in", func(t *testing.T) {
		token := session(t, w, w.member.UserID)
		if _, err := w.app.ActorOfSession(ctx, token, w.member.Workspace.Slug); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(3 * time.Second) // polls go by an answer for two
		w.sql("UPDATE users SET disabled_at = 1 WHERE id = ?", w.member.UserID)
		if _, err := w.app.SignIn(ctx, "jon@example.com", password, ip); !errors.Is(err, app.ErrWrongSignIn) {
			t.Errorf("signs in: %v", err)
		}
		if _, err := w.app.UserByID(ctx, w.member.UserID); !errors.Is(err, app.ErrSignedOut) {
			t.Errorf("stays: %v", err)
		}
		if _, err := w.app.ActorOfSession(ctx, token, w.member.Workspace.Slug); !errors.Is(err, app.ErrSignedOut) {
			t.Errorf("polls: %v", err)
		}
	})
}

// session starts a session as scs does, and returns its token.
func session(t *testing.T, w *world, userID string) string {
	t.Helper()
	expiry := w.clock.now().Add(time.Hour)
	data, err := scs.GobCodec{}.Encode(expiry, map[string]any{app.SessionUser: userID})
	if err != nil {
		t.Fatal(err)
	}
	token := auth.NewToken()
	hash := sha256.Sum256([]byte(token))
	if err := w.app.Sessions().CommitCtx(t.Context(), base64.RawURLEncoding.EncodeToString(hash[:]), data, expiry); err != nil {
		t.Fatal(err)
	}
	return token
}

func TestSlugsAreUnique(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	var slugs []string
	for _, name := range []string{"North", "NORTH", "north!", "Admin"} {
		ws, err := w.app.CreateWorkspace(ctx, w.owner.UserID, app.NewWorkspace{Name: name, Country: "AT", Currency: "eur", TimeZone: "UTC"})
		must(t, err)
		slugs = append(slugs, ws.Slug)
	}
	if got := fmt.Sprint(slugs); got != "[north north-2 north-3 admin-2]" {
		t.Errorf("slugs %s", got)
	}
	last, err := w.app.LastWorkspace(ctx, w.owner.UserID)
	must(t, err)
	if last != "admin-2" {
		t.Errorf("the one used last is %s", last)
	}
	if err := w.app.UseWorkspace(ctx, w.member.UserID, "north"); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("somebody else's: %v", err)
	}
}

// Attack D3.
func TestSetupLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.sql("DROP TRIGGER audit_log_is_kept")
	for _, table := range []string{"audit_log", "memberships", "sessions", "stripe_connect_accounts"} {
		w.sql("DELETE FROM " + table)
	}
	w.sql("UPDATE users SET last_workspace_id = NULL")
	w.sql("DELETE FROM users")
	token := func() string {
		path, err := w.app.SetupLink(ctx)
		must(t, err)
		_, token, _ := strings.Cut(path, "/setup?token=")
		if token == "" {
			t.Fatalf("path %q", path)
		}
		return token
	}
	first, second := token(), token()
	if err := w.app.SetupOpen(ctx, first); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("the link before the last works: %v", err)
	}
	must(t, w.app.SetupOpen(ctx, second))
	if hashes := w.sql("SELECT hash FROM one_time_tokens"); len(hashes) != 1 || hashes[0] == second {
		t.Errorf("stored: %q", hashes)
	}
	w.clock.advance(24*3600*1e9 + 1)
	if err := w.app.SetupOpen(ctx, second); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("a day later: %v", err)
	}
}

func TestExpiredSessionsAreDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	w.sql("INSERT INTO sessions (token, data, expiry, dead) VALUES ('old', '', 1, TRUE), ('new', '', 9e18, TRUE)")
	must(t, w.app.DeleteExpiredSessions(ctx))
	if left := w.sql("SELECT token FROM sessions"); fmt.Sprint(left) != "[new]" {
		t.Errorf("left: %q", left)
	}
}
