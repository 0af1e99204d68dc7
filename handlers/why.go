package handlers

import (
	"trak/app"
	"trak/billing"
)

// why names the facts behind an invoice's status.
type why struct {
	Reasons  []reason
	Result   string // what they come to
	ProofURL string
}

type reason struct{ Text, Amount string }

func whyOf(d app.Detail, locale, proof string) why {
	w := why{Result: resultText(d, locale), ProofURL: proof}
	for _, r := range d.Reasons {
		item := reason{Text: reasonText(r, d)}
		switch money := (billing.Money{Minor: r.Amount, Currency: d.Invoice.Currency}); {
		case r.Kind == billing.ReasonTotal:
			item.Amount = billing.FormatMoney(money, locale)
		case r.Amount != 0:
			item.Amount = signedMoney(money, locale)
		}
		w.Reasons = append(w.Reasons, item)
	}
	return w
}

// reasonText tells one fact in plain words.
func reasonText(r billing.Reason, d app.Detail) string {
	by := "a payment"
	if r.Payment >= 0 && r.Payment < len(d.Payments) {
		p := d.Payments[r.Payment]
		if method := methodText(p.Method, p.Brand, p.Last4); method != "" {
			by = method
		}
	}
	switch r.Kind {
	case billing.ReasonTotal:
		return "The invoice is for"
	case billing.ReasonDecided:
		return map[billing.Status]string{
			billing.Draft: "It has not been issued yet", billing.Void: "Somebody here voided it", billing.Uncollectible: "Somebody here marked it uncollectible",
		}[billing.Status(d.Invoice.Decided)]
	case billing.ReasonPaid:
		return "Paid by " + by
	case billing.ReasonStillOwed:
		return "Given back of that, and still owed"
	case billing.ReasonRefunded:
		return "Refunded of that"
	case billing.ReasonLost:
		return "Taken back by the client's bank in a dispute"
	case billing.ReasonProcessing:
		return "A payment by " + by + " is on its way"
	case billing.ReasonFailed:
		return "A payment by " + by + " failed"
	case billing.ReasonOtherCurrency:
		return "A payment came in another currency or mode, and does not count"
	case billing.ReasonDisputeOpen:
		return "A dispute about the payment by " + by + " is open"
	case billing.ReasonRefundPending:
		return "A refund is on its way"
	case billing.ReasonRefundFailed:
		return "A refund failed: the money is still with you"
	case billing.ReasonFraudWarning:
		return "The card's network warns of fraud"
	case billing.ReasonInReview:
		return "Stripe is reviewing the payment"
	case billing.ReasonNeedsSync:
		return "Stripe speaks of more refunds than have arrived here; they are being read"
	}
	return r.Kind
}

// resultText says what the facts come to.
func resultText(d app.Detail, locale string) string {
	money := func(minor int64) string {
		return billing.FormatMoney(billing.Money{Minor: minor, Currency: d.Invoice.Currency}, locale)
	}
	s := d.Standing
	text := money(s.Received) + " received"
	if s.Refunded > 0 {
		text += ", " + money(s.Refunded) + " refunded"
	}
	text += ", " + money(s.Due) + " still due"
	return text + ": " + billing.LabelOfStatus(s.Status).Text + "."
}

// signedMoney writes an amount with its sign, which says whose it becomes.
func signedMoney(m billing.Money, locale string) string {
	text := billing.FormatMoney(m, locale)
	if m.Minor > 0 {
		text = "+" + text
	}
	return text
}
