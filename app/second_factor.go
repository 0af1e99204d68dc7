package app

import (
	"context"
	"errors"
	"fmt"

	"trak/auth"
	"trak/billing"
	"trak/db"
)

// recoveryCodes is how many a person gets, to use one at a time when the app is not at hand.
const recoveryCodes = 10

// ErrWrongCode is a code that is not right, was used before, or is of another time.
var ErrWrongCode = errors.New("wrong code")

// SecondFactor is how somebody's second factor stands.
type SecondFactor struct {
	On        bool
	SettingUp bool  // a key was made, and no code of it was given yet
	Codes     int64 // recovery codes that are left
}

// SecondFactorOf says how a user's second factor stands.
func (a *App) SecondFactorOf(ctx context.Context, userID string) (f SecondFactor, err error) {
	err = a.db.View(ctx, db.System, func(q *db.Queries) error {
		user, err := activeUser(ctx, q, userID)
		if err != nil {
			return err
		}
		f.On, f.SettingUp = user.TotpOnAt != 0, user.TotpOnAt == 0 && user.TotpSecret != nil
		f.Codes, err = q.CountRecoveryCodes(ctx, userID)
		return err
	})
	if err != nil {
		return SecondFactor{}, fmt.Errorf("read second factor: %w", err)
	}
	return f, nil
}

// BeginSecondFactor makes a key for an authenticator app. It is not asked for before a code of it
// was given to TurnOnSecondFactor. ErrConflict when the second factor is on.
func (a *App) BeginSecondFactor(ctx context.Context, userID string) error {
	user, err := a.userRow(ctx, userID)
	if err != nil {
		return err
	}
	key, err := auth.NewTOTPKey(user.Email)
	if err != nil {
		return err
	}
	sealed, err := a.secrets.Seal([]byte(key.URL()), totpPlace(userID))
	if err != nil {
		return err
	}
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		n, err := tx.BeginTOTP(ctx, db.BeginTOTPParams{ID: userID, Secret: sealed})
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrConflict
		}
		return record(ctx, tx, Actor{UserID: userID}, "begin second factor", "user "+userID, nil, nil)
	})
	if err != nil {
		return fmt.Errorf("begin second factor: %w", err)
	}
	return nil
}

// totpPlace is where a user's key for codes rests, for auth.Box.
func totpPlace(userID string) []byte { return []byte("users/totp_secret/" + userID) }

// NewSecondFactorKey is the key of a second factor that is being set up. ErrConflict when none is.
func (a *App) NewSecondFactorKey(ctx context.Context, userID string) (auth.TOTPKey, error) {
	user, err := a.userRow(ctx, userID)
	if err != nil {
		return auth.TOTPKey{}, err
	}
	if user.TotpOnAt != 0 || user.TotpSecret == nil {
		return auth.TOTPKey{}, ErrConflict
	}
	return a.openTOTP(user)
}

func (a *App) openTOTP(user db.User) (auth.TOTPKey, error) {
	url, err := a.secrets.Open(user.TotpSecret, totpPlace(user.ID))
	if err != nil {
		return auth.TOTPKey{}, fmt.Errorf("open key for codes of user %s: %w", user.ID, err)
	}
	return auth.ParseTOTPKey(string(url))
}

// TurnOnSecondFactor turns on the second factor that is being set up, given a code of its key, and
// returns the recovery codes, which are shown once: only their hashes stay. Returns
// billing.FieldErrors for code, *auth.TooMany, or ErrConflict when nothing is being set up.
func (a *App) TurnOnSecondFactor(ctx context.Context, userID, code, ip string) (codes []string, err error) {
	key, err := a.NewSecondFactorKey(ctx, userID)
	if err != nil {
		return nil, err
	}
	if err := a.limits.Allow(auth.SecondFactor, userID, ip); err != nil {
		return nil, err
	}
	step := key.Step(auth.PlainCode(code), a.now())
	if step == 0 {
		return nil, billing.FieldErrors{"code": "This is not the code that your app shows now"}
	}
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		n, err := tx.TurnOnTOTP(ctx, db.TurnOnTOTPParams{ID: userID, Now: tx.Now(), Step: step})
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrConflict
		}
		if codes, err = newRecoveryCodes(ctx, tx, userID); err != nil {
			return err
		}
		if err := a.tell(ctx, tx, userID, "Your second factor is on", "Signing in to your Trak account with the password asks for a code from now on."); err != nil {
			return err
		}
		return record(ctx, tx, Actor{UserID: userID}, "turn on second factor", "user "+userID, nil, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("turn on second factor: %w", err)
	}
	a.limits.Succeeded(auth.SecondFactor, userID, ip)
	return codes, nil
}

// newRecoveryCodes makes codes in the place of those before.
func newRecoveryCodes(ctx context.Context, tx *db.Tx, userID string) ([]string, error) {
	if err := tx.DeleteRecoveryCodes(ctx, userID); err != nil {
		return nil, fmt.Errorf("delete recovery codes: %w", err)
	}
	var codes []string
	for range recoveryCodes {
		code := auth.NewRecoveryCode()
		codes = append(codes, code)
		err := tx.InsertRecoveryCode(ctx, db.InsertRecoveryCodeParams{UserID: userID, Hash: auth.HashToken(auth.PlainCode(code))})
		if err != nil {
			return nil, fmt.Errorf("insert recovery code: %w", err)
		}
	}
	return codes, nil
}

// NewRecoveryCodes makes recovery codes in the place of those before, and returns them.
// ErrConflict when the second factor is off.
func (a *App) NewRecoveryCodes(ctx context.Context, userID string) (codes []string, err error) {
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		user, err := activeUser(ctx, tx.Queries, userID)
		if err != nil {
			return err
		}
		if user.TotpOnAt == 0 {
			return ErrConflict
		}
		if codes, err = newRecoveryCodes(ctx, tx, userID); err != nil {
			return err
		}
		return record(ctx, tx, Actor{UserID: userID}, "make recovery codes", "user "+userID, nil, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("make recovery codes: %w", err)
	}
	return codes, nil
}

// TurnOffSecondFactor asks for both factors once more. Returns billing.FieldErrors for current (the
// password) and code, *auth.TooMany, or ErrConflict when it is off.
func (a *App) TurnOffSecondFactor(ctx context.Context, userID, password, code, ip string) error {
	user, err := a.userRow(ctx, userID)
	if err != nil {
		return err
	}
	if user.TotpOnAt == 0 {
		return ErrConflict
	}
	err = a.ConfirmPassword(ctx, userID, password, ip)
	if err == nil { // a code is used up only with the right password
		err = a.ConfirmCode(ctx, userID, code, ip)
	}
	switch {
	case errors.Is(err, ErrWrongSignIn):
		return billing.FieldErrors{"current": "This is not your password"}
	case errors.Is(err, ErrWrongCode):
		return billing.FieldErrors{"code": "This code is not right, or was used before"}
	case err != nil:
		return err
	}
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		if err := dropSecondFactor(ctx, tx, userID); err != nil {
			return err
		}
		if err := a.tell(ctx, tx, userID, "Your second factor is off", "Signing in to your Trak account asks for the password alone from now on."); err != nil {
			return err
		}
		return record(ctx, tx, Actor{UserID: userID}, "turn off second factor", "user "+userID, nil, nil)
	})
	if err != nil {
		return fmt.Errorf("turn off second factor: %w", err)
	}
	return nil
}

func dropSecondFactor(ctx context.Context, tx *db.Tx, userID string) error {
	if err := tx.TurnOffTOTP(ctx, userID); err != nil {
		return fmt.Errorf("drop key for codes: %w", err)
	}
	if err := tx.DeleteRecoveryCodes(ctx, userID); err != nil {
		return fmt.Errorf("drop recovery codes: %w", err)
	}
	return nil
}

// FirstStep is what a session holds of somebody who has given the password and owes a code.
type FirstStep struct {
	UserID       string
	PasswordMark string // of the password that was given
}

// SignInWithCode is the second step of signing in: a code of the user's app, or a recovery code.
// ErrWrongCode for another one or one that was used, *auth.TooMany after too many tries, and
// ErrSignedOut when the first step no longer counts, since the password is another one by now.
func (a *App) SignInWithCode(ctx context.Context, first FirstStep, code, ip string) (User, error) {
	user, err := a.userRow(ctx, first.UserID)
	if err != nil {
		return User{}, err
	}
	if userOf(user).PasswordMark != first.PasswordMark {
		return User{}, ErrSignedOut
	}
	if err := a.checkCode(ctx, user.ID, code, ip, "sign in"); err != nil {
		return User{}, err
	}
	return userOf(user), nil
}

// ConfirmCode says whether it is still the person who is signed in, by a code as SignInWithCode
// takes them: otherwise ErrWrongCode, or *auth.TooMany after too many tries.
func (a *App) ConfirmCode(ctx context.Context, userID, code, ip string) error {
	return a.checkCode(ctx, userID, code, ip, "confirm")
}

// checkCode uses a code up and records what was done with it. All codes of a user are counted
// together, wherever they are asked for.
func (a *App) checkCode(ctx context.Context, userID, code, ip, action string) error {
	if err := a.limits.Allow(auth.SecondFactor, userID, ip); err != nil {
		return err
	}
	var ok bool
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) (err error) {
		if ok, err = a.useCode(ctx, tx, userID, auth.PlainCode(code)); err != nil {
			return err
		}
		done := action
		if !ok {
			done = "fail to " + action
		}
		return record(ctx, tx, Actor{UserID: userID}, done, "user "+userID, nil, nil)
	})
	if err != nil {
		return fmt.Errorf("check code: %w", err)
	}
	if !ok {
		return ErrWrongCode
	}
	a.limits.Succeeded(auth.SecondFactor, userID, ip)
	return nil
}

// useCode says whether the code is right, and uses it up in the same transaction: of two at once
// exactly one gets true.
func (a *App) useCode(ctx context.Context, tx *db.Tx, userID, code string) (bool, error) {
	user, err := activeUser(ctx, tx.Queries, userID)
	if err != nil || user.TotpOnAt == 0 {
		return false, err
	}
	key, err := a.openTOTP(user)
	if err != nil {
		return false, err
	}
	if step := key.Step(code, a.now()); step != 0 {
		n, err := tx.UseTOTPStep(ctx, db.UseTOTPStepParams{ID: userID, Step: step})
		return n == 1, err
	}
	n, err := tx.UseRecoveryCode(ctx, db.UseRecoveryCodeParams{UserID: userID, Hash: auth.HashToken(code), Now: tx.Now()})
	return n == 1, err
}
