package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"trak/db"
)

// Unfit is why Trak can't start with a setting. Its sentences are for the operator.
type Unfit struct{ Setting, What, Remedy string }

func (u *Unfit) Error() string { return u.Setting + " " + u.What }

// modeKept is the name under which the mode that the data directory is in is kept.
const modeKept = "mode"

// ModeName is what operators and the database call a mode: live or test.
func ModeName(live bool) string {
	if live {
		return "live"
	}
	return "test"
}

// AdoptMode makes the data directory run in test or live mode, as the key says. The two never
// mix: each has its own accounts, links, invoices, numbers and payments; clients, projects,
// settings and drafts are of both. Changing over hides what is there, so it is refused with an
// Unfit that says what, unless agreed. A second call changes nothing.
func AdoptMode(ctx context.Context, d *db.DB, live, agreed bool) error {
	err := d.Update(ctx, db.System, func(tx *db.Tx) error {
		was, err := keptMode(ctx, tx, live)
		if err != nil || was == ModeName(live) {
			return err
		}
		if !agreed {
			return changesMode(ctx, tx, live)
		}
		if err := swapWebhookSecret(ctx, tx, was, ModeName(live)); err != nil {
			return err
		}
		if err := tx.MoveDrafts(ctx, live); err != nil {
			return fmt.Errorf("take drafts along: %w", err)
		}
		if err := keepMode(ctx, tx, live); err != nil {
			return err
		}
		return record(ctx, tx, Actor{}, "mode", "installation", was, ModeName(live))
	})
	var unfit *Unfit
	if err != nil && !errors.As(err, &unfit) {
		return fmt.Errorf("test or live mode: %w", err)
	}
	return err
}

// keptMode is the mode that the data directory is in. One that says nothing yet is in the mode
// that its accounts and invoices are of, or else in that of the key.
func keptMode(ctx context.Context, tx *db.Tx, live bool) (string, error) {
	kept, err := tx.InstallationValue(ctx, modeKept)
	if err == nil {
		return string(kept), nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read: %w", err)
	}
	here, err := tx.CountInMode(ctx, live)
	if err != nil {
		return "", fmt.Errorf("count: %w", err)
	}
	there, err := tx.CountInMode(ctx, !live)
	if err != nil {
		return "", fmt.Errorf("count: %w", err)
	}
	if here.Accounts+here.Invoices == 0 && there.Accounts+there.Invoices > 0 {
		return ModeName(!live), nil
	}
	return ModeName(live), keepMode(ctx, tx, live)
}

func keepMode(ctx context.Context, tx *db.Tx, live bool) error {
	return tx.SetInstallationValue(ctx, db.SetInstallationValueParams{Name: modeKept, Value: []byte(ModeName(live))})
}

// changesMode says what would be hidden, and how to agree to it.
func changesMode(ctx context.Context, tx *db.Tx, live bool) error {
	n, err := tx.CountInMode(ctx, !live)
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	hidden := fmt.Sprintf("%d finalized invoices, %d payments and %d Stripe accounts", n.Invoices, n.Payments, n.Accounts)
	if live {
		return &Unfit{
			"STRIPE_SECRET_KEY", "is a live key, and this data directory is in test mode",
			"Going live hides what belongs to test mode: " + hidden + ". Clients, projects, drafts and settings stay, live invoices are numbered from 1, " +
				"and Stripe has to be connected for real money. To agree, start once with --go-live.",
		}
	}
	return &Unfit{
		"STRIPE_SECRET_KEY", "is a test key, and this data directory is live",
		"Test mode hides what is live: " + hidden + ". While it runs, live payments are not noticed and live links stay open. " +
			"Clients, projects, drafts and settings stay. To try something, a second data directory is safer. To agree, start once with --go-test.",
	}
}

// swapWebhookSecret puts the secret of the endpoint of one mode aside and takes that of the other
// one out, if there is one.
func swapWebhookSecret(ctx context.Context, tx *db.Tx, from, to string) error {
	move := func(name, as string) error {
		sealed, err := tx.InstallationValue(ctx, name)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the kept webhook secret: %w", err)
		}
		if err := tx.SetInstallationValue(ctx, db.SetInstallationValueParams{Name: as, Value: sealed}); err != nil {
			return fmt.Errorf("keep the webhook secret: %w", err)
		}
		return tx.DeleteInstallationValue(ctx, name)
	}
	if err := move(webhookKept, webhookKept+"_"+from); err != nil {
		return err
	}
	return move(webhookKept+"_"+to, webhookKept)
}
