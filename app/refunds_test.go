package app_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"trak/app"
	"trak/billing"
	"trak/connect"
	"trak/db"
	"trak/sandbox"
)

// paid is an invoice of the amount that was paid with the card.
func (w *world) paid(amount, card string) (db.Invoice, db.Payment) {
	w.t.Helper()
	inv := w.invoice(amount)
	w.ends(inv.ID, "active")
	w.pay(inv.ID, card)
	w.until("the invoice is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
	w.settled()
	w.until("its charge is known", func() bool { return w.detail(inv.ID).Payments[0].ChargeID != "" })
	return inv, w.detail(inv.ID).Payments[0]
}

const goodCard = "4242424242424242"

// refund asks for a refund by a form of its own.
func (w *world) refund(payment, amount string) (db.RefundRequest, error) {
	return w.app.RefundPayment(context.Background(), w.owner, payment, app.RefundInput{FormKey: uuid.NewString(), Amount: amount})
}

// refundsAt are the refunds that Stripe has, and what they come to.
func (w *world) refundsAt(account string) (list []map[string]any, sum int64) {
	w.t.Helper()
	if w.own {
		account = ""
	}
	list = w.atStripe(account, "refunds")
	for _, r := range list {
		if r["status"] != "failed" && r["status"] != "canceled" {
			sum += int64(r["amount"].(float64))
		}
	}
	return list, sum
}

// states are those of an invoice's refunds.
func (w *world) states(invoice string) string {
	w.t.Helper()
	var list []string
	for _, r := range w.detail(invoice).Refunds {
		list = append(list, string(r.Status))
	}
	return strings.Join(list, " ")
}

func fieldError(err error, field string) string {
	var errs billing.FieldErrors
	if !errors.As(err, &errs) {
		return ""
	}
	return errs[field]
}

func TestRefund(t *testing.T) {
	t.Parallel()
	ctx := context.Background()

	bothModes(t, "in parts, as long as something is left", func(t *testing.T, w *world) {
		acct := w.connect()
		inv, p := w.paid("100", goodCard)
		for i, amount := range []string{"30", "30.50"} {
			r, err := w.app.RefundPayment(ctx, w.owner, p.ID, app.RefundInput{
				FormKey: uuid.NewString(), Amount: amount, Reason: "requested_by_customer", Note: "Two days less",
			})
			must(t, err)
			if r.State != "asked" || r.RefundID == "" {
				t.Fatalf("%+v", r)
			}
			w.until("its link is closed", func() bool { return !w.detail(inv.ID).Waiting })
			d := w.detail(inv.ID)
			if d.Standing.Status != billing.PartiallyRefunded || d.Invoice.Refunded != []int64{3000, 6050}[i] || d.Invoice.Due != 0 || d.Waiting {
				t.Errorf("%s, %d refunded, %d due, %v", d.Standing.Status, d.Invoice.Refunded, d.Invoice.Due, d.Standing.Flags)
			}
		}
		left, err := w.app.Refundable(ctx, w.owner, p.ID)
		must(t, err)
		if left.Left != (billing.Money{Minor: 3950, Currency: "eur"}) {
			t.Errorf("%+v is left", left.Left)
		}
		_, err = w.refund(p.ID, "39.51")
		if got := fieldError(err, "amount"); got != "At most €39.50 is left to refund" {
			t.Errorf("too much: %q %v", got, err)
		}
		must(t, ignore(w.refund(p.ID, "39.50")))
		_, err = w.refund(p.ID, "0.01")
		if got := fieldError(err, "amount"); got != "Nothing is left of this payment to refund" {
			t.Errorf("nothing left: %q %v", got, err)
		}
		w.settled()
		w.until("all is refunded", func() bool { return w.detail(inv.ID).Standing.Status == billing.Refunded })
		list, sum := w.refundsAt(acct)
		if len(list) != 3 || sum != 10000 || list[2]["reason"] != "requested_by_customer" {
			t.Errorf("%d refunds of %d at Stripe: %v", len(list), sum, list)
		}
		d := w.detail(inv.ID)
		if got := w.states(inv.ID); got != "refunded refunded refunded" || d.Refunds[0].Who != "Mira Osei" || d.Refunds[0].Note != "Two days less" {
			t.Errorf("%s: %+v", got, d.Refunds)
		}
		kinds := ""
		for _, m := range d.Timeline {
			kinds += m.Kind + " "
		}
		if strings.Count(kinds, "refund_asked") != 3 || strings.Count(kinds, "refunded") != 3 {
			t.Errorf("the timeline is %s", kinds)
		}
		if n := ask[int](w, "SELECT count(*) FROM audit_log WHERE action = 'payment.refund' AND subject = ?", p.ID); n != 3 {
			t.Errorf("%d audit records", n)
		}
		w.verified()
	})

	bothModes(t, "that is still owed makes the amount due again", func(t *testing.T, w *world) {
		w.connect()
		inv, p := w.paid("100", goodCard)
		_, err := w.app.RefundPayment(ctx, w.owner, p.ID, app.RefundInput{FormKey: uuid.NewString(), Amount: "40", StillOwed: true})
		must(t, err)
		d := w.detail(inv.ID)
		if d.Standing.Status != billing.PartiallyPaid || d.Invoice.Due != 4000 || d.Invoice.Received != 6000 || d.Invoice.Refunded != 0 {
			t.Errorf("%s, received %d, refunded %d, due %d", d.Standing.Status, d.Invoice.Received, d.Invoice.Refunded, d.Invoice.Due)
		}
		w.settled()
		w.until("there is a link for what is due", func() bool { return w.detail(inv.ID).Link.State == "active" })
		w.pay(inv.ID, goodCard)
		w.until("it is paid again", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
		w.settled()
		w.verified()
	})

	bothModes(t, "a double click, and the same form again later, make one refund", func(t *testing.T, w *world) {
		acct := w.connect()
		_, p := w.paid("100", goodCard)
		in := app.RefundInput{FormKey: uuid.NewString(), Amount: "60"}
		var clicks sync.WaitGroup
		for range 4 {
			clicks.Go(func() {
				if _, err := w.app.RefundPayment(ctx, w.owner, p.ID, in); err != nil {
					t.Error(err)
				}
			})
		}
		clicks.Wait()
		r, err := w.app.RefundPayment(ctx, w.owner, p.ID, in)
		must(t, err)
		if list, sum := w.refundsAt(acct); len(list) != 1 || sum != 6000 || r.RefundID != list[0]["id"] {
			t.Errorf("%d refunds of %d at Stripe", len(list), sum)
		}
		w.verified()
	})

	bothModes(t, "two tabs at once refund both only if enough is left", func(t *testing.T, w *world) {
		acct := w.connect()
		_, p := w.paid("100", goodCard)
		errs := make(chan error, 4)
		for range cap(errs) {
			go func() { errs <- ignore(w.refund(p.ID, "40")) }()
		}
		refused := 0
		for range cap(errs) {
			if err := <-errs; err != nil {
				refused++
				if got := fieldError(err, "amount"); !strings.Contains(got, "is left to refund") {
					t.Errorf("%v", err)
				}
			}
		}
		if list, sum := w.refundsAt(acct); refused != 2 || len(list) != 2 || sum != 8000 {
			t.Errorf("%d refused, %d refunds of %d at Stripe", refused, len(list), sum)
		}
		w.verified()
	})

	bothModes(t, "what somebody refunded in Stripe meanwhile is not left", func(t *testing.T, w *world) {
		w.connect()
		inv, p := w.paid("100", goodCard)
		w.sandbox.SetKnobs(sandbox.Knobs{Drop: true}) // no event tells of it
		must(t, ignore(w.sandbox.Refund(p.ChargeID, 7000)))
		left, err := w.app.Refundable(ctx, w.owner, p.ID)
		must(t, err)
		if left.Left.Minor != 3000 {
			t.Errorf("%d is left", left.Left.Minor)
		}
		_, err = w.refund(p.ID, "30.01")
		if got := fieldError(err, "amount"); got != "At most €30.00 is left to refund" {
			t.Errorf("%q %v", got, err)
		}
		if d := w.detail(inv.ID); len(d.Refunds) != 0 || d.Standing.Status != billing.Paid {
			t.Errorf("%s: %+v", d.Standing.Status, d.Refunds)
		}
	})

	bothModes(t, "pending, then succeeded", func(t *testing.T, w *world) {
		w.connect()
		inv, p := w.paid("100", "4000000000007726")
		must(t, ignore(w.refund(p.ID, "100")))
		d := w.detail(inv.ID)
		if got := w.states(inv.ID); got != "refund_pending" || !d.Waiting || d.Standing.Status != billing.Refunded {
			t.Errorf("%s, %s, waiting %v", got, d.Standing.Status, d.Waiting)
		}
		w.settled()
		w.sandbox.SettleRefunds()
		w.until("it has succeeded", func() bool { return w.states(inv.ID) == "refunded" && !w.detail(inv.ID).Waiting })
		w.settled()
		w.verified()
	})

	bothModes(t, "succeeded, then failed: it can be refunded again", func(t *testing.T, w *world) {
		// Were it counted for ever, Stripe would say that nothing is left, and it decides.
		w.answers(func(a *sandbox.Answers) { a.FailedRefundStaysCounted = false })
		w.connect()
		inv, p := w.paid("100", "4000000000005126")
		must(t, ignore(w.refund(p.ID, "100")))
		w.settled()
		w.sandbox.SettleRefunds()
		w.until("it has failed", func() bool { return w.states(inv.ID) == "refund_failed" })
		w.settled()
		d := w.detail(inv.ID)
		if d.Standing.Status != billing.Paid || d.Refunds[0].Failure != "expired_or_canceled_card" || !w.app.MayRefund(w.owner, d.Payments[0], d.Refunds) {
			t.Errorf("%s, %+v", d.Standing.Status, d.Refunds)
		}
		must(t, ignore(w.refund(p.ID, "100")))
		w.settled()
		w.verified()
	})

	bothModes(t, "a payment without an invoice", func(t *testing.T, w *world) {
		acct := w.connect()
		_, p := w.paid("100", goodCard)
		w.exec("UPDATE payments SET invoice_id = NULL WHERE id = ?", p.ID)
		must(t, ignore(w.refund(p.ID, "100")))
		if _, sum := w.refundsAt(acct); sum != 10000 {
			t.Errorf("%d refunded at Stripe", sum)
		}
	})

	t.Run("another workspace's payment is not there, and members may not", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.connect()
		_, p := w.paid("100", goodCard)
		stranger := w.stranger()
		if _, err := w.app.Refundable(ctx, stranger, p.ID); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("a stranger's look: %v", err)
		}
		if _, err := w.app.RefundPayment(ctx, stranger, p.ID, app.RefundInput{FormKey: uuid.NewString(), Amount: "1"}); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("a stranger's refund: %v", err)
		}
		var no *app.NotAllowed
		if _, err := w.app.Refundable(ctx, w.member, p.ID); !errors.As(err, &no) {
			t.Errorf("a member's look: %v", err)
		}
		if _, err := w.app.RefundPayment(ctx, w.member, p.ID, app.RefundInput{FormKey: uuid.NewString(), Amount: "1"}); !errors.As(err, &no) {
			t.Errorf("a member's refund: %v", err)
		}
		if n := ask[int](w, "SELECT count(*) FROM refund_requests"); n != 0 {
			t.Errorf("%d requests", n)
		}
	})

	t.Run("bad input is told beside its field", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.connect()
		_, p := w.paid("100", goodCard)
		_, err := w.app.RefundPayment(ctx, w.owner, p.ID, app.RefundInput{
			FormKey: uuid.NewString(), Amount: "1.234", Reason: "because", Note: strings.Repeat("x", 501),
		})
		for _, field := range []string{"amount", "reason", "note"} {
			if fieldError(err, field) == "" {
				t.Errorf("nothing about the %s: %v", field, err)
			}
		}
	})
}

// Stripe refuses: nothing has changed, and a sentence says why.
func TestRefundRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	says := func(status int, code, param string) func(http.ResponseWriter, *http.Response) {
		return func(rw http.ResponseWriter, _ *http.Response) {
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(status)
			_, _ = rw.Write([]byte(`{"error":{"type":"invalid_request_error","code":"` + code + `","param":"` + param + `","message":"No."}}`))
		}
	}
	for name, tt := range map[string]struct {
		answer func(http.ResponseWriter, *http.Response)
		want   string
	}{
		"the balance is too small":       {says(400, "balance_insufficient", ""), "not enough in the Stripe balance"},
		"it was refunded":                {says(400, "charge_already_refunded", ""), "Nothing is left of this payment"},
		"it is disputed":                 {says(400, "charge_disputed", ""), "in a dispute"},
		"it is disputed, in newer words": {says(400, "refund_disputed_payment", ""), "in a dispute"},
		"it is too much":                 {says(400, "", "amount"), "more than what is left"},
		"the account is gone":            {says(403, "account_invalid", ""), "no longer gives access"},
		"the key may not":                {says(403, "", ""), "Stripe refused"},
	} {
		bothModes(t, name, func(t *testing.T, w *world) {
			w.connect()
			inv, p := w.paid("100", goodCard)
			between := w.through()
			in := app.RefundInput{FormKey: uuid.NewString(), Amount: "60"}
			between.onBefore("POST /v1/refunds", tt.answer)
			_, err := w.app.RefundPayment(ctx, w.owner, p.ID, in)
			if got := fieldError(err, "amount"); !strings.Contains(got, tt.want) {
				t.Fatalf("%q %v", got, err)
			}
			between.off()
			w.until("the paid invoice's link is closed", func() bool { return !w.detail(inv.ID).Waiting })
			d := w.detail(inv.ID)
			if d.Standing.Status != billing.Paid || d.Waiting || w.states(inv.ID) != "refund_refused" || !strings.Contains(d.Refunds[0].Problem, tt.want) {
				t.Errorf("%s, waiting %v: %+v", d.Standing.Status, d.Waiting, d.Refunds)
			}
			// The second of two clicks reads the same.
			_, err = w.app.RefundPayment(ctx, w.owner, p.ID, in)
			if got := fieldError(err, "amount"); !strings.Contains(got, tt.want) {
				t.Errorf("the second click: %q %v", got, err)
			}
			must(t, ignore(w.refund(p.ID, "100")))
			w.settled()
			w.verified()
		})
	}

	bothModes(t, "a real dispute", func(t *testing.T, w *world) {
		w.connect()
		inv, p := w.paid("100", "4000000000000259")
		_, err := w.refund(p.ID, "100")
		if got := fieldError(err, "amount"); !strings.Contains(got, "in a dispute") {
			t.Fatalf("%q %v", got, err)
		}
		if got := w.states(inv.ID); got != "refund_refused" {
			t.Error(got)
		}
		w.settled()
		w.verified()
	})

	bothModes(t, "Stripe does not say what is left", func(t *testing.T, w *world) {
		w.connect()
		_, p := w.paid("100", goodCard)
		between := w.through()
		between.on("GET /v1/charges/", lose)
		var stripe *connect.Error
		if _, err := w.app.Refundable(ctx, w.owner, p.ID); !errors.As(err, &stripe) {
			t.Errorf("%v", err)
		}
		if _, err := w.refund(p.ID, "100"); !errors.As(err, &stripe) {
			t.Errorf("%v", err)
		}
		if n := ask[int](w, "SELECT count(*) FROM refund_requests"); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

// The client's bank and ours may hear of it in any order.
func TestRefundAnswerIsLost(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, hears := range []bool{true, false} {
		name := "the event answers in its place"
		if !hears {
			name = "no event comes, and the key is forgotten: it is found by our metadata"
		}
		bothModes(t, name, func(t *testing.T, w *world) {
			acct := w.connect()
			inv, p := w.paid("100", goodCard)
			between := w.through()
			if !hears {
				w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
			}
			between.on("POST /v1/refunds", lose)
			r, err := w.app.RefundPayment(ctx, w.owner, p.ID, app.RefundInput{FormKey: uuid.NewString(), Amount: "40", StillOwed: true})
			must(t, err)
			if !hears {
				d := w.detail(inv.ID)
				if r.State != "asking" || !d.Waiting || w.states(inv.ID) != "refund_asking" || d.Refunds[0].Problem == "" {
					t.Errorf("%s, waiting %v: %+v", r.State, d.Waiting, d.Refunds)
				}
				left, err := w.app.Refundable(ctx, w.owner, p.ID)
				must(t, err)
				if left.Asking.Minor != 4000 || left.Left.Minor > 6000 {
					t.Errorf("%+v", left)
				}
				between.off()
				w.clock.advance(25 * time.Hour)
				w.app.Wake()
			}
			w.until("it is answered", func() bool { return w.states(inv.ID) == "refunded" })
			between.off()
			d := w.detail(inv.ID)
			if !d.Refunds[0].StillOwed || d.Invoice.Due != 4000 || d.Refunds[0].Who == "" {
				t.Errorf("%d due: %+v", d.Invoice.Due, d.Refunds)
			}
			if list, _ := w.refundsAt(acct); len(list) != 1 {
				t.Errorf("%d refunds at Stripe", len(list))
			}
			w.settled()
			w.verified()
		})
	}
}
