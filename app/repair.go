package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"trak/auth"
	"trak/billing"
	"trak/db"
	"trak/jobs"
)

// mend names what a repair computes again: a payment, or an invoice with its lines and links.
type mend struct {
	workspace       string         // id
	account, intent string         // of the payment, as Stripe names them
	said            billing.Intent // what events say of it and its row does not, if anything
	invoice         string         // id
}

// repairRounds bounds how often a repair looks again: a payment that was mended can show that its
// invoice is to be mended as well.
const repairRounds = 5

// Repair computes again what is derived and stored otherwise, through the functions by which the
// facts came in: sums, statuses, flags and phases of payments and invoices, the invoice that a
// payment's link belongs to, and the links that follow. It changes no fact. It returns what it
// mended; what Verify finds after it needs a person.
func (a *App) Repair(ctx context.Context) (mended []Difference, err error) {
	for range repairRounds {
		found, err := a.derivedDifferences(ctx)
		if err != nil || len(found) == 0 {
			return mended, err
		}
		done := map[mend]bool{}
		for _, d := range found {
			if done[d.mend] {
				continue
			}
			done[d.mend] = true
			if err := a.mend(ctx, d); err != nil {
				return mended, fmt.Errorf("mend %s %s: %w", d.Kind, d.ID, err)
			}
		}
		left, err := a.derivedDifferences(ctx)
		if err != nil {
			return mended, err
		}
		was := len(mended)
		for _, d := range found {
			if !slices.Contains(left, d) {
				mended = append(mended, d)
			}
		}
		if len(mended) == was {
			return mended, nil
		}
	}
	return mended, nil
}

// derivedDifferences are those that a repair mends: payments first, since invoices follow from them.
func (a *App) derivedDifferences(ctx context.Context) (list []Difference, err error) {
	report, err := VerifyWith(ctx, a.db, VerifyOptions{booksOnly: true})
	for _, d := range report.Differences {
		if d.Derived {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b Difference) int {
		if isPayment := a.mend.intent != ""; isPayment != (b.mend.intent != "") {
			if isPayment {
				return -1
			}
			return 1
		}
		return 0
	})
	return list, err
}

// Alone is an App for what an operator does on a database that no server has open: it has no
// Stripe and works on nothing in the background. For Repair and the commands about users.
func Alone(ctx context.Context, d *db.DB, secrets *auth.Box, url string, now func() time.Time, log *slog.Logger) (*App, error) {
	install, err := InstallID(ctx, d)
	if err != nil {
		return nil, err
	}
	if err := OpenAudit(ctx, d, secrets, log); err != nil {
		return nil, err
	}
	return &App{
		db: d, url: url, secrets: secrets, limits: auth.NewLimits(now), now: now, log: log, install: install,
		versions: newVersions(now()), actors: newActors(now), jobs: jobs.New(nil, now, log),
	}, nil
}

// mend computes one payment or one invoice again.
func (a *App) mend(ctx context.Context, d Difference) error {
	m := d.mend
	return a.db.Update(ctx, db.Scope(m.workspace), func(tx *db.Tx) error {
		err := record(ctx, tx, Actor{WorkspaceID: m.workspace}, "repair", d.Kind+" "+d.ID, d.What, nil)
		if err != nil {
			return err
		}
		if m.intent != "" {
			return a.mendPayment(ctx, tx, m)
		}
		return a.mendInvoice(ctx, tx, m)
	})
}

func (a *App) mendPayment(ctx context.Context, tx *db.Tx, m mend) error {
	account := db.Account{WorkspaceID: m.workspace, StripeAccountID: &m.account} // of a payment by hand
	if m.account != "" {
		var err error
		if account, err = tx.AccountByStripeID(ctx, &m.account); err != nil {
			return fmt.Errorf("read account %s: %w", m.account, err)
		}
	}
	x := a.newFold(tx, account, false)
	x.touch(m.intent)
	if m.said.ID != "" {
		if err := x.intents(ctx, billing.Facts{Intents: []billing.Intent{m.said}}); err != nil {
			return err
		}
	}
	row, err := tx.PaymentByIntent(ctx, db.PaymentByIntentParams{WorkspaceID: m.workspace, StripeAccountID: m.account, PaymentIntentID: m.intent})
	if err == nil && row.InvoiceID != nil && row.AssignedAt == 0 {
		f, err := paymentFacts(ctx, tx.Queries, row, billing.Intent{})
		if err != nil {
			return err
		}
		of, err := x.invoiceOf(ctx, f.Sessions)
		if err != nil {
			return err
		}
		if of != nil && *of != *row.InvoiceID {
			key := db.UnmatchPaymentParams{WorkspaceID: m.workspace, StripeAccountID: m.account, PaymentIntentID: m.intent}
			if err := tx.UnmatchPayment(ctx, key); err != nil {
				return fmt.Errorf("take the payment off the wrong invoice: %w", err)
			}
			x.touched.invoices[*row.InvoiceID] = true
		}
	}
	return x.settle(ctx)
}

func (a *App) mendInvoice(ctx context.Context, tx *db.Tx, m mend) error {
	inv, err := tx.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: m.workspace, ID: m.invoice})
	if err != nil {
		return fmt.Errorf("read invoice: %w", err)
	}
	s, err := sumsOf(ctx, tx.Queries, inv)
	if err != nil {
		return err
	}
	if s.fault == nil && s.confirmed(inv) {
		t := s.totals
		inv.Subtotal, inv.Discount, inv.Tax, inv.Total = t.Subtotal, t.Discount, t.Tax, t.Total
		err := tx.SetInvoiceSums(ctx, db.SetInvoiceSumsParams{WorkspaceID: inv.WorkspaceID, ID: inv.ID, Subtotal: t.Subtotal, Discount: t.Discount, Tax: t.Tax, Total: t.Total})
		if err != nil {
			return fmt.Errorf("store sums: %w", err)
		}
		for i, line := range s.lines {
			if err := tx.SetLineAmount(ctx, db.SetLineAmountParams{WorkspaceID: inv.WorkspaceID, ID: line.ID, Amount: s.amounts[i]}); err != nil {
				return fmt.Errorf("store amount of line: %w", err)
			}
		}
	}
	_, err = a.restand(ctx, tx, inv, nil, 0)
	return err
}
