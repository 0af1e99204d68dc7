package app_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"trak/app"
	"trak/billing"
	"trak/db"
	"trak/sandbox"
)

func (w *world) project(name string) db.Project {
	w.t.Helper()
	p, err := w.app.CreateProject(context.Background(), w.owner, app.ProjectInput{Name: name})
	must(w.t, err)
	return p
}

// invoiceOf makes an invoice in a project.
func (w *world) invoiceOf(project, currency, amount string, finalize bool) db.Invoice {
	w.t.Helper()
	inv, err := w.app.CreateInvoice(context.Background(), w.owner, app.InvoiceInput{
		ClientName: "Halden & Vik", Summary: "Work", Amount: amount, Currency: currency, ProjectID: project,
	}, finalize)
	must(w.t, err)
	return inv
}

func TestProjects(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)

	t.Run("what is wrong is said beside its field, and nothing is made", func(t *testing.T) {
		before := w.dump(w.owner.WorkspaceID)
		for name, c := range map[string]struct {
			in    app.ProjectInput
			field string
		}{
			"no name":           {app.ProjectInput{Name: "  "}, "name"},
			"a name of 121":     {app.ProjectInput{Name: strings.Repeat("ä", 121)}, "name"},
			"a note of 2,001":   {app.ProjectInput{Name: "Rebrand", Note: strings.Repeat("ä", 2001)}, "note"},
			"no name of 120 :)": {app.ProjectInput{Name: strings.Repeat(" ", 120)}, "name"},
		} {
			_, err := w.app.CreateProject(ctx, w.member, c.in)
			var wrong billing.FieldErrors
			if !errors.As(err, &wrong) || wrong[c.field] == "" || len(wrong) != 1 {
				t.Errorf("%s: %v", name, err)
			}
		}
		if w.dump(w.owner.WorkspaceID) != before {
			t.Error("something was made")
		}
	})

	rebrand := w.project("Rebrand")
	t.Run("a name is another's, whatever its case and accents", func(t *testing.T) {
		for _, name := range []string{"Rebrand", " rebrand ", "RÉBRAND"} {
			_, err := w.app.CreateProject(ctx, w.owner, app.ProjectInput{Name: name})
			if want := (billing.FieldErrors{"name": "A project of this name exists"}); !reflect.DeepEqual(err, want) {
				t.Errorf("%q: %v", name, err)
			}
		}
		must(t, w.app.UpdateProject(ctx, w.owner, rebrand.ID, app.ProjectInput{Name: "rebrand", Note: "Its own name is free", Version: 1}))
		other := w.project("Website")
		if err := w.app.UpdateProject(ctx, w.owner, other.ID, app.ProjectInput{Name: "Rebrand", Version: 1}); !errors.As(err, new(billing.FieldErrors)) {
			t.Errorf("renamed to another's name: %v", err)
		}
		// In another workspace it is free, and so it is once the other is put away.
		must(t, ignore(w.app.CreateProject(ctx, w.stranger(), app.ProjectInput{Name: "Rebrand"})))
		must(t, w.app.ArchiveProject(ctx, w.owner, other.ID, true))
		w.project("Website")
		if err := w.app.ArchiveProject(ctx, w.owner, other.ID, false); !errors.As(err, new(billing.FieldErrors)) {
			t.Errorf("taken back beside one of its name: %v", err)
		}
	})

	t.Run("two people at once", func(t *testing.T) {
		if err := w.app.UpdateProject(ctx, w.member, rebrand.ID, app.ProjectInput{Name: "Mine", Version: 1}); !errors.Is(err, app.ErrConflict) {
			t.Errorf("an old version: %v", err)
		}
		p, err := w.app.Project(ctx, w.member, rebrand.ID)
		must(t, err)
		if p.Name != "rebrand" || p.Note != "Its own name is free" || p.Version != 2 {
			t.Errorf("%+v", p)
		}
	})

	t.Run("each change leaves a record", func(t *testing.T) {
		for action, want := range map[string]int{"project.create": 3, "project.update": 1, "project.archive": 1} {
			if n := ask[int](w, "SELECT count(*) FROM audit_log WHERE workspace_id = '"+w.owner.WorkspaceID+"' AND action = '"+action+"'"); n != want {
				t.Errorf("%s: %d records, want %d", action, n, want)
			}
		}
	})
}

func TestProjectOfAnInvoice(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	project, old := w.project("Rebrand"), w.project("Old")
	d := w.invoiceOf(old.ID, "eur", "10", false)
	must(t, w.app.ArchiveProject(ctx, w.owner, old.ID, true))
	theirs, err := w.app.CreateProject(ctx, w.stranger(), app.ProjectInput{Name: "Theirs"})
	must(t, err)
	in := func(projectID string) app.InvoiceInput {
		return app.InvoiceInput{ID: d.ID, ClientName: "Halden & Vik", Summary: "Work", Amount: "20", ProjectID: projectID, Version: d.Version}
	}

	before := w.dump(w.owner.WorkspaceID)
	for name, id := range map[string]string{"another workspace's": theirs.ID, "nobody's": "01a20c49-5d28-74f9-8c2f-554a8fed460b", "no id": "Rebrand", "archived": old.ID} {
		for _, finalize := range []bool{false, true} {
			create := in(id)
			create.ID, create.ClientName = "", "Brand New"
			_, err := w.app.CreateInvoice(ctx, w.owner, create, finalize)
			var wrong billing.FieldErrors
			if !errors.As(err, &wrong) || wrong["project"] == "" || len(wrong) != 1 {
				t.Errorf("a new invoice, %s project: %v", name, err)
			}
			if id == old.ID {
				continue // the draft's own stays
			}
			_, err = w.app.UpdateDraft(ctx, w.owner, in(id), finalize)
			if wrong = nil; !errors.As(err, &wrong) || wrong["project"] == "" || len(wrong) != 1 {
				t.Errorf("a draft, %s project: %v", name, err)
			}
		}
	}
	if w.dump(w.owner.WorkspaceID) != before {
		t.Error("something was changed")
	}

	// The draft keeps its archived project, and is finalized in it.
	inv, err := w.app.UpdateDraft(ctx, w.owner, in(old.ID), true)
	must(t, err)
	if got := w.detail(inv.ID); got.Project.Name != "Old" || inv.Number == nil {
		t.Errorf("%+v in %+v", inv, got.Project)
	}
	// What the client's page is made of knows no project.
	public, err := w.app.PublicInvoice(ctx, inv.Token)
	must(t, err)
	if public.Project != (db.Project{}) {
		t.Errorf("the client is told of %+v", public.Project)
	}
	// A draft that moves to another project can't come back to the archived one.
	d = w.invoiceOf(project.ID, "eur", "10", false)
	if _, err := w.app.UpdateDraft(ctx, w.owner, in(old.ID), false); !errors.As(err, new(billing.FieldErrors)) {
		t.Errorf("moved to an archived project: %v", err)
	}
	got, err := w.app.UpdateDraft(ctx, w.owner, in(""), false)
	must(t, err)
	if got.ProjectID != nil {
		t.Errorf("still in %s", *got.ProjectID)
	}

	choices := func(chosen string) (names []string) {
		list, err := w.app.ProjectChoices(ctx, w.member, chosen)
		must(t, err)
		for _, p := range list {
			names = append(names, p.Name)
		}
		return names
	}
	for chosen, want := range map[string][]string{"": {"Rebrand"}, project.ID: {"Rebrand"}, old.ID: {"Rebrand", "Old"}, theirs.ID: {"Rebrand"}} {
		if got := choices(chosen); !reflect.DeepEqual(got, want) {
			t.Errorf("with %q chosen, these are offered: %v", chosen, got)
		}
	}
}

func TestSumsOfAProject(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	w.connect()
	project, other, none := w.project("Rebrand"), w.project("Other"), w.project("Aside")

	// Of each state one. The amounts differ in each digit, so that a wrong sum says what is in it.
	w.invoiceOf(project.ID, "eur", "1000", false) // a draft
	w.invoiceOf(project.ID, "eur", "200", true)   // open
	paid := w.invoiceOf(project.ID, "eur", "30", true)
	w.pay(paid.ID, "4242424242424242")
	part := w.invoiceOf(project.ID, "eur", "4", true)
	w.pay(part.ID, "4242424242424242")
	void := w.invoiceOf(project.ID, "eur", "5000", true)
	must(t, w.app.VoidInvoice(ctx, w.owner, void.ID))
	w.invoiceOf(project.ID, "usd", "75", true)
	w.invoiceOf(project.ID, "jpy", "9000", false) // nothing but a draft in this currency
	w.invoiceOf(other.ID, "eur", "60000", true)
	w.invoiceIn("eur", "70000") // in no project
	w.until("both are paid", func() bool {
		return w.detail(paid.ID).Standing.Status == billing.Paid && w.detail(part.ID).Standing.Status == billing.Paid
	})
	must(t, ignore(w.sandbox.Refund(w.detail(part.ID).Payments[0].PaymentIntentID, 150)))
	w.until("it is refunded in part", func() bool { return w.detail(part.ID).Standing.Status == billing.PartiallyRefunded })
	// Not of this mode.
	w.exec("UPDATE invoices SET livemode = 1 WHERE id = '" + w.invoiceOf(project.ID, "eur", "800000", true).ID + "'")

	eur := func(minor int64) billing.Money { return billing.Money{Minor: minor, Currency: "eur"} }
	usd := func(minor int64) billing.Money { return billing.Money{Minor: minor, Currency: "usd"} }
	want := []app.ProjectSum{
		{Invoiced: eur(23400), Received: eur(3250), Outstanding: eur(20000)},
		{Invoiced: usd(7500), Received: usd(0), Outstanding: usd(7500)},
	}
	sums, err := w.app.ProjectSums(ctx, w.member, project.ID)
	must(t, err)
	d, err := w.app.ProjectDetail(ctx, w.member, project.ID, app.Cursor{})
	must(t, err)
	rows, next, err := w.app.Projects(ctx, w.member, app.NameCursor{})
	must(t, err)
	for where, got := range map[string][]app.ProjectSum{"by themselves": sums, "on its page": d.Sums, "in the list": rows[2].Sums} {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", where, got)
		}
	}
	if next != nil || len(rows) != 3 || rows[0].ID != none.ID || rows[0].Sums != nil || rows[0].Invoices != 0 || rows[1].Invoices != 1 || rows[2].Invoices != 7 {
		t.Errorf("the list: %+v, next %v", rows, next)
	}
	if len(d.Invoices) != 7 || d.Invoices[0].Currency != "jpy" || d.Invoices[6].Total != 100000 {
		t.Errorf("the invoices, newest first: %+v", d.Invoices)
	}

	// Money that comes in for a void invoice counts, and so does the invoice then.
	late := w.invoiceOf(none.ID, "eur", "5", true)
	w.sandbox.SetKnobs(sandbox.Knobs{Hold: true})
	w.pay(late.ID, "4242424242424242")
	must(t, w.app.VoidInvoice(ctx, w.owner, late.ID))
	w.sandbox.SetKnobs(sandbox.Knobs{})
	w.until("its money has arrived", func() bool { return w.detail(late.ID).Standing.Received == 500 })
	sums, err = w.app.ProjectSums(ctx, w.member, none.ID)
	must(t, err)
	if want := []app.ProjectSum{{Invoiced: eur(500), Received: eur(500), Outstanding: eur(0)}}; !reflect.DeepEqual(sums, want) {
		t.Errorf("paid while void: %+v", sums)
	}
}

func TestProjectsGoOnByThePage(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	var ids []string
	for i := range 51 {
		ids = append(ids, w.project(fmt.Sprintf("Project %02d", i)).ID)
	}
	w.invoiceOf(ids[49], "eur", "10", true)
	w.invoiceOf(ids[50], "eur", "20", true)
	first, next, err := w.app.Projects(ctx, w.owner, app.NameCursor{})
	must(t, err)
	if len(first) != 50 || next == nil || first[49].ID != ids[49] || len(first[49].Sums) != 1 || first[0].ID != ids[0] {
		t.Fatalf("%d rows, next %v", len(first), next)
	}
	rest, end, err := w.app.Projects(ctx, w.owner, *next)
	must(t, err)
	if len(rest) != 1 || end != nil || rest[0].ID != ids[50] || rest[0].Sums[0].Invoiced.Minor != 2000 {
		t.Errorf("the rest: %+v, next %v", rest, end)
	}

	// The invoices of one project, of which many were written at the same moment.
	for range 51 {
		w.invoiceOf(ids[0], "eur", "10", false)
	}
	w.exec("UPDATE invoices SET created_at = 1000 WHERE project_id = '" + ids[0] + "'")
	seen := map[string]bool{}
	for from, pages := (app.Cursor{}), 0; pages < 3; pages++ {
		d, err := w.app.ProjectDetail(ctx, w.owner, ids[0], from)
		must(t, err)
		for _, r := range d.Invoices {
			if seen[r.ID] {
				t.Errorf("%s comes twice", r.ID)
			}
			seen[r.ID] = true
		}
		if d.Next == nil {
			break
		}
		from = *d.Next
	}
	if len(seen) != 51 {
		t.Errorf("%d of 51 invoices", len(seen))
	}
}
