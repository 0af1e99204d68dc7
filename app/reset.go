package app

import (
	"context"

	"trak/auth"
	"trak/billing"
	"trak/db"
)

// ResetOpen says whether a link for a new password works, else ErrNotFound.
func (a *App) ResetOpen(ctx context.Context, token string) error {
	return a.db.View(ctx, db.System, func(q *db.Queries) error { return a.tokenOpen(ctx, q, passwordToken, token) })
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
		taken, err := useToken(ctx, tx, passwordToken, token)
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
