package app

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"trak/auth"
	"trak/db"
)

// setupToken is the kind of the one-time token of the set-up link, which works for a day.
const (
	setupToken = "setup"
	setupValid = 24 * time.Hour
)

// SetupLink makes the one-time link with which the first user sets Trak up, and returns its
// path. An older link stops working. When there is a user, it makes none and returns "".
func (a *App) SetupLink(ctx context.Context) (path string, err error) {
	token := auth.NewToken()
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		path = ""
		if err := tx.DeleteOneTimeTokens(ctx, setupToken); err != nil {
			return err
		}
		users, err := tx.CountUsers(ctx)
		if err != nil || users > 0 {
			return err
		}
		path = "/setup?token=" + url.QueryEscape(token)
		return tx.InsertOneTimeToken(ctx, db.InsertOneTimeTokenParams{
			Hash: auth.HashToken(token), Kind: setupToken, ExpiresAt: tx.Now() + setupValid.Microseconds(),
		})
	})
	if err != nil {
		return "", fmt.Errorf("make set-up link: %w", err)
	}
	return path, nil
}

// SetupOpen says whether the token is that of the current set-up link, else ErrNotFound.
func (a *App) SetupOpen(ctx context.Context, token string) error {
	return a.db.View(ctx, db.System, func(q *db.Queries) error {
		if err := a.tokenOpen(ctx, q, setupToken, token); err != nil {
			return err
		}
		users, err := q.CountUsers(ctx)
		if err != nil {
			return fmt.Errorf("count users: %w", err)
		}
		if users > 0 {
			return ErrNotFound
		}
		return nil
	})
}

// SetupInput is what the first user enters.
type SetupInput struct {
	Name, Email, Password string
	// The workspace.
	Workspace, Country, Currency, TimeZone, Locale string
}

// Setup makes the first user and their workspace, and uses the token up, all or nothing. Of two
// at once one wins, and the other gets ErrNotFound. Returns billing.FieldErrors for the fields
// name, email, password, workspace, country, currency and time_zone.
func (a *App) Setup(ctx context.Context, token string, in SetupInput) (User, Workspace, error) {
	if err := a.SetupOpen(ctx, token); err != nil {
		return User{}, Workspace{}, err
	}
	newUser := NewUser{Email: in.Email, Name: in.Name, Password: in.Password}
	newWorkspace := NewWorkspace{Name: in.Workspace, Country: in.Country, Currency: in.Currency, TimeZone: in.TimeZone, Locale: in.Locale}
	errs := newUser.check()
	errs.Merge(newWorkspace.check())
	if err := errs.Err(); err != nil {
		return User{}, Workspace{}, err
	}
	hash, err := a.hashPassword(ctx, in.Password)
	if err != nil {
		return User{}, Workspace{}, err
	}
	var user User
	var workspace Workspace
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		if _, err := useToken(ctx, tx, setupToken, token); err != nil {
			return err
		}
		users, err := tx.CountUsers(ctx)
		if err != nil {
			return err
		}
		if users > 0 {
			return ErrNotFound
		}
		if user, err = insertUser(ctx, tx, newUser, hash); err != nil {
			return err
		}
		workspace, err = a.insertWorkspace(ctx, tx, user.ID, newWorkspace)
		return err
	})
	if err != nil {
		return User{}, Workspace{}, wrapUnlessInput("set up", err)
	}
	user.LastWorkspaceID = workspace.ID
	return user, workspace, nil
}
