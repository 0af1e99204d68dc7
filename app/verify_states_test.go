package app_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/auth"
	"trak/billing"
	"trak/db"
)

// story is a world in which everything has happened that Stripe tells of, and nothing is under way.
type story struct {
	*world
	account                    string // Stripe's id, "" = the platform's own
	paid, open, disputed, void db.Invoice
	hand                       db.Invoice // paid in part outside Stripe
	refund, dispute, payout    string
}

// newStory tells it in a currency; amounts are in whole units of it.
func newStory(t *testing.T, w *world, currency string) *story {
	t.Helper()
	s := &story{world: w}
	id := w.connect()
	if !w.own {
		s.account = id
	}
	zeros := map[string]string{"jpy": "00"}[currency] // or fees would eat it all up
	paid := func(amount, card string) db.Invoice {
		inv := w.invoiceIn(currency, amount+zeros)
		w.until("the link is there", func() bool { return w.detail(inv.ID).Link.URL != "" })
		w.pay(inv.ID, card)
		w.until("it is paid", func() bool { d := w.detail(inv.ID); return len(d.Payments) > 0 && d.Payments[0].ChargeID != "" })
		return inv
	}
	s.paid = paid("100", "4242424242424242")
	var err error
	s.refund, err = w.sandbox.Refund(w.detail(s.paid.ID).Payments[0].PaymentIntentID, w.detail(s.paid.ID).Invoice.Total/4)
	must(t, err)
	s.disputed = paid("50", "4242424242424242")
	s.dispute, err = w.sandbox.Dispute(w.detail(s.disputed.ID).Payments[0].ChargeID, "fraudulent", 0)
	must(t, err)
	must(t, w.sandbox.CloseDispute(s.dispute, false))
	warned := paid("40", "4242424242424242")
	must(t, ignore(w.sandbox.WarnOfFraud(w.detail(warned.ID).Payments[0].ChargeID)))
	w.until("all of that is known", func() bool {
		return ask[int](w, "SELECT (SELECT count(*) FROM refunds) + (SELECT count(*) FROM disputes WHERE rank = 7) + (SELECT count(*) FROM radar_alerts)") == 3
	})
	s.hand = w.invoiceIn(currency, "30"+zeros)
	must(t, w.app.RecordPayment(context.Background(), w.owner, s.hand.ID, app.HandInput{
		FormKey: "0192b5a0-0000-7000-8000-000000000001", Amount: "20" + zeros, ReceivedOn: w.clock.now().Format(time.DateOnly), Method: "bank_transfer", Reference: "Statement 11",
	}))
	recorded := w.detail(s.hand.ID).Payments[0].ID
	must(t, w.app.TakeBackPayment(context.Background(), w.owner, s.hand.ID, recorded, app.TakeBackInput{FormKey: "0192b5a0-0000-7000-8000-000000000002", Amount: "5" + zeros, Note: "Counted twice"}))
	s.void = w.invoiceIn(currency, "7"+zeros)
	must(t, w.app.VoidInvoice(context.Background(), w.owner, s.void.ID))
	w.quiet()
	w.clock.advance(72 * 3600e9)
	payouts, err := w.sandbox.PayOut(s.account)
	must(t, err)
	s.payout = payouts[0]
	w.sandbox.SettlePayouts(false)
	s.open = w.invoiceIn(currency, "10"+zeros)
	w.until("the payout is known with what it contains", func() bool {
		w.app.Wake()
		return ask[int](w, "SELECT count(*) FROM balance_transactions WHERE payout_id = ?", s.payout) > 1
	})
	w.quiet()
	return s
}

// Nothing is reported where nothing is wrong, in either mode and in currencies of all kinds.
func TestVerifyIsQuietOnCleanBooks(t *testing.T) {
	t.Parallel()
	for _, currency := range []string{"eur", "jpy", "kwd", "isk"} {
		bothModes(t, currency, func(t *testing.T, w *world) {
			s := newStory(t, w, currency)
			r := s.compared()
			for _, d := range r.Differences {
				t.Errorf("%s %s %s", d.Kind, d.ID, d.What)
			}
			if len(r.Accounts) != 1 || r.Accounts[0].Charges != 3 || r.Accounts[0].Refunds != 1 || r.Accounts[0].Disputes != 1 || r.Accounts[0].Payouts != 1 || len(r.Accounts[0].Balances) == 0 {
				t.Errorf("compared: %+v", r.Accounts)
			}
		})
	}
}

// Each state that must hold is broken once, by SQL, and found.
func TestVerifyFindsBrokenStates(t *testing.T) {
	t.Parallel()
	s := newStory(t, newWorld(t), "eur")
	other := s.stranger()
	s.quiet()
	s.stop()
	t.Cleanup(s.start)
	if r := s.report(); len(r.Differences) > 0 {
		t.Fatalf("before anything was planted: %+v", r.Differences)
	}
	const request = `INSERT INTO refund_requests (id, workspace_id, payment_id, stripe_account_id, livemode, charge_id, amount, currency, reason, note, still_owed, state,
		idempotency_key, form_key, refund_id, created_by, created_at) SELECT 'rr1', r.workspace_id, p.id, r.stripe_account_id, FALSE, r.charge_id, r.amount, r.currency, '', '', FALSE, 'asked',
		'k', 'f', r.refund_id, u.id, r.created_at FROM refunds r JOIN payments p ON p.charge_id = r.charge_id JOIN users u ON u.email = 'mira@example.com'; `
	const hand = `INSERT INTO payments SELECT 'hand1', workspace_id, invoice_id, '', 'hand1', livemode, currency, 0, 0, '', 'succeeded', 500, 0, 0, '', 'cash', '', '', '', '', happened_at, 0
		FROM payments WHERE invoice_id = 'PAID'; `
	for name, c := range map[string]struct{ plant, kind, what string }{
		"a foreign key":                 {"DELETE FROM users WHERE email = 'mira@example.com'", "foreign key", "points to a row of users"},
		"a refund in another workspace": {"UPDATE refunds SET workspace_id = 'OTHER'", "refund", "another workspace"},
		"a dispute elsewhere":           {"UPDATE disputes SET workspace_id = 'OTHER'", "dispute", "another workspace"},
		"a dispute in live mode":        {"UPDATE disputes SET livemode = TRUE", "dispute", "other mode"},
		"an alert elsewhere":            {"UPDATE radar_alerts SET workspace_id = 'OTHER'", "alert", "another workspace"},
		"an alert in live mode":         {"UPDATE radar_alerts SET livemode = TRUE", "alert", "mode"},
		"a charge elsewhere":            {"UPDATE charges SET workspace_id = 'OTHER'", "charge", "another workspace"},
		"a session in live mode":        {"UPDATE checkout_sessions SET livemode = TRUE", "session", "other mode"},
		"a payout in live mode":         {"UPDATE payouts SET livemode = TRUE", "payout", "other mode"},
		"a transaction in live mode":    {"UPDATE balance_transactions SET livemode = TRUE", "balance transaction", "other mode"},
		"a payment in live mode":        {"UPDATE payments SET livemode = TRUE", "payment", "other mode"},
		"facts of no account":           {"UPDATE payouts SET stripe_account_id = 'acct_nobody'", "payout", "no workspace has"},
		"a payment that is gone":        {"DELETE FROM payments WHERE invoice_id = 'PAID'", "payment", "is missing"},
		"a payment of another invoice":  {"UPDATE payments SET invoice_id = 'OPEN' WHERE invoice_id = 'PAID'", "payment", "another invoice"},
		"a payment of no invoice":       {"UPDATE payments SET invoice_id = NULL WHERE invoice_id = 'PAID'", "payment", "belongs to no invoice"},
		"a payment without a reason":    {"UPDATE checkout_sessions SET stripe_link_id = ''", "payment", "neither a link"},
		"a link of another amount":      {"UPDATE payment_links SET amount = 900 WHERE invoice_id = 'OPEN'", "link", "asks for 900"},
		"a link of more than the total": {"UPDATE payment_links SET amount = 9000 WHERE invoice_id = 'OPEN'", "link", "more than the total"},
		"a link in another currency":    {"UPDATE payment_links SET currency = 'usd' WHERE invoice_id = 'OPEN'", "link", "usd"},
		"a live link of a void invoice": {"UPDATE payment_links SET state = 'active', url = 'x' WHERE invoice_id = 'VOID'", "link", "can be paid"},
		"a live link of a paid invoice": {"UPDATE payment_links SET state = 'active' WHERE invoice_id = 'PAID'", "link", "can be paid"},
		"two live links": {`INSERT INTO payment_links (id, workspace_id, invoice_id, part, revision, stripe_account_id, livemode, currency, amount, state, idempotency_key, created_at)
			SELECT 'two', workspace_id, invoice_id, part, revision + 1, stripe_account_id, livemode, currency, amount, 'creating', 'two', created_at FROM payment_links WHERE invoice_id = 'OPEN'`,
			"link", "beside another one"},
		"a link without an address":     {"UPDATE payment_links SET url = '' WHERE invoice_id = 'OPEN'", "link", "no address"},
		"a session of an event":         {"DELETE FROM checkout_sessions", "session", "tells of it"},
		"a charge of an event":          {"DELETE FROM charges", "charge", "tells of it"},
		"a refund of an event":          {"DELETE FROM refunds", "refund", "tells of it"},
		"a dispute of an event":         {"DELETE FROM disputes", "dispute", "tells of it"},
		"an alert of an event":          {"DELETE FROM radar_alerts", "alert", "tells of it"},
		"a payout of an event":          {"DELETE FROM payouts", "payout", "tells of it"},
		"what a charge took":            {"UPDATE charges SET captured = captured - 1 WHERE charge_id IN (SELECT charge_id FROM refunds)", "charge", "Captured is 9999 here, and 10000 there"},
		"a charge in another currency":  {"UPDATE charges SET currency = 'usd'", "charge", "Currency is usd here, and eur there"},
		"what was received for now":     {"UPDATE payments SET provisional = provisional - 1 WHERE invoice_id = 'PAID'", "payment", "Provisional is 9999 here"},
		"an event of another type":      {"UPDATE stripe_webhook_events SET type = 'charge.failed' WHERE type = 'charge.succeeded'", "event", "another one than its payload says"},
		"an event without its payload":  {"UPDATE stripe_webhook_events SET payload = CAST('x' AS BLOB) WHERE type = 'charge.succeeded'", "event", "not a stripe event"},
		"more refunds than money":       {"UPDATE refunds SET amount = 10001", "charge", "has refunds of 10001, and took 10000"},
		"a charge of a day to come":     {"UPDATE charges SET created_at = 9e15", "charge", "has a time that can't be"},
		"an invoice voided before":      {"UPDATE invoices SET voided_at = finalized_at - 2 * 86400000000 WHERE id = 'VOID'", "invoice", "times in an order"},
		"a payment that was assigned":   {"UPDATE payments SET assigned_at = 1700000000000000 WHERE invoice_id = 'PAID'", "payment", "no record of that"},
		"a link that is gone":           {"DELETE FROM payment_links WHERE revision = 1", "link", "the one before it is not here"},
		"a line that moved":             {"UPDATE invoice_lines SET position = 7 WHERE invoice_id = 'OPEN'", "line", "stands at 7"},
		"a net":                         {"UPDATE balance_transactions SET net = net + 1", "balance transaction", "has the net"},
		"what a payout contains":        {"DELETE FROM balance_transactions WHERE type = 'charge'", "payout", "comes to"},
		"a payout's amount":             {"UPDATE payouts SET amount = amount + 1", "payout", "comes to"},
		"a refund asked for, and gone":  {request + "UPDATE refund_requests SET refund_id = 're_gone'", "refund request", "is not here"},
		"a refund asked for unnamed":    {request + "UPDATE refund_requests SET refund_id = ''", "refund request", "does not name"},
		"a refund of another amount":    {request + "UPDATE refund_requests SET amount = amount + 1", "refund request", "otherwise"},
		"a refund refused, and there":   {request + "UPDATE refund_requests SET state = 'refused'", "refund request", "was refused"},
		"a payment by hand for nothing": {"UPDATE payments SET invoice_id = NULL WHERE stripe_account_id = ''", "payment", "for no invoice"},
		"a payment by hand of nothing":  {hand, "payment", "no entry"},
		"an entry for a payment by card": {`INSERT INTO hand_entries SELECT 'h1', workspace_id, id, 100, currency, 'cash', '', '', '2026-01-01', 1, 'f1', (SELECT id FROM users LIMIT 1), 1
			FROM payments WHERE invoice_id = 'PAID'`, "entry", "through Stripe"},
		"an entry in another currency": {hand + `INSERT INTO hand_entries SELECT 'h1', workspace_id, id, 500, 'usd', 'cash', '', '', '2026-01-01', 1, 'f1', (SELECT id FROM users LIMIT 1), 1
			FROM payments WHERE id = 'hand1'`, "entry", "another currency"},
	} {
		planted := s.copied()
		planted.plant(strings.NewReplacer("OTHER", other.WorkspaceID, "PAID", s.paid.ID, "OPEN", s.open.ID, "VOID", s.void.ID).Replace(c.plant))
		found := false
		r := planted.report()
		for _, d := range r.Differences {
			found = found || d.Kind == c.kind && strings.Contains(d.What, c.what) && d.ID != ""
		}
		if !found {
			t.Errorf("%s: not among %+v", name, r.Differences)
		}
	}
	clean := s.copied()
	clean.plant(request)
	if r := clean.report(); len(r.Differences) > 0 {
		t.Errorf("a refund that was asked for and is here: %+v", r.Differences)
	}
}

// What is derived is mended, and no fact is touched; what is issued only where a second figure
// confirms it.
func TestRepair(t *testing.T) {
	t.Parallel()
	s := newStory(t, newWorld(t), "eur")
	s.stop()
	t.Cleanup(s.start)
	paid, open, void := " WHERE id = '"+s.paid.ID+"'", " WHERE id = '"+s.open.ID+"'", " WHERE id = '"+s.void.ID+"'"
	const facts = "checkout_sessions charges refunds disputes radar_alerts payouts balance_transactions refund_requests hand_entries stripe_webhook_events clients counters"
	for name, plant := range map[string]string{
		"sums, statuses, flags and phases of invoices": "UPDATE invoices SET received = received + 7, refunded = 1, due = 3, flags = 'overpaid', status = 'open', phase = 'open' WHERE decided <> 'draft'",
		"the word of a paid one":                       "UPDATE invoices SET status = 'void', phase = 'closed'" + paid,
		"payments":                                     "UPDATE payments SET gross = gross * 2, refunded = 9, lost = lost + 1, status = 'failed', charge_id = 'ch_x', happened_at = 1, last4 = '0000' WHERE stripe_account_id <> ''; UPDATE payments SET gross = 1, status = 'failed' WHERE stripe_account_id = ''",
		"payments that are gone":                       "DELETE FROM payments WHERE stripe_account_id <> ''",
		"payments of another invoice":                  "UPDATE payments SET invoice_id = '" + s.open.ID + "' WHERE stripe_account_id <> ''",
		"payments of no invoice":                       "UPDATE payments SET invoice_id = NULL WHERE stripe_account_id <> ''",
		"a total":                                      "UPDATE invoices SET total = total + 1" + open,
		"a subtotal":                                   "UPDATE invoices SET subtotal = 0" + open,
		"a tax":                                        "UPDATE invoices SET tax = 5" + open,
		"amounts of lines":                             "UPDATE invoice_lines SET amount = amount + 1",
		"a link for another amount":                    "UPDATE payment_links SET amount = 900 WHERE invoice_id = '" + s.open.ID + "'",
		"a live link of a paid invoice":                "UPDATE payment_links SET state = 'active' WHERE invoice_id = '" + s.paid.ID + "'",
		"everything at once":                           "UPDATE invoices SET status = 'open', phase = 'open', flags = '', received = 0, refunded = 0, due = total; UPDATE payments SET gross = 0, status = 'incomplete'; UPDATE payments SET invoice_id = NULL WHERE stripe_account_id <> ''",
	} {
		planted := s.copied()
		planted.plant(plant)
		before := planted.tables(facts)
		if len(planted.report().Differences) == 0 {
			t.Errorf("%s: nothing is wrong", name)
		}
		if mended := planted.repair(); len(mended) == 0 {
			t.Errorf("%s: nothing is mended", name)
		}
		for _, d := range planted.report().Differences {
			t.Errorf("%s: still %s %s %s", name, d.Kind, d.ID, d.What)
		}
		if after := planted.tables(facts); after != before {
			t.Errorf("%s: facts are changed", name)
		}
		if n := ask[int](planted, "SELECT count(*) FROM audit_log WHERE action = 'repair'"); n == 0 {
			t.Errorf("%s: no audit record", name)
		}
		if mended := planted.repair(); len(mended) != 0 {
			t.Errorf("%s: mended twice: %+v", name, mended)
		}
		if got := ask[int](planted, "SELECT received FROM invoices"+paid); got != 10000 {
			t.Errorf("%s: %d received", name, got)
		}
	}
	for name, plant := range map[string]string{
		"a line's price":      "UPDATE invoice_lines SET unit_price = unit_price * 2 WHERE invoice_id = '" + s.open.ID + "'",
		"a line that is gone": "DELETE FROM invoice_lines WHERE invoice_id = '" + s.open.ID + "'",
		"both sums":           "UPDATE invoices SET total = total + 1, subtotal = subtotal + 1" + open,
		"a decision":          "UPDATE invoices SET decided = 'void'" + open,
		"a void one opened":   "UPDATE invoices SET decided = 'open'" + void,
		"a number":            "UPDATE counters SET last = last + 1",
		"a charge":            "DELETE FROM charges WHERE charge_id IN (SELECT charge_id FROM disputes)",
	} {
		planted := s.copied()
		planted.plant(plant)
		kept := facts + " invoice_lines"
		if name != "a charge" && name != "whose it was" { // of which another link follows
			kept += " payment_links"
		}
		before := planted.tables(kept)
		planted.repair()
		if len(planted.report().Differences) == 0 {
			t.Errorf("%s: mended, though nobody knows what is right", name)
		}
		if after := planted.tables(kept); after != before {
			t.Errorf("%s: facts are changed", name)
		}
	}
}

// repair runs on a database that no server has open.
func (w *world) repair() []app.Difference {
	w.t.Helper()
	d := w.openDB()
	defer func() { _ = d.Close() }()
	box, err := auth.NewBox([]byte(secretKey))
	must(w.t, err)
	alone, err := app.Alone(context.Background(), d, box, "", w.clock.now, slog.New(slog.NewTextHandler(io.Discard, nil)))
	must(w.t, err)
	mended, err := alone.Repair(context.Background())
	must(w.t, err)
	return mended
}

// tables is all that the named tables hold, as text.
func (w *world) tables(names string) string {
	w.t.Helper()
	var all strings.Builder
	for table := range strings.FieldsSeq(names) {
		rows, err := w.file().Query("SELECT * FROM " + table + " ORDER BY 1, 2")
		must(w.t, err)
		all.WriteString(textOf(w.t, table, rows))
	}
	return all.String()
}

// A running server repairs as well, and its pages know at once.
func TestRepairBesideAServer(t *testing.T) {
	t.Parallel()
	s := newStory(t, newWorld(t), "eur")
	version := s.detail(s.paid.ID).Invoice.Version
	s.exec("UPDATE invoices SET status = 'open', phase = 'open', received = 0 WHERE id = ?", s.paid.ID)
	mended, err := s.app.Repair(context.Background())
	must(t, err)
	if len(mended) != 1 || mended[0].Kind != "invoice" || mended[0].ID != s.paid.ID {
		t.Errorf("mended: %+v", mended)
	}
	d := s.detail(s.paid.ID)
	if d.Standing.Status != billing.PartiallyRefunded || d.Invoice.Version <= version {
		t.Errorf("it is %s at version %d, before %d", d.Standing.Status, d.Invoice.Version, version)
	}
	s.verified()
}
