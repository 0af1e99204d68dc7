package app_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"trak/app"
	"trak/billing"
)

func TestProjects(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	wrong := func(err error) billing.FieldErrors {
		var errs billing.FieldErrors
		errors.As(err, &errs)
		return errs
	}

	t.Run("totals are of finalized invoices, by currency, and follow the payments", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.connect()
		p, err := w.app.CreateProject(ctx, w.member, app.ProjectInput{Name: "Autumn catalogue"})
		must(t, err)
		in := func(currency, amount string, finalize bool) string {
			inv, err := w.app.CreateInvoice(ctx, w.member, app.InvoiceInput{
				ClientName: "Halden", ProjectID: p.ID, Summary: "Work", Amount: amount, Currency: currency,
			}, finalize)
			must(t, err)
			return inv.ID
		}
		paid := in("eur", "100", true)
		in("eur", "50.50", true)
		void := in("eur", "7", true)
		in("eur", "999", false)
		in("jpy", "1200", true)
		must(t, w.app.VoidInvoice(ctx, w.member, void))
		w.invoice("5") // in no project
		w.pay(paid, "4242424242424242")
		w.until("it is paid", func() bool { return w.detail(paid).Standing.Status == billing.Paid })
		_, err = w.sandbox.Refund(w.detail(paid).Payments[0].PaymentIntentID, 4000)
		must(t, err)
		w.until("a part is refunded", func() bool { return w.detail(paid).Standing.Status == billing.PartiallyRefunded })
		s, err := w.app.Project(ctx, w.member, p.ID)
		must(t, err)
		want := "[{2 {15050 eur} {6000 eur} {5050 eur}} {1 {1200 jpy} {0 jpy} {1200 jpy}}]"
		if got := fmt.Sprint(s.Totals); got != want {
			t.Errorf("totals %s, want %s", got, want)
		}
		rows, _, err := w.app.InvoicesOfProject(ctx, w.member, p.ID, app.Cursor{})
		must(t, err)
		if len(rows) != 5 {
			t.Errorf("%d invoices", len(rows))
		}
		list, _, err := w.app.Projects(ctx, w.member, false, app.NameCursor{})
		must(t, err)
		if len(list) != 1 || fmt.Sprint(list[0].Totals) != want {
			t.Errorf("the list says %v", list)
		}
	})

	t.Run("a name is needed, and one's own", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p, err := w.app.CreateProject(ctx, w.owner, app.ProjectInput{Name: "  Été 2026 "})
		must(t, err)
		if p.Name != "Été 2026" {
			t.Errorf("%q", p.Name)
		}
		for _, name := range []string{"", "   ", "ete 2026", fmt.Sprintf("%0121d", 1)} {
			if errs := wrong(ignore(w.app.CreateProject(ctx, w.owner, app.ProjectInput{Name: name}))); errs["name"] == "" {
				t.Errorf("%q passes", name)
			}
		}
		must(t, w.app.UpdateProject(ctx, w.owner, p.ID, app.ProjectInput{Name: "Été 2026", Note: "In Lyon", Version: 1}))
		if err := w.app.UpdateProject(ctx, w.owner, p.ID, app.ProjectInput{Name: "Other", Version: 1}); !errors.Is(err, app.ErrConflict) {
			t.Errorf("an old version: %v", err)
		}
		must(t, w.app.ArchiveProject(ctx, w.owner, p.ID, true))
		must(t, ignore(w.app.CreateProject(ctx, w.owner, app.ProjectInput{Name: "Été 2026"})))
	})

	t.Run("one that is put away stays with its drafts, and is not chosen anew", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p, err := w.app.CreateProject(ctx, w.owner, app.ProjectInput{Name: "Fair"})
		must(t, err)
		in := app.InvoiceInput{ClientName: "Halden", ProjectID: p.ID, Summary: "Work", Amount: "10"}
		inv, err := w.app.CreateInvoice(ctx, w.owner, in, false)
		must(t, err)
		must(t, w.app.ArchiveProject(ctx, w.owner, p.ID, true))
		if errs := wrong(ignore(w.app.CreateInvoice(ctx, w.owner, in, false))); errs["project"] == "" {
			t.Error("it is chosen anew")
		}
		in.ID, in.Version = inv.ID, inv.Version
		must(t, ignore(w.app.UpdateDraft(ctx, w.owner, in, true)))
		if d := w.detail(inv.ID); d.Project.ID != p.ID {
			t.Errorf("the invoice is in %q", d.Project.Name)
		}
		in.ID, in.ProjectID = "", "no-such-project"
		if errs := wrong(ignore(w.app.CreateInvoice(ctx, w.owner, in, true))); errs["project"] == "" {
			t.Error("a project that is not there passes")
		}
		if n := ask[int](w, "SELECT count(*) FROM invoices"); n != 1 {
			t.Errorf("%d invoices", n)
		}
	})
}
