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
	"trak/sandbox"
)

func TestOverviewUntilTheFirstPayment(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	owner, here := w.as("owner"), path(w.north, "/payments")
	step := func(done, next string) page {
		t.Helper()
		p := owner.get(here)
		p.has(t, 200, done+" of 3 done")
		p.wellFormed(t)
		if !regexp.MustCompile(`(?s)aria-current="step">.*?<b>` + next).MatchString(p.body) {
			t.Errorf("the next step is not %q: %s", next, p.main())
		}
		return p
	}
	step("0", "Connect Stripe").lacks(t, "Outstanding")
	w.onboard(w.north, sandbox.OnboardComplete)
	step("1", "Create an invoice")
	inv := w.invoice(w.north, "Halden & Vik", "2940", "eur", "")
	p := step("2", "Get paid")
	p.has(t, 200, "No payment yet", "€2,940.00")

	w.pay(w.north, inv.ID, "4242424242424242")
	p = owner.get(here)
	p.has(t, 200, "Received this month", "1 payment", `href="`+path(w.north, "/payments/invoices/"+inv.ID)+`"`, "Nobody owes you anything")
	p.lacks(t, "of 3 done")
	p.wellFormed(t)
}

func TestOverviewKeepsCurrenciesApart(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	late := time.Now().AddDate(0, 0, -14).Format(time.DateOnly)
	w.invoice(w.north, "Halden & Vik", "180.50", "eur", late)
	w.invoice(w.north, "Öru Coffee", "960", "usd", late)
	w.invoice(w.north, "Lumen Labs", "148000", "jpy", "")
	p := w.as("owner").get(path(w.north, "/payments"))
	p.has(t, 200, "€180.50", "and ¥148,000, $960.00 in 3 invoices", "and $960.00 in 2 invoices, oldest 14 days late", "Needs attention", "14 days late",
		`href="`+path(w.north, "/payments/invoices?tab=overdue")+`"`, `href="`+path(w.north, "/payments/history")+`"`)
	p.wellFormed(t)
}

func TestOverviewPolls(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	owner := w.as("owner")
	p := owner.get(path(w.north, "/payments"))
	p.has(t, 200, `hx-trigger="every 15s, refresh"`)
	poll := regexp.MustCompile(`hx-get="([^"]*/tiles[^"]*)"`).FindStringSubmatch(p.body)[1]
	if p := owner.part(poll, "section#overview"); p.status != http.StatusNoContent || p.body != "" {
		t.Errorf("unchanged: %d %s", p.status, p.body)
	}
	w.invoice(w.north, "Halden & Vik", "10", "eur", "")
	p = owner.part(poll, "section#overview")
	p.has(t, 200, `id="overview"`, "€10.00")
	p.lacks(t, "<html", poll)

	poll = regexp.MustCompile(`hx-get="([^"]*/tiles[^"]*)"`).FindStringSubmatch(p.body)[1]
	for range 2 { // a day, in which the session stays in use
		w.advance(12 * time.Hour)
		owner.get(path(w.north, "/clients"))
	}
	owner.part(poll, "section#overview").has(t, 200, `id="overview"`) // something may be overdue by now
}

func TestPaymentHistory(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	here := path(w.north, "/payments/history")
	w.as("owner").get(here).has(t, 200, "No payments yet")
	account := w.onboard(w.north, sandbox.OnboardComplete)
	paid := w.invoice(w.north, `<b>Halden</b> & "Vik"`, "2940", "eur", "")
	w.pay(w.north, paid.ID, "4242424242424242")
	list, _, err := w.app.Payments(context.Background(), w.north, app.Cursor{})
	must(t, err)
	intent := list[0].PaymentIntentID
	_, err = w.sandbox.Refund(intent, 14000)
	must(t, err)
	must(t, w.sandbox.Settle(context.Background()))
	declined := w.invoice(w.north, "Öru Coffee", "180.50", "usd", "")
	w.pay(w.north, declined.ID, "4000000000000002")

	p := w.as("owner").get(here)
	p.has(t, 200, `aria-label="Payments"`, `href="`+path(w.north, "/payments/invoices/"+paid.ID)+`"`, ">INV-0001</a>", "Visa ···· 4242", "2,940.00 ", "140.00",
		"Partially refunded", "Visa ···· 0002", "Failed", "declined", "&lt;b&gt;Halden&lt;/b&gt; &amp;",
		`href="https://dashboard.stripe.com/`+account+`/test/payments/`+intent+`"`)
	p.lacks(t, "<b>Halden</b>")
	p.wellFormed(t)
	member := w.as("member").get(here)
	member.has(t, 200, "Visa ···· 4242")
	member.lacks(t, "dashboard.stripe.com")
	w.as("stranger").get(path(w.south, "/payments/history")).lacks(t, "4242", "INV-0001")
}

func TestPaymentHistoryPages(t *testing.T) {
	t.Parallel()
	w := newWhole(t, inDemo)
	w.hear()
	account := w.onboard(w.north, sandbox.OnboardComplete)
	const all = 52
	for range all {
		w.pay(w.north, w.invoice(w.north, "Halden & Vik", "10", "eur", "").ID, "4242424242424242")
	}
	owner := w.as("owner")
	first := owner.get(path(w.north, "/payments/history"))
	more := moreLink(t, first, "more-payments")
	first.has(t, 200, "http://localhost:4242/dashboard/"+account)
	first.wellFormed(t)
	rest := owner.part(more, "tr#more-payments")
	rest.has(t, 200, "autofocus")
	rest.lacks(t, "<html", "Show 50 more")
	whole := owner.get(more)
	whole.has(t, 200, "Back to the newest")
	whole.wellFormed(t)
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`>(INV-\d+)</a>`).FindAllStringSubmatch(first.body+rest.body, -1) {
		seen[m[1]] = true
	}
	if len(seen) != all {
		t.Errorf("%d of %d payments on both pages", len(seen), all)
	}
	owner.get(path(w.north, "/payments/history?after=nonsense")).has(t, 200, "Show 50 more")
}

func moreLink(t *testing.T, p page, id string) string {
	t.Helper()
	m := regexp.MustCompile(`id="` + id + `">.*?<a class="btn sm" href="([^"]*)"`).FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("no link to more: %s", p.main())
	}
	return strings.ReplaceAll(m[1], "&amp;", "&")
}

func TestClients(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	ctx, member, here := context.Background(), w.as("member"), path(w.north, "/clients")
	member.get(here).has(t, 200, "No clients yet")
	p := member.get(here + "/new")
	p.has(t, 200, ">Add client</button>", `id="name" name="name"`)
	p.wellFormed(t)

	t.Run("what is wrong comes back with what was typed", func(t *testing.T) {
		p := member.post(here, "name", "", "email", "nobody", "address", "Torstr. 1\nBerlin")
		p.has(t, 422, "2 fields need another look", `id="name-error"`, `id="email-error"`, `value="nobody"`, "Torstr. 1\nBerlin")
		p.wellFormed(t)
		if strings.Count(p.main(), "autofocus") != 1 {
			t.Error("not one field has the focus")
		}
	})
	t.Run("hostile names stay text", func(t *testing.T) {
		name := `"><script>alert(1)</script>`
		if p := member.post(here, "name", name, "email", "x@example.com", "address", "</textarea><b>"); p.status != 303 {
			t.Fatalf("%d %s", p.status, p.main())
		}
		p := member.get(here)
		p.has(t, 200, "&lt;script&gt;alert(1)", "is added.")
		p.lacks(t, "<script>alert")
		p.wellFormed(t)
		list, _, _, err := w.app.Clients(ctx, w.north, app.NameCursor{})
		must(t, err)
		p = member.get(here + "/" + list[0].ID + "/edit")
		p.has(t, 200, `value="&#34;&gt;&lt;script&gt;`, "&lt;/textarea&gt;")
		p.wellFormed(t)
	})
	c, err := w.app.CreateClient(ctx, w.north, app.ClientInput{Name: "Halden & Vik", Email: "ana@haldenvik.example"})
	must(t, err)
	edit := here + "/" + c.ID
	t.Run("two people at once", func(t *testing.T) {
		if p := w.as("owner").post(edit, "name", "Halden, Vik & Co", "version", "1"); p.status != 303 {
			t.Fatalf("%d %s", p.status, p.main())
		}
		p := member.post(edit, "name", "Halden", "email", "ana@haldenvik.example", "version", "1")
		p.has(t, 409, "Somebody changed this client meanwhile.", "<li>Halden, Vik &amp; Co</li>", `value="Halden"`, `name="version" value="2"`)
		p.wellFormed(t)
		if p := member.post(edit, "name", "Halden", "version", "2"); p.status != 303 {
			t.Errorf("%d %s", p.status, p.main())
		}
	})
	t.Run("owes in each currency", func(t *testing.T) {
		w.invoice(w.north, "Halden", "500", "eur", "")
		w.invoice(w.north, "Halden", "75", "usd", "")
		member.get(here).has(t, 200, "<div>€500.00</div><div>$75.00</div>")
	})
	t.Run("archived and taken back", func(t *testing.T) {
		member.post(edit + "/archive")
		member.get(here).lacks(t, ">Halden</a>")
		p := member.get(here + "?archived=1")
		p.has(t, 200, ">Halden</a>", `aria-label="Take Halden back"`)
		p.wellFormed(t)
		member.get(edit+"/edit").has(t, 200, "This client is archived")
		member.post(edit + "/unarchive")
		member.get(here).has(t, 200, ">Halden</a>")
	})
	t.Run("fifty at a time", func(t *testing.T) {
		for i := range 60 {
			_, err := w.app.CreateClient(ctx, w.south, app.ClientInput{Name: fmt.Sprintf("Client %02d & Söhne", i)})
			must(t, err)
		}
		stranger := w.as("stranger")
		first := stranger.get(path(w.south, "/clients"))
		first.wellFormed(t)
		rest := stranger.part(moreLink(t, first, "more-clients"), "tr#more-clients")
		rest.has(t, 200, "Client 50 ", "Client 59 ", "autofocus")
		rest.lacks(t, "Client 49 ", "<html", "more-clients")
		first.lacks(t, "Client 50 ", "Halden")
	})
}
