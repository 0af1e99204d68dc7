package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trak/app"
)

// moneyTables are those of which each value of each row is changed by one.
const moneyTables = `invoices invoice_lines counters payment_links checkout_sessions payments charges refunds disputes radar_alerts
	payouts balance_transactions refund_requests hand_entries stripe_webhook_events`

// unseen are the columns that nothing else in the database says, and what they hold. onlyAtStripe
// are compared with Stripe alone.
var (
	unseen = map[string]string{
		"what people wrote or chose": `invoices.terms_days invoices.token invoices.token_revoked invoices.buyer_name invoices.buyer_email invoices.buyer_address
			invoices.seller_name invoices.seller_address invoices.seller_country invoices.seller_tax_number invoices.po_number invoices.note invoices.locale invoices.time_zone invoices.rounding
			invoice_lines.description hand_entries.reference hand_entries.note`,
		"when people did it, unless it can't be": `invoices.created_at invoices.updated_at invoices.finalized_at invoices.voided_at
			payment_links.created_at payment_links.closed_at hand_entries.received_at hand_entries.created_at`,
		"names of rows that nothing refers to, and keys": `invoice_lines.id payment_links.id payment_links.part payments.id hand_entries.id hand_entries.form_key
			payment_links.idempotency_key payment_links.stripe_price_id payment_links.stripe_link_id payment_links.url`,
		"how far work has come": `invoices.version payment_links.attempts payment_links.first_attempt_at payment_links.next_attempt_at payment_links.claimed_until
			payment_links.last_error payment_links.keys_spent stripe_webhook_events.received_at stripe_webhook_events.outcome stripe_webhook_events.attempts
			stripe_webhook_events.next_attempt_at stripe_webhook_events.claimed_until stripe_webhook_events.masked_at charges.refund_hint_at disputes.rank_at`,
		"so little that it is rounded away":    "invoice_lines.unit_price",
		"what a link asked for that is closed": "payment_links.amount",
		"the reason for closing what is open":  "radar_alerts.closed_reason",
	}
	onlyAtStripe = strings.Fields(`refunds.reason refunds.failure_reason disputes.due_by disputes.submissions disputes.withdrawn disputes.reinstated disputes.fee
		payouts.rank payouts.failure_code payouts.failure_message balance_transactions.transaction_id balance_transactions.type
		balance_transactions.source_id balance_transactions.created_at balance_transactions.available_at`)
)

// sweptRows is how many rows of each table are changed: there are many events of one kind.
func sweptRows() int {
	if testing.Short() {
		return 1
	}
	return 6
}

// Each value of the money tables, changed by one, is named in a line; or it is known that nothing
// else says what it should be.
func TestVerifySeesEachValue(t *testing.T) {
	t.Parallel()
	s := newStory(t, newWorld(t), "eur")
	other := s.stranger()
	s.quiet()
	s.stop()
	t.Cleanup(s.start)
	planted := s.copied()
	if r := planted.report(); len(r.Differences) > 0 {
		t.Fatalf("before anything was planted: %+v", r.Differences)
	}
	known := map[string]bool{}
	for _, columns := range unseen {
		for name := range strings.FieldsSeq(columns) {
			known[name] = true
		}
	}
	for table := range strings.FieldsSeq(moneyTables) {
		for _, column := range planted.columns(table) {
			name := table + "." + column.name
			if known[name] || slices.Contains(onlyAtStripe, name) {
				continue
			}
			for _, row := range planted.ids(table) {
				if undo := planted.change(table, column, row); undo != "" {
					if len(planted.report().Differences) == 0 {
						t.Errorf("a change of %s is not seen", name)
					}
					planted.plant(undo)
				}
			}
		}
		for _, row := range planted.ids(table) {
			was := ask[string](planted, fmt.Sprintf("SELECT quote(workspace_id) FROM %s WHERE rowid = %d", table, row))
			planted.plant(fmt.Sprintf("UPDATE %s SET workspace_id = '%s' WHERE rowid = %d", table, other.WorkspaceID, row))
			if len(planted.report().Differences) == 0 {
				t.Errorf("%s: a row of another workspace is not seen", table)
			}
			planted.plant(fmt.Sprintf("UPDATE %s SET workspace_id = %s WHERE rowid = %d", table, was, row))
		}
	}
	if r := planted.report(); len(r.Differences) > 0 {
		t.Errorf("after everything was undone: %+v", r.Differences)
	}
	for _, name := range onlyAtStripe {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			planted := s.copied()
			table, name, _ := strings.Cut(name, ".")
			columns := planted.columns(table)
			c := columns[slices.IndexFunc(columns, func(c column) bool { return c.name == name })]
			planted.change(table, c, planted.ids(table)[0])
			if len(planted.compared().Differences) == 0 {
				t.Error("a change is not seen when Stripe is asked")
			}
		})
	}
}

// Each row of the money tables that is gone is named, or found when Stripe is asked.
func TestVerifySeesWhatIsGone(t *testing.T) {
	t.Parallel()
	s := newStory(t, newWorld(t), "eur")
	s.clock.advance(3 * time.Hour)
	s.syncNow(app.SyncRequest{}) // after which every movement must be here
	s.stop()
	t.Cleanup(s.start)
	for table := range strings.FieldsSeq(moneyTables) {
		for _, row := range s.ids(table) {
			planted := s.copied()
			planted.plant(fmt.Sprintf("DELETE FROM %s WHERE rowid = %d", table, row))
			if len(planted.report().Differences) > 0 {
				continue
			}
			switch table {
			case "stripe_webhook_events": // what it said is in the facts
			case "payment_links": // the last one, which nobody used
			case "balance_transactions":
				if len(planted.compared().Differences) == 0 {
					t.Errorf("a movement of the balance that is gone is not seen when Stripe is asked")
				}
			default:
				t.Errorf("%s: a row that is gone is not seen", table)
			}
		}
	}
}

type column struct{ name, kind string }

func (w *world) columns(table string) (list []column) {
	w.t.Helper()
	rows, err := w.file().Query("SELECT name, type FROM pragma_table_info(?)", table)
	must(w.t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var c column
		must(w.t, rows.Scan(&c.name, &c.kind))
		list = append(list, c)
	}
	must(w.t, rows.Err())
	return list
}

// ids are some rows of a table.
func (w *world) ids(table string) (list []int64) {
	w.t.Helper()
	rows, err := w.file().Query("SELECT rowid FROM " + table + " ORDER BY rowid")
	must(w.t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int64
		must(w.t, rows.Scan(&id))
		if len(list) < sweptRows() {
			list = append(list, id)
		}
	}
	must(w.t, rows.Err())
	return list
}

// change changes a value by the least there is, and returns what undoes it, "" when there was
// nothing to change.
func (w *world) change(table string, c column, row int64) (undo string) {
	w.t.Helper()
	by := map[string]string{"BIGINT": c.name + " + 1", "TEXT": c.name + " || 'x'", "BOOLEAN": "NOT " + c.name}[c.kind]
	if by == "" || ask[int](w, fmt.Sprintf("SELECT %s IS NULL FROM %s WHERE rowid = %d", c.name, table, row)) == 1 {
		return ""
	}
	was := ask[string](w, fmt.Sprintf("SELECT quote(%s) FROM %s WHERE rowid = %d", c.name, table, row))
	w.plant(fmt.Sprintf("UPDATE OR IGNORE %s SET %s = %s WHERE rowid = %d", table, c.name, by, row))
	if ask[int](w, fmt.Sprintf("SELECT %s = %s FROM %s WHERE rowid = %d", c.name, was, table, row)) == 1 {
		return "" // another row has that value, which must be the only one
	}
	return fmt.Sprintf("UPDATE %s SET %s = %s WHERE rowid = %d", table, c.name, was, row)
}
