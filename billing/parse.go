package billing

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/bojanz/currency"
)

// The largest quantity and unit price that can be entered. A line may not come to more than
// MaxMinor whatever they are.
const (
	MaxQuantity  int64 = 999_999_999_999   // thousandths
	MaxUnitPrice int64 = MaxMinor * 10_000 // ten-thousandths of the minor unit, either sign
)

// maxInput is the longest text, in bytes, that is read as a number at all.
const maxInput = 128

// ParseAmount reads an amount that a person typed and returns it in minor units, above zero
// and at most MaxMinor. It takes "1250", "1,234.50", "1.234,50", "1 234,50", "1'234.50" and
// the like, with or without the currency's code or symbol; the locale decides only what is
// ambiguous without it. More decimals than the currency has are refused, never rounded. The
// error is an InputError.
func ParseAmount(s, code, locale string) (int64, error) {
	c, ok := CurrencyOf(code)
	if !ok {
		return 0, errUnknownCurrency
	}
	d, ok := parseDecimal(s, c.Code, locale)
	if !ok {
		return 0, InputError("Enter an amount like " + example(c, locale))
	}
	if len(d.fraction) > c.Digits {
		return 0, c.decimalsError(c.Digits)
	}
	minor, ok := d.scaled(c.Exponent)
	switch {
	case d.negative || ok && minor == 0:
		return 0, errNotAboveZero
	case !ok || minor > MaxMinor:
		return 0, tooMuch(c, locale)
	case minor%c.Step != 0:
		return 0, c.stepError()
	}
	return minor, nil
}

// ParseQuantity reads a quantity and returns it in thousandths: above zero, with at most
// three decimals, and at most MaxQuantity. It takes the same forms as ParseAmount. The error
// is an InputError.
func ParseQuantity(s, locale string) (int64, error) {
	d, ok := parseDecimal(s, "", locale)
	if !ok {
		return 0, InputError("Enter a quantity like " + FormatQuantity(1500, locale))
	}
	if len(d.fraction) > quantityDigits {
		return 0, InputError("At most 3 decimals")
	}
	thousandths, ok := d.scaled(quantityDigits)
	switch {
	case d.negative || ok && thousandths == 0:
		return 0, errQuantity
	case !ok || thousandths > MaxQuantity:
		return 0, InputError("At most " + FormatQuantity(MaxQuantity, locale))
	}
	return thousandths, nil
}

// ParseUnitPrice reads the price of one unit and returns it in ten-thousandths of the minor
// unit, for prices such as 0.0125 a request: with four decimals more than Stripe's minor
// unit has, but at most six (in a three-decimal currency the last can't be charged anyway).
// It may be zero, and negative for a line that is a discount. It takes the same forms as
// ParseAmount. The error is an InputError.
func ParseUnitPrice(s, code, locale string) (int64, error) {
	c, ok := CurrencyOf(code)
	if !ok {
		return 0, errUnknownCurrency
	}
	d, ok := parseDecimal(s, c.Code, locale)
	if !ok {
		return 0, InputError("Enter a price like " + example(c, locale))
	}
	if limit := c.priceDecimals(); len(d.fraction) > limit {
		return 0, c.decimalsError(limit)
	}
	price, ok := d.scaled(c.Exponent + priceDigits)
	if !ok || price > MaxUnitPrice {
		return 0, tooMuch(c, locale)
	}
	if d.negative {
		price = -price
	}
	return price, nil
}

const errQuantity InputError = "Enter a quantity above zero"

// example is an amount of the currency as the locale writes it.
func example(c Currency, locale string) string {
	major := int64(1250)
	for range c.Exponent {
		major *= 10
	}
	return FormatAmount(Money{major, c.Code}, locale)
}

func tooMuch(c Currency, locale string) InputError {
	return InputError("At most " + FormatAmount(Money{MaxMinor - MaxMinor%c.Step, c.Code}, locale))
}

// decimal is a number as it was typed: the digits on either side of the decimal separator.
type decimal struct {
	negative        bool
	whole, fraction string
}

// scaled returns the absolute value times 10^digits, which must be at least the number of
// decimals, or false when it does not fit.
func (d decimal) scaled(digits int) (int64, bool) {
	n, err := strconv.ParseInt(d.whole+d.fraction+strings.Repeat("0", digits-len(d.fraction)), 10, 64)
	return n, err == nil
}

// parseDecimal reads a number in any of the usual notations. The code may be empty; else the
// currency's code or symbol may stand at either end.
func parseDecimal(s, code, locale string) (decimal, bool) {
	if len(s) > maxInput {
		return decimal{}, false
	}
	s, negative := cutMinus(normalize(s))
	if code != "" {
		s = trimCurrency(s, code, locale)
	}
	if !negative {
		s, negative = cutMinus(s)
	}
	point, ok := decimalPoint(s, locale)
	if !ok {
		return decimal{}, false
	}
	whole, fraction := s, ""
	if point >= 0 {
		whole, fraction = s[:point], s[point+1:]
	}
	whole, ok = ungroup(whole)
	if !ok || !onlyDigits(fraction) || whole+fraction == "" {
		return decimal{}, false
	}
	return decimal{negative, whole, fraction}, true
}

// normalize writes what people and locales use for the same thing in one way: digits 0 to 9,
// one kind of space, apostrophe and minus, no invisible marks. The Arabic separators become
// the point and comma in whose roles they stand.
func normalize(s string) string {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\u2019', '\u02bc', '`', '\u00b4':
			return '\''
		case '\u066b':
			return '.'
		case '\u066c':
			return ','
		case '\u2212', '\u2013':
			return '-'
		}
		if isBidiMark(r) {
			return -1
		}
		if unicode.IsSpace(r) {
			return ' '
		}
		// The digits of the numbering systems that locales write: Arabic, Persian, Bengali,
		// Devanagari, Burmese.
		for _, zero := range []rune{'\u0660', '\u06f0', '\u09e6', '\u0966', '\u1040'} {
			if r >= zero && r <= zero+9 {
				return '0' + r - zero
			}
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// isBidiMark reports whether r is one of the invisible marks that set the writing direction.
func isBidiMark(r rune) bool {
	return r == '\u200e' || r == '\u200f' || r == '\u061c'
}

func cutMinus(s string) (string, bool) {
	rest, found := strings.CutPrefix(s, "-")
	return strings.TrimSpace(rest), found
}

// trimCurrency takes the code or the locale's symbol of the currency from either end.
func trimCurrency(s, code, locale string) string {
	if len(s) >= len(code) {
		if strings.EqualFold(s[:len(code)], code) {
			return strings.TrimSpace(s[len(code):])
		}
		if end := len(s) - len(code); strings.EqualFold(s[end:], code) {
			return strings.TrimSpace(s[:end])
		}
	}
	symbol, _ := currency.GetSymbol(strings.ToUpper(code), parseLocale(locale))
	symbol = normalize(symbol)
	if rest, found := strings.CutPrefix(s, symbol); found {
		return strings.TrimSpace(rest)
	}
	return strings.TrimSpace(strings.TrimSuffix(s, symbol))
}

// decimalPoint returns where the decimal separator of a normalized number is, -1 when it has
// none, and false when nobody could tell. Where both point and comma occur, the last is the
// decimal separator; one that occurs twice can only group, and beside spaces or apostrophes
// it can't. A lone one is what the locale says it is, but can only group where it leaves
// groups of the right length ("1,50" is one and a half in English too).
func decimalPoint(s, locale string) (int, bool) {
	last := strings.LastIndexAny(s, ".,")
	if last < 0 {
		return -1, true
	}
	separator, others := s[last], " ',"
	if separator == ',' {
		others = " '."
	}
	if strings.ContainsAny(s, others) {
		return last, true
	}
	if strings.Count(s, s[last:last+1]) > 1 {
		return -1, true
	}
	point, group := separators(locale)
	_, groups := ungroup(s)
	switch {
	case separator == point || !groups:
		return last, true
	case separator == group:
		return -1, true
	}
	return 0, false // such as "1.234" in French, which uses the point for neither
}

// separators returns what the locale writes before the decimals and between the groups,
// normalized, as seen on a number that has both.
func separators(locale string) (point, group byte) {
	sample := normalize(formatNumber(12_345_675, 1, 0, locale)) // 1,234,567.5
	sample = strings.Trim(sample, "0123456789")
	return sample[len(sample)-1], sample[0]
}

// ungroup takes the separators out of a whole number: groups of three, or in the Indian way
// of two before the last three, all by the same separator. It returns false for anything else.
func ungroup(s string) (string, bool) {
	if onlyDigits(s) {
		return s, true
	}
	i := strings.IndexAny(s, ".,' ")
	if i < 0 {
		return "", false
	}
	groups := strings.Split(s, s[i:i+1])
	first, middle, last := groups[0], groups[1:len(groups)-1], groups[len(groups)-1]
	size := 3
	if len(middle) > 0 && len(middle[0]) == 2 {
		size = 2
	}
	if len(first) < 1 || len(first) > size || first[0] == '0' || len(last) != 3 {
		return "", false
	}
	for _, g := range middle {
		if len(g) != size {
			return "", false
		}
	}
	all := strings.Join(groups, "")
	return all, onlyDigits(all)
}

func onlyDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}
