package billing

// Unanswered says that the dispute, or the inquiry, waits for an answer.
func (d Dispute) Unanswered() bool {
	return d.Rank == DisputeWarningNeedsResponse || d.Rank == DisputeNeedsResponse
}

// Inquiry says that the bank only asks: no money has moved, and it can't be lost as it is.
func (d Dispute) Inquiry() bool { return d.Rank <= DisputeWarningClosed }

// LabelOfDispute gives the label of a dispute's state.
func LabelOfDispute(r Rank) Label {
	switch r {
	case DisputeWarningNeedsResponse:
		return Label{"inquiry", "Inquiry", "warn", "circle-help"}
	case DisputeWarningUnderReview:
		return Label{"inquiry_under_review", "Inquiry under review", "info", "clock"}
	case DisputeWarningClosed:
		return Label{"inquiry_closed", "Inquiry closed", "neutral", "circle-check"}
	case DisputeNeedsResponse:
		return Label{"needs_response", "Needs an answer", "bad", "circle-alert"}
	case DisputeUnderReview:
		return Label{"under_review", "Under review", "info", "clock"}
	case DisputeWon:
		return Label{"won", "Won", "ok", "circle-check"}
	}
	return Label{"lost", "Lost", "bad", "circle-x"}
}
