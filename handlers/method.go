package handlers

import "strings"

// methods and brands are Stripe's names for ways to pay, in words.
var (
	methods = map[string]string{
		"card": "Card", "link": "Link", "us_bank_account": "US bank debit", "sepa_debit": "SEPA Direct Debit",
		"bacs_debit": "Bacs Direct Debit", "au_becs_debit": "BECS Direct Debit", "acss_debit": "Pre-authorized debit",
		"customer_balance": "Bank transfer", "ideal": "iDEAL", "eps": "EPS", "p24": "Przelewy24", "blik": "BLIK",
		"paypal": "PayPal", "wechat_pay": "WeChat Pay", "cashapp": "Cash App Pay", "amazon_pay": "Amazon Pay",
		// Recorded by people.
		"bank_transfer": "Bank transfer", "cash": "Cash", "cheque": "Cheque", "other": "Another way",
	}
	brands = map[string]string{
		"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "discover": "Discover", "diners": "Diners Club",
		"jcb": "JCB", "unionpay": "UnionPay", "cartes_bancaires": "Cartes Bancaires", "eftpos_au": "Eftpos", "girocard": "girocard",
	}
)

// methodText says how a payment was made: "Visa ···· 4242", "SEPA Direct Debit ···· 3000", or
// "" while that is not known. Stripe adds methods without notice: the name of an unknown one is
// made readable.
func methodText(method, brand, last4 string) string {
	text := methods[method]
	switch {
	case brands[brand] != "":
		text = brands[brand]
	case text == "" && method != "":
		text = strings.ToUpper(method[:1]) + strings.ReplaceAll(method[1:], "_", " ")
	}
	if text != "" && last4 != "" {
		text += " ···· " + last4
	}
	return text
}
