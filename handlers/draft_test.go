package handlers_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"trak/app"
	"trak/billing"
)

// What was typed when the session had ended is there again after signing in, without scripts.
func TestDraftOutlivesTheSession(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	typed := []string{"act", "create", "client", "Halden & Vik", "summary", `Signs "A" <b>`, "amount", "much", "currency", "eur", "terms", "30", "note", "Two\nlines",
		"line[0].description", "Post", "line[0].quantity", "2", "line[0].unit_price", "3"}
	v := w.newcomer("mira@north.example")
	v.get(path(w.north, "/payments/invoices?new=1"))
	v.post("/signout")
	p := v.post(path(w.north, "/payments/invoices"), typed...)
	p.has(t, http.StatusUnauthorized, "it is not lost", `name="kept.summary" value="Signs &#34;A&#34; &lt;b&gt;"`)
	p.lacks(t, `name="kept.act"`, `name="kept.csrf"`)

	// A wrong password on the way loses nothing.
	fields := append([]string{"email", "mira@north.example", "password", "not this one"}, p.carried()...)
	p = v.post("/signin", fields...)
	p.has(t, http.StatusUnprocessableEntity, `name="kept.amount" value="much"`)
	fields[3] = secret
	p = v.post("/signin", fields...)
	to := p.header.Get("Location")
	if p.status != http.StatusSeeOther || to != path(w.north, "/payments/invoices?new=1") {
		t.Fatalf("%d to %s", p.status, to)
	}
	p = v.get(to)
	p.has(t, 200, `value="Signs &#34;A&#34; &lt;b&gt;"`, `value="much"`, "Two\nlines</textarea>", `value="Post"`, `<option value="30" selected>`, "data-typed")
	p.wellFormed(t)
	v.get(to).lacks(t, "Signs") // once
	if n := len(w.rowsOf("invoices", w.north.WorkspaceID)); n != 0 {
		t.Errorf("%d invoices were stored by themselves", n)
	}

	// Nothing is carried for another site, nor for other forms.
	v.post("/signout")
	r := request{http.MethodPost, path(w.north, "/payments/invoices"), typed}
	if p := v.try(r, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); p.status != http.StatusForbidden || strings.Contains(p.body, "Halden") {
		t.Errorf("another site: %d", p.status)
	}
	if p := v.post(path(w.north, "/clients"), "name", "Halden"); p.status != http.StatusSeeOther {
		t.Errorf("another form: %d", p.status)
	}
}

// carried are the hidden fields of a sign-in page, as a browser sends them.
func (p page) carried() (fields []string) {
	for _, m := range regexp.MustCompile(`<input type="hidden" name="(kept\.[^"]+|next)" value="([^"]*)">`).FindAllStringSubmatch(p.body, -1) {
		fields = append(fields, m[1], html.UnescapeString(m[2]))
	}
	return fields
}

// What one person typed is not shown to another one who signs in instead, in a workspace of theirs.
func TestKeptDraftIsShownWhereItWasWritten(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	v := w.newcomer("mira@north.example")
	v.post("/signout")
	p := v.post(path(w.north, "/payments/invoices"), "act", "draft", "client", "Halden & Vik", "summary", "Signs", "amount", "5")
	p = v.post("/signin", append([]string{"email", "tomas@south.example", "password", secret}, p.carried()...)...)
	p.has(t, http.StatusSeeOther)
	v.get(p.header.Get("Location")).has(t, http.StatusNotFound)
	v.get(path(w.south, "/payments/invoices?new=1")).lacks(t, "Halden", "Signs", "data-typed")

	// Nor in another draft, though the form names that one.
	draft := w.draft(w.north, app.InvoiceInput{ClientName: "Halden", Summary: "Menu", Amount: "5"})
	other := w.draft(w.north, app.InvoiceInput{ClientName: "Halden", Summary: "Poster", Amount: "5"})
	v.post("/signout")
	p = v.post(path(w.north, "/payments/invoices/"+draft+"/edit"), "id", other, "version", "1", "summary", "Signs", "amount", "5")
	p = v.post("/signin", append([]string{"email", "mira@north.example", "password", secret}, p.carried()...)...)
	v.get(path(w.north, "/payments/invoices/"+other+"/edit")).lacks(t, "Signs")
}

// The largest form there can be gets through sign-in whole.
func TestLargeDraftOutlivesTheSession(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	v := w.newcomer("mira@north.example")
	v.post("/signout")
	typed := []string{"act", "draft", "summary", ""}
	for i := range billing.MaxLines {
		at := fmt.Sprintf("line[%02d].", i)
		typed = append(typed, at+"description", strings.Repeat("a", billing.MaxDescription), at+"quantity", "1", at+"unit_price", "1")
	}
	form := url.Values{"csrf": {v.token}}
	for i := 0; i < len(typed); i += 2 {
		form.Set(typed[i], typed[i+1])
	}
	typed[3] = strings.Repeat("s", 64<<10-len(form.Encode()))
	for len(typed[3]) > 9000 { // more than one field may hold
		typed = append(typed, fmt.Sprint("more", len(typed)), strings.Repeat("s", 8900))
		typed[3] = typed[3][8920:]
	}
	p := v.post(path(w.north, "/payments/invoices"), typed...)
	p.has(t, http.StatusUnauthorized, `name="kept.line[99].description"`)
	p = v.post("/signin", append([]string{"email", "mira@north.example", "password", secret}, p.carried()...)...)
	p.has(t, http.StatusSeeOther)
	v.get(p.header.Get("Location")).has(t, http.StatusOK, `id="line[99].description"`, "data-typed")
}

func TestLinesAreMoved(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	owner := w.as("owner")
	form := []string{"summary", "Signs", "amount", "10", "currency", "eur"}
	for i, d := range []string{"one", "two", "three"} {
		form = append(form, fmt.Sprintf("line[%d].description", i*2), d, fmt.Sprintf("line[%d].quantity", i*2), "1", fmt.Sprintf("line[%d].unit_price", i*2), "x")
	}
	order := regexp.MustCompile(`name="line\[(\d)\]\.description"[^>]* value="([a-z]*)"`)
	for act, want := range map[string]string{
		"move-up[2]": "two one three", "move-down[2]": "one three two", "move-up[0]": "one two three", "move-down[4]": "one two three",
		"move-up[9]": "one two three", "move-up[x]": "", "move-down[0]": "two one three", "remove-line[2]": "one three", "remove-line[7]": "one two three",
	} {
		p := owner.post(path(w.north, "/payments/invoices"), append([]string{"act", act}, form...)...)
		if want == "" { // no act of ours: it is a draft with a mistake in it
			p.has(t, http.StatusUnprocessableEntity)
			continue
		}
		var got []string
		for i, m := range order.FindAllStringSubmatch(p.body, -1) {
			got = append(got, m[2])
			if m[1] != fmt.Sprint(i) {
				t.Errorf("%s: line %d is numbered %s", act, i, m[1])
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", act, got, want)
		}
		p.has(t, 200, `value="Signs"`, `value="10"`)
		p.wellFormed(t)
		if n := strings.Count(p.body, " autofocus"); n != 1 {
			t.Errorf("%s: %d elements take the focus", act, n)
		}
	}
}

func TestWhatStandsBesideTheLines(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	owner := w.as("owner")
	p := owner.post(path(w.north, "/payments/invoices"), "act", "draft", "summary", "Signs", "amount", "10", "currency", "eur",
		"note", strings.Repeat("n", 2001), "po_number", strings.Repeat("7", 61), "terms", "500")
	p.has(t, 422, "At most 2,000 characters", "At most 60 characters", "Enter a number of days from 0 to 365", "<details class=\"beside\" open>")
	p.wellFormed(t)
	inv := w.draft(w.north, app.InvoiceInput{ClientName: "Halden", Summary: "Signs", Amount: "10", Terms: "14", PONumber: "PO <7>", Note: "Dear all,\n<script>alert(1)</script>"})
	here := path(w.north, "/payments/invoices/"+inv)
	owner.get(here).has(t, 200, "In 14 days, once it is issued", "PO &lt;7&gt;", "Dear all,\n&lt;script&gt;")
	owner.get(here+"/edit").has(t, 200, `<option value="14" selected>`, `value="PO &lt;7&gt;"`)
	owner.post(here+"/finalize", "version", "1").has(t, 303)
	token := w.detail(w.north, inv).Invoice.Token
	client := w.as("nobody").get("/i/" + token)
	client.has(t, 200, "Your purchase order PO &lt;7&gt;", "Dear all,\n&lt;script&gt;")
	client.wellFormed(t)

	owner.get(here+"/uncollectible").has(t, 200, "Mark INV-0001 uncollectible?")
	owner.post(here+"/uncollectible").has(t, 303)
	owner.get(here).has(t, 200, "Uncollectible", ">Marked uncollectible<", "Reopen")
	client = w.as("nobody").get("/i/" + token)
	client.has(t, 200, "nothing has to be paid any more", "Closed")
	client.lacks(t, "Amount due", "Total due", "Still due")
	owner.post(here+"/uncollectible").has(t, 303)
	owner.post(here+"/reopen").has(t, 303)
	owner.get(here).has(t, 200, ">Reopened<")
	owner.post(here+"/duplicate", "id", "0192b5a0-0000-7000-8000-000000000001").has(t, 303)
	owner.get(path(w.north, "/payments/invoices/0192b5a0-0000-7000-8000-000000000001")).has(t, 200, "Duplicated from INV-0001")
}
