package handlers

// eventWords are Stripe's types of events in plain words. Those that Trak asks for are all here.
var eventWords = map[string]string{
	"checkout.session.completed":               "Checkout finished",
	"checkout.session.async_payment_succeeded": "Delayed payment arrived",
	"checkout.session.async_payment_failed":    "Delayed payment failed",
	"checkout.session.expired":                 "Checkout left unfinished",
	"payment_intent.succeeded":                 "Payment succeeded",
	"payment_intent.processing":                "Payment on its way",
	"payment_intent.payment_failed":            "Payment failed",
	"payment_intent.canceled":                  "Payment cancelled",
	"charge.succeeded":                         "Charge succeeded",
	"charge.failed":                            "Charge failed",
	"charge.pending":                           "Charge on its way",
	"charge.updated":                           "Charge changed",
	"charge.refunded":                          "Charge refunded",
	"charge.refund.updated":                    "Refund changed",
	"refund.created":                           "Refund made",
	"refund.updated":                           "Refund changed",
	"charge.dispute.created":                   "Dispute opened",
	"charge.dispute.updated":                   "Dispute changed",
	"charge.dispute.closed":                    "Dispute closed",
	"charge.dispute.funds_withdrawn":           "Disputed money taken",
	"charge.dispute.funds_reinstated":          "Disputed money given back",
	"radar.early_fraud_warning.created":        "Fraud warning from a bank",
	"radar.early_fraud_warning.updated":        "Fraud warning changed",
	"review.opened":                            "Review begun",
	"review.closed":                            "Review ended",
	"payment_link.updated":                     "Payment link changed",
	"payout.created":                           "Payout made",
	"payout.updated":                           "Payout changed",
	"payout.paid":                              "Payout reached the bank",
	"payout.failed":                            "Payout failed",
	"payout.canceled":                          "Payout cancelled",
	"payout.reconciliation_completed":          "Payout can be reconciled",
	"account.updated":                          "Account changed",
	"account.application.deauthorized":         "Account disconnected at Stripe",
	"account.external_account.created":         "Bank account added",
	"account.external_account.updated":         "Bank account changed",
	"account.external_account.deleted":         "Bank account removed",
	"capability.updated":                       "What the account may do changed",
	"person.created":                           "Person added to the account",
	"person.updated":                           "Person of the account changed",
	"person.deleted":                           "Person removed from the account",
}

// eventText says what an event is; one that is not known is something that happened at Stripe.
func eventText(typ string) string {
	if words := eventWords[typ]; words != "" {
		return words
	}
	return "Something else at Stripe"
}
