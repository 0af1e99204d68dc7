package app_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
	"trak/connect"
	"trak/sandbox"
)

// oddity is one way in which Stripe, or what is between, behaves.
type oddity struct {
	name   string
	effect bool // what was asked for is done all the same
	// kept says that Stripe keeps the outcome with the idempotency key and gives it again.
	kept   bool
	answer func(w http.ResponseWriter, r *http.Request)
}

func says(status int, kind, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// silent says that no answer ever comes.
func (o oddity) silent() bool { return strings.HasPrefix(o.name, "no answer") }

// soon is how long calls wait for an answer where nobody waits for them.
const soon = 300 * time.Millisecond

// hangs answers nothing until Trak has gone, which is noticed once the request was read.
func hangs(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

func cuts(w http.ResponseWriter, _ *http.Request) { lose(w, nil) }

const broken = `{"error":{"type":"api_error","message":"An unknown error occurred"}}`

var oddities = []oddity{
	// Every eighth is tried always, every fourth unless -short is given.
	{"it breaks down after", true, true, says(500, "application/json", broken)},
	{"another request has the key", false, false, says(409, "application/json", `{"error":{"type":"idempotency_error","code":"idempotency_key_in_use","message":"There is currently another in-progress request using this key."}}`)},
	{"a lock times out", false, false, says(429, "application/json", `{"error":{"type":"invalid_request_error","code":"lock_timeout","message":"This object cannot be accessed right now."}}`)},
	{"it breaks down before", false, true, says(500, "application/json", broken)},
	{"an answer that says nothing", true, true, says(200, "application/json", `{}`)},
	{"too many requests", false, false, says(429, "application/json", `{"error":{"type":"invalid_request_error","code":"rate_limit","message":"Too many requests."}}`)},
	{"it is down", false, false, says(503, "application/json", broken)},
	{"a proxy answers instead", false, false, says(502, "text/html", "<html><h1>502 Bad Gateway</h1></html>")},
	{"the connection is cut after", true, false, cuts},
	{"the connection is cut before", false, false, cuts},
	{"a list for an answer", true, false, says(200, "application/json", `[]`)},
	{"a proxy answers after", true, false, says(502, "text/html", "<html><h1>502 Bad Gateway</h1></html>")},
	{"no answer before", false, false, hangs},
	{"half an answer", true, false, says(200, "application/json", `{"id":"abc_1","obj`)},
	{"no answer after", true, false, hangs},
}

// strange is between Trak and the sandbox, and odd about the calls that begin so.
type strange struct {
	*httptest.Server
	mu    sync.Mutex
	call  string
	odd   oddity
	kept  map[string]bool // idempotency keys whose outcome is kept
	asked int
}

// strangely restarts Trak with it in between.
func (w *world) strangely(call string, odd oddity) *strange {
	w.t.Helper()
	w.stop()
	s := &strange{call: call, odd: odd, kept: map[string]bool{}}
	stripe := newBetween(w.t, w.sandbox.URL())
	s.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("Idempotency-Key")
		s.mu.Lock()
		odd := s.call != "" && strings.HasPrefix(r.Method+" "+r.URL.Path, s.call)
		again := s.kept[key]
		if odd {
			s.asked++
			s.kept[key] = s.odd.kept && key != ""
		}
		s.mu.Unlock()
		switch {
		case again:
			s.odd.answer(rw, r)
		case !odd:
			stripe.Config.Handler.ServeHTTP(rw, r)
		default:
			if s.odd.effect {
				stripe.Config.Handler.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
			}
			s.odd.answer(rw, r)
		}
	}))
	w.t.Cleanup(s.Close)
	w.stripe = s.URL
	w.start()
	return s
}

// sane lets everything through from now on; keys keep what they got.
func (s *strange) sane() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.call = ""
}

func (s *strange) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// inTime runs what a person waits for.
func (w *world) inTime(do func() error) error {
	w.t.Helper()
	start := time.Now()
	err := do()
	if took := time.Since(start); took > answersWithin {
		w.t.Errorf("a person waited for %s", took)
	}
	return err
}

// later lets the time pass that the next tries wait for, until ok.
func (w *world) later(what string, ok func() bool) {
	w.t.Helper()
	w.until(what, func() bool {
		if ok() {
			return true
		}
		w.clock.advance(10 * time.Second)
		w.app.Wake()
		return false
	})
}

// toldTruly fails unless a person reads that Stripe has not done it, or not said so.
func (w *world) toldTruly(err error) {
	w.t.Helper()
	var stripe *connect.Error
	if !errors.As(err, &stripe) {
		w.t.Errorf("a person is told %v", err)
		return
	}
	for _, lie := range []string{"refused", "removed", "connected"} {
		if text := connect.UserMessage(err); strings.Contains(text, lie) {
			w.t.Errorf("a person reads %q", text)
		}
	}
}

// TestStripeAnswersStrangely has every call to Stripe go wrong: in every way with
// TRAK_ODDITIES=all, as "make test" does, otherwise in those that differ most. People get an answer
// in time that is true; nothing is made twice, nothing is left behind, and once Stripe is sane
// the work goes on by itself.
func TestStripeAnswersStrangely(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	account := func(w *world) connect.Account {
		c, err := w.app.Connection(ctx, w.owner)
		must(w.t, err)
		return c.Account
	}
	connectOnly := map[string]func(w *world, call string, odd oddity){
		"POST /v1/accounts": func(w *world, call string, odd oddity) {
			s := w.strangely(call, odd)
			w.toldTruly(w.inTime(func() error { return ignore(w.app.StartOnboarding(ctx, w.owner, "DE")) }))
			s.sane()
			w.later("the account is made", func() bool { return account(w).ID != "" })
			must(w.t, ignore(w.app.StartOnboarding(ctx, w.owner, "DE")))
			if all := w.atStripe("", "accounts"); len(all) != 1 || all[0]["id"] != account(w).ID {
				w.t.Errorf("%d accounts at Stripe", len(all))
			}
		},
		"POST /v1/account_links": func(w *world, call string, odd oddity) {
			s := w.strangely(call, odd)
			w.toldTruly(w.inTime(func() error { return ignore(w.app.StartOnboarding(ctx, w.owner, "DE")) }))
			s.sane()
			must(w.t, ignore(w.app.ContinueOnboarding(ctx, w.owner)))
			if n := len(w.atStripe("", "accounts")); n != 1 {
				w.t.Errorf("%d accounts at Stripe", n)
			}
		},
		"POST /v1/accounts/": func(w *world, _ string, odd oddity) { // …/login_links
			id := w.connect()
			s := w.strangely("POST /v1/accounts/"+id+"/login_links", odd)
			w.toldTruly(w.inTime(func() error { return ignore(w.app.StripeDashboard(ctx, w.owner)) }))
			s.sane()
			must(w.t, ignore(w.app.StripeDashboard(ctx, w.owner)))
		},
	}
	calls := map[string]func(w *world, call string, odd oddity){
		"GET /v1/account": func(w *world, call string, odd oddity) {
			w.timeout = answersWithin + time.Second // of the worker, which may have met the oddity as well
			w.connect()
			s := w.strangely(call, odd)
			w.clock.advance(time.Minute)
			before := ask[int64](w, "SELECT fetched_at FROM stripe_connect_accounts")
			w.toldTruly(w.inTime(func() error { return w.app.CheckAccount(ctx, w.owner) }))
			if account(w).Stage() != connect.StageActive {
				w.t.Errorf("the account is %s", account(w).Stage())
			}
			s.sane()
			w.later("the account is read", func() bool { return ask[int64](w, "SELECT fetched_at FROM stripe_connect_accounts") > before })
		},
		"POST /v1/prices":        invoicing,
		"POST /v1/payment_links": invoicing,
		"POST /v1/payment_links/": func(w *world, call string, odd oddity) {
			closing(w, call, odd)
		},
		"GET /v1/checkout/sessions":   closing,
		"POST /v1/checkout/sessions/": closing,
		"GET /v1/checkout/sessions/":  returning,
		"GET /v1/payment_intents/":    returning,
		"GET /v1/charges":             returning,
		"GET /v1/refunds":             returning,
		"POST /v1/refunds":            refunding,
		"GET /v1/charges/":            lookingBeforeRefund,
	}
	for _, r := range readings {
		if calls[r.call] == nil {
			calls[r.call] = r.strangely
		}
	}
	run := func(own bool, call string, odd oddity, do func(w *world, call string, odd oddity)) {
		name := call + ", " + odd.name
		if own {
			name += ", own mode"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldIn(t, own)
			do(w, call, odd)
			w.verified()
		})
	}
	for i, odd := range oddities {
		every := 4
		if testing.Short() {
			every = 8
		}
		if os.Getenv("TRAK_ODDITIES") != "all" && i%every != 0 {
			continue
		}
		for call, do := range connectOnly {
			run(false, call, odd, do)
		}
		for call, do := range calls {
			run(false, call, odd, do)
			if odd.kept { // the rest is the same code
				run(true, call, odd, do)
			}
		}
	}
}

// invoicing finalizes an invoice: it has its number at once, and one link in the end.
func invoicing(w *world, call string, odd oddity) {
	acct := w.connect()
	s := w.strangely(call, odd)
	id := ""
	must(w.t, w.inTime(func() error {
		inv, err := w.app.CreateInvoice(context.Background(), w.member, app.InvoiceInput{ClientName: "Halden", Summary: "Work", Amount: "10"}, true)
		id = inv.ID
		return err
	}))
	d := w.detail(id)
	if d.Invoice.Number == nil || d.Invoice.Status != "open" || d.Link.State != "creating" || d.Link.URL != "" || d.Link.Error == "" {
		w.t.Errorf("%+v", d.Link)
	}
	if !odd.effect && !odd.silent() {
		w.later("the worker has tried as well", func() bool { return s.times() > 1 })
	}
	s.sane()
	w.later("the link is there", func() bool { return w.detail(id).Link.State == "active" })
	w.oneLink(acct)
	w.pay(id, "4242424242424242")
	w.until("the invoice is paid", func() bool { return w.detail(id).Standing.Status == billing.Paid })
	w.settled()
}

// closing voids an invoice that somebody is about to pay: it is void at once, and nothing can be
// paid in the end.
func closing(w *world, call string, odd oddity) {
	w.timeout = soon
	if strings.HasPrefix(call, "POST /v1/checkout/sessions/") { // which nobody needs when links close their sessions
		w.answers(func(a *sandbox.Answers) { a.DeactivatedLinkClosesSessions = false })
	}
	acct := w.connect()
	inv := w.invoice("10")
	w.ends(inv.ID, "active")
	open, err := w.sandbox.Checkout(w.detail(inv.ID).Link.URL)
	must(w.t, err)
	s := w.strangely(call, odd)
	must(w.t, w.inTime(func() error { return w.app.VoidInvoice(context.Background(), w.member, inv.ID) }))
	w.later("closing was tried", func() bool { return s.times() > 0 })
	if d := w.detail(inv.ID); d.Invoice.Status != "void" || d.Link.State != "closing" && !odd.effect {
		w.t.Errorf("%s, link %s", d.Invoice.Status, d.Link.State)
	}
	s.sane()
	w.later("the link is closed", func() bool { return w.detail(inv.ID).Link.State == "closed" })
	if n := active(w.atStripe(acct, "payment_links")); n != 0 {
		w.t.Errorf("%d links can be opened", n)
	}
	if _, err := w.sandbox.Pay(open, sandboxCard); !errors.Is(err, sandbox.ErrClosed) {
		w.t.Errorf("the page that was open can be paid: %v", err)
	}
}

// returning is a client who comes back from paying while no event arrives: what Stripe says when
// it is asked counts.
func returning(w *world, call string, odd oddity) {
	w.timeout = soon
	w.connect()
	inv := w.invoice("10")
	w.ends(inv.ID, "active")
	w.settled()
	w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
	session, err := w.sandbox.Checkout(w.detail(inv.ID).Link.URL)
	must(w.t, err)
	must(w.t, ignore(w.sandbox.Pay(session, sandboxCard)))
	s := w.strangely(call, odd)
	must(w.t, w.inTime(func() error { return w.app.Returned(context.Background(), inv.Token, session) }))
	w.later("it was asked", func() bool { return s.times() > 0 })
	if d := w.detail(inv.ID); d.Standing.Status != billing.Open && d.Standing.Status != billing.Paid {
		w.t.Errorf("it is %s", d.Standing.Status)
	}
	s.sane()
	w.later("the invoice is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
	if d := w.detail(inv.ID); d.Invoice.Received != 1000 || len(d.Payments) != 1 {
		w.t.Errorf("received %d in %d payments", d.Invoice.Received, len(d.Payments))
	}
}

// refunding gives a part of a payment back: it is asked for at once, and made once in the end.
func refunding(w *world, call string, odd oddity) {
	account := w.connect()
	inv, p := w.paid("10", goodCard)
	w.sandbox.SetKnobs(sandbox.Knobs{Drop: true}) // no event answers in Stripe's place
	s := w.strangely(call, odd)
	must(w.t, w.inTime(func() error { return ignore(w.refund(p.ID, "4")) }))
	if d := w.detail(inv.ID); w.states(inv.ID) != "refund_asking" || !d.Waiting || d.Refunds[0].Problem == "" {
		w.t.Errorf("waiting %v: %+v", d.Waiting, d.Refunds)
	}
	if !odd.effect && !odd.silent() {
		w.later("the worker has tried as well", func() bool { return s.times() > 1 })
	}
	s.sane()
	w.later("it is refunded", func() bool { return w.states(inv.ID) == "refunded" })
	if list, sum := w.refundsAt(account); len(list) != 1 || sum != 400 {
		w.t.Errorf("%d refunds of %d at Stripe", len(list), sum)
	}
	if d := w.detail(inv.ID); d.Invoice.Refunded != 400 || d.Waiting {
		w.t.Errorf("%d refunded, waiting %v", d.Invoice.Refunded, d.Waiting)
	}
}

// lookingBeforeRefund asks what is left: as long as nobody knows, nothing is asked for.
func lookingBeforeRefund(w *world, call string, odd oddity) {
	account := w.connect()
	_, p := w.paid("10", goodCard)
	s := w.strangely(call, odd)
	look := func() error { return ignore(w.app.Refundable(context.Background(), w.owner, p.ID)) }
	w.toldTruly(w.inTime(look))
	w.toldTruly(w.inTime(func() error { return ignore(w.refund(p.ID, "4")) }))
	s.sane()
	must(w.t, look())
	if list, _ := w.refundsAt(account); len(list) != 0 || ask[int](w, "SELECT count(*) FROM refund_requests") != 0 {
		w.t.Errorf("%d refunds at Stripe", len(list))
	}
}
