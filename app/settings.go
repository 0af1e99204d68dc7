package app

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"trak/billing"
	"trak/db"
)

// Limits of what a workspace says of itself, in characters.
const (
	maxAddress   = 500
	maxTaxNumber = 50
)

// SettingsInput is the form of a workspace's settings as typed.
type SettingsInput struct {
	Name, Slug, Address, TaxNumber, Currency, Locale, TimeZone, InvoicePrefix string
	Terms                                                                     string // days until a new invoice is due
	Accent                                                                    string // #rrggbb, "" = Trak's own
	Version                                                                   int64  // of the settings that were edited
}

// Settings are those of a workspace as they are stored.
type Settings struct {
	db.Workspace
	NextNumber string // of the next invoice, as it looks with the present prefix
}

// Settings returns what a workspace says of itself. Owners and admins may see it.
func (a *App) Settings(ctx context.Context, actor Actor) (s Settings, err error) {
	if err := a.need(ctx, actor, EditSettings); err != nil {
		return s, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		if s.Workspace, err = q.WorkspaceByID(ctx, actor.WorkspaceID); err != nil {
			return fmt.Errorf("read workspace: %w", err)
		}
		counters, err := q.CountersOfWorkspace(ctx, actor.WorkspaceID)
		if err != nil {
			return fmt.Errorf("read counters: %w", err)
		}
		i := slices.IndexFunc(counters, func(c db.Counter) bool { return c.Livemode == a.live })
		last := int64(0)
		if i >= 0 {
			last = counters[i].Last
		}
		s.NextNumber = billing.Number(s.InvoicePrefix, last+1)
		return nil
	})
	return s, err
}

// UpdateSettings changes what a workspace says of itself, and returns its slug. Invoices that are
// finalized keep what they say; drafts take name, address, tax number, locale, time zone and prefix
// when they are finalized. A slug that was the workspace's leads to the new one. Owners and admins
// may do it. Returns FieldErrors, or ErrConflict when somebody changed the settings meanwhile.
func (a *App) UpdateSettings(ctx context.Context, actor Actor, in SettingsInput) (slug string, err error) {
	if err := a.need(ctx, actor, EditSettings); err != nil {
		return "", err
	}
	err = a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		was, err := tx.WorkspaceByID(ctx, actor.WorkspaceID)
		if err != nil {
			return fmt.Errorf("read workspace: %w", err)
		}
		now, errs := in.applied(was)
		if errs["slug"] == "" {
			others, err := tx.OthersSlug(ctx, db.OthersSlugParams{Slug: now.Slug, ID: was.ID})
			if err != nil {
				return fmt.Errorf("look up slug: %w", err)
			}
			if others > 0 {
				errs.Add("slug", "This address is or was another workspace's")
			}
		}
		if err := errs.Err(); err != nil {
			return err
		}
		slug = now.Slug
		return a.storeSettings(ctx, tx, actor, was, now, in.Version)
	})
	return slug, err
}

func (a *App) storeSettings(ctx context.Context, tx *db.Tx, actor Actor, was, now db.Workspace, version int64) error {
	n, err := tx.UpdateWorkspace(ctx, db.UpdateWorkspaceParams{
		ID: was.ID, Version: version, Name: now.Name, Slug: now.Slug, Address: now.Address, TaxNumber: now.TaxNumber, Currency: now.Currency,
		Locale: now.Locale, TimeZone: now.TimeZone, InvoicePrefix: now.InvoicePrefix, TermsDays: now.TermsDays, Accent: now.Accent,
	})
	if err != nil {
		return fmt.Errorf("update workspace: %w", err)
	}
	if n == 0 {
		return ErrConflict
	}
	if now.Slug != was.Slug {
		if err := tx.TakeFormerSlug(ctx, db.TakeFormerSlugParams{Slug: now.Slug, WorkspaceID: was.ID}); err != nil {
			return fmt.Errorf("take back a former slug: %w", err)
		}
		if err := tx.KeepFormerSlug(ctx, db.KeepFormerSlugParams{Slug: was.Slug, WorkspaceID: was.ID, CreatedAt: tx.Now()}); err != nil {
			return fmt.Errorf("keep the former slug: %w", err)
		}
	}
	a.workspaceChanged(tx, was.ID)
	return record(ctx, tx, actor, "settings.update", was.ID, settingsSummary(was), settingsSummary(now))
}

// workspaceChanged drops what is kept of a workspace in memory.
func (a *App) workspaceChanged(tx *db.Tx, id string) {
	tx.AfterCommit(func() {
		a.actors.drop()
		a.versions.bump(id)
	})
}

// applied is the workspace as the form wants it, with all that is wrong with that.
func (in SettingsInput) applied(was db.Workspace) (db.Workspace, billing.FieldErrors) {
	errs := billing.FieldErrors{}
	w := was
	w.Name = strings.TrimSpace(in.Name)
	if w.Name == "" {
		errs.Add("name", "Enter a name for the workspace")
	}
	errs.CheckLength("name", w.Name, maxName)
	w.Slug = strings.ToLower(strings.TrimSpace(in.Slug))
	if w.Slug != was.Slug {
		errs.Check("slug", checkSlug(w.Slug))
	}
	w.Address = strings.TrimSpace(in.Address)
	errs.CheckLength("address", w.Address, maxAddress)
	w.TaxNumber = strings.TrimSpace(in.TaxNumber)
	errs.CheckLength("tax_number", w.TaxNumber, maxTaxNumber)
	w.Currency = in.Currency
	if _, ok := billing.CurrencyOf(w.Currency); !ok {
		errs.Add("currency", "Choose a currency")
	}
	w.Locale = in.Locale
	if w.Locale != was.Locale && !knownLocale(w.Locale) {
		errs.Add("locale", "Choose how numbers and dates are written")
	}
	w.TimeZone = in.TimeZone
	if w.TimeZone != was.TimeZone && !slices.Contains(TimeZones(), w.TimeZone) {
		errs.Add("time_zone", "Choose a time zone")
	}
	w.InvoicePrefix = strings.TrimLeft(in.InvoicePrefix, " ")
	if w.InvoicePrefix != was.InvoicePrefix {
		errs.Check("invoice_prefix", billing.CheckPrefix(w.InvoicePrefix))
	}
	var err error
	w.TermsDays, err = billing.ParseTerms(in.Terms)
	errs.Check("terms", err)
	w.Accent = strings.ToLower(strings.TrimSpace(in.Accent))
	if w.Accent != "" {
		_, err := AccentOf(w.Accent)
		errs.Check("accent", err)
	}
	return w, errs
}

var slugForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// checkSlug says what is wrong with a slug that somebody typed.
func checkSlug(slug string) error {
	switch {
	case len(slug) < 2 || len(slug) > maxSlug:
		return billing.InputError("Use 2 to " + strconv.Itoa(maxSlug) + " characters")
	case !slugForm.MatchString(slug):
		return billing.InputError("Use small letters and digits, with single hyphens between them")
	case reserved[slug]:
		return billing.InputError("This word is a part of Trak's own addresses")
	}
	return nil
}

func settingsSummary(w db.Workspace) map[string]any {
	return map[string]any{
		"name": w.Name, "slug": w.Slug, "address": w.Address, "tax_number": w.TaxNumber, "currency": w.Currency, "locale": w.Locale,
		"time_zone": w.TimeZone, "invoice_prefix": w.InvoicePrefix, "terms_days": w.TermsDays, "accent": w.Accent,
	}
}

// alive refuses what somebody does in a workspace that was deleted meanwhile: ErrNotFound.
func alive(ctx context.Context, tx *db.Tx, workspaceID string) error {
	w, err := tx.WorkspaceByID(ctx, workspaceID)
	if err != nil {
		return fmt.Errorf("read workspace: %w", err)
	}
	if w.DeletedAt > 0 {
		return ErrNotFound
	}
	return nil
}
