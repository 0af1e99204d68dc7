package sandbox_test

import (
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// TestStripesDashboard makes payments that no link leads to, on a connected account and on the
// platform's own.
func TestStripesDashboard(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, account := range []string{w.account(t), ""} {
		before := len(w.Events(account))
		id, err := w.PayInDashboard(account, "", "usd", 12345, "By telephone")
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}
		if got := w.types(account, "")[before:]; !slices.Equal(got, want) {
			t.Errorf("events %v, want %v", got, want)
		}
		_, charge, _ := w.send(t, "GET", "/v1/charges/"+id+"?expand[]=payment_intent", nil, "Stripe-Account", account)
		intent := charge["payment_intent"].(map[string]any)
		if charge["status"] != "succeeded" || charge["description"] != "By telephone" || intent["status"] != "succeeded" || intent["amount_received"] != 12345.0 {
			t.Errorf("charge %v", charge)
		}
		if got := w.ids(t, account, "/v1/checkout/sessions"); len(got) > 0 {
			t.Errorf("it has a session: %v", got)
		}
		if _, err := w.Refund(id, 0); err != nil {
			t.Error(err)
		}
		declined, err := w.PayInDashboard(account, "4000000000000002", "usd", 500, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, charge, _ = w.send(t, "GET", "/v1/charges/"+declined, nil, "Stripe-Account", account); charge["status"] != "failed" {
			t.Errorf("declined: %v", charge)
		}
	}
	account := w.account(t)
	for name, err := range map[string]error{
		"no such account":   second(w.PayInDashboard("acct_none", "", "usd", 500, "")),
		"no such currency":  second(w.PayInDashboard(account, "", "xxx", 500, "")),
		"too little":        second(w.PayInDashboard(account, "", "usd", 1, "")),
		"a negative amount": second(w.PayInDashboard(account, "", "usd", -500, "")),
		"no test card":      second(w.PayInDashboard(account, "4111111111111111", "usd", 500, "")),
		"3-D Secure":        second(w.PayInDashboard(account, "4000002760003184", "usd", 500, "")),
	} {
		if err == nil {
			t.Errorf("%s: paid", name)
		}
	}
}

func second(_ string, err error) error { return err }

// TestStripeBooksByItself: no event, but a transaction and another balance.
func TestStripeBooksByItself(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	before := len(w.Events(account))
	adjusted, err := w.Adjust(account, "usd", 1000, "Goodwill")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.TakeFee(account, "usd", 200, "Monthly fee"); err != nil {
		t.Fatal(err)
	}
	if available, _ := w.money(t, account); available != 800 {
		t.Errorf("available %d, want 800", available)
	}
	all := w.transactions(t, account, &stripe.BalanceTransactionListParams{})
	if len(all) != 2 || all[0].Type != "stripe_fee" || all[0].ReportingCategory != "fee" || all[0].Net != -200 || all[0].Source != nil ||
		all[1].ID != adjusted || all[1].ReportingCategory != "other_adjustment" || all[1].Net != 1000 || all[1].Description != "Goodwill" {
		t.Errorf("transactions %v", all)
	}
	if got := len(w.Events(account)); got != before {
		t.Errorf("%d events", got-before)
	}
	for _, err := range []error{second(w.Adjust("acct_none", "usd", 1, "")), second(w.TakeFee(account, "xxx", 1, ""))} {
		if err == nil {
			t.Error("booked what can't be")
		}
	}
}
