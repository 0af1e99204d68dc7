package sandbox

import "time"

// fundsWait is how long the money of a card is pending before it can be paid out.
const fundsWait = 2 * 24 * time.Hour

// stripeFee is what the demo's Stripe keeps of a charge: 2.9 % and 30 minor units.
func stripeFee(amount int64) int64 { return (amount*29+500)/1000 + 30 }

// entry is a movement of an account's money to book, in minor units, signed as the account sees
// it. The fee is what Stripe keeps besides; negative when it gives a fee back.
type entry struct {
	typ, category string // Stripe's type and reporting_category
	amount, fee   int64
	feeFor        string        // what the fee is for, in Stripe's words
	wait          time.Duration // until the money is available
}

// funds are what an account has in one currency, in minor units.
type funds struct{ available, pending int64 }

// book records a movement of money for an object, and returns it.
func (s *Server) book(source *record, e entry) *record {
	txn := s.newTransaction(text(source.obj, "currency"), e)
	txn["source"] = source.id()
	return s.keepTransaction(source.account, txn)
}

func (s *Server) newTransaction(currency string, e entry) object {
	now := s.unix()
	txn := blank("balance_transaction")
	txn["id"] = s.newID("txn_3", 23)
	txn["amount"], txn["fee"], txn["net"] = e.amount, e.fee, e.amount-e.fee
	txn["currency"] = currency
	txn["created"], txn["available_on"] = now, now+int64(e.wait.Seconds())
	txn["type"], txn["reporting_category"] = e.typ, e.category
	txn["status"] = "available"
	if e.wait > 0 {
		txn["status"] = "pending"
	}
	if e.fee != 0 {
		txn["fee_details"] = []any{object{
			"amount": e.fee, "application": nil, "currency": currency, "description": e.feeFor, "type": "stripe_fee",
		}}
	}
	return txn
}

func (s *Server) keepTransaction(account string, txn object) *record {
	r := s.add("balance_transaction", account, txn)
	s.count(r)
	s.setAlarm(r)
	return r
}

// count adds a movement to what its account has.
func (s *Server) count(txn *record) {
	f := s.fundsOf(txn.account, text(txn.obj, "currency"))
	if txn.obj["status"] == "pending" {
		f.pending += number(txn.obj, "net")
	} else {
		f.available += number(txn.obj, "net")
	}
}

// release makes pending money available.
func (s *Server) release(txn *record) {
	txn.obj["status"] = "available"
	f := s.fundsOf(txn.account, text(txn.obj, "currency"))
	f.pending -= number(txn.obj, "net")
	f.available += number(txn.obj, "net")
}

func (s *Server) fundsOf(account, currency string) *funds {
	of := s.funds[account]
	if of == nil {
		of = map[string]*funds{}
		s.funds[account] = of
	}
	if of[currency] == nil {
		of[currency] = &funds{}
	}
	return of[currency]
}

func (s *Server) getBalance(c *call) (any, error) { return s.balance(c.account), nil }

// balance is an account's balance by currency; one that never had any has 0 in its own currency.
func (s *Server) balance(account string) object {
	s.fundsOf(account, text(s.home(account).obj, "default_currency"))
	balance := blank("balance")
	available, pending := []any{}, []any{}
	sum := func(amount int64, currency string) object {
		return object{"amount": amount, "currency": currency, "source_types": object{"card": amount}}
	}
	for _, currency := range sorted(s.funds[account]) {
		f := s.fundsOf(account, currency)
		available, pending = append(available, sum(f.available, currency)), append(pending, sum(f.pending, currency))
	}
	balance["available"], balance["pending"] = available, pending
	return balance
}

// listTransactions lists movements; with payout those that an automatic payout paid out, itself
// included.
func (s *Server) listTransactions(c *call) (any, error) {
	if id := text(c.in, "payout"); id != "" {
		switch payout := s.find(c.account, "payout", id); {
		case payout == nil:
			return nil, missing(400, "payout", "payout", id)
		case !truth(payout.obj, "automatic"):
			return nil, invalid("", "payout", "Balance transaction history can only be filtered on automatic transfers, not manual.")
		}
	}
	return s.list(c, "balance_transaction", func(r *record) bool {
		return matches(r.obj, c.in, "currency", "source", "type")
	})
}
