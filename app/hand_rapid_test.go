package app_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"trak/app"
	"trak/billing"
	"trak/sandbox"
)

// books are what an invoice received, counted while it happens and not by the code under test.
type books struct {
	total   int64
	byHand  []int64 // what is left of each recorded payment
	charged []int64 // each payment through Stripe
	back    []int64 // refunded of it
}

func (b *books) standing() (status billing.Status, received, due int64) {
	refunded := int64(0)
	for _, n := range slices.Concat(b.byHand, b.charged) {
		received += n
	}
	for _, n := range b.back {
		refunded += n
	}
	switch {
	case received == 0:
		status = billing.Open
	case refunded >= received:
		status = billing.Refunded
	case received < b.total:
		status = billing.PartiallyPaid
	case refunded > 0:
		status = billing.PartiallyRefunded
	default:
		status = billing.Paid
	}
	return status, received, max(0, b.total-received)
}

// Whatever is recorded, taken back, paid and refunded, in any order: the invoice says what came
// in and what is due, and its link is for that.
func TestHandAndStripeAddUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answers(func(a *sandbox.Answers) { a.DeactivatedLinkClosesSessions, a.LimitHoldsAtCompletion = false, false })
	w.connect()
	rapid.Check(t, func(r *rapid.T) { handAndStripe(r, w) })
	w.verified()
}

func handAndStripe(r *rapid.T, w *world) {
	ctx := context.Background()
	b := &books{total: rapid.Int64Range(100, 3000).Draw(r, "total")}
	written := func(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }
	id := w.invoice(written(b.total)).ID
	var hand []string  // ids of the recorded payments
	var pages []string // checkouts that were opened, and not paid yet
	pay := func(page string, amount int64) {
		if _, err := w.sandbox.Pay(page, sandboxCard); err != nil {
			return // closed meanwhile
		}
		b.charged, b.back = append(b.charged, amount), append(b.back, 0)
	}
	amounts := map[string]int64{}
	r.Repeat(map[string]func(*rapid.T){
		"record": func(r *rapid.T) {
			in := w.byTransfer(written(rapid.Int64Range(1, 2*b.total).Draw(r, "came")))
			in.TooMuch = rapid.Bool().Draw(r, "agreed")
			amount, _ := billing.ParseAmount(in.Amount, "eur", "en")
			_, _, due := b.standing()
			err := w.app.RecordPayment(ctx, w.owner, id, in)
			if refused := amount > due && !in.TooMuch; (err != nil) != refused {
				r.Fatalf("recording %d of %d due, agreed %v: %v", amount, due, in.TooMuch, err)
			} else if refused {
				return
			}
			for _, p := range w.detail(id).Payments {
				if p.StripeAccountID == "" && !slices.Contains(hand, p.ID) {
					hand, b.byHand = append(hand, p.ID), append(b.byHand, amount)
				}
			}
		},
		"take back": func(r *rapid.T) {
			if len(hand) == 0 {
				return
			}
			i := rapid.IntRange(0, len(hand)-1).Draw(r, "which")
			amount := rapid.Int64Range(1, b.byHand[i]+2).Draw(r, "amount")
			in := app.TakeBackInput{FormKey: uuid.NewString(), Amount: written(amount), Note: "It was another client's"}
			err := w.app.TakeBackPayment(ctx, w.owner, id, hand[i], in)
			if (err != nil) != (amount > b.byHand[i]) {
				r.Fatalf("taking %d of %d back: %v", amount, b.byHand[i], err)
			}
			if err == nil {
				b.byHand[i] -= amount
				must(w.t, w.app.TakeBackPayment(ctx, w.owner, id, hand[i], in)) // the second click
			}
		},
		"open a checkout": func(*rapid.T) {
			d := w.detail(id)
			if d.Link.URL == "" {
				return
			}
			page, err := w.sandbox.Checkout(d.Link.URL)
			if err == nil {
				pages, amounts[page] = append(pages, page), d.Invoice.Due
			}
		},
		"pay": func(r *rapid.T) {
			if len(pages) == 0 {
				return
			}
			i := rapid.IntRange(0, len(pages)-1).Draw(r, "page")
			pay(pages[i], amounts[pages[i]])
			pages = slices.Delete(pages, i, i+1)
			w.settled()
		},
		"refund": func(r *rapid.T) {
			if len(b.charged) == 0 {
				return
			}
			i := rapid.IntRange(0, len(b.charged)-1).Draw(r, "which")
			left := b.charged[i] - b.back[i]
			if left == 0 {
				return
			}
			amount := rapid.Int64Range(1, left).Draw(r, "back")
			var intents []string
			for _, p := range w.detail(id).Payments {
				if p.StripeAccountID != "" && p.Gross == b.charged[i] && p.Refunded == b.back[i] {
					intents = append(intents, p.PaymentIntentID)
				}
			}
			if len(intents) == 0 {
				r.Fatalf("no payment of %d of which %d were refunded", b.charged[i], b.back[i])
			}
			_, err := w.sandbox.Refund(intents[0], amount)
			must(w.t, err)
			b.back[i] += amount
			w.settled()
		},
		"": func(r *rapid.T) {
			status, received, due := b.standing()
			d := w.detail(id)
			if d.Standing.Status != status || d.Standing.Received != received || d.Standing.Due != due {
				r.Fatalf("%s, received %d, due %d; counted %s, %d, %d", d.Standing.Status, d.Standing.Received, d.Standing.Due, status, received, due)
			}
			wanted := ask[int64](w, "SELECT COALESCE(sum(amount), 0) FROM payment_links WHERE invoice_id = '"+id+"' AND state IN ('creating', 'active', 'failed')")
			if wanted != due {
				r.Fatalf("links for %d, and %d is due", wanted, due)
			}
		},
	})
}
