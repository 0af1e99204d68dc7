package billing

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// An amount in a list has to be written as it is everywhere else.
func TestAmountsAreThoseOfFormatAmount(t *testing.T) {
	t.Parallel()
	var amounts Amounts
	check := func(t interface{ Errorf(string, ...any) }, n int64, code, locale string) {
		m := Money{Minor: n, Currency: code}
		if got, want := amounts.Format(m, locale), FormatAmount(m, locale); got != want {
			t.Errorf("%d %s in %q: %q, not %q", n, code, locale, got, want)
		}
	}
	locales := []string{"en", "en-GB", "en-IN", "de", "de-AT", "de-CH", "fr", "es", "pl", "sv", "nl", "pt-BR", "it", "ja", "ar", "ar-EG", "fa", "he", "hi", "bn", "mr", "ne", "my", "xx", "", "no such"}
	codes := []string{"eur", "usd", "jpy", "isk", "ugx", "bhd", "kwd", "mga", "clp", "huf", "twd", "xxx"}
	for _, locale := range locales {
		for _, code := range codes {
			for _, n := range []int64{0, 1, -1, 5, 10, 99, 100, 999, 1000, 12345, 99999, 100000, 123456, 1234567, -12345678, 123456789012, math.MaxInt64, math.MinInt64} {
				check(t, n, code, locale)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, rapid.Int64().Draw(t, "n"), rapid.SampledFrom(codes).Draw(t, "currency"), rapid.SampledFrom(locales).Draw(t, "locale"))
	})
}
