package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/sandbox"
)

var (
	listPoll  = regexp.MustCompile(`hx-get="([^"]*/invoices/live\?[^"]*)"`)
	pagePoll  = regexp.MustCompile(`hx-get="([^"]*/status\?[^"]*)" hx-trigger="every (\d+)s`)
	invoiceID = regexp.MustCompile(`/invoices/([0-9a-f-]{36})`)
)

// find is what the first group of a pattern matches, with the entities of an attribute resolved.
func (p page) find(t *testing.T, pattern *regexp.Regexp) string {
	t.Helper()
	m := pattern.FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("%s matches nothing in %s", pattern, p.main())
	}
	return strings.ReplaceAll(m[1], "&amp;", "&")
}

func (w *whole) detail(actor app.Actor, id string) app.Detail {
	w.t.Helper()
	d, err := w.app.InvoiceDetail(context.Background(), actor, id)
	must(w.t, err)
	return d
}

func (w *whole) draft(actor app.Actor, in app.InvoiceInput) string {
	w.t.Helper()
	inv, err := w.app.CreateInvoice(context.Background(), actor, in, false)
	must(w.t, err)
	return inv.ID
}

func TestInvoiceList(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	owner, list := w.as("owner"), path(w.north, "/payments/invoices")

	p := owner.get(list)
	p.has(t, 200, "No invoices yet", ">Write an invoice<", "All <span")
	p.lacks(t, "<table", "data-live")
	p.wellFormed(t)

	yesterday := time.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	w.invoice(w.north, `<script>alert("x")</script> & Co`, "2940", "eur", yesterday)
	w.invoice(w.north, "Kestrel Cycles", "148000", "jpy", "")
	w.draft(w.north, app.InvoiceInput{Summary: "Later", Amount: "10"})
	p = owner.get(list)
	p.has(t, 200, "INV-0001", "&lt;script&gt;", "2,940.00", "148,000", "JPY", "Overdue", "1 day late", "No client yet", ">Draft<", "No date")
	p.lacks(t, `<script>alert`)
	p.wellFormed(t)

	for tab, want := range map[string]string{"open": "INV-0002", "overdue": "INV-0001", "draft": "No client yet", "paid": "Nothing is paid yet", "closed": "Nothing is closed"} {
		p := owner.get(list + "?tab=" + tab)
		p.has(t, 200, want, `aria-current="true"`)
		p.wellFormed(t)
	}
	owner.get(list+"?tab=nonsense").has(t, 404)
	owner.get(list+"?at=x&id=").has(t, 200, "INV-0001")
	w.as("stranger").get(path(w.south, "/payments/invoices")).has(t, 200, "No invoices yet")
}

func TestInvoiceListGoesOnByThePage(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	for i := range 52 {
		w.draft(w.north, app.InvoiceInput{ClientName: fmt.Sprintf("Client %d", i), ClientEmail: "", Summary: "Work", Amount: "10"})
	}
	owner, list := w.as("owner"), path(w.north, "/payments/invoices")
	more := owner.get(list).find(t, regexp.MustCompile(`id="more"><tr><td[^>]*><a[^>]* href="([^"]*)"`))

	p := owner.get(more)
	p.has(t, 200, "Client 1<", "Client 0<", "Back to the first", "<html")
	p.lacks(t, "Client 2<", "Show 50 more")
	p.wellFormed(t)

	p = owner.part(more, "tbody#more")
	p.has(t, 200, "Client 1<", `<a class="name" href="`, " autofocus>Draft")
	p.lacks(t, "<html", "<table")
}

func TestInvoiceListPolls(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	first := w.invoice(w.north, "Halden & Vik", "2940", "eur", "")
	second := w.invoice(w.north, "Öru Coffee", "10", "eur", "")
	owner := w.as("owner")
	poll := owner.get(path(w.north, "/payments/invoices")).find(t, listPoll)
	target := "tr#live-" + second.ID
	if p := owner.part(poll, target); p.status != http.StatusNoContent || p.body != "" {
		t.Fatalf("unchanged: %d %s", p.status, p.body)
	}
	w.pay(w.north, first.ID, "4242424242424242")
	w.until("its link is closed", func() bool { return w.detail(w.north, first.ID).Link.State == "closed" })
	p := owner.part(poll, target)
	p.has(t, 200, `<tr id="row-`+first.ID+`" hx-swap-oob="outerMorph">`, ">Paid<", `id="live-`+second.ID+`" hidden data-live`)
	p.lacks(t, "row-"+second.ID, first.ID+".")      // what has not changed, and what can't change any more
	must(t, w.sandbox.Settle(context.Background())) // that the link is closed comes as an event as well
	next := owner.get(path(w.north, "/payments/invoices")).find(t, listPoll)
	if p := owner.part(next, target); p.status != http.StatusNoContent {
		t.Errorf("unchanged again: %d", p.status)
	}
	must(t, w.app.VoidInvoice(context.Background(), w.north, second.ID))
	p = owner.part(next, target)
	p.has(t, 200, ">Void<", `<tr id="live-`+second.ID+`" hidden></tr>`)
	p.lacks(t, "hx-get")

	// Ids of another workspace's invoices, and nonsense, are left out.
	foreign := w.as("stranger").get(path(w.south, "/payments/invoices/live?v=-1&ids="+first.ID+".0,x,"))
	foreign.has(t, 200)
	foreign.lacks(t, "INV-", "row-")
}

func TestWritingAnInvoice(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	member, list := w.as("member"), path(w.north, "/payments/invoices")

	p := member.get(list + "?new=1")
	p.has(t, 200, `<label for="client">Client</label>`, `<label for="summary">What is it for</label>`, `<label for="amount">Amount</label>`,
		`<label for="terms">Due</label>`, `<label for="client_email">Client email</label>`, "Add line item", ">Save draft<", "Create and copy link", `value="eur" selected`)
	p.lacks(t, "can't pay it online")
	p.wellFormed(t)
	fragment := member.part(list+"/new", "div#composer")
	fragment.has(t, 200, `id="invoice-form"`)
	fragment.lacks(t, "<html", "<table")
	member.get(list+"/new").has(t, 200, "<html", `id="invoice-form"`)

	id := p.find(t, regexp.MustCompile(`name="id" value="([^"]*)"`))
	fields := []string{"id", id, "client", "Halden & Vik", "client_email", "ana@halden.example", "summary", "Brand identity", "amount", "1.234,50",
		"due", "2031-12-07", "currency", "eur", "line[4].description", "Print templates", "line[4].quantity", "3", "line[4].unit_price", "180", "act", "create"}
	p = member.post(list, fields...)
	if to := p.header.Get("Location"); p.status != 303 || to != list+"/"+id+"?copy=1" {
		t.Fatalf("%d to %q: %s", p.status, to, p.body)
	}
	d := w.detail(w.north, id)
	if d.Invoice.Total != 177450 || len(d.Lines) != 2 || d.Client.Email != "ana@halden.example" || *d.Invoice.Number != "INV-0001" {
		t.Errorf("stored %+v", d.Invoice)
	}
	member.get(list+"/"+id+"?copy=1").has(t, 200, "INV-0001 is ready to send", "autofocus>")

	// The second click on the same form makes no second invoice.
	if p := member.post(list, fields...); p.status != 303 {
		t.Errorf("sent twice: %d", p.status)
	}
	if counts, err := w.app.InvoiceCounts(context.Background(), w.north); err != nil || counts.All != 1 {
		t.Errorf("%d invoices, %v", counts.All, err)
	}
	// Enter in a field sends the first button, which saves a draft.
	p = member.post(list, "summary", "Later", "amount", "10")
	p.has(t, 303)
	if d := w.detail(w.north, invoiceID.FindStringSubmatch(p.header.Get("Location"))[1]); d.Invoice.Number != nil {
		t.Errorf("no draft: %+v", d.Invoice)
	}
}

func TestWritingAnInvoiceWithMistakes(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	owner, list := w.as("owner"), path(w.north, "/payments/invoices")
	owner.get(list+"?new=1").has(t, 200, "Stripe is not connected")

	tests := map[string]struct {
		fields []string
		want   []string
	}{
		"nothing at all": {[]string{"act", "create", "client", "", "summary", "", "amount", ""},
			[]string{"3 fields need another look", `<a href="#summary">Say what it is for</a>`, "Choose a client", `id="client-error"`}},
		"an amount that is none, kept as typed": {[]string{"act", "draft", "summary", "Work", "amount", `ten "euro"`},
			[]string{`value="ten &#34;euro&#34;" aria-invalid="true" aria-describedby="amount-error" autofocus`, "Enter an amount"}},
		"a line, found by its place": {[]string{"act", "draft", "summary", "", "amount", "", "line[3].description", "Prints", "line[3].quantity", "many", "line[3].unit_price", "5"},
			[]string{`id="line[0].quantity-error"`, `value="many" aria-invalid="true"`, "Line 1"}},
		"less than Stripe charges": {[]string{"act", "create", "client", "Halden", "summary", "Work", "amount", "0.10"},
			[]string{`id="amount-error"`}},
		"more decimals than yen have": {[]string{"act", "draft", "currency", "jpy", "summary", "Work", "amount", "10.50"},
			[]string{`id="amount-error"`, `value="jpy" selected`}},
		"an address that is none": {[]string{"act", "create", "client", "Halden", "client_email", "nobody", "summary", "Work", "amount", "5"},
			[]string{`id="client_email-error"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := owner.post(list, test.fields...)
			p.has(t, 422, append(test.want, "<html")...)
			p.wellFormed(t)
		})
	}
	if counts, err := w.app.InvoiceCounts(context.Background(), w.north); err != nil || counts.All != 0 {
		t.Errorf("%d invoices were made, %v", counts.All, err)
	}
}

func TestLinesOfTheForm(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	owner, list := w.as("owner"), path(w.north, "/payments/invoices")
	owner.get(list)

	t.Run("without scripts a button adds a line and keeps what was typed", func(t *testing.T) {
		p := owner.post(list, "act", "add-line", "client", "Hal", "line[0].description", "First", "line[0].quantity", "2", "line[0].unit_price", "x")
		p.has(t, 200, `id="line[1].description"`, `value="First"`, `value="Hal"`, `value="x"`)
		p.lacks(t, "aria-invalid")
		p.wellFormed(t)
	})
	t.Run("and one removes it", func(t *testing.T) {
		p := owner.post(list, "act", "remove-line[0]", "line[0].description", "First", "line[1].description", "Second")
		p.has(t, 200, `id="line[0].description"`, `value="Second"`)
		p.lacks(t, `value="First"`, "line[1]")
	})
	t.Run("a line is added under the next number", func(t *testing.T) {
		p := owner.post(list+"/lines", "line[2].description", "Third")
		p.has(t, 200, `<legend class="sr">Line 4</legend>`, `id="line[3].description"`, "autofocus")
		p.lacks(t, "<html")
	})
	t.Run("sums follow typing, whatever is missing", func(t *testing.T) {
		p := owner.post(list+"/preview", "amount", "1000", "line[2].quantity", "1.5", "line[2].unit_price", "100", "line[5].quantity", "x")
		p.has(t, 200, "€1,150.00", `id="line[2].amount"`, ">150.00<", `id="line[5].amount"`)
		p.lacks(t, "<html")
		if !strings.HasPrefix(p.body, "€1,150.00") {
			t.Errorf("the total does not come first: %s", p.body)
		}
	})
	t.Run("lines in which nothing was typed are left out", func(t *testing.T) {
		p := owner.post(list, "act", "draft", "summary", "Work", "amount", "5", "line[0].quantity", "1", "line[0].description", " ", "line[0].unit_price", "")
		p.has(t, 303)
	})
	t.Run("numbers of lines that make no sense are no lines", func(t *testing.T) {
		owner.post(list+"/preview", "line[99999999999999999999].quantity", "1", "line[-1].quantity", "1", "line[x].quantity", "1", "amount", "1").has(t, 200, "€1.00")
	})
	t.Run("clients are suggested by a part of their name", func(t *testing.T) {
		w.invoice(w.north, `Öru "Coffee"`, "5", "eur", "")
		w.invoice(w.south, "Oruro", "5", "eur", "")
		p := owner.get(list + "/clients/suggest?client=" + url.QueryEscape("oru"))
		p.has(t, 200, `role="option"`, `data-label="Öru &#34;Coffee&#34;"`)
		p.lacks(t, "Oruro", "<html")
	})
}

func TestDrafts(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	owner, ctx := w.as("owner"), context.Background()
	draft := func() (id, at string) {
		id = w.draft(w.north, app.InvoiceInput{ClientName: "Halden & Vik", Summary: "Brand identity", Amount: "2940",
			Lines: []app.LineInput{{Description: "Prints", Quantity: "3", UnitPrice: "0.125"}}})
		return id, path(w.north, "/payments/invoices/"+id)
	}

	t.Run("its page offers to edit, delete and finalize it", func(t *testing.T) {
		_, at := draft()
		p := owner.get(at)
		p.has(t, 200, `<h1 class="num">€2,940.38</h1>`, `role="status"><span class="badge neutral draft">Draft</span>`, at+"/edit", at+"/delete", "Create and copy link")
		p.lacks(t, "Payment link", "Mark void", "data-live", "Client view")
		p.wellFormed(t)
	})
	t.Run("it is edited, and its lines come back as they were", func(t *testing.T) {
		id, at := draft()
		p := owner.get(at + "/edit")
		p.has(t, 200, `value="Brand identity"`, `value="2940.00"`, `id="line[0].quantity" name="line[0].quantity"`, `value="0.125"`, `name="version" value="1"`)
		p.wellFormed(t)
		p = owner.post(at+"/edit", "act", "draft", "version", "1", "client", "Halden & Vik", "summary", "Website", "amount", "100", "currency", "eur")
		p.has(t, 303)
		if d := w.detail(w.north, id); d.Invoice.Total != 10000 || d.Lines[0].Description != "Website" || d.Invoice.Version != 2 {
			t.Errorf("stored %+v", d.Invoice)
		}
	})
	t.Run("what somebody else stored meanwhile is said, and replaced on purpose only", func(t *testing.T) {
		id, at := draft()
		_, err := w.app.UpdateDraft(ctx, w.north, app.InvoiceInput{ID: id, Version: 1, ClientName: "Öru Coffee", Summary: "Shop", Amount: "800"}, false)
		must(t, err)
		p := owner.post(at+"/edit", "act", "draft", "version", "1", "client", "Halden & Vik", "summary", "Website", "amount", "100")
		p.has(t, 409, "Mira Osei changed this draft just now. Stored is €800.00 for Öru Coffee; yours is €100.00 for Halden &amp; Vik", `value="Website"`, `name="version" value="2"`,
			"<span>Stored: Shop, 1 × 800.00</span><span>Yours: Website, 1 × 100.00</span>")
		p.wellFormed(t)
		if d := w.detail(w.north, id); d.Invoice.Total != 80000 {
			t.Errorf("replaced: %+v", d.Invoice)
		}
		owner.post(at+"/edit", "act", "draft", "version", "2", "client", "Halden & Vik", "summary", "Website", "amount", "100").has(t, 303)
	})
	t.Run("one that was finalized meanwhile stays as it is", func(t *testing.T) {
		id, at := draft()
		_, err := w.app.FinalizeInvoice(ctx, w.north, id, 1)
		must(t, err)
		owner.post(at+"/edit", "act", "draft", "version", "1", "summary", "Other", "amount", "1").has(t, 409, "was finalized meanwhile as INV-")
		owner.get(at+"/edit").has(t, 303)
		owner.post(at+"/finalize", "version", "1").has(t, 409, "It was finalized already.", "INV-")
		owner.post(at+"/delete").has(t, 409, "can&#39;t be deleted")
		owner.get(at+"/delete").has(t, 200, "can&#39;t be deleted")
	})
	t.Run("it is finalized as it was seen", func(t *testing.T) {
		id, at := draft()
		p := owner.post(at+"/finalize", "version", "1")
		if p.status != 303 || p.header.Get("Location") != at+"?copy=1" || w.detail(w.north, id).Invoice.Number == nil {
			t.Errorf("%d %s", p.status, p.body)
		}
	})
	t.Run("the lines that differ are told, also while some can't be read", func(t *testing.T) {
		id, at := draft()
		_, err := w.app.UpdateDraft(ctx, w.north, app.InvoiceInput{ID: id, Version: 1, ClientName: "Halden & Vik", Summary: "Brand identity", Amount: "2940",
			Lines: []app.LineInput{{Description: "Prints", Quantity: "4", UnitPrice: "0.125"}, {Description: "<Proof>", Quantity: "1", UnitPrice: "20"}}}, false)
		must(t, err)
		p := owner.post(at+"/edit", "act", "draft", "version", "1", "client", "Halden & Vik", "summary", "Brand identity", "amount", "2,940.00",
			"line[0].description", "Prints", "line[0].quantity", "many", "line[0].unit_price", "0.125")
		p.has(t, 409, "<li><span>Stored: Prints, 4 × 0.125</span><span>Yours: Prints</span></li>", "<li><span>Stored: &lt;Proof&gt;, 1 × 20.00</span></li>", `value="many"`)
		p.lacks(t, "Stored: Brand identity")
		p.wellFormed(t)
	})
	t.Run("one that somebody changed meanwhile is neither finalized nor deleted unseen", func(t *testing.T) {
		id, at := draft()
		owner.get(at+"/delete").has(t, 200, `name="version" value="1"`)
		_, err := w.app.UpdateDraft(ctx, w.north, app.InvoiceInput{ID: id, Version: 1, ClientName: "Halden & Vik", Summary: "Shop", Amount: "800"}, false)
		must(t, err)
		p := owner.post(at+"/finalize", "version", "1")
		p.has(t, 409, "Mira Osei changed this draft just now.", "Look at it again", "€800.00", `name="version" value="2"`)
		p.wellFormed(t)
		owner.post(at+"/delete").has(t, 409)
		p = owner.post(at+"/delete", "version", "1")
		p.has(t, 409, "Mira Osei changed this draft just now.", `name="version" value="2"`, ">Delete draft</button>")
		p.wellFormed(t)
		if d := w.detail(w.north, id); d.Invoice.Number != nil || d.Invoice.Total != 80000 {
			t.Errorf("changed: %+v", d.Invoice)
		}
		owner.post(at+"/delete", "version", "2").has(t, 303)
	})
	t.Run("one without client comes back with what is missing", func(t *testing.T) {
		id := w.draft(w.north, app.InvoiceInput{Summary: "Work", Amount: "5"})
		owner.post(path(w.north, "/payments/invoices/"+id+"/finalize"), "version", "1").has(t, 422, `id="client-error"`, `value="Work"`)
	})
	t.Run("it is deleted after a question", func(t *testing.T) {
		id, at := draft()
		p := owner.get(at + "/delete")
		p.has(t, 200, "Delete this draft?", ">Delete draft</button>", `data-close>Cancel</a>`)
		p.wellFormed(t)
		p = owner.post(at+"/delete", "version", "1")
		if p.status != 303 || p.header.Get("Location") != path(w.north, "/payments/invoices") {
			t.Errorf("%d %s", p.status, p.body)
		}
		if _, err := w.app.InvoiceDetail(ctx, w.north, id); err == nil {
			t.Error("it is still there")
		}
	})
}
