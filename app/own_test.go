package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"trak/app"
	"trak/billing"
	"trak/connect"
	"trak/db"
	"trak/sandbox"
)

func TestOwnMode(t *testing.T) {
	t.Parallel()
	ctx := context.Background()

	t.Run("the workspace is paid at once, with nothing to connect", func(t *testing.T) {
		t.Parallel()
		w := newWorldIn(t, true)
		account := w.connect()
		for name, err := range map[string]error{
			"connect":    ignore(w.app.StartOnboarding(ctx, w.owner, "DE")),
			"continue":   ignore(w.app.ContinueOnboarding(ctx, w.owner)),
			"dashboard":  ignore(w.app.StripeDashboard(ctx, w.owner)),
			"disconnect": w.app.Disconnect(ctx, w.owner),
			"return":     w.app.ReturnFromStripe(ctx, w.owner),
		} {
			if !errors.Is(err, app.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		must(t, w.app.CheckAccount(ctx, w.owner))
		if n := ask[int](w, "SELECT count(*) FROM stripe_connect_accounts WHERE type = 'own' AND stripe_account_id = '"+account+"'"); n != 1 {
			t.Errorf("%d rows of the account", n)
		}
		if n := len(w.atStripe("", "accounts")); n != 0 {
			t.Errorf("%d accounts were made", n)
		}
	})

	t.Run("there is one workspace", func(t *testing.T) {
		t.Parallel()
		w := newWorldIn(t, true)
		u, err := w.app.CreateUser(ctx, app.NewUser{Name: "Tomas", Email: "tomas@example.com", Password: "paper lantern quiet harbour"})
		must(t, err)
		_, err = w.app.CreateWorkspace(ctx, u.ID, app.NewWorkspace{Name: "Second", Country: "DE", Currency: "eur", TimeZone: "Europe/Berlin"})
		var errs billing.FieldErrors
		if !errors.As(err, &errs) || errs["workspace"] == "" {
			t.Errorf("a second one: %v", err)
		}
	})

	t.Run("an event of a connected account touches nothing", func(t *testing.T) {
		t.Parallel()
		w := bareWorld(t, true)
		w.secrets = []string{hookSecret}
		w.begin()
		account := w.connect()
		inv := w.invoice("10")
		link := w.oneLink(account)
		w.hookFor("acct_1Stranger", "checkout.session.completed", paidSession(link["id"].(string), inv.ID))
		w.settled()
		if got := ask[string](w, "SELECT state FROM stripe_webhook_events WHERE stripe_account_id = 'acct_1Stranger'"); got != "ignored" {
			t.Errorf("it is %s", got)
		}
		if d := w.detail(inv.ID); d.Invoice.Received != 0 {
			t.Errorf("received %d", d.Invoice.Received)
		}
	})

	t.Run("a start while Stripe is away goes on with the account that is known", func(t *testing.T) {
		t.Parallel()
		w := newWorldIn(t, true)
		account := w.connect()
		inv := w.invoice("10")
		w.stop()
		between := newBetween(t, w.sandbox.URL())
		between.on("GET /v1/account", func(http.ResponseWriter, *http.Response) { panic(http.ErrAbortHandler) })
		w.stripe = between.URL
		w.start()
		w.pay(inv.ID, "4242424242424242")
		w.until("the invoice is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
		if c, err := w.app.Connection(ctx, w.owner); err != nil || c.Account.ID != account || c.Stage != connect.StageActive {
			t.Errorf("%+v, %v", c.Account, err)
		}
		w.verified()
	})

	t.Run("a first start while Stripe is away asks again, and what came meanwhile counts", func(t *testing.T) {
		t.Parallel()
		w := bareWorld(t, true)
		between := newBetween(t, w.sandbox.URL())
		between.on("GET /v1/account", func(http.ResponseWriter, *http.Response) { panic(http.ErrAbortHandler) })
		w.stripe, w.secrets = between.URL, []string{hookSecret}
		w.begin()
		if c, err := w.app.Connection(ctx, w.owner); err != nil || c.Row != nil {
			t.Fatalf("%+v, %v", c.Row, err)
		}
		inv := w.invoice("10")
		w.hookFor("", "checkout.session.completed", paidSession("plink_unknown", inv.ID))
		w.settled()
		if got := ask[string](w, "SELECT state FROM stripe_webhook_events WHERE type = 'checkout.session.completed'"); got != "unmatched" {
			t.Errorf("the early event is %s", got)
		}
		between.off()
		w.until("the account is known", func() bool {
			w.clock.advance(10 * time.Second)
			w.app.Wake()
			c, err := w.app.Connection(ctx, w.owner)
			return err == nil && c.Stage == connect.StageActive
		})
		w.until("the invoice has its link", func() bool { return w.detail(inv.ID).Link.State == "active" })
		w.until("the early event is applied", func() bool {
			return ask[string](w, "SELECT state FROM stripe_webhook_events WHERE type = 'checkout.session.completed'") == "applied"
		})
		w.verified()
	})

	t.Run("a restricted key that may not read its account needs the account's id", func(t *testing.T) {
		t.Parallel()
		w := newWorldIn(t, true)
		account := w.connect()
		w.stop()
		between := newBetween(t, w.sandbox.URL())
		between.on("GET /v1/account", func(rw http.ResponseWriter, _ *http.Response) {
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(http.StatusForbidden)
			_, _ = rw.Write([]byte(`{"error":{"type":"invalid_request_error","message":"The provided key does not have the required permissions for this endpoint."}}`))
		})
		w.stripe = between.URL
		if err := w.open(); unfit(err) != "STRIPE_ACCOUNT_ID" {
			t.Fatalf("started with %v", err)
		}
		w.ownAccount = account
		w.start()
		must(t, w.app.CheckAccount(ctx, w.owner))
		inv := w.invoice("10")
		w.ends(inv.ID, "active")
		w.pay(inv.ID, "4242424242424242")
		w.until("the invoice is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
	})

	t.Run("it does not start on another account than the one that is configured, nor with a refused key", func(t *testing.T) {
		t.Parallel()
		w := newWorldIn(t, true)
		w.stop()
		w.ownAccount = "acct_1Other"
		if err := w.open(); unfit(err) != "STRIPE_ACCOUNT_ID" {
			t.Errorf("started with %v", err)
		}
		w.ownAccount, w.key = "", "sk_test_wrong"
		if err := w.open(); unfit(err) != "STRIPE_SECRET_KEY" {
			t.Errorf("started with %v", err)
		}
		w.key = ""
		w.start()
	})

	t.Run("the key of another account: open invoices get new links there, the old ones are put aside", func(t *testing.T) {
		t.Parallel()
		w := newWorldIn(t, true)
		before := w.connect()
		inv := w.invoice("10")
		old := w.detail(inv.ID).Link.URL
		w.stop()
		other := sandbox.New(sandbox.Options{Now: w.clock.now})
		must(t, other.Start("127.0.0.1:0"))
		t.Cleanup(func() { _ = other.Close() })
		w.stripe = other.URL()
		w.start()
		w.until("there is another link", func() bool { d := w.detail(inv.ID); return d.Link.State == "active" && d.Link.URL != old })
		c, err := w.app.Connection(ctx, w.owner)
		must(t, err)
		if c.Account.ID == before || c.Stage != connect.StageActive {
			t.Errorf("still paid into %s, %s", c.Account.ID, c.Stage)
		}
		w.stop()
		w.stripe = ""
		w.start() // and back
		w.until("the first account is in use again", func() bool {
			c, err := w.app.Connection(ctx, w.owner)
			return err == nil && c.Account.ID == before && c.Stage == connect.StageActive
		})
		if n := ask[int](w, "SELECT count(*) FROM stripe_connect_accounts"); n != 2 {
			t.Errorf("%d rows of accounts", n)
		}
		w.verified()
	})

	t.Run("the same account in the other mode goes on there, and is found again on the way back", func(t *testing.T) {
		t.Parallel()
		w := bareWorld(t, true)
		w.secrets = []string{hookSecret}
		w.begin()
		account := w.connect()
		w.stop()
		// As after some time in live mode: nobody but Stripe answers a live key.
		w.exec("UPDATE stripe_connect_accounts SET livemode = TRUE, connected_at = 7")
		w.exec("UPDATE sync_cursors SET events_until = 8, balance_until = 9")
		w.exec("INSERT INTO stripe_reads (stripe_account_id, kind, object_id, workspace_id, evidence_at, next_attempt_at) VALUES (?, 'charge', 'ch_live', ?, 5, 6)", account, w.owner.WorkspaceID)
		w.exec("UPDATE installation SET name = 'own_account_live' WHERE name = 'own_account_test'")
		w.exec("UPDATE installation SET name = 'webhook_secret_test' WHERE name = 'webhook_secret'")
		w.exec("UPDATE installation SET value = 'live' WHERE name = 'mode'")
		must(t, w.adopt(false, true))
		w.start()
		if got := w.connect(); got != account {
			t.Fatalf("account %s, not %s", got, account)
		}
		if got := ask[string](w, "SELECT value FROM installation WHERE name = 'own_reading_live'"); got != `{"ConnectedAt":7,"EventsUntil":8,"BalanceUntil":9}` {
			t.Errorf("kept of live mode: %s", got)
		}
		inv, _ := w.paid("10", goodCard)
		if n := ask[int](w, "SELECT next_attempt_at FROM stripe_reads WHERE object_id = 'ch_live'"); n != -6 {
			t.Errorf("what is to be read in live mode is due %d", n)
		}
		if n := ask[int](w, "SELECT count(*) FROM stripe_webhook_events WHERE state <> 'applied'"); n != 0 {
			t.Errorf("%d events are not applied", n)
		}
		w.verified()
		w.stop()
		must(t, w.adopt(true, true))
		w.live() // and Stripe is away
		event := `{"id":"evt_live","object":"event","type":"charge.succeeded","api_version":"2023-10-16","livemode":%v,"created":1700000000,
			"data":{"object":{"id":"ch_live","object":"charge","status":"succeeded","amount":500,"amount_captured":500,"currency":"eur","livemode":true,"created":1700000000}}}`
		for _, e := range []string{fmt.Sprintf(event, true), strings.Replace(fmt.Sprintf(event, false), "evt_live", "evt_test", 1)} {
			signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(e), Secret: hookSecret, Timestamp: w.clock.now()})
			must(t, w.app.ReceiveWebhook(ctx, signed.Payload, signed.Header))
		}
		for id, want := range map[string]string{"evt_live": "unmatched", "evt_test": "applied"} {
			if got := ask[string](w, "SELECT state FROM stripe_webhook_events WHERE event_id = ?", id); got != want {
				t.Errorf("%s is %s, want %s", id, got, want)
			}
		}
		w.stop()
		must(t, w.adopt(false, true))
		w.start()
		w.is(inv, billing.Paid)
	})

	t.Run("a data directory in use stays in its mode", func(t *testing.T) {
		t.Parallel()
		for _, own := range []bool{false, true} {
			w := newWorldIn(t, own)
			w.connect()
			w.stop()
			w.own = !own
			if err := w.open(); unfit(err) != "TRAK_STRIPE_MODE" {
				t.Errorf("own %v started in the other mode: %v", own, err)
			}
			w.own = own
			w.start()
		}
	})

	t.Run("two workspaces can't be in own mode", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.person("Tomas", "tomas@example.com", "Second", app.Owner)
		w.stop()
		w.own = true
		if err := w.open(); unfit(err) != "TRAK_STRIPE_MODE" {
			t.Errorf("started with %v", err)
		}
		w.own = false
		w.start()
	})
}

// unfit is the setting that a start was refused for.
func unfit(err error) string {
	var u *app.Unfit
	if errors.As(err, &u) {
		return u.Setting
	}
	return ""
}

func TestTestAndLiveAreApart(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	bothModes(t, "a live key hides what is of test mode", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoice("10")
		w.pay(inv.ID, "4242424242424242")
		w.until("the invoice is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
		open := w.invoice("20")
		w.settled()
		draft, err := w.app.CreateInvoice(ctx, w.owner, app.InvoiceInput{ClientName: "Halden & Vik", Summary: "Later", Amount: "5"}, false)
		must(t, err)
		w.stop()

		var refusal *app.Unfit
		if err := w.adopt(true, false); !errors.As(err, &refusal) || refusal.Setting != "STRIPE_SECRET_KEY" {
			t.Fatalf("a live key alone: %v", err)
		}
		t.Log(refusal.Remedy)
		must(t, w.adopt(true, true))
		must(t, w.adopt(true, false)) // agreed once
		w.live()
		for name, id := range map[string]string{"paid": inv.ID, "open": open.ID} {
			if _, err := w.app.InvoiceDetail(ctx, w.owner, id); !errors.Is(err, app.ErrNotFound) {
				t.Errorf("the %s test invoice is seen in live mode: %v", name, err)
			}
			if err := w.app.VoidInvoice(ctx, w.owner, id); !errors.Is(err, app.ErrNotFound) {
				t.Errorf("the %s test invoice is voided in live mode: %v", name, err)
			}
		}
		rows, _, err := w.app.Invoices(ctx, w.owner, app.TabAll, app.Cursor{})
		must(t, err)
		if len(rows) != 1 || rows[0].ID != draft.ID {
			t.Errorf("the list has %d invoices", len(rows))
		}
		o, err := w.app.Overview(ctx, w.owner)
		must(t, err)
		if len(o.Received)+len(o.Outstanding) != 0 {
			t.Errorf("the overview counts test money: %+v", o)
		}
		history, _, err := w.app.Payments(ctx, w.owner, app.Cursor{})
		must(t, err)
		if len(history) != 0 {
			t.Errorf("the history has %d test payments", len(history))
		}
		p, err := w.app.PublicInvoice(ctx, open.Token)
		must(t, err)
		if p.CanPay {
			t.Error("a test invoice can be paid in live mode")
		}
		final, err := w.app.FinalizeInvoice(ctx, w.owner, draft.ID, draft.Version)
		must(t, err)
		if *final.Number != "INV-0001" || !final.Livemode {
			t.Errorf("the first live invoice is %s, live %v", *final.Number, final.Livemode)
		}
		w.verified()
		w.stop()

		if err := w.adopt(false, false); unfit(err) != "STRIPE_SECRET_KEY" {
			t.Errorf("a test key alone: %v", err)
		}
		must(t, w.adopt(false, true))
		w.start()
		if d := w.detail(inv.ID); d.Standing.Status != billing.Paid {
			t.Errorf("after the way back the invoice is %s", d.Standing.Status)
		}
		if next := w.invoice("1"); *next.Number != "INV-0003" {
			t.Errorf("the next test invoice is %s", *next.Number)
		}
		w.verified()
	})

	t.Run("each mode has a webhook secret of its own", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		if !w.app.WebhooksReady() {
			t.Fatal("there is no secret to begin with")
		}
		w.stop()
		must(t, w.adopt(true, true))
		w.live()
		if w.app.WebhooksReady() {
			t.Error("live mode believes the secret of test mode")
		}
		w.stop()
		must(t, w.adopt(false, true))
		w.start()
		if !w.app.WebhooksReady() {
			t.Error("the secret of test mode is lost")
		}
	})

	t.Run("nothing of test mode is worked on in live mode", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.connect()
		inv := w.invoice("10")
		w.sandbox.SetKnobs(sandbox.Knobs{Fail: sandbox.FailServer, FailTimes: 1000, FailMethod: "POST"})
		must(t, w.app.VoidInvoice(ctx, w.owner, inv.ID))
		w.until("closing was tried", func() bool { return ask[int](w, "SELECT attempts FROM payment_links") > 1 })
		w.stop()
		w.sandbox.SetKnobs(sandbox.Knobs{})
		must(t, w.adopt(true, true))
		w.live()
		w.clock.advance(time.Hour)
		w.app.Wake()
		w.app.Stop() // finishes what it began
		if s := ask[string](w, "SELECT state FROM payment_links"); s != "closing" {
			t.Errorf("the test link is %s", s)
		}
		_ = w.db.Close()
		must(t, w.adopt(false, true))
		w.start()
		w.clock.advance(time.Hour)
		w.app.Wake()
		w.until("it is closed in its own mode", func() bool { return w.detail(inv.ID).Link.State == "closed" })
	})

	t.Run("a data directory from before modes were kept is in that of its invoices", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.connect()
		w.stop()
		d := w.openDB()
		must(t, d.Update(ctx, db.System, func(tx *db.Tx) error { return tx.DeleteInstallationValue(ctx, "mode") }))
		must(t, d.Close())
		if err := w.adopt(true, false); unfit(err) != "STRIPE_SECRET_KEY" {
			t.Errorf("it went live: %v", err)
		}
		w.start()
	})
}
