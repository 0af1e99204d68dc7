package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"trak/billing"
	"trak/db"
)

// matchAfter is how long a payment of ours may wait for the session that says which link it
// came through, before that session is looked for at Stripe. A failed attempt completes no
// session, so that no event will say it: that one is looked for at once.
const matchAfter = 10 * time.Second

// fold merges facts of one account into the stored ones and brings what depends on them up to
// date: payments, then invoices, then links. All of it happens in the caller's transaction.
type fold struct {
	a       *App
	tx      *db.Tx
	account db.Account
	acct    string // Stripe's id of it
	touched struct {
		intents  map[string]billing.Intent // with what was said of them
		invoices map[string]bool
	}
	learned  map[string]bool            // intents of which a fact was new
	payments map[string]billing.Payment // computed in this fold, by intent
	asks     bool                       // may ask for more to be read
	gap      bool                       // something was said of what nobody had spoken of
}

// applyFacts is the one way by which anything that Stripe said gets into the books: webhooks,
// replays and objects read again all come through here.
func (a *App) applyFacts(ctx context.Context, tx *db.Tx, account db.Account, f billing.Facts) error {
	return a.fold(ctx, tx, account, f, true)
}

// applyRead is applyFacts for what was read from Stripe just now: it asks for nothing more, or
// a payment that has no invoice would be read for ever.
func (a *App) applyRead(ctx context.Context, tx *db.Tx, account db.Account, f billing.Facts) error {
	return a.fold(ctx, tx, account, f, false)
}

func (a *App) fold(ctx context.Context, tx *db.Tx, account db.Account, f billing.Facts, asks bool) error {
	if account.StripeAccountID == nil {
		return fmt.Errorf("facts for an account without an id (%s)", account.ID)
	}
	x := a.newFold(tx, account, asks)
	for _, step := range []func(context.Context, billing.Facts) error{
		x.sessions, x.intents, x.charges, x.refunds, x.disputes, x.alerts, x.payouts, x.transactions,
	} {
		if err := step(ctx, f); err != nil {
			return err
		}
	}
	return x.settle(ctx)
}

func (a *App) newFold(tx *db.Tx, account db.Account, asks bool) *fold {
	x := &fold{a: a, tx: tx, account: account, acct: *account.StripeAccountID, asks: asks, learned: map[string]bool{}, payments: map[string]billing.Payment{}}
	x.touched.intents = map[string]billing.Intent{}
	x.touched.invoices = map[string]bool{}
	return x
}

// settle computes what depends on the facts that were touched.
func (x *fold) settle(ctx context.Context) error {
	for id, said := range x.touched.intents {
		if err := x.payment(ctx, id, said); err != nil {
			return fmt.Errorf("payment %s: %w", id, err)
		}
	}
	for id := range x.touched.invoices {
		if err := x.a.restandByID(ctx, x.tx, x.account.WorkspaceID, id, x.payments); err != nil {
			return fmt.Errorf("invoice %s: %w", id, err)
		}
	}
	if x.gap && x.asks {
		return x.a.askSync(ctx, x.tx, x.account, signPause)
	}
	return nil
}

// touch marks an intent, so that its payment is computed again.
func (x *fold) touch(intent string) {
	if _, ok := x.touched.intents[intent]; !ok && intent != "" {
		x.touched.intents[intent] = billing.Intent{ID: intent}
	}
}

// merged merges what was said of an object into the stored fact, which is not there yet when reading
// it found no row, and says whether that is news.
func merged[F comparable](was F, readErr error, said F, merge func(a, b F) F) (now F, isNew bool, err error) {
	if errors.Is(readErr, sql.ErrNoRows) {
		return said, true, nil
	}
	now = merge(was, said)
	return now, now != was, readErr
}

func (x *fold) sessions(ctx context.Context, f billing.Facts) error {
	for _, said := range f.Sessions {
		row, err := x.tx.SessionByID(ctx, db.SessionByIDParams{WorkspaceID: x.account.WorkspaceID, StripeAccountID: x.acct, SessionID: said.ID})
		now, isNew, err := merged(sessionOf(row), err, said, billing.MergeSession)
		if err != nil {
			return fmt.Errorf("read session %s: %w", said.ID, err)
		}
		if isNew {
			err = x.tx.UpsertSession(ctx, db.UpsertSessionParams{
				StripeAccountID: x.acct, SessionID: now.ID, WorkspaceID: x.account.WorkspaceID, StripeLinkID: now.LinkID,
				PaymentIntentID: now.IntentID, Rank: int64(now.Rank), Amount: now.Amount, Currency: now.Currency,
				Livemode: now.Livemode, PaidAt: now.PaidAt,
			})
			if err != nil {
				return fmt.Errorf("store session %s: %w", said.ID, err)
			}
			x.learned[now.IntentID] = true
		}
		x.touch(now.IntentID)
		if !isNew {
			continue // what was known already changes no invoice
		}
		if invoice, err := x.invoiceOfLink(ctx, now.LinkID); err != nil {
			return err
		} else if invoice != "" {
			x.touched.invoices[invoice] = true
		}
	}
	return nil
}

func (x *fold) intents(_ context.Context, f billing.Facts) error {
	for _, said := range f.Intents {
		x.touch(said.ID)
		x.touched.intents[said.ID] = billing.MergeIntent(x.touched.intents[said.ID], said)
	}
	return nil
}

func (x *fold) charges(ctx context.Context, f billing.Facts) error {
	for _, said := range f.Charges {
		if said.IntentID == "" {
			said.IntentID = said.ID // made without an intent, as old integrations do: a payment all the same
		}
		row, err := x.tx.ChargeByID(ctx, db.ChargeByIDParams{WorkspaceID: x.account.WorkspaceID, StripeAccountID: x.acct, ChargeID: said.ID})
		was := chargeOf(row)
		now, isNew, err := merged(was, err, said, billing.MergeCharge)
		if err != nil {
			return fmt.Errorf("read charge %s: %w", said.ID, err)
		}
		if isNew {
			err = x.tx.UpsertCharge(ctx, db.UpsertChargeParams{
				StripeAccountID: x.acct, ChargeID: now.ID, WorkspaceID: x.account.WorkspaceID, PaymentIntentID: now.IntentID,
				Rank: int64(now.Rank), Amount: now.Amount, Captured: now.Captured, Currency: now.Currency, Livemode: now.Livemode,
				Method: now.Method, Brand: now.Brand, Last4: now.Last4, FailureCode: now.FailureCode, FailureMessage: now.FailureMessage,
				RefundHint: now.RefundHint, RefundHintAt: now.RefundHintAt, CreatedAt: now.CreatedAt, PaidAt: now.PaidAt,
			})
			if err != nil {
				return fmt.Errorf("store charge %s: %w", said.ID, err)
			}
			was.RefundHintAt = now.RefundHintAt // that it was said again is no news
			x.learned[now.IntentID] = x.learned[now.IntentID] || now != was
		}
		x.touch(now.IntentID)
	}
	return nil
}

// payment computes one payment from all its facts and stores it.
func (x *fold) payment(ctx context.Context, intent string, said billing.Intent) error {
	key := db.PaymentByIntentParams{WorkspaceID: x.account.WorkspaceID, StripeAccountID: x.acct, PaymentIntentID: intent}
	row, err := x.tx.PaymentByIntent(ctx, key)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read: %w", err)
	}
	known := err == nil
	if !known {
		row = db.Payment{ID: newID(), WorkspaceID: x.account.WorkspaceID, StripeAccountID: x.acct, PaymentIntentID: intent, Livemode: x.account.Livemode}
	}
	was := row
	f, err := paymentFacts(ctx, x.tx.Queries, row, said)
	if err != nil {
		return err
	}
	p := billing.PaymentOf(f)
	x.payments[intent] = p
	fillPayment(&row, f.Intent, p)
	if row.InvoiceID == nil {
		if row.InvoiceID, err = x.invoiceOf(ctx, f.Sessions); err != nil {
			return err
		}
	}
	same := known && samePayment(row, was)
	if row.InvoiceID == nil { // it may need a person
		x.tx.AfterCommit(func() { x.a.versions.bump(x.account.WorkspaceID) })
	}
	if row.InvoiceID != nil {
		if !same || x.learned[intent] { // what was known already changes no invoice
			x.touched.invoices[*row.InvoiceID] = true
		}
	} else if x.asks && f.Intent.InvoiceHint != "" {
		// One of ours whose invoice is not known yet. Metadata alone never says it: the session
		// does, and if its event doesn't come, it is looked for.
		pause := matchAfter
		if p.Status == billing.Failed {
			pause = 0
		}
		err := x.a.askRead(ctx, x.tx, x.account, billing.Read{Kind: billing.ReadIntent, ID: intent, At: x.tx.Now()}, pause)
		if err != nil {
			return err
		}
	}
	if same {
		return nil
	}
	return x.tx.UpsertPayment(ctx, db.UpsertPaymentParams(row))
}

func samePayment(a, b db.Payment) bool {
	if (a.InvoiceID == nil) != (b.InvoiceID == nil) {
		return false
	}
	a.InvoiceID, b.InvoiceID = nil, nil
	return a == b
}

func (x *fold) invoiceOf(ctx context.Context, sessions []billing.Session) (*string, error) {
	for _, s := range sessions {
		if invoice, err := x.invoiceOfLink(ctx, s.LinkID); err != nil || invoice != "" {
			return optional(invoice), err
		}
	}
	return nil, nil
}

func (x *fold) invoiceOfLink(ctx context.Context, stripeLink string) (string, error) {
	if stripeLink == "" {
		return "", nil
	}
	l, err := x.tx.LinkByStripeID(ctx, db.LinkByStripeIDParams{WorkspaceID: x.account.WorkspaceID, StripeAccountID: x.acct, StripeLinkID: stripeLink})
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look up link %s: %w", stripeLink, err)
	}
	return l.InvoiceID, nil
}

// restandByID is restand for an invoice that has not been read yet, without a pause.
func (a *App) restandByID(ctx context.Context, tx *db.Tx, workspaceID, id string, computed map[string]billing.Payment) error {
	inv, err := tx.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: workspaceID, ID: id})
	if err != nil {
		return fmt.Errorf("read invoice: %w", err)
	}
	_, err = a.restand(ctx, tx, inv, computed, 0)
	return err
}

// restand computes an invoice's standing from its facts and stores it: see invoiceFacts for
// computed, storeStanding for pause.
func (a *App) restand(ctx context.Context, tx *db.Tx, inv db.Invoice, computed map[string]billing.Payment, pause time.Duration) (billing.Standing, error) {
	facts, err := invoiceFacts(ctx, tx.Queries, inv, computed)
	if err != nil {
		return billing.Standing{}, err
	}
	s := billing.StandingOf(facts)
	return s, a.storeStanding(ctx, tx, inv, s, pause)
}

// storeStanding caches what the facts say and does what follows for the links. The version
// rises in any case: what a page shows of the payments may have changed as well. The worker makes
// a link that is wanted after the pause.
func (a *App) storeStanding(ctx context.Context, tx *db.Tx, inv db.Invoice, s billing.Standing, pause time.Duration) error {
	_, err := tx.SetInvoiceDerived(ctx, db.SetInvoiceDerivedParams{
		WorkspaceID: inv.WorkspaceID, ID: inv.ID, Status: string(s.Status), Phase: string(s.Phase), Flags: strings.Join(s.Flags, " "),
		Received: s.Received, Refunded: s.Refunded, Due: s.Due, UpdatedAt: tx.Now(),
	})
	if err != nil {
		return fmt.Errorf("store standing: %w", err)
	}
	inv.Status, inv.Phase, inv.Due, inv.Version = string(s.Status), string(s.Phase), s.Due, inv.Version+1
	if err := a.settleLinks(ctx, tx, inv, pause); err != nil {
		return err
	}
	a.changed(tx, inv)
	return nil
}

// changed lets the pages that poll know, once the change is durable.
func (a *App) changed(tx *db.Tx, inv db.Invoice) {
	tx.AfterCommit(func() {
		a.versions.raise(invoiceKey(inv.WorkspaceID, inv.ID), inv.Version)
		a.versions.bump(inv.WorkspaceID)
	})
}

// paymentFacts gathers all that is known of one payment.
func paymentFacts(ctx context.Context, q *db.Queries, row db.Payment, said billing.Intent) (f billing.PaymentFacts, err error) {
	f.Intent = billing.Intent{
		ID: row.PaymentIntentID, Currency: row.Currency, Livemode: row.Livemode, Provisional: row.Provisional,
		InvoiceHint: row.InvoiceHint, PaidAt: row.ProvisionalAt,
	}
	if row.StripeAccountID == "" {
		f.Entries, err = handEntries(ctx, q, row)
		return f, err
	}
	if said.ID != "" {
		f.Intent = billing.MergeIntent(f.Intent, said)
	}
	sessions, err := q.SessionsOfIntent(ctx, db.SessionsOfIntentParams{WorkspaceID: row.WorkspaceID, StripeAccountID: row.StripeAccountID, PaymentIntentID: row.PaymentIntentID})
	if err != nil {
		return f, fmt.Errorf("read sessions: %w", err)
	}
	for _, s := range sessions {
		f.Sessions = append(f.Sessions, sessionOf(s))
	}
	charges, err := q.ChargesOfIntent(ctx, db.ChargesOfIntentParams{WorkspaceID: row.WorkspaceID, StripeAccountID: row.StripeAccountID, PaymentIntentID: row.PaymentIntentID})
	if err != nil {
		return f, fmt.Errorf("read charges: %w", err)
	}
	for _, c := range charges {
		f.Charges = append(f.Charges, chargeOf(c))
	}
	return f, claims(ctx, q, row, charges, &f)
}

// invoiceFacts gathers all that an invoice's standing depends on. computed holds payments that
// the caller has computed already, by intent.
func invoiceFacts(ctx context.Context, q *db.Queries, inv db.Invoice, computed map[string]billing.Payment) (billing.InvoiceFacts, error) {
	f := billing.InvoiceFacts{Decided: billing.Status(inv.Decided), Currency: inv.Currency, Livemode: inv.Livemode, Total: inv.Total}
	payments, err := q.PaymentsOfInvoice(ctx, db.PaymentsOfInvoiceParams{WorkspaceID: inv.WorkspaceID, InvoiceID: &inv.ID})
	if err != nil {
		return f, fmt.Errorf("read payments: %w", err)
	}
	for _, row := range payments {
		p, ok := computed[row.PaymentIntentID]
		if !ok {
			facts, err := paymentFacts(ctx, q, row, billing.Intent{})
			if err != nil {
				return f, err
			}
			p = billing.PaymentOf(facts)
		}
		f.Payments = append(f.Payments, p)
	}
	return f, nil
}

// fillPayment writes what the facts add up to into the row that caches it.
func fillPayment(row *db.Payment, intent billing.Intent, p billing.Payment) {
	row.Currency, row.Provisional, row.ProvisionalAt, row.InvoiceHint = p.Currency, intent.Provisional, intent.PaidAt, intent.InvoiceHint
	row.Status, row.Gross, row.Refunded, row.Lost = string(p.Status), p.Gross, p.Refunded+p.StillOwed, p.Lost
	c := p.Charge
	row.ChargeID, row.Method, row.Brand, row.Last4 = c.ID, c.Method, c.Brand, c.Last4
	row.FailureCode, row.FailureMessage = c.FailureCode, c.FailureMessage
	row.HappenedAt = p.HappenedAt
}

func sessionOf(r db.CheckoutSession) billing.Session {
	return billing.Session{
		ID: r.SessionID, LinkID: r.StripeLinkID, IntentID: r.PaymentIntentID, Rank: billing.Rank(r.Rank), Amount: r.Amount,
		Currency: r.Currency, Livemode: r.Livemode, PaidAt: r.PaidAt,
	}
}

func chargeOf(r db.Charge) billing.Charge {
	return billing.Charge{
		ID: r.ChargeID, IntentID: r.PaymentIntentID, Rank: billing.Rank(r.Rank), Amount: r.Amount, Captured: r.Captured,
		Currency: r.Currency, Livemode: r.Livemode, Method: r.Method, Brand: r.Brand, Last4: r.Last4,
		FailureCode: r.FailureCode, FailureMessage: r.FailureMessage, RefundHint: r.RefundHint, RefundHintAt: r.RefundHintAt,
		CreatedAt: r.CreatedAt, PaidAt: r.PaidAt,
	}
}
