package db

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ever are the tables whose rows nobody may delete: what was told, asked for and recorded about
// money, and who did what.
var ever = []string{
	"payments", "checkout_sessions", "charges", "refunds", "disputes", "radar_alerts", "payouts", "balance_transactions",
	"refund_requests", "hand_entries", "payment_links", "counters", "stripe_webhook_events", "audit_log",
}

var deletes = regexp.MustCompile(`(?i)\bdelete\s+from\s+(\w+)`)

// No statement deletes money, and nothing that is deleted takes money along.
func TestMoneyIsNeverDeleted(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"queries/*.sql", "migrations/*.sql"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range deletes.FindAllStringSubmatch(string(content), -1) {
				if slices.Contains(ever, m[1]) {
					t.Errorf("%s deletes from %s", file, m[1])
				}
			}
			if strings.Contains(strings.ToUpper(string(content)), "CASCADE") {
				t.Errorf("%s lets a deletion spread", file)
			}
		}
	}
	tables, err := tablesOf(t.Context(), setup(t).other)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range ever {
		if !slices.ContainsFunc(tables, func(x table) bool { return x.name == name }) {
			t.Errorf("there is no table %s", name)
		}
	}
}
