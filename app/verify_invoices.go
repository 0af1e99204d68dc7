package app

import (
	"context"
	"fmt"
	"slices"

	"trak/billing"
	"trak/db"
)

func (v *verifier) invoices(ctx context.Context) error {
	for after := ""; ; {
		rows, err := v.q.InvoicesForVerify(ctx, db.InvoicesForVerifyParams{WorkspaceID: v.workspace.ID, After: after, Max: verifyPage})
		if err != nil {
			return fmt.Errorf("read invoices: %w", err)
		}
		for _, inv := range rows {
			after = inv.ID
			v.report.Invoices++
			if inv, err = v.lines(ctx, inv); err != nil {
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

// lines adds an invoice up again, and returns it with the sums that a repair gives it.
func (v *verifier) lines(ctx context.Context, inv db.Invoice) (db.Invoice, error) {
	s, err := sumsOf(ctx, v.q, inv)
	if err != nil {
		return inv, err
	}
	m := mend{workspace: inv.WorkspaceID, invoice: inv.ID}
	if s.fault != nil {
		v.differ(v.workspace.Slug, "invoice", inv.ID, "can't be added up: %v", s.fault)
		v.torn[inv.ID] = true
		return inv, nil
	}
	tell := v.derived
	if !s.confirmed(inv) {
		v.torn[inv.ID] = true
		tell = func(_ mend, kind, id, format string, args ...any) {
			v.differ(v.workspace.Slug, kind, id, format+"; it was issued, so a person must look", args...)
		}
	}
	for i, line := range s.lines {
		if line.Position != int64(i) {
			v.differ(v.workspace.Slug, "line", line.ID, "stands at %d, and is number %d of its invoice", line.Position, i)
		}
		if line.Amount != s.amounts[i] {
			tell(m, "line", line.ID, "has the amount %d; quantity times price is %d", line.Amount, s.amounts[i])
		}
	}
	if got := totalsOf(inv); got != s.totals {
		tell(m, "invoice", inv.ID, "%shas the totals %+v; its lines say %+v", named(inv), got, s.totals)
		if s.confirmed(inv) {
			inv.Subtotal, inv.Discount, inv.Tax, inv.Total = s.totals.Subtotal, s.totals.Discount, s.totals.Tax, s.totals.Total
		}
	}
	return inv, nil
}

// sums are what the lines of an invoice come to.
type sums struct {
	lines   []db.InvoiceLine
	amounts []int64 // of the lines, computed
	totals  billing.Totals
	fault   error // why there are none
}

func sumsOf(ctx context.Context, q *db.Queries, inv db.Invoice) (s sums, err error) {
	if s.lines, err = q.LinesOfInvoice(ctx, db.LinesOfInvoiceParams{WorkspaceID: inv.WorkspaceID, InvoiceID: inv.ID}); err != nil {
		return s, fmt.Errorf("read lines: %w", err)
	}
	currency, ok := billing.CurrencyOf(inv.Currency)
	if !ok {
		s.fault = fmt.Errorf("the currency %q is unknown", inv.Currency)
		return s, nil
	}
	var lines []billing.Line
	for _, r := range s.lines {
		l := billing.Line{Description: r.Description, Quantity: r.Quantity, UnitPrice: r.UnitPrice}
		amount, fault := l.Amount(currency)
		if fault != nil {
			s.fault = fmt.Errorf("line %s: %w", r.ID, fault)
			return s, nil
		}
		lines, s.amounts = append(lines, l), append(s.amounts, amount)
	}
	s.totals, s.fault = billing.Total(lines, inv.Currency)
	return s, nil
}

func totalsOf(inv db.Invoice) billing.Totals {
	return billing.Totals{Subtotal: inv.Subtotal, Discount: inv.Discount, Tax: inv.Tax, Total: inv.Total}
}

// confirmed says that the computed sums may replace the stored ones. Those of a draft may. What
// was issued binds people: there, the lines count only when one of the two sums that were stored
// with them agrees. Otherwise nobody but a person knows which of them was changed.
func (s sums) confirmed(inv db.Invoice) bool {
	return inv.Decided == string(billing.Draft) || inv.Subtotal == s.totals.Subtotal || inv.Total == s.totals.Total
}

// standing computes what the facts say again.
func (v *verifier) standing(ctx context.Context, inv db.Invoice) error {
	if torn(inv) {
		v.torn[inv.ID] = true
		v.differ(v.workspace.Slug, "invoice", inv.ID, "%sis %s, and its times or its number say otherwise: a person must look", named(inv), inv.Decided)
	}
	if v.torn[inv.ID] {
		return nil // what follows from it can't be judged
	}
	facts, err := invoiceFacts(ctx, v.q, inv, nil)
	if err != nil {
		return err
	}
	if want, got := billing.StandingOf(facts), standingOf(inv); !sameStanding(got, want) {
		v.derived(mend{workspace: inv.WorkspaceID, invoice: inv.ID}, "invoice", inv.ID, "%sis stored as %+v; its facts say %+v", named(inv), got, want)
	}
	return nil
}

// named begins a sentence about an invoice that has a number.
func named(inv db.Invoice) string {
	if inv.Number == nil {
		return ""
	}
	return *inv.Number + " "
}

// torn says that what was decided about an invoice contradicts when it was: no status can be
// computed from that.
func torn(inv db.Invoice) bool {
	draft := inv.Decided == string(billing.Draft)
	return draft == (inv.FinalizedAt > 0) || draft == (inv.Number != nil) ||
		(inv.Decided == string(billing.Void)) != (inv.VoidedAt > 0) || (inv.Decided == string(billing.Uncollectible)) != (inv.UncollectibleAt > 0)
}

func sameStanding(a, b billing.Standing) bool {
	return a.Status == b.Status && a.Phase == b.Phase && a.Received == b.Received && a.Refunded == b.Refunded && a.Due == b.Due && slices.Equal(a.Flags, b.Flags)
}

// numbers looks for gaps and strangers in each series. Its numbers go on counting when the prefix
// changes, so that each is known by its place.
func (v *verifier) numbers(ctx context.Context) error {
	seen := map[bool]map[int64]string{false: {}, true: {}}
	for after := ""; ; {
		rows, err := v.q.NumbersOfWorkspace(ctx, db.NumbersOfWorkspaceParams{WorkspaceID: v.workspace.ID, After: after, Max: verifyPage})
		if err != nil {
			return fmt.Errorf("read numbers: %w", err)
		}
		for _, r := range rows {
			after = r.ID
			n, ok := billing.Serial(*r.Number)
			if !ok {
				v.differ(v.workspace.Slug, "number", *r.Number, "was never counted")
				continue
			}
			if _, twice := seen[r.Livemode][n]; twice {
				v.differ(v.workspace.Slug, "number", *r.Number, "was given twice")
			}
			seen[r.Livemode][n] = *r.Number
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
			if _, given := seen[c.Livemode][n]; !given {
				v.differ(v.workspace.Slug, "number", billing.Number(v.workspace.InvoicePrefix, n), "is missing")
			}
			delete(seen[c.Livemode], n)
		}
	}
	for _, mode := range seen {
		for _, number := range mode {
			v.differ(v.workspace.Slug, "number", number, "was never counted")
		}
	}
	return nil
}
