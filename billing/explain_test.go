package billing

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// What is named as the reason of a standing.
func TestExplain(t *testing.T) {
	t.Parallel()
	paid := Payment{Currency: "eur", Status: Succeeded, Gross: 1000}
	with := func(change func(*Payment)) Payment { p := paid; change(&p); return p }
	for _, tt := range []struct {
		name  string
		facts InvoiceFacts
		want  string // kind amount payment, after the total
	}{
		{"nothing yet", InvoiceFacts{Decided: Open}, "[]"},
		{"a draft", InvoiceFacts{Decided: Draft}, "[{decided 0 -1}]"},
		{"a void one that was paid", InvoiceFacts{Decided: Void, Payments: []Payment{paid}}, "[{decided 0 -1} {paid 1000 0}]"},
		{"paid", InvoiceFacts{Decided: Open, Payments: []Payment{paid}}, "[{paid 1000 0}]"},
		{"paid twice", InvoiceFacts{Decided: Open, Payments: []Payment{paid, paid}}, "[{paid 1000 0} {paid 1000 1}]"},
		{"declined, then paid", InvoiceFacts{Decided: Open, Payments: []Payment{{Currency: "eur", Status: Failed}, paid}}, "[{failed 0 0} {paid 1000 1}]"},
		{"in another currency", InvoiceFacts{Decided: Open, Payments: []Payment{with(func(p *Payment) { p.Currency = "usd" })}}, "[{other_currency 0 0}]"},
		{"in the other mode", InvoiceFacts{Decided: Open, Payments: []Payment{with(func(p *Payment) { p.Livemode = true })}}, "[{other_currency 0 0}]"},
		{"refunded in part, and again", InvoiceFacts{Decided: Open, Payments: []Payment{with(func(p *Payment) { p.Refunded, p.RefundPending = 300, true })}},
			"[{paid 1000 0} {refunded -300 0} {refund_pending 0 0}]"},
		{"given back and still owed", InvoiceFacts{Decided: Open, Payments: []Payment{with(func(p *Payment) { p.StillOwed = 400 })}}, "[{paid 1000 0} {still_owed -400 0}]"},
		{"lost", InvoiceFacts{Decided: Open, Payments: []Payment{with(func(p *Payment) { p.Lost = 1000 })}}, "[{paid 1000 0} {lost -1000 0}]"},
		{"lost before it was known to be paid", InvoiceFacts{Decided: Open, Payments: []Payment{{Currency: "eur", Lost: 1000}}}, "[{lost 0 0}]"},
		{"disputed, warned of, in review, not known whole", InvoiceFacts{Decided: Open, Payments: []Payment{with(func(p *Payment) {
			p.DisputeOpen, p.FraudWarning, p.InReview, p.NeedsSync, p.RefundFailed = true, true, true, true, true
		})}}, "[{paid 1000 0} {dispute_open 0 0} {refund_failed 0 0} {fraud_warning 0 0} {in_review 0 0} {needs_sync 0 0}]"},
	} {
		tt.facts.Currency, tt.facts.Total = "eur", 1000
		got := Explain(tt.facts)
		if got[0] != (Reason{ReasonTotal, 1000, -1}) || fmt.Sprint(got[1:]) != tt.want {
			t.Errorf("%s: %v, not %s", tt.name, got, tt.want)
		}
	}
}

// Whatever the facts are, their explanation comes to the sums of the standing, and each flag that
// a payment raises has its reason.
func TestExplanationComesToTheStanding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := drawInvoiceFacts(t)
		s, sums := StandingOf(f), map[string]int64{}
		kinds := map[string]bool{}
		for _, r := range Explain(f) {
			sums[r.Kind] += r.Amount
			kinds[r.Kind] = true
		}
		if got := sums[ReasonPaid] + sums[ReasonStillOwed]; got != s.Received {
			t.Errorf("paid less still owed is %d, received %d", got, s.Received)
		}
		if got := -sums[ReasonRefunded]; got != s.Refunded {
			t.Errorf("refunds are %d, refunded %d", got, s.Refunded)
		}
		due := max(0, sums[ReasonTotal]-sums[ReasonPaid]-sums[ReasonStillOwed]-sums[ReasonLost])
		if f.Decided != Open && f.Decided != Uncollectible {
			due = 0
		}
		if due != s.Due {
			t.Errorf("%d is explained as due, %d is", due, s.Due)
		}
		for flag, kind := range map[string]string{
			FlagDisputeOpen: ReasonDisputeOpen, FlagRefundFailed: ReasonRefundFailed, FlagRefundPending: ReasonRefundPending, FlagNeedsSync: ReasonNeedsSync,
			FlagFraudWarning: ReasonFraudWarning, FlagInReview: ReasonInReview, FlagCurrencyMismatch: ReasonOtherCurrency,
		} {
			if kinds[kind] != slices.Contains(s.Flags, flag) {
				t.Errorf("the flag %s is in %v, and its reason is %v", flag, s.Flags, kinds[kind])
			}
		}
	})
}

func drawInvoiceFacts(t *rapid.T) InvoiceFacts {
	amount := rapid.Int64Range(0, 2000)
	currency := rapid.SampledFrom([]string{"eur", "eur", "eur", "usd"})
	flag := rapid.Bool()
	f := InvoiceFacts{
		Decided: rapid.SampledFrom([]Status{Draft, Open, Open, Void, Uncollectible}).Draw(t, "decided"), Currency: "eur",
		Total: amount.Draw(t, "total"),
	}
	for range rapid.IntRange(0, 4).Draw(t, "payments") {
		f.Payments = append(f.Payments, Payment{
			Currency: currency.Draw(t, "currency"), Livemode: rapid.IntRange(0, 9).Draw(t, "live") == 0,
			Status: rapid.SampledFrom([]Status{Succeeded, Failed, Incomplete}).Draw(t, "status"),
			Gross:  amount.Draw(t, "gross"), Refunded: amount.Draw(t, "refunded"), StillOwed: amount.Draw(t, "owed"), Lost: amount.Draw(t, "lost"),
			Processing: flag.Draw(t, "processing"), RefundPending: flag.Draw(t, "pending"), RefundFailed: flag.Draw(t, "refund failed"),
			DisputeOpen: flag.Draw(t, "disputed"), FraudWarning: flag.Draw(t, "warned"), InReview: flag.Draw(t, "reviewed"), NeedsSync: flag.Draw(t, "not whole"),
			HappenedAt: amount.Draw(t, "at"),
		})
	}
	return f
}
