package billing

// Kinds of reasons. Those with an amount add up to the standing; the others are what its word and
// its flags say besides.
const (
	ReasonTotal         = "total"          // what the invoice is for, credits taken off
	ReasonDecided       = "decided"        // Draft, Void or Uncollectible: what a person decided
	ReasonPaid          = "paid"           // a payment
	ReasonStillOwed     = "still_owed"     // given back, and due again: taken off what was received
	ReasonRefunded      = "refunded"       // given back, and settled with that
	ReasonLost          = "lost"           // taken back by a bank: due again
	ReasonProcessing    = "processing"     // a payment is on its way
	ReasonFailed        = "failed"         // a payment was tried, and failed
	ReasonOtherCurrency = "other_currency" // a payment that can't count: another currency or mode
	ReasonDisputeOpen   = "dispute_open"
	ReasonRefundPending = "refund_pending"
	ReasonRefundFailed  = "refund_failed"
	ReasonFraudWarning  = "fraud_warning"
	ReasonInReview      = "in_review"
	ReasonNeedsSync     = "needs_sync"
)

// Reason is one fact behind an invoice's standing.
type Reason struct {
	Kind string
	// Amount is what the fact counts, signed, in minor units of the invoice's currency: the total
	// and payments above zero, what was taken off them below. 0 = it is not about money that counts.
	Amount  int64
	Payment int // which of the facts' payments it is about, -1 = none
}

// Explain names the facts behind StandingOf: the sum of what was paid and is still owed is
// Received, that of the refunds is Refunded below zero, and the total less all but the refunds is
// what is due of an open invoice.
func Explain(f InvoiceFacts) []Reason {
	list := []Reason{{ReasonTotal, f.Total - f.Credited, -1}}
	if f.Decided != Open {
		list = append(list, Reason{ReasonDecided, 0, -1})
	}
	for i, p := range f.Payments {
		list = append(list, explainPayment(f, p, i)...)
	}
	return list
}

func explainPayment(f InvoiceFacts, p Payment, i int) (list []Reason) {
	add := func(on bool, kind string, amount int64) {
		if on {
			list = append(list, Reason{kind, amount, i})
		}
	}
	if (p.Gross > 0 || p.Processing) && (p.Currency != f.Currency || p.Livemode != f.Livemode) {
		add(true, ReasonOtherCurrency, 0)
		add(p.RefundPending, ReasonRefundPending, 0)
		add(p.RefundFailed, ReasonRefundFailed, 0)
		return list
	}
	// What is given back or lost may be known before the payment is: it never counts for more.
	owed := min(p.StillOwed, p.Gross)
	lost := min(p.Lost, p.Gross-owed)
	add(p.Gross > 0, ReasonPaid, p.Gross)
	add(p.StillOwed > 0, ReasonStillOwed, -owed)
	add(p.Refunded > 0, ReasonRefunded, -p.Refunded)
	add(p.Lost > 0, ReasonLost, -lost)
	add(p.Processing, ReasonProcessing, 0)
	add(p.Status == Failed, ReasonFailed, 0)
	add(p.DisputeOpen, ReasonDisputeOpen, 0)
	add(p.RefundPending, ReasonRefundPending, 0)
	add(p.RefundFailed, ReasonRefundFailed, 0)
	add(p.FraudWarning, ReasonFraudWarning, 0)
	add(p.InReview, ReasonInReview, 0)
	add(p.NeedsSync, ReasonNeedsSync, 0)
	return list
}
