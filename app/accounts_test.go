package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trak/app"
	"trak/connect"
	"trak/sandbox"
)

func TestOneAccount(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	one := func(t *testing.T, w *world) {
		t.Helper()
		if n := len(w.atStripe("", "accounts")); n != 1 {
			t.Errorf("%d accounts at Stripe", n)
		}
		if n := ask[int](w, "SELECT count(*) FROM stripe_connect_accounts"); n != 1 {
			t.Errorf("%d accounts here", n)
		}
	}

	t.Run("with many tabs at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		admin := w.join("Ada Brandt", "ada@example.com", app.Admin)
		var worked atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			actor := []app.Actor{w.owner, admin}[i%2]
			wg.Go(func() {
				link, err := w.app.StartOnboarding(ctx, actor, "DE")
				if err == nil && strings.HasPrefix(link, w.sandbox.URL()) {
					worked.Add(1)
				} else if e := new(connect.Error); !errors.As(err, &e) || !e.Temporary() {
					t.Errorf("%q, %v", link, err)
				}
			})
		}
		wg.Wait()
		if worked.Load() == 0 {
			t.Error("nobody got to Stripe")
		}
		one(t, w)
	})

	for name, knobs := range map[string]sandbox.Knobs{
		"the answer to the creation is lost": {Fail: sandbox.FailAfter, FailMethod: "POST", FailPath: "/v1/accounts"},
		"the creation never reached Stripe":  {Fail: sandbox.FailBefore, FailMethod: "POST", FailPath: "/v1/accounts"},
		"Stripe broke down":                  {Fail: sandbox.FailServer, FailMethod: "POST", FailPath: "/v1/accounts"},
		"a proxy answered":                   {Fail: sandbox.FailGateway, FailMethod: "POST", FailPath: "/v1/accounts"},
		"Stripe was busy":                    {Fail: sandbox.FailLimit, FailMethod: "POST", FailPath: "/v1/accounts"},
		"the onboarding link was not made":   {Fail: sandbox.FailServer, FailMethod: "POST", FailPath: "/v1/account_links"},
		"the onboarding link was lost":       {Fail: sandbox.FailAfter, FailMethod: "POST", FailPath: "/v1/account_links"},
	} {
		for _, again := range []string{"DE", "FR"} {
			t.Run("after a failure half-way: "+name+", then "+again, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.sandbox.SetKnobs(knobs)
				if _, err := w.app.StartOnboarding(ctx, w.owner, "DE"); err == nil {
					t.Fatal("it worked")
				}
				if _, err := w.app.StartOnboarding(ctx, w.owner, again); err != nil {
					t.Fatal(err)
				}
				one(t, w)
				if country := w.atStripe("", "accounts")[0]["country"]; country != "DE" {
					t.Errorf("the account is of %s", country)
				}
			})
		}
	}

	t.Run("when the answer was lost for longer than Stripe remembers keys", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sandbox.SetKnobs(sandbox.Knobs{Fail: sandbox.FailAfter, FailMethod: "POST", FailPath: "/v1/accounts"})
		if _, err := w.app.StartOnboarding(ctx, w.owner, "DE"); err == nil {
			t.Fatal("it worked")
		}
		w.clock.advance(25 * time.Hour)
		if _, err := w.app.StartOnboarding(ctx, w.owner, "DE"); err != nil {
			t.Fatal(err)
		}
		one(t, w)
	})

	t.Run("a country that Stripe refuses can be corrected", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := w.app.StartOnboarding(ctx, w.owner, "AQ")
		if connect.UserMessage(err) != "Stripe cannot open an account in this country from here." {
			t.Fatal(err)
		}
		c, err := w.app.Connection(ctx, w.owner)
		must(t, err)
		if c.Row == nil || c.Row.LastError == "" || c.Stage != app.StageNotConnected {
			t.Errorf("%+v", c)
		}
		if _, err := w.app.StartOnboarding(ctx, w.owner, "DE"); err != nil {
			t.Fatal(err)
		}
		one(t, w)
		if c, err = w.app.Connection(ctx, w.owner); err != nil || c.Row.LastError != "" || c.Row.Country != "DE" {
			t.Errorf("%+v, %v", c.Row, err)
		}
	})

	t.Run("a country is needed, and a real one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, country := range []string{"", "XX", "Germany"} {
			if _, err := w.app.StartOnboarding(ctx, w.owner, country); err == nil {
				t.Errorf("%q passes", country)
			}
		}
		if n := ask[int](w, "SELECT count(*) FROM stripe_connect_accounts"); n != 0 {
			t.Errorf("%d accounts", n)
		}
	})
}

// Attack A24.
func TestAccountState(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	stage := func(t *testing.T, w *world) connect.Stage {
		t.Helper()
		c, err := w.app.Connection(ctx, w.owner)
		must(t, err)
		return c.Stage
	}

	t.Run("an older look does not overwrite a newer one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		between := w.through()
		_, err := w.app.StartOnboarding(ctx, w.owner, "DE")
		must(t, err)
		w.settled()
		held, release := make(chan struct{}), make(chan struct{})
		var first atomic.Bool
		between.on("GET /v1/accounts/", func(rw http.ResponseWriter, res *http.Response) {
			if first.CompareAndSwap(false, true) {
				close(held)
				<-release
			}
			pass(rw, res)
		})
		old := make(chan error)
		go func() { old <- w.app.CheckAccount(ctx, w.owner) }()
		<-held // it has seen an account that can do nothing yet
		c, err := w.app.Connection(ctx, w.owner)
		must(t, err)
		must(t, w.sandbox.Onboard(c.Account.ID, sandbox.OnboardComplete))
		must(t, w.app.CheckAccount(ctx, w.owner))
		if s := stage(t, w); s != connect.StageActive {
			t.Fatalf("it is %s", s)
		}
		close(release)
		must(t, <-old)
		if s := stage(t, w); s != connect.StageActive {
			t.Errorf("the old look made it %s", s)
		}
	})

	t.Run("what an event says of an account is not believed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		account := w.connect()
		for _, payload := range []string{
			`{"id":"` + account + `","object":"account","charges_enabled":false,"payouts_enabled":false,"details_submitted":false}`,
			`null`, `{"id":"acct_other","object":"account","charges_enabled":true}`,
		} {
			for range 20 {
				w.sandbox.Emit(account, "account.updated", json.RawMessage(payload))
			}
		}
		w.settled()
		w.until("all was read", func() bool {
			return ask[int](w, "SELECT count(*) FROM stripe_reads WHERE next_attempt_at > 0") == 0
		})
		if s := stage(t, w); s != connect.StageActive {
			t.Errorf("it is %s", s)
		}
	})

	t.Run("an account that loses its right to charge makes no links", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		account := w.connect()
		must(t, w.sandbox.Onboard(account, sandbox.OnboardReject))
		w.until("it is rejected", func() bool { return stage(t, w) == connect.StageRejected })
		inv := w.invoice("10")
		if d := w.detail(inv.ID); d.Link.State != "" || d.Invoice.Due != 1000 {
			t.Errorf("%+v", d.Link)
		}
	})

	t.Run("one that went away is disconnected, and another can be connected", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.connect()
		w.answers(func(a *sandbox.Answers) { a.ExpressStaysConnected = false })
		must(t, w.sandbox.Deauthorize(first))
		w.until("it is disconnected", func() bool { return stage(t, w) == app.StageDisconnected })
		if err := w.app.CheckAccount(ctx, w.owner); !errors.Is(err, app.ErrConflict) {
			t.Errorf("check: %v", err)
		}
		second := w.connect()
		if first == second || stage(t, w) != connect.StageActive {
			t.Errorf("%s after %s", second, first)
		}
	})

	t.Run("disconnecting puts it aside, and the same one comes back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.connect()
		inv := w.invoice("10")
		must(t, w.app.Disconnect(ctx, w.owner))
		if s := stage(t, w); s != app.StageDisconnected {
			t.Errorf("it is %s", s)
		}
		_, err := w.app.StartOnboarding(ctx, w.owner, "DE")
		must(t, err)
		w.until("the invoice has a link again", func() bool { return w.detail(inv.ID).Link.State == "active" })
		if c, err := w.app.Connection(ctx, w.owner); err != nil || c.Account.ID != first || c.Stage != connect.StageActive {
			t.Errorf("%s after %s, %s, %v", c.Account.ID, first, c.Stage, err)
		}
		if n := len(w.atStripe("", "accounts")); n != 1 {
			t.Errorf("%d accounts at Stripe", n)
		}
	})
}
