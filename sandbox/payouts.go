package sandbox

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// payoutTakes is how long money should be on its way to the bank.
const payoutTakes = 2 * 24 * time.Hour

// createPayout sends an account's money to its bank by hand.
func (s *Server) createPayout(c *call) (any, error) {
	currency, err := checkCurrency(text(c.in, "currency"))
	if err != nil {
		return nil, err
	}
	amount := number(c.in, "amount")
	destination := text(c.in, "destination")
	switch {
	case amount <= 0:
		return nil, invalid("parameter_invalid_integer", "amount", "Invalid positive integer")
	case !truth(s.home(c.account).obj, "payouts_enabled"):
		return nil, invalid("payouts_not_allowed", "", "Payouts are not enabled for this account.")
	case destination != "" && s.find(c.account, "bank_account", destination) == nil:
		return nil, missing(http.StatusBadRequest, "destination", "external account", destination)
	case amount > s.fundsOf(c.account, currency).available:
		return nil, invalid("balance_insufficient", "amount", "You have insufficient funds in your Stripe account for this payout.")
	}
	r := s.newPayout(c, c.account, amount, currency, false)
	return r.obj, nil
}

// newPayout sends money to the bank, where it arrives when it is settled. An automatic one lists
// what it pays out.
func (s *Server) newPayout(c *call, account string, amount int64, currency string, automatic bool) *record {
	payout := blank("payout")
	payout["id"] = s.newID("po_1", 23)
	payout["amount"], payout["currency"] = amount, currency
	payout["automatic"] = automatic
	payout["created"], payout["arrival_date"] = s.unix(), s.unix()+int64(payoutTakes.Seconds())
	payout["method"], payout["source_type"], payout["status"], payout["reconciliation_status"] = "standard", card, "pending", "not_applicable"
	payout["metadata"] = object{}
	if bank := s.bankOf(account); bank != nil {
		payout["destination"] = bank.id()
	}
	if automatic {
		payout["description"], payout["reconciliation_status"] = "STRIPE PAYOUT", "in_progress"
	}
	if c != nil {
		for _, key := range []string{"description", "destination", "method", "source_type", "statement_descriptor"} {
			if given := text(c.in, key); given != "" {
				payout[key] = given
			}
		}
		setMetadata(payout, c.in["metadata"])
	}
	r := s.add("payout", account, payout)
	txn := s.book(r, entry{typ: "payout", category: "payout", amount: -amount})
	payout["balance_transaction"] = txn.id()
	if automatic {
		s.payOut(txn, r)
	}
	s.emit(c, account, "payout.created", payout)
	return r
}

// payOut marks a movement as part of an automatic payout, by which it is listed then.
func (s *Server) payOut(txn, payout *record) {
	txn.hidden["payout"] = payout.id()
	s.enlist(txn, "payout", payout.id())
}

// payAllOut pays out all that an account has available, each currency by itself, as Stripe does
// every day. Every movement that was available and in no payout before belongs to it.
func (s *Server) payAllOut(account string) (payouts []*record) {
	open := map[string][]*record{} // movements to pay out, by currency
	for _, txn := range s.lists[listKey{account, "balance_transaction"}] {
		if txn.hidden["payout"] == nil && txn.obj["status"] == "available" {
			open[text(txn.obj, "currency")] = append(open[text(txn.obj, "currency")], txn)
		}
	}
	for _, currency := range sorted(open) {
		amount := s.fundsOf(account, currency).available
		if amount <= 0 {
			continue
		}
		payout := s.newPayout(nil, account, amount, currency, true)
		for _, txn := range open[currency] {
			s.payOut(txn, payout)
		}
		payouts = append(payouts, payout)
	}
	return payouts
}

// PayOut pays out all that an account has available, as Stripe does every day by itself: one
// payout for each currency, and none where nothing is. An empty account is the platform's own.
// They arrive by SettlePayouts. It returns their ids.
func (s *Server) PayOut(account string) (payouts []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	account, err = s.within(account)
	if err == nil && !truth(s.home(account).obj, "payouts_enabled") {
		err = fmt.Errorf("the payouts of %s are off", cmp.Or(account, s.platform))
	}
	if err != nil {
		return nil, fmt.Errorf("pay out: %w", err)
	}
	return ids(s.payAllOut(account)), nil
}

// PayOutAll does what PayOut does for each account whose payouts are on.
func (s *Server) PayOutAll() (payouts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	for _, account := range s.accountsWith("balance_transaction") {
		if _, err := s.within(account); err == nil && truth(s.home(account).obj, "payouts_enabled") {
			payouts = append(payouts, ids(s.payAllOut(account))...)
		}
	}
	return payouts
}

// accountsWith are the accounts that have an object of a kind, in the order of their ids.
func (s *Server) accountsWith(kind string) (accounts []string) {
	for key := range s.lists {
		if key.kind == kind {
			accounts = append(accounts, key.account)
		}
	}
	slices.Sort(accounts)
	return accounts
}

func (s *Server) updatePayout(c *call) (any, error) {
	r, err := s.named(c, "payout")
	if err != nil {
		return nil, err
	}
	s.update(c, r, "payout.updated", func(payout object) { setMetadata(payout, c.in["metadata"]) })
	return r.obj, nil
}

func (s *Server) listPayouts(c *call) (any, error) {
	return s.list(c, "payout", func(r *record) bool {
		return matches(r.obj, c.in, "status", "destination") && inRange(number(r.obj, "arrival_date"), c.in["arrival_date"])
	})
}

func (s *Server) cancelPayout(c *call) (any, error) {
	r, err := s.named(c, "payout")
	if err != nil {
		return nil, err
	}
	if r.obj["status"] != "pending" {
		return nil, invalid("", "", "Payouts can only be canceled while they are pending.")
	}
	s.callOff(c, r)
	return r.obj, nil
}

func (s *Server) callOff(c *call, r *record) {
	r.obj["status"] = "canceled"
	r.obj["failure_balance_transaction"] = s.book(r, entry{typ: "payout_cancel", category: "payout_reversal", amount: number(r.obj, "amount")}).id()
	s.emit(c, r.account, "payout.canceled", r.obj)
}

// unsettled are the payouts that are under way, of all accounts.
func (s *Server) unsettled() (payouts []*record) {
	for _, account := range s.accountsWith("payout") {
		for _, r := range s.lists[listKey{account, "payout"}] {
			if isUnderWay(r) {
				payouts = append(payouts, r)
			}
		}
	}
	return payouts
}

func isUnderWay(payout *record) bool {
	return payout.obj["status"] == "pending" || payout.obj["status"] == "in_transit"
}

// SettlePayouts ends the payouts that are under way: they arrive, or, when fail says so, come back
// from the bank. It returns how many there were.
func (s *Server) SettlePayouts(fail bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	waiting := s.unsettled()
	for _, r := range waiting {
		if fail {
			s.bringBack(r)
		} else {
			s.arrive(r)
		}
	}
	return len(waiting)
}

func (s *Server) arrive(r *record) {
	s.update(nil, r, "payout.updated", func(payout object) { payout["status"] = "in_transit" })
	r.obj["status"] = "paid"
	s.emit(nil, r.account, "payout.paid", r.obj)
	if truth(r.obj, "automatic") {
		r.obj["reconciliation_status"] = "completed"
		s.emit(nil, r.account, "payout.reconciliation_completed", r.obj)
	}
}

// bringBack has a payout come back from its bank account, which isn't used any more: payouts are
// off until there is another one.
func (s *Server) bringBack(r *record) {
	r.obj["status"] = "failed"
	r.obj["failure_code"], r.obj["failure_message"] = "account_closed", "The bank account has been closed."
	r.obj["failure_balance_transaction"] = s.book(r, entry{typ: "payout_failure", category: "payout_reversal", amount: number(r.obj, "amount")}).id()
	s.emit(nil, r.account, "payout.failed", r.obj)
	bank := s.records[text(r.obj, "destination")]
	if bank == nil || bank.deleted || bank.obj["status"] == "errored" {
		return
	}
	s.update(nil, bank, "account.external_account.updated", func(bank object) { bank["status"] = "errored" })
	s.showBanks(r.account)
	if s.bankOf(r.account) == bank {
		s.stopPayouts(r.account)
	}
}

// FailPayout has a payout come back from the bank, one that has arrived included.
func (s *Server) FailPayout(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[id]
	if r == nil || r.kind != "payout" || !isUnderWay(r) && r.obj["status"] != "paid" {
		return fmt.Errorf("fail payout %s: no such payout that is under way or paid", id)
	}
	s.bringBack(r)
	return nil
}

// CancelPayout calls a payout off, as somebody does in Stripe's dashboard.
func (s *Server) CancelPayout(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[id]
	if r == nil || r.kind != "payout" || r.obj["status"] != "pending" {
		return fmt.Errorf("cancel payout %s: no such payout that is pending", id)
	}
	s.callOff(nil, r)
	return nil
}
