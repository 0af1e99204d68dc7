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

// SessionUser is the key under which a session holds the id of who is signed in. The others are
// what its person sees of it in a list: a handle, which names it and opens nothing, when it began
// and was last used (Unix microseconds), and where from.
const (
	SessionUser   = "user"
	SessionHandle = "handle"
	SessionBegan  = "began"
	SessionSeen   = "seen"
	SessionIP     = "ip"
	SessionAgent  = "agent" // the browser's own name for itself
)

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
	values, err := sessionValues(data)
	if err != nil {
		return err
	}
	idle := sessionIdle
	if values.text(SessionUser) == "" {
		idle = anonymousIdle
	}
	if end := s.a.now().Add(idle); end.Before(expiry) {
		expiry = end
	}
	err = s.a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		if handle := values.text(SessionHandle); handle != "" {
			ended, err := tx.SessionEnded(ctx, db.SessionEndedParams{UserID: optional(values.text(SessionUser)), Handle: handle})
			if err != nil || ended > 0 {
				return err
			}
		}
		return tx.CommitSession(ctx, db.CommitSessionParams{
			Token: token, UserID: optional(values.text(SessionUser)), Data: data, Expiry: expiry.UnixMicro(),
			Handle: values.text(SessionHandle), CreatedAt: values.number(SessionBegan), SeenAt: values.number(SessionSeen),
			Ip: values.text(SessionIP), Agent: values.text(SessionAgent),
		})
	})
	if err != nil {
		return fmt.Errorf("write session: %w", err)
	}
	return nil
}

type renewing struct{}

// Renewing is the context in which a session is deleted because it goes on under another token.
func Renewing(ctx context.Context) context.Context { return context.WithValue(ctx, renewing{}, true) }

// DeleteCtx destroys a session. While Renewing, it returns ErrSignedOut for one that was ended
// meanwhile: it doesn't go on.
func (s Sessions) DeleteCtx(ctx context.Context, token string) error {
	err := s.a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		tx.AfterCommit(s.a.actors.drop)
		if ctx.Value(renewing{}) != nil {
			n, err := tx.RenewSession(ctx, db.RenewSessionParams{Token: token, Nothing: []byte{}})
			if err == nil && n == 0 {
				err = ErrSignedOut
			}
			return err
		}
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

// values are what a session holds.
type values map[string]any

func (v values) text(key string) string {
	s, _ := v[key].(string)
	return s
}

func (v values) number(key string) int64 {
	n, _ := v[key].(int64)
	return n
}

func sessionValues(data []byte) (values, error) {
	_, v, err := scs.GobCodec{}.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("decode session: %w", err)
	}
	return v, nil
}

// EndSessionsOf signs a user out everywhere.
func (a *App) EndSessionsOf(ctx context.Context, userID string) error {
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		if err := a.endSessions(ctx, tx, userID, ""); err != nil {
			return err
		}
		return record(ctx, tx, Actor{UserID: userID}, "end sessions", "user "+userID, nil, nil)
	})
	if err != nil {
		return fmt.Errorf("end sessions of user %s: %w", userID, err)
	}
	return nil
}

// endSessions ends all sessions of a user but the one with the handle, "" = all.
func (a *App) endSessions(ctx context.Context, tx *db.Tx, userID, but string) error {
	tx.AfterCommit(a.actors.drop)
	return tx.KillSessionsOfUser(ctx, db.KillSessionsOfUserParams{UserID: &userID, Handle: but, Nothing: []byte{}})
}

// Session is one of a person's, as its list shows it.
type Session struct {
	Handle        string // names it, and opens nothing
	Began, Seen   int64  // Unix microseconds
	IP, UserAgent string
}

// SessionsOf lists where a user is signed in, the one used last first.
func (a *App) SessionsOf(ctx context.Context, userID string) ([]Session, error) {
	var list []Session
	err := a.db.View(ctx, db.System, func(q *db.Queries) error {
		rows, err := q.SessionsOfUser(ctx, db.SessionsOfUserParams{UserID: &userID, Now: a.nowMicro()})
		for _, r := range rows {
			list = append(list, Session{Handle: r.Handle, Began: r.CreatedAt, Seen: r.SeenAt, IP: r.Ip, UserAgent: r.Agent})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions of user %s: %w", userID, err)
	}
	return list, nil
}

// EndSession ends one of a user's own sessions. ErrNotFound when they have none with the handle.
func (a *App) EndSession(ctx context.Context, userID, handle string) error {
	if handle == "" {
		return ErrNotFound
	}
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		tx.AfterCommit(a.actors.drop)
		n, err := tx.KillSessionByHandle(ctx, db.KillSessionByHandleParams{UserID: &userID, Handle: handle, Nothing: []byte{}})
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		return record(ctx, tx, Actor{UserID: userID}, "end session", "user "+userID, nil, nil)
	})
	return wrapUnlessInput("end session", err)
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
	values, err := sessionValues(data)
	if err != nil {
		return Actor{}, err
	}
	userID := values.text(SessionUser)
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
