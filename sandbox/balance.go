package sandbox

// stripeFee is what the demo's Stripe keeps of a charge: 2.9 % and 30 minor units.
func stripeFee(amount int64) int64 { return (amount*29+500)/1000 + 30 }

// book records a movement of money of an account, and returns its id.
func (s *Server) book(source *record, typ string, amount, fee int64) string {
	entry := blank("balance_transaction")
	entry["id"] = s.newID("txn_3", 23)
	entry["amount"], entry["fee"], entry["net"] = amount, fee, amount-fee
	entry["currency"] = source.obj["currency"]
	entry["created"], entry["available_on"] = s.unix(), s.unix()
	entry["source"] = source.id()
	entry["type"], entry["reporting_category"] = typ, typ
	entry["status"] = "available"
	if fee != 0 {
		entry["fee_details"] = []any{object{
			"amount": fee, "application": nil, "currency": source.obj["currency"], "description": "Stripe processing fees", "type": "stripe_fee",
		}}
	}
	s.add("balance_transaction", source.account, entry)
	return text(entry, "id")
}

func (s *Server) getBalance(c *call) (any, error) { return s.balance(c.account), nil }

func (s *Server) balance(account string) object {
	balance := blank("balance")
	sums := s.balances(account)
	available, pending := []any{}, []any{}
	for _, currency := range sorted(sums) {
		sum := number(sums, currency)
		available = append(available, object{"amount": sum, "currency": currency, "source_types": object{"card": sum}})
		pending = append(pending, object{"amount": int64(0), "currency": currency, "source_types": object{"card": int64(0)}})
	}
	balance["available"], balance["pending"] = available, pending
	return balance
}

// balances sums an account's movements by currency, in minor units. An account without any
// has 0 in its own currency.
func (s *Server) balances(account string) object {
	home := s.records[s.platform]
	if account != "" {
		home = s.records[account]
	}
	sums := object{text(home.obj, "default_currency"): int64(0)}
	for _, r := range s.lists[listKey{account, "balance_transaction"}] {
		currency := text(r.obj, "currency")
		sums[currency] = number(sums, currency) + number(r.obj, "net")
	}
	return sums
}
