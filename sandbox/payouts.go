package sandbox

import "time"

// createPayout sends an account's money to its bank, where it arrives when it is settled.
func (s *Server) createPayout(c *call) (any, error) {
	currency, err := checkCurrency(text(c.in, "currency"))
	if err != nil {
		return nil, err
	}
	amount := number(c.in, "amount")
	switch {
	case amount <= 0:
		return nil, invalid("parameter_invalid_integer", "amount", "Invalid positive integer")
	case amount > s.fundsOf(c.account, currency).available:
		return nil, invalid("balance_insufficient", "amount", "You have insufficient funds in your Stripe account for this payout.")
	}
	payout := blank("payout")
	payout["id"] = s.newID("po_1", 23)
	payout["amount"], payout["currency"] = amount, currency
	payout["automatic"] = false
	payout["created"] = s.unix()
	payout["arrival_date"] = s.now().Add(48 * time.Hour).Unix()
	payout["description"] = nullable(text(c.in, "description"))
	payout["method"], payout["source_type"], payout["status"], payout["reconciliation_status"] = "standard", card, "pending", "not_applicable"
	payout["metadata"] = object{}
	setMetadata(payout, c.in["metadata"])
	r := s.add("payout", c.account, payout)
	payout["balance_transaction"] = s.book(r, entry{typ: "payout", category: "payout", amount: -amount}).id()
	s.emit(c, c.account, "payout.created", payout)
	return payout, nil
}

func (s *Server) updatePayout(c *call) (any, error) {
	r, err := s.named(c, "payout")
	if err != nil {
		return nil, err
	}
	s.update(c, r, "payout.updated", func(payout object) { setMetadata(payout, c.in["metadata"]) })
	return r.obj, nil
}

func (s *Server) cancelPayout(c *call) (any, error) {
	r, err := s.named(c, "payout")
	if err != nil {
		return nil, err
	}
	if r.obj["status"] != "pending" {
		return nil, invalid("", "", "Payouts can only be canceled while they are pending.")
	}
	r.obj["status"] = "canceled"
	r.obj["failure_balance_transaction"] = s.book(r, entry{typ: "payout_cancel", category: "payout_reversal", amount: number(r.obj, "amount")}).id()
	s.emit(c, r.account, "payout.canceled", r.obj)
	return r.obj, nil
}

func (s *Server) listPayouts(c *call) (any, error) {
	return s.list(c, "payout", func(r *record) bool {
		return matches(r.obj, c.in, "status", "destination") && inRange(number(r.obj, "arrival_date"), c.in["arrival_date"])
	})
}

// SettlePayouts ends the payouts that are under way: they arrive, or, when fail says so, come back
// from the bank. It returns how many there were.
func (s *Server) SettlePayouts(fail bool) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, list := range s.lists {
		if key.kind != "payout" {
			continue
		}
		for _, r := range list {
			if r.obj["status"] != "pending" {
				continue
			}
			n++
			r.obj["status"] = "paid"
			if !fail {
				s.emit(nil, r.account, "payout.paid", r.obj)
				continue
			}
			r.obj["status"] = "failed"
			r.obj["failure_code"], r.obj["failure_message"] = "account_closed", "The bank account has been closed."
			r.obj["failure_balance_transaction"] = s.book(r, entry{typ: "payout_failure", category: "payout_reversal", amount: number(r.obj, "amount")}).id()
			s.emit(nil, r.account, "payout.failed", r.obj)
		}
	}
	return n
}
