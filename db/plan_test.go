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
		askingOfCharge:   "refund_requests_asking (stripe_account_id=? AND charge_id=?)",
		claimsOnCharge:   "refund_requests_asking (stripe_account_id=? AND charge_id=?)",
		claimsOnIntent:   "refunds_by_intent (stripe_account_id=? AND payment_intent_id=?)",
		refundsOfIntent:  "refunds_by_intent (stripe_account_id=? AND payment_intent_id=?)",
		disputesOfIntent: "disputes_by_intent (stripe_account_id=? AND payment_intent_id=?)",
		alertsOfIntent:   "radar_alerts_by_intent (stripe_account_id=? AND payment_intent_id=?)",
	} {
		args := []any{"a", "b", "c", "d"}
		if !strings.Contains(query, "$4") {
			args = args[:3]
		}
		plan, err := w.plan(query, args...)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, want) {
			t.Errorf("%.40q reads by %s", query, plan)
		}
		if strings.Contains(plan, "SCAN") && !strings.Contains(plan, "SCAN CONSTANT ROW") {
			t.Errorf("%.40q reads too much: %s", query, plan)
		}
	}
}

// A list of projects reads its own invoices and no others, however many the workspace has.
func TestProjectsReadTheirOwnInvoices(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const own = "invoices_by_project (workspace_id=? AND project_id=? AND livemode=?"
	for _, c := range []struct {
		query string
		args  []any
		want  []string
	}{
		{listProjects, []any{"a", "b", "c", 50}, []string{"projects_by_name (workspace_id=? AND search_text>?)"}},
		{sumsOfProjects, []any{"a", true, "b", "c", "d", "e"}, []string{"projects_by_name (workspace_id=? AND search_text>? AND search_text<?)", own + ")"}},
		{sumsOfProject, []any{"a", "b", true}, []string{own + ")"}},
		{listInvoicesOfProject, []any{"a", "b", true, 1, "c", 50}, []string{own + " AND created_at<?)"}},
		{countProjectsNamed, []any{"a", "b", "c"}, []string{"projects_by_name (workspace_id=? AND search_text=?)"}},
	} {
		plan, err := w.plan(c.query, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(plan, want) {
				t.Errorf("%.40q reads by %s, not by %s", c.query, plan, want)
			}
		}
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "FOR ORDER BY") {
			t.Errorf("%.40q reads or sorts too much: %s", c.query, plan)
		}
	}
}

// What needs a person is asked for on many pages: each kind is found by an index that holds
// little else.
func TestAttentionReadsNothingElse(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for query, want := range map[string]string{
		attentionDisputes:      "disputes_unanswered (workspace_id=? AND livemode=?)",
		attentionPaidAfterVoid: "invoices_flagged (workspace_id=? AND livemode=?)",
		attentionOverpaid:      "invoices_flagged (workspace_id=? AND livemode=?)",
		attentionMismatches:    "invoices_flagged (workspace_id=? AND livemode=?)",
		attentionUnmatched:     "payments_unmatched (workspace_id=? AND livemode=?)",
		attentionRefunds:       "refunds_failed (workspace_id=?)",
		attentionRefusals:      "refund_requests_refused (workspace_id=? AND livemode=?)",
		attentionWarnings:      "radar_alerts_warnings (workspace_id=? AND livemode=?)",
		attentionPayouts:       "payouts_failed (workspace_id=? AND livemode=?)",
		attentionLinks:         "payment_links_failed (workspace_id=? AND livemode=?)",
		attentionEvents:        "stripe_webhook_events_by_state (workspace_id=? AND state=? AND received_at<?)",
	} {
		args := []any{"a", true, false, 100}
		if query == attentionEvents {
			args = []any{"a", true, 1, false, 100}
		}
		plan, err := w.plan(query, args...)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, want) {
			t.Errorf("%.40q reads by %s", query, plan)
		}
		if rest := strings.ReplaceAll(strings.ReplaceAll(plan, "SCAN e", ""), "SCAN CONSTANT ROW", ""); strings.Contains(rest, "SCAN") {
			t.Errorf("%.40q scans: %s", query, plan)
		}
	}
}

// plan is how SQLite would run a query.
func (w *world) plan(query string, args ...any) (string, error) {
	var steps []string
	err := w.View(context.Background(), System, func(q *Queries) error {
		rows, err := q.db.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			steps = append(steps, detail)
		}
		return rows.Err()
	})
	return strings.Join(steps, "; "), err
}

// The inbox reads no more events than it shows, however many there are: their payloads are long.
func TestInboxReadsItsOwnPage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, c := range []struct {
		query string
		args  []any
		want  string
	}{
		{listStripeEvents, []any{"a", true, 1, "b", 50}, "stripe_webhook_events_by_workspace (workspace_id=? AND received_at<?)"},
		{listStripeEventsInState, []any{"a", true, "b", 1, "c", 50}, "stripe_webhook_events_by_state (workspace_id=? AND state=? AND received_at<?)"},
		{listStripeEventsAbout, []any{"a", true, "b", 1, "c", 50}, "stripe_webhook_events_by_object (workspace_id=? AND object_id=? AND received_at<?)"},
		{failedStripeEvents, []any{"a", true}, "stripe_webhook_events_by_state (workspace_id=? AND state=?)"},
		{allFailedStripeEvents, []any{true}, "stripe_webhook_events_due (next_attempt_at>?)"},
		{unmatchedStripeEvents, []any{true}, "stripe_webhook_events_unmatched"},
		{wakeFailedEvents, []any{1}, "stripe_webhook_events_due (next_attempt_at>?)"},
	} {
		plan, err := w.plan(c.query, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, c.want) {
			t.Errorf("%.40q reads by %s, not by %s", c.query, plan, c.want)
		}
	}
}
