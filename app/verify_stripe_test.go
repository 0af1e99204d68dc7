package app_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
	"trak/connect"
	"trak/db"
	"trak/sandbox"
)

// What was changed in the rows alone differs from Stripe, each kind both ways.
func TestVerifyFindsWhatDiffersFromStripe(t *testing.T) {
	t.Parallel()
	s := newStory(t, newWorld(t), "eur")
	s.stop()
	t.Cleanup(s.start)
	for name, c := range map[string]struct{ plant, kind, what string }{
		"a charge's amount":       {"UPDATE charges SET captured = captured + 1", "charge", "at Stripe, and"},
		"a charge's status":       {"UPDATE charges SET rank = 2", "charge", "failed"},
		"a charge that is gone":   {"DELETE FROM charges", "charge", "is missing here"},
		"a charge of nobody":      {"UPDATE charges SET charge_id = 'ch_mine' WHERE charge_id = (SELECT min(charge_id) FROM charges)", "charge", "not known to Stripe"},
		"a refund's amount":       {"UPDATE refunds SET amount = amount + 1", "refund", "at Stripe, and"},
		"a refund's status":       {"UPDATE refunds SET rank = 5", "refund", "failed"},
		"a refund that is gone":   {"DELETE FROM refunds", "refund", "is missing here"},
		"a refund of nobody":      {"UPDATE refunds SET refund_id = 're_mine'", "refund", "not known to Stripe"},
		"a dispute's amount":      {"UPDATE disputes SET amount = amount + 1", "dispute", "at Stripe, and"},
		"a dispute's status":      {"UPDATE disputes SET rank = 6", "dispute", "won"},
		"a dispute that is gone":  {"DELETE FROM disputes", "dispute", "is missing here"},
		"a dispute of nobody":     {"UPDATE disputes SET dispute_id = 'dp_mine'", "dispute", "not known to Stripe"},
		"a payout's amount":       {"UPDATE payouts SET amount = amount + 1", "payout", "at Stripe, and"},
		"a payout's status":       {"UPDATE payouts SET rank = 5", "payout", "failed"},
		"a payout that is gone":   {"DELETE FROM payouts", "payout", "is missing here"},
		"a payout of nobody":      {"UPDATE payouts SET payout_id = 'po_mine'", "payout", "not known to Stripe"},
		"a transaction's amount":  {"UPDATE balance_transactions SET amount = amount + 1, net = net + 1", "balance transaction", "at Stripe, and"},
		"a transaction of nobody": {"UPDATE balance_transactions SET transaction_id = 'txn_mine' WHERE type = 'payout'", "balance transaction", "not known to Stripe"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			planted := s.copied()
			planted.plant(c.plant)
			r := planted.compared()
			for _, d := range r.Differences {
				if d.Kind == c.kind && strings.Contains(d.What, c.what) && d.Workspace == s.owner.Workspace.Slug {
					return
				}
			}
			t.Errorf("not among %+v", r.Differences)
		})
	}
}

// What happened at Stripe while all events were lost is found.
func TestVerifyFindsWhatWasMissed(t *testing.T) {
	t.Parallel()
	s := newStory(t, newWorld(t), "eur")
	d, session := s.detail(s.paid.ID), s.checkout(s.open.ID)
	s.stop() // nothing is made good meanwhile
	t.Cleanup(s.start)
	s.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
	must(t, ignore(s.sandbox.Pay(session, sandbox.Card{Number: "4242424242424242", Expiry: "12/40", CVC: "123", Email: "ana@haldenvik.example"})))
	must(t, ignore(s.sandbox.Refund(d.Payments[0].PaymentIntentID, 100)))
	must(t, ignore(s.sandbox.Dispute(d.Payments[0].ChargeID, "general", 300)))
	must(t, s.sandbox.FailPayout(s.payout))
	s.settled()
	found := map[string]int{}
	r := s.compared()
	for _, d := range r.Differences {
		found[d.Kind]++
	}
	for _, kind := range []string{"charge", "refund", "dispute", "payout"} {
		if found[kind] != 1 {
			t.Errorf("%d of kind %s: %+v", found[kind], kind, r.Differences)
		}
	}
	if b := r.Accounts[0].Balances[0]; b.Missing != 4 || b.Sum != b.Available+b.Pending {
		t.Errorf("the balance: %+v", b) // the charge, the refund, the dispute and the payout that came back
	}
}

// Warnings, and reviews while they are open, are compared as well; a restricted key that may not
// read them leaves them out and says so.
func TestVerifyComparesAlerts(t *testing.T) {
	t.Parallel()
	s := newStory(t, newWorld(t), "eur")
	charge := s.detail(s.paid.ID).Payments[0].ChargeID
	must(t, ignore(s.sandbox.OpenReview(charge)))
	s.until("the review is known", func() bool { return ask[int](s.world, "SELECT count(*) FROM radar_alerts WHERE kind = 'review'") == 1 })
	s.quiet()
	s.stop()
	t.Cleanup(s.start)
	if r := s.compared(); len(r.Differences) != 0 || r.Accounts[0].Warnings != 1 || r.Accounts[0].Reviews != 1 || r.Accounts[0].Lacks != "" {
		t.Fatalf("before anything was planted: %+v", r)
	}
	for name, c := range map[string]struct{ plant, what string }{
		"a warning that is gone":     {"DELETE FROM radar_alerts WHERE kind = 'early_fraud_warning'", "is missing here"},
		"a warning's state":          {"UPDATE radar_alerts SET closed = TRUE WHERE kind = 'early_fraud_warning'", "at Stripe, and early fraud warning, closed"},
		"a warning's charge":         {"UPDATE radar_alerts SET charge_id = 'ch_x' WHERE kind = 'early_fraud_warning'", "of charge ch_x"},
		"a warning of nobody":        {"UPDATE radar_alerts SET alert_id = 'issfr_mine' WHERE kind = 'early_fraud_warning'", "not known to Stripe"},
		"a review that is gone":      {"DELETE FROM radar_alerts WHERE kind = 'review'", "is missing here"},
		"a review that is closed":    {"UPDATE radar_alerts SET closed = TRUE WHERE kind = 'review'", "at Stripe, and review, closed"},
		"an open review of nobody's": {"UPDATE radar_alerts SET alert_id = 'prv_mine' WHERE kind = 'review'", "is no open review at Stripe"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			planted := s.copied()
			planted.plant(c.plant)
			for _, d := range planted.compared().Differences {
				if d.Kind == "alert" && strings.Contains(d.What, c.what) {
					return
				}
			}
			t.Errorf("not among %+v", planted.compared().Differences)
		})
	}
	t.Run("a key that may not", func(t *testing.T) {
		t.Parallel()
		planted := s.copied()
		b := newBetween(t, s.sandbox.URL())
		b.on("GET /v1/radar", func(w http.ResponseWriter, _ *http.Response) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","message":"The key does not have the permission rak_radar_read"}}`)
		})
		planted.plant("DELETE FROM radar_alerts; DELETE FROM stripe_webhook_events")
		stripe, err := connect.New(connect.Config{SecretKey: "sk_test_sandbox", BaseURL: b.URL, InstallID: "verify"})
		must(t, err)
		r := planted.reportWith(app.VerifyOptions{Stripe: stripe})
		if !strings.Contains(r.Accounts[0].Lacks, "rak_radar_read") || slices.ContainsFunc(r.Differences, func(d app.Difference) bool { return d.Kind == "alert" }) {
			t.Errorf("%+v", r)
		}
	})
}

// A review that was closed while nothing was read is closed here as well, though Stripe has no
// event of it any more, nor a list.
func TestReviewsOlderThanEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account := w.connect()
	inv := w.invoice("100")
	w.until("it has a link", func() bool { return w.detail(inv.ID).Link.State == "active" })
	w.pay(inv.ID, "4242424242424242")
	w.is(inv, billing.Paid)
	charge := w.chargeOf(account)
	must(t, ignore(w.sandbox.OpenReview(charge)))
	w.until("the review is known", func() bool {
		return ask[int](w, "SELECT count(*) FROM radar_alerts WHERE kind = 'review' AND closed = FALSE") == 1
	})
	w.settled()
	w.stop()
	w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
	must(t, ignore(w.sandbox.Refund(charge, 10000)))
	w.settled()
	w.clock.advance(40 * 24 * time.Hour)
	w.start()
	w.until("the review is closed", func() bool {
		return ask[int](w, "SELECT count(*) FROM radar_alerts WHERE kind = 'review' AND closed = FALSE") == 0
	})
	w.caughtUp()
	if r := w.compared(); len(r.Differences) != 0 {
		t.Errorf("%+v", r.Differences)
	}
}

// checkout opens the page on which an invoice is paid.
func (w *world) checkout(id string) (session string) {
	w.t.Helper()
	w.until("the link is there", func() bool { return w.detail(id).Link.URL != "" })
	session, err := w.sandbox.Checkout(w.detail(id).Link.URL)
	must(w.t, err)
	return session
}

// What others do with the account is counted in classes of its own, and is no difference.
func TestVerifyNamesWhatTrakDidNotStart(t *testing.T) {
	t.Parallel()
	bothModes(t, "", func(t *testing.T, w *world) {
		s := newStory(t, w, "eur")
		charge, err := s.sandbox.PayInDashboard(s.account, "4242424242424242", "eur", 7000, "Over the counter")
		must(t, err)
		must(t, ignore(s.sandbox.Refund(charge, 500)))
		must(t, ignore(s.sandbox.Adjust(s.account, "eur", 250, "A correction")))
		must(t, ignore(s.sandbox.TakeFee(s.account, "eur", 90, "Radar")))
		s.until("the charge is known", func() bool { return ask[int](w, "SELECT count(*) FROM charges WHERE charge_id = ?", charge) == 1 })
		s.quiet()
		r := s.compared()
		for _, d := range r.Differences {
			t.Errorf("%s %s %s", d.Kind, d.ID, d.What)
		}
		net := map[string]int64{}
		var sum int64
		b := r.Accounts[0].Balances[0]
		for _, a := range b.Activity {
			sum += a.Net
			if !a.Ours {
				net[a.Class] = a.Net
			}
		}
		if net["charges without a link of ours"] != 7000-233 || net["refunds of those"] != -500 || net["adjustments"] != 250 || net["Stripe fees"] != -90 || len(net) != 4 {
			t.Errorf("classes: %+v", b.Activity)
		}
		if sum != b.Sum || b.Sum != b.Available+b.Pending {
			t.Errorf("they come to %d: %+v", sum, b)
		}
	})
}

// A balance that its transactions don't explain is a difference, to the minor unit; and an answer
// that breaks off is never taken for a whole one.
func TestVerifyAsksStripeWithCare(t *testing.T) {
	t.Parallel()
	s := newStory(t, newWorld(t), "eur")
	b := newBetween(t, s.sandbox.URL())
	stripe, err := connect.New(connect.Config{SecretKey: "sk_test_sandbox", BaseURL: b.URL, InstallID: "verify"})
	must(t, err)
	verify := func() (app.VerifyReport, error) {
		d, err := db.OpenReadOnly(t.Context(), s.dir, schema)
		must(t, err)
		defer func() { _ = d.Close() }()
		return app.VerifyWith(t.Context(), d, app.VerifyOptions{Stripe: stripe})
	}

	b.on("GET /v1/balance", func(w http.ResponseWriter, res *http.Response) {
		body, _ := io.ReadAll(res.Body)
		if strings.HasSuffix(res.Request.URL.Path, "/balance") {
			body = []byte(`{"object":"balance","available":[{"amount":1,"currency":"eur"}],"pending":[]}`)
		}
		_, _ = w.Write(body)
	})
	r, err := verify()
	must(t, err)
	if len(r.Differences) != 1 || r.Differences[0].Kind != "balance" {
		t.Errorf("another balance: %+v", r.Differences)
	}

	// Only the first look differs: nothing is reported.
	looks := 0
	b.on("GET /v1/refunds", func(w http.ResponseWriter, res *http.Response) {
		if looks++; looks == 1 {
			_, _ = io.WriteString(w, `{"object":"list","data":[],"has_more":false}`)
			return
		}
		pass(w, res)
	})
	r, err = verify()
	must(t, err)
	if len(r.Differences) != 0 || looks != 2 {
		t.Errorf("after %d looks: %+v", looks, r.Differences)
	}

	// Stripe is busy for a moment.
	tries := 0
	b.on("GET /v1/payouts", func(w http.ResponseWriter, res *http.Response) {
		if tries++; tries == 1 {
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","code":"rate_limit","message":"slower"}}`)
			return
		}
		pass(w, res)
	})
	started := time.Now()
	r, err = verify()
	must(t, err)
	if len(r.Differences) != 0 || tries != 2 || time.Since(started) < time.Second {
		t.Errorf("after %d tries: %+v", tries, r.Differences)
	}

	// A refusal is an error, and no clean report.
	b.on("GET /v1/disputes", func(w http.ResponseWriter, _ *http.Response) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","message":"this key may not"}}`)
	})
	if _, err := verify(); err == nil {
		t.Error("a list that may not be read is passed over")
	}

	// An account that took its access back is named, and compared no more.
	b.on("GET /v1/balance", func(w http.ResponseWriter, _ *http.Response) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","code":"account_invalid","message":"gone"}}`)
	})
	r, err = verify()
	must(t, err)
	if len(r.Differences) != 0 || len(r.Accounts) != 1 || r.Accounts[0].Unreadable == "" {
		t.Errorf("an account that is gone: %+v", r)
	}
}
