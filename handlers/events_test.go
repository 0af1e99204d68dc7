package handlers_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"trak/connect"
)

// visitor signs somebody in to a Trak whose webhooks the test delivers.
func (in *inbox) visitor(email string) *visitor {
	in.t.Helper()
	return (&whole{t: in.t, url: in.url}).newcomer(email)
}

// written is how often something was written and when, which says nothing about money.
var written = regexp.MustCompile(` (version|updated_at|fetched_at)=\d+`)

// rowsOfBooks is all that an event can have an effect on.
func (in *inbox) rowsOfBooks() string {
	in.t.Helper()
	var all []string
	for _, table := range []string{"checkout_sessions", "charges", "refunds", "disputes", "radar_alerts", "payouts", "balance_transactions", "payments", "invoices", "payment_links", "invoice_events", "stripe_connect_accounts"} {
		all = append(all, (&whole{t: in.t, reader: in.raw}).rowsOf(table, "")...)
	}
	return written.ReplaceAllString(strings.Join(all, "\n"), "")
}

func TestWebhookInbox(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{})
	inv, link := in.invoice(in.owner, "120", "eur")
	events := in.paid(link)
	in.delivered(events...)
	owner := in.visitor("mira@north.example")
	base := path(in.owner, "/payments/events")

	list := owner.get(base)
	list.has(t, http.StatusOK, "Charge succeeded", "charge.succeeded", "Checkout finished", "by webhook", ">Done<", "just now")
	list.wellFormed(t)
	if first, last := strings.Index(list.body, idOf(events[len(events)-1])), strings.Index(list.body, idOf(events[0])); first < 0 || last < first {
		t.Error("the newest does not come first")
	}
	in.delivered(altered(t, events[0], map[string]any{"id": "evt_nothing", "type": "customer.created", "data.object": map[string]any{"id": "cus_1", "object": "customer"}}))
	owner.get(base+"?state=ignored").has(t, http.StatusOK, "Something else at Stripe", "customer.created", "nothing to do for this type")
	owner.get(base+"?state=ignored").lacks(t, "charge.succeeded")
	owner.get(base+"?state=failed").has(t, http.StatusOK, "No events here")
	owner.get(base+"?state=unheard-of").has(t, http.StatusNotFound)
	owner.get(base+"?q=evt_nothing").has(t, http.StatusOK, "customer.created")
	owner.get(base+"?q=cus_1").has(t, http.StatusOK, "customer.created")
	owner.get(base+"?q=us_1").has(t, http.StatusOK, "Nothing found")

	for _, e := range events {
		p := owner.get(base + "/" + idOf(e))
		p.has(t, http.StatusOK, *inv.Number, `href="`+path(in.owner, "/payments/invoices/"+inv.ID)+`"`, typeOf(e), "&#34;livemode&#34;: false")
		p.wellFormed(t)
	}
	owner.get(base+"/evt_nowhere").has(t, http.StatusNotFound)
}

// Each kind that Trak asks for is told in plain words.
func TestEveryEventHasWords(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{})
	_, link := in.invoice(in.owner, "120", "eur")
	event := in.paid(link)[0]
	for i, typ := range connect.WantedEvents() {
		in.delivered(altered(t, event, map[string]any{"id": fmt.Sprintf("evt_%d", i), "type": typ, "data.object": map[string]any{"id": "x_1", "object": "something"}}))
	}
	in.visitor("mira@north.example").get(path(in.owner, "/payments/events")).lacks(t, "Something else at Stripe")
}

// What Stripe's clients typed is text, also where it is made to be more.
func TestPayloadIsText(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{})
	_, link := in.invoice(in.owner, "120", "eur")
	const evil = `</pre><script>alert("x")</script>`
	event := altered(t, in.paid(link)[0], map[string]any{"id": "evt_evil", "data.object": map[string]any{"id": "ID", "object": "customer", "name": "NAME"}})
	event = []byte(strings.NewReplacer("ID", "cus_<b>", "NAME", strings.ReplaceAll(evil, `"`, `\"`)).Replace(string(event)))
	in.delivered(event)
	owner := in.visitor("mira@north.example")
	p := owner.get(path(in.owner, "/payments/events/evt_evil"))
	p.has(t, http.StatusOK, "&lt;/pre&gt;&lt;script&gt;alert(")
	p.lacks(t, evil, "<script>alert", "cus_<b>")
	p.wellFormed(t)

	long := altered(t, event, map[string]any{"id": "evt_long", "data.object.name": strings.Repeat("é", 100<<10)})
	deep := altered(t, event, map[string]any{"id": "evt_deep"})
	deep = []byte(strings.Replace(string(deep), `"object":"customer"`, `"object":"customer","deep":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000), 1))
	in.delivered(long, deep)
	p = owner.get(path(in.owner, "/payments/events/evt_long"))
	p.has(t, http.StatusOK, "The rest is left out")
	if n := len(p.body); n > 300<<10 {
		t.Errorf("a page of %d bytes", n)
	}
	if p = owner.get(path(in.owner, "/payments/events/evt_deep")); p.status != http.StatusOK || len(p.body) > 40<<10 {
		t.Errorf("%d with %d bytes for what is nested deep", p.status, len(p.body))
	}
}

// Members see what happened and nothing about a person; whoever is of another workspace, nothing.
func TestWhoSeesWhatOfAnEvent(t *testing.T) {
	t.Parallel()
	w, north, south := newHalves(t)
	base := path(north.owner, "/payments/events")
	for _, rest := range []string{"", "/" + north.ids[event]} {
		for _, role := range []string{"owner", "admin", "member"} {
			w.as(role).get(base+rest).has(t, http.StatusOK, "charge.succeeded", "Webhook events</a>")
		}
		w.as("stranger").get(base+rest).has(t, http.StatusNotFound)
	}
	const personal = "pay@client.example"
	var id string
	must(t, w.reader.QueryRow("SELECT event_id FROM stripe_webhook_events WHERE workspace_id = ? AND type = 'charge.succeeded' AND CAST(payload AS TEXT) LIKE '%' || ? || '%'", north.owner.WorkspaceID, personal).Scan(&id))
	shown := base + "/" + id
	for _, role := range []string{"owner", "admin"} {
		p := w.as(role).get(shown)
		p.has(t, http.StatusOK, personal, "4242", "Process again")
		p.lacks(t, "Owners and admins see all of it")
	}
	p := w.as("member").get(shown)
	p.has(t, http.StatusOK, "Owners and admins see all of it", "&#34;object&#34;: &#34;charge&#34;", "&#34;amount&#34;", "&#34;billing_details&#34;: &#34;hidden&#34;")
	p.lacks(t, personal, "4242", "fingerprint&#34;: &#34;", "Process again")
	p.wellFormed(t)
	w.as("member").post(shown+"/process").has(t, http.StatusForbidden, "Only owners and admins can process webhook events again.")

	w.as("owner").get(base+"/"+south.ids[event]).has(t, http.StatusNotFound)
	w.as("owner").get(base+"?q="+south.ids[event]).has(t, http.StatusOK, "Nothing found")
	w.as("owner").post(base+"/"+south.ids[event]+"/process").has(t, http.StatusNotFound)
}

func TestProcessAgainCountsNothingTwice(t *testing.T) {
	t.Parallel()
	bothInboxes(t, "every event of a payment", func(t *testing.T, in *inbox) {
		_, link := in.invoice(in.owner, "120", "eur")
		events := in.paid(link)
		in.delivered(events...)
		in.idle()
		before := in.rowsOfBooks()
		owner := in.visitor("mira@north.example")
		for range 2 {
			for _, e := range slices.Backward(events) {
				p := owner.post(path(in.owner, "/payments/events/"+idOf(e)+"/process"))
				p.has(t, http.StatusSeeOther)
				owner.get(p.header.Get("Location")).has(t, http.StatusOK, "Processed again. Nothing was counted twice.")
			}
		}
		if after := in.rowsOfBooks(); after != before {
			t.Errorf("was\n%s\nis\n%s", before, after)
		}
		if n := in.count("SELECT count(*) FROM audit_log WHERE action = 'event.process' AND workspace_id = ?", in.owner.WorkspaceID); n != 2*len(events) {
			t.Errorf("%d audit records for %d events processed twice", n, len(events))
		}
	})
}

// A fault of Trak's own in an event's way is a failure like any other: kept, and tried again at
// a pace.
func TestFaultsAreFailures(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{})
	inv, link := in.invoice(in.owner, "10", "eur")
	events := in.paid(link)
	fault := func(query string) error {
		if strings.HasPrefix(query, "-- name: UpsertCharge ") {
			panic("a fault in the fold")
		}
		return nil
	}
	in.fault.Store(&fault)
	in.delivered(events...)
	charge := idOf(ofType(t, events, "charge.succeeded"))
	if state, outcome := in.stored(charge); state != "failed" || !strings.Contains(outcome, "a fault in the fold") {
		t.Fatalf("%s: %s", state, outcome)
	}
	owner := in.visitor("mira@north.example")
	page := path(in.owner, "/payments/events/"+charge)
	owner.post(page+"/process").has(t, http.StatusSeeOther)
	owner.get(page).has(t, http.StatusOK, "It failed again. Nothing was changed", "This event could not be applied yet.", "a fault in the fold")

	in.fault.Store(nil)
	for _, e := range events {
		owner.post(path(in.owner, "/payments/events/"+idOf(e)+"/process")).has(t, http.StatusSeeOther)
	}
	if s := in.standing(in.owner, inv.ID); s != "paid received 1000 due 0 payments 1" {
		t.Error(s)
	}
	owner.get(page).has(t, http.StatusOK, "Done")
	in.verified()
}
