package sandbox_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"

	"trak/sandbox"
)

func TestEndpointsGetOnlyWhatTheyWant(t *testing.T) {
	t.Parallel()
	w := setup(t)
	some := w.hook(t, true, "charge.succeeded", "charge.refunded")
	platform := w.hook(t, false)
	account := w.account(t)
	w.paid(t, account, "4242424242424242")
	w.Emit("", "balance.available", map[string]any{"object": "balance"})
	w.settle(t)
	if got := some.received(); len(got) != 1 || got[0].Type != "charge.succeeded" {
		t.Errorf("received %v, want the charge", got)
	}
	if got := platform.received(); len(got) != 1 || got[0].Type != "balance.available" || got[0].Account != "" {
		t.Errorf("the platform received %v, want its own event", got)
	}
}

func TestSignatureIsStripes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := w.hook(t, true) // its handler verifies each delivery with webhook.ConstructEvent
	account := w.account(t)
	w.settle(t)
	if len(h.received()) == 0 {
		t.Fatal("nothing was delivered")
	}
	body := w.Events(account)[0]
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: h.secret})
	if _, err := webhook.ConstructEvent(body, signed.Header, "whsec_other"); err == nil {
		t.Error("another secret verifies")
	}
}

func TestDeliveriesAreTriedAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := w.hook(t, true)
	h.setStatus(http.StatusInternalServerError)
	account := w.account(t)
	tries := func() map[string][]int {
		byEvent := map[string][]int{}
		for _, d := range w.Deliveries() {
			byEvent[d.EventID] = append(byEvent[d.EventID], d.Attempt)
		}
		return byEvent
	}
	until(t, func() bool {
		seen := tries()
		for _, attempts := range seen {
			if len(attempts) < 2 {
				return false
			}
		}
		return len(seen) == len(w.Events(account))
	})
	undelivered := func() bool {
		params := &stripe.EventListParams{DeliverySuccess: stripe.Bool(false)}
		params.SetStripeAccount(account)
		return w.api.Events.List(params).Next()
	}
	if !undelivered() {
		t.Error("events that were refused count as delivered")
	}
	h.setStatus(http.StatusOK)
	until(t, func() bool { return !undelivered() })
	for event, attempts := range tries() {
		for i, n := range attempts {
			if n != i+1 {
				t.Errorf("%s was tried %v", event, attempts)
			}
		}
	}
}

func TestCloseEndsRetries(t *testing.T) {
	t.Parallel()
	s := sandbox.New(sandbox.Options{Seed: 1})
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 1 {
			select { // a delivery that is under way when the sandbox closes
			case <-release:
			case <-r.Context().Done():
			}
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer srv.Close()
	defer close(release)
	api := newClient(s.URL())
	if _, err := api.WebhookEndpoints.New(&stripe.WebhookEndpointParams{URL: stripe.String(srv.URL), EnabledEvents: stripe.StringSlice([]string{"*"})}); err != nil {
		t.Fatal(err)
	}
	s.Emit("", "balance.available", map[string]any{"object": "balance"})
	if err := s.Settle(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.Emit("", "balance.available", map[string]any{"object": "balance"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	after := asked.Load()
	s.Emit("", "balance.available", map[string]any{"object": "balance"})
	if err := s.Settle(context.Background()); err != nil {
		t.Fatal(err)
	}
	// The first event's second try would be due after 50 ms; closed, the sandbox makes none.
	timer := time.NewTimer(150 * time.Millisecond)
	defer timer.Stop()
	<-timer.C
	if got := asked.Load(); got != after {
		t.Errorf("%d requests after Close", got-after)
	}
}

func TestSettleEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := w.hook(t, false)
	h.mu.Lock() // the endpoint doesn't answer
	w.Emit("", "balance.available", map[string]any{"object": "balance"})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := w.Settle(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("settled while a delivery was under way: %v", err)
	}
	h.mu.Unlock()
	w.settle(t)
	if len(h.received()) != 1 {
		t.Error("not delivered")
	}
}

func TestDeliveryKnobs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := w.hook(t, false)
	emit := func(types ...string) {
		for _, typ := range types {
			w.Emit("", typ, map[string]any{"object": "balance"})
		}
	}
	received := func() (types []string) {
		w.settle(t)
		for _, event := range h.received() {
			types = append(types, string(event.Type))
		}
		slices.Sort(types)
		return types
	}
	w.SetKnobs(sandbox.Knobs{Hold: true})
	emit("a", "b")
	if got := received(); len(got) > 0 {
		t.Errorf("held, and received %v", got)
	}
	w.SetKnobs(sandbox.Knobs{})
	if got := received(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("let go, and received %v", got)
	}
	w.SetKnobs(sandbox.Knobs{Duplicate: 3, Shuffle: true})
	emit("c", "d")
	if got := received(); !slices.Equal(got, []string{"a", "b", "c", "c", "c", "d", "d", "d"}) {
		t.Errorf("tripled, and received %v", got)
	}
	w.SetKnobs(sandbox.Knobs{Drop: true})
	emit("e")
	if got := received(); len(got) != 8 {
		t.Errorf("lost, and received %v", got)
	}
	if got := len(w.Events("")); got != 5 {
		t.Errorf("%d events are listed, want 5", got)
	}
}

// until waits for a condition.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 10_000 {
		if holds() {
			return
		}
		<-tick.C
	}
	t.Fatal("waited in vain")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.SetAnswers(sandbox.Answers{})
	direct := newClient(w.URL()) // the checking server would hide a cut connection
	post := func(idempotencyKey string) (*stripe.Price, error) {
		params := &stripe.PriceParams{Currency: stripe.String("usd"), UnitAmount: stripe.Int64(500), ProductData: &stripe.PriceProductDataParams{Name: stripe.String("x")}}
		params.SetIdempotencyKey(idempotencyKey)
		return direct.Prices.New(params)
	}
	prices := func() int {
		_, body, _ := w.send(t, "GET", "/v1/prices?limit=100", nil)
		return len(body["data"].([]any))
	}
	for _, c := range []struct {
		fault  string
		status int  // of the error, 0 when there is no answer of Stripe's
		effect int  // prices made although the caller got an error
		kept   bool // the same key gets the same failure again
	}{
		{sandbox.FailBefore, 0, 0, false}, {sandbox.FailAfter, 0, 1, false},
		{sandbox.FailConflict, 409, 0, false}, {sandbox.FailLimit, 429, 0, false}, {sandbox.FailLock, 429, 0, false},
		{sandbox.FailServer, 500, 0, true}, {sandbox.FailServerAfter, 500, 1, true}, {sandbox.FailDown, 503, 0, false},
		{sandbox.FailGateway, 0, 0, false}, {sandbox.FailGatewayAfter, 0, 1, false}, {sandbox.FailTruncated, 0, 1, false},
	} {
		before := prices()
		w.SetKnobs(sandbox.Knobs{Fail: c.fault, FailMethod: "POST", FailPath: "/v1/prices"})
		if _, err := direct.Accounts.Get(); err != nil {
			t.Errorf("%s: met another call: %v", c.fault, err)
		}
		_, err := post(c.fault)
		var told *stripe.Error
		errors.As(err, &told)
		if err == nil || (told == nil) != (c.status == 0) || told != nil && told.HTTPStatusCode != c.status {
			t.Errorf("%s: %v", c.fault, err)
		}
		if got := prices() - before; got != c.effect {
			t.Errorf("%s: made %d prices, want %d", c.fault, got, c.effect)
		}
		price, err := post(c.fault)
		if c.kept {
			if err == nil {
				t.Errorf("%s: the key is free again", c.fault)
			}
			w.Advance(25 * time.Hour)
			continue
		}
		if err != nil {
			t.Errorf("%s: the retry: %v", c.fault, err)
		}
		if got := prices() - before; got != 1 || price.ID == "" {
			t.Errorf("%s: %d prices after the retry, want 1", c.fault, got)
		}
	}

	w.SetKnobs(sandbox.Knobs{Fail: sandbox.FailHang})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error)
	go func() {
		params := &stripe.PriceParams{Currency: stripe.String("usd"), UnitAmount: stripe.Int64(500), Product: stripe.String("prod_x")}
		params.Context = ctx
		params.SetIdempotencyKey("hang")
		_, err := direct.Prices.New(params)
		done <- err
	}()
	until(t, func() bool { return w.Knobs().Fail == "" }) // the call has begun to hang
	form := url.Values{"currency": {"usd"}, "unit_amount": {"500"}, "product": {"prod_x"}}
	if status, body, _ := w.send(t, "POST", "/v1/prices", form, "Idempotency-Key", "hang"); status != 409 || errorOf(body)["code"] != "idempotency_key_in_use" {
		t.Errorf("the key of a call under way: %d %v", status, body)
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("a hanging call was answered")
	}
}

// TestStrangeDeliveries has events come as they should not.
func TestStrangeDeliveries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		knobs sandbox.Knobs
		check func(header http.Header, body []byte, event stripe.Event) bool
	}{
		"another version": {sandbox.Knobs{Version: "2022-11-15"}, func(_ http.Header, _ []byte, e stripe.Event) bool { return e.APIVersion == "2022-11-15" }},
		"the other mode":  {sandbox.Knobs{FlipMode: true}, func(_ http.Header, _ []byte, e stripe.Event) bool { return e.Livemode }},
		"larger":          {sandbox.Knobs{Padding: 5000}, func(_ http.Header, body []byte, _ stripe.Event) bool { return len(body) > 5000 }},
		"signed twice": {sandbox.Knobs{Rolled: true}, func(h http.Header, _ []byte, _ stripe.Event) bool {
			return strings.Count(h.Get("Stripe-Signature"), "v1=") == 2
		}},
		"signed by a slow clock": {sandbox.Knobs{Skew: -time.Hour}, func(h http.Header, _ []byte, _ stripe.Event) bool {
			at, err := strconv.ParseInt(strings.TrimPrefix(strings.Split(h.Get("Stripe-Signature"), ",")[0], "t="), 10, 64)
			return err == nil && time.Until(time.Unix(at, 0)) < -59*time.Minute
		}},
		"late":         {sandbox.Knobs{Delay: time.Millisecond}, func(http.Header, []byte, stripe.Event) bool { return true }},
		"at the third": {sandbox.Knobs{FailFirst: 2}, func(http.Header, []byte, stripe.Event) bool { return true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			var mu sync.Mutex
			var good, all int // deliveries
			var secret string
			srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				all++
				event, err := webhook.ConstructEventWithOptions(body, r.Header.Get("Stripe-Signature"), secret, webhook.ConstructEventOptions{
					Tolerance: 2 * time.Hour, IgnoreAPIVersionMismatch: true,
				})
				if err == nil && c.check(r.Header, body, event) {
					good++
				}
			}))
			t.Cleanup(srv.Close)
			_, endpoint, _ := w.send(t, "POST", "/v1/webhook_endpoints", url.Values{"url": {srv.URL}, "enabled_events[]": {"*"}})
			mu.Lock()
			secret = endpoint["secret"].(string)
			mu.Unlock()
			w.SetKnobs(c.knobs)
			w.Emit("", "a.b", map[string]any{"object": "balance"})
			until(t, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return all > 0
			})
			w.settle(t)
			mu.Lock()
			defer mu.Unlock()
			if good != 1 || all != 1 {
				t.Errorf("%d of %d deliveries are as they were to be", good, all)
			}
			if c.knobs.FailFirst > 0 && len(w.Deliveries()) != 3 {
				t.Errorf("%d tries, want 3", len(w.Deliveries()))
			}
		})
	}
}

// TestDeliveriesEnd gives up what is too old, and an endpoint that takes nothing.
func TestDeliveriesEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := w.hook(t, false)
	h.setStatus(http.StatusInternalServerError)
	knobs := sandbox.Knobs{DisableAfter: 5 * 24 * time.Hour, AtOnce: 1}
	w.SetKnobs(knobs)
	w.Emit("", "a.b", map[string]any{"object": "balance"})
	until(t, func() bool { return len(w.Deliveries()) > 0 })
	first := w.Deliveries()[0].At
	// No try is under way while the clock goes on: its time would be the one before, and its end
	// that of an event that is too old.
	held := knobs
	held.Hold = true
	w.SetKnobs(held)
	w.settle(t)
	w.Advance(4 * 24 * time.Hour)
	w.SetKnobs(knobs)
	late := func() (tries int) {
		for _, d := range w.Deliveries() {
			if d.Type == "a.b" && d.At.Sub(first) > 3*24*time.Hour {
				tries++
			}
		}
		return tries
	}
	until(t, func() bool { return late() > 0 }) // the one that was planned before
	status := func() any {
		_, list, _ := w.send(t, "GET", "/v1/webhook_endpoints", nil)
		return list["data"].([]any)[0].(map[string]any)["status"]
	}
	if got := status(); got != "enabled" {
		t.Errorf("after four days it is %v", got)
	}
	w.Advance(2 * 24 * time.Hour)
	w.Emit("", "c.d", map[string]any{"object": "balance"})
	until(t, func() bool { return status() == "disabled" })
	until(t, func() bool { // long enough for another try of the old one
		return len(slices.DeleteFunc(w.Deliveries(), func(d sandbox.Delivery) bool { return d.Type != "c.d" })) >= 3
	})
	if got := late(); got != 1 {
		t.Errorf("%d tries of an event that is too old", got)
	}
	w.Emit("", "e.f", map[string]any{"object": "balance"})
	w.settle(t)
	for _, d := range w.Deliveries() {
		if d.Type == "e.f" {
			t.Error("an event was sent to a disabled endpoint")
		}
	}
}

// TestSignaturesAreOfToday has a moved clock leave deliveries good for whoever checks their time.
func TestSignaturesAreOfToday(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := w.hook(t, false)
	w.Advance(48 * time.Hour)
	w.Emit("", "a.b", map[string]any{"object": "balance"})
	until(t, func() bool { return len(h.received()) == 1 })
	at, err := strconv.ParseInt(strings.TrimPrefix(h.signed(), "t="), 10, 64)
	if err != nil || time.Until(time.Unix(at, 0)).Abs() > time.Minute {
		t.Errorf("signed at %d, %v", at, err)
	}
}
