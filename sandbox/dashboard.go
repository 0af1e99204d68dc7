package sandbox

import (
	"cmp"
	"errors"
	"fmt"
)

// What happens on an account without anybody having asked for it through the API: payments and
// refunds made in Stripe's dashboard, and what Stripe books by itself.

// PayInDashboard has somebody charge a card in Stripe's dashboard: a payment that no link and no
// session leads to. An empty account is the platform's own, the amount is in minor units, and the
// number is that of a test card; empty is one that succeeds. It returns the charge's id.
func (s *Server) PayInDashboard(account, number, currency string, amount int64, description string) (charge string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	fail := func(err error) (string, error) { return "", fmt.Errorf("pay in the dashboard: %w", err) }
	account, err = s.within(account)
	if err != nil {
		return fail(err)
	}
	if !s.canCharge(account) {
		return fail(errors.New("the account can't be paid"))
	}
	if currency, err = checkCurrency(currency); err != nil {
		return fail(err)
	}
	if err := errors.Join(checkAmount(amount, currency, "amount"), checkMinimum(amount, currency, "amount")); err != nil {
		return fail(err)
	}
	m, hint := methodOf(cmp.Or(number, methods[0].number), card)
	switch {
	case hint != "":
		return fail(errors.New(hint))
	case m.mistyped || m.challenge:
		return fail(errors.New("that card needs its owner"))
	}
	fields := s.blankIntent(amount, currency)
	fields["description"] = nullable(description)
	fields["payment_method_types"] = []any{card}
	fields["payment_method"] = s.newID("pm_1", 23)
	intent := s.add("payment_intent", account, fields)
	s.emit(nil, account, "payment_intent.created", fields)
	if m.decline != nil {
		return s.refuseCard(intent, nil, m).id(), nil
	}
	r := s.newCharge(intent, nil, m, "succeeded")
	s.capture(r)
	s.emit(nil, account, "charge.succeeded", r.obj)
	s.succeed(intent)
	s.emit(nil, account, "payment_intent.succeeded", intent.obj)
	s.afterwards(r, m)
	return r.id(), nil
}

// Adjust has Stripe book money to or from an account by itself, in minor units of a currency. No
// event tells of it. It returns the balance transaction's id.
func (s *Server) Adjust(account, currency string, amount int64, description string) (transaction string, err error) {
	return s.bookAlone(account, currency, description, entry{typ: "adjustment", category: "other_adjustment", amount: amount})
}

// TakeFee has Stripe take a fee that belongs to no payment, such as one for a month, in minor units of
// a currency. No event tells of it. It returns the balance transaction's id.
func (s *Server) TakeFee(account, currency string, amount int64, description string) (transaction string, err error) {
	return s.bookAlone(account, currency, description, entry{typ: "stripe_fee", category: "fee", amount: -amount})
}

// bookAlone books what has no source.
func (s *Server) bookAlone(account, currency, description string, e entry) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	account, err := s.within(account)
	if err != nil {
		return "", fmt.Errorf("book: %w", err)
	}
	if currency, err = checkCurrency(currency); err != nil {
		return "", fmt.Errorf("book: %w", err)
	}
	txn := s.newTransaction(currency, e)
	txn["description"] = nullable(description)
	return s.keepTransaction(account, txn).id(), nil
}
