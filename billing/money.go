// Package billing is the rules, in plain Go: money, lines, dates, numbers, and what the facts
// that Stripe told add up to. No I/O, no clock, no database.
package billing

import (
	"errors"
	"fmt"
	"math"
)

// MaxMinor is the largest amount, in minor units, that a person may enter and that a line or
// an invoice may come to. It is far above what Stripe takes in one payment, and so far below
// the end of int64 that a hundred lines, or a hundred thousand invoices, can be summed.
const MaxMinor int64 = 99_999_999_999_999

var (
	// ErrOverflow is returned when a result is beyond what an amount may be.
	ErrOverflow = errors.New("amount too large")
	// ErrCurrencyMismatch is returned when two amounts in different currencies meet.
	ErrCurrencyMismatch = errors.New("amounts in different currencies")
)

// Money is an amount in one currency.
type Money struct {
	Minor    int64  // in Stripe's units: cents for eur, yen for jpy, hundredths of a króna for isk
	Currency string // ISO 4217 code in lower case, as Stripe writes it
}

// Add returns m + o, or ErrCurrencyMismatch or ErrOverflow.
func (m Money) Add(o Money) (Money, error) {
	if m.Currency != o.Currency {
		return Money{}, fmt.Errorf("add %s to %s: %w", o.Currency, m.Currency, ErrCurrencyMismatch)
	}
	if (o.Minor > 0 && m.Minor > math.MaxInt64-o.Minor) || (o.Minor < 0 && m.Minor < math.MinInt64-o.Minor) {
		return Money{}, fmt.Errorf("add %d to %d %s: %w", o.Minor, m.Minor, m.Currency, ErrOverflow)
	}
	return Money{m.Minor + o.Minor, m.Currency}, nil
}

// Sub returns m - o, or ErrCurrencyMismatch or ErrOverflow.
func (m Money) Sub(o Money) (Money, error) {
	if m.Currency != o.Currency {
		return Money{}, fmt.Errorf("subtract %s from %s: %w", o.Currency, m.Currency, ErrCurrencyMismatch)
	}
	if (o.Minor < 0 && m.Minor > math.MaxInt64+o.Minor) || (o.Minor > 0 && m.Minor < math.MinInt64+o.Minor) {
		return Money{}, fmt.Errorf("subtract %d from %d %s: %w", o.Minor, m.Minor, m.Currency, ErrOverflow)
	}
	return Money{m.Minor - o.Minor, m.Currency}, nil
}

// CheckCharge says whether Stripe can be asked to take m in one card payment: above zero, in
// a currency and a step that Stripe takes, and between its smallest and largest payment as
// far as these are known. Stripe applies the smallest one after converting to the currency
// of the account's bank, so its own answer may still be no. The error is an InputError.
func CheckCharge(m Money) error {
	c, ok := CurrencyOf(m.Currency)
	switch {
	case !ok:
		return errUnknownCurrency
	case m.Minor <= 0:
		return errNotAboveZero
	case m.Minor%c.Step != 0:
		return c.stepError()
	case m.Minor < c.Minimum:
		least := FormatMoney(Money{c.Minimum, c.Code}, "en")
		return InputError("At least " + least + ", which is the smallest card payment")
	case c.Maximum > 0 && m.Minor > c.Maximum:
		most := FormatMoney(Money{c.Maximum - c.Maximum%c.Step, c.Code}, "en")
		return InputError("At most " + most + ", which is the largest card payment")
	}
	return nil
}
