package sandbox_test

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"trak/sandbox"
)

func TestCallsPerSecond(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.SetKnobs(sandbox.Knobs{CallsPerSecond: 5})
	w.ResetCalls()
	var limited int
	for range 20 {
		status, body, header := w.send(t, "POST", "/v1/prices", priceForm("500", "usd"), "Idempotency-Key", "k")
		switch {
		case status == 200:
		case status == 429 && errorOf(body)["code"] == "rate_limit" && header.Get("Retry-After") == "1":
			limited++
		default:
			t.Errorf("%d %v", status, body)
		}
	}
	got := w.Calls()
	if got.All != 20 || got.Limited != limited || limited == 0 || got.Most <= 5 {
		t.Errorf("%+v, %d limited", got, limited)
	}
	w.SetKnobs(sandbox.Knobs{})
	if status, _, _ := w.send(t, "POST", "/v1/prices", priceForm("500", "usd"), "Idempotency-Key", "k"); status != 200 {
		t.Errorf("the key of a limited call: %d", status)
	}
	w.ResetCalls()
	if got := w.Calls(); got != (sandbox.Calls{}) {
		t.Errorf("after the reset: %+v", got)
	}
}

func TestAway(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	w.GoAway(time.Hour, false)
	price := func() int {
		status, _, _ := w.send(t, "POST", "/v1/prices", priceForm("500", "usd"), "Idempotency-Key", "k", "Stripe-Account", account)
		return status
	}
	for range 3 {
		if status := price(); status != 503 {
			t.Errorf("while away: %d", status)
		}
	}
	w.Advance(59 * time.Minute)
	if status := price(); status != 503 {
		t.Errorf("within the hour: %d", status)
	}
	w.Advance(time.Minute)
	if status := price(); status != 200 {
		t.Errorf("after the hour: %d", status)
	}
	w.GoAway(time.Hour, true)
	if _, err := w.api.Accounts.Get(); err == nil {
		t.Error("answered while it was cut off")
	}
	w.SetKnobs(sandbox.Knobs{})
	if _, err := w.api.Accounts.Get(); err != nil {
		t.Errorf("back early: %v", err)
	}
}

// TestSharesOfDeliveries: the same events are lost and doubled whenever the same things happen.
func TestSharesOfDeliveries(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (got []string, made int) {
		w := &world{Server: sandbox.New(sandbox.Options{Seed: seed, Answers: &sandbox.Answers{}})}
		if err := w.Start("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		w.url = w.URL()
		w.api = newClient(w.url)
		h := w.hook(t, false)
		w.SetKnobs(sandbox.Knobs{DropPercent: 10, DuplicatePercent: 20, Shuffle: true})
		const events = 1000
		for range events {
			w.Emit("", "balance.available", map[string]any{"object": "balance"})
		}
		w.settle(t)
		for _, event := range h.received() {
			got = append(got, event.ID)
		}
		slices.Sort(got)
		return got, events
	}
	first, made := run(7)
	again, _ := run(7)
	if !slices.Equal(first, again) {
		t.Error("another share with the same seed")
	}
	if other, _ := run(8); slices.Equal(first, other) {
		t.Error("the same share with another seed")
	}
	different := len(slices.Compact(slices.Clone(first)))
	if lost := made - different; lost < 60 || lost > 140 {
		t.Errorf("%d of %d lost, want about a tenth", lost, made)
	}
	if doubled := len(first) - different; doubled < 120 || doubled > 240 {
		t.Errorf("%d of %d doubled, want about a fifth", doubled, different)
	}
}

// TestResendIsNotLost: whoever asks for an event gets it.
func TestResendIsNotLost(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := w.hook(t, false)
	w.SetKnobs(sandbox.Knobs{DropPercent: 100})
	w.Emit("", "balance.available", map[string]any{"object": "balance"})
	w.settle(t)
	if got := len(h.received()); got != 0 {
		t.Errorf("%d came of those that are lost", got)
	}
	_, list, _ := w.send(t, "GET", "/v1/events", url.Values{})
	if err := w.Resend(idOf(list, 0)); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	if got := len(h.received()); got != 1 {
		t.Errorf("%d came of the one that was asked for", got)
	}
}
