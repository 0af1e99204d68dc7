package billing

// LabelOfPayout gives the label of a payout's state.
func LabelOfPayout(r Rank) Label {
	switch r {
	case PayoutPending:
		return Label{"payout_pending", "Pending", "info", "clock"}
	case PayoutInTransit:
		return Label{"in_transit", "On its way", "info", "clock"}
	case PayoutPaid:
		return Label{"payout_paid", "Paid out", "ok", "circle-check"}
	case PayoutCanceled:
		return Label{"canceled", "Cancelled", "neutral", "ban"}
	}
	return Label{"payout_failed", "Failed", "bad", "circle-x"}
}
