package app_test

import (
	"context"
	"strings"
	"testing"

	"trak/app"
	"trak/billing"
)

func TestWholeWay(t *testing.T) {
	t.Parallel()
	bothModes(t, "connect, invoice, pay, see it paid", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoice("2,940.00")
		d := w.detail(inv.ID)
		if *inv.Number != "INV-0001" || d.Label.Text != "Open" || d.Link.State != "active" {
			t.Fatalf("finalized as %s, %s, link %+v", *inv.Number, d.Label.Text, d.Link)
		}
		if out := w.pay(inv.ID, "4242424242424242"); out.Status != "succeeded" {
			t.Fatalf("payment %s: %s", out.Status, out.Message)
		}
		w.until("the invoice is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
		w.settled()
		d = w.detail(inv.ID)
		if d.Invoice.Received != 294000 || d.Invoice.Due != 0 || len(d.Payments) != 1 || d.Payments[0].Last4 != "4242" {
			t.Errorf("received %d, due %d, payments %+v", d.Invoice.Received, d.Invoice.Due, d.Payments)
		}
		w.until("the link is closed at Stripe", func() bool { return w.detail(inv.ID).Link.State == "closed" })
		if _, err := w.sandbox.Checkout(strings.Clone(d.Invoice.Token)); err == nil {
			t.Error("a checkout of an unknown link opened")
		}
		w.verified()
	})

	bothModes(t, "a declined card leaves the invoice open, and the next one pays it", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoice("99.50")
		if out := w.pay(inv.ID, "4000000000000002"); out.Status != "declined" {
			t.Fatalf("payment %s", out.Status)
		}
		w.until("the failure is seen", func() bool { return w.detail(inv.ID).Label.Key == "payment_failed" })
		w.pay(inv.ID, "4242424242424242")
		w.until("the invoice is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
		w.settled()
		w.verified()
	})

	bothModes(t, "a bank debit is processing until it settles", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoiceIn("usd", "500")
		w.pay(inv.ID, "000123456789")
		w.until("the invoice is processing", func() bool { return w.detail(inv.ID).Standing.Status == billing.Processing })
		w.sandbox.SettleBankDebits()
		w.until("the invoice is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
		w.settled()
		w.verified()
	})

	bothModes(t, "a bank debit that fails reopens the invoice with a new link", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoiceIn("usd", "500")
		old := w.detail(inv.ID).Link.URL
		w.pay(inv.ID, "000222222227")
		w.until("the invoice is processing", func() bool { return w.detail(inv.ID).Standing.Status == billing.Processing })
		w.sandbox.SettleBankDebits()
		w.until("it is open again, with a link", func() bool {
			d := w.detail(inv.ID)
			return d.Standing.Status == billing.Open && d.Link.State == "active" && d.Link.URL != old
		})
		w.settled()
		w.verified()
	})

	bothModes(t, "a refund made in Stripe's dashboard is seen", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoice("100")
		w.pay(inv.ID, "4242424242424242")
		w.until("the invoice is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
		intent := w.detail(inv.ID).Payments[0].PaymentIntentID
		_, err := w.sandbox.Refund(intent, 4000)
		must(t, err)
		w.until("part of it is refunded", func() bool {
			d := w.detail(inv.ID)
			return d.Standing.Status == billing.PartiallyRefunded && d.Invoice.Refunded == 4000 && len(d.Standing.Flags) == 0
		})
		_, err = w.sandbox.Refund(intent, 0)
		must(t, err)
		w.until("all of it is refunded", func() bool { return w.detail(inv.ID).Standing.Status == billing.Refunded })
		w.settled()
		w.verified()
	})

	t.Run("without a Stripe account an invoice is finalized, and gets its link on connecting", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		inv := w.invoice("10")
		if d := w.detail(inv.ID); d.Link.State != "" || d.Invoice.Due != 1000 {
			t.Fatalf("link %+v, due %d", d.Link, d.Invoice.Due)
		}
		w.connect()
		w.until("the link is there", func() bool { return w.detail(inv.ID).Link.State == "active" })
		w.verified()
	})

	bothModes(t, "void closes the link, and a payment that still gets through is kept", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoice("10")
		session, err := w.sandbox.Checkout(w.detail(inv.ID).Link.URL)
		must(t, err)
		out, err := w.sandbox.Pay(session, sandboxCard)
		must(t, err)
		must(t, voidIgnoringConflict(w, inv.ID))
		w.settled()
		w.until("it is known", func() bool { return w.detail(inv.ID).Invoice.Received == 1000 })
		if out.Status != "succeeded" {
			t.Fatal(out.Status)
		}
		w.verified()
	})

	t.Run("a member may not manage the connection", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ctx := context.Background()
		for name, err := range map[string]error{
			"connect":    ignore(w.app.StartOnboarding(ctx, w.member, "DE")),
			"continue":   ignore(w.app.ContinueOnboarding(ctx, w.member)),
			"dashboard":  ignore(w.app.StripeDashboard(ctx, w.member)),
			"check":      w.app.CheckAccount(ctx, w.member),
			"disconnect": w.app.Disconnect(ctx, w.member),
		} {
			var no *app.NotAllowed
			if !errorsAs(err, &no) || len(no.Managers) != 1 {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
