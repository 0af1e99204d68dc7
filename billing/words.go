package billing

// Stripe's own words for the ranks of what it tells, for those who compare with Stripe.

// SessionWord is the word for the rank of a Checkout session.
func SessionWord(r Rank) string {
	return word(r, "open", "expired", "complete, not paid yet", "failed", "paid")
}

// ChargeWord is the word for the rank of a charge.
func ChargeWord(r Rank) string { return word(r, "pending", "failed", "succeeded") }

// RefundWord is the word for the rank of a refund.
func RefundWord(r Rank) string {
	return word(r, "pending", "requires action", "succeeded", "canceled", "failed")
}

// DisputeWord is the word for the rank of a dispute.
func DisputeWord(r Rank) string {
	return word(r, "inquiry, needs response", "inquiry, under review", "inquiry, closed", "needs response", "under review", "won", "lost")
}

// PayoutWord is the word for the rank of a payout.
func PayoutWord(r Rank) string {
	return word(r, "pending", "in transit", "paid", "canceled", "failed")
}

// word is the one for a rank; ranks count from 1.
func word(r Rank, words ...string) string {
	if r < 1 || int(r) > len(words) {
		return "unknown"
	}
	return words[r-1]
}
