package app

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"trak/billing"
	"trak/db"
)

// Detail is all that the invoice's page shows.
type Detail struct {
	Invoice  db.Invoice
	Client   db.Client  // the zero value when a draft has none
	Project  db.Project // the zero value when it has none; the team's, never the client's
	Lines    []db.InvoiceLine
	Link     LinkState
	Payments []db.Payment
	Refunds  []PaymentRefund
	Hand     map[string]HandPayment // of the payments outside Stripe, by their id
	Timeline []Moment
	Disputes []DisputeRow // while one is open; the team's
	Warned   string       // the payment that a card network warns of, "" = none; the team's
	Standing billing.Standing
	Label    billing.Label
	Overdue  bool
	Late     int // days past the due date
	// Waiting says that something may still change, so that the page keeps asking.
	Waiting bool
	// Reasons are the facts behind the standing; the team's, like the timeline.
	Reasons []billing.Reason
}

// LinkState is how an invoice's payment link stands, for people.
type LinkState struct {
	State string // "", creating, active, failed, closing or closed
	URL   string // at Stripe
	Error string // a sentence, when it is not there yet
	Tries int64
	// StillOpen is what an older link is for that Stripe has not closed yet: it could still be
	// paid. 0 = there is none.
	StillOpen int64
}

// Moment is one entry of an invoice's timeline, merged from what people did and what Stripe
// told.
type Moment struct {
	At       int64
	Kind     string // created, finalized, link_copied, viewed, voided, paid, payment_failed, processing, refunded, …
	Who      string // a person's name, "" = Stripe or the client
	Detail   string
	Money    billing.Money // zero when it is not about money
	StripeID string
	Entry    db.HandEntry // of payments outside Stripe
	Source   string       // how Trak learned it: webhook or sync; read, when Trak asked; "" = not from Stripe
	Charge   db.Charge    // of payments: method, brand, last four, reason of a failure
}

// InvoiceDetail returns an invoice with all that belongs to it. Members may see it.
func (a *App) InvoiceDetail(ctx context.Context, actor Actor, id string) (d Detail, err error) {
	if err := a.need(ctx, actor, ViewInvoices); err != nil {
		return d, err
	}
	key := invoiceKey(actor.WorkspaceID, id)
	_, _, gen := a.versions.get(key)
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		inv, err := a.findInvoice(ctx, q, actor, id)
		if err != nil {
			return err
		}
		a.versions.fill(key, inv.Version, gen) // the page polls soon
		if d, err = a.detail(ctx, q, inv); err != nil {
			return err
		}
		facts, err := invoiceFacts(ctx, q, inv, nil)
		if err != nil {
			return err
		}
		if d.Reasons = billing.Explain(facts); inv.ProjectID == nil {
			return nil
		}
		d.Project, err = findProject(ctx, q, actor, *inv.ProjectID)
		return err
	})
	return d, err
}

func (a *App) detail(ctx context.Context, q *db.Queries, inv db.Invoice) (d Detail, err error) {
	d.Invoice = inv
	w, id := inv.WorkspaceID, inv.ID
	if inv.ClientID != nil {
		if d.Client, err = q.ClientByID(ctx, db.ClientByIDParams{WorkspaceID: w, ID: *inv.ClientID}); err != nil {
			return d, fmt.Errorf("read client: %w", err)
		}
	}
	if d.Lines, err = q.LinesOfInvoice(ctx, db.LinesOfInvoiceParams{WorkspaceID: w, InvoiceID: id}); err != nil {
		return d, fmt.Errorf("read lines: %w", err)
	}
	links, err := q.LinksOfInvoice(ctx, db.LinksOfInvoiceParams{WorkspaceID: w, InvoiceID: id})
	if err != nil {
		return d, fmt.Errorf("read links: %w", err)
	}
	d.Link = linkState(links)
	if d.Payments, err = q.PaymentsOfInvoice(ctx, db.PaymentsOfInvoiceParams{WorkspaceID: w, InvoiceID: &id}); err != nil {
		return d, fmt.Errorf("read payments: %w", err)
	}
	for _, p := range d.Payments {
		refunds, err := refundsOf(ctx, q, p)
		if err != nil {
			return d, err
		}
		d.Refunds = append(d.Refunds, refunds...)
	}
	if d.Hand, err = handPayments(ctx, q, d.Payments); err != nil {
		return d, err
	}
	if d.Timeline, err = timeline(ctx, q, inv, d.Payments); err != nil {
		return d, err
	}
	d.Standing = standingOf(inv)
	if d.Disputes, err = disputesOfInvoice(ctx, q, inv, d.Standing.Flags); err != nil {
		return d, err
	}
	if d.Warned, err = warnedPayment(ctx, q, d.Payments, d.Standing.Flags); err != nil {
		return d, err
	}
	look := a.look(inv)
	d.Label, d.Overdue = billing.LabelOf(look), look.Overdue()
	if d.Overdue {
		d.Late = daysBetween(inv.DueDate, string(look.Today))
	}
	d.Waiting = inv.Decided != string(billing.Draft) && (!d.Standing.Final() || d.Link.State == linkClosing || d.Link.StillOpen > 0)
	return d, nil
}

// standingOf is the stored standing, as the facts left it.
func standingOf(inv db.Invoice) billing.Standing {
	return billing.Standing{
		Status: billing.Status(inv.Status), Phase: billing.Phase(inv.Phase), Flags: strings.Fields(inv.Flags),
		Received: inv.Received, Refunded: inv.Refunded, Due: inv.Due,
	}
}

// look is what the invoice's label depends on, today.
func (a *App) look(inv db.Invoice) billing.Look {
	zone := Workspace{TimeZone: inv.TimeZone}.Location()
	return billing.Look{
		Status: billing.Status(inv.Status), Flags: strings.Fields(inv.Flags), DueDate: billing.Date(inv.DueDate),
		Today: billing.Today(zone, a.now()), Sent: inv.SentAt > 0, Viewed: inv.ViewedAt > 0,
	}
}

// linkState is the newest link's, unless an older one can be used.
func linkState(links []db.Link) (s LinkState) {
	stillOpen := int64(0)
	for i, l := range links {
		if l.State == linkClosing && i < len(links)-1 {
			stillOpen = max(stillOpen, l.Amount)
		}
		if s.State == linkActive && l.State != linkActive {
			continue
		}
		s = LinkState{State: l.State, Error: l.LastError, Tries: l.Attempts}
		if l.State == linkActive {
			s.URL = l.Url
		}
	}
	s.StillOpen = stillOpen
	return s
}

// InvoiceVersion is what a poll compares: it reads the invoice only when its version is not
// known in memory. The second result says whether the invoice is the actor's to see.
func (a *App) InvoiceVersion(ctx context.Context, actor Actor, id string) (int64, error) {
	if !actor.Role.May(ViewInvoices) {
		return 0, a.need(ctx, actor, ViewInvoices)
	}
	key := invoiceKey(actor.WorkspaceID, id)
	n, ok, gen := a.versions.get(key)
	if ok {
		return n, nil
	}
	inv, err := a.invoice(ctx, actor, id)
	if err != nil {
		return 0, err
	}
	a.versions.fill(key, inv.Version, gen)
	return inv.Version, nil
}

// ListVersion changes whenever anything in the workspace's list of invoices does.
func (a *App) ListVersion(actor Actor) int64 {
	return a.versions.count(actor.WorkspaceID)
}

// ConnectionVersion changes whenever the workspace's Stripe connection does.
func (a *App) ConnectionVersion(actor Actor) int64 {
	return a.versions.count(connectionKey(actor.WorkspaceID))
}

// timeline merges what people did with what Stripe told, oldest first.
func timeline(ctx context.Context, q *db.Queries, inv db.Invoice, payments []db.Payment) ([]Moment, error) {
	var list []Moment
	events, err := q.EventsOfInvoice(ctx, db.EventsOfInvoiceParams{WorkspaceID: inv.WorkspaceID, InvoiceID: inv.ID})
	if err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	for _, e := range events {
		list = append(list, Moment{At: e.At, Kind: e.Kind, Who: e.UserName, Detail: e.Detail})
	}
	if inv.ViewedAt > 0 {
		list = append(list, Moment{At: inv.ViewedAt, Kind: "viewed"})
	}
	for _, p := range payments {
		moments, err := momentsOf(ctx, q, p)
		if err != nil {
			return nil, err
		}
		list = append(list, moments...)
	}
	if err := addSources(ctx, q, inv, list); err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b Moment) int {
		if a.At != b.At {
			return int(max(-1, min(1, a.At-b.At)))
		}
		return strings.Compare(a.StripeID, b.StripeID)
	})
	return list, nil
}

// sourceRead is the source of what no event told: Trak asked Stripe.
const sourceRead = "read"

// addSources says of each moment of Stripe's how Trak learned it: by the earliest event that names
// its object.
func addSources(ctx context.Context, q *db.Queries, inv db.Invoice, list []Moment) error {
	if !slices.ContainsFunc(list, func(m Moment) bool { return m.StripeID != "" }) {
		return nil
	}
	rows, err := q.SourcesOfInvoice(ctx, db.SourcesOfInvoiceParams{WorkspaceID: &inv.WorkspaceID, InvoiceID: &inv.ID})
	if err != nil {
		return fmt.Errorf("read where the facts come from: %w", err)
	}
	sources := map[string]string{}
	for _, r := range rows {
		if sources[r.ObjectID] == "" {
			sources[r.ObjectID] = r.Source
		}
	}
	for i, m := range list {
		if m.StripeID != "" {
			list[i].Source = cmp.Or(sources[m.StripeID], sourceRead)
		}
	}
	return nil
}

// momentsOf tells a payment's story from its facts.
func momentsOf(ctx context.Context, q *db.Queries, p db.Payment) (list []Moment, err error) {
	if p.StripeAccountID == "" {
		return momentsByHand(ctx, q, p)
	}
	charges, err := q.ChargesOfIntent(ctx, db.ChargesOfIntentParams{WorkspaceID: p.WorkspaceID, StripeAccountID: p.StripeAccountID, PaymentIntentID: p.PaymentIntentID})
	if err != nil {
		return nil, fmt.Errorf("read charges: %w", err)
	}
	requests, err := q.RefundRequestsOfPayment(ctx, db.RefundRequestsOfPaymentParams{WorkspaceID: p.WorkspaceID, PaymentID: p.ID})
	if err != nil {
		return nil, fmt.Errorf("read refunds asked for: %w", err)
	}
	askedAt := map[string]int64{}
	for _, r := range requests {
		askedAt[r.RefundID] = r.CreatedAt
	}
	succeeded := false
	for _, c := range charges {
		m := Moment{At: c.CreatedAt, StripeID: c.ChargeID, Charge: c, Money: billing.Money{Minor: c.Amount, Currency: c.Currency}}
		switch billing.Rank(c.Rank) {
		case billing.ChargeSucceeded:
			succeeded = true
			m.Kind, m.Money.Minor = "paid", c.Captured
			if c.PaidAt > 0 {
				m.At = max(c.PaidAt, c.CreatedAt)
			}
		case billing.ChargeFailed:
			m.Kind = "payment_failed"
		default:
			m.Kind = "processing"
		}
		list = append(list, m)
		refunds, err := q.RefundsOfCharge(ctx, db.RefundsOfChargeParams{WorkspaceID: p.WorkspaceID, StripeAccountID: p.StripeAccountID, ChargeID: c.ChargeID})
		if err != nil {
			return nil, fmt.Errorf("read refunds: %w", err)
		}
		for _, r := range refunds {
			// Stripe's time is in whole seconds: what was asked for here came before.
			m := Moment{At: max(r.CreatedAt, askedAt[r.RefundID]), StripeID: r.RefundID, Kind: "refunded", Money: billing.Money{Minor: r.Amount, Currency: r.Currency}, Detail: r.FailureReason}
			switch {
			case billing.Rank(r.Rank) > billing.RefundSucceeded:
				m.Kind = "refund_failed"
			case billing.Rank(r.Rank) < billing.RefundSucceeded:
				m.Kind = "refund_pending"
			}
			list = append(list, m)
		}
		disputed, err := disputeMoments(ctx, q, c)
		if err != nil {
			return nil, err
		}
		list = append(list, disputed...)
	}
	if !succeeded && p.Gross > 0 {
		list = append(list, Moment{At: p.HappenedAt, Kind: "paid", StripeID: p.PaymentIntentID, Money: billing.Money{Minor: p.Gross, Currency: p.Currency}})
	}
	return list, nil
}

// Public is what the client's page shows, and nothing else.
type Public struct {
	Detail
	CanPay bool
	Reason string // why it can't be paid, as a key of the message catalogue: "" when it can
	// How the workspace looks: hash of its logo, and its accent as #rrggbb; "" = none.
	Logo, Accent string
}

// PublicInvoice returns the invoice behind a client's link. ErrNotFound for anything else.
func (a *App) PublicInvoice(ctx context.Context, token string) (p Public, err error) {
	err = a.db.View(ctx, db.System, func(q *db.Queries) error {
		inv, err := publicInvoice(ctx, q, token)
		if err != nil {
			return err
		}
		if p.Detail, err = a.detail(ctx, q, inv); err != nil {
			return err
		}
		w, err := q.WorkspaceByID(ctx, inv.WorkspaceID)
		if err != nil {
			return fmt.Errorf("read workspace: %w", err)
		}
		p.Logo, p.Accent = w.Logo, w.Accent
		p.Timeline, p.Disputes, p.Warned = nil, nil, "" // the team's
		p.CanPay, p.Reason = a.payable(p.Detail)
		return nil
	})
	return p, err
}

// publicInvoice finds an invoice by its token. A draft has no page yet.
func publicInvoice(ctx context.Context, q *db.Queries, token string) (db.Invoice, error) {
	inv, err := q.InvoiceByToken(ctx, token)
	if errors.Is(err, sql.ErrNoRows) || err == nil && inv.Decided == string(billing.Draft) {
		return inv, ErrNotFound
	}
	if err != nil {
		return inv, fmt.Errorf("read invoice by token: %w", err)
	}
	return inv, nil
}

// payable says whether the client may go to Stripe now, and if not, why.
func (a *App) payable(d Detail) (bool, string) {
	switch {
	case d.Invoice.Livemode != a.live:
		return false, "not_ready" // Trak's key can't look after it now
	case d.Invoice.Decided == string(billing.Void):
		return false, "void"
	case d.Invoice.Decided == string(billing.Uncollectible):
		return false, "closed"
	case d.Standing.Due == 0:
		return false, "paid"
	case d.Standing.Status == billing.Processing:
		return false, "processing"
	case d.Link.State == linkActive && d.Link.URL != "":
		return true, ""
	}
	return false, "not_ready"
}

// PayURL is the last look before a client leaves for Stripe: the address of the checkout, or
// the reason why not (see Public.Reason). ErrNotFound for an unknown token.
func (a *App) PayURL(ctx context.Context, token string) (url, reason string, err error) {
	p, err := a.PublicInvoice(ctx, token)
	if err != nil || !p.CanPay {
		return "", p.Reason, err
	}
	return p.Link.URL, "", nil
}

// PublicVersion is what the client's page compares. It reads the one row that the token names,
// so that a token that was replaced ends at once.
func (a *App) PublicVersion(ctx context.Context, token string) (version int64, err error) {
	err = a.db.View(ctx, db.System, func(q *db.Queries) error {
		inv, err := publicInvoice(ctx, q, token)
		version = inv.Version
		return err
	})
	return version, err
}

// Viewed notes that the client has looked at the page. Only a person's own act on the page
// counts, not the team's visits and not a mail scanner's.
func (a *App) Viewed(ctx context.Context, token string) error {
	return a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		inv, err := publicInvoice(ctx, tx.Queries, token)
		if err != nil {
			return err
		}
		n, err := tx.MarkInvoiceViewed(ctx, db.MarkInvoiceViewedParams{WorkspaceID: inv.WorkspaceID, ID: inv.ID, ViewedAt: tx.Now()})
		if err != nil {
			return fmt.Errorf("mark viewed: %w", err)
		}
		if n > 0 {
			inv.Version++
			a.changed(tx, inv)
		}
		return nil
	})
}

// Returned is called when a client comes back from Checkout. That proves nothing: the session
// must be one of this invoice's link, and is marked to be read again from Stripe, unless its
// event has come already; and so are the account's events, a little later.
func (a *App) Returned(ctx context.Context, token, sessionID string) error {
	if !strings.HasPrefix(sessionID, "cs_") || len(sessionID) > 255 {
		return nil
	}
	return a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		inv, err := publicInvoice(ctx, tx.Queries, token)
		if err != nil {
			return err
		}
		if standingOf(inv).Final() || inv.Livemode != a.live {
			return nil
		}
		links, err := tx.LinksOfInvoice(ctx, db.LinksOfInvoiceParams{WorkspaceID: inv.WorkspaceID, InvoiceID: inv.ID})
		if err != nil {
			return fmt.Errorf("read links: %w", err)
		}
		if len(links) == 0 {
			return nil
		}
		last := links[len(links)-1]
		s, err := tx.SessionByID(ctx, db.SessionByIDParams{WorkspaceID: inv.WorkspaceID, StripeAccountID: last.StripeAccountID, SessionID: sessionID})
		if err == nil && billing.Rank(s.Rank) >= billing.SessionCompleteUnpaid {
			return nil
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read session: %w", err)
		}
		account, err := tx.AccountByStripeID(ctx, &last.StripeAccountID)
		if err != nil {
			return fmt.Errorf("read account: %w", err)
		}
		if err := a.askSync(ctx, tx, account, signPause); err != nil {
			return err
		}
		return a.askRead(ctx, tx, account, billing.Read{Kind: billing.ReadSession, ID: sessionID, At: tx.Now()}, 0)
	})
}

// PublicURL is the address that people copy and send.
func (a *App) PublicURL(inv db.Invoice) string { return a.url + "/i/" + inv.Token }
