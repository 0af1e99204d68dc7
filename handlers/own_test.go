package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"trak/billing"
)

func TestOwnModePages(t *testing.T) {
	t.Parallel()
	w := newOwn(t)
	owner, here := w.as("owner"), path(w.north, "/payments/connect")

	t.Log("the page of the connection has nothing to connect")
	p := owner.get(here)
	p.has(t, 200, "https://dashboard.stripe.com/test/dashboard", "the account that this Trak")
	p.lacks(t, "Disconnect", "Connect with Stripe", "Continue in Stripe", "Country of your business")
	p.wellFormed(t)
	if p.stage() != "Active" || !p.button("Check again") {
		t.Errorf("stage %q", p.stage())
	}
	if p := owner.post(here + "/check"); p.status != http.StatusSeeOther {
		t.Errorf("check: %d", p.status)
	}
	for _, route := range []string{"", "/continue", "/dashboard", "/disconnect"} {
		if p := owner.post(here+route, "country", "DE"); p.status != http.StatusNotFound && p.status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", route, p.status)
		}
	}

	t.Log("there is no second workspace")
	owner.get("/workspaces").lacks(t, "New workspace")
	owner.post("/workspaces", "workspace", "Second", "country", "AT", "currency", "eur", "time_zone", "UTC").has(t, 422, "one workspace alone")

	t.Log("an invoice goes the whole way")
	inv := w.invoice(w.north, "Halden & Vik", "2,940.00", "eur", "")
	w.as("nobody").get("/i/"+inv.Token).has(t, 200, "Open", "€2,940.00")
	w.pay(w.north, inv.ID, "4242424242424242")
	w.waitFor(inv.ID, billing.Paid)
	owner.get(path(w.north, "/payments/invoices/"+inv.ID)).has(t, 200, "Paid")
}

func TestOwnModeIsolation(t *testing.T) {
	t.Parallel()
	w := newOwn(t)
	inv := w.invoice(w.north, "Halden & Vik", "10", "eur", "")
	stranger := w.as("stranger")
	before := w.rows(w.north.WorkspaceID)
	for _, r := range w.server.Fiber().GetRoutes(true) {
		if !strings.HasPrefix(r.Path, "/w/:slug/") || r.Method == http.MethodHead {
			continue
		}
		at := strings.NewReplacer(":slug", w.north.Workspace.Slug, ":id", inv.ID).Replace(r.Path)
		var p page
		if r.Method == http.MethodGet {
			p = stranger.get(at)
		} else {
			p = stranger.post(at)
		}
		if p.status != http.StatusNotFound {
			t.Errorf("%s %s: %d", r.Method, r.Path, p.status)
		}
		p.lacks(t, "Halden")
	}
	w.unchanged(t, before, w.north.WorkspaceID, "a stranger")
}

// Whoever looks at a test must see that it is one.
func TestATestIsMarked(t *testing.T) {
	t.Parallel()
	w := newOwn(t)
	inv := w.invoice(w.north, "Halden & Vik", "10", "eur", "")
	for _, at := range []string{"/payments", "/payments/invoices", "/payments/invoices/" + inv.ID, "/payments/invoices/new", "/payments/history", "/payments/connect", "/clients"} {
		w.as("owner").get(path(w.north, at)).has(t, 200, `<aside class="strip" aria-label="Test mode">`)
	}
	w.as("owner").get(path(w.north, "/payments/invoices/"+inv.ID)).has(t, 200, `<span class="test">Test</span>`)
	w.as("nobody").get("/signin").has(t, 200, `aria-label="Test mode"`)
	client := w.as("nobody").get("/i/" + inv.Token)
	client.has(t, 200, `<p class="test" role="note">This is a test invoice. Nothing has to be paid.</p>`)
}
