package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"trak/db"
)

// Errors that handlers map to a status code, in one place.
var (
	// ErrNotFound also stands for what belongs to another workspace: nobody learns that it is there.
	ErrNotFound = errors.New("not found")
	// ErrForbidden is a missing permission inside one's own workspace.
	ErrForbidden = errors.New("not allowed")
	// ErrConflict means that somebody changed it meanwhile.
	ErrConflict = errors.New("changed meanwhile")
	// ErrFormerMember is the ErrNotFound of somebody who was in the workspace, and is no longer.
	ErrFormerMember = fmt.Errorf("no longer a member: %w", ErrNotFound)
	// ErrSignedOut means that nobody is signed in.
	ErrSignedOut = errors.New("not signed in")
)

// NotAllowed is the ErrForbidden that says what was missing and who has it.
type NotAllowed struct {
	Permission Permission
	Managers   []string // names of those who may
}

func (e *NotAllowed) Error() string { return "not allowed to " + string(e.Permission) }

// Is makes errors.Is(err, ErrForbidden) true.
func (e *NotAllowed) Is(target error) bool { return target == ErrForbidden }

// Actor is who does it: made once for a request below /w/{slug}, from the session and the
// membership. Role is never kept in a session.
type Actor struct {
	UserID      string
	WorkspaceID string
	Role        Role
	Workspace   Workspace
}

// Workspace is what pages and use-cases need to know of the workspace itself.
type Workspace struct {
	ID, Slug, Name, Address, Country, Currency, Locale, TimeZone string
	TermsDays                                                    int64
	Logo                                                         string // hash of its picture, "" = none
}

// Location is the workspace's time zone; due dates begin and end there.
func (w Workspace) Location() *time.Location {
	if l, ok := zones.Load(w.TimeZone); ok {
		return l.(*time.Location)
	}
	l, err := time.LoadLocation(w.TimeZone)
	if err != nil {
		return time.UTC
	}
	zones.Store(w.TimeZone, l)
	return l
}

// zones keeps the time zones in use, at most the 600 that there are: LoadLocation reads a file
// each time.
var zones sync.Map

// May says whether the actor has the permission, for buttons.
func (a Actor) May(p Permission) bool { return a.Role.May(p) }

// need is the first line of a use-case.
func (a *App) need(ctx context.Context, actor Actor, p Permission) error {
	if actor.WorkspaceID == "" {
		return ErrNotFound
	}
	if actor.Role.May(p) {
		return nil
	}
	e := &NotAllowed{Permission: p}
	err := a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) (err error) {
		e.Managers, err = whoMay(ctx, q, actor.WorkspaceID, p)
		return err
	})
	if err != nil {
		a.log.Error("list who may", "error", err)
	}
	return e
}

// whoMay lists the names of the owners and admins who have the permission.
func whoMay(ctx context.Context, q *db.Queries, workspaceID string, p Permission) (names []string, err error) {
	rows, err := q.ManagersOfWorkspace(ctx, workspaceID)
	for _, r := range rows {
		if Role(r.Role).May(p) {
			names = append(names, r.Name)
		}
	}
	return names, err
}

// needNow is need within a transaction, by what the actor is in the workspace by now: rights are
// given and taken by those alone who have them at that moment.
func needNow(ctx context.Context, tx *db.Tx, actor Actor, p Permission) error {
	me, err := member(ctx, tx, actor.WorkspaceID, actor.UserID)
	switch {
	case errors.Is(err, ErrNotFound):
		return ErrFormerMember
	case err != nil || me.Role.May(p):
		return err
	}
	names, err := whoMay(ctx, tx.Queries, actor.WorkspaceID, p)
	if err != nil {
		return err
	}
	return &NotAllowed{Permission: p, Managers: names}
}

// ActorIn makes the actor of a request. ErrNotFound when the user is no member, and
// ErrFormerMember when they were one.
func (a *App) ActorIn(ctx context.Context, userID, slug string) (Actor, error) {
	var m db.MembershipBySlugRow
	err := a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		m, err = q.MembershipBySlug(ctx, db.MembershipBySlugParams{UserID: userID, Slug: slug})
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Actor{}, a.noMember(ctx, userID, slug)
	}
	if err != nil {
		return Actor{}, fmt.Errorf("look up membership: %w", err)
	}
	return actorOf(m), nil
}

// noMember is why somebody is no member of a workspace. Only who was in it learns that it is there.
func (a *App) noMember(ctx context.Context, userID, slug string) error {
	var former int64
	err := a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		former, err = q.FormerMemberBySlug(ctx, db.FormerMemberBySlugParams{UserID: userID, Slug: slug})
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("look up former membership: %w", err)
	case former > 0:
		return ErrFormerMember
	}
	return ErrNotFound
}

func actorOf(m db.MembershipBySlugRow) Actor {
	w := Workspace{
		ID: m.WorkspaceID, Slug: m.Slug, Name: m.Name, Address: m.Address, Country: m.Country,
		Currency: m.Currency, Locale: m.Locale, TimeZone: m.TimeZone, TermsDays: m.TermsDays, Logo: m.Logo,
	}
	return Actor{UserID: m.UserID, WorkspaceID: m.WorkspaceID, Role: Role(m.Role), Workspace: w}
}

// SlugNow says where a slug leads that the workspace of a member had before. ErrNotFound when it
// leads nowhere, for them.
func (a *App) SlugNow(ctx context.Context, userID, former string) (slug string, err error) {
	err = a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		slug, err = q.SlugAfter(ctx, db.SlugAfterParams{UserID: userID, Slug: former})
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("look up a former slug: %w", err)
	}
	return slug, nil
}

// actorAge is how long status polls may go by an answer (see ActorOfSession). Any change of a
// membership, session or user drops what is kept.
const actorAge = 2 * time.Second

type actors struct {
	now func() time.Time
	mu  sync.Mutex
	m   map[string]keptActor
}

type keptActor struct {
	Actor
	until time.Time
}

func newActors(now func() time.Time) *actors { return &actors{now: now, m: map[string]keptActor{}} }

func (k *actors) get(key string) (Actor, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.m[key]
	return a.Actor, ok && k.now().Before(a.until)
}

func (k *actors) put(key string, a Actor) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.m) >= 10_000 {
		clear(k.m)
	}
	k.m[key] = keptActor{a, k.now().Add(actorAge)}
}

func (k *actors) drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.m)
}
