package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"trak/auth"
	"trak/billing"
	"trak/db"
)

// ErrWrongSignIn stands for an unknown email, a wrong password and a disabled user alike, so
// that nobody learns who has an account.
var ErrWrongSignIn = errors.New("wrong email or password")

// Limits of what people type about themselves, in bytes for an email and characters for a name.
const (
	maxEmail = 254
	maxName  = 100
)

// User is somebody who can sign in.
type User struct {
	ID, Email, Name string
	Theme           string // light, dark, or "" to follow the system
	LastWorkspaceID string // the one they were in last, or ""
	SecondFactor    bool   // a password alone doesn't sign them in
	PasswordMark    string // another one with each password, and tells nothing of it
}

func userOf(u db.User) User {
	user := User{
		ID: u.ID, Email: u.Email, Name: u.Name, Theme: u.Theme,
		SecondFactor: u.TotpOnAt != 0, PasswordMark: auth.HashToken(u.PasswordHash),
	}
	if u.LastWorkspaceID != nil {
		user.LastWorkspaceID = *u.LastWorkspaceID
	}
	return user
}

// SignIn checks an email and a password sent from the address ip. It returns ErrWrongSignIn, in
// the same time whether the email is known or not, or *auth.TooMany after too many tries. For a
// user with a second factor it is the first of two steps: see SignInWithCode.
func (a *App) SignIn(ctx context.Context, email, password, ip string) (User, error) {
	email = normalEmail(email)
	if len(email) > maxEmail {
		email = "" // nobody has it, and it is not to be kept either
	}
	if err := a.limits.Allow(auth.SignIn, email, ip); err != nil {
		return User{}, err
	}
	user, err := a.userByEmail(ctx, email)
	if err != nil {
		return User{}, err
	}
	ok, newHash, err := a.checkPassword(ctx, password, user.PasswordHash)
	if err != nil {
		return User{}, err
	}
	action := "sign in"
	switch {
	case !ok || user.DisabledAt != 0:
		action = "fail to sign in"
	case user.TotpOnAt != 0:
		action = "give the password"
	}
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		if action != "fail to sign in" && newHash != "" {
			if err := tx.SetUserPassword(ctx, db.SetUserPasswordParams{ID: user.ID, PasswordHash: newHash}); err != nil {
				return err
			}
		}
		return record(ctx, tx, Actor{UserID: user.ID}, action, "user "+user.ID, nil, nil)
	})
	if err != nil {
		return User{}, fmt.Errorf("sign in: %w", err)
	}
	if action == "fail to sign in" {
		return User{}, ErrWrongSignIn
	}
	if newHash != "" {
		user.PasswordHash = newHash
	}
	a.limits.Succeeded(auth.SignIn, email, ip)
	return userOf(user), nil
}

// userByEmail returns the zero user when nobody has the email.
func (a *App) userByEmail(ctx context.Context, email string) (user db.User, err error) {
	err = a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		user, err = q.UserByEmail(ctx, email)
		return err
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return db.User{}, fmt.Errorf("look up user: %w", err)
	}
	return user, nil
}

// checkPassword also returns a new hash when the cost of the stored one is not today's.
func (a *App) checkPassword(ctx context.Context, password, hash string) (ok bool, newHash string, err error) {
	done, err := a.limits.Hashing(ctx)
	if err != nil {
		return false, "", err
	}
	defer done()
	ok, rehash, err := auth.VerifyPassword(password, hash)
	if err == nil && rehash {
		newHash, err = auth.HashPassword(password)
	}
	return ok, newHash, err
}

// UserByID returns who is signed in. ErrSignedOut when they are disabled or gone.
func (a *App) UserByID(ctx context.Context, id string) (User, error) {
	u, err := a.userRow(ctx, id)
	if err != nil {
		return User{}, err
	}
	return userOf(u), nil
}

// userRow is the row of somebody who may be signed in, else ErrSignedOut.
func (a *App) userRow(ctx context.Context, id string) (u db.User, err error) {
	if id == "" {
		return db.User{}, ErrSignedOut
	}
	err = a.db.View(ctx, db.System, func(q *db.Queries) error {
		u, err = activeUser(ctx, q, id)
		return err
	})
	return u, err
}

// activeUser reads a user who is there and not disabled, else ErrSignedOut.
func activeUser(ctx context.Context, q *db.Queries, id string) (db.User, error) {
	u, err := q.UserByID(ctx, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && u.DisabledAt != 0 {
		return db.User{}, ErrSignedOut
	}
	if err != nil {
		return db.User{}, fmt.Errorf("look up user: %w", err)
	}
	return u, nil
}

// SetTheme keeps a user's choice of colours: light, dark, or "" to follow the system.
func (a *App) SetTheme(ctx context.Context, userID, theme string) error {
	if theme != "" && theme != "light" && theme != "dark" {
		return billing.FieldErrors{"theme": "Choose system, light or dark"}
	}
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		return tx.SetUserTheme(ctx, db.SetUserThemeParams{ID: userID, Theme: theme})
	})
	if err != nil {
		return fmt.Errorf("set theme: %w", err)
	}
	return nil
}

// NewUser is what somebody enters to become a user.
type NewUser struct{ Email, Name, Password string }

func (in *NewUser) check() billing.FieldErrors {
	errs := billing.FieldErrors{}
	in.Name = strings.TrimSpace(in.Name)
	in.Email = normalEmail(in.Email)
	switch n := utf8.RuneCountInString(in.Name); {
	case n == 0:
		errs.Add("name", "Enter your name")
	case n > maxName:
		errs.Add("name", fmt.Sprintf("Use at most %d characters", maxName))
	}
	if !isEmail(in.Email) {
		errs.Add("email", "Enter an email address, such as mira@example.com")
	}
	errs.Check("password", auth.CheckPassword(in.Password))
	return errs
}

// CreateUser makes a user, who belongs to no workspace yet. Returns billing.FieldErrors for
// name, email and password. For set-up, the demo and invitations: it asks for no permission.
func (a *App) CreateUser(ctx context.Context, in NewUser) (User, error) {
	if err := in.check().Err(); err != nil {
		return User{}, err
	}
	hash, err := a.hashPassword(ctx, in.Password)
	if err != nil {
		return User{}, err
	}
	var user User
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) (err error) {
		user, err = insertUser(ctx, tx, in, hash)
		return err
	})
	if err != nil {
		return User{}, wrapUnlessInput("create user", err)
	}
	return user, nil
}

func (a *App) hashPassword(ctx context.Context, password string) (string, error) {
	done, err := a.limits.Hashing(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return auth.HashPassword(password)
}

func insertUser(ctx context.Context, tx *db.Tx, in NewUser, hash string) (User, error) {
	switch _, err := tx.UserByEmail(ctx, in.Email); {
	case err == nil:
		return User{}, billing.FieldErrors{"email": "Somebody has an account with this email already"}
	case !errors.Is(err, sql.ErrNoRows):
		return User{}, err
	}
	user := User{ID: newID(), Email: in.Email, Name: in.Name}
	err := tx.InsertUser(ctx, db.InsertUserParams{ID: user.ID, Email: in.Email, Name: in.Name, PasswordHash: hash, CreatedAt: tx.Now()})
	if err != nil {
		return User{}, err
	}
	return user, record(ctx, tx, Actor{UserID: user.ID}, "create user", "user "+user.ID, nil, map[string]string{"email": in.Email, "name": in.Name})
}

// AddMember makes a user a member of a workspace. For set-up, the demo and invitations: it asks
// for no permission.
func (a *App) AddMember(ctx context.Context, workspaceID, userID string, role Role) error {
	err := a.db.Update(ctx, db.Scope(workspaceID), func(tx *db.Tx) error {
		return a.addMember(ctx, tx, workspaceID, userID, role)
	})
	if err != nil {
		return fmt.Errorf("add member: %w", err)
	}
	return nil
}

func (a *App) addMember(ctx context.Context, tx *db.Tx, workspaceID, userID string, role Role) error {
	tx.AfterCommit(a.actors.drop)
	if err := enrol(ctx, tx, workspaceID, userID, role); err != nil {
		return err
	}
	return record(ctx, tx, Actor{UserID: userID, WorkspaceID: workspaceID}, "add member", "user "+userID, nil, map[string]string{"role": string(role)})
}

// enrol makes somebody a member, who is no former one then.
func enrol(ctx context.Context, tx *db.Tx, workspaceID, userID string, role Role) error {
	err := tx.InsertMembership(ctx, db.InsertMembershipParams{WorkspaceID: workspaceID, UserID: userID, Role: string(role), CreatedAt: tx.Now()})
	if err != nil {
		return err
	}
	return tx.DeleteFormerMember(ctx, db.DeleteFormerMemberParams{WorkspaceID: workspaceID, UserID: userID})
}

// normalEmail is the form in which emails are stored and compared: two that differ in case or
// in how a character is composed are one.
func normalEmail(s string) string {
	return strings.ToLower(norm.NFKC.String(strings.TrimSpace(s)))
}

// isEmail says whether s is one bare address (RFC 5322).
func isEmail(s string) bool {
	addr, err := mail.ParseAddress(s)
	return err == nil && addr.Address == s && len(s) <= maxEmail && !strings.ContainsAny(s, " \"<>()")
}

// wrapUnlessInput says what was being done, unless the error is for the person who typed.
func wrapUnlessInput(doing string, err error) error {
	if err == nil || errors.As(err, new(billing.FieldErrors)) || errors.Is(err, ErrNotFound) {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}
