package billing

import (
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// Amounts writes amounts as FormatAmount does, for lists, in a fifth of the time. The library
// writes one amount of each length; the others have the same marks around other digits. The zero
// value is ready to use, from many goroutines.
type Amounts struct {
	mu sync.RWMutex
	m  map[amountForm]string
}

// amountForm is all that decides where the marks of an amount stand.
type amountForm struct {
	locale   string
	exponent int
	length   int // in digits
	negative bool
}

// maxForms bounds the memory: a locale has a few dozen.
const maxForms = 10_000

// Format writes an amount without its currency, as FormatAmount does.
func (a *Amounts) Format(m Money, locale string) string {
	c := currencyForDisplay(m.Currency)
	if c.Exponent != c.Digits {
		return FormatAmount(m, locale) // it is shorter when it ends in zeros
	}
	digits, negative := strings.CutPrefix(strconv.FormatInt(m.Minor, 10), "-")
	if missing := c.Exponent + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	form := amountForm{locale, c.Exponent, len(digits), negative}
	sample, ok := a.sample(form, c)
	if !ok {
		return FormatAmount(m, locale)
	}
	next := 0
	return strings.Map(func(r rune) rune {
		if !unicode.IsDigit(r) {
			return r
		}
		next++
		return r - 1 + rune(digits[next-1]-'0') // the sample's digits are all 1
	}, sample)
}

// sample is the amount of a form whose digits are all 1. There is none of one that is too long.
func (a *Amounts) sample(form amountForm, c Currency) (string, bool) {
	a.mu.RLock()
	sample, ok := a.m[form]
	a.mu.RUnlock()
	if ok {
		return sample, true
	}
	ones := strings.Repeat("1", form.length)
	if form.negative {
		ones = "-" + ones
	}
	n, err := strconv.ParseInt(ones, 10, 64)
	if err != nil {
		return "", false
	}
	sample = formatNumber(n, c.Exponent, c.Digits, form.locale)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.m == nil || len(a.m) >= maxForms {
		a.m = map[amountForm]string{}
	}
	a.m[form] = sample
	return sample, true
}
