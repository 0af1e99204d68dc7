package billing

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"
)

// Limits of an invoice.
const (
	MaxLines       = 100
	MaxDescription = 500 // characters
)

// Line is one line of an invoice. A negative unit price makes it a discount.
type Line struct {
	Description string
	Quantity    int64 // in thousandths
	UnitPrice   int64 // in ten-thousandths of the currency's minor unit
}

// Totals are the sums of an invoice in minor units:
// Total = Subtotal - Discount + Tax, where Subtotal is the sum of the lines' amounts.
type Totals struct {
	Subtotal, Discount, Tax, Total int64
}

// errNegativeTotal is what a person reads when discounts exceed the rest.
const errNegativeTotal InputError = "The total can't be below zero"

// Amount is quantity times unit price in minor units, rounded once, half away from zero, to
// the currency's step. It returns ErrOverflow beyond MaxMinor either way.
func (l Line) Amount(c Currency) (int64, error) {
	product := new(big.Int).Mul(big.NewInt(l.Quantity), big.NewInt(l.UnitPrice))
	// The product is in 10^-3 times 10^-4 of the minor unit.
	unit := new(big.Int).Mul(big.NewInt(10_000_000), big.NewInt(c.Step))
	steps := divideHalfAwayFromZero(product, unit)
	minor := steps.Mul(steps, big.NewInt(c.Step))
	if minor.CmpAbs(big.NewInt(MaxMinor)) > 0 {
		return 0, fmt.Errorf("line amount %s %s: %w", minor, c.Code, ErrOverflow)
	}
	return minor.Int64(), nil
}

// divideHalfAwayFromZero returns n / d for d > 0, rounded to the nearest whole number, and
// from the middle between two away from zero, as commerce does.
func divideHalfAwayFromZero(n, d *big.Int) *big.Int {
	half := new(big.Int).Rsh(d, 1) // d is even
	q := new(big.Int).Abs(n)
	q.Add(q, half).Quo(q, d)
	if n.Sign() < 0 {
		q.Neg(q)
	}
	return q
}

// Total sums the lines of an invoice in one currency. It returns an InputError for a
// currency that Stripe does not take and for a total below zero, and ErrOverflow when a line
// or the total is beyond MaxMinor.
func Total(lines []Line, code string) (Totals, error) {
	c, ok := CurrencyOf(code)
	if !ok {
		return Totals{}, errUnknownCurrency
	}
	sum := Money{Currency: c.Code}
	for i, l := range lines {
		amount, err := l.Amount(c)
		if err != nil {
			return Totals{}, fmt.Errorf("total of line %d: %w", i, err)
		}
		if sum, err = sum.Add(Money{amount, c.Code}); err != nil {
			return Totals{}, fmt.Errorf("total of line %d: %w", i, err)
		}
	}
	switch {
	case sum.Minor < 0:
		return Totals{}, errNegativeTotal
	case sum.Minor > MaxMinor:
		return Totals{}, fmt.Errorf("total %d %s: %w", sum.Minor, c.Code, ErrOverflow)
	}
	return Totals{Subtotal: sum.Minor, Total: sum.Minor}, nil
}

// CheckLines returns all that is wrong with the lines of an invoice. The keys are
// "currency", "lines", "total", and "line[0].description", ".quantity" and ".unit_price",
// counted from zero. Lines without errors have totals.
func CheckLines(lines []Line, code string) FieldErrors {
	errs := FieldErrors{}
	c, ok := CurrencyOf(code)
	if !ok {
		errs.Add("currency", string(errUnknownCurrency))
		return errs
	}
	if len(lines) == 0 {
		errs.Add("lines", "Add at least one line")
	}
	if len(lines) > MaxLines {
		errs.Add("lines", fmt.Sprintf("At most %d lines", MaxLines))
		return errs
	}
	for i, l := range lines {
		l.check(errs, fmt.Sprintf("line[%d].", i), c)
	}
	if len(errs) > 0 {
		return errs
	}
	if _, err := Total(lines, code); errors.Is(err, errNegativeTotal) {
		errs.Add("total", string(errNegativeTotal))
	} else if err != nil {
		errs.Add("total", string(tooMuch(c, "en")))
	}
	return errs
}

// check adds what is wrong with one line, under keys that start with prefix.
func (l Line) check(errs FieldErrors, prefix string, c Currency) {
	switch {
	case strings.TrimSpace(l.Description) == "":
		errs.Add(prefix+"description", "Say what this line is for")
	case !utf8.ValidString(l.Description):
		errs.Add(prefix+"description", "Some characters can't be read, please type them again")
	default:
		errs.CheckLength(prefix+"description", l.Description, MaxDescription)
	}
	if l.Quantity <= 0 {
		errs.Add(prefix+"quantity", string(errQuantity))
	}
	if l.Quantity > MaxQuantity {
		errs.Add(prefix+"quantity", "At most "+FormatQuantity(MaxQuantity, "en"))
	}
	if l.UnitPrice > MaxUnitPrice || l.UnitPrice < -MaxUnitPrice {
		errs.Add(prefix+"unit_price", string(tooMuch(c, "en")))
	}
	if c.Exponent+priceDigits > maxDecimals && l.UnitPrice%10 != 0 {
		errs.Add(prefix+"unit_price", string(c.decimalsError(c.priceDecimals())))
	}
	if _, err := l.Amount(c); err != nil {
		errs.Add(prefix+"unit_price", string(tooMuch(c, "en"))+" for one line")
	}
}
