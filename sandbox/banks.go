package sandbox

import (
	"fmt"
	"slices"
)

// newBank gives an account a bank account to be paid out to, in the place of the one that it had.
func (s *Server) newBank(account string) *record {
	home := s.home(account).obj
	bank := blank("bank_account")
	bank["id"] = s.newID("ba_1", 23)
	bank["account"] = home["id"]
	bank["account_holder_type"], bank["account_holder_name"] = "company", child(home, "business_profile")["name"]
	bank["bank_name"], bank["routing_number"], bank["last4"] = "STRIPE TEST BANK", "110000000", "6789"
	bank["country"], bank["currency"] = home["country"], home["default_currency"]
	bank["default_for_currency"] = true
	bank["fingerprint"] = "sandbox6789"
	bank["available_payout_methods"] = []any{"standard"}
	bank["metadata"] = object{}
	bank["status"] = "new"
	if before := s.bankOf(account); before != nil {
		before.obj["default_for_currency"] = false
	}
	r := s.add("bank_account", account, bank)
	s.showBanks(account)
	return r
}

// bankOf is the bank account that an account is paid out to, or nil.
func (s *Server) bankOf(account string) *record {
	for _, r := range slices.Backward(s.lists[listKey{account, "bank_account"}]) {
		if !r.deleted {
			return r
		}
	}
	return nil
}

// showBanks shows an account's bank accounts on the account.
func (s *Server) showBanks(account string) {
	all := []any{}
	for _, r := range slices.Backward(s.lists[listKey{account, "bank_account"}]) {
		if !r.deleted {
			all = append(all, clone(r.obj))
		}
	}
	child(s.home(account).obj, "external_accounts")["data"] = all
}

// stopPayouts has an account wait for another bank account.
func (s *Server) stopPayouts(account string) {
	s.update(nil, s.home(account), "account.updated", func(home object) {
		home["payouts_enabled"] = false
		home["requirements"] = requirements("", "external_account")
	})
}

func (s *Server) listBanks(c *call) (any, error) {
	r, err := s.accountNamed(c)
	if err != nil {
		return nil, err
	}
	return child(r.obj, "external_accounts"), nil
}

// AddBank gives an account another bank account, as its owner does on Stripe's pages. If its
// payouts waited for one they are on again. It returns the bank account's id.
func (s *Server) AddBank(account string) (id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	account, err = s.within(account)
	if err != nil {
		return "", fmt.Errorf("add a bank account: %w", err)
	}
	bank := s.newBank(account)
	s.emit(nil, account, "account.external_account.created", bank.obj)
	home := s.home(account)
	if slices.Contains(children(child(home.obj, "requirements"), "currently_due"), any("external_account")) && truth(home.obj, "details_submitted") {
		s.update(nil, home, "account.updated", func(home object) {
			home["payouts_enabled"] = true
			home["requirements"] = requirements("")
		})
	}
	return bank.id(), nil
}

// ChangeBank changes the holder's name of a bank account.
func (s *Server) ChangeBank(id, holder string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	bank, err := s.bank(id)
	if err != nil {
		return err
	}
	s.update(nil, bank, "account.external_account.updated", func(bank object) { bank["account_holder_name"] = holder })
	s.showBanks(bank.account)
	return nil
}

// RemoveBank takes a bank account away. Without another one the account can't be paid out.
func (s *Server) RemoveBank(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	bank, err := s.bank(id)
	if err != nil {
		return err
	}
	bank.deleted = true
	s.showBanks(bank.account)
	s.emit(nil, bank.account, "account.external_account.deleted", bank.obj)
	if s.bankOf(bank.account) == nil {
		s.stopPayouts(bank.account)
	}
	return nil
}

func (s *Server) bank(id string) (*record, error) {
	r := s.records[id]
	if r == nil || r.kind != "bank_account" || r.deleted {
		return nil, fmt.Errorf("%s: no such bank account", id)
	}
	return r, nil
}
