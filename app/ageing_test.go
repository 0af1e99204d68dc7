package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
)

func TestPayloadsLosePersonalDataWithAge(t *testing.T) {
	t.Parallel()
	w := bareWorld(t, false)
	w.payloadDays = 90
	w.begin()
	w.connect()
	inv := w.invoice("20")
	w.pay(inv.ID, "4242424242424242")
	w.until("it is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
	w.settled()
	ctx := context.Background()
	const personal = "SELECT count(*) FROM stripe_webhook_events WHERE CAST(payload AS TEXT) LIKE '%@%'"
	if ask[int](w, personal) == 0 {
		t.Fatal("no payload has an email address: the test shows nothing")
	}
	must(t, w.app.AgePayloads(ctx))
	if n := ask[int](w, "SELECT count(*) FROM stripe_webhook_events WHERE masked_at > 0"); n != 0 {
		t.Errorf("%d are masked too early", n)
	}
	facts, old := factRows(w), w.clock.now().UnixMicro()
	w.clock.advance(91 * 24 * time.Hour)
	w.app.Wake() // the background does it
	w.until("all are masked", func() bool {
		return ask[int](w, "SELECT count(*) FROM stripe_webhook_events WHERE masked_at = 0 AND received_at < ?", old) == 0
	})
	if n := ask[int](w, personal+" AND masked_at > 0"); n != 0 {
		t.Errorf("%d payloads still have an email address", n)
	}
	if now := factRows(w); now != facts {
		t.Errorf("facts were\n%s\nand are\n%s", facts, now)
	}
	verified := func() {
		t.Helper()
		report, err := app.Verify(ctx, w.db)
		must(t, err)
		if len(report.Differences) > 0 {
			t.Errorf("verify: %+v", report.Differences)
		}
	}
	verified()

	t.Run("the page says so, to owners as well", func(t *testing.T) {
		id := ask[string](w, "SELECT event_id FROM stripe_webhook_events WHERE type = 'charge.succeeded'")
		e, err := w.app.Event(ctx, w.owner, id)
		must(t, err)
		if e.MaskedAt == 0 || e.Masked || len(e.Invoices) != 1 || strings.Contains(string(e.Payload), "@") {
			t.Errorf("%+v", e)
		}
	})
	t.Run("to process one again reads the object from Stripe", func(t *testing.T) {
		for _, kind := range []string{"charge.succeeded", "checkout.session.completed"} {
			id := ask[string](w, "SELECT event_id FROM stripe_webhook_events WHERE type = ?", kind)
			asked := ask[int](w, "SELECT COALESCE(sum(asked), 0) FROM stripe_reads")
			if state, err := w.app.ProcessEvent(ctx, w.owner, id); err != nil || state != "applied" {
				t.Errorf("%s: %s, %v", kind, state, err)
			}
			if ask[int](w, "SELECT COALESCE(sum(asked), 0) FROM stripe_reads") <= asked {
				t.Errorf("%s: nothing is read", kind)
			}
		}
		w.until("it is read", func() bool { return ask[int](w, "SELECT count(*) FROM stripe_reads WHERE next_attempt_at > 0") == 0 })
		if inv := w.detail(inv.ID); inv.Standing.Received != 2000 || len(inv.Payments) != 1 {
			t.Errorf("it is %+v", inv.Standing)
		}
		verified()
	})
}

func TestPayloadsAreKeptForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect()
	w.clock.advance(20 * 365 * 24 * time.Hour)
	must(t, w.app.AgePayloads(context.Background()))
	if n := ask[int](w, "SELECT count(*) FROM stripe_webhook_events WHERE masked_at > 0"); n != 0 {
		t.Errorf("%d are masked", n)
	}
}

func TestClientsBecomeAnonymous(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	c, err := w.app.CreateClient(ctx, w.owner, app.ClientInput{Name: "Petra Novak", Email: "petra@novak.example", Address: "Ring 1"})
	must(t, err)
	final, err := w.app.CreateInvoice(ctx, w.owner, app.InvoiceInput{ClientID: c.ID, Summary: "Work", Amount: "10"}, true)
	must(t, err)
	open, err := w.app.CreateInvoice(ctx, w.owner, app.InvoiceInput{ClientID: c.ID, Summary: "More", Amount: "20", Note: "Dear Petra", PONumber: "NOVAK-1"}, false)
	must(t, err)

	data, err := w.app.ExportClient(ctx, w.owner, c.ID)
	must(t, err)
	for _, has := range []string{"petra@novak.example", "Ring 1", *final.Number, "Dear Petra", `"lines"`, `"payments"`} {
		if !strings.Contains(string(data), has) {
			t.Errorf("the export lacks %s", has)
		}
	}
	if strings.Contains(string(data), final.Token) {
		t.Error("the export has the token of the client's page")
	}
	for _, f := range []func() error{
		func() error { return w.app.AnonymiseClient(ctx, w.member, c.ID) },
		func() error { return ignore(w.app.ExportClient(ctx, w.member, c.ID)) },
	} {
		if err := f(); !errors.Is(err, app.ErrForbidden) {
			t.Errorf("by a member: %v", err)
		}
	}

	must(t, w.app.AnonymiseClient(ctx, w.owner, c.ID))
	if inv := w.detail(final.ID).Invoice; inv.BuyerName != "Petra Novak" || inv.BuyerAddress != "Ring 1" || inv.BuyerEmail != "" || inv.Total != 1000 {
		t.Errorf("the finalized invoice is %+v", inv)
	}
	d := w.detail(open.ID).Invoice
	if d.ClientID != nil || d.Note != "" || d.PoNumber != "" || d.Version == open.Version {
		t.Errorf("the draft is %+v", d)
	}
	if found, err := w.app.SuggestClients(ctx, w.owner, "petra"); err != nil || len(found) > 0 {
		t.Errorf("found by name: %v, %v", found, err)
	}
	for line := range strings.Lines(w.dump(w.owner.WorkspaceID)) {
		table, _, _ := strings.Cut(line, " ")
		if table != "audit_log" && (strings.Contains(line, "petra") || strings.Contains(line, "Petra")) && !strings.Contains(line, *final.Number) {
			t.Errorf("left in %s", line)
		}
	}
	now, err := w.app.Client(ctx, w.owner, c.ID)
	must(t, err)
	for name, f := range map[string]func() error{
		"made anonymous again": func() error { return w.app.AnonymiseClient(ctx, w.owner, c.ID) },
		"renamed": func() error {
			return w.app.UpdateClient(ctx, w.owner, c.ID, app.ClientInput{Name: "Petra", Version: now.Version})
		},
		"taken back": func() error { return w.app.ArchiveClient(ctx, w.owner, c.ID, false) },
	} {
		if err := f(); !errors.Is(err, app.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// factRows is what Stripe has told, as it is stored, but for when a charge was looked at last.
func factRows(w *world) string {
	w.t.Helper()
	var b strings.Builder
	const charge = "charge_id, rank, amount, captured, method, brand, last4, refund_hint, paid_at FROM charges"
	for _, table := range []string{"* FROM checkout_sessions", charge, "* FROM refunds", "* FROM payments", "* FROM disputes", "* FROM payouts"} {
		rows, err := w.file().Query("SELECT " + table + " ORDER BY 1, 2")
		must(w.t, err)
		b.WriteString(textOf(w.t, table, rows))
	}
	return b.String()
}
