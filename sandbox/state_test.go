package sandbox_test

import (
	"net/url"
	"path/filepath"
	"testing"

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
	status, price, _ := second.send(t, "POST", "/v1/prices", url.Values{"currency": {"usd"}, "unit_amount": {"500"}, "product_data[name]": {"x"}}, "Stripe-Account", account)
	if status != 200 || price["id"] == nil {
		t.Errorf("a new price: %d %v", status, price)
	}
}
