package billing

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// testLocales has at least one of each way to write a number: separators, order, grouping by
// two, grouping only from five digits on, other digits, invisible marks, and none at all.
var testLocales = []string{
	"en", "en-GB", "en-IN", "en-ZA", "de", "de-AT", "de-CH", "fr", "fr-CH", "es", "es-AR", "es-MX", "pt-BR", "pt-PT",
	"it", "nl", "sv", "nb", "fi", "pl", "cs", "hu", "bg", "el", "tr", "ja", "zh", "ko", "he", "ar", "ar-EG", "ar-AE",
	"fa", "hi", "bn", "ne", "my", "ur", "th", "", "xx", "de_DE", "nonsense", "-DE",
}

func TestParseAmount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, currency, locale string
		want                 int64
	}{
		{"1250", "eur", "en", 125_000},
		{"1,234.50", "eur", "en", 123_450},
		{"1.234,50", "eur", "en", 123_450},
		{"1,234.50", "eur", "de", 123_450},
		{"1.234,50", "eur", "de", 123_450},
		{"1 234,50", "eur", "fr", 123_450},
		{"1\u202f234,50", "eur", "fr", 123_450},
		{"1\u00a0234,50", "eur", "en", 123_450},
		{"1'234.50", "chf", "de-CH", 123_450},
		{"1’234.50", "chf", "en", 123_450},
		{"12,34,567.89", "inr", "en-IN", 123_456_789},
		{"1,234,567", "eur", "en", 123_456_700},
		{"1,234,567", "eur", "de", 123_456_700},
		{"1.234.567", "eur", "en", 123_456_700},
		// One lone separator: what the locale groups by groups, if it leaves three digits.
		{"1,234", "eur", "en", 123_400},
		{"1.234", "eur", "de", 123_400},
		{"1,23", "eur", "en", 123},
		{"1.23", "eur", "de", 123},
		{"1234.5", "eur", "de", 123_450},
		{"0.50", "eur", "de", 50},
		{"1,234", "kwd", "en", 1_234_000},
		{"1,230", "kwd", "de", 1_230},
		{"1.230", "kwd", "en", 1_230},
		{".5", "eur", "en", 50},
		{"5.", "eur", "en", 500},
		{" 12 ", "eur", "en", 1_200},
		{"007", "eur", "en", 700},
		// Currency beside it.
		{"€1,234.50", "eur", "en", 123_450},
		{"1.234,50 €", "eur", "de", 123_450},
		{"1.234,50 eur", "eur", "de", 123_450},
		{"EUR 5", "eur", "en", 500},
		{"S/\u00a012.50", "pen", "es-PE", 1_250},
		// Stripe's units.
		{"5", "isk", "en", 500},
		{"5", "ugx", "en", 500},
		{"5", "jpy", "en", 5},
		{"5", "mga", "en", 5},
		{"5", "huf", "en", 500},
		{"5", "twd", "en", 500},
		{"5", "kwd", "en", 5_000},
		{"١٬٢٣٤٫٥٠", "egp", "ar-EG", 123_450},
		{"999,999,999,999.99", "eur", "en", MaxMinor},
	} {
		t.Run(tt.in+" "+tt.currency+" "+tt.locale, func(t *testing.T) {
			t.Parallel()
			got, err := ParseAmount(tt.in, tt.currency, tt.locale)
			if err != nil || got != tt.want {
				t.Errorf("got %d, %v; want %d", got, err, tt.want)
			}
		})
	}
}

// Attack G11.
func TestParseAmountRefuses(t *testing.T) {
	t.Parallel()
	const like = "Enter an amount like 1,250.00"
	for _, tt := range []struct {
		in, currency, locale string
		want                 string
	}{
		{"", "eur", "en", like},
		{" ", "eur", "en", like},
		{".", "eur", "en", like},
		{"€", "eur", "en", like},
		{"-", "eur", "en", like},
		{"abc", "eur", "en", like},
		{"NaN", "eur", "en", like},
		{"Inf", "eur", "en", like},
		{"1e5", "eur", "en", like},
		{"1e309", "eur", "en", like},
		{"0x10", "eur", "en", like},
		{"1_000", "eur", "en", like},
		{"+5", "eur", "en", like},
		{"--5", "eur", "en", like},
		{"5-", "eur", "en", like},
		{"(5)", "eur", "en", like},
		{"5 USD", "eur", "en", like},
		{"1,2,3", "eur", "en", like},
		{"1,2345,678", "eur", "en", like},
		{"12 34", "eur", "en", like},
		{"1234,567.00", "eur", "en", like},
		{"0,123.00", "eur", "en", like},
		{"1 234'567", "eur", "en", like},
		{"1.234,567.89", "eur", "en", like},
		{"1,234.567,89", "eur", "en", like},
		{"1.5.", "eur", "en", like},
		{"1..5", "eur", "en", like},
		{"5\x00", "eur", "en", like},
		{"5\xff", "eur", "en", like},
		{"５", "eur", "en", like},
		{strings.Repeat("9", 129), "eur", "en", like},
		{"x", "eur", "de", "Enter an amount like 1.250,00"},
		{"x", "jpy", "en", "Enter an amount like 1,250"},
		{"1.234", "eur", "fr", "Enter an amount like 1\u202f250,00"},
		{"1,234", "chf", "de-CH", "Enter an amount like 1'250.00"},
		{"1.234", "eur", "en", "At most 2 decimals in EUR"},
		{"1.000", "eur", "en", "At most 2 decimals in EUR"},
		{"0.12345678901234567890", "eur", "en", "At most 2 decimals in EUR"},
		{"1.5", "jpy", "en", "No decimals in JPY"},
		{"1.5", "isk", "en", "No decimals in ISK"},
		{"1.00", "isk", "en", "No decimals in ISK"},
		{"1.5", "ugx", "en", "No decimals in UGX"},
		{"1.234", "kwd", "en", "The last decimal must be 0 in KWD"},
		{"0", "eur", "en", "Enter an amount above zero"},
		{"0.00", "eur", "en", "Enter an amount above zero"},
		{"-5", "eur", "en", "Enter an amount above zero"},
		{"−5", "eur", "en", "Enter an amount above zero"},
		{"-99999999999999999999", "eur", "en", "Enter an amount above zero"},
		{"1000000000000", "eur", "en", "At most 999,999,999,999.99"},
		{"1000000000000000000", "eur", "en", "At most 999,999,999,999.99"},
		{"9223372036854775808", "jpy", "en", "At most 99,999,999,999,999"},
		{"18446744073709551617", "jpy", "en", "At most 99,999,999,999,999"},
		{"1000000000000", "isk", "en", "At most 999,999,999,999"},
		{"5", "xau", "en", "Choose a currency from the list"},
		{"5", "", "en", "Choose a currency from the list"},
	} {
		t.Run(tt.in+" "+tt.currency+" "+tt.locale, func(t *testing.T) {
			t.Parallel()
			got, err := ParseAmount(tt.in, tt.currency, tt.locale)
			checkInputError(t, err, tt.want)
			if got != 0 {
				t.Errorf("got %d beside an error", got)
			}
		})
	}
}

func TestParseQuantity(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, locale string
		want       int64
		message    string
	}{
		{"1", "en", 1_000, ""},
		{"1.5", "en", 1_500, ""},
		{"1,5", "de", 1_500, ""},
		{"0.001", "en", 1, ""},
		{"1.234", "en", 1_234, ""},
		{"1.234", "de", 1_234_000, ""},
		{"999,999,999.999", "en", MaxQuantity, ""},
		{"", "en", 0, "Enter a quantity like 1.5"},
		{"two", "de", 0, "Enter a quantity like 1,5"},
		{"1.234", "fr", 0, "Enter a quantity like 1,5"},
		{"0", "en", 0, "Enter a quantity above zero"},
		{"0.000", "en", 0, "Enter a quantity above zero"},
		{"-1", "en", 0, "Enter a quantity above zero"},
		{"0.0001", "en", 0, "At most 3 decimals"},
		{"1000000000", "en", 0, "At most 999,999,999.999"},
		{"1000000000000000000000", "en", 0, "At most 999,999,999.999"},
	} {
		t.Run(tt.in+" "+tt.locale, func(t *testing.T) {
			t.Parallel()
			got, err := ParseQuantity(tt.in, tt.locale)
			checkInputError(t, err, tt.message)
			if got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestParseUnitPrice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, currency, locale string
		want                 int64
		message              string
	}{
		{"120", "eur", "en", 120_000_000, ""},
		{"0.0125", "eur", "en", 12_500, ""},
		{"0.000001", "eur", "en", 1, ""},
		{"0.0001", "jpy", "en", 1, ""},
		{"0.000001", "kwd", "en", 10, ""},
		{"0.000001", "isk", "en", 1, ""},
		{"0", "eur", "en", 0, ""},
		{"-50", "eur", "en", -50_000_000, ""},
		{"−50,00 €", "eur", "de", -50_000_000, ""},
		{"€-50", "eur", "en", -50_000_000, ""},
		{"-€50", "eur", "en", -50_000_000, ""},
		{"- 50", "eur", "en", -50_000_000, ""},
		{"999,999,999,999.99", "eur", "en", MaxUnitPrice, ""},
		{"-999,999,999,999.99", "eur", "en", -MaxUnitPrice, ""},
		{"-€-50", "eur", "en", 0, "Enter a price like 1,250.00"},
		{"", "eur", "en", 0, "Enter a price like 1,250.00"},
		{"1.250", "eur", "fr", 0, "Enter a price like 1\u202f250,00"},
		{"0.0000001", "eur", "en", 0, "At most 6 decimals in EUR"},
		{"0.0000001", "kwd", "en", 0, "At most 6 decimals in KWD"},
		{"0.00001", "jpy", "en", 0, "At most 4 decimals in JPY"},
		{"999,999,999,999.990001", "eur", "en", 0, "At most 999,999,999,999.99"},
		{"-1000000000000000000", "eur", "en", 0, "At most 999,999,999,999.99"},
		{"1", "xau", "en", 0, "Choose a currency from the list"},
	} {
		t.Run(tt.in+" "+tt.currency+" "+tt.locale, func(t *testing.T) {
			t.Parallel()
			got, err := ParseUnitPrice(tt.in, tt.currency, tt.locale)
			checkInputError(t, err, tt.message)
			if got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// Every way to write one number is read as that number, with math/big as the judge.
func TestParseReadsEveryNotation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cents := rapid.Int64Range(100_000, MaxMinor).Draw(t, "cents")
		separators := rapid.SampledFrom([]string{",.", ".,", " .", " ,", "'.", "',", "\u202f,", "\u00a0."}).Draw(t, "separators")
		locale := rapid.SampledFrom(testLocales).Draw(t, "locale")
		runes := []rune(separators)
		whole, fraction, _ := strings.Cut(new(big.Rat).SetFrac64(cents, 100).FloatString(2), ".")
		for i := len(whole) - 3; i > 0; i -= 3 {
			whole = whole[:i] + "_" + whole[i:]
		}
		s := strings.ReplaceAll(whole, "_", string(runes[0])) + string(runes[1]) + fraction

		got, err := ParseAmount(s, "eur", locale)
		if err != nil || got != cents {
			t.Fatalf("%q in %q: got %d, %v; want %d", s, locale, got, err, cents)
		}
	})
}

func TestWhatIsWrittenIsReadBackExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(Currencies()).Draw(t, "currency")
		locale := rapid.SampledFrom(testLocales).Draw(t, "locale")

		m := Money{rapid.Int64Range(1, MaxMinor/c.Step).Draw(t, "steps") * c.Step, c.Code}
		for _, s := range []string{InputAmount(m, locale), FormatAmount(m, locale), FormatMoney(m, locale)} {
			if got, err := ParseAmount(s, c.Code, locale); err != nil || got != m.Minor {
				t.Fatalf("amount %q: got %d, %v; want %d", s, got, err, m.Minor)
			}
		}

		quantity := rapid.Int64Range(1, MaxQuantity).Draw(t, "quantity")
		for _, s := range []string{InputQuantity(quantity, locale), FormatQuantity(quantity, locale)} {
			if got, err := ParseQuantity(s, locale); err != nil || got != quantity {
				t.Fatalf("quantity %q: got %d, %v; want %d", s, got, err, quantity)
			}
		}

		price := rapid.Int64Range(-MaxUnitPrice/10, MaxUnitPrice/10).Draw(t, "price")
		if c.Exponent == 3 {
			price *= 10 // the seventh decimal can't be entered
		}
		for _, s := range []string{InputUnitPrice(price, c.Code, locale), FormatUnitPrice(price, c.Code, locale)} {
			if got, err := ParseUnitPrice(s, c.Code, locale); err != nil || got != price {
				t.Fatalf("unit price %q: got %d, %v; want %d", s, got, err, price)
			}
		}
	})
}

func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{
		"1250", "1,234.50", "1.234,50", "1 234,50", "1'234.50", "12,34,567.89", "-5", "€1.00", "0", ".", "1e309",
		"NaN", "99999999999999999999", "1.5.", "١٬٢٣٤٫٥٠", "5 EUR", "\u200f5", "1,2,3", "0x1p4", "\xff",
	} {
		for _, locale := range []string{"en", "de", "fr", "ar-EG"} {
			f.Add(s, "eur", locale)
			f.Add(s, "kwd", locale)
		}
	}
	f.Add("5", "isk", "-DE")
	f.Fuzz(func(t *testing.T, s, code, locale string) {
		price, err := ParseUnitPrice(s, code, locale)
		checkParsed(t, s, price, err, MaxUnitPrice)
		minor, err := ParseAmount(s, code, locale)
		checkParsed(t, s, minor, err, MaxMinor)
		if err != nil {
			return
		}
		if c, _ := CurrencyOf(code); minor <= 0 || minor%c.Step != 0 {
			t.Errorf("%q: %d is not an amount of %s", s, minor, code)
		}
		written := InputAmount(Money{minor, code}, locale)
		if again, err := ParseAmount(written, code, locale); err != nil || again != minor {
			t.Errorf("%q: %d is written %q and read %d, %v", s, minor, written, again, err)
		}
	})
}

func FuzzParseQuantity(f *testing.F) {
	for _, s := range []string{"1", "1.5", "1,5", "0", "-1", "0.001", "0.0001", "1 000", "999999999.999", "1e3", "½", "१.५"} {
		for _, locale := range []string{"en", "de", "fr", "hi"} {
			f.Add(s, locale)
		}
	}
	f.Fuzz(func(t *testing.T, s, locale string) {
		thousandths, err := ParseQuantity(s, locale)
		checkParsed(t, s, thousandths, err, MaxQuantity)
		if err != nil {
			return
		}
		if thousandths <= 0 {
			t.Errorf("%q: quantity %d", s, thousandths)
		}
		written := InputQuantity(thousandths, locale)
		if again, err := ParseQuantity(written, locale); err != nil || again != thousandths {
			t.Errorf("%q: %d is written %q and read %d, %v", s, thousandths, written, again, err)
		}
	})
}

// checkParsed checks what holds for every text: a number within the limit, or a sentence.
func checkParsed(t *testing.T, s string, n int64, err error, limit int64) {
	t.Helper()
	var input InputError
	if err != nil && (!errors.As(err, &input) || n != 0 || input == "") {
		t.Errorf("%q: got %d, %v", s, n, err)
	}
	if n > limit || n < -limit {
		t.Errorf("%q: %d is beyond %d", s, n, limit)
	}
	// Where the text is a plain number, math/big has to agree about its digits.
	if err == nil && strings.Trim(s, "0123456789") == "" {
		want, _ := new(big.Int).SetString(s, 10)
		if digits := strings.TrimRight(want.String(), "0"); digits != strings.TrimRight(big.NewInt(n).String(), "0") {
			t.Errorf("%q: got %d", s, n)
		}
	}
}
