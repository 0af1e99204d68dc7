package handlers_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"trak/app"
)

// What was done is told in plain words, newest first, with what changed and where from.
func TestAuditLogTellsInPlainWords(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	ctx := app.From(context.Background(), "203.0.113.7")
	c, err := w.app.CreateClient(ctx, w.north, app.ClientInput{Name: "Kestrel Books"})
	must(t, err)
	must(t, w.app.UpdateClient(ctx, w.north, c.ID, app.ClientInput{Name: "Kestrel Press", Version: c.Version}))
	_, err = w.app.CreateClient(ctx, w.south, app.ClientInput{Name: "Another workspace's"})
	must(t, err)
	base := path(w.north, "/settings/audit")
	p := w.as("owner").get(base)
	p.has(t, http.StatusOK, "changed the client Kestrel Press", "Name: <bdi>Kestrel Books</bdi> → <bdi>Kestrel Press</bdi>", "203.0.113.7", "made this workspace", "joined the team as member")
	p.lacks(t, "Another workspace")
	if strings.Index(p.body, "changed the client") > strings.Index(p.body, "added the client") {
		t.Error("the newest is not first")
	}
	w.as("admin").get(base).has(t, http.StatusOK, "changed the client")
	w.as("member").get(base).has(t, http.StatusForbidden)

	// What a person does on a page is from their own address.
	w.as("member").post(path(w.north, "/clients"), "name", "Tern Press").has(t, http.StatusSeeOther)
	w.as("owner").get(base).has(t, http.StatusOK, "added the client Tern Press", "127.0.0.1")
	if n := len(w.rowsOf("audit_log", "")); n == 0 {
		t.Fatal("no records")
	}

	// By person, kind and time.
	member := "?person=" + w.userID(w.people["member"])
	p = w.as("owner").get(base + member + "&kind=Clients")
	p.has(t, http.StatusOK, "Tern Press", "selected")
	p.lacks(t, "Kestrel Press")
	w.as("owner").get(base+"?kind=Projects").has(t, http.StatusOK, "Nothing found", "See everything")
	w.as("owner").get(base+"?until=2001-01-01").has(t, http.StatusOK, "Nothing found")
	w.as("owner").get(base+"?from=2001-01-01&kind=Team").has(t, http.StatusOK, "joined the team")
	w.as("owner").get(base+"?kind=Nonsense").has(t, http.StatusNotFound)
	w.as("owner").get(base+"?from=nonsense&after=nonsense&person=%27").has(t, http.StatusOK, "Nothing found")
}

// The log goes on page by page, and as a file in one piece, with nothing that a spreadsheet runs.
func TestAuditLogAsAFile(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	const many = 620
	for i := range many {
		_, err := w.app.CreateClient(context.Background(), w.north, app.ClientInput{Name: fmt.Sprintf("Client %d", i)})
		must(t, err)
	}
	w.join(w.north, "=HYPERLINK(\"http://evil.example\")", "formula@north.example", app.Member)
	base := path(w.north, "/settings/audit")
	v := w.as("owner")
	seen, next := map[string]bool{}, base
	for pages := 0; next != ""; pages++ {
		if pages > many/50+2 {
			t.Fatal("the pages don't end")
		}
		p := v.get(next)
		p.has(t, http.StatusOK, "<table")
		next = ""
		for _, part := range strings.Split(p.body, "added the client Client ")[1:] {
			seen[part[:strings.IndexAny(part, "<\n ")]] = true
		}
		if _, after, found := strings.Cut(p.body, `<a class="btn sm" href="`); found {
			next, _, _ = strings.Cut(after, `"`)
		}
	}
	if len(seen) != many {
		t.Errorf("the pages show %d of %d", len(seen), many)
	}
	p := v.get(base + ".csv")
	p.has(t, http.StatusOK, "\ufeff")
	if got := p.header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="audit-`) {
		t.Errorf("Content-Disposition is %q", got)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(p.body, "\ufeff"))).ReadAll()
	must(t, err)
	if want := len(w.rowsOf("audit_log", w.north.WorkspaceID)) + 1; len(rows) != want {
		t.Errorf("%d lines of %d", len(rows), want)
	}
	formula := false
	for _, row := range rows {
		for _, cell := range row {
			formula = formula || strings.HasPrefix(cell, "'=HYPERLINK")
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("a spreadsheet would run %q", cell) // F11
			}
		}
	}
	if !formula {
		t.Error("the formula is not in it")
	}
	p = v.get(base + ".csv?kind=Clients&person=" + url.QueryEscape(w.userID(w.people["member"])))
	if strings.Count(p.body, "\n") != 1 {
		t.Errorf("the filter lets through %.300q", p.body)
	}
}

// auditHoldsNoSecret looks through every record for what must not be in one.
func auditHoldsNoSecret(t *testing.T, w *whole, halves ...*half) {
	t.Helper()
	log := strings.Join(w.rowsOf("audit_log", ""), "\n")
	secrets := map[string]string{
		"password": secret, "hash of a password": "$argon2", "Stripe key": "sk_test", "webhook secret": "whsec_", "token of a link": "token=", "address of the client's page": "/i/",
	}
	for role, v := range w.browsers {
		secrets["session of "+role], secrets["form token of "+role] = v.session(), v.token
	}
	for _, h := range halves {
		secrets["token of "+h.slug] = h.token
	}
	for i, row := range w.rowsOf("one_time_tokens", "") {
		_, hash, _ := strings.Cut(row, "hash=")
		secrets[fmt.Sprint("one-time token ", i)], _, _ = strings.Cut(hash, " ")
	}
	for name, s := range secrets {
		if s != "" && strings.Contains(log, s) {
			t.Errorf("the audit log holds the %s", name)
		}
	}
	if strings.Count(log, "\n") < 50 {
		t.Errorf("there are only %d records to look through", strings.Count(log, "\n"))
	}
}
