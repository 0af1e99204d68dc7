package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"trak/billing"
	"trak/db"
)

// Proof is the whole way of an invoice's money, each step with Stripe's own id: from its lines to
// the payout that brought it to the bank.
type Proof struct {
	Workspace string         `json:"workspace"` // slug
	InvoiceID string         `json:"invoice_id"`
	Number    string         `json:"number"` // "" = a draft
	Client    string         `json:"client"`
	Status    billing.Status `json:"status"`
	Currency  string         `json:"currency"`
	Livemode  bool           `json:"livemode"`
	Legs      []Leg          `json:"legs"`
}

// Leg is one part of the way. Its amounts are signed as the team sees its money.
type Leg struct {
	Kind  string `json:"kind"` // lines, links, payment, refund, dispute, hand or standing
	Title string `json:"title"`
	Steps []Step `json:"steps"`
}

// Step is one thing that happened, or one that has not.
type Step struct {
	What     string `json:"what"`
	StripeID string `json:"stripe_id,omitempty"`
	At       int64  `json:"at,omitempty"`     // Unix microseconds, 0 = no time of its own
	Day      string `json:"day,omitempty"`    // YYYY-MM-DD, of what has a day alone
	Amount   *int64 `json:"amount,omitempty"` // signed, minor units
	Currency string `json:"currency,omitempty"`
	Missing  bool   `json:"missing,omitempty"` // it has not happened, or is not known here
}

// Money is the amount, and whether there is one.
func (s Step) Money() (billing.Money, bool) {
	if s.Amount == nil {
		return billing.Money{}, false
	}
	return billing.Money{Minor: *s.Amount, Currency: s.Currency}, true
}

// Proof returns the way of an invoice's money. Members may see it.
func (a *App) Proof(ctx context.Context, actor Actor, id string) (p Proof, err error) {
	if err := a.need(ctx, actor, ViewInvoices); err != nil {
		return p, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		inv, err := a.findInvoice(ctx, q, actor, id)
		if err != nil {
			return err
		}
		p, err = prove(ctx, q, inv)
		p.Workspace = actor.Workspace.Slug
		return err
	})
	return p, err
}

// SeveralFound says that a number is that of several workspaces' invoices.
type SeveralFound struct {
	Number string
	Slugs  []string
}

func (e *SeveralFound) Error() string {
	return fmt.Sprintf("several workspaces have an invoice %s: %s", e.Number, strings.Join(e.Slugs, ", "))
}

// Prove finds an invoice by its number, for the operator: in the workspace with the slug, or in
// all when that is empty. The data directory's mode, test or live, counts. Returns ErrNotFound or
// a SeveralFound.
func Prove(ctx context.Context, d *db.DB, number, slug string) (p Proof, err error) {
	err = d.View(ctx, db.System, func(q *db.Queries) error {
		mode, err := q.InstallationValue(ctx, modeKept)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read the mode: %w", err)
		}
		workspaces, err := q.AllWorkspaces(ctx)
		if err != nil {
			return fmt.Errorf("list workspaces: %w", err)
		}
		several := &SeveralFound{Number: number}
		var found db.Invoice
		for _, w := range workspaces {
			if slug != "" && w.Slug != slug {
				continue
			}
			inv, err := q.InvoiceByNumber(ctx, db.InvoiceByNumberParams{WorkspaceID: w.ID, Livemode: string(mode) == ModeName(true), Number: &number})
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return fmt.Errorf("look for the invoice: %w", err)
			}
			found, several.Slugs = inv, append(several.Slugs, w.Slug)
		}
		switch len(several.Slugs) {
		case 0:
			return ErrNotFound
		case 1:
			p, err = prove(ctx, q, found)
			p.Workspace = several.Slugs[0]
			return err
		}
		return several
	})
	return p, err
}

// prover writes a proof leg by leg.
type prover struct {
	q   *db.Queries
	inv db.Invoice
	Proof
}

func prove(ctx context.Context, q *db.Queries, inv db.Invoice) (Proof, error) {
	p := &prover{q: q, inv: inv, Proof: Proof{
		InvoiceID: inv.ID, Client: inv.BuyerName, Status: billing.Status(inv.Status), Currency: inv.Currency, Livemode: inv.Livemode,
	}}
	if inv.Number != nil {
		p.Number = *inv.Number
	}
	for _, write := range []func(context.Context) error{p.lines, p.links, p.payments} {
		if err := write(ctx); err != nil {
			return p.Proof, err
		}
	}
	p.standing()
	return p.Proof, nil
}

// leg begins the next part.
func (p *prover) leg(kind, title string) { p.Legs = append(p.Legs, Leg{Kind: kind, Title: title}) }

func (p *prover) step(s Step) {
	last := &p.Legs[len(p.Legs)-1]
	last.Steps = append(last.Steps, s)
}

func (p *prover) missing(what string) { p.step(Step{What: what, Missing: true}) }

// worth is a step's amount.
func worth(s Step, minor int64, currency string) Step {
	s.Amount, s.Currency = &minor, currency
	return s
}

func (p *prover) lines(ctx context.Context) error {
	lines, err := p.q.LinesOfInvoice(ctx, db.LinesOfInvoiceParams{WorkspaceID: p.inv.WorkspaceID, InvoiceID: p.inv.ID})
	if err != nil {
		return fmt.Errorf("read lines: %w", err)
	}
	p.leg("lines", "Invoiced")
	for _, l := range lines {
		what := fmt.Sprintf("%s, %s × %s", l.Description, billing.FormatQuantity(l.Quantity, "en"), billing.FormatUnitPrice(l.UnitPrice, p.Currency, "en"))
		p.step(worth(Step{What: what}, l.Amount, p.Currency))
	}
	if p.inv.Discount != 0 {
		p.step(worth(Step{What: "Discount"}, -p.inv.Discount, p.Currency))
	}
	if p.inv.Tax != 0 {
		p.step(worth(Step{What: "Tax"}, p.inv.Tax, p.Currency))
	}
	p.step(worth(Step{What: "Total", At: p.inv.FinalizedAt}, p.inv.Total, p.Currency))
	return nil
}

func (p *prover) links(ctx context.Context) error {
	links, err := p.q.LinksOfInvoice(ctx, db.LinksOfInvoiceParams{WorkspaceID: p.inv.WorkspaceID, InvoiceID: p.inv.ID})
	if err != nil {
		return fmt.Errorf("read links: %w", err)
	}
	p.leg("links", "Payment links")
	for _, l := range links {
		asks := billing.FormatMoney(billing.Money{Minor: l.Amount, Currency: l.Currency}, "en")
		p.step(Step{What: "Asks for " + asks + ", " + l.State, StripeID: l.StripeLinkID, At: l.CreatedAt})
	}
	if len(links) == 0 {
		p.missing("There is none.")
	}
	return nil
}

func (p *prover) payments(ctx context.Context) error {
	payments, err := p.q.PaymentsOfInvoice(ctx, db.PaymentsOfInvoiceParams{WorkspaceID: p.inv.WorkspaceID, InvoiceID: &p.inv.ID})
	if err != nil {
		return fmt.Errorf("read payments: %w", err)
	}
	for _, row := range payments {
		if row.StripeAccountID == "" {
			err = p.byHand(ctx, row)
		} else {
			err = p.throughStripe(ctx, row)
		}
		if err != nil {
			return err
		}
	}
	if len(payments) == 0 {
		p.leg("payment", "Payments")
		p.missing("Nobody has paid yet.")
	}
	return nil
}

// byHand tells of a payment that people recorded.
func (p *prover) byHand(ctx context.Context, row db.Payment) error {
	entries, err := p.q.HandEntriesWithNames(ctx, db.HandEntriesWithNamesParams{WorkspaceID: row.WorkspaceID, PaymentID: row.ID})
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	p.leg("hand", "Payment outside Stripe")
	for _, e := range entries {
		what := "Recorded by "
		if e.Amount < 0 {
			what = "Taken back by "
		}
		what += e.UserName + ", " + strings.ReplaceAll(e.Method, "_", " ")
		for _, more := range []string{e.Reference, e.Note} {
			if more != "" {
				what += ", " + more
			}
		}
		p.step(worth(Step{What: what, Day: e.ReceivedOn}, e.Amount, e.Currency))
	}
	return nil
}

// throughStripe tells of a payment intent: its sessions, its charges, and what was claimed of them.
func (p *prover) throughStripe(ctx context.Context, row db.Payment) error {
	f, err := paymentFacts(ctx, p.q, row, billing.Intent{})
	if err != nil {
		return err
	}
	p.leg("payment", "Payment through Stripe")
	for _, s := range f.Sessions {
		step := Step{What: "Checkout session, " + billing.SessionWord(s.Rank), StripeID: s.ID, At: s.PaidAt}
		if s.Rank == billing.SessionPaid {
			step = worth(step, s.Amount, s.Currency)
		}
		p.step(step)
	}
	if row.AssignedAt > 0 {
		p.step(Step{What: "Assigned to this invoice by a person", At: row.AssignedAt})
	}
	if strings.HasPrefix(row.PaymentIntentID, "pi_") {
		p.step(Step{What: "Payment intent", StripeID: row.PaymentIntentID})
	}
	for _, c := range f.Charges {
		if err := p.charge(ctx, row, c); err != nil {
			return err
		}
	}
	if len(f.Charges) == 0 {
		p.missing("Its charge is not known here yet.")
	}
	for _, r := range f.Refunds {
		p.leg("refund", "Refund of "+r.ChargeID)
		s := Step{What: "Refund, " + billing.RefundWord(r.Rank), StripeID: r.ID, At: r.CreatedAt}
		if r.Rank > billing.RefundSucceeded {
			p.step(worth(s, 0, r.Currency))
		} else {
			p.step(worth(s, -r.Amount, r.Currency))
		}
		if err := p.booked(ctx, row, r.ID, r.Rank == billing.RefundSucceeded); err != nil {
			return err
		}
	}
	for _, d := range f.Disputes {
		p.leg("dispute", "Dispute of "+d.ChargeID)
		s := Step{What: "Dispute, " + billing.DisputeWord(d.Rank) + ", " + strings.ReplaceAll(d.Reason, "_", " "), StripeID: d.ID, At: d.CreatedAt}
		lost := int64(0)
		if d.Rank == billing.DisputeLost {
			lost = -d.Amount
		}
		p.step(worth(s, lost, d.Currency))
		if err := p.booked(ctx, row, d.ID, d.Withdrawn > 0); err != nil {
			return err
		}
	}
	return nil
}

func (p *prover) charge(ctx context.Context, row db.Payment, c billing.Charge) error {
	what := "Charge, " + billing.ChargeWord(c.Rank)
	for _, more := range []string{c.Brand, c.Last4, c.FailureCode} {
		if more != "" {
			what += ", " + strings.ReplaceAll(more, "_", " ")
		}
	}
	step := Step{What: what, StripeID: c.ID, At: max(c.PaidAt, c.CreatedAt)}
	if c.Rank == billing.ChargeSucceeded {
		step = worth(step, c.Captured, c.Currency)
	}
	p.step(step)
	return p.booked(ctx, row, c.ID, c.Rank == billing.ChargeSucceeded)
}

// booked tells how a charge or a claim moved the balance, what Stripe kept, and with which payout
// it went to the bank. expected says that there must be a movement.
func (p *prover) booked(ctx context.Context, row db.Payment, source string, expected bool) error {
	movements, err := p.q.TransactionsOfSource(ctx, db.TransactionsOfSourceParams{WorkspaceID: row.WorkspaceID, StripeAccountID: row.StripeAccountID, SourceID: source})
	if err != nil {
		return fmt.Errorf("read balance transactions: %w", err)
	}
	if len(movements) == 0 && expected {
		p.missing("How it was booked, and Stripe's fee, are not known here yet.")
		p.missing("Not paid out yet, as far as is known here.")
	}
	for _, t := range movements {
		p.step(worth(Step{What: "Booked in the Stripe balance", StripeID: t.TransactionID, At: t.CreatedAt}, t.Amount, t.Currency))
		if t.Fee != 0 {
			p.step(worth(Step{What: "Stripe's fee", StripeID: t.TransactionID}, -t.Fee, t.Currency))
		}
		if err := p.paidOut(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

func (p *prover) paidOut(ctx context.Context, t db.BalanceTransaction) error {
	if t.PayoutID == "" {
		p.missing("Not paid out yet.")
		return nil
	}
	payout, err := p.q.PayoutByID(ctx, db.PayoutByIDParams{WorkspaceID: t.WorkspaceID, StripeAccountID: t.StripeAccountID, PayoutID: t.PayoutID})
	if errors.Is(err, sql.ErrNoRows) {
		p.step(worth(Step{What: "Part of a payout that is not known here yet", StripeID: t.PayoutID, Missing: true}, t.Net, t.Currency))
		return nil
	}
	if err != nil {
		return fmt.Errorf("read payout: %w", err)
	}
	s := worth(Step{StripeID: t.PayoutID, Day: payout.ArrivalDate}, t.Net, t.Currency)
	switch rank := billing.Rank(payout.Rank); rank {
	case billing.PayoutPaid:
		s.What = "Paid out to the bank, net"
	case billing.PayoutFailed, billing.PayoutCanceled:
		s.What, s.Missing, s.Day = "The payout "+billing.PayoutWord(rank)+"; the money is back in the Stripe balance", true, ""
	default:
		s.What = "On its way to the bank, net, expected to arrive"
	}
	p.step(s)
	return nil
}

// standing sums up.
func (p *prover) standing() {
	inv := p.inv
	p.leg("standing", "Where it stands")
	p.step(worth(Step{What: "Received"}, inv.Received, p.Currency))
	if inv.Refunded != 0 {
		p.step(worth(Step{What: "Refunded"}, -inv.Refunded, p.Currency))
	}
	p.step(worth(Step{What: "Still due"}, inv.Due, p.Currency))
}
