package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"trak/auth"
	"trak/billing"
	"trak/db"
)

// ResetOpen says whether a link for a new password works, else ErrNotFound.
func (a *App) ResetOpen(ctx context.Context, token string) error {
	err := a.db.View(ctx, db.System, func(q *db.Queries) error {
		_, err := q.FindToken(ctx, db.FindTokenParams{Hash: auth.HashToken(token), Kind: passwordToken, Now: a.nowMicro()})
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("look up a link for a new password: %w", err)
	}
	return nil
}

// ResetPassword gives whoever has the link another password, ends all their sessions, and uses the
// link up: of two at once one wins. Returns ErrNotFound for a link that does not work (any more) and
// billing.FieldErrors for the field password, after which the link still works. A second factor stays.
func (a *App) ResetPassword(ctx context.Context, token, password string) error {
	if err := a.ResetOpen(ctx, token); err != nil {
		return err
	}
	errs := billing.FieldErrors{}
	errs.Check("password", auth.CheckPassword(password))
	if err := errs.Err(); err != nil {
		return err
	}
	hash, err := a.hashPassword(ctx, password)
	if err != nil {
		return err
	}
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		taken, err := tx.TakeToken(ctx, db.TakeTokenParams{Hash: auth.HashToken(token), Kind: passwordToken, Now: tx.Now()})
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		user, err := tx.UserByID(ctx, *taken.UserID)
		if err != nil {
			return err
		}
		if user.DisabledAt != 0 {
			return ErrNotFound
		}
		return a.setPassword(ctx, tx, user.ID, hash, "")
	})
	if err != nil {
		return wrapUnlessInput("reset password", err)
	}
	return nil
}
