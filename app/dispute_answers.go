package app

// States of the answer to a dispute.
const (
	answerDraft      = "draft" // only here: Stripe refused it, see the error
	answerSaving     = "saving"
	answerSaved      = "saved" // staged at Stripe, the bank has not seen it
	answerSubmitting = "submitting"
	answerSubmitted  = "submitted"
	answerAccepting  = "accepting"
	answerAccepted   = "accepted"
)
