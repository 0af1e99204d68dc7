package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"trak/billing"
	"trak/db"
)

// Difference is something that is not as its lines and facts say.
type Difference struct {
	Workspace string `json:"workspace"` // slug
	Kind      string `json:"kind"`      // invoice, line, payment or number
	ID        string `json:"id"`
	What      string `json:"what"`
}

// VerifyReport says what Verify looked at and what it found.
type VerifyReport struct {
	Workspaces  int          `json:"workspaces"`
	Invoices    int          `json:"invoices"`
	Payments    int          `json:"payments"`
	Differences []Difference `json:"differences"`
}

// Verify computes every sum from its lines, every status from its facts and every series of
// numbers again, and compares. It changes nothing.
func Verify(ctx context.Context, d *db.DB) (VerifyReport, error) {
	v := verifier{report: VerifyReport{Differences: []Difference{}}}
	err := d.View(ctx, db.System, func(q *db.Queries) error {
		v.q = q
		all, err := q.AllWorkspaces(ctx)
		if err != nil {
			return fmt.Errorf("list workspaces: %w", err)
		}
		for _, w := range all {
			v.workspace = w
			v.report.Workspaces++
			for _, step := range []func(context.Context) error{v.payments, v.invoices, v.numbers} {
				if err := step(ctx); err != nil {
					return fmt.Errorf("verify %s: %w", w.Slug, err)
				}
			}
		}
		return nil
	})
	return v.report, err
}

const verifyPage = 500

type verifier struct {
	q         *db.Queries
	workspace db.Workspace
	report    VerifyReport
}

func (v *verifier) differ(kind, id, format string, args ...any) {
	v.report.Differences = append(v.report.Differences, Difference{v.workspace.Slug, kind, id, fmt.Sprintf(format, args...)})
}

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
			want := row
			fillPayment(&want, f.Intent, billing.PaymentOf(f))
			if !samePayment(row, want) {
				v.differ("payment", row.PaymentIntentID, "is stored as %s, gross %d, refunded %d; its facts say %s, gross %d, refunded %d",
					row.Status, row.Gross, row.Refunded, want.Status, want.Gross, want.Refunded)
			}
		}
		if len(rows) < verifyPage {
			return nil
		}
	}
}

func (v *verifier) invoices(ctx context.Context) error {
	for after := ""; ; {
		rows, err := v.q.InvoicesForVerify(ctx, db.InvoicesForVerifyParams{WorkspaceID: v.workspace.ID, After: after, Max: verifyPage})
		if err != nil {
			return fmt.Errorf("read invoices: %w", err)
		}
		for _, inv := range rows {
			after = inv.ID
			v.report.Invoices++
			if err := v.lines(ctx, inv); err != nil {
				return err
			}
			if err := v.standing(ctx, inv); err != nil {
				return err
			}
		}
		if len(rows) < verifyPage {
			return nil
		}
	}
}

// lines adds an invoice up again.
func (v *verifier) lines(ctx context.Context, inv db.Invoice) error {
	rows, err := v.q.LinesOfInvoice(ctx, db.LinesOfInvoiceParams{WorkspaceID: inv.WorkspaceID, InvoiceID: inv.ID})
	if err != nil {
		return fmt.Errorf("read lines: %w", err)
	}
	currency, ok := billing.CurrencyOf(inv.Currency)
	if !ok {
		v.differ("invoice", inv.ID, "has the unknown currency %q", inv.Currency)
		return nil
	}
	var lines []billing.Line
	for _, r := range rows {
		l := billing.Line{Description: r.Description, Quantity: r.Quantity, UnitPrice: r.UnitPrice}
		lines = append(lines, l)
		if amount, err := l.Amount(currency); err != nil || amount != r.Amount {
			v.differ("line", r.ID, "has the amount %d; quantity times price is %d (%v)", r.Amount, amount, err)
		}
	}
	t, err := billing.Total(lines, inv.Currency)
	if got := (billing.Totals{Subtotal: inv.Subtotal, Discount: inv.Discount, Tax: inv.Tax, Total: inv.Total}); err != nil || got != t {
		v.differ("invoice", inv.ID, "has the totals %+v; its lines say %+v (%v)", got, t, err)
	}
	return nil
}

// standing computes what the facts say again.
func (v *verifier) standing(ctx context.Context, inv db.Invoice) error {
	facts, err := invoiceFacts(ctx, v.q, inv, nil)
	if err != nil {
		return err
	}
	want, got := billing.StandingOf(facts), standingOf(inv)
	same := got.Status == want.Status && got.Phase == want.Phase && got.Received == want.Received &&
		got.Refunded == want.Refunded && got.Due == want.Due && slices.Equal(got.Flags, want.Flags)
	if !same {
		v.differ("invoice", inv.ID, "is stored as %+v; its facts say %+v", got, want)
	}
	if (inv.Number == nil) != (inv.Decided == string(billing.Draft)) {
		v.differ("invoice", inv.ID, "is %s and has the number %v", inv.Decided, inv.Number)
	}
	return nil
}

// numbers looks for gaps and strangers in each series.
func (v *verifier) numbers(ctx context.Context) error {
	seen := map[bool]map[string]bool{false: {}, true: {}}
	for after := ""; ; {
		rows, err := v.q.NumbersOfWorkspace(ctx, db.NumbersOfWorkspaceParams{WorkspaceID: v.workspace.ID, After: after, Max: verifyPage})
		if err != nil {
			return fmt.Errorf("read numbers: %w", err)
		}
		for _, r := range rows {
			after = r.ID
			if seen[r.Livemode][*r.Number] {
				v.differ("number", *r.Number, "was given twice")
			}
			seen[r.Livemode][*r.Number] = true
		}
		if len(rows) < verifyPage {
			break
		}
	}
	counters, err := v.q.CountersOfWorkspace(ctx, v.workspace.ID)
	if err != nil {
		return fmt.Errorf("read counters: %w", err)
	}
	for _, c := range counters {
		for n := int64(1); n <= c.Last; n++ {
			number := billing.Number(v.workspace.InvoicePrefix, n)
			if !seen[c.Livemode][number] {
				v.differ("number", number, "is missing")
			}
			delete(seen[c.Livemode], number)
		}
	}
	for _, mode := range seen {
		for number := range mode {
			v.differ("number", number, "was never counted")
		}
	}
	slices.SortFunc(v.report.Differences, func(a, b Difference) int {
		return strings.Compare(a.Workspace+a.Kind+a.ID+a.What, b.Workspace+b.Kind+b.ID+b.What)
	})
	return nil
}
