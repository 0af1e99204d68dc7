package billing

import (
	"strconv"
	"strings"

	"github.com/bojanz/currency"
)

// Scales of what is stored in whole numbers.
const (
	quantityDigits = 3 // a quantity is stored in thousandths
	priceDigits    = 4 // a unit price is stored in ten-thousandths of the minor unit
	maxDecimals    = 6 // a number is never entered or shown with more
)

// minus is the sign that people read; fields get the hyphen that they can type.
const minus = "\u2212"

// FormatMoney writes an amount with its currency as the locale does: €2,940.00 in "en",
// 2.940,00 € in "de". The decimals are those of our own table, never fewer than the amount
// needs. An unknown locale is read as "en"; an unknown currency is taken to have two
// decimals and shown by its code.
func FormatMoney(m Money, locale string) string {
	c := currencyForDisplay(m.Currency)
	l := parseLocale(locale)
	symbol, _ := currency.GetSymbol(strings.ToUpper(c.Code), l)
	f := newFormatter(l, c.Exponent, c.Digits)
	f.CurrencyDisplay = currency.DisplaySymbol
	f.SymbolMap[carrier] = symbol
	return strings.ReplaceAll(format(f, m.Minor, c.Exponent), "-", minus)
}

// FormatAmount writes an amount without its currency, for columns that have the code beside
// the number: 2,940.00.
func FormatAmount(m Money, locale string) string {
	c := currencyForDisplay(m.Currency)
	return formatNumber(m.Minor, c.Exponent, c.Digits, locale)
}

// FormatQuantity writes a quantity of thousandths with as many decimals as it needs: 1.5.
func FormatQuantity(thousandths int64, locale string) string {
	return formatNumber(thousandths, quantityDigits, 0, locale)
}

// FormatUnitPrice writes a unit price of ten-thousandths of the minor unit, without its
// currency, with the decimals of the currency and more where the price has them: 0.0125.
func FormatUnitPrice(price int64, code, locale string) string {
	c := currencyForDisplay(code)
	return formatNumber(price, c.Exponent+priceDigits, c.Digits, locale)
}

// InputAmount writes an amount for a text field; ParseAmount reads it back exactly.
func InputAmount(m Money, locale string) string {
	c := currencyForDisplay(m.Currency)
	return formatInput(m.Minor, c.Exponent, c.Digits, locale)
}

// InputQuantity writes a quantity for a text field; ParseQuantity reads it back exactly.
func InputQuantity(thousandths int64, locale string) string {
	return formatInput(thousandths, quantityDigits, 0, locale)
}

// InputUnitPrice writes a unit price for a text field; ParseUnitPrice reads it back exactly.
func InputUnitPrice(price int64, code, locale string) string {
	c := currencyForDisplay(code)
	return formatInput(price, c.Exponent+priceDigits, c.Digits, locale)
}

// currencyForDisplay returns the currency, or a guess for a code that is not in the table:
// what Stripe reports has to be shown even then.
func currencyForDisplay(code string) Currency {
	if c, ok := CurrencyOf(code); ok {
		return c
	}
	return Currency{Code: code, Exponent: 2, Digits: 2, Step: 1}
}

// carrier is the code under which every number goes through the library, which knows fewer
// currencies than Stripe. Decimals and symbol are always set by us.
const carrier = "USD"

// parseLocale never returns a locale without language, for which the library writes nothing.
func parseLocale(locale string) currency.Locale {
	l := currency.NewLocale(locale)
	if l.Language == "" {
		return currency.Locale{Language: "en"}
	}
	return l
}

// newFormatter writes bare numbers of the given scale, with at least digits decimals.
//
// The most decimals have to be those of the scale, since the library writes NaN when it is
// to add more than fit its precision, and below seven, from where it writes 1E-7.
func newFormatter(l currency.Locale, scale, digits int) *currency.Formatter {
	f := currency.NewFormatter(l)
	f.CurrencyDisplay = currency.DisplayNone
	f.MinDigits = uint8(digits)
	f.MaxDigits = uint8(min(scale, maxDecimals))
	return f
}

func formatNumber(n int64, scale, digits int, locale string) string {
	f := newFormatter(parseLocale(locale), scale, digits)
	return strings.ReplaceAll(format(f, n, scale), "-", minus)
}

// formatInput leaves out grouping, which is in the way when one edits a number, and the
// invisible marks of right-to-left locales.
func formatInput(n int64, scale, digits int, locale string) string {
	f := newFormatter(parseLocale(locale), scale, digits)
	f.NoGrouping = true
	s := strings.ReplaceAll(format(f, n, scale), minus, "-")
	return strings.Map(func(r rune) rune {
		if isBidiMark(r) {
			return -1
		}
		return r
	}, s)
}

func format(f *currency.Formatter, n int64, scale int) string {
	amount, _ := currency.NewAmount(decimalString(n, scale), carrier) // always a number and a known code
	return f.Format(amount)
}

// decimalString writes n / 10^scale exactly: 294050 with scale 2 is 2940.50.
func decimalString(n int64, scale int) string {
	digits, negative := strings.CutPrefix(strconv.FormatInt(n, 10), "-")
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	s := digits
	if scale > 0 {
		point := len(digits) - scale
		s = digits[:point] + "." + digits[point:]
	}
	if negative {
		s = "-" + s
	}
	return s
}
