package app

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"

	"trak/auth"
	"trak/db"
)

// SessionUser is the key under which a session holds the id of who is signed in.
const SessionUser = "user"

// How long a session lasts unless it is used: that of somebody signed in, and one that only
// holds a form's token.
const (
	sessionIdle   = 24 * time.Hour
	anonymousIdle = time.Hour
)

// Sessions is the sessions table as a store for scs (its CtxStore). Tokens arrive hashed. A
// destroyed session stays as a tombstone until it would have expired, so that a request still
// under way can't bring it back.
type Sessions struct{ a *App }

// Sessions returns the store.
func (a *App) Sessions() Sessions { return Sessions{a} }

// FindCtx returns the data of a session that is neither destroyed nor expired.
func (s Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	err = s.a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		data, err = q.FindSession(ctx, db.FindSessionParams{Token: token, Now: s.a.nowMicro()})
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("find session: %w", err)
	}
	return data, true, nil
}

// CommitCtx writes a session, which from then on lasts a day, an hour when nobody is signed in,
// but never longer than expiry.
func (s Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	user, err := sessionUser(data)
	if err != nil {
		return err
	}
	idle := sessionIdle
	if user == "" {
		idle = anonymousIdle
	}
	if end := s.a.now().Add(idle); end.Before(expiry) {
		expiry = end
	}
	err = s.a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		return tx.CommitSession(ctx, db.CommitSessionParams{Token: token, UserID: optional(user), Data: data, Expiry: expiry.UnixMicro()})
	})
	if err != nil {
		return fmt.Errorf("write session: %w", err)
	}
	return nil
}

// DeleteCtx destroys a session.
func (s Sessions) DeleteCtx(ctx context.Context, token string) error {
	err := s.a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		tx.AfterCommit(s.a.actors.drop)
		return tx.KillSession(ctx, db.KillSessionParams{Token: token, Nothing: []byte{}})
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// Find, Commit and Delete complete scs's interface, which calls the ones with a context.

// Find is FindCtx without a context.
func (s Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (s Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context.
func (s Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// sessionUser reads who is signed in from the data of a session, "" when nobody is.
func sessionUser(data []byte) (string, error) {
	_, values, err := scs.GobCodec{}.Decode(data)
	if err != nil {
		return "", fmt.Errorf("decode session: %w", err)
	}
	user, _ := values[SessionUser].(string)
	return user, nil
}

// EndSessionsOf signs a user out everywhere.
func (a *App) EndSessionsOf(ctx context.Context, userID string) error {
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		tx.AfterCommit(a.actors.drop)
		if err := tx.KillSessionsOfUser(ctx, db.KillSessionsOfUserParams{UserID: &userID, Nothing: []byte{}}); err != nil {
			return err
		}
		return record(ctx, tx, Actor{UserID: userID}, "end sessions", "user "+userID, nil, nil)
	})
	if err != nil {
		return fmt.Errorf("end sessions of user %s: %w", userID, err)
	}
	return nil
}

// DeleteExpiredSessions removes sessions and tombstones that nobody can use any more.
func (a *App) DeleteExpiredSessions(ctx context.Context) error {
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) error { return tx.DeleteExpiredSessions(ctx, tx.Now()) })
	if err != nil {
		return fmt.Errorf("delete expired sessions: %w", err)
	}
	return nil
}

// ActorOfSession makes the actor of a status poll from the session's token and the workspace's
// slug. Its answer may be 2 s old, and is dropped with any change of a membership, session or
// user. It neither writes the session nor keeps it alive. ErrSignedOut and ErrNotFound as for
// pages.
func (a *App) ActorOfSession(ctx context.Context, token, slug string) (Actor, error) {
	hash := sha256.Sum256([]byte(token))
	key := string(hash[:]) + slug
	if actor, ok := a.actors.get(key); ok {
		return actor, nil
	}
	stored := base64.RawURLEncoding.EncodeToString(hash[:]) // as scs hashes tokens
	actor, err := a.actorOfSession(ctx, stored, slug)
	if err == nil {
		a.actors.put(key, actor)
	}
	return actor, err
}

// actorOfSession asks one question, and only when nothing answers it looks step by step for the
// reason.
func (a *App) actorOfSession(ctx context.Context, token, slug string) (Actor, error) {
	var m db.MembershipOfSessionRow
	err := a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		m, err = q.MembershipOfSession(ctx, db.MembershipOfSessionParams{Token: token, Now: a.nowMicro(), Slug: slug})
		return err
	})
	if err == nil {
		return actorOf(db.MembershipBySlugRow(m)), nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return Actor{}, fmt.Errorf("look up session and membership: %w", err)
	}
	data, found, err := a.Sessions().FindCtx(ctx, token)
	if err != nil {
		return Actor{}, err
	}
	if !found {
		return Actor{}, ErrSignedOut
	}
	userID, err := sessionUser(data)
	if err != nil {
		return Actor{}, err
	}
	if _, err := a.UserByID(ctx, userID); err != nil {
		return Actor{}, err
	}
	return a.ActorIn(ctx, userID, slug)
}

// Limits are those on guessing, for the pages that are found by a token and for webhooks.
func (a *App) Limits() *auth.Limits { return a.limits }

// Need says whether the actor has the permission, else the *NotAllowed that names who has. Every
// use-case asks for itself; routes ask before a form is read.
func (a *App) Need(ctx context.Context, actor Actor, p Permission) error {
	return a.need(ctx, actor, p)
}
