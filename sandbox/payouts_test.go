package sandbox_test

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// TestPayouts has payouts arrive, come back and be called off.
func TestPayouts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	w.paid(t, account, "4000000000000077")
	pay := func(amount string) (int, string) {
		status, body, _ := w.send(t, "POST", "/v1/payouts", url.Values{"amount": {amount}, "currency": {"usd"}}, "Stripe-Account", account)
		id, _ := body["id"].(string)
		return status, id
	}
	if status, _ := pay("11958"); status != 400 {
		t.Errorf("more than there is: %d", status)
	}
	if status, _ := pay("10000"); status != 200 || w.balance(t, account) != 1957 {
		t.Errorf("paid out: %d, balance %d", status, w.balance(t, account))
	}
	if got := w.SettlePayouts(true); got != 1 || w.balance(t, account) != 11957 {
		t.Errorf("came back: %d, balance %d", got, w.balance(t, account))
	}
	if status, _ := pay("957"); status != 400 {
		t.Errorf("to a bank account that sent money back: %d", status)
	}
	if _, err := w.AddBank(account); err != nil {
		t.Fatal(err)
	}
	_, id := pay("957")
	if status, _, _ := w.send(t, "POST", "/v1/payouts/"+id+"/cancel", nil, "Stripe-Account", account); status != 200 || w.balance(t, account) != 11957 {
		t.Errorf("called off: %d, balance %d", status, w.balance(t, account))
	}
	_, id = pay("11957")
	if got := w.SettlePayouts(false); got != 1 || w.balance(t, account) != 0 {
		t.Errorf("arrived: %d, balance %d", got, w.balance(t, account))
	}
	if status, _, _ := w.send(t, "POST", "/v1/payouts/"+id+"/cancel", nil, "Stripe-Account", account); status != 400 {
		t.Errorf("called off after it arrived: %d", status)
	}
	want := []string{
		"payout.created", "payout.failed", "account.external_account.updated", "account.updated",
		"account.external_account.created", "account.updated",
		"payout.created", "payout.canceled", "payout.created", "payout.updated", "payout.paid",
	}
	if got := w.types(account, "balance.available"); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

// TestAutomaticPayouts pay out what is available, and tell what each contains.
func TestAutomaticPayouts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	payOut := func() (payouts []string) {
		t.Helper()
		payouts, err := w.PayOut(account)
		if err != nil {
			t.Fatal(err)
		}
		return payouts
	}
	contains := func(payout string) (types []string, sum int64) {
		t.Helper()
		for _, txn := range w.transactions(t, account, &stripe.BalanceTransactionListParams{Payout: stripe.String(payout)}) {
			types, sum = append(types, string(txn.Type)), sum+txn.Net
		}
		return types, sum
	}
	get := func(payout string) *stripe.Payout {
		t.Helper()
		params := &stripe.PayoutParams{}
		params.SetStripeAccount(account)
		params.AddExpand("balance_transaction")
		params.AddExpand("destination")
		got, err := w.api.Payouts.Get(payout, params)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	expect := func(what string, before int, want ...string) {
		t.Helper()
		if got := w.types(account, "")[before:]; !slices.Equal(got, want) {
			t.Errorf("%s: events %v, want %v", what, got, want)
		}
	}

	charge := w.session(t, account, w.paid(t, account, "4242424242424242")).PaymentIntent.LatestCharge.ID
	if got := payOut(); len(got) > 0 {
		t.Errorf("paid out what is pending: %v", got)
	}
	w.Advance(48 * time.Hour)
	if _, err := w.Refund(charge, 345); err != nil {
		t.Fatal(err)
	}
	w.paid(t, account, "4242424242424242") // pending
	before := len(w.Events(account))
	first := payOut()
	if len(first) != 1 {
		t.Fatalf("payouts %v", first)
	}
	if got := get(first[0]); !got.Automatic || got.Amount != 11957-345 || got.Status != "pending" || got.ReconciliationStatus != "in_progress" ||
		got.BalanceTransaction.Net != -got.Amount || got.Destination == nil || got.ArrivalDate != got.Created+2*24*3600 {
		t.Errorf("payout %+v", got)
	}
	if got, sum := contains(first[0]); !slices.Equal(got, []string{"payout", "refund", "charge"}) || sum != 0 {
		t.Errorf("it contains %v of %d", got, sum)
	}
	if available, pending := w.money(t, account); available != 0 || pending != 11957 {
		t.Errorf("available %d, pending %d", available, pending)
	}
	w.SettlePayouts(false)
	expect("paid", before, "payout.created", "payout.updated", "payout.paid", "payout.reconciliation_completed")
	if got := get(first[0]); got.Status != "paid" || got.ReconciliationStatus != "completed" {
		t.Errorf("payout %+v", got)
	}

	before = len(w.Events(account))
	if err := w.FailPayout(first[0]); err != nil {
		t.Fatal(err)
	}
	expect("failed after it was paid", before, "payout.failed", "account.external_account.updated", "account.updated")
	if got := get(first[0]); got.Status != "failed" || got.FailureCode != "account_closed" || got.FailureBalanceTransaction == nil {
		t.Errorf("payout %+v", got)
	}
	if _, err := w.PayOut(account); err == nil {
		t.Error("paid out to a bank account that failed")
	}
	if got := w.PayOutAll(); len(got) > 0 {
		t.Errorf("paid out to a bank account that failed: %v", got)
	}
	if _, err := w.AddBank(account); err != nil {
		t.Fatal(err)
	}
	second := w.PayOutAll()
	if got, sum := contains(second[0]); !slices.Equal(got, []string{"payout", "payout_failure"}) || sum != 0 {
		t.Errorf("the next one contains %v of %d", got, sum)
	}
	if err := w.CancelPayout(second[0]); err != nil {
		t.Fatal(err)
	}
	third := payOut()
	if got, sum := contains(third[0]); !slices.Equal(got, []string{"payout", "payout_cancel"}) || sum != 0 {
		t.Errorf("the one after a canceled one contains %v of %d", got, sum)
	}
	if err := w.CancelPayout(second[0]); err == nil {
		t.Error("canceled twice")
	}

	w.paid(t, account, "4000000000000077")
	_, byHand, _ := w.send(t, "POST", "/v1/payouts", url.Values{"amount": {"100"}, "currency": {"usd"}}, "Stripe-Account", account)
	if byHand["automatic"] != false || byHand["reconciliation_status"] != "not_applicable" {
		t.Errorf("by hand: %v", byHand)
	}
	for _, payout := range []string{byHand["id"].(string), "po_none"} {
		if status, body, _ := w.send(t, "GET", "/v1/balance_transactions?payout="+payout, nil, "Stripe-Account", account); status != 400 || errorOf(body)["param"] != "payout" {
			t.Errorf("what %s contains: %d %v", payout, status, body)
		}
	}
}

// TestBanks come, change and go.
func TestBanks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	before := len(w.Events(account))
	banks := func() []any {
		t.Helper()
		_, list, _ := w.send(t, "GET", "/v1/accounts/"+account+"/external_accounts", nil)
		return list["data"].([]any)
	}
	payouts := func() bool {
		t.Helper()
		got, err := w.api.Accounts.GetByID(account, &stripe.AccountParams{})
		if err != nil {
			t.Fatal(err)
		}
		return got.PayoutsEnabled
	}
	first := banks()[0].(map[string]any)["id"].(string)
	second, err := w.AddBank(account)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.ChangeBank(second, "Studio South"); err != nil {
		t.Fatal(err)
	}
	if got := banks(); len(got) != 2 || got[0].(map[string]any)["account_holder_name"] != "Studio South" {
		t.Errorf("bank accounts %v", got)
	}
	for _, id := range []string{second, first} {
		if !payouts() {
			t.Error("payouts are off")
		}
		if err := w.RemoveBank(id); err != nil {
			t.Fatal(err)
		}
	}
	if payouts() || len(banks()) > 0 {
		t.Error("payouts are on without a bank account")
	}
	if err := w.RemoveBank(first); err == nil {
		t.Error("removed twice")
	}
	want := []string{
		"account.external_account.created", "account.external_account.updated",
		"account.external_account.deleted", "account.external_account.deleted", "account.updated",
	}
	if got := w.types(account, "")[before:]; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}
