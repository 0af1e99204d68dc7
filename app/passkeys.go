package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"trak/auth"
	"trak/billing"
	"trak/db"
)

// maxPasskeys bounds how many a person has.
const maxPasskeys = 20

// Passkey is one of a person's, as its list shows it.
type Passkey struct {
	ID, Name       string
	Added, LastUse int64 // Unix microseconds; 0 = never
}

// HasPasskeys says whether there can be passkeys at all: not where people reach Trak by an IP
// address. Without, the use-cases below return ErrNotFound.
func (a *App) HasPasskeys() bool { return a.passkeys != nil }

// PasskeysOf lists a user's passkeys.
func (a *App) PasskeysOf(ctx context.Context, userID string) ([]Passkey, error) {
	var list []Passkey
	err := a.db.View(ctx, db.System, func(q *db.Queries) error {
		rows, err := q.PasskeysOfUser(ctx, userID)
		for _, r := range rows {
			list = append(list, Passkey{ID: r.ID, Name: r.Name, Added: r.CreatedAt, LastUse: r.LastUsedAt})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	return list, nil
}

// BeginPasskey returns what a browser needs to make a passkey for a user, as JSON, and the
// challenge, which the session keeps for AddPasskey.
func (a *App) BeginPasskey(ctx context.Context, userID string) (options, challenge []byte, err error) {
	if a.passkeys == nil {
		return nil, nil, ErrNotFound
	}
	owner, err := a.passkeyOwner(ctx, userID)
	if err != nil {
		return nil, nil, err
	}
	return a.passkeys.BeginAdd(owner)
}

// passkeyOwner is a user with the passkeys they have. ErrSignedOut when they may not sign in.
func (a *App) passkeyOwner(ctx context.Context, userID string) (owner auth.PasskeyUser, err error) {
	err = a.db.View(ctx, db.System, func(q *db.Queries) error {
		user, err := activeUser(ctx, q, userID)
		if err != nil {
			return err
		}
		rows, err := q.PasskeysOfUser(ctx, userID)
		owner = auth.PasskeyUser{ID: user.ID, Name: user.Name, Email: user.Email}
		for _, r := range rows {
			owner.Credentials = append(owner.Credentials, r.Credential)
		}
		return err
	})
	if err != nil {
		return auth.PasskeyUser{}, fmt.Errorf("read passkeys: %w", err)
	}
	return owner, nil
}

// AddPasskey stores the passkey that a browser made. Returns billing.FieldErrors for name, or
// auth.ErrWrongPasskey when the answer is not in order.
func (a *App) AddPasskey(ctx context.Context, userID, name string, challenge, answer []byte) error {
	if a.passkeys == nil {
		return ErrNotFound
	}
	name, err := passkeyName(name)
	if err != nil {
		return err
	}
	owner, err := a.passkeyOwner(ctx, userID)
	if err != nil {
		return err
	}
	if len(owner.Credentials) >= maxPasskeys {
		return billing.FieldErrors{"name": fmt.Sprintf("You have %d passkeys. Remove one first", maxPasskeys)}
	}
	id, credential, err := a.passkeys.Add(owner, challenge, answer)
	if err != nil {
		return err
	}
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		if _, err := tx.PasskeyByID(ctx, id); !errors.Is(err, sql.ErrNoRows) {
			return errors.Join(auth.ErrWrongPasskey, err) // a device makes no id twice
		}
		err := tx.InsertPasskey(ctx, db.InsertPasskeyParams{ID: id, UserID: userID, Name: name, Credential: credential, CreatedAt: tx.Now()})
		if err != nil {
			return err
		}
		if err := a.tell(ctx, tx, userID, "A passkey was added", "The passkey “"+name+"” was added to your Trak account. It signs in without the password."); err != nil {
			return err
		}
		return record(ctx, tx, Actor{UserID: userID}, "add passkey", "user "+userID, nil, map[string]string{"name": name})
	})
	if err != nil {
		return fmt.Errorf("add passkey: %w", err)
	}
	return nil
}

func passkeyName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", billing.FieldErrors{"name": "Give it a name, such as that of the device"}
	case n > maxName:
		return "", billing.FieldErrors{"name": fmt.Sprintf("Use at most %d characters", maxName)}
	}
	return name, nil
}

// RenamePasskey gives a user's passkey another name. Returns billing.FieldErrors for name, or
// ErrNotFound for one that is not theirs.
func (a *App) RenamePasskey(ctx context.Context, userID, id, name string) error {
	name, err := passkeyName(name)
	if err != nil {
		return err
	}
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		n, err := tx.RenamePasskey(ctx, db.RenamePasskeyParams{UserID: userID, ID: id, Name: name})
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		return record(ctx, tx, Actor{UserID: userID}, "rename passkey", "user "+userID, nil, map[string]string{"name": name})
	})
	return wrapUnlessInput("rename passkey", err)
}

// RemovePasskey makes a user's passkey useless. ErrNotFound for one that is not theirs.
func (a *App) RemovePasskey(ctx context.Context, userID, id string) error {
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		n, err := tx.DeletePasskey(ctx, db.DeletePasskeyParams{UserID: userID, ID: id})
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		if err := a.tell(ctx, tx, userID, "A passkey was removed", "A passkey was removed from your Trak account. It no longer signs in."); err != nil {
			return err
		}
		return record(ctx, tx, Actor{UserID: userID}, "remove passkey", "user "+userID, nil, nil)
	})
	return wrapUnlessInput("remove passkey", err)
}

// BeginUsePasskey returns what a browser needs to let somebody choose a passkey, as JSON, and the
// challenge, which the session keeps for SignInWithPasskey or ConfirmPasskey.
func (a *App) BeginUsePasskey() (options, challenge []byte, err error) {
	if a.passkeys == nil {
		return nil, nil, ErrNotFound
	}
	return a.passkeys.BeginUse()
}

// SignInWithPasskey signs somebody in by what their browser answered, without a password or a code:
// the device has asked for as much. auth.ErrWrongPasskey when it proves nothing, for disabled users
// too; *auth.TooMany after too many of these from the address ip.
func (a *App) SignInWithPasskey(ctx context.Context, challenge, answer []byte, ip string) (User, error) {
	userID, err := a.usePasskey(ctx, challenge, answer, ip, "sign in with passkey")
	if err != nil {
		return User{}, err
	}
	return a.UserByID(ctx, userID)
}

// ConfirmPasskey says whether it is still the person who is signed in, by a passkey of theirs:
// otherwise auth.ErrWrongPasskey, or *auth.TooMany.
func (a *App) ConfirmPasskey(ctx context.Context, userID string, challenge, answer []byte, ip string) error {
	used, err := a.usePasskey(ctx, challenge, answer, ip, "confirm with passkey")
	if err == nil && used != userID {
		return auth.ErrWrongPasskey
	}
	return err
}

func (a *App) usePasskey(ctx context.Context, challenge, answer []byte, ip, action string) (userID string, err error) {
	if a.passkeys == nil {
		return "", ErrNotFound
	}
	if err := a.limits.AllowToken(ip); err != nil {
		return "", err
	}
	userID, id, credential, err := a.passkeys.Use(challenge, answer, func(id string) (auth.PasskeyUser, error) {
		return a.ownerOfPasskey(ctx, id)
	})
	if err != nil {
		a.limits.WrongToken(ip)
		return "", err
	}
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		n, err := tx.UsePasskey(ctx, db.UsePasskeyParams{UserID: userID, ID: id, Credential: credential, Now: tx.Now()})
		if err != nil {
			return err
		}
		if n == 0 {
			return auth.ErrWrongPasskey // removed meanwhile
		}
		return record(ctx, tx, Actor{UserID: userID}, action, "user "+userID, nil, nil)
	})
	if err != nil {
		return "", fmt.Errorf("use passkey: %w", err)
	}
	return userID, nil
}

// ownerOfPasskey is whose passkey has the id, with this one alone.
func (a *App) ownerOfPasskey(ctx context.Context, id string) (owner auth.PasskeyUser, err error) {
	err = a.db.View(ctx, db.System, func(q *db.Queries) error {
		row, err := q.PasskeyByID(ctx, id)
		if err != nil {
			return err
		}
		user, err := activeUser(ctx, q, row.UserID)
		owner = auth.PasskeyUser{ID: user.ID, Name: user.Name, Email: user.Email, Credentials: [][]byte{row.Credential}}
		return err
	})
	return owner, err
}
