package handlers_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"trak/billing"
	"trak/sandbox"
)

func (w *whole) waitFor(id string, status billing.Status) {
	w.t.Helper()
	w.until("the invoice is "+string(status), func() bool { return w.detail(w.north, id).Standing.Status == status })
}

func TestInvoicePage(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	ctx, owner := context.Background(), w.as("owner")
	open := func(currency string) (id, at string) {
		inv := w.invoice(w.north, `Halden <b>"&"</b> Vik`, "500", currency, "2031-12-07")
		return inv.ID, path(w.north, "/payments/invoices/"+inv.ID)
	}
	show := func(at string, texts ...string) page {
		p := owner.get(at)
		p.has(t, 200, texts...)
		p.wellFormed(t)
		return p
	}

	t.Run("open: what to send, and what can be done", func(t *testing.T) {
		id, at := open("eur")
		d := w.detail(w.north, id)
		p := show(at, `<h1 class="num">€500.00</h1>`, `role="status"><span class="badge info open">Open</span>`,
			`aria-label="Payment link" readonly value="`+w.app.PublicURL(d.Invoice)+`"`, "Copy</button>",
			`aria-label="Stripe link" readonly value="`+d.Link.URL+`"`, "Copy Stripe link</button>",
			"Client view</a>", "Mark void</a>", "due <time datetime=\"2031-12-07\">7 Dec 2031", "Finalized as "+*d.Invoice.Number, "Mira Osei",
			"Halden &lt;b&gt;", `hx-swap="outerMorph"`, "Brand identity")
		p.lacks(t, "<b>\"&\"", "Edit</a>", "Delete</a>")

		owner.post(at+"/copied").has(t, 204)
		show(at, "Sent</span>", "Link copied to send")
		w.as("nobody").post("/i/"+d.Invoice.Token+"/viewed").has(t, 204)
		show(at, "Viewed</span>", "Viewed by the client")
	})
	t.Run("a payment that failed says why, and that there is another try", func(t *testing.T) {
		id, at := open("eur")
		w.pay(w.north, id, "4000000000000002")
		w.until("the failure is seen", func() bool { return w.detail(w.north, id).Label.Key == "payment_failed" })
		show(at, "Payment failed</span>", "The last payment did not go through.", "The bank declined it", "Visa ···· 0002", "Mark void")
	})
	t.Run("processing, then paid", func(t *testing.T) {
		id, at := open("usd")
		w.pay(w.north, id, "000123456789")
		w.waitFor(id, billing.Processing)
		show(at, "Processing</span>", "$500.00 on its way", "data-live")
		owner.get(at+"/void").has(t, 200, ">Void invoice</button>")
		w.sandbox.SettleBankDebits()
		w.waitFor(id, billing.Paid)
		w.until("the link is closed", func() bool { return w.detail(w.north, id).Link.State == "closed" })
		p := show(at, "Paid</span>", "$500.00 paid", "Your client sees there what was paid.", `id="payments"`)
		p.lacks(t, "data-live", "hx-get", "Mark void", "Stripe link", ">Live<")
	})
	t.Run("refunded in part, then wholly", func(t *testing.T) {
		id, at := open("eur")
		w.pay(w.north, id, "4242424242424242")
		_, err := w.sandbox.Refund(w.detail(w.north, id).Payments[0].PaymentIntentID, 20000)
		must(t, err)
		must(t, w.sandbox.Settle(ctx))
		w.waitFor(id, billing.PartiallyRefunded)
		show(at, "Partially refunded</span>", "€200.00 refunded", "−€200.00", "Paid after refunds", "€300.00")
		_, err = w.sandbox.Refund(w.detail(w.north, id).Payments[0].PaymentIntentID, 30000)
		must(t, err)
		must(t, w.sandbox.Settle(ctx))
		w.waitFor(id, billing.Refunded)
		show(at, "Refunded</span>")
	})
	t.Run("voided after a question that says what happens", func(t *testing.T) {
		id, at := open("eur")
		show(at+"/void", "Its payment link stops working", ">Void invoice</button>", `data-close>Cancel</a>`)
		if p := owner.post(at + "/void"); p.status != 303 || p.header.Get("Location") != at {
			t.Fatalf("%d %s", p.status, p.body)
		}
		p := show(at, "Void</span>", "Voided", "Client view")
		p.lacks(t, "Payment link", "Mark void")
		if w.detail(w.north, id).Invoice.Decided != string(billing.Void) {
			t.Error("not void")
		}
		show(at+"/void", "is void already")
		owner.post(at+"/void").has(t, 303)
	})
	t.Run("money that comes for a void one is said, and can't be voided away", func(t *testing.T) {
		id, at := open("eur")
		session, err := w.sandbox.Checkout(w.detail(w.north, id).Link.URL)
		must(t, err)
		w.sandbox.SetKnobs(sandbox.Knobs{Hold: true})
		_, err = w.sandbox.Pay(session, sandbox.Card{Number: "4242424242424242", Expiry: "12/40", CVC: "123", Email: "ana@halden.example"})
		must(t, err)
		must(t, w.app.VoidInvoice(ctx, w.north, id))
		w.sandbox.SetKnobs(sandbox.Knobs{})
		must(t, w.sandbox.Settle(ctx))
		w.waitFor(id, billing.Paid)
		show(at, "Paid although it is void.", "€500.00 arrived.")
	})
	t.Run("one that was paid can't be voided", func(t *testing.T) {
		id, at := open("eur")
		w.pay(w.north, id, "4242424242424242")
		w.waitFor(id, billing.Paid)
		owner.get(at+"/void").has(t, 200, "can&#39;t be voided", "Back to the invoice")
		owner.post(at+"/void").has(t, 409, "can&#39;t be voided")
	})
	t.Run("its link is replaced after a question", func(t *testing.T) {
		id, at := open("eur")
		old := w.detail(w.north, id).Invoice.Token
		show(at+"/revoke", ">Replace link</button>")
		owner.post(at+"/revoke").has(t, 303)
		if now := w.detail(w.north, id).Invoice.Token; now == old {
			t.Error("the same token")
		}
		w.as("nobody").get("/i/"+old).has(t, 404, "This link leads nowhere")
	})
	owner.get(path(w.north, "/payments/invoices/0")).has(t, 404)
}

func TestInvoicePageWithoutALink(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	owner, member := w.as("owner"), w.as("member")
	inv := w.invoice(w.north, "Halden & Vik", "500", "eur", "")
	at := path(w.north, "/payments/invoices/"+inv.ID)

	p := owner.get(at)
	p.has(t, 200, "No payment link.", "Stripe is not connected", `href="`+path(w.north, "/payments/connect")+`">Connect Stripe</a>`, `aria-label="Payment link"`)
	p.lacks(t, "Try again", "Stripe link")
	p.wellFormed(t)
	p = member.get(at)
	p.has(t, 200, "Ask ", "Mira Osei")
	p.lacks(t, ">Connect Stripe</a>")

	w.sandbox.SetKnobs(sandbox.Knobs{Fail: sandbox.FailServer, FailTimes: 1000, FailPath: "/v1/prices"})
	w.onboard(w.north, sandbox.OnboardComplete)
	owner.post(at+"/retry-link").has(t, 303)
	w.until("a try has failed", func() bool { return w.detail(w.north, inv.ID).Link.Error != "" }) // the worker may hold it at this moment
	p = owner.get(at)
	p.has(t, 200, "Saved, but no payment link yet.", "Stripe did not answer.", "We keep trying.", "Try again", `data-live`)
	p.wellFormed(t)

	w.sandbox.SetKnobs(sandbox.Knobs{})
	w.until("another try makes it", func() bool { // the worker may hold it at this moment
		owner.post(at+"/retry-link").has(t, 303)
		return w.detail(w.north, inv.ID).Link.State == "active"
	})
	p = owner.get(at)
	p.has(t, 200, `aria-label="Stripe link"`)
	p.lacks(t, "no payment link")
}

// Attack G20.
func TestInvoicePagePolls(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	inv := w.invoice(w.north, "Halden & Vik", "500", "eur", "")
	owner, at := w.as("owner"), path(w.north, "/payments/invoices/"+inv.ID)
	poll := owner.get(at).find(t, pagePoll)
	const target = "div#invoice"

	for range 2 {
		if p := owner.part(poll, target); p.status != http.StatusNoContent || p.body != "" || len(p.header["Set-Cookie"]) > 0 {
			t.Fatalf("unchanged: %d %s", p.status, p.body)
		}
	}
	w.advance(3 * time.Minute)
	p := owner.part(poll, target)
	p.has(t, 200, "every 5s")
	p.lacks(t, "<html", " new\"")
	poll = p.find(t, pagePoll)
	owner.part(poll, target).has(t, 204)
	w.advance(8 * time.Minute)
	p = owner.part(poll, target)
	p.has(t, 200, "every 15s")
	poll = p.find(t, pagePoll)

	owner.post(at+"/copied").has(t, 204)
	p = owner.part(poll, target)
	p.has(t, 200, "every 2s", "Sent</span>", `class="info new"`)
	p.lacks(t, "autofocus")
	poll = p.find(t, pagePoll)

	w.pay(w.north, inv.ID, "4242424242424242")
	w.until("the link is closed", func() bool { return w.detail(w.north, inv.ID).Link.State == "closed" })
	p = owner.part(poll, target)
	p.has(t, 200, "Paid</span>")
	p.lacks(t, "hx-get", "data-live")

	if p := w.as("stranger").part(strings.Replace(poll, w.north.Workspace.Slug, w.south.Workspace.Slug, 1), target); p.status != 404 {
		t.Errorf("another workspace: %d", p.status)
	}
	if p := w.as("stranger").part(poll, target); p.status != 404 {
		t.Errorf("no member: %d", p.status)
	}
	if p := w.as("nobody").part(poll, target); p.status != 401 {
		t.Errorf("not signed in: %d", p.status)
	}
}

func TestInvoicePermissions(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	inv := w.invoice(w.north, "Halden & Vik", "500", "eur", "")
	list := path(w.north, "/payments/invoices")
	at := list + "/" + inv.ID
	pages := []string{list, list + "?new=1", list + "/new", list + "/clients/suggest", list + "/live?v=-1", at, at + "/status?v=-1",
		at + "/edit", at + "/void", at + "/delete", at + "/revoke"}
	changes := []string{list, list + "/preview", list + "/lines", at + "/edit", at + "/finalize", at + "/void", at + "/delete", at + "/revoke", at + "/retry-link", at + "/copied"}

	for _, role := range []string{"owner", "admin", "member"} {
		for _, p := range pages {
			if got := w.as(role).get(p); got.status != 200 && got.status != 303 {
				t.Errorf("%s: GET %s is %d", role, p, got.status)
			}
		}
	}
	for _, p := range pages {
		if got := w.as("stranger").get(p); got.status != 404 || strings.Contains(got.body, "Halden") {
			t.Errorf("another workspace: GET %s is %d", p, got.status)
		}
		if got := w.as("nobody").get(p); got.status != 303 || !strings.HasPrefix(got.header.Get("Location"), "/signin") {
			t.Errorf("not signed in: GET %s is %d", p, got.status)
		}
	}
	for _, p := range changes {
		if got := w.as("stranger").post(p, "act", "draft", "summary", "Work", "amount", "5"); got.status != 404 {
			t.Errorf("another workspace: POST %s is %d", p, got.status)
		}
		if got := w.as("nobody").post(p, "act", "draft"); got.status != 303 && !strings.Contains(got.body, `action="/signin"`) {
			t.Errorf("not signed in: POST %s is %d", p, got.status)
		}
		forged := w.as("owner")
		was := forged.token
		forged.token = "forged"
		if got := forged.post(p, "act", "draft"); got.status != 403 {
			t.Errorf("without token: POST %s is %d", p, got.status)
		}
		forged.token = was
	}
	// The ids of one workspace's invoice under the address of another.
	for _, p := range append(pages[5:], at) {
		if got := w.as("stranger").get(strings.Replace(p, w.north.Workspace.Slug, w.south.Workspace.Slug, 1)); got.status != 404 {
			t.Errorf("through another workspace: GET %s is %d", p, got.status)
		}
	}
	for _, p := range changes[3:] {
		got := w.as("stranger").post(strings.Replace(p, w.north.Workspace.Slug, w.south.Workspace.Slug, 1), "act", "draft", "summary", "x", "amount", "1")
		if got.status != 404 {
			t.Errorf("through another workspace: POST %s is %d", p, got.status)
		}
	}
	if d := w.detail(w.north, inv.ID); d.Invoice.Version != inv.Version || d.Invoice.Token != inv.Token {
		t.Errorf("changed: %+v", d.Invoice)
	}
}
