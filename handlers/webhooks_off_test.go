package handlers_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
)

// Where Stripe can't reach Trak, the pages say how late they may be, and come to the same end.
func TestWebhooksOff(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]bool{"connect mode": false, "own mode": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWhole(t, app.Config{Own: own, WebhooksOff: true})
			w.north = w.workspace("Mira Osei", "mira@north.example", "Northlight Studio")
			w.people = map[string]string{"owner": "mira@north.example"}
			if own {
				w.until("the workspace is paid", func() bool {
					c, err := w.app.Connection(t.Context(), w.north)
					return err == nil && c.Stage == "active"
				})
			} else {
				w.onboard(w.north, "complete")
			}
			inv := w.invoice(w.north, "Halden & Vik", "100", "eur", "")
			w.link(w.north, inv.ID)
			owner := w.as("owner")
			const late = "Checked with Stripe every 20 seconds"
			for _, at := range []string{"/payments", "/payments/connect", "/payments/invoices/" + inv.ID} {
				p := owner.get(path(w.north, at))
				p.has(t, http.StatusOK, late)
				p.lacks(t, "trak webhook ensure")
			}
			for _, line := range []string{"webhook", "secret"} {
				says(t, w.app, line, app.Well, "TRAK_WEBHOOKS is off, and what happens at Stripe is read every 20 seconds, so that news may be as late.")
			}
			p := owner.get(path(w.north, "/settings/health"))
			p.has(t, http.StatusOK, "read every 20 seconds, so that news may be as late")
			p.lacks(t, "Make or mend")
			must(t, w.app.Sync(context.Background(), app.SyncRequest{}, func(app.SyncReport) {}))
			w.app.Stop() // so that nothing is read but by the test
			w.advance(12 * time.Minute)
			for _, at := range []string{"/payments", "/payments/connect", "/payments/invoices/" + inv.ID} {
				p := owner.get(path(w.north, at))
				p.has(t, http.StatusOK, "Stripe could not be read lately: the last time was 12 minutes ago.")
				p.lacks(t, late)
			}
			w.advance(-12 * time.Minute)

			w.pay(w.north, inv.ID, "4242424242424242")
			if d, err := w.app.InvoiceDetail(t.Context(), w.north, inv.ID); err != nil || d.Standing.Status != billing.Open {
				t.Fatalf("%s before anybody has asked Stripe, %v", d.Standing.Status, err)
			}
			must(t, w.app.Sync(context.Background(), app.SyncRequest{}, func(app.SyncReport) {}))
			p = owner.get(path(w.north, "/payments/invoices/"+inv.ID))
			p.has(t, http.StatusOK, ">Paid<")
			p.lacks(t, late)

			r, err := http.NewRequest(http.MethodPost, w.url+"/api/stripe/webhook", http.NoBody)
			must(t, err)
			res, err := http.DefaultClient.Do(r)
			must(t, err)
			_ = res.Body.Close()
			if res.StatusCode != http.StatusGone {
				t.Errorf("a delivery is answered with %d", res.StatusCode)
			}
		})
	}
}
