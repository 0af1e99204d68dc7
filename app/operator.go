package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"trak/auth"
	"trak/billing"
	"trak/db"
)

// What the operator does by command, who may do everything: it asks for no permission.

// Errors of the operator's commands.
var (
	ErrNoSuchUser      = errors.New("nobody has an account with this email")
	ErrNoSuchWorkspace = errors.New("there is no workspace with this name in its address")
	ErrDisabled        = errors.New("the account is disabled; enable it first")
)

// UserRow is a user as the operator's list shows them. Times are Unix microseconds, 0 = never.
type UserRow struct {
	ID           string           `json:"id"`
	Email        string           `json:"email"`
	Name         string           `json:"name"`
	CreatedAt    int64            `json:"created_at"`
	Confirmed    bool             `json:"confirmed"`
	DisabledAt   int64            `json:"disabled_at"`
	SecondFactor bool             `json:"second_factor"`
	Workspaces   []UserMembership `json:"workspaces"`
}

// UserMembership is what a user is in a workspace.
type UserMembership struct {
	Slug string `json:"slug"`
	Role Role   `json:"role"`
}

// WorkspaceRow is a workspace as the operator's list shows it.
type WorkspaceRow struct {
	ID        string `json:"id"`
	Slug      string `json:"slug"`
	Name      string `json:"name"`
	CreatedAt int64  `json:"created_at"`
	DeletedAt int64  `json:"deleted_at"`
	People    int64  `json:"people"`
}

// ListUsers lists all users by email, with what they are where.
func ListUsers(ctx context.Context, d *db.DB) (list []UserRow, err error) {
	err = d.View(ctx, db.System, func(q *db.Queries) error {
		users, err := q.AllUsers(ctx)
		if err != nil {
			return err
		}
		memberships, err := q.AllMemberships(ctx)
		if err != nil {
			return err
		}
		of := map[string][]UserMembership{}
		for _, m := range memberships {
			of[m.UserID] = append(of[m.UserID], UserMembership{m.Slug, Role(m.Role)})
		}
		list = make([]UserRow, 0, len(users))
		for _, u := range users {
			list = append(list, UserRow{
				ID: u.ID, Email: u.Email, Name: u.Name, CreatedAt: u.CreatedAt, Confirmed: u.ConfirmedAt != 0, DisabledAt: u.DisabledAt,
				SecondFactor: u.TotpOnAt != 0, Workspaces: of[u.ID],
			})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return list, nil
}

// ListWorkspaces lists all workspaces by slug.
func ListWorkspaces(ctx context.Context, d *db.DB) (list []WorkspaceRow, err error) {
	err = d.View(ctx, db.System, func(q *db.Queries) error {
		rows, err := q.WorkspacesAndPeople(ctx)
		list = make([]WorkspaceRow, 0, len(rows))
		for _, r := range rows {
			list = append(list, WorkspaceRow(r))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list workspaces: %w", err)
	}
	return list, nil
}

// The one-time token with which somebody chooses a new password works for half an hour.
const (
	passwordToken = "password"
	passwordValid = 30 * time.Minute
	passwordPath  = "/signin/reset?token="
)

// OperatorNewUser is who the operator makes an account for.
type OperatorNewUser struct {
	Email    string `json:"email"`
	Name     string `json:"name"`
	Password string `json:"password"` // "" = they choose it by a link
}

// OperatorCreateUser makes an account, which belongs to no workspace yet. Without a password it
// returns the link with which one is chosen. Returns billing.FieldErrors for name, email and password.
func (a *App) OperatorCreateUser(ctx context.Context, in OperatorNewUser) (link string, err error) {
	user := NewUser(in)
	if in.Password == "" {
		user.Password = auth.NewToken() // nobody learns it
	}
	if err := user.check().Err(); err != nil {
		return "", err
	}
	hash, err := a.hashPassword(ctx, user.Password)
	if err != nil {
		return "", err
	}
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		u, err := insertUser(ctx, tx, user, hash)
		if err != nil {
			return err
		}
		if err := record(ctx, tx, Actor{}, "operator.create_user", "user "+u.ID, nil, map[string]string{"email": u.Email, "name": u.Name}); err != nil {
			return err
		}
		if in.Password != "" {
			return nil
		}
		link, err = a.passwordLink(ctx, tx, u.ID)
		return err
	})
	if err != nil {
		return "", wrapUnlessInput("create user", err)
	}
	return link, nil
}

// OperatorResetPassword gives somebody a new password and ends all their sessions; or without one
// it returns the link, which works once within half an hour, by which they choose it. Links of
// before stop working. Returns ErrNoSuchUser, ErrDisabled, or billing.FieldErrors for password.
func (a *App) OperatorResetPassword(ctx context.Context, email, password string) (link string, err error) {
	hash := ""
	if password != "" {
		errs := billing.FieldErrors{}
		errs.Check("password", auth.CheckPassword(password))
		if err := errs.Err(); err != nil {
			return "", err
		}
		if hash, err = a.hashPassword(ctx, password); err != nil {
			return "", err
		}
	}
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		u, err := operatorsUser(ctx, tx, email)
		if err != nil {
			return err
		}
		if u.DisabledAt != 0 {
			return ErrDisabled
		}
		if err := tx.DeleteTokensOfUser(ctx, &u.ID); err != nil {
			return err
		}
		if hash == "" {
			if link, err = a.passwordLink(ctx, tx, u.ID); err != nil {
				return err
			}
			return record(ctx, tx, Actor{}, "operator.reset_link", "user "+u.ID, nil, nil)
		}
		if err := tx.SetUserPassword(ctx, db.SetUserPasswordParams{ID: u.ID, PasswordHash: hash}); err != nil {
			return err
		}
		if err := a.endSessions(ctx, tx, u.ID, ""); err != nil {
			return err
		}
		return record(ctx, tx, Actor{}, "operator.reset_password", "user "+u.ID, nil, nil)
	})
	return link, unlessKnown("reset password", err)
}

// passwordLink makes the one-time link by which somebody chooses a new password.
func (a *App) passwordLink(ctx context.Context, tx *db.Tx, userID string) (string, error) {
	token := auth.NewToken()
	err := tx.InsertPersonalToken(ctx, db.InsertPersonalTokenParams{
		Hash: auth.HashToken(token), Kind: passwordToken, UserID: &userID, CreatedAt: tx.Now(), ExpiresAt: tx.Now() + passwordValid.Microseconds(),
	})
	if err != nil {
		return "", fmt.Errorf("make the link: %w", err)
	}
	return a.url + passwordPath + url.QueryEscape(token), nil
}

// OperatorDisable keeps somebody out, at once and by every way in: their sessions end, links that
// were mailed to them lead nowhere, and no password, passkey or invitation lets them in. What they
// did stays. It returns the slugs of workspaces that are left without an owner. enable takes it
// back; they sign in anew then. Returns ErrNoSuchUser.
func (a *App) OperatorDisable(ctx context.Context, email string, enable bool) (ownerless []string, err error) {
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		u, err := operatorsUser(ctx, tx, email)
		if err != nil {
			return err
		}
		action, at := "operator.disable", tx.Now()
		if enable {
			action, at = "operator.enable", 0
		}
		if (u.DisabledAt != 0) != enable {
			return nil // it is so already
		}
		if err := tx.SetUserDisabled(ctx, db.SetUserDisabledParams{ID: u.ID, DisabledAt: at}); err != nil {
			return err
		}
		if err := a.endSessions(ctx, tx, u.ID, ""); err != nil {
			return err
		}
		if err := tx.DeleteTokensOfUser(ctx, &u.ID); err != nil {
			return err
		}
		if !enable {
			if err := tx.DropMessagesOfDisabled(ctx, &u.ID); err != nil {
				return err
			}
			if ownerless, err = tx.WorkspacesOwnedAlone(ctx, u.ID); err != nil {
				return err
			}
		}
		return record(ctx, tx, Actor{}, action, "user "+u.ID, map[string]bool{"disabled": enable}, map[string]bool{"disabled": !enable})
	})
	return ownerless, unlessKnown("disable user", err)
}

// OperatorMakeOwner makes somebody an owner of a workspace, whether they were in it or not. Returns
// ErrNoSuchUser, ErrNoSuchWorkspace or ErrDisabled.
func (a *App) OperatorMakeOwner(ctx context.Context, email, slug string) error {
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		u, err := operatorsUser(ctx, tx, email)
		if err != nil {
			return err
		}
		if u.DisabledAt != 0 {
			return ErrDisabled
		}
		w, err := tx.WorkspaceBySlug(ctx, slug)
		if errors.Is(err, sql.ErrNoRows) || err == nil && w.DeletedAt != 0 {
			return ErrNoSuchWorkspace
		}
		if err != nil {
			return err
		}
		was, err := tx.RoleOf(ctx, db.RoleOfParams{WorkspaceID: w.ID, UserID: u.ID})
		switch {
		case errors.Is(err, sql.ErrNoRows):
			err = enrol(ctx, tx, w.ID, u.ID, Owner)
		case err == nil && was == string(Owner):
			return nil
		case err == nil:
			_, err = tx.SetMemberRole(ctx, db.SetMemberRoleParams{WorkspaceID: w.ID, UserID: u.ID, Role: string(Owner)})
		}
		if err != nil {
			return err
		}
		tx.AfterCommit(a.actors.drop)
		return record(ctx, tx, Actor{WorkspaceID: w.ID}, "operator.make_owner", "user "+u.ID, map[string]string{"role": was}, map[string]string{"role": string(Owner)})
	})
	return unlessKnown("make owner", err)
}

func operatorsUser(ctx context.Context, tx *db.Tx, email string) (db.User, error) {
	u, err := tx.UserByEmail(ctx, normalEmail(email))
	if errors.Is(err, sql.ErrNoRows) {
		return u, ErrNoSuchUser
	}
	return u, err
}

// unlessKnown says what was being done, unless the error says enough by itself.
func unlessKnown(doing string, err error) error {
	for _, known := range []error{ErrNoSuchUser, ErrNoSuchWorkspace, ErrDisabled} {
		if errors.Is(err, known) {
			return known
		}
	}
	if err == nil || errors.As(err, new(billing.FieldErrors)) {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}
