package billing

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		prefix string
		n      int64
		want   string
	}{
		{"INV-", 1, "INV-0001"},
		{"INV-", 42, "INV-0042"},
		{"INV-", 9999, "INV-9999"},
		{"INV-", 10000, "INV-10000"},
		{"", 7, "0007"},
		{"100%d-", 7, "100%d-0007"},
	} {
		if got := Number(tt.prefix, tt.n); got != tt.want {
			t.Errorf("Number(%q, %d) = %q, want %q", tt.prefix, tt.n, got, tt.want)
		}
	}
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	for prefix, fine := range map[string]bool{
		"": true, "INV-": true, "2026/": true, "Rechnung Nr.": true, "a": true, "INV-2026-": true,
		"INV-1": false, "7": false, "-": false, "=A1-": false, " A-": false, "A ": false, "Ä-": false, "A\n-": false, "ABCDEFGHIJKLM": false,
	} {
		if err := CheckPrefix(prefix); (err == nil) != fine {
			t.Errorf("CheckPrefix(%q) = %v", prefix, err)
		}
	}
}

// One series never gives a number twice, whatever prefixes it has had.
func TestNumbersTellTheirPlace(t *testing.T) {
	t.Parallel()
	prefixes := rapid.StringMatching(`[A-Z0-9][A-Z0-9/-]{0,11}`).Filter(func(p string) bool { return CheckPrefix(p) == nil })
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1<<40).Draw(t, "n")
		if rapid.Bool().Draw(t, "small") {
			n = n%20_000 + 1
		}
		number := Number(prefixes.Draw(t, "prefix"), n)
		if got, ok := Serial(number); !ok || got != n {
			t.Fatalf("Serial(%q) = %d, %v; it is %d", number, got, ok, n)
		}
	})
	for _, number := range []string{"", "INV-", "INV-42", "INV-00042", "INV-0000", "INV-0042a", "INV-99999999999999999999"} {
		if n, ok := Serial(number); ok {
			t.Errorf("Serial(%q) = %d", number, n)
		}
	}
}
