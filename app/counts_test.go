package app_test

import (
	"context"
	"testing"
	"time"

	"trak/app"
)

// The counts are kept, so each change has to be seen in those that are asked for next.
func TestCountsFollowEveryChange(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	w.connect()
	see := func(after string, want app.Counts) {
		t.Helper()
		if got, err := w.app.InvoiceCounts(ctx, w.owner); err != nil || got != want {
			t.Fatalf("after %s: %+v, not %+v (%v)", after, got, want, err)
		}
		if got, err := w.app.OverdueCount(ctx, w.owner); err != nil || got != want.Overdue {
			t.Fatalf("after %s: %d overdue, not %d (%v)", after, got, want.Overdue, err)
		}
	}
	see("nothing", app.Counts{})
	d := draft(w, "10")
	see("a draft", app.Counts{All: 1, Drafts: 1})
	must(t, w.app.DeleteDraft(ctx, w.owner, d.ID, d.Version))
	see("its end", app.Counts{})
	open, err := w.app.CreateInvoice(ctx, w.owner, app.InvoiceInput{ClientName: "Halden & Vik", Summary: "Work", Amount: "20", Terms: "14"}, true)
	must(t, err)
	see("an open one", app.Counts{All: 1, Open: 1})
	paid := w.invoice("30")
	see("another", app.Counts{All: 2, Open: 2})
	w.pay(paid.ID, "4242424242424242")
	w.settled()
	see("a payment", app.Counts{All: 2, Open: 1, Paid: 1})
	w.clock.advance(20 * 24 * time.Hour)
	see("twenty days", app.Counts{All: 2, Open: 1, Overdue: 1, Paid: 1})
	must(t, w.app.VoidInvoice(ctx, w.owner, open.ID))
	see("the end of the late one", app.Counts{All: 2, Paid: 1, Closed: 1})
}
