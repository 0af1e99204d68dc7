package app_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"trak/app"
	"trak/auth"
	"trak/billing"
)

// invite invites an address as the owner, and returns the id of the invitation.
func (w *world) invite(email string, role app.Role) (id string) {
	w.t.Helper()
	must(w.t, ignore(w.app.Invite(context.Background(), w.owner, app.InvitationInput{Email: email, Role: role})))
	return ask[string](w, "SELECT id FROM invitations WHERE email = ? AND accepted_at = 0 AND revoked_at = 0", email)
}

// token invites an address as the owner, and returns the token of the link.
func (w *world) token(email string, role app.Role) string {
	w.t.Helper()
	link, err := w.app.Invite(context.Background(), w.owner, app.InvitationInput{Email: email, Role: role})
	must(w.t, err)
	return tokenOf(link)
}

func tokenOf(link string) string {
	_, token, _ := strings.Cut(link, "token=")
	return token
}

// roleOf is what somebody is in the owner's workspace, "" when nothing.
func (w *world) roleOf(userID string) app.Role {
	w.t.Helper()
	return app.Role(ask[string](w, "SELECT coalesce((SELECT role FROM memberships WHERE workspace_id = ? AND user_id = ?), '')", w.owner.WorkspaceID, userID))
}

// C1, C2: who may change whom to what.
func TestWhoChangesRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	people := map[app.Role]app.Actor{
		app.Owner: w.join("Otis", "otis@example.com", app.Owner), app.Admin: w.join("Ada", "ada@example.com", app.Admin),
		app.Member: w.member, app.Accountant: w.join("Noor", "noor@example.com", app.Accountant),
	}
	for by, actor := range people {
		for _, was := range app.Roles() {
			for _, becomes := range append(app.Roles(), "") { // "" = removed
				target := w.join("Kim", strings.Join([]string{string(by), string(was), string(becomes), "kim@example.com"}, "."), was)
				change := func() error { return w.app.ChangeRole(ctx, actor, target.UserID, becomes) }
				if becomes == "" {
					change = func() error { return w.app.RemoveMember(ctx, actor, target.UserID) }
				}
				may := by == app.Owner || by == app.Admin && (was == becomes || was != app.Owner && becomes != app.Owner)
				err, want := change(), becomes
				if !may {
					want = was
				}
				if may != (err == nil) || !may && !errors.Is(err, app.ErrForbidden) {
					t.Errorf("%s makes %s %q: %v", by, was, becomes, err)
				}
				if got := w.roleOf(target.UserID); got != want {
					t.Errorf("%s makes %s %q: they are %q", by, was, becomes, got)
				}
			}
		}
		if actor.Role != app.Owner {
			if err := w.app.ChangeRole(ctx, actor, actor.UserID, app.Owner); !errors.Is(err, app.ErrForbidden) {
				t.Errorf("%s promotes themselves: %v", by, err)
			}
			if err := w.app.HandOver(ctx, actor, actor.UserID); !errors.Is(err, app.ErrForbidden) {
				t.Errorf("%s hands over to themselves: %v", by, err)
			}
		}
		err := ignore(w.app.Invite(ctx, actor, app.InvitationInput{Email: string(by) + "@new.example", Role: app.Owner}))
		if (by == app.Owner) != (err == nil) || err != nil && !errors.Is(err, app.ErrForbidden) {
			t.Errorf("%s invites an owner: %v", by, err)
		}
	}
	// An invitation to be an owner is the owners' business in every way.
	id := w.invite("heir@example.com", app.Owner)
	admin := people[app.Admin]
	for what, err := range map[string]error{
		"sends it again": ignore(w.app.ResendInvitation(ctx, admin, id)),
		"revokes it":     w.app.RevokeInvitation(ctx, admin, id),
		"writes another": ignore(w.app.Invite(ctx, admin, app.InvitationInput{Email: "heir@example.com", Role: app.Member})),
	} {
		if !errors.Is(err, app.ErrForbidden) {
			t.Errorf("an admin %s: %v", what, err)
		}
	}
}

// C3: there is always an owner, also when two of them end to be one at the same time.
func TestTheLastOwnerStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	admin := w.join("Ada", "ada@example.com", app.Admin)
	last := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, app.ErrLastOwner) || !errors.Is(err, app.ErrConflict) || w.roleOf(w.owner.UserID) != app.Owner {
			t.Errorf("the last owner %s: %v", what, err)
		}
	}
	last("leaves", w.app.Leave(ctx, w.owner))
	last("asks to leave", w.app.MayLeave(ctx, w.owner))
	last("becomes an admin", w.app.ChangeRole(ctx, w.owner, w.owner.UserID, app.Admin))
	last("is removed", w.app.RemoveMember(ctx, w.owner, w.owner.UserID))
	off := w.join("Otis", "otis@example.com", app.Owner)
	w.exec("UPDATE users SET disabled_at = 1 WHERE id = ?", off.UserID)
	last("leaves to one who can't sign in", w.app.Leave(ctx, w.owner))

	must(t, w.app.HandOver(ctx, w.owner, admin.UserID))
	if w.roleOf(admin.UserID) != app.Owner || w.roleOf(w.owner.UserID) != app.Admin {
		t.Errorf("after handing over: %s and %s", w.roleOf(admin.UserID), w.roleOf(w.owner.UserID))
	}
	// The actor of a request that began before is not believed any more.
	for what, err := range map[string]error{
		"makes an owner": w.app.ChangeRole(ctx, w.owner, w.member.UserID, app.Owner),
		"hands over":     w.app.HandOver(ctx, w.owner, w.member.UserID),
		"removes one":    w.app.RemoveMember(ctx, w.owner, admin.UserID),
	} {
		if !errors.Is(err, app.ErrForbidden) {
			t.Errorf("who was an owner %s: %v", what, err)
		}
	}

	for round := range 20 {
		must(t, w.app.ChangeRole(ctx, admin, w.owner.UserID, app.Owner))
		admin.Role = app.Owner
		one, two := w.owner, admin
		acts := []func(by, on app.Actor) error{
			func(by, on app.Actor) error { return w.app.ChangeRole(ctx, by, on.UserID, app.Member) },
			func(by, on app.Actor) error { return w.app.RemoveMember(ctx, by, on.UserID) },
			func(by, _ app.Actor) error { return w.app.Leave(ctx, by) },
		}
		act := acts[round%len(acts)]
		var wg sync.WaitGroup
		for _, pair := range [][2]app.Actor{{one, two}, {two, one}} {
			wg.Go(func() { _ = act(pair[0], pair[1]) })
		}
		wg.Wait()
		owners := ask[int](w, "SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE workspace_id = ? AND role = 'owner' AND disabled_at = 0", w.owner.WorkspaceID)
		if owners != 1 {
			t.Fatalf("round %d: %d owners", round, owners)
		}
		for _, p := range []app.Actor{one, two} { // both are owners again, the one who is left made the other
			if w.roleOf(p.UserID) == "" {
				must(t, w.app.AddMember(ctx, w.owner.WorkspaceID, p.UserID, app.Member))
			}
		}
		if w.roleOf(admin.UserID) != app.Owner {
			must(t, w.app.ChangeRole(ctx, w.owner, admin.UserID, app.Owner))
		}
	}
}

// C4: only roles that there are.
func TestOddRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	for _, role := range []app.Role{"superadmin", "", "OWNER", "owner ", "owner,admin", "[owner]", "owner\x00", "0", "%"} {
		var wrong billing.FieldErrors
		if err := w.app.ChangeRole(ctx, w.owner, w.member.UserID, role); !errors.As(err, &wrong) || wrong["role"] == "" {
			t.Errorf("%q: %v", role, err)
		}
		wrong = nil
		if err := ignore(w.app.Invite(ctx, w.owner, app.InvitationInput{Email: "kim@example.com", Role: role})); !errors.As(err, &wrong) || wrong["role"] == "" {
			t.Errorf("an invitation as %q: %v", role, err)
		}
	}
	if n := ask[int](w, "SELECT count(*) FROM invitations"); n != 0 || w.roleOf(w.member.UserID) != app.Member {
		t.Errorf("%d invitations, the member is %s", n, w.roleOf(w.member.UserID))
	}
}

// C6: who is removed is nobody here from that moment, and what waits for them is not sent.
func TestRemovedMember(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	admin := w.join("Ada", "ada@example.com", app.Admin)
	written := ask[int](w, "SELECT count(*) FROM invitations")
	must(t, ignore(w.app.Invite(ctx, admin, app.InvitationInput{Email: "accomplice@example.com", Role: app.Admin})))
	w.exec(`INSERT INTO messages (id, workspace_id, user_id, kind, recipient, subject, body, state, next_attempt_at, created_at)
		VALUES ('notice', ?, ?, 'notice', 'ada@example.com', 'Paid', 'Paid', 'waiting', 1, 1)`, w.owner.WorkspaceID, admin.UserID)
	must(t, w.app.RemoveMember(ctx, w.owner, admin.UserID))

	if _, err := w.app.ActorIn(ctx, admin.UserID, w.owner.Workspace.Slug); !errors.Is(err, app.ErrFormerMember) || !errors.Is(err, app.ErrNotFound) {
		t.Errorf("they go on: %v", err)
	}
	if _, err := w.app.ActorIn(ctx, w.stranger().UserID, w.owner.Workspace.Slug); !errors.Is(err, app.ErrNotFound) || errors.Is(err, app.ErrFormerMember) {
		t.Errorf("a stranger learns that the workspace is there: %v", err)
	}
	for what, err := range map[string]error{
		"invites":  ignore(w.app.Invite(ctx, admin, app.InvitationInput{Email: "kim@example.com", Role: app.Member})),
		"promotes": w.app.ChangeRole(ctx, admin, w.member.UserID, app.Admin),
		"removes":  w.app.RemoveMember(ctx, admin, w.member.UserID),
		"leaves":   w.app.Leave(ctx, admin),
	} {
		if !errors.Is(err, app.ErrNotFound) {
			t.Errorf("a request of theirs that began before %s: %v", what, err)
		}
	}
	if n := ask[int](w, "SELECT count(*) FROM messages WHERE state = 'waiting'"); n != 0 {
		t.Errorf("%d messages still wait", n)
	}
	if n := ask[int](w, "SELECT count(*) FROM invitations WHERE accepted_at = 0 AND revoked_at = 0"); n != written {
		t.Error("an invitation that they wrote still works")
	}
	// They may come back.
	must(t, ignore(w.app.AcceptInvitation(ctx, admin.UserID, w.token("ada@example.com", app.Accountant))))
	if actor, err := w.app.ActorIn(ctx, admin.UserID, w.owner.Workspace.Slug); err != nil || actor.Role != app.Accountant {
		t.Errorf("after a new invitation: %s, %v", actor.Role, err)
	}
}

// D1, D3: a link works once, for seven days, until it is revoked or another is sent.
func TestInvitationsWorkOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	kim := w.user("Kim", "kim@example.com")
	const email = "kim@example.com"
	refused := func(what, token string) {
		t.Helper()
		if _, err := w.app.InvitationOf(ctx, token); err == nil || err.Error() != app.ErrNotFound.Error() {
			t.Errorf("%s, looked at: %v", what, err)
		}
		if _, err := w.app.AcceptInvitation(ctx, kim, token); err == nil || err.Error() != app.ErrNotFound.Error() {
			t.Errorf("%s, accepted: %v", what, err)
		}
		if _, _, err := w.app.AcceptAsNew(ctx, token, "Kim", secret); err == nil || err.Error() != app.ErrNotFound.Error() {
			t.Errorf("%s, by somebody new: %v", what, err)
		}
		if got := w.roleOf(kim); got != "" {
			t.Errorf("%s: they are %s", what, got)
		}
	}

	revoked := w.token(email, app.Admin)
	if !strings.HasPrefix(revoked, "trk_inv_") || len(revoked) != len("trk_inv_")+43 {
		t.Errorf("a token of %d characters: %.12s…", len(revoked), revoked)
	}
	if dump := w.dump(w.owner.WorkspaceID); strings.Contains(dump, revoked) || !strings.Contains(dump, auth.HashToken(revoked)) {
		t.Error("the token rests in the database, or its hash does not")
	}
	must(t, w.app.RevokeInvitation(ctx, w.owner, w.invitationID(email)))
	refused("a revoked one", revoked)

	older := w.token(email, app.Admin)
	link, err := w.app.ResendInvitation(ctx, w.owner, w.invitationID(email))
	must(t, err)
	refused("one that was sent again", older)
	again := tokenOf(link)
	newer := w.token(email, app.Member)
	refused("one after which another was written", again)

	w.clock.advance(7*24*time.Hour + time.Minute)
	refused("one that is too old", newer)
	link, err = w.app.ResendInvitation(ctx, w.owner, w.invitationID(email))
	must(t, err)
	token := tokenOf(link)
	for what, guess := range map[string]string{
		"nothing": "", "a shorter one": token[:len(token)-1], "a longer one": token + "A", "a pattern": "trk_inv_%", "any": "%", "its hash": auth.HashToken(token),
		"without its prefix": strings.TrimPrefix(token, "trk_inv_"), "in capitals": strings.ToUpper(token), "an injection": "' OR '1'='1", "with a zero": token + "\x00",
	} {
		refused(what, guess)
	}

	// Many at once use it once.
	var wg sync.WaitGroup
	var mu sync.Mutex
	joined := 0
	for range 8 {
		wg.Go(func() {
			if _, err := w.app.AcceptInvitation(ctx, kim, token); err == nil {
				mu.Lock()
				joined++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if joined != 1 || w.roleOf(kim) != app.Member {
		t.Errorf("used %d times, they are %q", joined, w.roleOf(kim))
	}
	must(t, w.app.RemoveMember(ctx, w.owner, kim))
	refused("a used one", token)
	if _, err := w.app.ResendInvitation(ctx, w.owner, ask[string](w, "SELECT id FROM invitations WHERE accepted_at > 0")); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("an accepted one is sent again: %v", err)
	}
}

func (w *world) invitationID(email string) string {
	return ask[string](w, "SELECT id FROM invitations WHERE email = ? AND accepted_at = 0 AND revoked_at = 0", email)
}

// D2: an invitation is for the address that it was sent to.
func TestInvitationsAreForOneAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	token := w.token("Kim@Example.com ", app.Member)
	other := w.user("Lee", "lee@example.com")
	if _, err := w.app.AcceptInvitation(ctx, other, token); !errors.Is(err, app.ErrOtherAccount) || w.roleOf(other) != "" {
		t.Errorf("somebody else: %v", err)
	}
	// Nobody has an account yet: the link makes one, with its address confirmed.
	var wrong billing.FieldErrors
	if _, _, err := w.app.AcceptAsNew(ctx, token, " ", "short"); !errors.As(err, &wrong) || wrong["name"] == "" || wrong["password"] == "" {
		t.Errorf("without a name and a password: %v", err)
	}
	user, slug, err := w.app.AcceptAsNew(ctx, token, "Kim", secret)
	must(t, err)
	if user.Email != "kim@example.com" || slug != w.owner.Workspace.Slug || w.roleOf(user.ID) != app.Member {
		t.Errorf("%+v in %s is %q", user, slug, w.roleOf(user.ID))
	}
	if ask[int64](w, "SELECT confirmed_at FROM users WHERE id = ?", user.ID) == 0 {
		t.Error("the address is not confirmed")
	}
	// Who has an account does not get another, or another password.
	lees := w.token("lee@example.com", app.Admin)
	before := ask[string](w, "SELECT password_hash FROM users WHERE id = ?", other)
	if _, _, err := w.app.AcceptAsNew(ctx, lees, "Mallory", secret); !errors.Is(err, app.ErrConflict) || w.roleOf(other) != "" {
		t.Errorf("a new account over an old one: %v", err)
	}
	if ask[string](w, "SELECT password_hash FROM users WHERE id = ?", other) != before {
		t.Error("the password is another")
	}
	w.exec("UPDATE users SET disabled_at = 1 WHERE id = ?", other)
	if _, err := w.app.AcceptInvitation(ctx, other, lees); err == nil || w.roleOf(other) != "" {
		t.Errorf("a disabled user joins: %v", err)
	}
}

// D4: who is in the team already is invited in vain, and stays what they are.
func TestInvitingAMember(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	var wrong billing.FieldErrors
	err := ignore(w.app.Invite(ctx, w.owner, app.InvitationInput{Email: " JON@example.com", Role: app.Admin}))
	if !errors.As(err, &wrong) || wrong["email"] != "Jon Bell is in the team already" {
		t.Errorf("a member is invited: %v", err)
	}
	// They joined in another way since the invitation was written.
	kim := w.user("Kim", "kim@example.com")
	token := w.token("kim@example.com", app.Owner)
	must(t, w.app.AddMember(ctx, w.owner.WorkspaceID, kim, app.Accountant))
	must(t, ignore(w.app.AcceptInvitation(ctx, kim, token)))
	if got := w.roleOf(kim); got != app.Accountant {
		t.Errorf("an accountant who accepts is %s", got)
	}
	if n := ask[int](w, "SELECT count(*) FROM messages"); n != 1 {
		t.Errorf("%d messages were written", n)
	}
}

// D5: nobody's mailbox is flooded.
func TestInvitationsAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	id := w.invite("kim@example.com", app.Member)
	var tooMany *auth.TooMany
	for n := 2; ; n++ {
		err := ignore(w.app.ResendInvitation(ctx, w.owner, id))
		if errors.As(err, &tooMany) {
			if n != 6 {
				t.Errorf("refused at message %d to one address", n)
			}
			break
		}
		must(t, err)
	}
	hash := ask[string](w, "SELECT hash FROM invitations WHERE id = ?", id)
	sent := 5
	for n := range 1000 {
		err := ignore(w.app.Invite(ctx, w.owner, app.InvitationInput{Email: strings.Repeat("a", n%60+1) + "@" + strings.Repeat("b", n/60+1) + ".example", Role: app.Member}))
		if err == nil {
			sent++
		} else if tooMany = nil; !errors.As(err, &tooMany) || tooMany.RetryAfter <= 23*time.Hour || tooMany.RetryAfter > 24*time.Hour {
			t.Fatalf("invitation %d: %v", n, err)
		}
	}
	if n := ask[int](w, "SELECT count(*) FROM messages"); sent != 50 || n != 50 {
		t.Errorf("%d sent, %d messages", sent, n)
	}
	if ask[string](w, "SELECT hash FROM invitations WHERE id = ?", id) != hash {
		t.Error("a link that could not be sent again ended")
	}
	w.clock.advance(24*time.Hour + time.Minute)
	must(t, ignore(w.app.ResendInvitation(ctx, w.owner, id)))
}

// The mail says who invites whom to what, and its link is the one that works.
func TestInvitationMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.invite("kim@example.com", app.Accountant)
	got := ask[string](w, "SELECT recipient || '|' || subject || '|' || path || '|' || state || '|' || body FROM messages")
	for _, want := range []string{"kim@example.com|Mira Osei invites you to Northlight Studio|/invite?token=|waiting|", "Mira Osei (mira@example.com)", "as an accountant", "{link}"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
	must(t, ignore(w.app.ResendInvitation(context.Background(), w.owner, w.invitationID("kim@example.com"))))
	if n := ask[int](w, "SELECT count(*) FROM messages WHERE state = 'waiting'"); n != 1 {
		t.Errorf("%d messages wait: one says a link that leads nowhere", n)
	}
	must(t, w.app.RevokeInvitation(context.Background(), w.owner, w.invitationID("kim@example.com")))
	if n := ask[int](w, "SELECT count(*) FROM messages WHERE state = 'waiting' OR secret IS NOT NULL"); n != 0 {
		t.Errorf("%d messages wait, or hold a secret, after it was revoked", n)
	}
	if n := ask[int](w, "SELECT count(*) FROM audit_log WHERE action IN ('invite', 'resend invitation', 'revoke invitation') AND user_id = ? AND workspace_id = ?", w.owner.UserID, w.owner.WorkspaceID); n != 3 {
		t.Errorf("%d records of it", n)
	}
}
