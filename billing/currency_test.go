package billing

import (
	"slices"
	"strings"
	"testing"

	"github.com/bojanz/currency"
)

func TestCurrenciesAreSortedAndComplete(t *testing.T) {
	t.Parallel()
	all := Currencies()
	if len(all) < 135 {
		t.Errorf("got %d currencies, Stripe takes at least 135", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b Currency) int { return strings.Compare(a.Code, b.Code) }) {
		t.Error("currencies are not sorted by code, so that CurrencyOf misses some")
	}
	for i, c := range all {
		if got, ok := CurrencyOf(c.Code); !ok || got != c {
			t.Errorf("CurrencyOf(%q) = %+v, %v", c.Code, got, ok)
		}
		if i > 0 && all[i-1].Code == c.Code {
			t.Errorf("%s is there twice", c.Code)
		}
		if len(c.Code) != 3 || c.Code != strings.ToLower(c.Code) || c.Name == "" {
			t.Errorf("malformed: %+v", c)
		}
		if c.Minimum%c.Step != 0 || c.Maximum != 0 && c.Maximum < c.Minimum {
			t.Errorf("impossible limits: %+v", c)
		}
	}
}

func TestCurrenciesReturnsACopy(t *testing.T) {
	t.Parallel()
	Currencies()[0].Step = 7
	if Currencies()[0].Step == 7 {
		t.Error("a caller can change the table")
	}
}

// The groups are those of Stripe's page on currencies; everything else has two decimals.
func TestCurrencyUnitsAreStripes(t *testing.T) {
	t.Parallel()
	type units struct {
		exponent, digits int
		step             int64
	}
	odd := map[string]units{}
	for _, code := range strings.Fields("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf") {
		odd[code] = units{0, 0, 1}
	}
	for _, code := range strings.Fields("bhd jod kwd omr tnd") {
		odd[code] = units{3, 3, 10}
	}
	for _, code := range strings.Fields("isk ugx") {
		odd[code] = units{2, 0, 100}
	}
	found := 0
	for _, c := range Currencies() {
		want, ok := odd[c.Code]
		if ok {
			found++
		} else {
			want = units{2, 2, 1}
		}
		if got := (units{c.Exponent, c.Digits, c.Step}); got != want {
			t.Errorf("%s: got %+v, want %+v", c.Code, got, want)
		}
	}
	if found != len(odd) {
		t.Errorf("%d of the %d odd currencies are in the table", found, len(odd))
	}
}

// A second source for a slip in the table: CLDR, as the library has it, says how many
// decimals people use. Where Stripe and CLDR differ, it is written down here.
func TestCurrencyDigitsAgreeWithCLDR(t *testing.T) {
	t.Parallel()
	differ := "mga" // Stripe sends whole ariary
	for _, c := range Currencies() {
		digits, ok := currency.GetDigits(strings.ToUpper(c.Code))
		if ok && int(digits) != c.Digits && !strings.Contains(differ, c.Code) {
			t.Errorf("%s: %d digits, CLDR has %d", c.Code, c.Digits, digits)
		}
	}
}
