package sandbox_test

import (
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"trak/sandbox"
)

// money is what an account has in dollars.
func (w *world) money(t *testing.T, account string) (available, pending int64) {
	t.Helper()
	params := &stripe.BalanceParams{}
	params.SetStripeAccount(account)
	balance, err := w.api.Balance.Get(params)
	if err != nil {
		t.Fatal(err)
	}
	return balance.Available[0].Amount, balance.Pending[0].Amount
}

// transactions are an account's, newest first.
func (w *world) transactions(t *testing.T, account string, params *stripe.BalanceTransactionListParams) (all []*stripe.BalanceTransaction) {
	t.Helper()
	params.SetStripeAccount(account)
	it := w.api.BalanceTransactions.List(params)
	for it.Next() {
		all = append(all, it.BalanceTransaction())
	}
	if it.Err() != nil {
		t.Fatal(it.Err())
	}
	return all
}

// TestEachMovementIsBookedOnce follows money through everything that moves it.
func TestEachMovementIsBookedOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	type booked struct {
		kind, category   string
		amount, fee, net int64
		status           string
	}
	seen := 0
	latest := func() (news []booked) {
		all := w.transactions(t, account, &stripe.BalanceTransactionListParams{})
		for _, txn := range all[:len(all)-seen] {
			if txn.Net != txn.Amount-txn.Fee || txn.Currency != "usd" || txn.Source == nil {
				t.Errorf("transaction %+v", txn)
			}
			var fees int64
			for _, fee := range txn.FeeDetails {
				fees += fee.Amount
			}
			if fees != txn.Fee {
				t.Errorf("fee details %d, fee %d", fees, txn.Fee)
			}
			news = append(news, booked{string(txn.Type), string(txn.ReportingCategory), txn.Amount, txn.Fee, txn.Net, string(txn.Status)})
		}
		seen = len(all)
		return news
	}
	expect := func(what string, want ...booked) {
		t.Helper()
		got := latest()
		if len(got) != len(want) {
			t.Errorf("%s: booked %v, want %v", what, got, want)
			return
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: booked %v, want %v", what, got[i], want[i])
			}
		}
	}

	charge := w.session(t, account, w.paid(t, account, "4242424242424242")).PaymentIntent.LatestCharge
	expect("card", booked{"charge", "charge", 12345, 388, 11957, "pending"})
	if available, pending := w.money(t, account); available != 0 || pending != 11957 {
		t.Errorf("available %d, pending %d", available, pending)
	}
	if charge.BalanceTransaction.AvailableOn != charge.Created+2*24*3600 {
		t.Errorf("available on %d, charged at %d", charge.BalanceTransaction.AvailableOn, charge.Created)
	}
	w.Advance(48 * time.Hour)
	if available, pending := w.money(t, account); available != 11957 || pending != 0 {
		t.Errorf("after two days: available %d, pending %d", available, pending)
	}

	w.paid(t, account, "4000000000000077")
	expect("card at once", booked{"charge", "charge", 12345, 388, 11957, "available"})
	debit := w.session(t, account, w.paid(t, account, "000123456789")).PaymentIntent.LatestCharge.ID
	expect("debit under way")
	w.SettleBankDebits()
	expect("debit", booked{"payment", "charge", 12345, 388, 11957, "available"})
	if _, err := w.Refund(debit, 345); err != nil {
		t.Fatal(err)
	}
	expect("refund of a debit", booked{"payment_refund", "refund", -345, 0, -345, "available"})

	if _, err := w.Refund(charge.ID, 345); err != nil {
		t.Fatal(err)
	}
	expect("refund", booked{"refund", "refund", -345, 0, -345, "available"})
	refused := w.session(t, account, w.paid(t, account, "4000000000005126")).PaymentIntent.LatestCharge.ID
	if _, err := w.Refund(refused, 0); err != nil {
		t.Fatal(err)
	}
	latest()
	w.SettleRefunds()
	expect("failed refund", booked{"refund_failure", "refund_failure", 12345, 0, 12345, "available"})

	w.paid(t, account, "4000000000000259")
	expect("dispute", booked{"adjustment", "dispute", -12345, 1500, -13845, "available"}, booked{"charge", "charge", 12345, 388, 11957, "pending"})
	_, list, _ := w.send(t, "GET", "/v1/disputes", nil, "Stripe-Account", account)
	if err := w.CloseDispute(idOf(list, 0), true); err != nil {
		t.Fatal(err)
	}
	expect("dispute won", booked{"adjustment", "dispute_reversal", 12345, -1500, 13845, "available"})

	var sum int64
	for _, txn := range w.transactions(t, account, &stripe.BalanceTransactionListParams{}) {
		sum += txn.Net
	}
	if available, pending := w.money(t, account); available+pending != sum {
		t.Errorf("available %d and pending %d are not the sum of the transactions, %d", available, pending, sum)
	}
	if of := w.transactions(t, account, &stripe.BalanceTransactionListParams{Source: stripe.String(charge.ID)}); len(of) != 1 || of[0].ID != charge.BalanceTransaction.ID {
		t.Errorf("of the charge: %v", of)
	}
	if of := w.transactions(t, account, &stripe.BalanceTransactionListParams{Type: stripe.String("adjustment")}); len(of) != 2 {
		t.Errorf("adjustments: %v", of)
	}
}

// TestRefundsWaitForMoney that the account doesn't have yet.
func TestRefundsWaitForMoney(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	w.SetKnobs(sandbox.Knobs{RefundsWait: true})
	refund := func(number string) string {
		t.Helper()
		id, err := w.Refund(w.session(t, account, w.paid(t, account, number)).PaymentIntent.LatestCharge.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	get := func(id string) *stripe.Refund {
		t.Helper()
		params := &stripe.RefundParams{}
		params.SetStripeAccount(account)
		got, err := w.api.Refunds.Get(id, params)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first, second := refund("4242424242424242"), refund("4242424242424242")
	if got := get(first); got.Status != "pending" || got.BalanceTransaction != nil {
		t.Errorf("without money: %+v", got)
	}
	if status, body, _ := w.send(t, "POST", "/v1/refunds/"+second+"/cancel", nil, "Stripe-Account", account); status != 200 || body["status"] != "canceled" || body["failure_balance_transaction"] != nil {
		t.Errorf("canceled: %d %v", status, body)
	}
	w.Advance(48 * time.Hour)
	if got := get(first); got.Status != "succeeded" || got.BalanceTransaction == nil {
		t.Errorf("with money: %+v", got)
	}
	if available, pending := w.money(t, account); available != 2*11957-12345 || pending != 0 {
		t.Errorf("available %d, pending %d", available, pending)
	}
}
