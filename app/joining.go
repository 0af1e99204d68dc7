package app

import (
	"context"
	"database/sql"
	"errors"

	"trak/auth"
	"trak/billing"
	"trak/db"
)

// OpenInvitation is an invitation as the one who has its link sees it.
type OpenInvitation struct {
	Email, Workspace, Inviter string
	Role                      Role
	ExpiresAt                 int64 // Unix microseconds
	// Known says that there is an account with the address. Whoever has the link has the address.
	Known bool
}

// InvitationOf is the one that a token belongs to. ErrNotFound alike when there is none, and when
// it was used, revoked, sent again, or is too old.
func (a *App) InvitationOf(ctx context.Context, token string) (o OpenInvitation, err error) {
	err = a.db.View(ctx, db.System, func(q *db.Queries) error {
		inv, err := invitationByToken(ctx, q, token, a.nowMicro())
		if err != nil {
			return err
		}
		o = OpenInvitation{Email: inv.Email, Workspace: inv.Workspace, Inviter: inv.Inviter, Role: Role(inv.Role), ExpiresAt: inv.ExpiresAt}
		_, err = q.UserByEmail(ctx, inv.Email)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		o.Known = true
		return err
	})
	return o, wrapUnlessTold("look up invitation", err)
}

func invitationByToken(ctx context.Context, q *db.Queries, token string, now int64) (db.InvitationByHashRow, error) {
	inv, err := q.InvitationByHash(ctx, db.InvitationByHashParams{Hash: auth.HashToken(token), Now: now})
	if errors.Is(err, sql.ErrNoRows) {
		return inv, ErrNotFound
	}
	return inv, err
}

// AcceptInvitation makes the user, whose address must be the invited one, a member, and uses the
// token up. Who is a member already stays what they are. Returns the slug of the workspace,
// ErrOtherAccount, or ErrNotFound as InvitationOf.
func (a *App) AcceptInvitation(ctx context.Context, userID, token string) (slug string, err error) {
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		user, err := tx.UserByID(ctx, userID)
		if err != nil {
			return err
		}
		if user.DisabledAt != 0 {
			return ErrSignedOut
		}
		inv, err := invitationByToken(ctx, tx.Queries, token, tx.Now())
		if err != nil {
			return err
		}
		if user.Email != inv.Email {
			return ErrOtherAccount
		}
		slug = inv.Slug
		return a.join(ctx, tx, user.ID, inv, token)
	})
	if err != nil {
		return "", wrapUnlessTold("accept invitation", err)
	}
	return slug, nil
}

// AcceptAsNew makes an account for the invited address, which the link confirms, and a member of
// it, and uses the token up, all or nothing. Returns the workspace's slug, billing.FieldErrors for
// name and password, or ErrNotFound as InvitationOf. Who has an account signs in instead:
// ErrConflict.
func (a *App) AcceptAsNew(ctx context.Context, token, name, password string) (user User, slug string, err error) {
	open, err := a.InvitationOf(ctx, token)
	if err != nil {
		return User{}, "", err
	}
	if open.Known {
		return User{}, "", ErrConflict
	}
	in := NewUser{Email: open.Email, Name: name, Password: password}
	if err := in.check().Err(); err != nil {
		return User{}, "", err
	}
	hash, err := a.hashPassword(ctx, password)
	if err != nil {
		return User{}, "", err
	}
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		inv, err := invitationByToken(ctx, tx.Queries, token, tx.Now())
		if err != nil {
			return err
		}
		if user, err = insertUser(ctx, tx, in, hash); err != nil {
			if errors.As(err, new(billing.FieldErrors)) { // made since the look above
				return ErrConflict
			}
			return err
		}
		slug = inv.Slug
		return a.join(ctx, tx, user.ID, inv, token)
	})
	if err != nil {
		return User{}, "", wrapUnlessTold("accept invitation", err)
	}
	return user, slug, nil
}

// join uses an invitation up, once, and makes the user a member.
func (a *App) join(ctx context.Context, tx *db.Tx, userID string, inv db.InvitationByHashRow, token string) error {
	used, err := tx.UseInvitation(ctx, db.UseInvitationParams{
		WorkspaceID: inv.WorkspaceID, ID: inv.ID, Hash: auth.HashToken(token), Now: tx.Now(), AcceptedBy: &userID,
	})
	if err != nil {
		return err
	}
	if used != 1 {
		return ErrNotFound
	}
	if err := dropInvitationMail(ctx, tx, inv.WorkspaceID, inv.Email); err != nil {
		return err
	}
	actor := Actor{UserID: userID, WorkspaceID: inv.WorkspaceID}
	if err := record(ctx, tx, actor, "accept invitation", "invitation "+inv.ID, nil, invited(inv.Email, Role(inv.Role))); err != nil {
		return err
	}
	_, err = member(ctx, tx, inv.WorkspaceID, userID)
	if errors.Is(err, ErrNotFound) {
		err = a.addMember(ctx, tx, inv.WorkspaceID, userID, Role(inv.Role))
	}
	if err != nil {
		return err
	}
	return tx.SetUserLastWorkspace(ctx, db.SetUserLastWorkspaceParams{ID: userID, LastWorkspaceID: &inv.WorkspaceID})
}

// wrapUnlessTold says what was being done, unless the error is for the person who did it.
func wrapUnlessTold(doing string, err error) error {
	var tooMany *auth.TooMany
	for _, told := range []error{ErrForbidden, ErrConflict, ErrSignedOut, ErrOtherAccount} {
		if errors.Is(err, told) {
			return err
		}
	}
	if err == nil || errors.As(err, &tooMany) {
		return err
	}
	return wrapUnlessInput(doing, err)
}
