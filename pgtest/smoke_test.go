package pgtest

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"trak/app"
	"trak/billing"
)

// The way of an invoice on PostgreSQL: connect, write, finalize, pay, see it paid.
func TestAnInvoiceIsPaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, options())
	w.connect()
	inv := w.invoice("Halden & Vik", "1,234.50")
	if inv.Invoice.Status != "open" || inv.Invoice.Due != 123450 || *inv.Invoice.Number != "INV-0001" {
		t.Fatalf("finalized as %+v", inv.Invoice)
	}
	paid := w.pay(inv)
	if paid.Invoice.Received != 123450 || paid.Invoice.Due != 0 || len(paid.Payments) != 1 || paid.Payments[0].Gross != 123450 {
		t.Errorf("paid as %+v", paid)
	}
	if got := w.count("SELECT count(*) FROM audit_log WHERE action = 'invoice.finalize' AND subject = $1", inv.Invoice.ID); got != 1 {
		t.Errorf("%d audit records of finalizing", got)
	}
	o, err := w.app.Overview(context.Background(), w.owner)
	must(t, err)
	if len(o.Received) != 1 || o.Received[0].Money != (billing.Money{Minor: 123450, Currency: "eur"}) || len(o.Latest) != 1 {
		t.Errorf("the overview says %+v", o)
	}
	w.verified()
}

// Stripe may deliver an event several times at once.
func TestOneEventAtOnceEightTimesIsOnePayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 8, options())
	w.connect()
	first, second := w.invoice("Halden & Vik", "100"), w.invoice("Halden & Vik", "200")
	if len(w.pay(first).Payments) != 1 || len(w.pay(second).Payments) != 1 {
		t.Error("an invoice has not one payment")
	}
	if n := w.count("SELECT count(*) FROM payments"); n != 2 {
		t.Errorf("%d payments of 2 invoices", n)
	}
	if n := w.count("SELECT sum(received) FROM invoices"); n != 300_00 {
		t.Errorf("received %d", n)
	}
	if n := w.count("SELECT count(*) FROM stripe_webhook_events WHERE state NOT IN ('applied', 'ignored')"); n != 0 {
		t.Errorf("%d events were not applied", n)
	}
	w.verified()
}

// An object that was read from Stripe is stored, though another transaction got in the way at
// first: that is no failure of the read, which would be put off and shown.
func TestAReadThatMeetsAConflictIsStored(t *testing.T) {
	t.Parallel()
	var met atomic.Int64
	o := options()
	o.Fault = func(query string) error {
		if strings.HasPrefix(query, "-- name: UpsertPayment ") && met.Add(1) == 1 {
			return inTheWay
		}
		return nil
	}
	w := newWorld(t, 1, o)
	w.connect()
	inv := w.invoice("Halden & Vik", "100")
	w.times.Store(0) // no webhook arrives: the client's return is what Trak knows of
	session := w.checkout(inv)
	must(t, w.app.Returned(context.Background(), inv.Invoice.Token, session))
	w.detailWhen(inv.Invoice.ID, "the invoice is paid", func(d app.Detail) bool { return d.Invoice.Status == "paid" })
	if n := met.Load(); n != 2 {
		t.Errorf("the payment was written %d times", n)
	}
	if n := w.count("SELECT attempts FROM stripe_reads WHERE object_id = $1", session); n != 1 {
		t.Errorf("the session was read %d times", n)
	}
}

func TestNumbersHaveNoGapsWhenManyFinalizeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, options())
	ctx := context.Background()
	const many = 16
	drafts := make([]string, many)
	for i := range drafts {
		inv, err := w.app.CreateInvoice(ctx, w.owner, app.InvoiceInput{ClientName: "Halden & Vik", Summary: "Design", Amount: "10"}, false)
		must(t, err)
		drafts[i] = inv.ID
	}
	numbers := make([]string, many)
	for _, err := range atOnce(many, func(i int) error {
		inv, err := w.app.FinalizeInvoice(ctx, w.owner, drafts[i], 1)
		if err == nil {
			numbers[i] = *inv.Number
		}
		return err
	}) {
		must(t, err)
	}
	given := map[string]bool{}
	for _, n := range numbers {
		given[n] = true
	}
	for i := range many {
		if number := fmt.Sprintf("INV-%04d", i+1); !given[number] {
			t.Errorf("%s was not given; given were %v", number, numbers)
		}
	}
	w.verified()
}

func TestLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, options())
	ctx := context.Background()
	w.connect()
	create := func(client, due string, finalize bool) string {
		t.Helper()
		inv, err := w.app.CreateInvoice(ctx, w.owner, app.InvoiceInput{ClientName: client, Summary: "Design", Amount: "10", Due: due}, finalize)
		must(t, err)
		return inv.ID
	}
	const drafts = 53 // a page and three
	for range drafts {
		create("Ålesund Bakery", "", false)
	}
	late := create("Halden & Vik", "2020-01-31", true)
	open := create("halden & vik", "2099-01-31", true) // the same client
	void := create("Zoë 100%", "", true)
	must(t, w.app.VoidInvoice(ctx, w.owner, void))
	paid := w.pay(w.invoice("Zoë 100%", "20")).Invoice.ID

	for tab, want := range map[string][]string{
		app.TabOpen: {open, late}, app.TabOverdue: {late}, app.TabClosed: {void}, app.TabPaid: {paid},
	} {
		rows, next, err := w.app.Invoices(ctx, w.owner, tab, app.Cursor{})
		must(t, err)
		var got []string
		for _, r := range rows {
			got = append(got, r.ID)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || next != nil {
			t.Errorf("under %q are %v, want %v", tab, got, want)
		}
	}
	for tab, want := range map[string]int{app.TabAll: drafts + 4, app.TabDrafts: drafts} {
		seen, pages := map[string]bool{}, 0
		for from := (&app.Cursor{}); from != nil; pages++ {
			rows, next, err := w.app.Invoices(ctx, w.owner, tab, *from)
			must(t, err)
			for _, r := range rows {
				if seen[r.ID] {
					t.Errorf("%s is under %q twice", r.ID, tab)
				}
				seen[r.ID] = true
			}
			from = next
		}
		if len(seen) != want || pages != 2 {
			t.Errorf("under %q are %d invoices on %d pages, want %d on 2", tab, len(seen), pages, want)
		}
	}
	counts, err := w.app.InvoiceCounts(ctx, w.owner)
	must(t, err)
	if want := (app.Counts{All: drafts + 4, Open: 2, Overdue: 1, Paid: 1, Drafts: drafts, Closed: 1}); counts != want {
		t.Errorf("the tabs count %+v, want %+v", counts, want)
	}

	payments, _, err := w.app.Payments(ctx, w.owner, app.Cursor{})
	must(t, err)
	if len(payments) != 1 || *payments[0].InvoiceID != paid {
		t.Errorf("the history is %+v", payments)
	}
	clients, owed, _, err := w.app.Clients(ctx, w.owner, app.NameCursor{})
	must(t, err)
	if len(clients) != 3 || clients[0].Name != "Ålesund Bakery" || clients[1].Name != "Halden & Vik" || clients[2].Name != "Zoë 100%" {
		t.Errorf("the clients are %+v", clients)
	}
	if len(owed) != 1 || owed[0] != (app.OpenTotal{ClientID: clients[1].ID, Money: billing.Money{Minor: 20_00, Currency: "eur"}}) {
		t.Errorf("owed is %+v", owed)
	}
	for text, want := range map[string]int{"zoe": 1, "100%": 1, "1_0": 0, "%": 1, `\`: 0, "VIK": 1, "": 3} {
		found, err := w.app.SuggestClients(ctx, w.owner, text)
		must(t, err)
		if len(found) != want {
			t.Errorf("%q finds %d clients, want %d", text, len(found), want)
		}
	}
	w.verified()
}
