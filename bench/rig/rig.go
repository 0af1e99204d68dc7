// Package rig is what the measurements and the torture share: a data directory with a connected
// account and open invoices, the signed events of card payments, a running `trak serve`, and a
// client that costs little.
package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"trak/app"
	"trak/auth"
	"trak/connect"
	"trak/db"
	"trak/sandbox"
)

// What `trak serve` is configured with, and who can sign in.
const (
	StripeKey     = "sk_test_sandbox"
	WebhookSecret = "whsec_bench_0123456789abcdefghijklmnop"
	SecretKey     = "0123456789abcdef0123456789abcdef"
	Email         = "mira@example.com"
	Password      = "paper lantern quiet harbour"
)

// Amount is what each invoice asks for, in cents.
const Amount = 120_00

// World is a data directory in which one workspace has a connected account and open invoices,
// and the stand-in for Stripe at which they can be paid.
type World struct {
	Dir      string
	Stripe   *sandbox.Server
	Slug     string
	Account  string    // acct_…
	Invoices []Invoice // open, each with an active link
	events   []template
	stories  []*Story
	// Refundable are payments that Trak knows and that can be given back at the stand-in.
	Refundable []string
}

// Invoice is an open invoice of a World.
type Invoice struct{ ID, Link string } // Link is Stripe's id of it, plink_…

// NewWorld makes the directory with n open invoices. The first few come from the use-cases;
// those take milliseconds each, mostly for Stripe's answers, so the others are copies of one
// of them, made by SQL, whose links Stripe does not know.
func NewWorld(ctx context.Context, dir string, n int) (_ *World, err error) {
	w := &World{Dir: dir, Stripe: sandbox.New(sandbox.Options{SecretKey: StripeKey})}
	if err := w.Stripe.Start("127.0.0.1:0"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = w.Close()
		}
	}()
	database, product, err := w.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	err = w.seed(ctx, database, product, min(n, 20))
	if cerr := database.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	if more := n - len(w.Invoices); more > 0 {
		if err := w.copyInvoices(ctx, more); err != nil {
			return nil, fmt.Errorf("copy invoices: %w", err)
		}
	}
	return w, nil
}

// Silence lets the stand-in take calls and answer none, as when Stripe is down.
func (w *World) Silence() {
	w.Stripe.SetKnobs(sandbox.Knobs{Fail: sandbox.FailHang, FailTimes: math.MaxInt})
}

// Close ends the stand-in. The directory stays.
func (w *World) Close() error { return w.Stripe.Close() }

// Open opens a data directory (w.Dir or a copy of it) in this process; see Open.
func (w *World) Open(ctx context.Context, dir string) (*db.DB, *app.App, error) {
	return Open(ctx, dir, w.Stripe.URL())
}

// Open opens a data directory as `trak serve` would, with Stripe's stand-in at the given
// address and no work in the background. The schema is read from the working directory, which
// is the root of the repository.
func Open(ctx context.Context, dir, stripeURL string) (*db.DB, *app.App, error) {
	quiet := slog.New(slog.DiscardHandler)
	database, err := db.Open(ctx, dir, db.Options{Migrations: db.Migrations{FS: os.DirFS("db/migrations")}, Logger: quiet})
	if err != nil {
		return nil, nil, err
	}
	product, err := build(ctx, database, stripeURL, quiet)
	if err != nil {
		_ = database.Close()
		return nil, nil, err
	}
	return database, product, nil
}

func build(ctx context.Context, database *db.DB, stripeURL string, log *slog.Logger) (*app.App, error) {
	install, err := app.InstallID(ctx, database)
	if err != nil {
		return nil, err
	}
	if err := app.AdoptMode(ctx, database, false, false); err != nil {
		return nil, err
	}
	stripe, err := connect.New(connect.Config{SecretKey: StripeKey, BaseURL: stripeURL, InstallID: install, Logger: log})
	if err != nil {
		return nil, err
	}
	box, err := auth.NewBox([]byte(SecretKey))
	if err != nil {
		return nil, err
	}
	return app.New(ctx, app.Config{
		DB: database, Stripe: stripe, AppURL: "http://127.0.0.1", WebhookSecrets: []string{WebhookSecret},
		Secrets: box, Limits: auth.NewLimits(time.Now), Now: time.Now, Logger: log,
	})
}

// seed makes the owner, the connected account and n open invoices, and pays one more at the
// stand-in to see what its events look like. They are not delivered.
func (w *World) seed(ctx context.Context, database *db.DB, a *app.App, n int) error {
	user, err := a.CreateUser(ctx, app.NewUser{Name: "Mira Osei", Email: Email, Password: Password})
	if err != nil {
		return err
	}
	workspace, err := a.CreateWorkspace(ctx, user.ID, app.NewWorkspace{Name: "Northlight Studio", Country: "DE", Currency: "eur", TimeZone: "Europe/Berlin", Locale: "en"})
	if err != nil {
		return err
	}
	w.Slug = workspace.Slug
	owner, err := a.ActorIn(ctx, user.ID, workspace.Slug)
	if err != nil {
		return err
	}
	if w.Account, err = w.connect(ctx, a, owner); err != nil {
		return err
	}
	sample, url, err := newInvoice(ctx, database, a, owner)
	if err != nil {
		return err
	}
	if w.events, err = w.sampleEvents(sample, url); err != nil {
		return err
	}
	if err := w.sampleStories(ctx, database, a, owner); err != nil {
		return err
	}
	if err := w.makeRefundable(ctx, database, a, owner); err != nil {
		return err
	}
	for range n {
		inv, _, err := newInvoice(ctx, database, a, owner)
		if err != nil {
			return err
		}
		w.Invoices = append(w.Invoices, inv)
	}
	return nil
}

func (w *World) connect(ctx context.Context, a *app.App, owner app.Actor) (account string, err error) {
	if _, err := a.StartOnboarding(ctx, owner, "DE"); err != nil {
		return "", err
	}
	c, err := a.Connection(ctx, owner)
	if err != nil {
		return "", err
	}
	if err := w.Stripe.Onboard(c.Account.ID, "complete"); err != nil {
		return "", err
	}
	if err := a.CheckAccount(ctx, owner); err != nil {
		return "", err
	}
	if c, err = a.Connection(ctx, owner); err == nil && c.Stage != connect.StageActive {
		err = fmt.Errorf("the account is %s", c.Stage)
	}
	return c.Account.ID, err
}

func newInvoice(ctx context.Context, database *db.DB, a *app.App, owner app.Actor) (inv Invoice, url string, err error) {
	made, err := a.CreateInvoice(ctx, owner, app.InvoiceInput{
		ClientName: "Halden & Vik", ClientEmail: "ana@haldenvik.example", Summary: "Brand identity", Amount: "120",
	}, true)
	if err != nil {
		return inv, "", err
	}
	err = database.View(ctx, db.Scope(owner.WorkspaceID), func(q *db.Queries) error {
		links, err := q.LinksOfInvoice(ctx, db.LinksOfInvoiceParams{WorkspaceID: owner.WorkspaceID, InvoiceID: made.ID})
		if err == nil && (len(links) != 1 || links[0].State != "active") {
			err = fmt.Errorf("invoice %s has no active link", made.ID)
		}
		if err == nil {
			inv, url = Invoice{ID: made.ID, Link: links[0].StripeLinkID}, links[0].Url
		}
		return err
	})
	return inv, url, err
}

// CopyDir copies the database of a data directory that nobody has open into a new directory.
func CopyDir(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal"} {
		err := copyFile(filepath.Join(from, db.FileName+suffix), filepath.Join(to, db.FileName+suffix))
		if os.IsNotExist(err) && suffix != "" {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// describe shortens a long text for an error.
func describe(s string) string { return strings.TrimSpace(s[max(0, len(s)-2000):]) }
