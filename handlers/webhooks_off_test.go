package handlers_test

import (
	"context"
	"net/http"
	"testing"

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
			w.pay(w.north, inv.ID, "4242424242424242")
			if d, err := w.app.InvoiceDetail(t.Context(), w.north, inv.ID); err != nil || d.Standing.Status != billing.Open {
				t.Fatalf("%s before anybody has asked Stripe, %v", d.Standing.Status, err)
			}
			must(t, w.app.Sync(context.Background(), app.SyncRequest{}, func(app.SyncReport) {}))
			p := owner.get(path(w.north, "/payments/invoices/"+inv.ID))
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
