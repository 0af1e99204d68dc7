package handlers_test

import (
	"context"
	"database/sql"
	"html"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"trak/app"
	"trak/billing"
	"trak/db"
	"trak/sandbox"
)

// refund gives back a part of an invoice's first payment.
func (w *whole) refund(invoice, amount string) {
	w.t.Helper()
	_, err := w.app.RefundPayment(context.Background(), w.north, w.detail(w.north, invoice).Payments[0].ID,
		app.RefundInput{FormKey: uuid.NewString(), Amount: amount, Note: "note for the team"})
	must(w.t, err)
}

// exec changes rows behind Trak's back.
func (w *whole) exec(query string, args ...any) {
	w.t.Helper()
	writer, err := sql.Open("sqlite3", "file:"+filepath.Join(w.dir, db.FileName)+"?_busy_timeout=10000")
	must(w.t, err)
	defer func() { _ = writer.Close() }()
	_, err = writer.Exec(query, args...)
	must(w.t, err)
}

// eventsOf is all that Stripe has told of an account.
func eventsOf(w *whole, account string) string {
	all := ""
	for _, e := range w.sandbox.Events(account) {
		all += string(e) + "\n"
	}
	return all
}

var formKey = regexp.MustCompile(`name="form_key" value="([0-9a-f-]{36})"`)

func TestRefundPage(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	account := w.onboard(w.north, sandbox.OnboardComplete)
	owner := w.as("owner")
	paid := func(amount, currency, card string) (id, at, payment string) {
		inv := w.invoice(w.north, "Halden", amount, currency, "")
		w.pay(w.north, inv.ID, card)
		w.waitFor(inv.ID, billing.Paid)
		w.until("its link is closed, and nothing else comes", func() bool {
			must(t, w.sandbox.Settle(context.Background()))
			return w.detail(w.north, inv.ID).Link.State == "closed"
		})
		return inv.ID, path(w.north, "/payments/invoices/"+inv.ID), w.detail(w.north, inv.ID).Payments[0].ID
	}
	page := func(payment string) string { return path(w.north, "/payments/refund/"+payment) }

	t.Run("from the invoice, without scripts", func(t *testing.T) {
		_, at, payment := paid("100", "eur", "4242424242424242")
		owner.get(at).has(t, 200, `href="`+page(payment)+`"`, " Refund</a>")
		form := owner.get(page(payment))
		form.has(t, 200, "€100.00", "Visa ···· 4242", "from Halden", `name="amount"`, `value="100.00"`, "€100.00 is left.", "The client asked for it", `name="still_owed"`, `href="`+at+`"`)
		form.wellFormed(t)
		key := form.find(t, formKey)
		send := []string{"form_key", key, "amount", "40", "reason", "requested_by_customer", "note", "Two <b>days</b> less"}
		for range 2 { // a double click
			if p := owner.post(page(payment), send...); p.status != http.StatusSeeOther || p.header.Get("Location") != at {
				t.Fatalf("%d to %s", p.status, p.header.Get("Location"))
			}
		}
		owner.get(at).has(t, 200, "€40.00 goes back to your client")
		owner.get(at).has(t, 200, "Refund by Mira Osei", "Two &lt;b&gt;days&lt;/b&gt; less", "−40.00", "Refunded</span>", "Refund of €40.00 asked for", "€40.00 refunded", page(payment))
		// The same form with something else in it is neither a second refund nor taken for the first.
		again := owner.post(page(payment), append(send, "amount", "30")...)
		again.has(t, http.StatusUnprocessableEntity, "This form was sent before, for something else", `value="30"`, `<dt>Left</dt><dd class="num">€60.00`)
		if strings.Contains(again.body, key) {
			t.Error("the form that was sent would be sent again")
		}
		if n := len(regexp.MustCompile(`"type": ?"refund.created"`).FindAllString(eventsOf(w, account), -1)); n != 1 {
			t.Errorf("%d refunds at Stripe", n)
		}
		owner.get(page(payment)).has(t, 200, `value="60.00"`, "€60.00 is left.", "<dt>Refunded</dt><dd class=\"num\">€40.00</dd>")
		owner.post(page(payment), "form_key", uuid.NewString(), "amount", "60").has(t, http.StatusSeeOther)
		owner.get(at).lacks(t, page(payment))
		owner.get(page(payment)).has(t, 200, "Nothing is left to refund")
	})
	t.Run("a mistake is told beside its field, and what was typed stays", func(t *testing.T) {
		id, _, payment := paid("100", "eur", "4242424242424242")
		written := func() (list []string) {
			for _, table := range []string{"refund_requests", "refunds", "payments", "invoice_events", "audit_log"} {
				list = append(list, w.rowsOf(table, "")...)
			}
			return list
		}
		before := written()
		key := uuid.NewString()
		p := owner.post(page(payment), "form_key", key, "amount", "100.01", "reason", "duplicate", "note", "Keep me", "still_owed", "1")
		p.has(t, http.StatusUnprocessableEntity, `value="100.01" aria-invalid="true" aria-describedby="amount-error" autofocus`, "At most €100.00 is left to refund",
			`value="duplicate" selected`, "Keep me", `value="1" aria-describedby="owed-hint" checked`)
		p.wellFormed(t)
		for _, amount := range []string{"1e3", "0x10", "-5", "−5", "0", "0,00", "NaN", "1 000 000", "99999999999999999999", "1,234.56", "100.001", "٥٠٫٠٠١", "½", "5 USD", "10\x00 0 0"} {
			p := owner.post(page(payment), "form_key", key, "amount", amount, "reason", "duplicate", "note", "Keep me")
			shown := html.EscapeString(strings.ReplaceAll(amount, "\x00", ""))
			p.has(t, http.StatusUnprocessableEntity, `value="`+shown+`" aria-invalid="true"`, `value="duplicate" selected`, "Keep me")
		}
		owner.post(page(payment), "form_key", key, "amount", "10", "note", strings.Repeat("ü", 501)).has(t, http.StatusUnprocessableEntity, "At most 500 characters", strings.Repeat("ü", 501))
		owner.post(page(payment), "form_key", key, "amount", "1.234,5.6", "reason", "x").has(t, http.StatusUnprocessableEntity, "2 fields need another look", "Choose a reason from the list")
		owner.post(page(payment)).has(t, http.StatusUnprocessableEntity, "Enter an amount like")
		if after := written(); !slices.Equal(before, after) {
			t.Errorf("%d rows were %d", len(after), len(before))
		}
		if d := w.detail(w.north, id); len(d.Refunds) != 0 {
			t.Errorf("%+v", d.Refunds)
		}
	})
	t.Run("a currency without decimals", func(t *testing.T) {
		id, _, payment := paid("5000", "jpy", "4242424242424242")
		owner.get(page(payment)).has(t, 200, "Amount in JPY", `value="5000"`, "¥5,000 is left.")
		owner.post(page(payment), "form_key", uuid.NewString(), "amount", "12.5").has(t, http.StatusUnprocessableEntity)
		owner.post(page(payment), "form_key", uuid.NewString(), "amount", "1200").has(t, http.StatusSeeOther)
		if d := w.detail(w.north, id); d.Invoice.Refunded != 1200 {
			t.Errorf("%d refunded", d.Invoice.Refunded)
		}
	})
	t.Run("Stripe refuses", func(t *testing.T) {
		_, at, payment := paid("100", "eur", "4000000000000259")
		must(t, w.sandbox.Settle(context.Background()))
		owner.get(page(payment)).has(t, 200, "bank disputes this payment")
		key := uuid.NewString()
		p := owner.post(page(payment), "form_key", key, "amount", "100")
		p.has(t, http.StatusUnprocessableEntity, "in a dispute", `value="100"`)
		if strings.Contains(p.body, key) {
			t.Error("the form that was refused would be sent again")
		}
		owner.get(at).has(t, 200, "Refused</span>", "Nothing was refunded.", "Refund refused")
	})
	t.Run("Stripe does not answer", func(t *testing.T) {
		_, at, payment := paid("100", "eur", "4242424242424242")
		w.sandbox.SetKnobs(sandbox.Knobs{Fail: sandbox.FailDown, FailTimes: 2, FailPath: "/v1/charges"})
		owner.get(page(payment)).has(t, http.StatusBadGateway, "Stripe did not answer", "Nothing was refunded.", "Try again</a>")
		key := uuid.NewString()
		owner.post(page(payment), "form_key", key, "amount", "7", "note", "Keep me").has(t, http.StatusBadGateway, "Nothing was refunded.", `value="7"`, "Keep me", key)
		w.sandbox.SetKnobs(sandbox.Knobs{Fail: sandbox.FailDown, FailTimes: 1000, FailPath: "/v1/refunds"})
		owner.post(page(payment), "form_key", key, "amount", "7").has(t, http.StatusSeeOther)
		// After many tries the next one is an hour away, so that nothing but the button can be what asks again.
		w.exec("UPDATE refund_requests SET attempts = 10 WHERE payment_id = ?", payment)
		owner.post(page(payment)+"/retry").has(t, http.StatusSeeOther)
		w.until("that was to no avail", func() bool {
			var next int64
			must(t, w.raw().QueryRow("SELECT next_attempt_at FROM refund_requests WHERE payment_id = ? AND attempts > 10 AND claimed_until = 0 UNION ALL SELECT 0 LIMIT 1", payment).Scan(&next))
			return next > w.now().Add(30*time.Minute).UnixMicro()
		})
		w.sandbox.SetKnobs(sandbox.Knobs{})
		p := owner.get(at)
		p.has(t, 200, "Asked for</span>", "We keep asking Stripe.", "A refund is on its way.", "data-live", `action="`+page(payment)+`/retry"`)
		w.as("member").get(at).lacks(t, page(payment)+"/retry")
		owner.post(page(payment)+"/retry").has(t, http.StatusSeeOther)
		w.until("it is made at once", func() bool {
			must(t, w.sandbox.Settle(context.Background()))
			return strings.Contains(owner.get(at).body, "€7.00 refunded")
		})
	})
	t.Run("a member sees no button, and reads who may", func(t *testing.T) {
		_, at, payment := paid("100", "eur", "4242424242424242")
		member := w.as("member")
		member.get(at).lacks(t, page(payment))
		member.get(page(payment)).has(t, http.StatusForbidden, "Only owners and admins can refund payments.", "Mira Osei")
		w.as("admin").get(at).has(t, 200, page(payment))
		w.as("admin").get(page(payment)).has(t, 200, "€100.00 is left.")
	})
	t.Run("a payment without an invoice is refunded from the history", func(t *testing.T) {
		_, _, payment := paid("33", "eur", "4242424242424242")
		w.exec("UPDATE checkout_sessions SET stripe_link_id = '' WHERE payment_intent_id IN (SELECT payment_intent_id FROM payments WHERE id = ?)", payment)
		w.exec("UPDATE payments SET invoice_id = NULL WHERE id = ?", payment)
		owner.get(path(w.north, "/payments/history")).has(t, 200, `href="`+page(payment)+`">Refund</a>`)
		w.as("member").get(path(w.north, "/payments/history")).lacks(t, page(payment))
		owner.get(page(payment)).lacks(t, "still_owed")
		if p := owner.post(page(payment), "form_key", uuid.NewString(), "amount", "33"); p.header.Get("Location") != path(w.north, "/payments/history") {
			t.Errorf("%d to %s", p.status, p.header.Get("Location"))
		}
		owner.get(path(w.north, "/payments/history")).lacks(t, page(payment))
	})
}
