package billing

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestWorkedExamples computes every row of the examples in docs/money.md.
func TestWorkedExamples(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/money.md")
	if err != nil {
		t.Fatal(err)
	}
	_, examples, _ := strings.Cut(string(page), "## Examples")
	examples, _, _ = strings.Cut(examples, "\n## ")
	var rows int
	for row := range strings.Lines(examples) {
		cells := strings.Split(row, "|")
		if len(cells) != 8 || strings.HasPrefix(row, "|---") || strings.HasPrefix(row, "| Currency") {
			continue
		}
		rows++
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		code, quantity, price, shown, minor := strings.ToLower(cells[1]), cells[2], cells[3], cells[4], cells[5]

		c, _ := CurrencyOf(code)
		amount, err := parseLine(t, quantity, price, code).Amount(c)
		if err != nil || strconv.FormatInt(amount, 10) != minor {
			t.Errorf("%s× %s %s: got %d, %v; want %s", quantity, price, code, amount, err, minor)
		}
		if got := strings.ReplaceAll(FormatMoney(Money{amount, code}, "en"), "\u00a0", " "); got != shown {
			t.Errorf("%s× %s %s: written %q, want %q", quantity, price, code, got, shown)
		}
	}
	if rows < 14 {
		t.Errorf("found %d examples", rows)
	}
}
