package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
	"trak/sandbox"
)

// formKey is what makes a form that is sent twice one.
func (p page) formKey(t *testing.T) string {
	t.Helper()
	return p.find(t, regexp.MustCompile(`name="form_key" value="([^"]+)"`))
}

func TestRecordingAPayment(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	inv := w.invoice(w.north, "Halden & Vik", "2940", "eur", "")
	w.link(w.north, inv.ID)
	here := path(w.north, "/payments/invoices/"+inv.ID)
	owner := w.as("admin")
	owner.get(here).has(t, 200, `href="`+here+`/payments/new"`, "Record a payment")
	w.as("member").get(here).lacks(t, "Record a payment")

	today := string(billing.Today(w.north.Workspace.Location(), w.now()))
	form := owner.get(here + "/payments/new")
	form.has(t, 200, "€2,940.00 is due", `value="2940.00"`, `value="`+today+`"`, "Amount in EUR", ">Bank transfer</option>", ">Cheque</option>")
	form.lacks(t, "too_much")
	key := form.formKey(t)
	send := func(pairs ...string) page {
		return owner.post(here+"/payments", append([]string{"form_key", key, "received_on", today, "method", "bank_transfer", "reference", `RF18 "5390"`}, pairs...)...)
	}
	p := send("amount", "3000")
	p.has(t, 422, "more than the €2,940.00 that is due", `name="too_much"`, `value="3000"`, `value="RF18 &#34;5390&#34;"`)
	p.wellFormed(t)
	send("amount", "10 USD").has(t, 422, "This invoice is in EUR")
	tomorrow := string(billing.Date(today).AddDays(1))
	owner.post(here+"/payments", "form_key", key, "amount", "1", "received_on", tomorrow, "method", "cash").has(t, 422, "This day is still to come")
	for range 2 { // a double click
		if p := send("amount", "940"); p.status != http.StatusSeeOther || p.header.Get("Location") != here {
			t.Fatalf("%d %s", p.status, p.main())
		}
	}
	p = send("amount", "940", "reference", "another one")
	p.has(t, 422, "This form was sent before, with something else in it", `value="another one"`)
	if p.formKey(t) == key {
		t.Error("its next try is taken for the same form again")
	}
	p = owner.get(here)
	p.has(t, 200, "Partially paid", "€940.00 recorded", "Ada Brandt", "Bank transfer", "RF18 &#34;5390&#34;", "Still due", "€2,000.00", "Take back")
	p.lacks(t, "1,880.00")
	p.wellFormed(t)
	owner.get(path(w.north, "/payments/history")).has(t, 200, "Bank transfer", "940.00", "Succeeded")
	w.client().get("/i/"+inv.Token).has(t, 200, "Paid by bank transfer on "+billing.Date(today).Format("en")+": €940.00", "Pay €2,000.00")
	w.client().get("/i/"+inv.Token).lacks(t, "RF18")

	d := w.detail(w.north, inv.ID)
	back := here + "/payments/" + d.Payments[0].ID + "/take-back"
	p = owner.get(back)
	p.has(t, 200, "€940.00 of it can be taken back", `value="940.00"`)
	key = p.formKey(t)
	owner.post(back, "form_key", key, "amount", "941", "note", "").has(t, 422, "2 fields need another look", "Only €940.00 of it is left", "Say why")
	if p := owner.post(back, "form_key", key, "amount", "940", "note", "Meant for <INV-0002>"); p.status != http.StatusSeeOther {
		t.Fatalf("%d %s", p.status, p.main())
	}
	p = owner.get(here)
	p.has(t, 200, "€940.00 taken back", "Meant for &lt;INV-0002&gt;", "Taken back")
	p.lacks(t, `/take-back"`)
	owner.get(back).has(t, 200, "It is taken back already")
	w.client().get("/i/"+inv.Token).lacks(t, "Paid by bank transfer")

	must(t, w.app.VoidInvoice(context.Background(), w.north, inv.ID))
	owner.get(here).lacks(t, "Record a payment")
	owner.get(here+"/payments/new").has(t, 200, "INV-0001 is void")
	send("amount", "5", "form_key", nobodys()).has(t, 409, "INV-0001 is void")
	written := w.draft(w.north, app.InvoiceInput{ClientName: "Halden", Summary: "Work", Amount: "1"})
	owner.get(path(w.north, "/payments/invoices/"+written+"/payments/new")).has(t, 200, "A draft can&#39;t be paid")
}

// While Stripe does not answer, the page says what could still happen, and goes on by itself.
func TestThePageSaysThatTheOldLinkIsOpen(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	inv := w.invoice(w.north, "Halden & Vik", "100", "eur", "")
	w.link(w.north, inv.ID)
	w.sandbox.SetKnobs(sandbox.Knobs{Fail: sandbox.FailServer, FailMethod: "POST", FailPath: "/v1/payment_links", FailTimes: 1000})
	must(t, w.app.RecordPayment(context.Background(), w.north, inv.ID, app.HandInput{
		FormKey: nobodys(), Amount: "60", Method: "cash", ReceivedOn: string(billing.Today(w.north.Workspace.Location(), w.now())),
	}))
	here := path(w.north, "/payments/invoices/"+inv.ID)
	p := w.as("owner").get(here)
	p.has(t, 200, "Partially paid", "€40.00", "data-live")
	if !strings.Contains(p.body, "could still pay the old amount, €100.00") && !strings.Contains(p.body, "no payment link yet") {
		t.Errorf("nothing of the links: %s", p.main())
	}
	w.client().get("/i/"+inv.Token).lacks(t, "Pay €")
	w.sandbox.SetKnobs(sandbox.Knobs{})
	w.until("both are done", func() bool {
		w.as("owner").post(here + "/retry-link")
		d := w.detail(w.north, inv.ID)
		return d.Link.State == "active" && d.Link.StillOpen == 0
	})
	w.client().get("/i/"+inv.Token).has(t, 200, "Pay €40.00")
	w.as("owner").get(here).lacks(t, "old amount")
}

func TestNeedsAttentionPages(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	account := w.onboard(w.north, sandbox.OnboardComplete)
	owner, member := w.as("owner"), w.as("member")
	overview, all := path(w.north, "/payments"), path(w.north, "/payments/attention")
	owner.get(all).has(t, 200, "All is well")
	poll := owner.get(overview).find(t, regexp.MustCompile(`hx-get="([^"]*/tiles[^"]*)"`))
	stray := w.stray(w.north, account, 70000)
	owner.part(poll, "section#overview").has(t, 200, `<hx-partial id="nav-attention" hx-swap="outerHTML"><span class="count num" id="nav-attention" aria-hidden="true">1<span class="sr"> thing needs attention</span></span></hx-partial>`,
		`<hx-partial id="nav-overdue"`, `<hx-partial id="nav-health"`, "Needs attention", "A payment that no invoice asked for", "€700.00", `href="`+all+`"`)
	member.part(poll, "section#overview").lacks(t, "nav-health")
	owner.get(overview).lacks(t, "hx-partial")
	assign := path(w.north, "/payments/assign/"+stray)
	p := owner.get(all)
	p.has(t, 200, "A payment that no invoice asked for", "€700.00", `href="`+assign+`"`, path(w.north, "/payments/refund/"+stray), "Ignore it")
	p.wellFormed(t)
	member.get(all).has(t, 200, "€700.00", "Owners and admins settle these.")
	member.get(all).lacks(t, "Ignore it", "Choose the invoice", "/refund/")

	t.Run("ignored, and not any more", func(t *testing.T) {
		subject := p.find(t, regexp.MustCompile(`name="subject" value="([^"]+)"`))
		form := []string{"kind", app.AttentionUnmatched, "subject", subject}
		q := owner.post(all+"/ignore", form...)
		q.has(t, 422, "Say why", "<details open>")
		q.wellFormed(t)
		if q := owner.post(all+"/ignore", append(form, "reason", "Sold at <the> fair")...); q.status != http.StatusSeeOther {
			t.Fatalf("%d %s", q.status, q.main())
		}
		q = owner.get(all)
		q.has(t, 200, "All is well", "Ignored", "Sold at &lt;the&gt; fair", "Mira Osei", "Don't ignore it")
		q.wellFormed(t)
		owner.get(overview).lacks(t, "Needs attention")
		if q := owner.post(all+"/mind", form...); q.status != http.StatusSeeOther {
			t.Fatalf("%d %s", q.status, q.main())
		}
		owner.get(overview).has(t, 200, "Needs attention")
	})
	t.Run("all ignored with one reason", func(t *testing.T) {
		owner.get(all).lacks(t, "Ignore all")
		w.stray(w.north, account, 80000)
		q := owner.get(all)
		q.has(t, 200, "Are none of these 2 payments for an invoice?", "Ignore all 2")
		q.wellFormed(t)
		member.get(all).lacks(t, "Ignore all")
		subjects := q.find(t, regexp.MustCompile(`name="subject" value="([^" ]+ [^"]+)"`))
		form := []string{"kind", app.AttentionUnmatched, "subject", subjects, "all", "1", "reason", strings.Repeat("x", 301)}
		q = owner.post(all+"/ignore", form...)
		q.has(t, 422, "At most 300 characters", "<details open><summary>Ignore all 2", `id="reason-all" name="reason" autocomplete="off" maxlength="300" required value="`+form[7])
		q.wellFormed(t)
		form[7] = "Sold in the shop"
		w.as("stranger").post(all+"/ignore", form...).has(t, 404)
		w.as("stranger").post(path(w.south, "/payments/attention/ignore"), form...).has(t, 404)
		for range 2 { // a double click
			owner.post(all+"/ignore", form...).has(t, 303)
		}
		q = owner.get(all)
		q.has(t, 200, "All is well", "They are left alone until something changes")
		if n := strings.Count(q.body, "Sold in the shop"); n != 2 {
			t.Errorf("%d are ignored", n)
		}
		for _, subject := range strings.Fields(subjects) {
			owner.post(all+"/mind", "kind", app.AttentionUnmatched, "subject", subject).has(t, 303)
		}
	})
	t.Run("assigned, and not any more", func(t *testing.T) {
		owner.get(assign).has(t, 200, "No open invoice is in the currency of this payment")
		inv := w.invoice(w.north, `"Halden" & Vik`, "1000", "eur", "")
		w.invoice(w.north, "Öru Coffee", "700", "usd", "")
		q := owner.get(assign)
		q.has(t, 200, "€700.00", "INV-0001, &#34;Halden&#34; &amp; Vik: €1,000.00 due")
		q.lacks(t, "INV-0002")
		q.wellFormed(t)
		owner.post(assign, "invoice", "").has(t, 422, "Choose the invoice that it is for")
		here := path(w.north, "/payments/invoices/"+inv.ID)
		if q := owner.post(assign, "invoice", inv.ID); q.status != http.StatusSeeOther || q.header.Get("Location") != here {
			t.Fatalf("%d %s", q.status, q.main())
		}
		q = owner.get(here)
		q.has(t, 200, "Partially paid", "€700.00 counted for this invoice", "Not for this invoice")
		q.wellFormed(t)
		for range 2 { // a double click
			if q := owner.post(here + "/payments/" + stray + "/unassign"); q.status != http.StatusSeeOther {
				t.Fatalf("%d %s", q.status, q.main())
			}
		}
		owner.get(here).has(t, 200, "€700.00 counted here no longer")
		if got := w.detail(w.north, inv.ID).Standing; got.Received != 0 || got.Due != 100000 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("trouble comes before what is late", func(t *testing.T) {
		w.invoice(w.north, "Lumen Labs", "10", "eur", time.Now().AddDate(0, 0, -3).Format(time.DateOnly))
		body := owner.get(overview).body
		if trouble, late := strings.Index(body, "A payment that no invoice asked for"), strings.Index(body, `class="late">3 days late`); trouble < 0 || late < trouble {
			t.Errorf("trouble at %d, late at %d", trouble, late)
		}
	})
}

// Every kind is told in words, with what to do.
func TestAttentionInWords(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	account := w.onboard(w.north, sandbox.OnboardComplete)
	ctx := context.Background()
	owner, all := w.as("owner"), path(w.north, "/payments/attention")
	paid := func() (id, charge string) {
		inv := w.invoice(w.north, "Halden & Vik", "10", "eur", "")
		w.pay(w.north, inv.ID, "4242424242424242")
		return inv.ID, w.detail(w.north, inv.ID).Payments[0].ChargeID
	}
	_, charge := paid()
	dispute, err := w.sandbox.Dispute(charge, "product_not_received", 1000)
	must(t, err)
	_, charge = paid()
	_, err = w.sandbox.WarnOfFraud(charge)
	must(t, err)
	must(t, w.sandbox.Settle(ctx))
	id, _ := paid()
	must(t, w.app.RecordPayment(ctx, w.north, id, app.HandInput{
		FormKey: nobodys(), Amount: "4", Method: "cash", TooMuch: true, ReceivedOn: string(billing.Today(w.north.Workspace.Location(), w.now())),
	}))
	w.stray(w.north, account, 500)
	p := owner.get(all)
	p.has(t, 200, "disputes a payment", "Answer it until ", "/payments/disputes/"+dispute, "warns of fraud", "may avoid it", "paid too much", "€4.00 came in too much. Refund the difference",
		path(w.north, "/payments/refund/"), "no invoice asked for")
	p.wellFormed(t)
	order := []string{"disputes a payment", "paid too much", "no invoice asked for", "warns of fraud"}
	for i := range order[1:] {
		if strings.Index(p.body, order[i]) > strings.Index(p.body, order[i+1]) {
			t.Errorf("%q comes after %q", order[i], order[i+1])
		}
	}
	owner.get(path(w.north, "/payments/invoices/"+id)).has(t, 200, "Paid too much.", "€4.00 came in too much", `href="`+all+`"`)
	if n, err := w.app.AttentionCount(ctx, w.north); err != nil || n != 4 {
		t.Error(fmt.Sprint(n, err))
	}
}
