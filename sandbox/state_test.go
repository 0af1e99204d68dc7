package sandbox_test

import (
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"trak/sandbox"
)

func TestStateOutlivesTheSandbox(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sandbox.json")
	start := func() *world {
		w := &world{Server: sandbox.New(sandbox.Options{State: file})}
		w.SetAnswers(sandbox.Answers{})
		if err := w.Start("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		w.url = w.URL()
		w.api = newClient(w.url)
		return w
	}
	first := start()
	account := first.account(t)
	link := first.link(t, account, 12345, "usd")
	open, debit := first.opened(t, link.URL), first.opened(t, link.URL)
	if _, err := first.Pay(debit, sandbox.Card{Number: "000123456789"}); err != nil {
		t.Fatal(err)
	}
	spare := first.link(t, account, 500, "usd")
	first.paid(t, account, "4000000000000077")
	disputed := first.disputed(t, account, "4000000000001976")
	payouts, err := first.PayOut(account)
	if err != nil {
		t.Fatal(err)
	}
	first.Advance(time.Hour)
	available, pending := first.money(t, account)
	events := first.Events(account)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := start()
	t.Cleanup(func() {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	})
	if second.URL() != first.URL() {
		t.Errorf("at %s, was at %s: links that were handed out lead nowhere", second.URL(), first.URL())
	}
	again := second.Events(account)
	if len(again) != len(events) {
		t.Fatalf("%d events, want %d", len(again), len(events))
	}
	for i := range events {
		if string(again[i]) != string(events[i]) {
			t.Errorf("event %d is %s, was %s", i, again[i], events[i])
		}
	}
	if got := second.SettleBankDebits(); got != 1 {
		t.Errorf("settled %d debits, want 1", got)
	}
	if s := second.session(t, account, debit); s.PaymentStatus != "paid" {
		t.Errorf("the debit is %s", s.PaymentStatus)
	}
	if outcome, err := second.Pay(open, sandbox.Card{Number: "4242424242424242"}); err != nil || outcome.Status != sandbox.Succeeded {
		t.Errorf("a page that was open: %+v, %v", outcome, err)
	}
	second.opened(t, spare.URL)
	if a, p := second.money(t, account); a != available+11957 || p != pending+11957 || pending == 0 { // the debit, and the page that was paid above
		t.Errorf("available %d, pending %d, were %d and %d", a, p, available, pending)
	}
	if got := second.transactions(t, account, &stripe.BalanceTransactionListParams{Payout: stripe.String(payouts[0])}); len(got) != 2 {
		t.Errorf("the payout contains %v", got)
	}
	if ahead := time.Until(second.Now()); ahead < 50*time.Minute {
		t.Errorf("the clock is ahead by %s, was by an hour", ahead)
	}
	second.Advance(48 * time.Hour)
	if _, p := second.money(t, account); p != 0 {
		t.Errorf("%d are still pending after two days", p)
	}
	if err := second.EscalateInquiry(disputed); err != nil {
		t.Error(err)
	}
	status, price, _ := second.send(t, "POST", "/v1/prices", url.Values{"currency": {"usd"}, "unit_amount": {"500"}, "product_data[name]": {"x"}}, "Stripe-Account", account)
	if status != 200 || price["id"] == nil {
		t.Errorf("a new price: %d %v", status, price)
	}
}
