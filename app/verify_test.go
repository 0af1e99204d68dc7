package app_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
	"trak/connect"
	"trak/db"
)

func TestVerifyFindsEveryDifference(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect()
	paid := w.invoice("100")
	w.pay(paid.ID, "4242424242424242")
	w.until("it is paid", func() bool { return w.detail(paid.ID).Standing.Status == billing.Paid })
	_, err := w.sandbox.Refund(w.detail(paid.ID).Payments[0].PaymentIntentID, 2500)
	must(t, err)
	w.until("part of it is refunded", func() bool { return w.detail(paid.ID).Invoice.Refunded == 2500 })
	open := w.invoice("10")
	draft(w, "7")
	w.quiet()
	w.verified()
	w.stop() // what is planted stays as it is
	t.Cleanup(w.start)

	for name, c := range map[string]struct {
		plant string
		kind  string
		all   bool // the difference shows in several places
	}{
		"a total":               {"UPDATE invoices SET total = total + 1 WHERE id = '" + open.ID + "'", "invoice", true},
		"a subtotal":            {"UPDATE invoices SET subtotal = subtotal - 1 WHERE id = '" + open.ID + "'", "invoice", false},
		"a tax":                 {"UPDATE invoices SET tax = 1 WHERE id = '" + open.ID + "'", "invoice", false},
		"a status":              {"UPDATE invoices SET status = 'paid' WHERE id = '" + open.ID + "'", "invoice", false},
		"a phase":               {"UPDATE invoices SET phase = 'closed' WHERE id = '" + open.ID + "'", "invoice", false},
		"what was received":     {"UPDATE invoices SET received = received + 1 WHERE id = '" + paid.ID + "'", "invoice", false},
		"what was refunded":     {"UPDATE invoices SET refunded = 0 WHERE id = '" + paid.ID + "'", "invoice", false},
		"what is due":           {"UPDATE invoices SET due = due - 1 WHERE id = '" + open.ID + "'", "invoice", true},
		"a flag":                {"UPDATE invoices SET flags = 'overpaid' WHERE id = '" + paid.ID + "'", "invoice", false},
		"a decision":            {"UPDATE invoices SET decided = 'void' WHERE id = '" + open.ID + "'", "invoice", true},
		"one given up on":       {"UPDATE invoices SET decided = 'uncollectible' WHERE id = '" + open.ID + "'", "invoice", true},
		"when it was voided":    {"UPDATE invoices SET voided_at = 1 WHERE id = '" + open.ID + "'", "invoice", true},
		"a line's amount":       {"UPDATE invoice_lines SET amount = amount + 1 WHERE invoice_id = '" + open.ID + "'", "line", true},
		"a line's price":        {"UPDATE invoice_lines SET unit_price = unit_price * 2 WHERE invoice_id = '" + open.ID + "'", "line", true},
		"a line that is gone":   {"DELETE FROM invoice_lines WHERE invoice_id = '" + open.ID + "'", "invoice", true},
		"a payment's gross":     {"UPDATE payments SET gross = gross + 1", "payment", true},
		"a payment's refunds":   {"UPDATE payments SET refunded = 0", "payment", true},
		"a payment's status":    {"UPDATE payments SET status = 'failed'", "payment", true},
		"a payment's invoice":   {"UPDATE payments SET invoice_id = NULL", "invoice", true},
		"a charge":              {"UPDATE charges SET captured = captured * 2", "payment", true},
		"a charge that is gone": {"DELETE FROM charges", "payment", true},
		"a refund":              {"UPDATE refunds SET amount = 1", "payment", true},
		"a refund that is gone": {"DELETE FROM refunds", "payment", true},
		"a number that is gone": {"UPDATE counters SET last = last + 1", "number", false},
		"a number not counted":  {"UPDATE counters SET last = last - 1", "number", false},
		"a number given anew":   {"UPDATE invoices SET number = 'INV-0007' WHERE id = '" + open.ID + "'", "number", true},
		"a number taken away":   {"UPDATE invoices SET number = NULL WHERE id = '" + open.ID + "'", "invoice", true},
		"a draft with a number": {"UPDATE invoices SET number = 'INV-0003' WHERE decided = 'draft'", "invoice", true},
		"a currency of nowhere": {"UPDATE invoices SET currency = 'zzz' WHERE id = '" + open.ID + "'", "invoice", true},
		"a payment's currency":  {"UPDATE charges SET currency = 'usd'; UPDATE payments SET currency = 'usd'; UPDATE checkout_sessions SET currency = 'usd'", "invoice", true},
	} {
		planted := w.copied()
		planted.plant(c.plant)
		r := planted.report()
		if len(r.Differences) == 0 {
			t.Errorf("%s: nothing was found", name)
			continue
		}
		found := false
		for _, d := range r.Differences {
			found = found || d.Kind == c.kind && d.ID != "" && strings.TrimSpace(d.What) != "" && d.Workspace == w.owner.Workspace.Slug
		}
		if !found || !c.all && len(r.Differences) != 1 {
			t.Errorf("%s: %+v", name, r.Differences)
		}
	}
}

// quiet waits until every delivery was tried and nothing is left to be read, made or closed. The
// clock goes on to a read that waits for its time.
func (w *world) quiet() {
	w.t.Helper()
	w.settled()
	w.until("nothing is left to do", func() bool {
		w.goOn()
		return ask[int](w, "SELECT (SELECT count(*) FROM stripe_reads WHERE next_attempt_at > 0 AND next_attempt_at < 9e15) + (SELECT count(*) FROM payment_links WHERE state IN ('creating', 'closing'))") == 0
	})
}

// goOn lets the clock go on to a read that waits for its time.
func (w *world) goOn() {
	next := ask[int64](w, "SELECT COALESCE(min(next_attempt_at), 0) FROM stripe_reads WHERE next_attempt_at > 0 AND claimed_until = 0")
	if ahead := next - w.clock.now().UnixMicro(); 0 < ahead && ahead < time.Minute.Microseconds() {
		w.clock.advance(time.Duration(ahead) * time.Microsecond)
	}
	w.app.Wake()
}

// copied is a copy of the database in a directory of its own, for tests that damage it.
func (w *world) copied() *world {
	w.t.Helper()
	dir := w.t.TempDir()
	must(w.t, ignore(w.file().Exec("VACUUM INTO ?", dir+"/trak.db")))
	return &world{t: w.t, dir: dir, clock: w.clock, own: w.own, sandbox: w.sandbox, stripe: w.stripe}
}

// plant changes a database behind Trak's back.
func (w *world) plant(query string) {
	w.t.Helper()
	w.exec("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; " + query)
}

// schema is what a database must have to be read.
var schema = db.Migrations{FS: os.DirFS("../db/migrations")}

// report is what verify says of a database that nobody serves.
func (w *world) report() app.VerifyReport {
	w.t.Helper()
	return w.reportWith(app.VerifyOptions{})
}

func (w *world) reportWith(o app.VerifyOptions) app.VerifyReport {
	w.t.Helper()
	d, err := db.OpenReadOnly(context.Background(), w.dir, schema)
	must(w.t, err)
	defer func() { _ = d.Close() }()
	r, err := app.VerifyWith(context.Background(), d, o)
	must(w.t, err)
	return r
}

// compared is what verify says of a database and of the sandbox.
func (w *world) compared() app.VerifyReport {
	w.t.Helper()
	stripe, err := connect.New(connect.Config{SecretKey: "sk_test_sandbox", BaseURL: w.sandbox.URL(), InstallID: "verify", Own: w.own})
	must(w.t, err)
	return w.reportWith(app.VerifyOptions{Stripe: stripe, Own: w.own})
}
