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
	{number: "4000002760003184", kind: card, hint: "asks for 3-D Secure", challenge: true},
	{number: "4000002500003155", kind: card, hint: "asks for 3-D Secure too", challenge: true},
	{number: "4000000000007726", kind: card, hint: "succeeds; refunds stay pending until settled", refund: refundPends},
	{number: "4000000000005126", kind: card, hint: "succeeds; refunds fail when settled", refund: refundFails},
	{number: "000123456789", kind: bankDebit, hint: "settles later", delayed: true},
	{number: "000222222227", kind: bankDebit, hint: "fails later", delayed: true,
		decline: &decline{"insufficient_funds", "", "The customer's account has insufficient funds to cover this payment."}},
}

// Card is what a client types on the Checkout page. Number is the number of a test card, or
// of a test bank account for a bank debit. Expiry (MM/YY) and CVC may be left out here, not
// on the page.
type Card struct{ Number, Expiry, CVC, Email string }

// methodOf finds the test method of a number, or says which ones there are.
func methodOf(numberTyped, kind string) (method, string) {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(numberTyped)
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
