package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
)

func TestUncollectible(t *testing.T) {
	t.Parallel()
	ctx := context.Background()

	bothModes(t, "its link is closed, it is outstanding no longer, and reopening makes a link again", func(t *testing.T, w *world) {
		acct := w.connect()
		inv := w.invoice("10")
		w.ends(inv.ID, "active")
		open, err := w.sandbox.Checkout(w.detail(inv.ID).Link.URL)
		must(t, err)
		must(t, w.app.MarkUncollectible(ctx, w.member, inv.ID))
		must(t, w.app.MarkUncollectible(ctx, w.member, inv.ID)) // twice is once
		w.until("the link is closed", func() bool { return w.detail(inv.ID).Link.State == "closed" })
		if _, err := w.sandbox.Pay(open, sandboxCard); err == nil {
			t.Error("a page that was open can be paid")
		}
		p, err := w.app.PublicInvoice(ctx, w.detail(inv.ID).Invoice.Token)
		must(t, err)
		if p.CanPay || p.Reason != "closed" || p.Label.Key != "uncollectible" {
			t.Errorf("the client sees %s, can pay %v, %s", p.Label.Key, p.CanPay, p.Reason)
		}
		o, err := w.app.Overview(ctx, w.owner)
		must(t, err)
		if len(o.Outstanding) != 0 {
			t.Errorf("outstanding %+v", o.Outstanding)
		}
		if err := w.app.VoidInvoice(ctx, w.member, inv.ID); !errors.Is(err, app.ErrConflict) {
			t.Errorf("void: %v", err)
		}
		w.verified()

		must(t, w.app.ReopenInvoice(ctx, w.member, inv.ID))
		w.ends(inv.ID, "active")
		if n := active(w.atStripe(acct, "payment_links")); n != 1 {
			t.Errorf("%d links can be opened", n)
		}
		w.pay(inv.ID, "4242424242424242")
		w.until("it is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
		for name, err := range map[string]error{"give up": w.app.MarkUncollectible(ctx, w.member, inv.ID), "reopen": w.app.ReopenInvoice(ctx, w.member, inv.ID)} {
			if name == "give up" && !errors.Is(err, app.ErrConflict) || name == "reopen" && err != nil {
				t.Errorf("%s when paid: %v", name, err)
			}
		}
		w.settled()
		w.verified()
	})

	bothModes(t, "a payment that still gets through is kept, and it is paid", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoice("10")
		w.ends(inv.ID, "active")
		session, err := w.sandbox.Checkout(w.detail(inv.ID).Link.URL)
		must(t, err)
		must(t, ignore(w.sandbox.Pay(session, sandboxCard)))
		if err := w.app.MarkUncollectible(ctx, w.member, inv.ID); err != nil && !errors.Is(err, app.ErrConflict) {
			t.Fatal(err)
		}
		w.until("it is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
		w.settled()
		w.verified()
	})

	t.Run("a draft is not given up on, nor is what is void", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		d := draft(w, "5")
		void := w.invoice("5")
		must(t, w.app.VoidInvoice(ctx, w.owner, void.ID))
		for _, id := range []string{d.ID, void.ID} {
			if err := w.app.MarkUncollectible(ctx, w.owner, id); !errors.Is(err, app.ErrConflict) {
				t.Errorf("%v", err)
			}
			if err := w.app.ReopenInvoice(ctx, w.owner, id); !errors.Is(err, app.ErrConflict) {
				t.Errorf("reopened: %v", err)
			}
		}
		w.verified()
	})
}

func TestDuplicate(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	p, err := w.app.CreateProject(ctx, w.owner, app.ProjectInput{Name: "Fair"})
	must(t, err)
	from, err := w.app.CreateInvoice(ctx, w.owner, app.InvoiceInput{
		ClientName: "Halden", ProjectID: p.ID, Currency: "kwd", Terms: "30", PONumber: "PO 7", Note: "Thank you",
		Lines: []app.LineInput{{"One", "1.5", "10.125"}, {"Two", "2", "3"}},
	}, true)
	must(t, err)
	must(t, w.app.VoidInvoice(ctx, w.owner, from.ID))
	const id = "0192b5a0-0000-7000-8000-000000000001"
	for range 2 { // the second click
		inv, err := w.app.DuplicateInvoice(ctx, w.member, from.ID, id)
		must(t, err)
		if inv.ID != id || inv.Number != nil || inv.Total != from.Total || inv.Currency != "kwd" || inv.TermsDays != 30 || inv.PoNumber != "PO 7" ||
			inv.Note != "Thank you" || *inv.ClientID != *from.ClientID || *inv.ProjectID != p.ID || inv.Token == from.Token || inv.DueDate != "" {
			t.Errorf("%+v", inv)
		}
	}
	d := w.detail(id)
	if len(d.Lines) != 2 || d.Lines[0].Description != "One" || d.Lines[0].Quantity != 1500 || d.Timeline[0].Kind != "duplicated" || d.Timeline[0].Detail != "INV-0001" {
		t.Errorf("%+v, %+v", d.Lines, d.Timeline)
	}
	if n := ask[int](w, "SELECT count(*) FROM invoices"); n != 2 {
		t.Errorf("%d invoices", n)
	}
	must(t, w.app.ArchiveClient(ctx, w.owner, *from.ClientID, true))
	must(t, w.app.ArchiveProject(ctx, w.owner, p.ID, true))
	again, err := w.app.DuplicateInvoice(ctx, w.member, id, "0192b5a0-0000-7000-8000-000000000002")
	must(t, err)
	if again.ClientID != nil || again.ProjectID != nil {
		t.Error("what was put away is chosen anew")
	}
	w.verified()
}

// Time to pay counts from the day of issue, in the workspace's time zone, however old the draft is.
func TestTerms(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	inv, err := w.app.CreateInvoice(ctx, w.owner, app.InvoiceInput{ClientName: "Halden", Summary: "Work", Amount: "10", Terms: "14", Due: "2020-01-01"}, false)
	must(t, err)
	if inv.DueDate != "" || inv.TermsDays != 14 {
		t.Errorf("the draft is due %q, terms %d", inv.DueDate, inv.TermsDays)
	}
	w.clock.advance(72 * time.Hour)
	inv, err = w.app.FinalizeInvoice(ctx, w.owner, inv.ID, inv.Version)
	must(t, err)
	want := billing.Today(w.owner.Workspace.Location(), w.clock.now()).AddDays(14)
	if billing.Date(inv.DueDate) != want {
		t.Errorf("due %s, want %s", inv.DueDate, want)
	}
	for _, terms := range []string{"-1", "366", "soon", "1.5"} {
		_, err := w.app.CreateInvoice(ctx, w.owner, app.InvoiceInput{ClientName: "Halden", Summary: "Work", Amount: "10", Terms: terms}, true)
		var errs billing.FieldErrors
		if !errors.As(err, &errs) || errs["terms"] == "" {
			t.Errorf("terms %q: %v", terms, err)
		}
	}
}
