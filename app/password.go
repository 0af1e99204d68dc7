package app

import (
	"context"
	"errors"
	"fmt"

	"trak/auth"
	"trak/billing"
	"trak/db"
)

// ChangePassword gives a user another password, for which it asks the present one. All sessions
// but the one with the handle end, and so do links that were mailed before. ip is where they ask
// from. Returns billing.FieldErrors for current and password, or *auth.TooMany.
func (a *App) ChangePassword(ctx context.Context, userID, current, password, ip, handle string) error {
	errs := billing.FieldErrors{}
	errs.Check("password", auth.CheckPassword(password))
	if password == current {
		errs.Add("password", "Choose another one than now")
	}
	switch err := a.ConfirmPassword(ctx, userID, current, ip); {
	case errors.Is(err, ErrWrongSignIn):
		errs.Add("current", "This is not your password")
	case err != nil:
		return err
	}
	if err := errs.Err(); err != nil {
		return err
	}
	hash, err := a.hashPassword(ctx, password)
	if err != nil {
		return err
	}
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error { return a.setPassword(ctx, tx, userID, hash, handle) })
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	return nil
}

// setPassword stores a new password and ends what the old one had opened: all sessions but that
// with the handle, which may be "", and links that were mailed.
func (a *App) setPassword(ctx context.Context, tx *db.Tx, userID, hash, handle string) error {
	if err := tx.SetUserPassword(ctx, db.SetUserPasswordParams{ID: userID, PasswordHash: hash}); err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if err := a.endSessions(ctx, tx, userID, handle); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	if err := tx.DeleteTokensOfUser(ctx, &userID); err != nil {
		return fmt.Errorf("drop links: %w", err)
	}
	if err := a.tell(ctx, tx, userID, "Your password was changed", "The password of your Trak account was changed."); err != nil {
		return err
	}
	return record(ctx, tx, Actor{UserID: userID}, "change password", "user "+userID, nil, nil)
}

// ConfirmPassword says whether it is still the person who is signed in, by their password:
// otherwise ErrWrongSignIn, or *auth.TooMany after too many tries, which count together with those
// of signing in.
func (a *App) ConfirmPassword(ctx context.Context, userID, password, ip string) error {
	user, err := a.userRow(ctx, userID)
	if err != nil {
		return err
	}
	if err := a.limits.Allow(auth.Confirm, user.Email, ip); err != nil {
		return err
	}
	ok, _, err := a.checkPassword(ctx, password, user.PasswordHash)
	if err != nil {
		return err
	}
	if !ok {
		return a.refused(ctx, userID, ErrWrongSignIn)
	}
	a.limits.Succeeded(auth.Confirm, user.Email, ip)
	return nil
}

// refused leaves a record that somebody who is signed in could not show who they are, and returns
// the error.
func (a *App) refused(ctx context.Context, userID string, refusal error) error {
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		return record(ctx, tx, Actor{UserID: userID}, "fail to confirm", "user "+userID, nil, nil)
	})
	if err != nil {
		return fmt.Errorf("record a refusal: %w", err)
	}
	return refusal
}

// tell mails a person what was changed about their account, whoever has done it.
func (a *App) tell(ctx context.Context, tx *db.Tx, userID, subject, what string) error {
	user, err := tx.UserByID(ctx, userID)
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	return a.post(ctx, tx, Message{
		UserID: userID, Kind: "account", To: user.Email, Subject: subject,
		Body: "Hello " + user.Name + ",\n\n" + what + "\n\nIf that was not you, tell whoever runs your Trak at once.\n",
	})
}
