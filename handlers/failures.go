package handlers

// declines are Stripe's codes of payments that failed (docs.stripe.com/declines/codes), in
// words that say what happened and no more than the team may know: a card that was reported
// stolen reads as any other that its bank refused, as Stripe asks for.
var declines = map[string]string{
	"insufficient_funds":                    "Not enough funds",
	"withdrawal_count_limit_exceeded":       "The card's limit is reached",
	"card_velocity_exceeded":                "The card's limit is reached",
	"expired_card":                          "The card has expired",
	"incorrect_cvc":                         "The security code was wrong",
	"invalid_cvc":                           "The security code was wrong",
	"incorrect_number":                      "The card number was wrong",
	"invalid_number":                        "The card number was wrong",
	"invalid_expiry_month":                  "The expiry date was wrong",
	"invalid_expiry_year":                   "The expiry date was wrong",
	"incorrect_zip":                         "The postal code was wrong",
	"authentication_required":               "The bank asks the client to confirm the payment",
	"authentication_not_handled":            "The client did not confirm the payment",
	"payment_intent_authentication_failure": "The client did not confirm the payment",
	"card_not_supported":                    "The card does not take this kind of payment",
	"currency_not_supported":                "The card does not take this currency",
	"processing_error":                      "The bank could not process it; another try may work",
	"issuer_not_available":                  "The bank could not be reached; another try may work",
	"try_again_later":                       "The bank could not process it; another try may work",
	"duplicate_transaction":                 "The same amount was paid with this card a moment ago",
	"account_closed":                        "The bank account is closed",
	"bank_account_restricted":               "The bank account does not allow debits",
	"debit_not_authorized":                  "The client has not authorized the debit",
	"refer_to_customer":                     "The client's bank returned the debit",
	"no_account":                            "The bank account could not be found",
}

// failureText says why a payment failed. A code that is not known is taken for a bank that said
// no, which is what most of them mean; without a code nothing is known.
func failureText(code string) string {
	switch {
	case code == "":
		return ""
	case declines[code] != "":
		return declines[code]
	}
	return "The bank declined it"
}
