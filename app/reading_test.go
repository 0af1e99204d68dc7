package app_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"trak/billing"
	"trak/sandbox"
)

// reading is something that Trak learns only by reading it from Stripe.
type reading struct {
	call string // the one that says it, method and the beginning of its path
	kind string // of the object that is read
	// happen makes it happen at Stripe, to a charge that was paid, and returns the object's id.
	happen func(w *world, charge string) (id string)
	// known says whether Trak has learned it. invoice is the one that was paid.
	known func(w *world, invoice string) bool
}

func isNow(status billing.Status) func(*world, string) bool {
	return func(w *world, invoice string) bool { return w.detail(invoice).Standing.Status == status }
}

func flagged(flag string) func(*world, string) bool {
	return func(w *world, invoice string) bool { return slices.Contains(w.detail(invoice).Standing.Flags, flag) }
}

func some(query string) func(*world, string) bool {
	return func(w *world, _ string) bool { return ask[int](w, query) > 0 }
}

func refundPart(w *world, charge string) string {
	must(w.t, ignore(w.sandbox.Refund(charge, 400)))
	return charge
}

func payAllOut(w *world, _ string) string {
	w.clock.advance(72 * time.Hour)
	account := ""
	if !w.own {
		account = ask[string](w, "SELECT stripe_account_id FROM stripe_connect_accounts")
	}
	payouts, err := w.sandbox.PayOut(account)
	must(w.t, err)
	w.sandbox.SettlePayouts(false)
	return payouts[0]
}

// payAnother pays another invoice and returns the id of its Checkout session.
func payAnother(w *world, _ string) string {
	inv := w.invoice("25")
	w.ends(inv.ID, "active")
	session, err := w.sandbox.Checkout(w.detail(inv.ID).Link.URL)
	must(w.t, err)
	must(w.t, ignore(w.sandbox.Pay(session, sandboxCard)))
	return session
}

var readings = []reading{
	{"GET /v1/checkout/sessions/", billing.ReadSession, payAnother, some("SELECT count(*) FROM invoices WHERE status = 'paid' AND received = 2500")},
	{"GET /v1/payment_intents/", billing.ReadIntent, func(w *world, charge string) string {
		refundPart(w, charge)
		return ask[string](w, "SELECT payment_intent_id FROM charges WHERE charge_id = ?", charge)
	}, isNow(billing.PartiallyRefunded)},
	{"GET /v1/charges/", billing.ReadCharge, refundPart, isNow(billing.PartiallyRefunded)},
	{"GET /v1/refunds", billing.ReadCharge, refundPart, isNow(billing.PartiallyRefunded)},
	{"GET /v1/disputes", billing.ReadCharge, func(w *world, charge string) string {
		dispute, err := w.sandbox.Dispute(charge, "fraudulent", 0)
		must(w.t, err)
		must(w.t, w.sandbox.CloseDispute(dispute, false))
		return charge
	}, isNow(billing.ChargedBack)},
	{"GET /v1/disputes/", billing.ReadDispute, func(w *world, charge string) string {
		dispute, err := w.sandbox.Dispute(charge, "fraudulent", 0)
		must(w.t, err)
		must(w.t, w.sandbox.CloseDispute(dispute, false))
		return dispute
	}, isNow(billing.ChargedBack)},
	{"GET /v1/radar/early_fraud_warnings", billing.ReadCharge, func(w *world, charge string) string {
		must(w.t, ignore(w.sandbox.WarnOfFraud(charge)))
		return charge
	}, flagged(billing.FlagFraudWarning)},
	{"GET /v1/reviews/", billing.ReadReview, func(w *world, charge string) string {
		review, err := w.sandbox.OpenReview(charge)
		must(w.t, err)
		return review
	}, flagged(billing.FlagInReview)},
	{"GET /v1/payouts/", billing.ReadPayout, payAllOut, some("SELECT count(*) FROM payouts WHERE rank = 3")},
	{"GET /v1/balance_transactions", billing.ReadPayout, payAllOut, some("SELECT count(*) FROM balance_transactions WHERE type = 'payout'")},
	{"GET /v1/payment_links/", billing.ReadLink, func(w *world, _ string) string {
		inv := w.invoice("25")
		w.ends(inv.ID, "active")
		link := ask[string](w, "SELECT stripe_link_id FROM payment_links WHERE invoice_id = ?", inv.ID)
		w.post("/v1/payment_links/"+link, "active", "false")
		return link
	}, some("SELECT count(*) FROM payment_links WHERE last_error LIKE '%switched off%'")},
}

// post changes something at Stripe that no use-case does, as pairs of name and value.
func (w *world) post(path string, pairs ...string) {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, w.sandbox.URL()+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer sk_test_sandbox")
	if !w.own {
		r.Header.Set("Stripe-Account", ask[string](w, "SELECT stripe_account_id FROM stripe_connect_accounts"))
	}
	answer := httptest.NewRecorder()
	w.sandbox.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		w.t.Fatalf("%s: %s", path, answer.Body)
	}
}

// paidCharge pays an invoice, which Trak learns, and returns it with its charge.
func (w *world) paidCharge() (invoice, charge string) {
	w.t.Helper()
	w.connect()
	inv := w.invoice("10")
	w.ends(inv.ID, "active")
	w.pay(inv.ID, "4242424242424242")
	w.until("the invoice is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
	w.settled()
	w.nothingToRead() // or a look for its session would learn what happens next
	return inv.ID, ask[string](w, "SELECT charge_id FROM charges")
}

// strangely has the call go wrong while Trak hears of it in a version whose amounts it doesn't
// believe.
func (r reading) strangely(w *world, call string, odd oddity) {
	w.timeout = soon
	invoice, charge := w.paidCharge()
	s := w.strangely(call, odd)
	w.sandbox.SetKnobs(sandbox.Knobs{Version: "2026-08-26.dahlia"})
	r.happen(w, charge)
	w.later("it was asked", func() bool { return s.times() > 0 })
	// That a dispute was lost, its charge says as well.
	if r.known(w, invoice) && strings.HasSuffix(call, "/") && call != "GET /v1/disputes/" {
		w.t.Error("Trak knows what it can't have read")
	}
	s.sane()
	w.later("Trak knows it", func() bool { return r.known(w, invoice) })
	w.nothingToRead()
}

// nothingToRead waits until all that was to be read has been.
func (w *world) nothingToRead() {
	w.t.Helper()
	w.later("nothing is left to read", func() bool {
		return ask[int](w, "SELECT count(*) FROM stripe_reads WHERE next_attempt_at > 0") == 0
	})
}

// Trak is killed when Stripe's answer to a read is on its way: nothing of it is known, and it is
// read again.
func TestKilledWhileReading(t *testing.T) {
	t.Parallel()
	for _, r := range readings {
		bothModes(t, r.call, func(t *testing.T, w *world) {
			invoice, charge := w.paidCharge()
			w.sandbox.SetKnobs(sandbox.Knobs{Drop: true}) // only a read can say it
			id := r.happen(w, charge)
			w.settled()
			w.exec("UPDATE sync_cursors SET next_attempt_at = 0") // nor the account's list of events
			w.nothingToRead()
			if r.known(w, invoice) {
				t.Fatal("it was told, though all events are lost")
			}
			w.killedAt(r.call, childWork{}, func() { w.asksToRead(r.kind, id) })
			// Its answer is stored in one transaction with its end. (The sync at start may know it by now.)
			if n := ask[int](w, "SELECT count(*) FROM stripe_reads WHERE object_id = ? AND next_attempt_at > 0", id); n != 1 {
				t.Fatalf("%d reads are left to do: the answer was stored", n)
			}
			w.clock.advance(3 * time.Minute) // the dead process's claim runs out
			w.app.Wake()
			w.later("Trak knows it", func() bool { return r.known(w, invoice) })
			w.nothingToRead()
			w.verified()
		})
	}
}

// asksToRead has an object read by whoever opens the database next.
func (w *world) asksToRead(kind, id string) {
	w.t.Helper()
	now := w.clock.now().UnixMicro()
	w.exec(`INSERT INTO stripe_reads (stripe_account_id, kind, object_id, workspace_id, evidence_at, next_attempt_at)
		SELECT stripe_account_id, ?, ?, workspace_id, ?, ? FROM stripe_connect_accounts WHERE true
		ON CONFLICT DO UPDATE SET asked = asked + 1, attempts = 0, next_attempt_at = excluded.next_attempt_at`, kind, id, now, now)
}
