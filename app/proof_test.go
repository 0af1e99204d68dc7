package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"trak/app"
	"trak/billing"
)

// told is a leg's steps as text, those that are missing with a dash.
func told(p app.Proof, kind string) string {
	var b strings.Builder
	for _, leg := range p.Legs {
		if leg.Kind != kind {
			continue
		}
		for _, s := range leg.Steps {
			if s.Missing {
				b.WriteString("- ")
			}
			b.WriteString(s.What)
			if money, ok := s.Money(); ok {
				b.WriteString(" " + billing.FormatMoney(money, "en"))
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// The whole way of the money, from the lines to the bank, each step with its id at Stripe.
func TestProof(t *testing.T) {
	t.Parallel()
	bothModes(t, "", func(t *testing.T, w *world) {
		s := newStory(t, w, "eur")
		ctx := context.Background()
		p, err := s.app.Proof(ctx, s.member, s.paid.ID)
		must(t, err)
		for kind, want := range map[string]string{
			"lines": "Brand identity, 1 × 100.00 €100.00\nTotal €100.00\n",
			"links": "Asks for €100.00, closed\n",
			"payment": "Checkout session, paid €100.00\nPayment intent\nCharge, succeeded, visa, 4242 €100.00\n" +
				"Booked in the Stripe balance €100.00\nStripe's fee −€3.20\nPaid out to the bank, net €96.80\n",
			"refund":   "Refund, succeeded −€25.00\nBooked in the Stripe balance −€25.00\nPaid out to the bank, net −€25.00\n",
			"standing": "Received €100.00\nRefunded −€25.00\nStill due €0.00\n",
		} {
			if got := told(p, kind); got != want {
				t.Errorf("%s:\n%s\nnot\n%s", kind, got, want)
			}
		}
		ids := map[string]bool{}
		for _, leg := range p.Legs {
			for _, step := range leg.Steps {
				prefix, _, _ := strings.Cut(step.StripeID, "_")
				ids[prefix] = true
			}
		}
		for _, prefix := range []string{"plink", "cs", "pi", "ch", "txn", "po", "re"} {
			if !ids[prefix] {
				t.Errorf("no id of %s_…: %v", prefix, ids)
			}
		}

		p, err = s.app.Proof(ctx, s.owner, s.disputed.ID)
		must(t, err)
		if got := told(p, "dispute"); !strings.HasPrefix(got, "Dispute, lost, fraudulent −€50.00\nBooked in the Stripe balance −€50.00\nStripe's fee −€15.00\n") {
			t.Errorf("the dispute:\n%s", got)
		}
		p, err = s.app.Proof(ctx, s.owner, s.hand.ID)
		must(t, err)
		want := "Recorded by Mira Osei, bank transfer, Statement 11 €20.00\nTaken back by Mira Osei, bank transfer, Counted twice −€5.00\n"
		if got := told(p, "hand"); got != want {
			t.Errorf("outside Stripe:\n%s\nnot\n%s", got, want)
		}
		p, err = s.app.Proof(ctx, s.owner, s.open.ID)
		must(t, err)
		if got := told(p, "payment"); got != "- Nobody has paid yet.\n" {
			t.Errorf("before it is paid: %s", got)
		}

		// What is missing is said.
		s.pay(s.open.ID, "4242424242424242")
		s.until("the charge is known", func() bool { d := s.detail(s.open.ID); return len(d.Payments) > 0 && d.Payments[0].ChargeID != "" })
		p, err = s.app.Proof(ctx, s.owner, s.open.ID)
		must(t, err)
		if got := told(p, "payment"); !strings.HasSuffix(got, "- Not paid out yet, as far as is known here.\n") && !strings.HasSuffix(got, "- Not paid out yet.\n") {
			t.Errorf("before it is paid out:\n%s", got)
		}
	})
}

// The operator names an invoice by its number, and its workspace where that is not enough.
func TestProveByNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	mine := w.invoice("10")
	p, err := app.Prove(ctx, w.db, *mine.Number, "")
	must(t, err)
	if p.InvoiceID != mine.ID || p.Workspace != w.owner.Workspace.Slug || p.Number != *mine.Number {
		t.Errorf("found %+v", p)
	}
	stranger := w.stranger()
	theirs, err := w.app.CreateInvoice(ctx, stranger, app.InvoiceInput{ClientName: "Theirs", Summary: "Work", Amount: "10"}, true)
	must(t, err)
	var several *app.SeveralFound
	if _, err := app.Prove(ctx, w.db, *mine.Number, ""); !errors.As(err, &several) || len(several.Slugs) != 2 {
		t.Errorf("of two workspaces: %v", err)
	}
	p, err = app.Prove(ctx, w.db, *mine.Number, stranger.Workspace.Slug)
	must(t, err)
	if p.InvoiceID != theirs.ID {
		t.Errorf("found %+v", p)
	}
	for _, slug := range []string{"", w.owner.Workspace.Slug, "nowhere"} {
		if _, err := app.Prove(ctx, w.db, "INV-9999", slug); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("a number that nobody has, in %q: %v", slug, err)
		}
	}
}

// Each payout says what it contains, with the invoice that led to each movement.
func TestPayouts(t *testing.T) {
	t.Parallel()
	s := newStory(t, newWorld(t), "eur")
	ctx := context.Background()
	rows, next, err := s.app.Payouts(ctx, s.member, app.Cursor{})
	must(t, err)
	if len(rows) != 1 || next != nil || rows[0].ID != s.payout || rows[0].Rank != billing.PayoutPaid {
		t.Fatalf("payouts: %+v", rows)
	}
	p, err := s.app.Payout(ctx, s.member, s.payout)
	must(t, err)
	var net int64
	invoices := map[string]int{}
	for _, c := range p.Contents {
		net += c.Net
		invoices[c.InvoiceID]++
	}
	// Three payments, a refund of the first, and a dispute of the second.
	if net != p.Amount || len(p.Contents) != 5 || invoices[s.paid.ID] != 2 || invoices[s.disputed.ID] != 2 || invoices[""] != 0 {
		t.Errorf("%d of %d: %+v", net, p.Amount, p.Contents)
	}

	// One that comes back says so, and so does the proof of what it carried.
	must(t, s.sandbox.FailPayout(s.payout))
	s.until("it is known to have come back", func() bool {
		p, err = s.app.Payout(ctx, s.owner, s.payout)
		return err == nil && p.Rank == billing.PayoutFailed
	})
	if p.FailureCode != "account_closed" {
		t.Errorf("why it came back: %+v", p.Payout)
	}
	proof, err := s.app.Proof(ctx, s.owner, s.paid.ID)
	must(t, err)
	if got := told(proof, "payment"); !strings.Contains(got, "- The payout failed; the money is back in the Stripe balance €96.80\n") {
		t.Errorf("the proof of what it carried:\n%s", got)
	}
}

// The timeline says how each fact was learned: by webhook, by sync, or by asking.
func TestTimelineNamesSources(t *testing.T) {
	t.Parallel()
	s := newStory(t, newWorld(t), "eur")
	sources := func() map[string]string {
		found := map[string]string{}
		for _, m := range s.detail(s.paid.ID).Timeline {
			if m.StripeID != "" {
				found[m.Kind] = m.Source
			} else if m.Source != "" {
				t.Errorf("%s is not Stripe's, and comes from %s", m.Kind, m.Source)
			}
		}
		return found
	}
	if got := sources(); got["paid"] != "webhook" || got["refunded"] != "webhook" {
		t.Errorf("by webhook: %v", got)
	}
	s.exec("UPDATE stripe_webhook_events SET source = 'sync' WHERE type LIKE 'charge.%' OR type LIKE 'refund.%'")
	if got := sources(); got["paid"] != "sync" || got["refunded"] != "sync" {
		t.Errorf("by sync: %v", got)
	}
	s.exec("DELETE FROM stripe_webhook_events")
	if got := sources(); got["paid"] != "read" || got["refunded"] != "read" {
		t.Errorf("by asking: %v", got)
	}
}
