package sandbox_test

import (
	"net/url"
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"trak/sandbox"
)

// TestWhatFollowsAPayment pays with the cards after which something more happens.
func TestWhatFollowsAPayment(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]struct {
		events   []string // after payment_intent.succeeded
		disputes int
		balance  int64 // of 123.45 less the fee of 3.88
	}{
		"4242424242424242": {nil, 0, 11957},
		"4000000000000259": {[]string{"charge.dispute.created", "charge.dispute.funds_withdrawn"}, 1, 11957 - 12345 - 1500},
		"4000000000002685": {[]string{"charge.dispute.created", "charge.dispute.funds_withdrawn"}, 1, 11957 - 12345 - 1500},
		"4000000000001976": {[]string{"charge.dispute.created"}, 1, 11957},
		"4000000404000079": {[]string{
			"charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.created", "charge.dispute.funds_withdrawn",
		}, 2, 11957 - 12345 - 3000},
		"4000000000005423": {[]string{"radar.early_fraud_warning.created"}, 0, 11957},
		"4000000000009235": {[]string{"review.opened"}, 0, 11957},
		"4000000000000077": {[]string{"balance.available"}, 0, 11957},
	} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			account := w.account(t)
			s := w.session(t, account, w.paid(t, account, number))
			if s.PaymentStatus != "paid" || s.PaymentIntent.LatestCharge.Disputed != (want.disputes > 0) {
				t.Errorf("the payment is %s, disputed %v", s.PaymentStatus, s.PaymentIntent.LatestCharge.Disputed)
			}
			if got := w.types(account, "payment_intent.succeeded"); !slices.Equal(got, want.events) {
				t.Errorf("then came %v, want %v", got, want.events)
			}
			params := &stripe.DisputeListParams{Charge: stripe.String(s.PaymentIntent.LatestCharge.ID)}
			params.SetStripeAccount(account)
			found := 0
			for it := w.api.Disputes.List(params); it.Next(); found++ {
			}
			if found != want.disputes {
				t.Errorf("%d disputes, want %d", found, want.disputes)
			}
			if got := w.balance(t, account); got != want.balance {
				t.Errorf("balance %d, want %d", got, want.balance)
			}
		})
	}
}

func (w *world) balance(t *testing.T, account string) (sum int64) {
	t.Helper()
	params := &stripe.BalanceParams{}
	params.SetStripeAccount(account)
	balance, err := w.api.Balance.Get(params)
	if err != nil {
		t.Fatal(err)
	}
	for _, amount := range slices.Concat(balance.Available, balance.Pending) {
		sum += amount.Amount
	}
	return sum
}

func TestDisputesEnd(t *testing.T) {
	t.Parallel()
	const updated, withdrawn, back, closed = "charge.dispute.updated", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated", "charge.dispute.closed"
	for name, c := range map[string]struct {
		number, evidence, told, status string
		events                         []string
		lost                           int64 // of the 119.57 that the payment brought
	}{
		"won":               {"4000000000000259", "winning_evidence", "under_review", "won", []string{updated, back, closed}, 0},
		"lost":              {"4000000000000259", "losing_evidence", "under_review", "lost", []string{updated, closed}, 12345 + 1500},
		"in review":         {"4000000000000259", "We did the work.", "under_review", "under_review", []string{updated}, 12345 + 1500},
		"inquiry":           {"4000000000001976", "winning_evidence", "warning_under_review", "warning_closed", []string{updated, closed}, 0},
		"escalated inquiry": {"4000000000001976", "escalate_inquiry_evidence", "warning_under_review", "needs_response", []string{updated, updated, withdrawn}, 12345 + 1500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			account := w.account(t)
			id := w.disputed(t, account, c.number)
			before := len(w.Events(account))
			status, told, _ := w.send(t, "POST", "/v1/disputes/"+id, url.Values{"evidence[uncategorized_text]": {c.evidence}}, "Stripe-Account", account)
			if status != 200 || told["status"] != c.told {
				t.Errorf("the answer: %d %v", status, told)
			}
			if got := w.dispute(t, account, id); string(got.Status) != c.status || got.EvidenceDetails.SubmissionCount != 1 || !got.EvidenceDetails.HasEvidence {
				t.Errorf("the dispute is %+v", got)
			}
			if got := w.types(account, "")[before:]; !slices.Equal(got, c.events) {
				t.Errorf("events %v, want %v", got, c.events)
			}
			if got, want := w.balance(t, account), 11957-c.lost; got != want {
				t.Errorf("balance %d, want %d", got, want)
			}
			if c.status == "needs_response" {
				return
			}
			for path, form := range map[string]url.Values{"/close": nil, "": {"evidence[uncategorized_text]": {"More."}}} {
				if status, body, _ := w.send(t, "POST", "/v1/disputes/"+id+path, form, "Stripe-Account", account); status != 400 || errorOf(body)["type"] != "invalid_request_error" {
					t.Errorf("answered again: %d %v", status, body)
				}
			}
			if status, body, _ := w.send(t, "POST", "/v1/disputes/"+id, url.Values{"metadata[a]": {"b"}}, "Stripe-Account", account); status != 200 {
				t.Errorf("its metadata: %d %v", status, body)
			}
		})
	}
}

// disputed pays with a card whose payments are disputed, and returns the dispute's id.
func (w *world) disputed(t *testing.T, account, number string) string {
	t.Helper()
	charge := w.session(t, account, w.paid(t, account, number)).PaymentIntent.LatestCharge.ID
	return w.ids(t, account, "/v1/disputes?charge="+charge)[0]
}

func (w *world) dispute(t *testing.T, account, id string) *stripe.Dispute {
	t.Helper()
	params := &stripe.DisputeParams{}
	params.SetStripeAccount(account)
	got, err := w.api.Disputes.Get(id, params)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestCanceledRefund(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	charge := w.session(t, account, w.paid(t, account, "4000000000007726")).PaymentIntent.LatestCharge.ID
	refund, err := w.Refund(charge, 0)
	if err != nil {
		t.Fatal(err)
	}
	if status, body, _ := w.send(t, "POST", "/v1/refunds/"+refund+"/cancel", nil, "Stripe-Account", account); status != 200 || body["status"] != "canceled" {
		t.Errorf("%d %v", status, body)
	}
	if got := w.SettleRefunds(); got != 0 || w.balance(t, account) != 11957 {
		t.Errorf("%d refunds settled afterwards, balance %d", got, w.balance(t, account))
	}
	if status, _, _ := w.send(t, "POST", "/v1/refunds/"+refund+"/cancel", nil, "Stripe-Account", account); status != 400 {
		t.Errorf("canceled twice: %d", status)
	}
}

// TestDeclines tells each card that is declined by its reason, and leaves the page open.
func TestDeclines(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	for number, want := range map[string][2]string{
		"4000000000000002": {"card_declined", "generic_decline"},
		"4000000000009995": {"card_declined", "insufficient_funds"},
		"4000000000009987": {"card_declined", "lost_card"},
		"4000000000009979": {"card_declined", "stolen_card"},
		"4000000000000069": {"expired_card", ""},
		"4000000000000127": {"incorrect_cvc", ""},
		"4000000000000119": {"processing_error", ""},
		"4100000000000019": {"card_declined", "fraudulent"},
	} {
		s := w.session(t, account, w.paid(t, account, number))
		failed := s.PaymentIntent.LatestCharge
		got := [2]string{string(s.PaymentIntent.LastPaymentError.Code), string(s.PaymentIntent.LastPaymentError.DeclineCode)}
		if s.Status != "open" || s.PaymentStatus != "unpaid" || failed.Status != "failed" || got != want {
			t.Errorf("%s: session %s, %v, want %v", number, s.Status, got, want)
		}
		if blocked := failed.Outcome.Type == "blocked"; blocked != (number == "4100000000000019") {
			t.Errorf("%s: outcome %s", number, failed.Outcome.Type)
		}
	}
	session := w.opened(t, w.link(t, account, 500, "usd").ID)
	if outcome, err := w.Pay(session, sandbox.Card{Number: "4242424242424241"}); err != nil || outcome.Status != sandbox.Declined {
		t.Errorf("a mistyped card: %+v, %v", outcome, err)
	}
	if s := w.session(t, account, session); s.PaymentIntent != nil {
		t.Error("a mistyped card reached the bank")
	}
	if outcome, err := w.Pay(session, sandbox.Card{Number: "4000008260003178"}); err != nil || outcome.Status != sandbox.RequiresAction {
		t.Fatalf("3-D Secure before a decline: %+v, %v", outcome, err)
	}
	if outcome, err := w.Authenticate(session, true); err != nil || outcome.Status != sandbox.Declined {
		t.Errorf("a decline after 3-D Secure: %+v, %v", outcome, err)
	}
}

func TestSEPADebit(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	for number, c := range map[string]struct {
		settlings int
		payment   string
	}{
		"AT61 1904 3002 3457 3201": {1, "paid"}, "IT60X0542811101000000123456": {1, "unpaid"}, "AT321904300235473204": {2, "paid"},
	} {
		session := w.opened(t, w.link(t, account, 5000, "eur").ID)
		if outcome, err := w.Pay(session, sandbox.Card{Number: number}); err != nil || outcome.Status != sandbox.Processing {
			t.Errorf("%s: %+v, %v", number, outcome, err)
		}
		for i := range c.settlings {
			if s := w.session(t, account, session); s.PaymentIntent.Status != "processing" {
				t.Errorf("%s: %s after %d settlings", number, s.PaymentIntent.Status, i)
			}
			w.SettleBankDebits()
		}
		if s := w.session(t, account, session); string(s.PaymentStatus) != c.payment || s.PaymentIntent.Status == "processing" {
			t.Errorf("%s: %s in the end", number, s.PaymentStatus)
		}
	}
}

// TestSessionWithoutALink is paid like one of a link.
func TestSessionWithoutALink(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	form := url.Values{
		"mode": {"payment"}, "success_url": {"https://trak.test/i/abc?s={CHECKOUT_SESSION_ID}"}, "line_items[0][quantity]": {"2"},
		"line_items[0][price_data][currency]": {"usd"}, "line_items[0][price_data][unit_amount]": {"750"},
		"line_items[0][price_data][product_data][name]": {"Work"}, "payment_intent_data[metadata][trak_invoice_id]": {"inv"},
		"metadata[trak_invoice_id]": {"inv"}, "client_reference_id": {"inv-7"},
	}
	_, made, _ := w.send(t, "POST", "/v1/checkout/sessions", form, "Stripe-Account", account)
	id, _ := made["id"].(string)
	outcome, err := w.Pay(id, sandbox.Card{Number: "4242424242424242"})
	if err != nil || outcome.RedirectURL != "https://trak.test/i/abc?s="+id {
		t.Fatalf("%+v, %v", outcome, err)
	}
	s := w.session(t, account, id)
	if s.AmountTotal != 1500 || s.PaymentStatus != "paid" || s.ClientReferenceID != "inv-7" || s.PaymentIntent.Metadata["trak_invoice_id"] != "inv" || s.PaymentLink != nil {
		t.Errorf("%+v", s)
	}
	for field, bad := range map[string]string{"mode": "subscription", "success_url": "nowhere", "expires_at": "5", "line_items[0][quantity]": "0"} {
		wrong := url.Values{}
		for key, values := range form {
			wrong[key] = values
		}
		wrong.Set(field, bad)
		if status, body, _ := w.send(t, "POST", "/v1/checkout/sessions", wrong, "Stripe-Account", account); status != 400 {
			t.Errorf("%s=%s: %d %v", field, bad, status, body)
		}
	}
}
