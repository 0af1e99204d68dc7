package sandbox

import (
	"strconv"
	"strings"
	"time"
)

// Kinds of payment methods, by Stripe's names.
const (
	card      = "card"
	bankDebit = "us_bank_account"
	sepaDebit = "sepa_debit"
)

// method is a test card or test bank account, with how it behaves. Real numbers are refused.
type method struct {
	number    string
	kind      string
	hint      string   // what it does, for people
	challenge bool     // asks for 3-D Secure
	delayed   bool     // settles days later
	decline   *decline // what it fails with; when delayed, at settlement
	refund    string   // how its refunds go; empty succeeds at once
	mistyped  bool     // is refused by the form itself, so that nothing is tried
	disputes  []string // after success, for these reasons; several share the amount
	inquiry   bool     // those are only asked about: no money moves
	warned    bool     // after success, a warning of fraud comes
	risk      string   // elevated: a review is opened; highest: Stripe blocks the payment
	atOnce    bool     // its money is available at once
	slow      bool     // of a debit: needs a second settling
}

// decline is why a payment failed, in Stripe's words.
type decline struct{ code, reason, message string }

// Behaviours of refunds.
const (
	refundPends = "pending" // pending, succeeds when settled
	refundFails = "fails"   // succeeded, fails when settled
)

var methods = []method{
	{number: "4242424242424242", kind: card, hint: "succeeds"},
	{number: "4000000000000002", kind: card, hint: "is declined",
		decline: &decline{"card_declined", "generic_decline", "Your card was declined."}},
	{number: "4000000000009995", kind: card, hint: "has insufficient funds",
		decline: &decline{"card_declined", "insufficient_funds", "Your card has insufficient funds."}},
	{number: "4000000000009987", kind: card, hint: "was lost",
		decline: &decline{"card_declined", "lost_card", "Your card was declined."}},
	{number: "4000000000009979", kind: card, hint: "was stolen",
		decline: &decline{"card_declined", "stolen_card", "Your card was declined."}},
	{number: "4000000000000069", kind: card, hint: "has expired",
		decline: &decline{"expired_card", "", "Your card has expired."}},
	{number: "4000000000000127", kind: card, hint: "has another security code",
		decline: &decline{"incorrect_cvc", "", "Your card's security code is incorrect."}},
	{number: "4000000000000119", kind: card, hint: "can't be processed",
		decline: &decline{"processing_error", "", "An error occurred while processing your card. Try again in a little bit."}},
	{number: "4242424242424241", kind: card, hint: "is mistyped", mistyped: true},
	{number: "4000002760003184", kind: card, hint: "asks for 3-D Secure", challenge: true},
	{number: "4000002500003155", kind: card, hint: "asks for 3-D Secure too", challenge: true},
	{number: "4000008260003178", kind: card, hint: "asks for 3-D Secure, then has insufficient funds", challenge: true,
		decline: &decline{"card_declined", "insufficient_funds", "Your card has insufficient funds."}},
	{number: "4000000000000259", kind: card, hint: "succeeds, and is disputed as fraudulent", disputes: []string{"fraudulent"}},
	{number: "4000000000002685", kind: card, hint: "succeeds, and is disputed as not received", disputes: []string{"product_not_received"}},
	{number: "4000000000001976", kind: card, hint: "succeeds, and is inquired about", disputes: []string{"fraudulent"}, inquiry: true},
	{number: "4000000404000079", kind: card, hint: "succeeds, and is disputed twice", disputes: []string{"fraudulent", "duplicate"}},
	{number: "4000000000005423", kind: card, hint: "succeeds, and fraud is warned of", warned: true},
	{number: "4000000000000077", kind: card, hint: "succeeds; the money is available at once", atOnce: true},
	{number: "4100000000000019", kind: card, hint: "is blocked as fraud", risk: "highest",
		decline: &decline{"card_declined", "fraudulent", "Your card was declined."}},
	{number: "4000000000009235", kind: card, hint: "succeeds at an elevated risk, and is reviewed", risk: "elevated"},
	{number: "4000000000007726", kind: card, hint: "succeeds; refunds stay pending until settled", refund: refundPends},
	{number: "4000000000005126", kind: card, hint: "succeeds; refunds fail when settled", refund: refundFails},
	{number: "000123456789", kind: bankDebit, hint: "settles later", delayed: true},
	{number: "000222222227", kind: bankDebit, hint: "fails later", delayed: true,
		decline: &decline{"insufficient_funds", "", "The customer's account has insufficient funds to cover this payment."}},
	{number: "000111111113", kind: bankDebit, hint: "fails later: closed", delayed: true,
		decline: &decline{"account_closed", "", "The customer's bank account has been closed."}},
	{number: "000111111116", kind: bankDebit, hint: "fails later: no account", delayed: true,
		decline: &decline{"no_account", "", "The customer's bank account could not be located."}},
	{number: "000333333335", kind: bankDebit, hint: "fails later: not authorized", delayed: true,
		decline: &decline{"debit_not_authorized", "", "The customer has notified their bank that this payment was unauthorized."}},
	{number: "AT611904300234573201", kind: sepaDebit, hint: "settles later", delayed: true},
	{number: "IT60X0542811101000000123456", kind: sepaDebit, hint: "fails later", delayed: true,
		decline: &decline{"insufficient_funds", "", "The customer's account has insufficient funds to cover this payment."}},
	{number: "AT321904300235473204", kind: sepaDebit, hint: "settles much later", delayed: true, slow: true},
}

// Card is what a client types on the Checkout page. Number is the number of a test card, or
// of a test bank account for a bank debit. Expiry (MM/YY) and CVC may be left out here, not
// on the page.
type Card struct{ Number, Expiry, CVC, Email string }

// methodOf finds the test method of a number, or says which ones there are.
func methodOf(numberTyped, kind string) (method, string) {
	digits := strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(numberTyped))
	var hints []string
	for _, m := range methods {
		if m.number == digits && (kind == "" || kind == m.kind) {
			return m, ""
		}
		if kind == m.kind || kind == "" {
			hints = append(hints, m.number+" "+m.hint)
		}
	}
	return method{}, "Only test numbers work here: " + strings.Join(hints, "; ") + "."
}

// problem says what is wrong with expiry or CVC, if anything.
func (c Card) problem(now time.Time) string {
	if c.Expiry != "" {
		month, year, _ := strings.Cut(strings.ReplaceAll(c.Expiry, " ", ""), "/")
		m, err1 := strconv.Atoi(month)
		y, err2 := strconv.Atoi(year)
		if err1 != nil || err2 != nil || m < 1 || m > 12 || len(year) != 2 {
			return "Your card's expiration date is invalid. Write it as MM/YY."
		}
		if now.After(time.Date(2000+y, time.Month(m)+1, 1, 0, 0, 0, 0, time.UTC)) {
			return "Your card's expiration date is in the past."
		}
	}
	if c.CVC != "" {
		if _, err := strconv.ParseUint(c.CVC, 10, 32); err != nil || len(c.CVC) < 3 || len(c.CVC) > 4 {
			return "Your card's security code is invalid."
		}
	}
	return ""
}

func (m method) last4() string { return m.number[len(m.number)-4:] }

// details is the payment_method_details of a charge.
func (m method) details(amount int64, now time.Time) object {
	if m.kind == bankDebit {
		return object{"type": bankDebit, bankDebit: object{
			"account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK",
			"fingerprint": "sandbox" + m.last4(), "last4": m.last4(), "mandate": nil, "payment_reference": nil,
			"routing_number": "110000000",
		}}
	}
	if m.kind == sepaDebit {
		return object{"type": sepaDebit, sepaDebit: object{
			"bank_code": "19043", "branch_code": "", "country": m.number[:2], "fingerprint": "sandbox" + m.last4(),
			"last4": m.last4(), "mandate": nil,
		}}
	}
	var secure any
	if m.challenge {
		secure = object{"authentication_flow": "challenge", "electronic_commerce_indicator": "05",
			"exemption_indicator": nil, "result": "authenticated", "result_reason": nil,
			"transaction_id": nil, "version": "2.2.0"}
	}
	return object{"type": card, card: object{
		"amount_authorized": amount, "brand": "visa",
		"checks":  object{"address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": "pass"},
		"country": "US", "exp_month": int64(12), "exp_year": int64(now.Year() + 3),
		"extended_authorization": object{"status": "disabled"}, "fingerprint": "sandbox" + m.last4(),
		"funding": "credit", "incremental_authorization": object{"status": "unavailable"},
		"installments": nil, "last4": m.last4(), "mandate": nil,
		"multicapture": object{"status": "unavailable"}, "network": "visa", "network_token": object{"used": false},
		"overcapture":    object{"maximum_amount_capturable": amount, "status": "unavailable"},
		"three_d_secure": secure, "wallet": nil,
	}}
}
