package db

import (
	"context"
	"strings"
	"testing"
)

// The queries of the webhook's fold must find their rows by the whole key: an index that does
// not end in the id that the query orders by makes SQLite read every row of the account.
func TestFoldReadsByWholeKey(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for query, want := range map[string]string{
		sessionsOfLink:   "stripe_account_id=? AND stripe_link_id=?",
		sessionsOfIntent: "stripe_account_id=? AND payment_intent_id=?",
		chargesOfIntent:  "stripe_account_id=? AND payment_intent_id=?",
		refundsOfCharge:  "stripe_account_id=? AND charge_id=?",
	} {
		var plan []string
		err := w.View(context.Background(), System, func(q *Queries) error {
			rows, err := q.db.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+query, "a", "b", "c")
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var id, parent, unused int
				var detail string
				if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
					return err
				}
				plan = append(plan, detail)
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(plan, "; "); !strings.Contains(got, want) {
			t.Errorf("%.40q reads by %s", query, got)
		}
	}
}
