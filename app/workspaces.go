package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"trak/auth"
	"trak/billing"
	"trak/db"
)

// NewWorkspace is what a workspace starts with.
type NewWorkspace struct {
	Name     string
	Country  string // ISO 3166-1, two capital letters
	Currency string // lower case; the default of new invoices
	TimeZone string // IANA name
	Locale   string // language tag; "en" when empty or unknown
}

func (in *NewWorkspace) check() billing.FieldErrors {
	errs := billing.FieldErrors{}
	in.Name = strings.TrimSpace(in.Name)
	switch n := utf8.RuneCountInString(in.Name); {
	case n == 0:
		errs.Add("workspace", "Enter a name for the workspace")
	case n > maxName:
		errs.Add("workspace", fmt.Sprintf("Use at most %d characters", maxName))
	}
	if !ValidCountry(in.Country) {
		errs.Add("country", "Choose a country")
	}
	if _, ok := billing.CurrencyOf(in.Currency); !ok {
		errs.Add("currency", "Choose a currency")
	}
	if _, err := time.LoadLocation(in.TimeZone); err != nil || in.TimeZone == "" || in.TimeZone == "Local" {
		errs.Add("time_zone", "Choose a time zone")
	}
	tag, err := language.Parse(in.Locale)
	if err != nil || in.Locale == "" {
		tag = language.English
	}
	in.Locale = tag.String()
	return errs
}

// CreateWorkspace makes a workspace whose owner is the user, and takes them to it. Any user may.
// Returns billing.FieldErrors for the fields workspace, country, currency and time_zone.
func (a *App) CreateWorkspace(ctx context.Context, userID string, in NewWorkspace) (Workspace, error) {
	if err := in.check().Err(); err != nil {
		return Workspace{}, err
	}
	var w Workspace
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) (err error) {
		if a.own != nil {
			n, err := tx.CountWorkspaces(ctx)
			if err != nil {
				return err
			}
			if n > 0 {
				return billing.FieldErrors{"workspace": "This Trak is set up for one workspace alone"}
			}
		}
		w, err = a.insertWorkspace(ctx, tx, userID, in)
		return err
	})
	if err != nil {
		return Workspace{}, wrapUnlessInput("create workspace", err)
	}
	return w, nil
}

func (a *App) insertWorkspace(ctx context.Context, tx *db.Tx, userID string, in NewWorkspace) (Workspace, error) {
	slug, err := freeSlug(ctx, tx, in.Name)
	if err != nil {
		return Workspace{}, err
	}
	w := Workspace{ID: newID(), Slug: slug, Name: in.Name, Country: in.Country, Currency: in.Currency, Locale: in.Locale, TimeZone: in.TimeZone, TermsDays: 14}
	err = tx.InsertWorkspace(ctx, db.InsertWorkspaceParams{
		ID: w.ID, Slug: slug, Name: in.Name, Country: in.Country, Currency: in.Currency,
		Locale: in.Locale, TimeZone: in.TimeZone, CreatedAt: tx.Now(),
	})
	if err != nil {
		return Workspace{}, err
	}
	if err := record(ctx, tx, Actor{UserID: userID, WorkspaceID: w.ID}, "create workspace", "workspace "+w.ID, nil, in); err != nil {
		return Workspace{}, err
	}
	if err := a.addMember(ctx, tx, w.ID, userID, Owner); err != nil {
		return Workspace{}, err
	}
	a.ownWorkspace(tx)
	return w, tx.SetUserLastWorkspace(ctx, db.SetUserLastWorkspaceParams{ID: userID, LastWorkspaceID: &w.ID})
}

// reserved are slugs that look like parts of Trak's own addresses.
var reserved = map[string]bool{
	"new": true, "w": true, "admin": true, "api": true, "app": true, "static": true, "settings": true, "signin": true,
	"signout": true, "setup": true, "workspaces": true, "dashboard": true, "demo": true, "i": true, "help": true, "trak": true,
}

// freeSlug returns what stands for a workspace in addresses: its name in small letters, with a
// number where another one has that already.
func freeSlug(ctx context.Context, tx *db.Tx, name string) (string, error) {
	base := slugOf(name)
	for n := 1; n <= 50; n++ {
		slug := base
		if n > 1 {
			slug = fmt.Sprintf("%s-%d", base, n)
		}
		if reserved[slug] {
			continue
		}
		taken, err := tx.OthersSlug(ctx, db.OthersSlugParams{Slug: slug})
		if err != nil {
			return "", err
		}
		if taken == 0 {
			return slug, nil
		}
	}
	return base + "-" + strings.ToLower(auth.HashToken(auth.NewToken())[:12]), nil
}

const maxSlug = 40

// letters are those that Unicode doesn't take apart into a letter of ASCII and a mark.
var letters = strings.NewReplacer("ß", "ss", "æ", "ae", "ø", "o", "œ", "oe", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i")

func slugOf(name string) string {
	folded := norm.NFKD.String(letters.Replace(strings.ToLower(name)))
	var b strings.Builder
	dash := false // one is due before the next letter
	for _, r := range folded {
		if b.Len() >= maxSlug {
			break
		}
		switch {
		case unicode.Is(unicode.Mn, r) || r == '\'' || r == '’':
		case r < utf8.RuneSelf && (unicode.IsLower(r) || unicode.IsDigit(r)):
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(r)
		default:
			dash = true
		}
	}
	if b.Len() == 0 {
		return "workspace"
	}
	return b.String()
}

// WorkspaceOfUser is a workspace as its member sees it in a list.
type WorkspaceOfUser struct {
	ID, Slug, Name string
	Role           Role
}

// WorkspacesOf lists the workspaces of a user by name.
func (a *App) WorkspacesOf(ctx context.Context, userID string) ([]WorkspaceOfUser, error) {
	var all []WorkspaceOfUser
	err := a.db.View(ctx, db.System, func(q *db.Queries) error {
		rows, err := q.WorkspacesOfUser(ctx, userID)
		for _, r := range rows {
			all = append(all, WorkspaceOfUser{ID: r.ID, Slug: r.Slug, Name: r.Name, Role: Role(r.Role)})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list workspaces: %w", err)
	}
	return all, nil
}

// UseWorkspace remembers the workspace that a user is in. ErrNotFound when they are no member.
func (a *App) UseWorkspace(ctx context.Context, userID, slug string) error {
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		m, err := tx.MembershipBySlug(ctx, db.MembershipBySlugParams{UserID: userID, Slug: slug})
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		return tx.SetUserLastWorkspace(ctx, db.SetUserLastWorkspaceParams{ID: userID, LastWorkspaceID: &m.WorkspaceID})
	})
	if err != nil {
		return wrapUnlessInput("remember workspace", err)
	}
	return nil
}

// LastWorkspace returns the slug of the workspace that the user was in last, or of their first
// one by name. ErrNotFound when they have none.
func (a *App) LastWorkspace(ctx context.Context, userID string) (slug string, err error) {
	user, err := a.UserByID(ctx, userID)
	if err != nil {
		return "", err
	}
	all, err := a.WorkspacesOf(ctx, userID)
	if err != nil {
		return "", err
	}
	for _, w := range all {
		if w.ID == user.LastWorkspaceID {
			return w.Slug, nil
		}
	}
	if len(all) == 0 {
		return "", ErrNotFound
	}
	return all[0].Slug, nil
}
