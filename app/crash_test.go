package app_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
	"trak/db"
	"trak/sandbox"
)

// childEnv tells this test binary that it is a child that will be killed, and what to do.
const childEnv = "TRAK_TEST_CHILD"

type childWork struct {
	Dir, Stripe, AppURL string
	UserID, Slug        string // who does it; "" = nobody, the process only works on what is due
	Own                 bool
	Invoice             string // to be made
	Payment             string // to be refunded
	Dispute, Decision   string // to be answered: save, submit or accept; none of these = connect an account
	Ahead               time.Duration
}

const crashInvoice = "01a20c49-5d28-74f9-8c2f-5e4a8fed460b"

var crashRefund = app.RefundInput{FormKey: "01a20c49-5d28-74f9-8c2f-5e4a8fed460c", Amount: "4"}

// TestCrashChild is the process that is killed. It does nothing in an ordinary run.
func TestCrashChild(t *testing.T) {
	t.Parallel()
	given := os.Getenv(childEnv)
	if given == "" {
		return
	}
	var c childWork
	must(t, json.Unmarshal([]byte(given), &c))
	w := &world{t: t, dir: c.Dir, stripe: c.Stripe, own: c.Own, clock: &clock{}, hooks: &httptest.Server{URL: c.AppURL}}
	w.clock.advance(c.Ahead)
	w.start()
	if c.UserID == "" {
		select {}
	}
	ctx := context.Background()
	actor, err := w.app.ActorIn(ctx, c.UserID, c.Slug)
	must(t, err)
	switch {
	case c.Dispute != "":
		err = w.decide(actor, c.Dispute, c.Decision)
	case c.Invoice != "":
		_, err = w.app.CreateInvoice(ctx, actor, app.InvoiceInput{ID: c.Invoice, ClientName: "Halden", Summary: "Work", Amount: "10"}, true)
	case c.Payment != "":
		_, err = w.app.RefundPayment(ctx, actor, c.Payment, crashRefund)
	default:
		_, err = w.app.StartOnboarding(ctx, actor, "DE")
	}
	t.Fatalf("it was not killed, but ended with %v", err)
}

// killed is killedAt for something that the owner does.
func (w *world) killed(call string, c childWork) {
	w.t.Helper()
	c.UserID, c.Slug = w.owner.UserID, w.owner.Workspace.Slug
	w.killedAt(call, c, func() {})
}

// killedAt runs a child on the world's data directory and kills it, with SIGKILL, when Stripe has
// done what was asked and its answer is on the way. stopped is done before the child starts, while
// nobody has the database open.
func (w *world) killedAt(call string, c childWork, stopped func()) {
	w.t.Helper()
	w.stop()
	stopped()
	between := newBetween(w.t, w.sandbox.URL())
	done, gone := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	between.on(call, func(http.ResponseWriter, *http.Response) {
		if first.CompareAndSwap(false, true) {
			close(done)
		}
		<-gone
		panic(http.ErrAbortHandler)
	})
	c.Dir, c.Stripe, c.AppURL, c.Own, c.Ahead = w.dir, between.URL, w.hooks.URL, w.own, time.Duration(w.clock.ahead.Load())
	work, err := json.Marshal(c)
	must(w.t, err)
	child := exec.Command(os.Args[0], "-test.run=^TestCrashChild$", "-test.timeout=1m")
	child.Env = append(os.Environ(), childEnv+"="+string(work))
	output := &output{}
	child.Stdout, child.Stderr = output, output
	must(w.t, child.Start())
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	select {
	case <-done:
	case err := <-ended:
		w.t.Fatalf("the child ended by itself: %v\n%s", err, output.text)
	}
	must(w.t, child.Process.Signal(syscall.SIGKILL))
	<-ended
	close(gone)
	w.start()
}

type output struct{ text []byte }

func (o *output) Write(p []byte) (int, error) { o.text = append(o.text, p...); return len(p), nil }

func TestKilledBetweenAnswerAndCommit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, later := range []time.Duration{0, 25 * time.Hour} {
		when := ", tried again at once"
		if later > 0 {
			when = ", tried again when Stripe has forgotten the key"
		}
		t.Run("an account"+when, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.killed("POST /v1/accounts", childWork{})
			if id := ask[*string](w, "SELECT stripe_account_id FROM stripe_connect_accounts"); id != nil {
				t.Fatalf("the answer was stored: %s", *id)
			}
			w.clock.advance(later)
			account := w.connect()
			if n := len(w.atStripe("", "accounts")); n != 1 {
				t.Errorf("%d accounts at Stripe", n)
			}
			if id := ask[string](w, "SELECT stripe_account_id FROM stripe_connect_accounts"); id != account {
				t.Errorf("%s is stored, not %s", id, account)
			}
		})
		for _, call := range []string{"POST /v1/prices", "POST /v1/payment_links"} {
			bothModes(t, "a link, at "+call+when, func(t *testing.T, w *world) {
				account := w.connect()
				w.killed(call, childWork{Invoice: crashInvoice})
				if d := w.detail(crashInvoice); *d.Invoice.Number != "INV-0001" || d.Link.State != "creating" || d.Link.URL != "" {
					t.Fatalf("%+v", d.Link)
				}
				w.clock.advance(max(later, 3*time.Minute)) // the dead process's claim runs out
				w.ends(crashInvoice, "active")
				w.oneLink(account)
				w.pay(crashInvoice, "4242424242424242")
				w.until("the invoice is paid", func() bool { return w.detail(crashInvoice).Standing.Status == billing.Paid })
				w.settled()
				w.verified()
			})
		}
		bothModes(t, "a refund"+when, func(t *testing.T, w *world) {
			account := w.connect()
			inv, p := w.paid("10", goodCard)
			w.sandbox.SetKnobs(sandbox.Knobs{Drop: true}) // no event answers in its place
			w.killed("POST /v1/refunds", childWork{Payment: p.ID})
			if got := w.states(inv.ID); got != "refund_asking" || !w.detail(inv.ID).Waiting {
				t.Fatal(got)
			}
			w.clock.advance(max(later, 3*time.Minute)) // the dead process's claim runs out
			w.app.Wake()
			w.until("it is answered", func() bool { return w.states(inv.ID) == "refunded" })
			must(t, ignore(w.app.RefundPayment(ctx, w.owner, p.ID, crashRefund))) // the form that was sent then
			if list, sum := w.refundsAt(account); len(list) != 1 || sum != 400 {
				t.Errorf("%d refunds of %d at Stripe", len(list), sum)
			}
			w.verified()
		})
	}

	bothModes(t, "the form that was sent when it was killed can be sent again", func(t *testing.T, w *world) {
		account := w.connect()
		w.killed("POST /v1/payment_links", childWork{Invoice: crashInvoice})
		var inv db.Invoice
		inv, err := w.app.CreateInvoice(ctx, w.owner, app.InvoiceInput{ID: crashInvoice, ClientName: "Halden", Summary: "Work", Amount: "10"}, true)
		must(t, err)
		if *inv.Number != "INV-0001" {
			t.Error(*inv.Number)
		}
		w.clock.advance(3 * time.Minute)
		w.ends(crashInvoice, "active")
		w.oneLink(account)
	})
}
