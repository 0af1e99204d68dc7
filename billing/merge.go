package billing

// Merging two tellings of the same object is commutative, associative and idempotent: a higher
// rank wins, amounts take the larger, times the earlier evidence, and texts the greater one
// (any fixed choice would do; Stripe doesn't change them). So neither the order nor the number
// of deliveries can matter.

// MergeSession merges what was said of one Checkout session.
func MergeSession(a, b Session) Session {
	return Session{
		ID:       a.ID,
		LinkID:   max(a.LinkID, b.LinkID),
		IntentID: max(a.IntentID, b.IntentID),
		Rank:     max(a.Rank, b.Rank),
		Amount:   max(a.Amount, b.Amount),
		Currency: max(a.Currency, b.Currency),
		Livemode: a.Livemode || b.Livemode,
		PaidAt:   earlier(a.PaidAt, b.PaidAt),
	}
}

// MergeIntent merges what was said of one payment intent.
func MergeIntent(a, b Intent) Intent {
	return Intent{
		ID:          a.ID,
		Currency:    max(a.Currency, b.Currency),
		Livemode:    a.Livemode || b.Livemode,
		Provisional: max(a.Provisional, b.Provisional),
		InvoiceHint: max(a.InvoiceHint, b.InvoiceHint),
		PaidAt:      earlier(a.PaidAt, b.PaidAt),
	}
}

// MergeCharge merges what was said of one charge.
func MergeCharge(a, b Charge) Charge {
	m := Charge{
		ID:             a.ID,
		IntentID:       max(a.IntentID, b.IntentID),
		Rank:           max(a.Rank, b.Rank),
		Amount:         max(a.Amount, b.Amount),
		Captured:       max(a.Captured, b.Captured),
		Currency:       max(a.Currency, b.Currency),
		Livemode:       a.Livemode || b.Livemode,
		Method:         max(a.Method, b.Method),
		Brand:          max(a.Brand, b.Brand),
		Last4:          max(a.Last4, b.Last4),
		FailureCode:    max(a.FailureCode, b.FailureCode),
		FailureMessage: max(a.FailureMessage, b.FailureMessage),
		CreatedAt:      earlier(a.CreatedAt, b.CreatedAt),
		PaidAt:         earlier(a.PaidAt, b.PaidAt),
	}
	// The latest word on what was refunded; at the same moment, the larger.
	m.RefundHint, m.RefundHintAt = a.RefundHint, a.RefundHintAt
	if b.RefundHintAt > a.RefundHintAt || b.RefundHintAt == a.RefundHintAt && b.RefundHint > a.RefundHint {
		m.RefundHint, m.RefundHintAt = b.RefundHint, b.RefundHintAt
	}
	return m
}

// MergeRefund merges what was said of one refund.
func MergeRefund(a, b Refund) Refund {
	return Refund{
		ID:            a.ID,
		ChargeID:      max(a.ChargeID, b.ChargeID),
		IntentID:      max(a.IntentID, b.IntentID),
		Rank:          max(a.Rank, b.Rank),
		Amount:        max(a.Amount, b.Amount),
		Currency:      max(a.Currency, b.Currency),
		Reason:        max(a.Reason, b.Reason),
		FailureReason: max(a.FailureReason, b.FailureReason),
		CreatedAt:     earlier(a.CreatedAt, b.CreatedAt),
		StillOwed:     a.StillOwed || b.StillOwed,
		RequestHint:   max(a.RequestHint, b.RequestHint),
	}
}

// MergeDispute merges what was said of one dispute. Of two decisions the later counts, and at the
// same moment the loss.
func MergeDispute(a, b Dispute) Dispute {
	m := Dispute{
		ID:          a.ID,
		ChargeID:    max(a.ChargeID, b.ChargeID),
		IntentID:    max(a.IntentID, b.IntentID),
		Rank:        max(a.Rank, b.Rank),
		RankAt:      max(a.RankAt, b.RankAt),
		Amount:      max(a.Amount, b.Amount),
		Currency:    max(a.Currency, b.Currency),
		Livemode:    a.Livemode || b.Livemode,
		Reason:      max(a.Reason, b.Reason),
		DueBy:       max(a.DueBy, b.DueBy),
		Submissions: max(a.Submissions, b.Submissions),
		Withdrawn:   max(a.Withdrawn, b.Withdrawn),
		Reinstated:  max(a.Reinstated, b.Reinstated),
		Fee:         max(a.Fee, b.Fee),
		CreatedAt:   earlier(a.CreatedAt, b.CreatedAt),
	}
	if a.Decided() && b.Decided() && a.RankAt != b.RankAt {
		m.Rank = a.Rank
		if b.RankAt > a.RankAt {
			m.Rank = b.Rank
		}
	}
	return m
}

// MergeAlert merges what was said of one early fraud warning or review.
func MergeAlert(a, b Alert) Alert {
	return Alert{
		ID:           a.ID,
		Kind:         max(a.Kind, b.Kind),
		ChargeID:     max(a.ChargeID, b.ChargeID),
		IntentID:     max(a.IntentID, b.IntentID),
		Closed:       a.Closed || b.Closed,
		Reason:       max(a.Reason, b.Reason),
		ClosedReason: max(a.ClosedReason, b.ClosedReason),
		Livemode:     a.Livemode || b.Livemode,
		CreatedAt:    earlier(a.CreatedAt, b.CreatedAt),
	}
}

// MergePayout merges what was said of one payout.
func MergePayout(a, b Payout) Payout {
	return Payout{
		ID:             a.ID,
		Rank:           max(a.Rank, b.Rank),
		Amount:         max(a.Amount, b.Amount),
		Currency:       max(a.Currency, b.Currency),
		Livemode:       a.Livemode || b.Livemode,
		Automatic:      a.Automatic || b.Automatic,
		ArrivalDate:    max(a.ArrivalDate, b.ArrivalDate),
		FailureCode:    max(a.FailureCode, b.FailureCode),
		FailureMessage: max(a.FailureMessage, b.FailureMessage),
		CreatedAt:      earlier(a.CreatedAt, b.CreatedAt),
	}
}

// MergeTransaction merges what was said of one balance transaction: only its payout can be news.
func MergeTransaction(a, b Transaction) Transaction {
	a.PayoutID = max(a.PayoutID, b.PayoutID)
	a.AvailableAt = max(a.AvailableAt, b.AvailableAt)
	return a
}

// earlier is the smaller of two times, where 0 means none.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
