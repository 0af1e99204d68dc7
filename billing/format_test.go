package billing

import (
	"math"
	"testing"
)

func TestFormatMoney(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		money  Money
		locale string
		want   string
	}{
		{Money{294_000, "eur"}, "en", "€2,940.00"},
		{Money{294_050, "eur"}, "de", "2.940,50\u00a0€"},
		{Money{294_050, "eur"}, "fr", "2\u202f940,50\u00a0€"},
		{Money{294_050, "eur"}, "es", "2940,50\u00a0€"},
		{Money{1_294_050, "eur"}, "es", "12.940,50\u00a0€"},
		{Money{294_050, "chf"}, "de-CH", "CHF\u00a02'940.50"},
		{Money{294_050, "usd"}, "en-GB", "US$2,940.50"},
		{Money{12_345_678_900, "inr"}, "en-IN", "₹12,34,56,789.00"},
		{Money{148_000, "jpy"}, "en", "¥148,000"},
		{Money{1_234_500, "kwd"}, "en", "KWD\u00a01,234.500"},
		{Money{50_000, "isk"}, "en", "ISK\u00a0500"},
		{Money{50_000, "ugx"}, "en", "UGX\u00a0500"},
		{Money{500, "mga"}, "en", "MGA\u00a0500"},
		{Money{50_000, "huf"}, "en", "HUF\u00a0500.00"},
		{Money{50_000, "std"}, "en", "STD\u00a0500.00"},
		{Money{0, "eur"}, "en", "€0.00"},
		{Money{5, "eur"}, "en", "€0.05"},
		{Money{-294_000, "eur"}, "en", "−€2,940.00"},
		{Money{-294_000, "eur"}, "de", "−2.940,00\u00a0€"},
		{Money{-5, "eur"}, "sv", "−0,05\u00a0€"},
		// Nothing that Stripe could report is hidden or a crash.
		{Money{50_050, "isk"}, "en", "ISK\u00a0500.5"},
		{Money{1_234, "kwd"}, "en", "KWD\u00a01.234"},
		{Money{100, "xyz"}, "en", "XYZ\u00a01.00"},
		{Money{100, ""}, "en", "1.00"},
		{Money{math.MinInt64, "eur"}, "en", "−€92,233,720,368,547,758.08"},
		{Money{math.MaxInt64, "jpy"}, "en", "¥9,223,372,036,854,775,807"},
		{Money{294_000, "eur"}, "", "€2,940.00"},
		{Money{294_000, "eur"}, "xx-YY", "€2,940.00"},
		{Money{294_000, "eur"}, "-DE", "€2,940.00"},
		{Money{294_000, "eur"}, "de_AT.UTF-8", "2.940,00\u00a0€"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			t.Parallel()
			if got := FormatMoney(tt.money, tt.locale); got != tt.want {
				t.Errorf("%+v in %q: got %q, want %q", tt.money, tt.locale, got, tt.want)
			}
		})
	}
}

func TestFormatNumbers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, got, want string }{
		{"amount", FormatAmount(Money{294_000, "eur"}, "en"), "2,940.00"},
		{"amount in German", FormatAmount(Money{294_000, "eur"}, "de"), "2.940,00"},
		{"amount below zero", FormatAmount(Money{-294_000, "eur"}, "en"), "−2,940.00"},
		{"amount without decimals", FormatAmount(Money{50_000, "isk"}, "en"), "500"},
		{"whole quantity", FormatQuantity(2_000, "en"), "2"},
		{"quantity", FormatQuantity(1_234_500, "de"), "1.234,5"},
		{"smallest quantity", FormatQuantity(1, "en"), "0.001"},
		{"price", FormatUnitPrice(120_000_000, "eur", "en"), "120.00"},
		{"fine price", FormatUnitPrice(12_500, "eur", "en"), "0.0125"},
		{"finest price", FormatUnitPrice(1, "eur", "de"), "0,000001"},
		{"finest price in dinars", FormatUnitPrice(10, "kwd", "en"), "0.000001"},
		{"price finer than can be entered", FormatUnitPrice(1, "kwd", "en"), "0.000"},
		{"zero price", FormatUnitPrice(0, "kwd", "en"), "0.000"},
		{"price below zero", FormatUnitPrice(-50_000_000, "eur", "en"), "−50.00"},
		{"field for an amount", InputAmount(Money{294_000, "eur"}, "de"), "2940,00"},
		{"field for a quantity", InputQuantity(1_234_500, "en"), "1234.5"},
		{"field for a price", InputUnitPrice(-12_345_678, "eur", "en"), "-12.345678"},
		{"field in Arabic has no marks", InputUnitPrice(-50_000_000, "eur", "ar"), "-50.00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}
