package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
	"trak/db"
	"trak/sandbox"
)

// syncNow does what `trak sync` does, and gives the last report of each account.
func (w *world) syncNow(r app.SyncRequest) (list []app.SyncReport) {
	w.t.Helper()
	last := map[string]app.SyncReport{}
	must(w.t, w.app.Sync(context.Background(), r, func(r app.SyncReport) { last[r.Account] = r }))
	for _, r := range last {
		list = append(list, r)
	}
	return list
}

func (w *world) syncState() app.SyncState {
	w.t.Helper()
	states, err := w.app.SyncStates(context.Background())
	must(w.t, err)
	if len(states) != 1 {
		w.t.Fatalf("%d accounts are read: %+v", len(states), states)
	}
	return states[0]
}

// chargeOf is the charge by which an invoice was paid.
func (w *world) chargeOf(account string) string {
	w.t.Helper()
	for _, ch := range w.atStripe(account, "charges") {
		if ch["status"] == "succeeded" {
			return ch["id"].(string)
		}
	}
	w.t.Fatal("no charge succeeded")
	return ""
}

// caughtUp waits until nothing is to be read any more.
func (w *world) caughtUp() {
	w.t.Helper()
	w.until("everything is read", func() bool {
		w.goOn()
		return ask[int](w, "SELECT count(*) FROM stripe_reads WHERE next_attempt_at > 0") == 0
	})
}

func (w *world) is(inv db.Invoice, want billing.Status) {
	w.t.Helper()
	w.until(fmt.Sprintf("%s is %s", *inv.Number, want), func() bool { return w.detail(inv.ID).Standing.Status == want })
}

func TestLostWebhooksHeal(t *testing.T) {
	t.Parallel()
	// Every event of a payment and of a refund is lost.
	lose := func(w *world) (account string, inv db.Invoice) {
		account = w.connect()
		inv = w.invoice("100")
		w.until("it has a link", func() bool { return w.detail(inv.ID).Link.State == "active" })
		w.settled()
		w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
		w.pay(inv.ID, "4242424242424242")
		must(w.t, ignore(w.sandbox.Refund(w.chargeOf(account), 4000)))
		w.settled()
		if got := w.detail(inv.ID).Standing.Status; got != billing.Open {
			w.t.Fatalf("%s although everything was lost", got)
		}
		return account, inv
	}
	healed := func(w *world, inv db.Invoice) {
		w.t.Helper()
		w.is(inv, billing.PartiallyRefunded)
		d := w.detail(inv.ID)
		if d.Invoice.Received != 10000 || d.Invoice.Refunded != 4000 {
			w.t.Errorf("received %d, refunded %d", d.Invoice.Received, d.Invoice.Refunded)
		}
		if n := ask[int](w, "SELECT count(*) FROM stripe_webhook_events WHERE source = 'sync' AND state = 'applied'"); n == 0 {
			w.t.Error("no event came by the sync")
		}
		w.caughtUp()
		w.verified()
	}
	bothModes(t, "at a start", func(t *testing.T, w *world) {
		_, inv := lose(w)
		w.stop()
		w.start()
		healed(w, inv)
	})
	bothModes(t, "after ten minutes", func(t *testing.T, w *world) {
		_, inv := lose(w)
		w.clock.advance(11 * time.Minute)
		w.app.Wake()
		healed(w, inv)
		w.until("the sync is done", func() bool { return w.syncState().LastDone > 0 })
		if s := w.syncState(); s.Missed == 0 || s.Error != "" || s.LastDone < s.LastStarted || s.Next <= w.clock.now().UnixMicro() {
			t.Errorf("state %+v", s)
		}
	})
	bothModes(t, "by hand", func(t *testing.T, w *world) {
		account, inv := lose(w)
		reports := w.syncNow(app.SyncRequest{Account: account})
		if len(reports) != 1 || !reports[0].Done || reports[0].Found == 0 || reports[0].Events < reports[0].Found || reports[0].Error != "" {
			t.Errorf("reports %+v", reports)
		}
		healed(w, inv)
		if s := w.syncState(); s.Missed != 0 {
			t.Errorf("%d events are said to be missed, and all are of this minute", s.Missed)
		}
		w.until("the link is closed", func() bool { return w.detail(inv.ID).Link.State == "closed" })
		w.syncNow(app.SyncRequest{}) // which is an event, too
		again := w.syncNow(app.SyncRequest{Workspace: w.owner.Workspace.Slug})
		if len(again) != 1 || again[0].Found != 0 {
			t.Errorf("found again: %+v", again)
		}
		if err := w.app.Sync(t.Context(), app.SyncRequest{Account: "acct_nobody"}, func(app.SyncReport) {}); err != app.ErrNoSuchAccount {
			t.Errorf("an account that nobody has: %v", err)
		}
	})
	bothModes(t, "when a client comes back and no event does", func(t *testing.T, w *world) {
		account, inv := lose(w)
		// The session that the address names can't be read: only the account's events tell.
		must(t, w.app.Returned(t.Context(), inv.Token, "cs_test_nobody"))
		before := w.syncState()
		if wait := time.UnixMicro(before.Next).Sub(w.clock.now()); wait > 30*time.Second || wait < 20*time.Second {
			t.Errorf("%s is read in %s", account, wait)
		}
		w.clock.advance(31 * time.Second)
		w.app.Wake()
		healed(w, inv)
	})
	bothModes(t, "when an event speaks of what nobody told", func(t *testing.T, w *world) {
		account, inv := lose(w)
		w.sandbox.SetKnobs(sandbox.Knobs{})
		must(t, ignore(w.sandbox.WarnOfFraud(w.chargeOf(account))))
		w.settled()
		w.until("it is to be read soon", func() bool { return time.UnixMicro(w.syncState().Next).Sub(w.clock.now()) <= 30*time.Second })
		w.clock.advance(31 * time.Second)
		w.app.Wake()
		healed(w, inv)
	})
	bothModes(t, "half of them lost, the others doubled", func(t *testing.T, w *world) {
		account := w.connect()
		w.settled()
		w.sandbox.SetKnobs(sandbox.Knobs{DropPercent: 50, Duplicate: 2, Shuffle: true})
		var all []db.Invoice
		for range 6 {
			inv := w.invoice("100")
			w.until("it has a link", func() bool { return w.detail(inv.ID).Link.State == "active" })
			w.pay(inv.ID, "4242424242424242")
			all = append(all, inv)
		}
		w.settled()
		w.syncNow(app.SyncRequest{})
		for _, inv := range all {
			w.is(inv, billing.Paid)
			if d := w.detail(inv.ID); d.Invoice.Received != 10000 || len(d.Payments) != 1 {
				t.Errorf("%s received %d by %d payments", *inv.Number, d.Invoice.Received, len(d.Payments))
			}
		}
		told := len(w.sandbox.Events(account))
		if w.own {
			told = len(w.sandbox.Events(""))
		}
		if n := ask[int](w, "SELECT count(*) FROM stripe_webhook_events"); n == 0 || n > told {
			t.Errorf("%d events are stored, Stripe told %d", n, told)
		}
		w.verified()
	})
	t.Run("another workspace's account is left alone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		account, _ := lose(w)
		w.sandbox.SetKnobs(sandbox.Knobs{})
		stranger := w.stranger()
		us := w.owner
		w.owner = stranger
		theirs := w.connect()
		w.owner = us
		before := ask[int](w, "SELECT count(*) FROM stripe_webhook_events WHERE stripe_account_id = ?", account)
		if reports := w.syncNow(app.SyncRequest{Account: theirs}); len(reports) != 1 || reports[0].Workspace != stranger.Workspace.Slug {
			t.Errorf("read %+v", reports)
		}
		if n := ask[int](w, "SELECT count(*) FROM stripe_webhook_events WHERE stripe_account_id = ?", account); n != before {
			t.Errorf("%d events of an account that was not asked for", n-before)
		}
		w.syncNow(app.SyncRequest{})
		if n := ask[int](w, "SELECT count(*) FROM payments WHERE workspace_id = ?", stranger.WorkspaceID); n != 0 {
			t.Errorf("%d payments got into the other workspace", n)
		}
		if n := ask[int](w, "SELECT count(*) FROM stripe_webhook_events e JOIN stripe_connect_accounts a ON a.stripe_account_id = e.stripe_account_id WHERE e.workspace_id <> a.workspace_id"); n != 0 {
			t.Errorf("%d events are of another workspace than their account", n)
		}
	})
}

func TestSyncWithoutWebhooks(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		t.Run(map[bool]string{false: "connect mode", true: "own mode"}[own], func(t *testing.T) {
			t.Parallel()
			w := bareWorld(t, own)
			w.off = true
			w.begin()
			tick := make(chan struct{})
			done := make(chan struct{})
			go func() { // time goes on twenty seconds at a time
				defer close(done)
				for {
					select {
					case <-tick:
						return
					case <-time.After(50 * time.Millisecond):
						w.clock.advance(20 * time.Second)
						w.app.Wake()
					}
				}
			}()
			t.Cleanup(func() { close(tick); <-done })
			account := w.connect()
			inv := w.invoice("100")
			w.until("it has a link", func() bool { return w.detail(inv.ID).Link.State == "active" })
			w.pay(inv.ID, "4242424242424242")
			w.is(inv, billing.Paid)
			must(t, ignore(w.sandbox.Refund(w.chargeOf(account), 0)))
			w.is(inv, billing.Refunded)
			if s := w.syncState(); s.Missed != 0 {
				t.Errorf("%d events are said to be missed, and no webhook was to bring them", s.Missed)
			}
			if err := w.app.ReceiveWebhook(t.Context(), []byte("{}"), ""); err != app.ErrWebhooksOff {
				t.Errorf("a delivery is answered with %v", err)
			}
			if _, err := w.app.EnsureWebhook(t.Context()); err == nil {
				t.Error("made an endpoint that nobody listens to")
			}
			w.verified()
		})
	}
}

// books is everything that Stripe's word decides, without ids that Trak makes up.
func (w *world) books() string {
	w.t.Helper()
	var out strings.Builder
	for _, query := range []string{
		"SELECT * FROM checkout_sessions ORDER BY session_id", "SELECT * FROM charges ORDER BY charge_id", "SELECT * FROM refunds ORDER BY refund_id",
		"SELECT * FROM disputes ORDER BY dispute_id", "SELECT * FROM radar_alerts ORDER BY alert_id", "SELECT * FROM payouts ORDER BY payout_id",
		"SELECT stripe_account_id, payment_intent_id, invoice_id, status, gross, refunded, lost, currency, provisional, provisional_at, charge_id, happened_at, failure_code FROM payments ORDER BY 2",
		"SELECT id, status, phase, flags, received, refunded, due FROM invoices ORDER BY id",
		"SELECT event_id, stripe_account_id, workspace_id, type, created, state, outcome, object_id FROM stripe_webhook_events WHERE type <> 'payment_link.updated' ORDER BY event_id", // Trak closes links itself
	} {
		rows, err := w.file().Query(query)
		must(w.t, err)
		columns, err := rows.Columns()
		must(w.t, err)
		for rows.Next() {
			row := make([]sql.NullString, len(columns))
			into := make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			must(w.t, rows.Scan(into...))
			for i := range row {
				if columns[i] == "refund_hint_at" || columns[i] == "rank_at" { // when Stripe was asked last
					continue
				}
				fmt.Fprintf(&out, "%s=%s ", columns[i], row[i].String)
			}
			out.WriteString("\n")
		}
		must(w.t, rows.Err())
		must(w.t, rows.Close())
	}
	return out.String()
}

func sameBooks(t *testing.T, name, got, other, want string) {
	t.Helper()
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, row := range a {
		if !slices.Contains(b, row) {
			t.Errorf("%s, and not %s:\n%s", other, name, row)
		}
	}
	for _, row := range b {
		if !slices.Contains(a, row) {
			t.Errorf("%s, and not %s:\n%s", name, other, row)
		}
	}
	if len(a) != len(b) {
		t.Errorf("%s: %d rows, %s %d", name, len(b), other, len(a))
	}
}

// moveTo goes on with a copy of the database as it is, of which Trak is stopped.
func (w *world) moveTo(dir string) {
	w.t.Helper()
	if w.raw != nil {
		must(w.t, w.raw.Close())
		w.raw = nil
	}
	from, err := os.Open(filepath.Join(w.dir, db.FileName))
	must(w.t, err)
	defer func() { _ = from.Close() }()
	to, err := os.Create(filepath.Join(dir, db.FileName))
	must(w.t, err)
	must(w.t, ignore(io.Copy(to, from)))
	must(w.t, to.Close())
	w.dir = dir
}

// The books don't depend on how the events came: delivered, found by the sync, or both.
func TestSourceOfEventsChangesNothing(t *testing.T) {
	t.Parallel()
	bothModes(t, "", func(t *testing.T, w *world) {
		account := w.connect()
		var all []db.Invoice
		for range 4 {
			inv := w.invoiceIn("usd", "100")
			w.until("it has a link", func() bool { return w.detail(inv.ID).Link.State == "active" })
			all = append(all, inv)
		}
		w.settled()
		w.caughtUp()
		w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
		from := ""
		if !w.own {
			from = account
		}
		before := len(w.sandbox.Events(from))
		w.pay(all[0].ID, "4242424242424242")
		must(t, ignore(w.sandbox.Refund(w.chargeOf(account), 2500)))
		w.pay(all[1].ID, "4000000000000002")
		w.pay(all[2].ID, "4000000000000259") // and disputed
		w.pay(all[3].ID, "000123456789")
		w.sandbox.SettleBankDebits()
		w.settled()
		events := w.sandbox.Events(from)[before:]
		w.stop()
		start := w.dir

		run := func(webhooks, sync bool) string {
			w.dir = start
			w.moveTo(t.TempDir())
			k := sandbox.Knobs{}
			if !sync {
				k.Fail, k.FailTimes, k.FailPath = sandbox.FailDown, 1_000_000, "/v1/events"
			}
			w.sandbox.SetKnobs(k)
			w.start()
			defer w.stop()
			if sync {
				w.syncNow(app.SyncRequest{})
			}
			if webhooks {
				for _, raw := range events {
					var e struct{ ID string }
					must(t, json.Unmarshal(raw, &e))
					must(t, w.sandbox.Resend(e.ID))
				}
			}
			w.settled()
			w.is(all[0], billing.PartiallyRefunded)
			w.is(all[3], billing.Paid)
			w.caughtUp()
			w.verified()
			return w.books()
		}
		delivered := run(true, false)
		for name, got := range map[string]string{"found": run(false, true), "both": run(true, true)} {
			sameBooks(t, name, got, "delivered", delivered)
		}
	})
}

func TestSyncIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	// many makes more events than one page holds, all of which are lost.
	many := func(w *world) (account string, inv db.Invoice) {
		account = w.connect()
		inv = w.invoice("100")
		w.until("it has a link", func() bool { return w.detail(inv.ID).Link.State == "active" })
		w.settled()
		w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
		w.pay(inv.ID, "4242424242424242")
		charge := w.chargeOf(account)
		for range 120 { // a charge.refunded event each, and the payment lies on the second page
			must(w.t, ignore(w.sandbox.Refund(charge, 10)))
		}
		w.settled()
		return account, inv
	}
	t.Run("more than a page", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, inv := many(w)
		reports := w.syncNow(app.SyncRequest{})
		if len(reports) != 1 || reports[0].Found <= 100 {
			t.Errorf("found %+v", reports)
		}
		w.is(inv, billing.PartiallyRefunded)
		w.caughtUp()
		if d := w.detail(inv.ID); d.Invoice.Refunded != 1200 || d.Invoice.Received != 10000 {
			t.Errorf("received %d, refunded %d", d.Invoice.Received, d.Invoice.Refunded)
		}
		w.verified()
	})
	t.Run("Stripe goes away in the middle", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		b := w.through()
		_, inv := many(w)
		pages := 0
		b.on("GET /v1/events", func(rw http.ResponseWriter, res *http.Response) {
			if pages++; pages == 2 {
				rw.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			pass(rw, res)
		})
		until := ask[int64](w, "SELECT events_until FROM sync_cursors")
		stored := ask[int](w, "SELECT count(*) FROM stripe_webhook_events")
		reports := w.syncNow(app.SyncRequest{})
		if len(reports) != 1 || reports[0].Done || reports[0].Error == "" {
			t.Errorf("reports %+v", reports)
		}
		if s := w.syncState(); s.Error == "" || s.LastDone > s.LastStarted {
			t.Errorf("state %+v", s)
		}
		if now := ask[int64](w, "SELECT events_until FROM sync_cursors"); now != until {
			t.Errorf("the cursor went on by %d", now-until)
		}
		if n := ask[int](w, "SELECT count(*) FROM stripe_webhook_events"); n != stored {
			t.Errorf("%d events of a list that was not whole", n-stored)
		}
		b.off()
		w.clock.advance(2 * time.Second)
		w.app.Wake() // it tries again by itself
		w.is(inv, billing.PartiallyRefunded)
		w.until("the sync is done", func() bool { return w.syncState().Error == "" })
		w.verified()
	})
	t.Run("a crash between two transactions", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		account, inv := many(w)
		w.stop()
		// As a process leaves it that was killed: half of the events are stored, the claim stands.
		w.start()
		w.syncNow(app.SyncRequest{})
		w.until("the link is closed", func() bool { return w.detail(inv.ID).Link.State == "closed" })
		w.syncNow(app.SyncRequest{}) // which is an event, too
		w.caughtUp()
		w.stop()
		whole := ask[int](w, "SELECT count(*) FROM stripe_webhook_events")
		until := ask[int64](w, "SELECT events_until FROM sync_cursors")
		w.exec("DELETE FROM stripe_webhook_events WHERE source = 'sync' AND event_id IN (SELECT event_id FROM stripe_webhook_events WHERE source = 'sync' ORDER BY created DESC, event_id LIMIT 60)")
		w.exec("UPDATE sync_cursors SET events_until = ?, claimed_until = ?, next_attempt_at = ?, attempts = 1, asked = asked + 1",
			until-time.Hour.Microseconds(), w.clock.now().Add(2*time.Minute).UnixMicro(), w.clock.now().Add(2*time.Minute).UnixMicro())
		w.clock.advance(3 * time.Minute)
		w.start()
		w.until("all events are there", func() bool { return ask[int](w, "SELECT count(*) FROM stripe_webhook_events") >= whole })
		w.until("the sync is done", func() bool { return w.syncState().LastDone >= w.syncState().LastStarted })
		if n := ask[int](w, "SELECT count(*) FROM stripe_webhook_events"); n != whole {
			t.Errorf("%d events, %d before the crash", n, whole)
		}
		if d := w.detail(inv.ID); d.Invoice.Refunded != 1200 || d.Invoice.Received != 10000 {
			t.Errorf("received %d, refunded %d on %s", d.Invoice.Received, d.Invoice.Refunded, account)
		}
		w.verified()
	})
}

func TestWhatIsOlderThanEvents(t *testing.T) {
	t.Parallel()
	bothModes(t, "", func(t *testing.T, w *world) {
		account := w.connect()
		paid, disputed := w.invoice("100"), w.invoice("80")
		for _, inv := range []db.Invoice{paid, disputed} {
			w.until("it has a link", func() bool { return w.detail(inv.ID).Link.State == "active" })
		}
		w.settled()
		w.stop() // for more than a month
		w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
		for _, inv := range []db.Invoice{paid, disputed} {
			url := ask[string](w, "SELECT url FROM payment_links WHERE invoice_id = ?", inv.ID)
			session, err := w.sandbox.Checkout(url)
			must(t, err)
			card := map[string]string{paid.ID: "4000000000000077", disputed.ID: "4000000000000259"}[inv.ID]
			must(t, ignore(w.sandbox.Pay(session, sandbox.Card{Number: card, Expiry: "12/40", CVC: "123", Email: "ana@haldenvik.example"})))
		}
		var charge string
		for _, ch := range w.atStripe(account, "charges") {
			if ch["disputed"] == false {
				charge = ch["id"].(string)
			}
		}
		paidAt := w.clock.now()
		must(t, ignore(w.sandbox.Refund(charge, 3000)))
		must(t, ignore(w.sandbox.WarnOfFraud(charge)))
		w.settled()
		w.clock.advance(40 * 24 * time.Hour)
		for _, e := range w.atStripe(account, "events") {
			if e["type"] == "checkout.session.completed" {
				t.Fatal("Stripe still has the events")
			}
		}
		w.start()
		w.is(paid, billing.PartiallyRefunded)
		w.until("the sync is done", func() bool { return w.syncState().LastDone > paidAt.UnixMicro() })
		w.caughtUp()
		d := w.detail(paid.ID)
		if d.Invoice.Received != 10000 || d.Invoice.Refunded != 3000 {
			t.Errorf("received %d, refunded %d", d.Invoice.Received, d.Invoice.Refunded)
		}
		if off := time.UnixMicro(d.Payments[0].HappenedAt).Sub(paidAt); off > time.Minute || off < -time.Minute {
			t.Errorf("said to be paid %s off", off)
		}
		for table, want := range map[string]int{"disputes": 1, "radar_alerts": 1, "refunds": 1, "charges": 2} {
			if n := ask[int](w, "SELECT count(*) FROM "+table); n != want {
				t.Errorf("%d %s, want %d", n, table, want)
			}
		}
		if n := ask[int](w, "SELECT count(*) FROM balance_transactions"); n < 4 {
			t.Errorf("%d balance transactions", n)
		}
		w.verified()
		before := w.books()
		w.syncNow(app.SyncRequest{Since: paidAt.Add(-24 * time.Hour)})
		w.caughtUp()
		sameBooks(t, "a second time", w.books(), "before", before)
	})
}

func TestOverdueIsReadAgain(t *testing.T) {
	t.Parallel()
	bothModes(t, "", func(t *testing.T, w *world) {
		account := w.connect()
		inv := w.invoiceIn("usd", "500")
		w.until("it has a link", func() bool { return w.detail(inv.ID).Link.State == "active" })
		w.pay(inv.ID, "000123456789")
		w.is(inv, billing.Processing)
		w.settled()
		// No event ever tells that it was decided, nor does any list of them.
		w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
		w.sandbox.SettleBankDebits()
		w.settled()
		w.stop()
		w.clock.advance(10 * 24 * time.Hour)
		w.exec("UPDATE sync_cursors SET events_until = ?, last_whole_at = ?", w.clock.now().Add(-time.Hour).UnixMicro(), w.clock.now().Add(-24*time.Hour).UnixMicro())
		w.start()
		w.is(inv, billing.Paid)
		w.caughtUp()
		w.verified()
		_ = account
	})
	bothModes(t, "a payout past its arrival", func(t *testing.T, w *world) {
		account := w.connect()
		w.paid("100", "4000000000000077") // available at once
		payouts, err := w.sandbox.PayOut(account)
		must(t, err)
		w.settled()
		w.caughtUp()
		rank := func() int { return ask[int](w, "SELECT rank FROM payouts WHERE payout_id = ?", payouts[0]) }
		if got := rank(); got > int(billing.PayoutInTransit) {
			t.Fatalf("it has rank %d", got)
		}
		w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
		w.sandbox.SettlePayouts(false)
		w.settled()
		w.stop()
		w.clock.advance(10 * 24 * time.Hour)
		w.exec("UPDATE sync_cursors SET events_until = ?, last_whole_at = ?", w.clock.now().Add(-time.Hour).UnixMicro(), w.clock.now().Add(-24*time.Hour).UnixMicro())
		w.start()
		w.until("it is said to be paid", func() bool { return rank() == int(billing.PayoutPaid) })
		w.caughtUp()
		w.verified()
	})
	t.Run("a charge that was made without a payment intent", func(t *testing.T) {
		t.Parallel()
		w, account := toldWorld(t, false)
		b := w.through()
		must(t, w.signed(account, "charge.pending", object{"id": "py_alone", "object": "charge", "status": "pending", "amount": 700, "currency": "eur", "created": w.clock.now().Unix()}))
		w.clock.advance(10 * 24 * time.Hour)
		w.exec("UPDATE sync_cursors SET last_whole_at = ?", w.clock.now().Add(-24*time.Hour).UnixMicro())
		w.syncNow(app.SyncRequest{})
		w.until("it is asked for by its own id", func() bool { w.goOn(); return b.times("GET /v1/charges/py_alone") > 0 })
	})
}

// tooLong answers each list of more than an hour as if it had no end.
func tooLong(w *world, b *between, lists map[string]int) {
	first := map[string][]byte{}
	var mu sync.Mutex
	b.on("GET /v1/", func(rw http.ResponseWriter, res *http.Response) {
		q := res.Request.URL.Query()
		body, err := io.ReadAll(res.Body)
		must(w.t, err)
		rw.Header().Set("Content-Type", "application/json")
		var since, until int64
		_, noSince := fmt.Sscan(q.Get("created[gte]"), &since)
		if _, err := fmt.Sscan(q.Get("created[lt]"), &until); err != nil {
			until = w.clock.now().Unix()
		}
		if noSince == nil && until-since > 3600 {
			page := q.Get("starting_after") != ""
			q.Del("starting_after")
			list := res.Request.URL.Path + q.Encode()
			mu.Lock()
			if page {
				body = first[list]
			} else {
				body = bytes.Replace(body, []byte(`"has_more":false`), []byte(`"has_more":true`), 1)
				if bytes.Contains(body, []byte(`"data":[]`)) {
					body = bytes.Replace(body, []byte(`"has_more":true`), []byte(`"has_more":false`), 1)
				} else {
					lists[res.Request.URL.Path]++
				}
				first[list] = body
			}
			mu.Unlock()
		}
		rw.WriteHeader(res.StatusCode)
		_, _ = rw.Write(body)
	})
}

// What is too much for one list is read in halves, and nothing is missed or counted twice.
func TestListsThatAreTooLong(t *testing.T) {
	t.Parallel()
	t.Run("of events", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		b := w.through()
		w.connect()
		w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
		var all []db.Invoice
		for range 4 {
			inv := w.invoice("100")
			w.ends(inv.ID, "active")
			w.pay(inv.ID, goodCard)
			all = append(all, inv)
			w.clock.advance(40 * time.Minute)
		}
		w.settled()
		lists := map[string]int{}
		tooLong(w, b, lists)
		w.syncNow(app.SyncRequest{Since: w.clock.now().Add(-6 * time.Hour)})
		b.off()
		if lists["/v1/events"] < 2 {
			t.Errorf("lists that were too long: %v", lists)
		}
		for _, inv := range all {
			w.is(inv, billing.Paid)
			w.stands(inv.ID, billing.Paid, 10000, 0)
		}
		w.verified()
	})
	t.Run("of objects", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		b := w.through()
		account := w.connect()
		w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
		var all []db.Invoice
		for range 3 {
			inv := w.invoice("100")
			w.ends(inv.ID, "active")
			w.pay(inv.ID, goodCard)
			all = append(all, inv)
			w.clock.advance(40 * time.Minute)
		}
		for _, ch := range w.atStripe(account, "charges") {
			must(t, ignore(w.sandbox.Refund(ch["id"].(string), 3000)))
		}
		w.settled()
		w.stop()
		w.clock.advance(40 * 24 * time.Hour)
		lists := map[string]int{}
		tooLong(w, b, lists)
		began := w.clock.now().UnixMicro()
		w.start()
		w.later("the sync is done", func() bool { s := w.syncState(); return s.LastDone >= began && s.Error == "" })
		for _, inv := range all {
			w.is(inv, billing.PartiallyRefunded)
			w.stands(inv.ID, billing.PartiallyRefunded, 10000, 0)
		}
		b.off()
		for _, list := range []string{"charges", "refunds", "checkout/sessions", "balance_transactions"} {
			if lists["/v1/"+list] == 0 {
				t.Errorf("the list of %s was never too long", list)
			}
		}
		w.caughtUp()
		w.verified()
	})
}

func TestBackgroundRate(t *testing.T) {
	t.Parallel()
	w := bareWorld(t, false)
	w.rate = 40
	w.begin()
	b := w.through()
	account := w.connect()
	w.settled()
	b.mu.Lock()
	b.calls = nil
	b.mu.Unlock()
	began := time.Now()
	w.exec("UPDATE stripe_reads SET next_attempt_at = 0")
	now := w.clock.now().UnixMicro()
	for i := range 120 {
		w.exec("INSERT INTO stripe_reads (stripe_account_id, kind, object_id, workspace_id, evidence_at, next_attempt_at) VALUES (?, 'payout', ?, ?, ?, ?)",
			account, fmt.Sprintf("po_none%d", i), w.owner.WorkspaceID, now, now)
	}
	w.app.Wake()
	w.caughtUp()
	took, calls := time.Since(began), b.times("GET /v1/payouts")
	if calls < 120 {
		t.Fatalf("%d calls", calls)
	}
	if most := 40*took.Seconds() + 45; float64(calls) > most {
		t.Errorf("%d calls in %s", calls, took)
	}
	if took < 1500*time.Millisecond {
		t.Errorf("120 calls took %s, at 40 a second", took)
	}
}

func TestSyncRestsWhenStripeSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.through()
	w.connect()
	w.settled()
	w.caughtUp()
	b.on("GET /v1/events", func(rw http.ResponseWriter, _ *http.Response) {
		rw.Header().Set("Retry-After", "90")
		rw.WriteHeader(http.StatusTooManyRequests)
		_, _ = bytes.NewBufferString(`{"error":{"type":"invalid_request_error","code":"rate_limit","message":"slow"}}`).WriteTo(rw)
	})
	w.clock.advance(11 * time.Minute)
	w.app.Wake()
	w.until("the sync has failed", func() bool { return w.syncState().Error != "" })
	if rest := time.UnixMicro(w.syncState().Next).Sub(w.clock.now()); rest < 80*time.Second {
		t.Errorf("tries again in %s", rest)
	}
	calls := b.times("GET /v1/events")
	w.app.Wake()
	if n := b.times("GET /v1/events"); n != calls || calls != 1 {
		t.Errorf("%d calls, then %d", calls, n)
	}
}

// A restricted key may not read everything: payments are seen all the same.
func TestSyncWithRestrictedKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.through()
	w.connect()
	inv := w.invoice("100")
	w.until("it has a link", func() bool { return w.detail(inv.ID).Link.State == "active" })
	w.settled()
	w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
	w.pay(inv.ID, "4242424242424242")
	b.on("GET /v1/balance_transactions", func(rw http.ResponseWriter, _ *http.Response) {
		rw.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(rw, `{"error":{"type":"invalid_request_error","message":"The key does not have the permission rak_balance_read"}}`)
	})
	reports := w.syncNow(app.SyncRequest{})
	if len(reports) != 1 || !reports[0].Done || !strings.Contains(reports[0].Lacks, "rak_balance_read") {
		t.Errorf("reports %+v", reports)
	}
	if s := w.syncState(); s.Error == "" || s.LastDone == 0 {
		t.Errorf("state %+v", s)
	}
	w.is(inv, billing.Paid)
	b.off()
	w.syncNow(app.SyncRequest{})
	if s := w.syncState(); s.Error != "" {
		t.Errorf("state %+v", s)
	}
	if n := ask[int](w, "SELECT count(*) FROM balance_transactions"); n == 0 {
		t.Error("no balance transaction, although the key may read them now")
	}
}

// A stop does not wait for a long sync, which begins again where it was.
func TestStopEndsSync(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.through()
	w.connect()
	w.settled()
	w.caughtUp()
	asked, answer := make(chan struct{}, 10), make(chan struct{})
	b.on("GET /v1/events", func(rw http.ResponseWriter, res *http.Response) {
		asked <- struct{}{}
		<-answer
		pass(rw, res)
	})
	w.clock.advance(11 * time.Minute)
	w.app.Wake()
	<-asked
	began := time.Now()
	w.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop took %s", took)
	}
	close(answer)
	b.off()
	w.start()
	w.until("the sync is done", func() bool { s := w.syncState(); return s.LastDone >= s.LastStarted && s.Error == "" })
}
