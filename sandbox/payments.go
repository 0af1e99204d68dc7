package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// Statuses of a step at the Checkout page.
const (
	Succeeded      = "succeeded"
	Declined       = "declined"
	RequiresAction = "requires_action" // 3-D Secure: Authenticate is next
	Processing     = "processing"      // a bank debit that settles later
)

// Outcome is what a client sees after pressing Pay.
type Outcome struct {
	Status      string
	Message     string // why it was declined, in Stripe's words
	RedirectURL string // where the browser goes next; empty when the form stays
}

// ErrClosed says that a session was paid or has expired.
var ErrClosed = errors.New("the checkout session is closed")

// Pay does what a client does on the Checkout page. A declined card is an Outcome, not an
// error; the session stays open for another one.
func (s *Server) Pay(sessionID string, c Card) (Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pay(sessionID, "", c)
}

func (s *Server) pay(sessionID, kind string, c Card) (Outcome, error) {
	s.catchUp()
	session, err := s.session(sessionID)
	if err != nil {
		return Outcome{}, fmt.Errorf("pay: %w", err)
	}
	if session.obj["status"] != "open" {
		return Outcome{}, fmt.Errorf("pay %s: %w", sessionID, ErrClosed)
	}
	if s.answers.LimitHoldsAtCompletion && usedUp(s.origin(session)) {
		s.expire(nil, session)
		return Outcome{}, fmt.Errorf("pay %s: %w", sessionID, ErrClosed)
	}
	m, hint := methodOf(c.Number, kind)
	if hint == "" && !offers(session.obj, m.kind) {
		hint = "This payment can't be made that way."
	}
	if hint == "" {
		hint = c.problem(s.now())
	}
	if hint == "" && m.mistyped {
		hint = "Your card number is incorrect."
	}
	if hint != "" {
		return Outcome{Status: Declined, Message: hint}, nil
	}
	if c.Email == "" {
		c.Email = "client@example.com"
	}
	session.hidden["email"] = c.Email

	intent := s.records[text(session.obj, "payment_intent")]
	if intent == nil {
		intent = s.newIntent(session)
	}
	intent.hidden["method"] = m.number
	intent.obj["payment_method"] = s.newID("pm_1", 23)
	intent.obj["last_payment_error"] = nil
	switch {
	case m.challenge:
		intent.obj["status"] = "requires_action"
		intent.obj["next_action"] = object{"type": "use_stripe_sdk", "use_stripe_sdk": object{"type": "three_d_secure_redirect"}}
		s.emit(nil, session.account, "payment_intent.requires_action", intent.obj)
		return Outcome{Status: RequiresAction, RedirectURL: s.base + "/checkout/" + sessionID + "/authenticate"}, nil
	case m.delayed:
		return s.beginDebit(session, intent, m), nil
	case m.decline != nil:
		return s.declineCard(session, intent, m), nil
	}
	return s.takeCard(session, intent, m), nil
}

// Authenticate answers the 3-D Secure challenge that Pay asked for.
func (s *Server) Authenticate(sessionID string, ok bool) (Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.authenticate(sessionID, ok)
}

func (s *Server) authenticate(sessionID string, ok bool) (Outcome, error) {
	s.catchUp()
	session, err := s.session(sessionID)
	if err != nil {
		return Outcome{}, fmt.Errorf("authenticate: %w", err)
	}
	intent := s.records[text(session.obj, "payment_intent")]
	if session.obj["status"] != "open" || intent == nil || intent.obj["status"] != "requires_action" {
		return Outcome{}, fmt.Errorf("authenticate %s: %w", sessionID, ErrClosed)
	}
	m, _ := methodOf(text(intent.hidden, "method"), "")
	intent.obj["next_action"] = nil
	switch {
	case ok && m.decline != nil:
		return s.declineCard(session, intent, m), nil
	case ok:
		return s.takeCard(session, intent, m), nil
	}
	failed := &decline{"payment_intent_authentication_failure", "", "We are unable to authenticate your payment method. Please choose a different payment method and try again."}
	s.failIntent(intent, nil, failed, m)
	return Outcome{Status: Declined, Message: failed.message}, nil
}

func offers(session object, kind string) bool {
	for _, offered := range children(session, "payment_method_types") {
		if offered == kind {
			return true
		}
	}
	return false
}

// origin is what a session was made from: a link, or a call that says what a link would.
func (s *Server) origin(session *record) object {
	if link := s.records[text(session.obj, "payment_link")]; link != nil {
		return link.obj
	}
	return child(session.hidden, "origin")
}

// newIntent makes the payment intent of a session, when its client first presses Pay. Its
// metadata is the link's payment_intent_data.metadata; the link's own stays on the session.
func (s *Server) newIntent(session *record) *record {
	origin := s.origin(session)
	intent := s.blankIntent(number(session.obj, "amount_total"), text(session.obj, "currency"))
	intent["payment_method_types"] = clone(session.obj["payment_method_types"])
	if data := child(origin, "payment_intent_data"); data != nil {
		intent["metadata"] = clone(data["metadata"])
		for _, key := range []string{"description", "statement_descriptor", "statement_descriptor_suffix", "transfer_group"} {
			intent[key] = data[key]
		}
	}
	intent["application"] = origin["application"]
	intent["application_fee_amount"] = origin["application_fee_amount"]
	r := s.add("payment_intent", session.account, intent)
	r.hidden["session"] = session.id()
	s.refer(session, "payment_intent", r.id())
	s.emit(nil, r.account, "payment_intent.created", intent)
	return r
}

func (s *Server) blankIntent(amount int64, currency string) object {
	intent := blank("payment_intent")
	intent["id"] = s.newID("pi_3", 23)
	intent["amount"], intent["currency"] = amount, currency
	intent["amount_details"] = object{"tip": object{}}
	intent["created"] = s.unix()
	intent["client_secret"] = text(intent, "id") + "_secret_" + s.newID("", 25)
	intent["payment_method_options"] = object{}
	intent["capture_method"] = "automatic"
	return intent
}

// newCharge makes one attempt to take an intent's money from whoever has an address.
func (s *Server) newCharge(intent *record, email any, m method, status string) *record {
	prefix := "ch_3"
	if m.kind != card {
		prefix = "py_3"
	}
	charge := blank("charge")
	charge["id"] = s.newID(prefix, 23)
	for _, key := range []string{
		"amount", "application", "application_fee_amount", "currency", "description",
		"payment_method", "statement_descriptor", "statement_descriptor_suffix", "transfer_group",
	} {
		charge[key] = intent.obj[key]
	}
	charge["metadata"] = clone(intent.obj["metadata"])
	charge["payment_intent"] = intent.id()
	charge["created"] = s.unix()
	charge["status"] = status
	charge["paid"], charge["captured"] = status != "failed", status != "failed"
	charge["fraud_details"] = object{}
	charge["billing_details"] = object{
		"address": object{"city": nil, "country": "US", "line1": nil, "line2": nil, "postal_code": nil, "state": nil},
		"email":   email, "name": nil, "phone": nil,
	}
	charge["payment_method_details"] = m.details(number(charge, "amount"), s.now())
	charge["calculated_statement_descriptor"] = "SANDBOX"
	charge["outcome"] = object{
		"network_status": "approved_by_network", "reason": nil, "risk_level": "normal", "risk_score": int64(32),
		"seller_message": "Payment complete.", "type": "authorized",
	}
	if m.risk != "" {
		charge["outcome"].(object)["risk_level"] = m.risk
	}
	r := s.add("charge", intent.account, charge)
	r.hidden["refund"], r.hidden["at_once"] = m.refund, m.atOnce
	intent.obj["latest_charge"] = r.id()
	return r
}

func (s *Server) takeCard(session, intent *record, m method) Outcome {
	charge := s.newCharge(intent, session.hidden["email"], m, "succeeded")
	s.capture(charge)
	s.emit(nil, charge.account, "charge.succeeded", charge.obj)
	s.succeed(intent)
	target := s.complete(session, "paid")
	s.emit(nil, intent.account, "payment_intent.succeeded", intent.obj)
	s.afterwards(charge, m)
	return Outcome{Status: Succeeded, RedirectURL: target}
}

func (s *Server) declineCard(session, intent *record, m method) Outcome {
	s.refuseCard(intent, session.hidden["email"], m)
	return Outcome{Status: Declined, Message: m.decline.message}
}

func (s *Server) refuseCard(intent *record, email any, m method) *record {
	charge := s.newCharge(intent, email, m, "failed")
	s.failCharge(charge, m.decline)
	if m.risk == "highest" {
		charge.obj["outcome"] = object{
			"network_status": "not_sent_to_network", "reason": "highest_risk_level", "risk_level": "highest", "risk_score": int64(85),
			"seller_message": "Stripe blocked this payment as too risky.", "type": "blocked",
		}
	}
	s.failIntent(intent, charge, m.decline, m)
	return charge
}

func (s *Server) beginDebit(session, intent *record, m method) Outcome {
	charge := s.newCharge(intent, session.hidden["email"], m, "pending")
	charge.obj["paid"], charge.obj["captured"] = false, true
	intent.obj["status"] = "processing"
	intent.obj["processing"] = nil
	target := s.complete(session, "unpaid")
	s.emit(nil, intent.account, "payment_intent.processing", intent.obj)
	s.emit(nil, charge.account, "charge.pending", charge.obj)
	s.debits = append(s.debits, charge)
	return Outcome{Status: Processing, RedirectURL: target}
}

// SettleBankDebits ends every bank debit that is processing: it succeeds, or fails as its
// test account says. It returns how many there were.
func (s *Server) SettleBankDebits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.debits
	s.debits = nil
	for _, charge := range waiting {
		intent := s.records[text(charge.obj, "payment_intent")]
		session := s.records[text(intent.hidden, "session")]
		m, _ := methodOf(text(intent.hidden, "method"), "")
		if m.slow && !truth(charge.hidden, "waited") {
			charge.hidden["waited"] = true
			s.debits = append(s.debits, charge)
			continue
		}
		if m.decline != nil {
			charge.obj["status"], charge.obj["paid"], charge.obj["captured"] = "failed", false, false
			s.failCharge(charge, m.decline)
			s.failIntent(intent, charge, m.decline, m)
			if sessions := child(child(s.origin(session), "restrictions"), "completed_sessions"); s.answers.FailedDebitFreesLink && sessions != nil {
				sessions["count"] = max(0, number(sessions, "count")-1)
			}
			s.emit(nil, session.account, "checkout.session.async_payment_failed", session.obj)
			continue
		}
		charge.obj["status"], charge.obj["paid"], charge.obj["captured"] = "succeeded", true, true
		s.capture(charge)
		s.emit(nil, charge.account, "charge.succeeded", charge.obj)
		s.succeed(intent)
		s.emit(nil, intent.account, "payment_intent.succeeded", intent.obj)
		session.obj["payment_status"] = "paid"
		s.emit(nil, session.account, "checkout.session.async_payment_succeeded", session.obj)
	}
	return len(waiting)
}

// capture books a charge's money.
func (s *Server) capture(charge *record) {
	charge.obj["amount_captured"] = charge.obj["amount"]
	charge.obj["receipt_url"] = s.base + "/dashboard/" + s.owner(charge)
	amount := number(charge.obj, "amount")
	e := entry{typ: "charge", category: "charge", amount: amount, fee: stripeFee(amount), feeFor: "Stripe processing fees"}
	switch {
	case !isCard(charge):
		e.typ = "payment"
	case !truth(charge.hidden, "at_once"):
		e.wait = fundsWait
	}
	charge.obj["balance_transaction"] = s.book(charge, e).id()
}

func (s *Server) succeed(intent *record) {
	intent.obj["status"] = "succeeded"
	intent.obj["amount_received"] = intent.obj["amount"]
	intent.obj["last_payment_error"] = nil
	intent.obj["next_action"] = nil
}

func (s *Server) failCharge(charge *record, why *decline) {
	charge.obj["failure_code"] = why.code
	charge.obj["failure_message"] = why.message
	reason := why.reason
	if reason == "" {
		reason = why.code
	}
	charge.obj["outcome"] = object{
		"network_status": "declined_by_network", "reason": reason, "risk_level": "normal", "risk_score": int64(32),
		"seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined",
	}
	s.emit(nil, charge.account, "charge.failed", charge.obj)
}

// failIntent sends an intent back to wait for another payment method, with why the last one
// failed.
func (s *Server) failIntent(intent, charge *record, why *decline, m method) {
	failure := object{
		"code": why.code, "message": why.message, "type": "card_error",
		"doc_url":        "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(why.code, "_", "-"),
		"payment_method": object{"id": intent.obj["payment_method"], "object": "payment_method", "type": m.kind},
	}
	if why.reason != "" {
		failure["decline_code"] = why.reason
	}
	if charge != nil {
		failure["charge"] = charge.id()
	}
	intent.obj["status"] = "requires_payment_method"
	intent.obj["payment_method"] = nil
	intent.obj["last_payment_error"] = failure
	s.emit(nil, intent.account, "payment_intent.payment_failed", intent.obj)
}

// complete closes a session that its client has finished, and returns where the browser goes.
func (s *Server) complete(session *record, paymentStatus string) string {
	origin := s.origin(session)
	if restrictions := child(origin, "restrictions"); restrictions != nil {
		sessions := child(restrictions, "completed_sessions")
		sessions["count"] = number(sessions, "count") + 1
	}
	session.obj["status"] = "complete"
	session.obj["payment_status"] = paymentStatus
	session.obj["url"] = nil
	session.obj["customer_details"] = object{
		"address": nil, "email": session.hidden["email"], "name": nil, "phone": nil, "tax_exempt": "none", "tax_ids": []any{},
	}
	s.emit(nil, session.account, "checkout.session.completed", session.obj)
	if redirect := child(child(origin, "after_completion"), "redirect"); redirect != nil {
		return strings.ReplaceAll(text(redirect, "url"), "{CHECKOUT_SESSION_ID}", session.id())
	}
	return s.base + "/checkout/" + session.id()
}

// isCard reports whether a charge was paid by card; Stripe books other charges and their refunds
// under other names.
func isCard(charge *record) bool {
	return child(charge.obj, "payment_method_details")["type"] == card
}

// home is an account's own object, the platform's for an empty id.
func (s *Server) home(account string) *record {
	return s.records[cmp.Or(account, s.platform)]
}

// owner is the account that an object belongs to, the platform included.
func (s *Server) owner(r *record) string {
	return cmp.Or(r.account, s.platform)
}

func (s *Server) listCharges(c *call) (any, error) {
	return s.list(c, "charge", func(r *record) bool {
		return matches(r.obj, c.in, "payment_intent", "customer", "transfer_group")
	})
}
