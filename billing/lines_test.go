package billing

import (
	"errors"
	"maps"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLineAmount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                string
		quantity, unitPrice string
		currency            string
		want                int64
	}{
		{"whole", "2", "1,250.00", "eur", 250_000},
		{"a fraction of an hour", "1.5", "85.00", "eur", 12_750},
		{"half a cent goes up", "0.5", "0.01", "eur", 1},
		{"half a cent below zero goes down", "0.5", "-0.01", "eur", -1},
		{"just under half a cent goes away", "0.499", "0.01", "eur", 0},
		{"many small ones round once", "10000", "0.0125", "eur", 12_500},
		{"a third is not remembered", "0.333", "100.00", "eur", 3_330},
		{"yen", "1.5", "333", "jpy", 500},
		{"krónur are whole", "0.5", "333", "isk", 16_700},
		{"half a króna below zero", "0.5", "-333", "isk", -16_700},
		{"dinars end in 0", "1", "1.234", "kwd", 1_230},
		{"five thousandths of a dinar go up", "1", "1.235", "kwd", 1_240},
		{"the largest", "1", "999,999,999,999.99", "eur", MaxMinor},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := CurrencyOf(tt.currency)
			got, err := parseLine(t, tt.quantity, tt.unitPrice, tt.currency).Amount(c)
			if err != nil || got != tt.want {
				t.Errorf("got %d, %v; want %d", got, err, tt.want)
			}
		})
	}
}

func parseLine(t *testing.T, quantity, unitPrice, code string) Line {
	t.Helper()
	q, err := ParseQuantity(quantity, "en")
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParseUnitPrice(unitPrice, code, "en")
	if err != nil {
		t.Fatal(err)
	}
	return Line{Description: "Work", Quantity: q, UnitPrice: p}
}

// ratAmount is the amount of a line by exact fractions, written the other way round: the
// nearest step is found by comparing distances and not by adding a half.
func ratAmount(l Line, c Currency) *big.Int {
	exact := new(big.Rat).Mul(big.NewRat(l.Quantity, 1000), big.NewRat(l.UnitPrice, 10_000))
	exact.Quo(exact, big.NewRat(c.Step, 1)) // in steps
	size := new(big.Rat).Abs(exact)
	steps := new(big.Int).Quo(size.Num(), size.Denom())
	rest := new(big.Rat).Sub(size, new(big.Rat).SetInt(steps))
	if rest.Cmp(big.NewRat(1, 2)) >= 0 {
		steps.Add(steps, big.NewInt(1))
	}
	return steps.Mul(steps, big.NewInt(c.Step*int64(exact.Sign())))
}

func TestLineAmountIsTheNearestStep(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(Currencies()).Draw(t, "currency")
		// Everything an int64 holds, and small numbers, which meet the halves.
		whole := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-20_000, 20_000))
		l := Line{Quantity: whole.Draw(t, "quantity"), UnitPrice: whole.Draw(t, "unit price")}
		want := ratAmount(l, c)

		got, err := l.Amount(c)
		if want.CmpAbs(big.NewInt(MaxMinor)) > 0 {
			if !errors.Is(err, ErrOverflow) {
				t.Fatalf("got %d, %v; want ErrOverflow for %s", got, err, want)
			}
			return
		}
		if err != nil || got != want.Int64() {
			t.Fatalf("got %d, %v; want %s", got, err, want)
		}
	})
}

func TestPartsSumToTheTotal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(Currencies()).Draw(t, "currency")
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Line {
			return Line{
				Description: "Work",
				Quantity:    rapid.Int64Range(1, 1_000_000).Draw(t, "quantity"),
				UnitPrice:   10 * rapid.Int64Range(-100_000_000, 1_000_000_000).Draw(t, "tens of unit price"),
			}
		}), 1, MaxLines).Draw(t, "lines")
		want := new(big.Int)
		for _, l := range lines {
			want.Add(want, ratAmount(l, c))
		}

		totals, err := Total(lines, c.Code)
		errs := CheckLines(lines, c.Code)
		if want.Sign() < 0 {
			if err == nil || errs["total"] == "" {
				t.Fatalf("a total of %s is accepted: %v, %v", want, err, errs)
			}
			return
		}
		if err != nil || errs.Err() != nil {
			t.Fatalf("total %s: %v, %v", want, err, errs)
		}
		if totals.Total != want.Int64() || totals.Total != totals.Subtotal-totals.Discount+totals.Tax {
			t.Fatalf("got %+v, want %s", totals, want)
		}
		if totals.Total%c.Step != 0 {
			t.Fatalf("total %d is no multiple of %d %s", totals.Total, c.Step, c.Code)
		}
	})
}

func TestTotalRefuses(t *testing.T) {
	t.Parallel()
	most := Line{"Work", 1000, MaxUnitPrice}
	if _, err := Total([]Line{most, most}, "eur"); !errors.Is(err, ErrOverflow) {
		t.Errorf("total beyond the limit: got %v, want ErrOverflow", err)
	}
	if _, err := Total([]Line{{"Work", math.MaxInt64, math.MaxInt64}}, "eur"); !errors.Is(err, ErrOverflow) {
		t.Errorf("line beyond the limit: got %v, want ErrOverflow", err)
	}
	_, err := Total([]Line{{"Discount", 1000, -1_000_000}}, "eur")
	checkInputError(t, err, "The total can't be below zero")
	_, err = Total(nil, "xau")
	checkInputError(t, err, "Choose a currency from the list")
}

func TestCheckLines(t *testing.T) {
	t.Parallel()
	work := Line{"Work", 1000, 1_000_000}
	with := func(change func(*Line)) []Line {
		l := work
		change(&l)
		return []Line{work, l}
	}
	for _, tt := range []struct {
		name     string
		lines    []Line
		currency string
		want     FieldErrors
	}{
		{"good", []Line{work}, "eur", FieldErrors{}},
		{"as many as allowed", make100(work), "eur", FieldErrors{}},
		{"too many", append(make100(work), work), "eur", FieldErrors{"lines": "At most 100 lines"}},
		{"none", nil, "eur", FieldErrors{"lines": "Add at least one line"}},
		{"unknown currency", []Line{work}, "xau", FieldErrors{"currency": "Choose a currency from the list"}},
		{"no description", with(func(l *Line) { l.Description = " \n" }), "eur",
			FieldErrors{"line[1].description": "Say what this line is for"}},
		{"500 characters of several bytes", with(func(l *Line) { l.Description = strings.Repeat("ß", 500) }), "eur", FieldErrors{}},
		{"501 characters", with(func(l *Line) { l.Description = strings.Repeat("x", 501) }), "eur",
			FieldErrors{"line[1].description": "At most 500 characters"}},
		{"not UTF-8", with(func(l *Line) { l.Description = "caf\xe9" }), "eur",
			FieldErrors{"line[1].description": "Some characters can't be read, please type them again"}},
		{"no quantity", with(func(l *Line) { l.Quantity = 0 }), "eur",
			FieldErrors{"line[1].quantity": "Enter a quantity above zero"}},
		{"quantity below zero", with(func(l *Line) { l.Quantity = -1 }), "eur",
			FieldErrors{"line[1].quantity": "Enter a quantity above zero"}},
		{"quantity beyond the limit", with(func(l *Line) { l.Quantity, l.UnitPrice = MaxQuantity+1, 0 }), "eur",
			FieldErrors{"line[1].quantity": "At most 999,999,999.999"}},
		{"price beyond the limit", with(func(l *Line) { l.Quantity, l.UnitPrice = 1, MaxUnitPrice+1 }), "eur",
			FieldErrors{"line[1].unit_price": "At most 999,999,999,999.99"}},
		{"price beyond the limit below zero", with(func(l *Line) { l.UnitPrice = math.MinInt64 }), "eur",
			FieldErrors{"line[1].unit_price": "At most 999,999,999,999.99"}},
		{"price finer than is shown", with(func(l *Line) { l.UnitPrice = 11 }), "kwd",
			FieldErrors{"line[1].unit_price": "At most 6 decimals in KWD"}},
		{"line beyond the limit", with(func(l *Line) { l.Quantity, l.UnitPrice = 2000, MaxUnitPrice }), "eur",
			FieldErrors{"line[1].unit_price": "At most 999,999,999,999.99 for one line"}},
		{"total beyond the limit", with(func(l *Line) { l.UnitPrice = MaxUnitPrice }), "eur",
			FieldErrors{"total": "At most 999,999,999,999.99"}},
		{"a discount", with(func(l *Line) { l.UnitPrice = -1_000_000 }), "eur", FieldErrors{}},
		{"total below zero", with(func(l *Line) { l.UnitPrice = -1_010_000 }), "eur",
			FieldErrors{"total": "The total can't be below zero"}},
		{"all at once", []Line{{}, {"Work", -1, 0}}, "eur", FieldErrors{
			"line[0].description": "Say what this line is for",
			"line[0].quantity":    "Enter a quantity above zero",
			"line[1].quantity":    "Enter a quantity above zero",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := CheckLines(tt.lines, tt.currency); !maps.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func make100(l Line) []Line {
	lines := make([]Line, MaxLines)
	for i := range lines {
		lines[i] = l
	}
	return lines
}
