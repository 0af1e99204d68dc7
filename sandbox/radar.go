package sandbox

import "fmt"

// warnOfFraud tells that a card's bank suspects fraud.
func (s *Server) warnOfFraud(charge *record) *record {
	warning := blank("radar.early_fraud_warning")
	warning["id"] = s.newID("issfr_1", 22)
	warning["charge"], warning["payment_intent"] = charge.id(), charge.obj["payment_intent"]
	warning["created"] = s.unix()
	warning["fraud_type"] = "made_with_stolen_card"
	r := s.add("radar.early_fraud_warning", charge.account, warning)
	s.emit(nil, r.account, "radar.early_fraud_warning.created", warning)
	return r
}

// endWarnings tells of a charge that was refunded whole or disputed that its warnings can't be
// acted on any more.
func (s *Server) endWarnings(charge *record) {
	for _, r := range s.listed(charge.account, "radar.early_fraud_warning", "charge", charge.id()) {
		if truth(r.obj, "actionable") {
			s.update(nil, r, "radar.early_fraud_warning.updated", func(warning object) { warning["actionable"] = false })
		}
	}
}

// openReview holds a risky charge up for somebody to look at. Its money is taken all the same.
func (s *Server) openReview(charge *record, reason string) *record {
	review := blank("review")
	review["id"] = s.newID("prv_1", 23)
	review["charge"], review["payment_intent"] = charge.id(), charge.obj["payment_intent"]
	review["created"] = s.unix()
	review["reason"], review["opened_reason"] = reason, reason
	r := s.add("review", charge.account, review)
	s.setReview(charge, r.id())
	s.emit(nil, r.account, "review.opened", review)
	return r
}

func (s *Server) setReview(charge *record, id any) {
	charge.obj["review"] = id
	s.records[text(charge.obj, "payment_intent")].obj["review"] = id
}

// endReview closes the review of a charge, if one is open, for one of Stripe's reasons.
func (s *Server) endReview(charge *record, why string) {
	if r := s.records[text(charge.obj, "review")]; r != nil {
		s.closeReview(nil, r, why)
	}
}

func (s *Server) closeReview(c *call, r *record, why string) {
	r.obj["open"] = false
	r.obj["reason"], r.obj["closed_reason"] = why, why
	s.setReview(s.records[text(r.obj, "charge")], nil)
	s.emit(c, r.account, "review.closed", r.obj)
}

// listOpenReviews answers with the open ones alone, as Stripe does.
func (s *Server) listOpenReviews(c *call) (any, error) {
	return s.list(c, "review", func(r *record) bool { return truth(r.obj, "open") })
}

func (s *Server) approveReview(c *call) (any, error) {
	r, err := s.named(c, "review")
	if err != nil {
		return nil, err
	}
	if !truth(r.obj, "open") {
		return nil, invalid("", "", "This review has already been closed.")
	}
	s.closeReview(c, r, "approved")
	return r.obj, nil
}

// paidCharge is a charge of any account that was paid.
func (s *Server) paidCharge(id string) (*record, error) {
	r := s.records[id]
	if r == nil || r.kind != "charge" || r.obj["status"] != "succeeded" {
		return nil, fmt.Errorf("%s: no such paid charge", id)
	}
	return r, nil
}

// WarnOfFraud has the bank of a card suspect fraud. It returns the warning's id.
func (s *Server) WarnOfFraud(charge string) (id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.paidCharge(charge)
	if err != nil {
		return "", fmt.Errorf("warn of fraud: %w", err)
	}
	return s.warnOfFraud(r).id(), nil
}

// OpenReview has somebody put a charge up for review in Stripe's dashboard. It returns the
// review's id.
func (s *Server) OpenReview(charge string) (id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.paidCharge(charge)
	if err == nil && r.obj["review"] != nil {
		err = fmt.Errorf("%s: it is under review already", charge)
	}
	if err != nil {
		return "", fmt.Errorf("open a review: %w", err)
	}
	return s.openReview(r, "manual").id(), nil
}

// ApproveReview closes a review as somebody does who finds its charge in order.
func (s *Server) ApproveReview(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[id]
	if r == nil || r.kind != "review" || !truth(r.obj, "open") {
		return fmt.Errorf("approve review %s: no such open review", id)
	}
	s.closeReview(nil, r, "approved")
	return nil
}
