package app_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
	"trak/db"
	"trak/sandbox"
)

// answersWithin is how long a person waits at most, whatever Stripe does.
const answersWithin = 4 * time.Second

// ends waits until an invoice's link is in a state, and lets time pass for the tries between.
func (w *world) ends(id, state string) {
	w.t.Helper()
	w.until("the link is "+state, func() bool {
		if w.detail(id).Link.State == state {
			return true
		}
		w.clock.advance(10 * time.Second)
		w.app.Wake()
		return false
	})
}

// oneLink fails unless Stripe has exactly one price and one link of the account's.
func (w *world) oneLink(account string) map[string]any {
	w.t.Helper()
	links, prices := w.atStripe(account, "payment_links"), w.atStripe(account, "prices")
	if len(links) != 1 || len(prices) != 1 {
		w.t.Fatalf("%d links, %d prices", len(links), len(prices))
	}
	return links[0]
}

func TestLinkIsForTheAmountDue(t *testing.T) {
	t.Parallel()
	bothModes(t, "", testLinkIsForTheAmountDue)
}

func testLinkIsForTheAmountDue(t *testing.T, w *world) {
	account := w.connect()
	inv := w.invoice("2,940.00")
	link := w.oneLink(account)
	price := w.atStripe(account, "prices")[0]
	if price["unit_amount"] != 294000.0 || price["currency"] != "eur" {
		t.Errorf("the price is %v %v", price["unit_amount"], price["currency"])
	}
	limit, _ := link["restrictions"].(map[string]any)["completed_sessions"].(map[string]any)
	if limit["limit"] != 1.0 || link["active"] != true {
		t.Errorf("%v, active %v", limit, link["active"])
	}
	onLink, _ := link["metadata"].(map[string]any)
	onIntent, _ := link["payment_intent_data"].(map[string]any)["metadata"].(map[string]any)
	if onLink["trak_invoice_id"] != inv.ID || onIntent["trak_invoice_id"] != inv.ID {
		t.Errorf("metadata %v and %v", onLink, onIntent)
	}
	if back := link["after_completion"].(map[string]any)["redirect"].(map[string]any)["url"]; !strings.HasPrefix(back.(string), w.app.PublicURL(inv)+"?") {
		t.Errorf("it leads back to %v", back)
	}
	if n := len(w.atStripe("", "payment_links")); n != 0 && !w.own {
		t.Errorf("%d links on the platform's own account", n)
	}
}

func TestLinkOutlivesFailures(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, knobs := range map[string]sandbox.Knobs{
		"the price's answer is lost":    {Fail: sandbox.FailAfter, FailPath: "/v1/prices"},
		"the link's answer is lost":     {Fail: sandbox.FailAfter, FailPath: "/v1/payment_links"},
		"Stripe breaks down":            {Fail: sandbox.FailServer, FailPath: "/v1/payment_links"},
		"Stripe is busy":                {Fail: sandbox.FailLimit, FailPath: "/v1/prices"},
		"a proxy answers":               {Fail: sandbox.FailGateway, FailPath: "/v1/payment_links"},
		"the connection is cut":         {Fail: sandbox.FailBefore, FailPath: "/v1/prices"},
		"Stripe never answers":          {Fail: sandbox.FailHang, FailPath: "/v1/prices"},
		"Stripe never answers, further": {Fail: sandbox.FailHang, FailPath: "/v1/payment_links"},
	} {
		for _, how := range []string{"the worker goes on", "a person tries again"} {
			bothModes(t, name+", and "+how, func(t *testing.T, w *world) {
				account := w.connect()
				knobs.FailMethod, knobs.FailTimes = "POST", 1000
				w.sandbox.SetKnobs(knobs)
				start := time.Now()
				inv := w.invoice("10")
				if took := time.Since(start); took > answersWithin {
					t.Errorf("a person waited for %s", took)
				}
				d := w.detail(inv.ID)
				if *d.Invoice.Number != "INV-0001" || d.Invoice.Status != "open" || d.Link.State != "creating" || d.Link.URL != "" || d.Link.Error == "" {
					t.Errorf("%v %s, %+v", d.Invoice.Number, d.Invoice.Status, d.Link)
				}
				w.sandbox.SetKnobs(sandbox.Knobs{})
				if how == "a person tries again" {
					must(t, w.app.RetryLink(ctx, w.owner, inv.ID))
				}
				w.ends(inv.ID, "active")
				w.oneLink(account)
				w.pay(inv.ID, "4242424242424242")
				w.until("the invoice is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
				w.verified()
			})
		}
	}

	for _, lost := range []string{"/v1/prices", "/v1/payment_links"} {
		bothModes(t, "an answer lost for longer than Stripe remembers keys: "+lost, func(t *testing.T, w *world) {
			account := w.connect()
			between := w.through()
			between.on("POST "+lost, lose)
			inv := w.invoice("10")
			w.clock.advance(25 * time.Hour)
			between.off()
			w.ends(inv.ID, "active")
			w.oneLink(account)
			if between.times("GET /v1/payment_links") == 0 {
				t.Error("it was made again without a look")
			}
		})
	}

	bothModes(t, "a refusal says why, and another try is another request", func(t *testing.T, w *world) {
		account := w.connect()
		between := w.through()
		between.on("POST /v1/payment_links", func(rw http.ResponseWriter, _ *http.Response) {
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(http.StatusBadRequest)
			_, _ = rw.Write([]byte(`{"error":{"type":"invalid_request_error","code":"amount_too_small","message":"Amount must be at least 50 cents","param":"line_items"}}`))
		})
		inv := w.invoice("10")
		d := w.detail(inv.ID)
		if d.Link.State != "failed" || d.Link.Error != "The amount is below the smallest that Stripe can charge in this currency." || *d.Invoice.Number != "INV-0001" {
			t.Fatalf("%+v", d.Link)
		}
		between.off()
		must(t, w.app.RetryLink(ctx, w.owner, inv.ID))
		w.ends(inv.ID, "active")
		if n := ask[int](w, "SELECT count(DISTINCT idempotency_key) FROM payment_links WHERE revision IN (1, 2)"); n != 2 {
			t.Errorf("%d keys", n)
		}
		w.until("what the refused try may have left is closed", func() bool { return active(w.atStripe(account, "payment_links")) == 1 })
		w.verified()
	})
}

// Attack A22.
func TestLinkIsClosed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	ways := map[string]func(w *world, account string, inv db.Invoice){
		"void":       func(w *world, _ string, inv db.Invoice) { must(w.t, w.app.VoidInvoice(ctx, w.member, inv.ID)) },
		"disconnect": func(w *world, _ string, _ db.Invoice) { must(w.t, w.app.Disconnect(ctx, w.owner)) },
		"paid": func(w *world, _ string, inv db.Invoice) {
			w.pay(inv.ID, "4242424242424242")
			w.settled()
		},
	}
	for name, close := range ways {
		for _, away := range []bool{false, true} {
			title := name
			if away {
				title += ", while Stripe is away"
			}
			bothModes(t, title, func(t *testing.T, w *world) {
				if w.own && name == "disconnect" {
					return // there is nothing to disconnect: see TestOwnMode
				}
				account := w.connect()
				inv := w.invoice("10")
				open, err := w.sandbox.Checkout(w.detail(inv.ID).Link.URL)
				must(t, err)
				if away {
					w.sandbox.SetKnobs(sandbox.Knobs{Fail: sandbox.FailServer, FailTimes: 1000, FailMethod: "POST"})
				}
				close(w, account, inv)
				if away {
					w.until("closing was tried", func() bool { return w.detail(inv.ID).Link.Tries > 1 })
					if s := w.detail(inv.ID).Link.State; s != "closing" {
						t.Errorf("the link is %s although Stripe does not agree", s)
					}
					w.sandbox.SetKnobs(sandbox.Knobs{})
				}
				w.until("the link is closed", func() bool {
					if away {
						w.clock.advance(10 * time.Second)
						w.app.Wake()
					}
					return w.detail(inv.ID).Link.State == "closed"
				})
				if n := active(w.atStripe(account, "payment_links")); n != 0 {
					t.Errorf("%d links can still be opened", n)
				}
				if _, err := w.sandbox.Pay(open, sandboxCard); !errors.Is(err, sandbox.ErrClosed) {
					t.Errorf("a page that was open before can be paid: %v", err)
				}
				w.verified()
			})
		}
	}

	t.Run("deauthorized", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		account := w.connect()
		inv := w.invoice("10")
		w.answers(func(a *sandbox.Answers) { a.ExpressStaysConnected = false })
		must(t, w.sandbox.Deauthorize(account))
		w.until("the link is closed", func() bool { return w.detail(inv.ID).Link.State == "closed" })
		if d := w.detail(inv.ID); d.Invoice.Status != "open" || d.Invoice.Due != 1000 {
			t.Errorf("%s, due %d", d.Invoice.Status, d.Invoice.Due)
		}
	})

	for _, lost := range []bool{false, true} {
		title := "voided while it is being made"
		if lost {
			title += ", and the answer is lost"
		}
		bothModes(t, title, func(t *testing.T, w *world) {
			account := w.connect()
			between := w.through()
			made, voided := make(chan struct{}), make(chan struct{})
			var first atomic.Bool
			between.on("POST /v1/payment_links", func(rw http.ResponseWriter, res *http.Response) {
				if !first.CompareAndSwap(false, true) {
					pass(rw, res)
					return
				}
				close(made)
				<-voided
				if lost {
					lose(rw, res)
				}
				pass(rw, res)
			})
			const id = "01a20c49-5d28-74f9-8c2f-000000000001"
			done := make(chan error)
			go func() {
				_, err := w.app.CreateInvoice(ctx, w.owner, app.InvoiceInput{ID: id, ClientName: "Halden", Summary: "Work", Amount: "10"}, true)
				done <- err
			}()
			<-made
			err := w.app.VoidInvoice(ctx, w.owner, id)
			close(voided)
			must(t, err)
			must(t, <-done)
			w.ends(id, "closed")
			if links := w.atStripe(account, "payment_links"); len(links) != 1 || active(links) != 0 {
				t.Errorf("%d links, %d can be paid", len(links), active(links))
			}
			if d := w.detail(id); d.Invoice.Status != "void" || d.Invoice.Due != 0 {
				t.Errorf("%s, due %d", d.Invoice.Status, d.Invoice.Due)
			}
		})
	}
}

// Attacks A21 and A22.
func TestMoneyThroughOldLinks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()

	bothModes(t, "revoking gives the page and the link another address, and money through the old one is kept", func(t *testing.T, w *world) {
		account := w.connect()
		inv := w.invoice("10")
		old := w.detail(inv.ID).Link.URL
		open, err := w.sandbox.Checkout(old)
		must(t, err)
		w.sandbox.SetKnobs(sandbox.Knobs{Fail: sandbox.FailServer, FailTimes: 1000, FailPath: "/v1/payment_links/"}) // it can't be closed yet
		must(t, w.app.RevokeLink(ctx, w.member, inv.ID))
		if _, err := w.app.PublicInvoice(ctx, inv.Token); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("the old address: %v", err)
		}
		d := w.detail(inv.ID)
		if p, err := w.app.PublicInvoice(ctx, d.Invoice.Token); err != nil || !p.CanPay || d.Link.URL == old || d.Link.State != "active" {
			t.Errorf("%v, %+v", err, d.Link)
		}
		out, err := w.sandbox.Pay(open, sandboxCard)
		must(t, err)
		if out.Status != sandbox.Succeeded {
			t.Fatal(out)
		}
		w.until("the invoice is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
		w.sandbox.SetKnobs(sandbox.Knobs{})
		w.until("both links are closed", func() bool {
			w.clock.advance(10 * time.Second)
			w.app.Wake()
			return active(w.atStripe(account, "payment_links")) == 0
		})
		w.verified()
	})

	bothModes(t, "two checkouts paid at once are two payments, and the invoice says so", func(t *testing.T, w *world) {
		w.answers(func(a *sandbox.Answers) { a.DeactivatedLinkClosesSessions, a.LimitHoldsAtCompletion = false, false })
		w.connect()
		inv := w.invoice("10")
		var pages []string
		for range 2 {
			page, err := w.sandbox.Checkout(w.detail(inv.ID).Link.URL)
			must(t, err)
			pages = append(pages, page)
		}
		w.sandbox.SetKnobs(sandbox.Knobs{Hold: true}) // Trak hears of the first only when the second is paid
		for _, page := range pages {
			_, err := w.sandbox.Pay(page, sandboxCard)
			must(t, err)
		}
		w.sandbox.SetKnobs(sandbox.Knobs{})
		w.until("both are there", func() bool { return w.detail(inv.ID).Invoice.Received == 2000 })
		if d := w.detail(inv.ID); d.Invoice.Status != "paid" || d.Invoice.Flags != billing.FlagOverpaid || d.Invoice.Due != 0 || len(d.Payments) != 2 {
			t.Errorf("%s %q, due %d, %d payments", d.Invoice.Status, d.Invoice.Flags, d.Invoice.Due, len(d.Payments))
		}
		w.settled()
		w.verified()
	})

	bothModes(t, "money for a voided invoice is kept, and the invoice says so", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoice("10")
		w.sandbox.SetKnobs(sandbox.Knobs{Hold: true})
		w.pay(inv.ID, "4242424242424242")
		must(t, w.app.VoidInvoice(ctx, w.owner, inv.ID))
		w.sandbox.SetKnobs(sandbox.Knobs{})
		w.until("it is there", func() bool { return w.detail(inv.ID).Invoice.Received == 1000 })
		if d := w.detail(inv.ID); d.Invoice.Status != "paid" || d.Invoice.Flags != billing.FlagPaidAfterVoid || d.Invoice.Decided != "void" {
			t.Errorf("%s %q, %s", d.Invoice.Status, d.Invoice.Flags, d.Invoice.Decided)
		}
		w.settled()
		w.verified()
	})
}
