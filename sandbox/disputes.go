package sandbox

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// disputeFee is what Stripe keeps of a dispute, in minor units.
const disputeFee = 1500

// respondWithin is how long a dispute can be answered.
const respondWithin = 7 * 24 * time.Hour

// inquiryLives is how long an inquiry may become a chargeback; then it is closed.
const inquiryLives = 120 * 24 * time.Hour

// openDispute takes a charge's money back, or, of an inquiry, only asks about it.
func (s *Server) openDispute(charge *record, reason string, amount int64, inquiry bool) *record {
	dispute := blank("dispute")
	dispute["id"] = s.newID("dp_1", 23)
	dispute["amount"] = amount
	dispute["charge"] = charge.id()
	dispute["created"] = s.unix()
	dispute["currency"] = charge.obj["currency"]
	dispute["payment_intent"] = charge.obj["payment_intent"]
	dispute["reason"] = reason
	dispute["status"] = "needs_response"
	dispute["is_charge_refundable"] = inquiry
	child(dispute, "evidence_details")["due_by"] = s.unix() + int64(respondWithin.Seconds())
	dispute["payment_method_details"] = object{"type": card, card: object{"brand": "visa", "network_reason_code": "10"}}
	if inquiry {
		dispute["status"] = "warning_needs_response"
	}
	r := s.add("dispute", charge.account, dispute)
	s.setAlarm(r)
	charge.obj["disputed"] = true
	s.emit(nil, r.account, "charge.dispute.created", dispute)
	if !inquiry {
		s.withdraw(r)
	}
	s.endWarnings(charge)
	s.endReview(charge, "disputed")
	return r
}

// withdraw takes a dispute's money and fee from its account.
func (s *Server) withdraw(r *record) {
	s.moveDisputed(r, entry{typ: "adjustment", category: "dispute", amount: -number(r.obj, "amount"), fee: disputeFee, feeFor: "Dispute fee"})
	s.emit(nil, r.account, "charge.dispute.funds_withdrawn", r.obj)
}

// reinstate gives both back.
func (s *Server) reinstate(r *record) {
	s.moveDisputed(r, entry{typ: "adjustment", category: "dispute_reversal", amount: number(r.obj, "amount"), fee: -disputeFee, feeFor: "Dispute fee refund"})
	s.emit(nil, r.account, "charge.dispute.funds_reinstated", r.obj)
}

func (s *Server) moveDisputed(r *record, e entry) {
	txn := s.book(r, e)
	r.obj["balance_transactions"] = append(children(r.obj, "balance_transactions"), clone(txn.obj))
}

// escalate makes an inquiry a chargeback: its bank is not content with what it heard. It can be
// answered anew.
func (s *Server) escalate(r *record) {
	s.update(nil, r, "charge.dispute.updated", func(dispute object) {
		dispute["status"] = "needs_response"
		dispute["is_charge_refundable"] = false
		child(dispute, "evidence_details")["due_by"] = s.unix() + int64(respondWithin.Seconds())
	})
	s.setAlarm(r)
	s.withdraw(r)
}

// closeDispute ends a dispute. An inquiry ends without money moving.
func (s *Server) closeDispute(c *call, r *record, won bool) {
	inquiry := isInquiry(r)
	switch {
	case inquiry:
		r.obj["status"] = "warning_closed"
	case won:
		r.obj["status"] = "won"
	default:
		r.obj["status"] = "lost"
	}
	if won && !inquiry {
		s.reinstate(r)
	}
	s.emit(c, r.account, "charge.dispute.closed", r.obj)
}

// endInquiries closes the inquiries about a charge that was refunded whole: nobody has a wish left.
func (s *Server) endInquiries(charge *record) {
	for _, r := range s.listed(charge.account, "dispute", "charge", charge.id()) {
		if isInquiry(r) && !isClosed(r) {
			s.closeDispute(nil, r, true)
		}
	}
}

func isInquiry(r *record) bool {
	return strings.HasPrefix(text(r.obj, "status"), "warning_")
}

func isClosed(r *record) bool {
	switch r.obj["status"] {
	case "won", "lost", "warning_closed":
		return true
	}
	return false
}

func reviewing(r *record) string {
	if isInquiry(r) {
		return "warning_under_review"
	}
	return "under_review"
}

// Dispute has the client's bank take a charge's money back, all of it when amount is 0, as it may
// for any card. It returns the dispute's id.
func (s *Server) Dispute(charge, reason string, amount int64) (id string, err error) {
	return s.dispute(charge, reason, amount, false)
}

// Inquire has the client's bank ask about a charge; no money moves unless it is escalated. An
// amount of 0 is all of it. It returns the dispute's id.
func (s *Server) Inquire(charge, reason string, amount int64) (id string, err error) {
	return s.dispute(charge, reason, amount, true)
}

func (s *Server) dispute(chargeID, reason string, amount int64, inquiry bool) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	charge, err := s.paidCharge(chargeID)
	if err != nil {
		return "", fmt.Errorf("dispute: %w", err)
	}
	all := number(charge.obj, "amount")
	if amount < 0 || amount > all {
		return "", fmt.Errorf("dispute %s: its amount is %s", chargeID, shown(all, text(charge.obj, "currency")))
	}
	return s.openDispute(charge, cmp.Or(reason, "general"), cmp.Or(amount, all), inquiry).id(), nil
}

// EscalateInquiry makes an inquiry a chargeback, as a bank does that is not content.
func (s *Server) EscalateInquiry(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	r := s.records[id]
	if r == nil || r.kind != "dispute" || isClosed(r) || !isInquiry(r) {
		return fmt.Errorf("escalate %s: no such open inquiry", id)
	}
	s.escalate(r)
	return nil
}

// CloseDispute decides a dispute as the bank does.
func (s *Server) CloseDispute(id string, won bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	r := s.records[id]
	if r == nil || r.kind != "dispute" || isClosed(r) {
		return fmt.Errorf("close dispute %s: no such open dispute", id)
	}
	s.closeDispute(nil, r, won)
	return nil
}

// afterwards is what follows a payment by some test cards.
func (s *Server) afterwards(charge *record, m method) {
	amount := number(charge.obj, "amount")
	for i, reason := range m.disputes {
		part := amount / int64(len(m.disputes))
		if i == 0 {
			part = amount - part*int64(len(m.disputes)-1)
		}
		s.openDispute(charge, reason, part, m.inquiry)
	}
	switch {
	case m.warned:
		s.warnOfFraud(charge)
	case m.risk == "elevated":
		s.openReview(charge, "rule")
	case m.atOnce:
		s.emit(nil, charge.account, "balance.available", s.balance(charge.account))
	}
}
