package app_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
	"trak/sandbox"
)

// stray lets a payment arrive that no link of Trak's asked for, and returns what it needs.
func (w *world) stray(account, currency string, amount int64) app.Attention {
	w.t.Helper()
	before := w.attention()
	if w.own {
		account = ""
	}
	_, err := w.sandbox.PayInDashboard(account, "4242424242424242", currency, amount, "At the fair")
	must(w.t, err)
	w.settled()
	for _, it := range w.attention() {
		if it.Kind == app.AttentionUnmatched && !slices.Contains(before, it) {
			return it
		}
	}
	w.t.Fatal("a payment for no invoice needs nobody")
	return app.Attention{}
}

func (w *world) attention() []app.Attention {
	w.t.Helper()
	list, err := w.app.Attention(context.Background(), w.owner, false)
	must(w.t, err)
	return list
}

// needs fails unless exactly one thing needs a person, of a kind and an amount.
func (w *world) needs(kind string, minor int64) app.Attention {
	w.t.Helper()
	list := w.attention()
	if len(list) != 1 || list[0].Kind != kind || list[0].Minor != minor {
		w.t.Fatalf("needs attention: %+v, not one %s of %d", list, kind, minor)
	}
	n, err := w.app.AttentionCount(context.Background(), w.owner)
	must(w.t, err)
	if n != 1 {
		w.t.Errorf("%d are counted", n)
	}
	return list[0]
}

// nothingNeeded fails when something needs a person.
func (w *world) nothingNeeded(after string) {
	w.t.Helper()
	n, err := w.app.AttentionCount(context.Background(), w.owner)
	must(w.t, err)
	if list := w.attention(); len(list) != 0 || n != 0 {
		w.t.Errorf("after %s %d needs attention: %+v", after, n, list)
	}
}

func TestUnmatchedPaymentIsAssigned(t *testing.T) {
	t.Parallel()
	bothModes(t, "", func(t *testing.T, w *world) {
		ctx := context.Background()
		account := w.connect()
		inv := w.invoice("10")
		it := w.stray(account, "eur", 700)
		w.needs(app.AttentionUnmatched, 700)
		for name, id := range map[string]string{"a draft": draft(w, "7").ID, "another currency": w.invoiceIn("usd", "7").ID} {
			var wrong billing.FieldErrors
			if err := w.app.AssignPayment(ctx, w.owner, it.PaymentID, id); !errors.As(err, &wrong) || wrong["invoice"] == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		must(t, w.app.AssignPayment(ctx, w.owner, it.PaymentID, inv.ID))
		must(t, w.app.AssignPayment(ctx, w.owner, it.PaymentID, inv.ID)) // the second click
		w.stands(inv.ID, billing.PartiallyPaid, 700, 300)
		w.nothingNeeded("it was assigned")
		if got := w.openAt(account); !slices.Contains(got, 300) || slices.Contains(got, 1000) {
			t.Errorf("links for %v can be paid", got)
		}
		other := w.invoice("20")
		if err := w.app.AssignPayment(ctx, w.owner, it.PaymentID, other.ID); !errors.Is(err, app.ErrConflict) {
			t.Errorf("assigned twice: %v", err)
		}
		// Whatever Stripe tells later, the decision stands.
		_, err := w.sandbox.Refund(w.detail(inv.ID).Payments[0].PaymentIntentID, 200)
		must(t, err)
		w.until("the refund is known", func() bool { return w.detail(inv.ID).Standing.Refunded == 200 })
		w.stands(inv.ID, billing.PartiallyPaid, 700, 300)
		w.verified()
		must(t, w.app.UnassignPayment(ctx, w.owner, inv.ID, it.PaymentID))
		w.stands(inv.ID, billing.Open, 0, 1000)
		w.needs(app.AttentionUnmatched, 500)
		must(t, w.app.UnassignPayment(ctx, w.owner, inv.ID, it.PaymentID)) // the second click
		if n := ask[int](w, "SELECT count(*) FROM audit_log WHERE action = 'payment_unassigned'"); n != 1 {
			t.Errorf("taken back %d times", n)
		}
		// What Stripe says an invoice for is not a person's to take away.
		w.pay(other.ID, "4242424242424242")
		w.until("it is paid", func() bool { return w.detail(other.ID).Standing.Status == billing.Paid })
		if err := w.app.UnassignPayment(ctx, w.owner, other.ID, w.detail(other.ID).Payments[0].ID); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("a payment that came through its link: %v", err)
		}
		w.settled()
		w.verified()
	})
}

func TestIgnoredUntilItChanges(t *testing.T) {
	t.Parallel()
	bothModes(t, "", func(t *testing.T, w *world) {
		ctx := context.Background()
		account := w.connect()
		it := w.stray(account, "eur", 700)
		ignore := func(reason string) error {
			return w.app.IgnoreAttention(ctx, w.owner, it.Kind, []string{it.Subject}, reason)
		}
		var wrong billing.FieldErrors
		if err := ignore(" "); !errors.As(err, &wrong) || wrong["reason"] == "" {
			t.Errorf("without a reason: %v", err)
		}
		if err := w.app.IgnoreAttention(ctx, w.owner, it.Kind, []string{it.Subject + "0"}, "Sold at the fair"); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("another amount than there is: %v", err)
		}
		must(t, ignore("Sold at the fair"))
		must(t, ignore("")) // the second click
		w.nothingNeeded("it was ignored")
		ignored, err := w.app.Attention(ctx, w.owner, true)
		must(t, err)
		if len(ignored) != 1 || ignored[0].Reason != "Sold at the fair" || ignored[0].IgnoredBy != "Mira Osei" || ignored[0].IgnoredAt == 0 {
			t.Errorf("ignored: %+v", ignored)
		}
		if err := w.app.IgnoreAttention(ctx, w.owner, app.AttentionOverpaid, []string{it.Subject}, "It is not there"); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("what is not there is ignored: %v", err)
		}
		must(t, w.app.MindAttention(ctx, w.owner, it.Kind, it.Subject))
		must(t, w.app.MindAttention(ctx, w.owner, it.Kind, it.Subject))
		w.needs(app.AttentionUnmatched, 700)
		must(t, ignore("Sold at the fair"))
		// Another amount is another matter.
		_, err = w.sandbox.Refund(it.Object, 100)
		must(t, err)
		w.settled()
		w.needs(app.AttentionUnmatched, 600)
		_, err = w.sandbox.Refund(it.Object, 600)
		must(t, err)
		w.settled()
		w.nothingNeeded("all of it was given back")
		for _, action := range []string{"attention.ignore", "attention.mind"} {
			if ask[int](w, "SELECT count(*) FROM audit_log WHERE action = '"+action+"' AND subject LIKE '"+it.Kind+" %'") == 0 {
				t.Errorf("%s left no record", action)
			}
		}
	})
}

// All payments that are for no invoice can be left alone with one reason, but for those that
// nobody has seen yet.
func TestIgnoredAllAtOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	account := w.connect()
	var seen []string
	for _, minor := range []int64{700, 800, 900} {
		seen = append(seen, w.stray(account, "eur", minor).Subject)
	}
	later := w.stray(account, "eur", 1000)
	must(t, w.app.AssignPayment(ctx, w.owner, strings.Split(seen[2], ":")[0], w.invoice("20").ID)) // settled meanwhile
	ignore := func(reason string) error {
		return w.app.IgnoreAttention(ctx, w.owner, app.AttentionUnmatched, seen, reason)
	}
	if err := ignore(strings.Repeat("x", 301)); fieldError(err, "reason") == "" {
		t.Errorf("a reason that is too long: %v", err)
	}
	if list := w.attention(); len(list) != 3 {
		t.Errorf("%d need attention", len(list))
	}
	must(t, ignore("Sold at the fair"))
	must(t, ignore("Another reason")) // the second click
	if it := w.needs(app.AttentionUnmatched, 1000); it.Subject != later.Subject {
		t.Errorf("%+v", it)
	}
	ignored, err := w.app.Attention(ctx, w.owner, true)
	must(t, err)
	if len(ignored) != 2 || ignored[0].Reason != "Sold at the fair" || ignored[1].Reason != "Sold at the fair" {
		t.Errorf("ignored: %+v", ignored)
	}
	if n := ask[int](w, "SELECT count(*) FROM audit_log WHERE action = 'attention.ignore'"); n != 2 {
		t.Errorf("%d records", n)
	}
	must(t, w.app.MindAttention(ctx, w.owner, app.AttentionUnmatched, seen[0]))
	if list := w.attention(); len(list) != 2 {
		t.Errorf("%d need attention again", len(list))
	}
}

// Each kind comes by what happens at Stripe, and goes when that is settled.
func TestAttentionToWhatHappens(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	paid := func(w *world) (id, intent string) {
		inv := w.invoice("10")
		w.pay(inv.ID, "4242424242424242")
		w.until("it is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
		w.settled()
		return inv.ID, w.detail(inv.ID).Payments[0].PaymentIntentID
	}
	charge := func(w *world, id string) string { return w.detail(id).Payments[0].ChargeID }

	bothModes(t, "a dispute", func(t *testing.T, w *world) {
		w.connect()
		id, _ := paid(w)
		dispute, err := w.sandbox.Dispute(charge(w, id), "product_not_received", 1000)
		must(t, err)
		w.settled()
		it := w.needs(app.AttentionDispute, 1000)
		if it.DueBy <= w.clock.now().UnixMicro() || it.Detail != "product_not_received" || it.InvoiceID != id || it.Object != dispute || it.PaymentID == "" {
			t.Errorf("%+v", it)
		}
		must(t, w.sandbox.CloseDispute(dispute, true))
		w.settled()
		w.nothingNeeded("it was won")
		w.verified()
	})
	bothModes(t, "a fraud warning", func(t *testing.T, w *world) {
		w.connect()
		id, intent := paid(w)
		_, err := w.sandbox.WarnOfFraud(charge(w, id))
		must(t, err)
		w.settled()
		w.needs(app.AttentionWarning, 1000)
		_, err = w.sandbox.Refund(intent, 1000)
		must(t, err)
		w.settled()
		w.nothingNeeded("it was refunded")
	})
	bothModes(t, "a failed refund", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoice("10")
		w.pay(inv.ID, "4000000000005126") // its refunds succeed, and fail after all
		w.settled()
		intent := w.detail(inv.ID).Payments[0].PaymentIntentID
		_, err := w.sandbox.Refund(intent, 400)
		must(t, err)
		w.sandbox.SettleRefunds()
		w.settled()
		w.clock.advance(time.Second)
		it := w.needs(app.AttentionRefund, 400)
		if it.InvoiceID != inv.ID {
			t.Errorf("%+v", it)
		}
		must(t, w.app.IgnoreAttention(ctx, w.owner, it.Kind, []string{it.Subject}, "Sent by bank transfer"))
		w.nothingNeeded("it was ignored")
	})
	bothModes(t, "a failed payout", func(t *testing.T, w *world) {
		account := w.connect()
		paid(w)
		w.sandbox.Advance(10 * 24 * time.Hour)
		if _, err := w.sandbox.PayOut(account); err != nil {
			t.Skipf("no payout: %v", err)
		}
		w.sandbox.SettlePayouts(true)
		w.settled()
		if list := w.attention(); len(list) != 1 || list[0].Kind != app.AttentionPayout || list[0].Minor <= 0 || list[0].Detail == "" {
			t.Errorf("%+v", list)
		}
	})
	bothModes(t, "money for a void invoice", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoice("10")
		w.sandbox.SetKnobs(sandbox.Knobs{Hold: true})
		w.pay(inv.ID, "4242424242424242")
		must(t, w.app.VoidInvoice(ctx, w.owner, inv.ID))
		w.sandbox.SetKnobs(sandbox.Knobs{})
		w.until("it is there", func() bool { return w.detail(inv.ID).Invoice.Received == 1000 })
		w.settled()
		it := w.needs(app.AttentionPaidVoid, 1000)
		if it.PaymentID != w.detail(inv.ID).Payments[0].ID {
			t.Errorf("%+v", it)
		}
		_, err := w.sandbox.Refund(w.detail(inv.ID).Payments[0].PaymentIntentID, 1000)
		must(t, err)
		w.settled()
		w.nothingNeeded("it was refunded")
	})
	bothModes(t, "paid too much", func(t *testing.T, w *world) {
		w.connect()
		id, intent := paid(w)
		in := w.byTransfer("3")
		in.TooMuch = true
		w.record(id, in)
		w.needs(app.AttentionOverpaid, 300)
		_, err := w.sandbox.Refund(intent, 300)
		must(t, err)
		w.settled()
		w.nothingNeeded("the difference was refunded")
		w.verified()
	})
	bothModes(t, "in another currency", func(t *testing.T, w *world) {
		account := w.connect()
		w.stray(account, "usd", 1000)
		id := w.invoice("10").ID
		// Only a session can say so; nothing that people do can.
		w.exec("UPDATE payments SET invoice_id = '" + id + "'")
		w.exec("UPDATE invoices SET flags = 'currency_mismatch' WHERE id = '" + id + "'")
		w.clock.advance(time.Minute)
		if it := w.needs(app.AttentionMismatch, 1000); it.Currency != "usd" || it.Detail != "eur" || it.InvoiceID != id {
			t.Errorf("%+v", it)
		}
	})
	bothModes(t, "a link that Stripe refused", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoice("0.60")
		w.record(inv.ID, w.byTransfer("0.50")) // what is left is less than Stripe takes
		w.until("Stripe has refused", func() bool { return w.detail(inv.ID).Link.State == "failed" })
		it := w.needs(app.AttentionLink, 10)
		if it.InvoiceID != inv.ID || it.Detail == "" {
			t.Errorf("%+v", it)
		}
		w.record(inv.ID, w.byTransfer("0.10"))
		w.nothingNeeded("it was paid")
	})
	bothModes(t, "events that can't be taken in", func(t *testing.T, w *world) {
		w.connect()
		paid(w)
		w.exec("UPDATE stripe_webhook_events SET state = 'failed' WHERE type IN ('charge.succeeded', 'payment_intent.succeeded')")
		w.clock.advance(9 * time.Minute)
		w.nothingNeeded("nine minutes")
		w.clock.advance(6 * time.Minute)
		w.needs(app.AttentionEvents, 2)
	})
}

// A member sees what is wrong, and another workspace does not.
func TestAttentionIsTheWorkspacesOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	account := w.connect()
	w.stray(account, "eur", 700)
	list, err := w.app.Attention(ctx, w.member, false)
	if err != nil || len(list) != 1 {
		t.Errorf("a member sees %d (%v)", len(list), err)
	}
	list, err = w.app.Attention(ctx, w.stranger(), false)
	if err != nil || len(list) != 0 {
		t.Errorf("a stranger sees %d (%v)", len(list), err)
	}
	version := w.app.ListVersion(w.owner)
	w.stray(account, "eur", 900)
	if w.app.ListVersion(w.owner) == version {
		t.Error("the overview does not hear of it")
	}
}
