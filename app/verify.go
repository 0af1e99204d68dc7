package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"trak/auth"
	"trak/billing"
	"trak/connect"
	"trak/db"
)

// Difference is something that is not as its lines, its facts or Stripe say.
type Difference struct {
	Workspace string `json:"workspace"` // slug, "" = no workspace's
	Kind      string `json:"kind"`      // invoice, line, payment, number, charge, refund, balance, …
	ID        string `json:"id"`
	What      string `json:"what"`
	Derived   bool   `json:"derived"` // it is a sum of what is there, so that a repair mends it

	mend mend
}

// VerifyReport says what was looked at and what was found.
type VerifyReport struct {
	Workspaces  int             `json:"workspaces"`
	Invoices    int             `json:"invoices"`
	Payments    int             `json:"payments"`
	Accounts    []AccountReport `json:"accounts"` // compared with Stripe; null = Stripe was left out
	Audit       *AuditReport    `json:"audit"`    // null = the audit log was left out
	Differences []Difference    `json:"differences"`
}

// VerifyOptions say how far VerifyWith goes.
type VerifyOptions struct {
	Stripe *connect.Client // compare with Stripe as well; nil = look at the database alone
	Own    bool            // it is the key's own account that is paid
	// Secrets opens the key of the audit log. Where neither it nor a server's database that is open
	// has the key, the audit log is left out.
	Secrets *auth.Box
	// Progress, when set, is told of each step: how many of all are done, and what comes now.
	Progress func(done, all int, what string)

	booksOnly bool // leave the audit log out, which no repair mends
}

// Verify computes every sum from its lines, every status from its facts and every series of
// numbers again, looks at each state that must hold, and compares. It changes nothing.
func Verify(ctx context.Context, d *db.DB) (VerifyReport, error) {
	return VerifyWith(ctx, d, VerifyOptions{})
}

// VerifyWith is Verify that, with Stripe, compares each charge, refund, dispute and payout on each
// account of the key's mode as well, and the balance. It reads beside a server that may be at work.
func VerifyWith(ctx context.Context, d *db.DB, o VerifyOptions) (VerifyReport, error) {
	v := &verifier{o: o, db: d, slugs: map[string]string{}, torn: map[string]bool{}, report: VerifyReport{Differences: []Difference{}}}
	key, err := o.auditKey(ctx, d)
	if err != nil {
		return v.report, err
	}
	broken, err := d.BrokenKeys(ctx)
	if err != nil {
		return v.report, fmt.Errorf("look at the foreign keys: %w", err)
	}
	err = d.View(ctx, db.System, func(q *db.Queries) error {
		if err := v.database(ctx, q); err != nil || key == nil {
			return err
		}
		return v.audit(ctx, key)
	})
	if err != nil {
		return v.report, err
	}
	for _, b := range broken {
		v.differ(v.slugs[b.WorkspaceID], "foreign key", fmt.Sprintf("%s/%d", b.Table, b.Row), "points to a row of %s that is not there", b.Parent)
	}
	if o.Stripe != nil {
		if err := v.stripe(ctx); err != nil {
			return v.report, err
		}
	}
	v.step("")
	slices.SortFunc(v.report.Differences, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Workspace, b.Workspace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID), cmp.Compare(a.What, b.What))
	})
	return v.report, nil
}

// auditKey is the key of the audit log, nil when it is left out.
func (o VerifyOptions) auditKey(ctx context.Context, d *db.DB) (*db.AuditKey, error) {
	if o.booksOnly {
		return nil, nil
	}
	if key := d.AuditKey(); key != nil || o.Secrets == nil {
		return key, nil
	}
	return auditKey(ctx, d, o.Secrets)
}

// verifyPage is how many rows are read at a time.
const verifyPage = 500

type verifier struct {
	o          VerifyOptions
	db         *db.DB
	q          *db.Queries // one snapshot of the database
	workspace  db.Workspace
	workspaces []db.Workspace
	accounts   []db.Account      // those that Stripe is asked about
	slugs      map[string]string // of the workspaces, by id
	torn       map[string]bool   // invoices whose own rows contradict each other
	done       int
	report     VerifyReport
}

func (v *verifier) differ(slug, kind, id, format string, args ...any) {
	v.report.Differences = append(v.report.Differences, Difference{Workspace: slug, Kind: kind, ID: id, What: fmt.Sprintf(format, args...)})
}

// derived is a difference that a repair mends.
func (v *verifier) derived(m mend, kind, id, format string, args ...any) {
	v.report.Differences = append(v.report.Differences, Difference{v.slugs[m.workspace], kind, id, fmt.Sprintf(format, args...), true, m})
}

// step tells that the one before is done.
func (v *verifier) step(what string) {
	if v.o.Progress != nil {
		v.o.Progress(v.done, len(v.workspaces)+len(v.accounts), what)
	}
	v.done++
}

// database looks at all that can be judged without Stripe.
func (v *verifier) database(ctx context.Context, q *db.Queries) (err error) {
	v.q = q
	if v.workspaces, err = q.AllWorkspaces(ctx); err != nil {
		return fmt.Errorf("list workspaces: %w", err)
	}
	for _, w := range v.workspaces {
		v.slugs[w.ID] = w.Slug
		if err := v.chooseAccounts(ctx, w); err != nil {
			return err
		}
	}
	for _, w := range v.workspaces {
		v.step(w.Name)
		v.workspace = w
		v.report.Workspaces++
		for _, look := range []func(context.Context) error{v.payments, v.invoices, v.numbers, v.events} {
			if err := look(ctx); err != nil {
				return fmt.Errorf("verify %s: %w", w.Slug, err)
			}
		}
	}
	return v.states(ctx)
}

// states looks for rows that contradict each other.
func (v *verifier) states(ctx context.Context) error {
	payments, err := v.q.PaymentsAmiss(ctx)
	if err != nil {
		return fmt.Errorf("compare payments with their links: %w", err)
	}
	for _, r := range payments {
		v.derived(mend{workspace: r.WorkspaceID, account: r.AccountID, intent: r.ID}, r.Kind, r.ID, "%s", r.What)
	}
	links, err := v.q.LinksAmiss(ctx)
	if err != nil {
		return fmt.Errorf("compare links with their invoices: %w", err)
	}
	for _, r := range links {
		if v.torn[r.InvoiceID] {
			v.differ(v.slugs[r.WorkspaceID], r.Kind, r.ID, "%s", r.What)
			continue
		}
		v.derived(mend{workspace: r.WorkspaceID, invoice: r.InvoiceID}, r.Kind, r.ID, "%s", r.What)
	}
	for _, look := range []func() error{
		func() error { return amiss(ctx, v, v.q.FactsAmiss) },
		func() error { return amiss(ctx, v, v.q.ClaimsAmiss) },
		func() error { return amiss(ctx, v, v.q.MatchesAmiss) },
		func() error { return amiss(ctx, v, v.q.LinkFactsAmiss) },
		func() error { return amiss(ctx, v, v.q.RequestsAmiss) },
		func() error { return amiss(ctx, v, v.q.BalanceAmiss) },
		func() error { return amiss(ctx, v, v.q.ValuesAmiss) },
		func() error { return amiss(ctx, v, v.q.TimesAmiss) },
	} {
		if err := look(); err != nil {
			return fmt.Errorf("compare rows with each other: %w", err)
		}
	}
	return nil
}

// amiss reports what a query of db/queries/verify.sql finds.
func amiss[R db.FactsAmissRow | db.ClaimsAmissRow | db.MatchesAmissRow | db.LinkFactsAmissRow | db.RequestsAmissRow | db.BalanceAmissRow | db.ValuesAmissRow | db.TimesAmissRow](
	ctx context.Context, v *verifier, find func(context.Context) ([]R, error)) error {
	rows, err := find(ctx)
	for _, row := range rows {
		r := db.FactsAmissRow(row)
		v.differ(v.slugs[r.WorkspaceID], r.Kind, r.ID, "%s", r.What)
	}
	return err
}

// payments compares each payment with what its facts add up to.
func (v *verifier) payments(ctx context.Context) error {
	for after := ""; ; {
		rows, err := v.q.PaymentsForVerify(ctx, db.PaymentsForVerifyParams{WorkspaceID: v.workspace.ID, After: after, Max: verifyPage})
		if err != nil {
			return fmt.Errorf("read payments: %w", err)
		}
		for _, row := range rows {
			after = row.ID
			v.report.Payments++
			f, err := paymentFacts(ctx, v.q, row, billing.Intent{})
			if err != nil {
				return err
			}
			if row.StripeAccountID == "" && len(f.Entries) == 0 {
				continue // nothing is left to judge it by, which states says
			}
			want := row
			fillPayment(&want, f.Intent, billing.PaymentOf(f))
			if !samePayment(row, want) {
				m := mend{workspace: row.WorkspaceID, account: row.StripeAccountID, intent: row.PaymentIntentID}
				v.derived(m, "payment", row.PaymentIntentID, "is stored as %s; its facts say %s", tellPayment(row), tellPayment(want))
			}
		}
		if len(rows) < verifyPage {
			return nil
		}
	}
}

// tellPayment says what of a payment its facts decide.
func tellPayment(p db.Payment) string {
	return fmt.Sprintf("%s, gross %d, refunded %d, lost %d %s of %d (%s %s %s %s)",
		p.Status, p.Gross, p.Refunded, p.Lost, p.Currency, p.HappenedAt, p.ChargeID, p.Method, p.Last4, p.FailureCode)
}
