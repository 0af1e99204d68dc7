package sandbox

import (
	"fmt"
	"net/http"
	"slices"
)

// Refund gives money of a charge or payment intent back, as somebody does in Stripe's
// dashboard. An amount of 0 is all that is left.
func (s *Server) Refund(chargeOrIntentID string, amount int64) (refundID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[chargeOrIntentID]
	if r == nil {
		return "", fmt.Errorf("refund %s: no such charge or payment intent", chargeOrIntentID)
	}
	in := object{"charge": chargeOrIntentID}
	if r.kind == "payment_intent" {
		in = object{"payment_intent": chargeOrIntentID}
	}
	if amount != 0 {
		in["amount"] = amount
	}
	refund, err := s.refund(nil, r.account, in)
	if err != nil {
		return "", fmt.Errorf("refund %s: %w", chargeOrIntentID, err)
	}
	return refund.id(), nil
}

func (s *Server) createRefund(c *call) (any, error) {
	r, err := s.refund(c, c.account, c.in)
	if err != nil {
		return nil, err
	}
	return r.obj, nil
}

func (s *Server) refund(c *call, account string, in object) (*record, error) {
	charge, err := s.chargeToRefund(account, in)
	if err != nil {
		return nil, err
	}
	refunded := number(charge.obj, "amount_refunded")
	left := number(charge.obj, "amount_captured") - refunded
	switch {
	case charge.obj["status"] != "succeeded":
		return nil, invalid("", "charge", "This charge has not been paid and cannot be refunded.")
	case s.chargedBack(charge):
		return nil, invalid("charge_disputed", "", "Charge %s has been charged back; cannot issue a refund.", charge.id())
	case left == 0:
		return nil, invalid("charge_already_refunded", "", "Charge %s has already been refunded.", charge.id())
	}
	amount, given := in["amount"].(int64)
	currency := text(charge.obj, "currency")
	switch {
	case !given:
		amount = left
	case amount <= 0:
		return nil, invalid("parameter_invalid_integer", "amount", "Invalid positive integer")
	case amount > left:
		return nil, invalid("", "amount", "Refund amount (%s) is greater than unrefunded amount on charge (%s)",
			shown(amount, currency), shown(left, currency))
	}
	if err := checkAmount(amount, currency, "amount"); err != nil {
		return nil, err
	}

	refund := blank("refund")
	refund["id"] = s.newID("re_3", 23)
	refund["amount"] = amount
	refund["charge"] = charge.id()
	refund["payment_intent"] = charge.obj["payment_intent"]
	refund["created"] = s.unix()
	refund["currency"] = currency
	refund["reason"] = nullable(text(in, "reason"))
	refund["status"] = "succeeded"
	refund["metadata"] = object{}
	setMetadata(refund, in["metadata"])
	kind := text(child(charge.obj, "payment_method_details"), "type")
	refund["destination_details"] = object{"type": kind, kind: object{}}
	if kind == card {
		refund["destination_details"].(object)[card] = object{"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
	}
	r := s.add("refund", account, refund)
	r.hidden["behaviour"] = charge.hidden["refund"]
	switch {
	case s.knobs.RefundsWait && amount > s.fundsOf(account, currency).available:
		refund["status"] = "pending"
		s.waitingRefunds = append(s.waitingRefunds, r)
	default:
		s.bookRefund(r)
		if r.hidden["behaviour"] == refundPends {
			refund["status"] = "pending"
		}
		if text(r.hidden, "behaviour") != "" {
			s.unsettledRefunds = append(s.unsettledRefunds, r)
		}
	}
	charge.obj["amount_refunded"] = refunded + amount
	charge.obj["refunded"] = amount == left
	s.emit(c, account, "refund.created", refund)
	s.emit(c, account, "charge.refunded", charge.obj)
	s.emit(c, account, "charge.refund.updated", refund)
	if amount == left {
		s.endInquiries(charge)
		s.endWarnings(charge)
		why := "refunded"
		if refund["reason"] == "fraudulent" {
			why = "refunded_as_fraud"
		}
		s.endReview(charge, why)
	}
	return r, nil
}

func (s *Server) bookRefund(r *record) {
	e := entry{typ: "refund", category: "refund", amount: -number(r.obj, "amount")}
	if !isCard(s.records[text(r.obj, "charge")]) {
		e.typ = "payment_refund"
	}
	r.obj["balance_transaction"] = s.book(r, e).id()
}

// payRefunds makes the refunds that waited for money and can be paid now.
func (s *Server) payRefunds() {
	s.waitingRefunds = slices.DeleteFunc(s.waitingRefunds, func(r *record) bool {
		if number(r.obj, "amount") > s.fundsOf(r.account, text(r.obj, "currency")).available {
			return false
		}
		s.bookRefund(r)
		r.obj["status"] = "succeeded"
		s.emit(nil, r.account, "refund.updated", r.obj)
		s.emit(nil, r.account, "charge.refund.updated", r.obj)
		return true
	})
}

// chargedBack reports whether the client's bank has taken a charge's money back, so that a refund
// would pay it twice. An inquiry hasn't, and a dispute that was won gave it back.
func (s *Server) chargedBack(charge *record) bool {
	return slices.ContainsFunc(s.listed(charge.account, "dispute", "charge", charge.id()), func(r *record) bool {
		return !isInquiry(r) && r.obj["status"] != "won"
	})
}

// chargeToRefund is the charge that a refund names, by itself or by its payment intent.
func (s *Server) chargeToRefund(account string, in object) (*record, error) {
	chargeID, intentID := text(in, "charge"), text(in, "payment_intent")
	if intentID != "" {
		intent := s.find(account, "payment_intent", intentID)
		if intent == nil {
			return nil, missing(http.StatusBadRequest, "payment_intent", "payment_intent", intentID)
		}
		latest := text(intent.obj, "latest_charge")
		if intent.obj["status"] != "succeeded" || chargeID != "" && chargeID != latest {
			return nil, invalid("", "payment_intent", "This PaymentIntent (%s) does not have a successful charge to refund.", intentID)
		}
		chargeID = latest
	}
	if chargeID == "" {
		return nil, invalid("parameter_missing", "charge", "One of the following params should be provided for this request: payment_intent or charge.")
	}
	charge := s.find(account, "charge", chargeID)
	if charge == nil {
		return nil, missing(http.StatusBadRequest, "charge", "charge", chargeID)
	}
	return charge, nil
}

func (s *Server) updateRefund(c *call) (any, error) {
	r, err := s.named(c, "refund")
	if err != nil {
		return nil, err
	}
	s.update(c, r, "charge.refund.updated", func(refund object) { setMetadata(refund, c.in["metadata"]) })
	return r.obj, nil
}

// SettleRefunds ends the refunds that are not final yet: pending ones succeed, and those of
// the card whose refunds fail do so, which makes the charge's amount_refunded drop again. It
// returns how many there were.
func (s *Server) SettleRefunds() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.unsettledRefunds
	s.unsettledRefunds = nil
	for _, r := range waiting {
		if r.hidden["behaviour"] == refundFails {
			r.obj["failure_reason"] = "expired_or_canceled_card"
			s.undoRefund(nil, r, "failed")
			continue
		}
		r.obj["status"] = "succeeded"
		s.emit(nil, r.account, "refund.updated", r.obj)
		s.emit(nil, r.account, "charge.refund.updated", r.obj)
	}
	return len(waiting)
}

func (s *Server) cancelRefund(c *call) (any, error) {
	r, err := s.named(c, "refund")
	if err != nil {
		return nil, err
	}
	if r.obj["status"] != "pending" {
		return nil, invalid("", "", "This refund cannot be canceled: its status is %s.", text(r.obj, "status"))
	}
	isIt := func(other *record) bool { return other == r }
	s.unsettledRefunds = slices.DeleteFunc(s.unsettledRefunds, isIt)
	s.waitingRefunds = slices.DeleteFunc(s.waitingRefunds, isIt)
	s.undoRefund(c, r, "canceled")
	return r.obj, nil
}

// undoRefund ends a refund whose money stays with the account after all.
func (s *Server) undoRefund(c *call, r *record, status string) {
	charge := s.records[text(r.obj, "charge")]
	if !s.answers.FailedRefundStaysCounted {
		charge.obj["amount_refunded"] = number(charge.obj, "amount_refunded") - number(r.obj, "amount")
		charge.obj["refunded"] = false
	}
	if r.obj["balance_transaction"] != nil { // else it waited for money, and none moved
		e := entry{typ: "refund_failure", category: "refund_failure", amount: number(r.obj, "amount")}
		if !isCard(charge) {
			e.typ = "payment_failure_refund"
		}
		r.obj["failure_balance_transaction"] = s.book(r, e).id()
	}
	r.obj["status"] = status
	s.emit(c, r.account, "refund.updated", r.obj)
	s.emit(c, r.account, "charge.refund.updated", r.obj)
}
