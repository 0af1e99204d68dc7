package billing

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// Attack G11.
func TestMoneyArithmeticNeverWraps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// Half of the draws are near the ends, where wrapping would show.
		edge := rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64})
		amount := rapid.OneOf(rapid.Int64(), edge)
		a, b := Money{amount.Draw(t, "a"), "eur"}, Money{amount.Draw(t, "b"), "eur"}

		sum, err := a.Add(b)
		checkExact(t, sum, err, new(big.Int).Add(big.NewInt(a.Minor), big.NewInt(b.Minor)))
		difference, err := a.Sub(b)
		checkExact(t, difference, err, new(big.Int).Sub(big.NewInt(a.Minor), big.NewInt(b.Minor)))
	})
}

// checkExact compares a result with the one of unlimited arithmetic.
func checkExact(t *rapid.T, got Money, err error, want *big.Int) {
	t.Helper()
	if !want.IsInt64() {
		if !errors.Is(err, ErrOverflow) {
			t.Fatalf("got %d, %v; want ErrOverflow for %s", got.Minor, err, want)
		}
		return
	}
	if err != nil || got != (Money{want.Int64(), "eur"}) {
		t.Fatalf("got %+v, %v; want %s", got, err, want)
	}
}

func TestMoneyRefusesMixedCurrencies(t *testing.T) {
	t.Parallel()
	if _, err := (Money{1, "eur"}).Add(Money{1, "usd"}); !errors.Is(err, ErrCurrencyMismatch) {
		t.Errorf("Add: got %v, want ErrCurrencyMismatch", err)
	}
	if _, err := (Money{1, "eur"}).Sub(Money{1, "usd"}); !errors.Is(err, ErrCurrencyMismatch) {
		t.Errorf("Sub: got %v, want ErrCurrencyMismatch", err)
	}
}

func TestCheckCharge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		money Money
		want  string // "" when Stripe can be asked
	}{
		{"the smallest is enough", Money{50, "eur"}, ""},
		{"less than the smallest", Money{49, "eur"}, "At least €0.50, which is the smallest card payment"},
		{"each currency has its own smallest", Money{29, "gbp"}, "At least £0.30, which is the smallest card payment"},
		{"yen have no decimals", Money{49, "jpy"}, "At least ¥50, which is the smallest card payment"},
		{"forints have two", Money{17_499, "huf"}, "At least HUF\u00a0175.00, which is the smallest card payment"},
		{"no smallest known", Money{1, "amd"}, ""},
		{"zero", Money{0, "amd"}, "Enter an amount above zero"},
		{"below zero", Money{-100, "eur"}, "Enter an amount above zero"},
		{"eight digits", Money{99_999_999, "usd"}, ""},
		{"nine digits", Money{100_000_000, "usd"}, "At most $999,999.99, which is the largest card payment"},
		{"nine digits in rupees", Money{999_999_999, "inr"}, ""},
		{"twelve digits in rupiahs", Money{999_999_999_999, "idr"}, ""},
		{"thirteen digits in rupiahs", Money{1_000_000_000_000, "idr"}, "At most IDR\u00a09,999,999,999.99, which is the largest card payment"},
		{"no largest known", Money{MaxMinor, "jpy"}, ""},
		{"largest in steps", Money{100_000_000, "kwd"}, "At most KWD\u00a099,999.990, which is the largest card payment"},
		{"whole krónur", Money{50_000, "isk"}, ""},
		{"hundredths of a króna", Money{50_050, "isk"}, "No decimals in ISK"},
		{"thousandths of a dinar", Money{1_235, "kwd"}, "The last decimal must be 0 in KWD"},
		{"a currency Stripe does not take", Money{100, "xau"}, "Choose a currency from the list"},
		{"codes are lower case", Money{100, "EUR"}, "Choose a currency from the list"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checkInputError(t, CheckCharge(tt.money), tt.want)
		})
	}
}

// checkInputError compares an error with the sentence that a person should read.
func checkInputError(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("got error %q, want none", err)
		}
		return
	}
	var input InputError
	if !errors.As(err, &input) || string(input) != want {
		t.Errorf("got %v, want InputError %q", err, want)
	}
}
