package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"trak/app"
)

// tellingWorld is a world in which the test itself can sign what Stripe tells.
func tellingWorld(t *testing.T, own bool) *world {
	t.Helper()
	w := bareWorld(t, own)
	w.secrets = []string{hookSecret}
	w.begin()
	return w
}

// unmatched lets a payment arrive that no invoice of ours asked for, and returns its subject.
func (w *world) unmatched(account, intent string, amount int64) string {
	w.t.Helper()
	w.charged(account, intent, amount, "eur")
	for _, it := range w.attention() {
		if it.Kind == app.AttentionUnmatched && it.Object == intent {
			return it.Subject
		}
	}
	w.t.Fatalf("%s does not need attention", intent)
	return ""
}

// charged delivers a charge that succeeded, for a payment intent that Trak did not ask for.
func (w *world) charged(account, intent string, amount int64, currency string) {
	w.t.Helper()
	if w.own {
		account = ""
	}
	w.event(account, "charge.succeeded", intent+fmt.Sprint(amount), fmt.Sprintf(`{"id":"ch_%s","object":"charge","status":"succeeded","paid":true,"captured":true,"amount":%d,
		"amount_captured":%d,"amount_refunded":0,"currency":"%s","livemode":false,"created":%d,"payment_intent":"%s","payment_method_details":{"type":"card","card":{"brand":"visa","last4":"4242"}}}`,
		strings.TrimPrefix(intent, "pi_"), amount, amount, currency, w.clock.now().Unix(), intent))
}

func (w *world) attention() []app.Attention {
	w.t.Helper()
	list, err := w.app.Attention(context.Background(), w.owner, false)
	must(w.t, err)
	return list
}
