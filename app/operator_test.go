package app_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
)

func byCommand() context.Context { return app.From(context.Background(), app.CommandLine) }

// A person who is disabled is out at once, by every way in, and what they did stays.
func TestDisabledIsOutByEveryWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	_, err := w.app.OperatorResetPassword(byCommand(), "jon@example.com", "a new long password")
	must(t, err)
	_, err = w.app.SignIn(ctx, "jon@example.com", "a new long password", "203.0.113.7")
	must(t, err)
	link, err := w.app.OperatorResetPassword(byCommand(), " JON@example.com", "")
	must(t, err)
	w.exec("INSERT INTO messages (id, user_id, kind, recipient, subject, body, secret, state, next_attempt_at, created_at) VALUES ('m', '" + w.member.UserID + "', 'password', 'jon@example.com', 's', 'b', 'x', 'waiting', 1, 1)")
	token := session(t, w, w.member.UserID)
	if _, err := w.app.ActorOfSession(ctx, token, w.owner.Workspace.Slug); err != nil {
		t.Fatal(err) // from here on it could be kept
	}

	ownerless, err := w.app.OperatorDisable(byCommand(), "jon@example.com", false)
	must(t, err)
	if len(ownerless) > 0 {
		t.Errorf("without an owner: %v", ownerless)
	}
	if _, err := w.app.ActorOfSession(ctx, token, w.owner.Workspace.Slug); !errors.Is(err, app.ErrSignedOut) {
		t.Errorf("the session lives: %v", err)
	}
	if _, err := w.app.UserByID(ctx, w.member.UserID); !errors.Is(err, app.ErrSignedOut) {
		t.Errorf("who holds a session is answered %v", err)
	}
	if _, err := w.app.SignIn(ctx, "jon@example.com", "a new long password", "203.0.113.7"); !errors.Is(err, app.ErrWrongSignIn) {
		t.Errorf("signs in: %v", err)
	}
	if n := ask[int](w, "SELECT count(*) FROM one_time_tokens WHERE user_id = '"+w.member.UserID+"'"); n != 0 || link == "" {
		t.Errorf("%d links still work", n)
	}
	if got := ask[string](w, "SELECT state || COALESCE(secret, '') FROM messages WHERE id = 'm'"); got != "dropped" {
		t.Errorf("mail that waited is %s", got)
	}
	if _, err := w.app.OperatorResetPassword(byCommand(), "jon@example.com", ""); !errors.Is(err, app.ErrDisabled) {
		t.Errorf("a reset: %v", err)
	}
	if err := w.app.OperatorMakeOwner(byCommand(), "jon@example.com", w.owner.Workspace.Slug); !errors.Is(err, app.ErrDisabled) {
		t.Errorf("is promoted: %v", err)
	}

	_, err = w.app.OperatorDisable(byCommand(), "jon@example.com", true)
	must(t, err)
	if _, err := w.app.SignIn(ctx, "jon@example.com", "a new long password", "203.0.113.7"); err != nil {
		t.Errorf("after enabling: %v", err)
	}
	if _, err := w.app.ActorOfSession(ctx, token, w.owner.Workspace.Slug); !errors.Is(err, app.ErrSignedOut) {
		t.Errorf("the old session lives again: %v", err)
	}
	got := strings.Join(w.sql("SELECT action || ' ' || ip || ' ' || COALESCE(user_id, 'nobody') FROM audit_log WHERE action LIKE 'operator.%' ORDER BY seq"), "\n")
	if got != "operator.reset_password command line nobody\noperator.reset_link command line nobody\noperator.disable command line nobody\noperator.enable command line nobody" {
		t.Errorf("the audit log says\n%s", got)
	}
}

// A link that the operator makes works for half an hour, and the one before it no more.
func TestOperatorsLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, err := w.app.OperatorResetPassword(byCommand(), "jon@example.com", "")
	must(t, err)
	second, err := w.app.OperatorResetPassword(byCommand(), "jon@example.com", "")
	must(t, err)
	if first == second || !strings.HasPrefix(second, w.hooks.URL+"/") {
		t.Errorf("links %s and %s", first, second)
	}
	if got := ask[int64](w, "SELECT expires_at - created_at FROM one_time_tokens WHERE kind = 'password'"); got != (30 * time.Minute).Microseconds() {
		t.Errorf("it works for %d microseconds", got)
	}
}

func TestOperatorMakesUsersAndOwners(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var fields billing.FieldErrors
	if _, err := w.app.OperatorCreateUser(byCommand(), app.OperatorNewUser{Email: "no address", Password: "short"}); !errors.As(err, &fields) || len(fields) != 3 {
		t.Errorf("nonsense: %v", err)
	}
	if _, err := w.app.OperatorCreateUser(byCommand(), app.OperatorNewUser{Email: "jon@example.com", Name: "Jon"}); !errors.As(err, &fields) {
		t.Errorf("twice the same email: %v", err)
	}
	link, err := w.app.OperatorCreateUser(byCommand(), app.OperatorNewUser{Email: "Kim@Example.com", Name: "Kim"})
	must(t, err)
	if link == "" {
		t.Error("no link to choose a password by")
	}
	for _, email := range []string{"kim@example.com", "jon@example.com", "kim@example.com"} {
		must(t, w.app.OperatorMakeOwner(byCommand(), email, w.owner.Workspace.Slug))
	}
	users, err := app.ListUsers(context.Background(), w.db)
	must(t, err)
	for _, u := range users {
		if !slices.Equal(u.Workspaces, []app.UserMembership{{Slug: w.owner.Workspace.Slug, Role: app.Owner}}) {
			t.Errorf("%s is in %v", u.Email, u.Workspaces)
		}
	}
	list, err := app.ListWorkspaces(context.Background(), w.db)
	must(t, err)
	if len(list) != 1 || list[0].People != 3 {
		t.Errorf("workspaces: %+v", list)
	}
	for _, try := range []struct {
		email, slug string
		want        error
	}{{"nobody@example.com", w.owner.Workspace.Slug, app.ErrNoSuchUser}, {"kim@example.com", "nowhere", app.ErrNoSuchWorkspace}} {
		if err := w.app.OperatorMakeOwner(byCommand(), try.email, try.slug); !errors.Is(err, try.want) {
			t.Errorf("%s in %s: %v", try.email, try.slug, err)
		}
	}
	if n := ask[int](w, "SELECT count(*) FROM audit_log WHERE action = 'operator.make_owner'"); n != 2 {
		t.Errorf("%d records of two that were made owners", n)
	}
	// The last owner who can sign in.
	for _, email := range []string{"mira@example.com", "kim@example.com", "jon@example.com"} {
		ownerless, err := w.app.OperatorDisable(byCommand(), email, false)
		must(t, err)
		if want := email == "jon@example.com"; (len(ownerless) == 1) != want {
			t.Errorf("after %s, without an owner: %v", email, ownerless)
		}
	}
}
