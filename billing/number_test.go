package billing

import "testing"

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
