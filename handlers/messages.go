package handlers

import (
	"fmt"

	"golang.org/x/text/language"
)

// words are what clients read, in one language: key to text, with the verbs of package fmt for
// what is filled in.
type words map[string]string

// Say is a text with what it is filled in with. An unknown key is a mistake of ours, which
// fails the page.
func (w words) Say(key string, args ...any) (string, error) {
	text, ok := w[key]
	if !ok {
		return "", fmt.Errorf("no message %q", key)
	}
	if len(args) == 0 {
		return text, nil
	}
	return fmt.Sprintf(text, args...), nil
}

// wordsFor are those of the language of a locale, or English ones.
func wordsFor(locale string) words {
	base, _ := language.Make(locale).Base()
	if w, ok := catalogue[base.String()]; ok {
		return w
	}
	return catalogue["en"]
}

// catalogue is everything that clients read, by language.
var catalogue = map[string]words{
	"en": {
		"title":         "Invoice %s from %s", // number, seller
		"invoice_for":   "Invoice %s for %s.", // number, buyer
		"due_on":        "Due %s.",            // date
		"from":          "From",
		"to":            "To",
		"issued":        "Issued %s",               // date
		"tax_number":    "Tax number %s",           // number
		"po_number":     "Your purchase order %s.", // number
		"refresh":       "Refresh",
		"pay":           "Pay %s", // amount
		"amount_due":    "Amount due",
		"amount_paid":   "Amount paid",
		"amount_total":  "Amount",
		"description":   "Description",
		"quantity":      "Quantity",
		"unit_price":    "Unit price",
		"amount":        "Amount",
		"total":         "Total",
		"total_due":     "Total due",
		"paid":          "Paid",
		"refunded":      "Refunded",
		"net_paid":      "Paid after refunds",
		"still_due":     "Still due",
		"test":          "This is a test invoice. Nothing has to be paid.",
		"missing_title": "This link leads nowhere",
		"missing":       "It may have been replaced or cut off. Ask whoever sent it to you for a new one.",

		"paid_by.bank_transfer": "Paid by bank transfer on %s: %s", // date, amount
		"paid_by.cash":          "Paid in cash on %s: %s",
		"paid_by.cheque":        "Paid by cheque on %s: %s",
		"paid_by.other":         "Paid on %s: %s",

		"status.open":               "Open",
		"status.overdue":            "Overdue",
		"status.processing":         "Processing",
		"status.paid":               "Paid",
		"status.partially_paid":     "Partially paid",
		"status.partially_refunded": "Partially refunded",
		"status.refunded":           "Refunded",
		"status.void":               "Void",
		"status.uncollectible":      "Closed",
		"status.charged_back":       "Charged back",

		"note.paid":           "Thank you. Your payment has arrived.",
		"note.processing":     "Your payment is on its way. Bank payments can take a few days; there is nothing more to do.",
		"note.confirming":     "Confirming your payment. This takes a moment.",
		"note.unconfirmed":    "We have no word of your payment yet. If you have paid, it will show here by itself; please don't pay twice.",
		"note.failed":         "The last payment did not go through. No money was taken; you can try again.",
		"note.refunded":       "We have refunded %s. It can take up to ten days to show where you paid from.",                         // amount
		"note.refund_pending": "We are refunding %s. It can take a few days to arrive; there is nothing you have to do.",              // amount
		"note.refund_failed":  "We could not refund %s: your bank did not take it. Please tell %s how you would like to get it back.", // amount, seller
		"note.void":           "This invoice was withdrawn. Please don't pay it. Ask %s if you expected a new one.",                   // seller
		"note.closed":         "This invoice was closed, and nothing has to be paid any more. Ask %s if you still want to pay it.",    // seller
		"note.not_ready":      "Online payment is not open yet. Please come back later, or ask %s how to pay.",                        // seller
		"note.changed":        "Nothing was paid. Please look at the invoice again before you pay.",
	},
}
