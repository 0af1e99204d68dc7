package handlers_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
	"trak/db"
	"trak/sandbox"
)

var publicPoll = regexp.MustCompile(`data-live="([^"]*)"`)

const publicTarget = "section#live"

// client is a browser of somebody who has only the link.
func (w *whole) client() *visitor {
	w.t.Helper()
	return w.as("nobody")
}

func public(inv db.Invoice, rest string) string { return "/i/" + inv.Token + rest }

func TestClientPage(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	client, ctx := w.client(), context.Background()
	open := func(currency string) db.Invoice {
		return w.invoice(w.north, `Halden <i>&</i> Vik`, "2940", currency, "2031-12-07")
	}
	show := func(inv db.Invoice, query string, texts ...string) page {
		p := client.get(public(inv, query))
		p.has(t, 200, texts...)
		p.wellFormed(t)
		return p
	}

	t.Run("open", func(t *testing.T) {
		inv := open("eur")
		p := show(inv, "", `aria-describedby="heading">€2,940.00</h1>`, "Amount due", "Pay €2,940.00</a>", `role="status">Open</span>`,
			"Halden &lt;i&gt;", "7 Dec 2031", "Northlight Studio", "Brand identity", `content="noindex, nofollow"`, "Print or save as PDF", "<title>Invoice INV-")
		p.lacks(t, "<i>", "csrf", "Mira Osei", "mira@", "Draft written", "htmx", inv.ID, inv.WorkspaceID, w.detail(w.north, inv.ID).Link.URL)
		for name, want := range map[string]string{"Cache-Control": "no-store, private", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"} {
			if got := p.header.Get(name); got != want {
				t.Errorf("%s is %q", name, got)
			}
		}
		if len(p.header["Set-Cookie"]) > 0 {
			t.Error("a client gets a cookie")
		}
		pay := client.get(public(inv, "/pay"))
		if pay.status != 303 || pay.header.Get("Location") != w.detail(w.north, inv.ID).Link.URL {
			t.Errorf("pay leads to %d %s", pay.status, pay.header.Get("Location"))
		}
	})
	t.Run("it follows its payment, and says paid only when Stripe has", func(t *testing.T) {
		inv := open("eur")
		poll := show(inv, "").find(t, publicPoll)
		client.part(poll, publicTarget).has(t, 204)

		session, err := w.sandbox.Checkout(w.detail(w.north, inv.ID).Link.URL)
		must(t, err)
		w.sandbox.SetKnobs(sandbox.Knobs{Fail: sandbox.FailServer, FailTimes: 1000, FailMethod: http.MethodGet})
		p := show(inv, "?checkout="+session, "Confirming your payment", `role="status">Open</span>`, `data-every="2000"`)
		p.lacks(t, "Pay €", ">Paid<")
		confirming := p.find(t, publicPoll)
		client.part(confirming, publicTarget).has(t, 204)
		w.sandbox.SetKnobs(sandbox.Knobs{})

		w.advance(61 * time.Second)
		p = client.part(confirming, publicTarget)
		p.has(t, 200, "We have no word of your payment yet", "Pay €2,940.00")
		p.lacks(t, "<html", ">Paid<", "back=")

		w.pay(w.north, inv.ID, "4242424242424242")
		w.until("the link is closed", func() bool { return w.detail(w.north, inv.ID).Link.State == "closed" })
		p = client.part(poll, publicTarget)
		p.has(t, 200, `role="status">Paid</span>`, "Thank you. Your payment has arrived.", "Amount paid", "€2,940.00</h1>")
		p.lacks(t, "data-live", "Pay €")
		show(inv, "?checkout="+session, "Thank you.").lacks(t, "Confirming")
		if got := client.get(public(inv, "/pay")); got.status != 303 || got.header.Get("Location") != public(inv, "?why=paid") {
			t.Errorf("pay again: %d %s", got.status, got.header.Get("Location"))
		}
	})
	t.Run("a session that is not this invoice's changes nothing", func(t *testing.T) {
		inv := open("eur")
		for _, session := range []string{"cs_test_made_up", "x", strings.Repeat("cs_", 200)} {
			show(inv, "?checkout="+session).lacks(t, ">Paid<", "Thank you")
		}
	})
	t.Run("a bank payment is on its way for a while", func(t *testing.T) {
		inv := open("usd")
		w.pay(w.north, inv.ID, "000123456789")
		w.waitFor(inv.ID, billing.Processing)
		p := show(inv, "", `role="status">Processing</span>`, "Your payment is on its way")
		p.lacks(t, "Pay $")
		if got := client.get(public(inv, "/pay")); got.header.Get("Location") != public(inv, "?why=processing") {
			t.Errorf("pay leads to %s", got.header.Get("Location"))
		}
	})
	t.Run("a try that failed is said, without the bank's reason", func(t *testing.T) {
		inv := open("eur")
		w.pay(w.north, inv.ID, "4000000000000002")
		w.until("the failure is seen", func() bool { return w.detail(w.north, inv.ID).Label.Key == "payment_failed" })
		show(inv, "", "The last payment did not go through", "Pay €2,940.00", `role="status">Open</span>`).lacks(t, "declined")
	})
	t.Run("void", func(t *testing.T) {
		inv := open("eur")
		must(t, w.app.VoidInvoice(ctx, w.north, inv.ID))
		show(inv, "", `role="status">Void</span>`, "This invoice was withdrawn", "Ask Northlight Studio").lacks(t, "Pay €", "Amount due")
	})
	t.Run("overdue", func(t *testing.T) {
		inv := w.invoice(w.north, "Halden", "10", "eur", time.Now().AddDate(0, 0, -2).Format(time.DateOnly))
		show(inv, "", `role="status">Overdue</span>`, "Pay €10.00")
	})
	t.Run("refunded", func(t *testing.T) {
		inv := open("eur")
		w.pay(w.north, inv.ID, "4242424242424242")
		_, err := w.sandbox.Refund(w.detail(w.north, inv.ID).Payments[0].PaymentIntentID, 294000)
		must(t, err)
		must(t, w.sandbox.Settle(ctx))
		w.waitFor(inv.ID, billing.Refunded)
		show(inv, "", `role="status">Refunded</span>`, "We have refunded €2,940.00.").lacks(t, "Pay €")
	})
	t.Run("refunded in part, on its way, and then failed", func(t *testing.T) {
		inv := open("eur")
		w.pay(w.north, inv.ID, "4000000000005126")
		w.waitFor(inv.ID, billing.Paid)
		w.refund(inv.ID, "1,000")
		show(inv, "", `role="status">Partially refunded</span>`, "We have refunded €1,000.00.").lacks(t, "Mira", "note for the team")
		w.sandbox.SettleRefunds()
		must(t, w.sandbox.Settle(ctx))
		w.waitFor(inv.ID, billing.Paid)
		show(inv, "", "We could not refund €1,000.00", "Please tell Northlight Studio").lacks(t, "Mira", "We have refunded")

		inv = open("eur")
		w.pay(w.north, inv.ID, "4000000000007726")
		w.waitFor(inv.ID, billing.Paid)
		w.refund(inv.ID, "12")
		show(inv, "", "We are refunding €12.00.", "data-live")
	})
	t.Run("what was in the way and is gone", func(t *testing.T) {
		show(open("eur"), "?why=not_ready", "Nothing was paid.", "Pay €2,940.00")
	})
	t.Run("not ready: it can be seen, not paid", func(t *testing.T) {
		inv := w.invoice(w.south, "Halden", "10", "eur", "")
		show(inv, "", "Online payment is not open yet", "ask Southwark Prints").lacks(t, "Pay €")
	})
}

// Attack G14.
func TestClientPageIsFoundByItsTokenOnly(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	inv, client := w.invoice(w.north, "Halden", "10", "eur", ""), w.client()
	draft := w.draft(w.north, app.InvoiceInput{ClientName: "Halden", Summary: "Work", Amount: "5"})
	must(t, w.app.RevokeLink(context.Background(), w.north, inv.ID))

	unknown := client.get("/i/nobodys")
	unknown.has(t, 404, "This link leads nowhere")
	unknown.lacks(t, "Northlight", "Halden")
	id := regexp.MustCompile(`[0-9a-f]{16}`)
	for name, token := range map[string]string{"a token that was replaced": inv.Token, "a draft's": w.detail(w.north, draft).Invoice.Token} {
		if p := client.get("/i/" + token); p.status != 404 || id.ReplaceAllString(p.body, "") != id.ReplaceAllString(unknown.body, "") {
			t.Errorf("%s differs from an unknown one: %d %s", name, p.status, p.body)
		}
		for _, rest := range []string{"/pay", "/status?v=1"} {
			client.get("/i/"+token+rest).has(t, 404)
		}
		client.post("/i/"+token+"/viewed").has(t, 404)
	}

	now := w.detail(w.north, inv.ID).Invoice
	client.get(public(now, "")).has(t, 200)
	for range 100 { // thirty, and one more every two seconds
		if client.get("/i/guess").status == http.StatusTooManyRequests {
			break
		}
	}
	p := client.get(public(now, ""))
	if p.status != http.StatusTooManyRequests || p.header.Get("Retry-After") == "" {
		t.Errorf("after many guesses: %d", p.status)
	}
	w.advance(time.Minute)
	client.get(public(now, "")).has(t, 200)
}

func TestClientPageTellsThatItWasSeen(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	seen := func(inv db.Invoice) bool { return w.detail(w.north, inv.ID).Invoice.ViewedAt > 0 }
	inv := w.invoice(w.north, "Halden", "10", "eur", "")

	client := w.client()
	client.get(public(inv, "")).has(t, 200, `data-viewed="`+public(inv, "/viewed")+`"`)
	r, err := http.NewRequest(http.MethodHead, w.url+public(inv, ""), nil)
	must(t, err)
	client.send(r)
	if seen(inv) {
		t.Error("asking for the page counts as seeing it")
	}

	for _, role := range []string{"owner", "member"} {
		w.as(role).get(public(inv, "")).lacks(t, "data-viewed")
		w.as(role).post(public(inv, "/viewed")).has(t, 204)
	}
	if seen(inv) {
		t.Error("the team's visit counts")
	}

	r, err = http.NewRequest(http.MethodPost, w.url+public(inv, "/viewed"), nil)
	must(t, err)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", "https://elsewhere.example")
	if p := client.send(r); p.status != http.StatusForbidden || seen(inv) {
		t.Errorf("from elsewhere: %d", p.status)
	}

	// Somebody of another workspace is a client like any other.
	w.as("stranger").post(public(inv, "/viewed")).has(t, 204)
	if !seen(inv) {
		t.Error("a client's visit does not count")
	}
	client.get(public(inv, "")).lacks(t, "data-viewed")
}

func TestClientPageIsSmall(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	inv := w.invoice(w.north, "Halden & Vik", "2940", "eur", "")
	p := w.client().get(public(inv, ""))
	total := gzipped(t, p.body)
	for _, m := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(p.body, -1) {
		if strings.HasSuffix(m[1], ".woff2") {
			continue
		}
		total += gzipped(t, w.client().get(m[1]).body)
	}
	if total > 20_000 {
		t.Errorf("%d bytes over the wire, without the font", total)
	}
}

func gzipped(t *testing.T, body string) int {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write([]byte(body))
	must(t, err)
	must(t, z.Close())
	return out.Len()
}
