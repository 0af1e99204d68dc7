package connect

import (
	"errors"
	"net/http"
	"reflect"
	"testing"

	"trak/billing"
)

// What an event says of an object and what a read of the same object says are the same facts.
func TestReadsSayWhatPayloadsSay(t *testing.T) {
	t.Parallel()
	facts := func(name string) billing.Facts {
		f, _, err := parse(t, name).Facts()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	raw := func(name string) string { return string(parse(t, name).Object) }

	paid := map[string]http.HandlerFunc{
		"GET /v1/checkout/sessions":                   sayList(raw("checkout.session.completed")),
		"GET /v1/checkout/sessions/cs_test_a1Qm9TzB4": say(200, raw("checkout.session.completed")),
		"GET /v1/payment_intents/pi_3OJ1Trak":         say(200, raw("payment_intent.succeeded")),
		"GET /v1/charges":                             sayList(raw("charge.succeeded"), raw("charge.failed")),
		"GET /v1/charges/ch_3OJ1Trak":                 say(200, raw("charge.refunded")),
		"GET /v1/radar/early_fraud_warnings":          sayList(),
		"GET /v1/refunds":                             sayPages(`{"id":"re_0","object":"refund","amount":1,"status":"canceled"}`, raw("refund.updated")),
	}
	refunds := billing.Facts{Refunds: []billing.Refund{{ID: "re_0", Rank: billing.RefundCanceled, Amount: 1}, refund}}
	intent := facts("payment_intent.succeeded").Join(facts("charge.succeeded")).Join(refunds).Join(facts("charge.failed"))

	tests := []struct {
		name   string
		routes map[string]http.HandlerFunc
		read   func(*Client) (billing.Facts, error)
		want   billing.Facts
	}{
		{"a charge with refunds on two pages", paid,
			func(c *Client) (billing.Facts, error) {
				return c.ReadCharge(t.Context(), testAccount, "ch_3OJ1Trak", createdAt)
			}, facts("charge.refunded").Join(refunds)},
		{"a charge of which the key may not read alerts", map[string]http.HandlerFunc{
			"GET /v1/charges/ch_3OJ1Trak":        say(200, raw("charge.refunded")),
			"GET /v1/radar/early_fraud_warnings": say(403, `{"error":{"type":"invalid_request_error","message":"The key does not have the permission"}}`),
			"GET /v1/refunds":                    paid["GET /v1/refunds"]},
			func(c *Client) (billing.Facts, error) {
				return c.ReadCharge(t.Context(), testAccount, "ch_3OJ1Trak", createdAt)
			}, facts("charge.refunded").Join(refunds)},
		{"a charge that lists one of its refunds inside", map[string]http.HandlerFunc{
			"GET /v1/charges/ch_3OJ1Trak":        say(200, raw("charge.refunded_with_refunds")),
			"GET /v1/radar/early_fraud_warnings": sayList(raw("radar.early_fraud_warning.created")),
			"GET /v1/refunds":                    paid["GET /v1/refunds"]},
			func(c *Client) (billing.Facts, error) {
				return c.ReadCharge(t.Context(), testAccount, "ch_3OJ1Trak", createdAt)
			}, facts("charge.refunded").Join(refunds).Join(facts("radar.early_fraud_warning.created"))},
		{"an intent with a declined and a paid charge, and the session that it came from", paid,
			func(c *Client) (billing.Facts, error) {
				return c.ReadIntent(t.Context(), testAccount, "pi_3OJ1Trak", createdAt)
			}, intent.Join(facts("checkout.session.completed"))},
		{"a paid session", paid,
			func(c *Client) (billing.Facts, error) {
				return c.ReadSession(t.Context(), testAccount, "cs_test_a1Qm9TzB4", createdAt)
			}, facts("checkout.session.completed").Join(intent)},
		{"a session that nobody submitted", map[string]http.HandlerFunc{
			"GET /v1/checkout/sessions/cs_test_a1Qm9TzB4": say(200, raw("checkout.session.expired"))},
			func(c *Client) (billing.Facts, error) {
				return c.ReadSession(t.Context(), testAccount, "cs_test_a1Qm9TzB4", createdAt)
			}, facts("checkout.session.expired")},
		{"a delayed payment under way", map[string]http.HandlerFunc{
			"GET /v1/checkout/sessions/cs_test_a1Qm9TzB4": say(200, raw("checkout.session.completed_unpaid")),
			"GET /v1/payment_intents/pi_3OJ1Trak":         say(200, raw("payment_intent.processing")),
			"GET /v1/charges":                             sayList(raw("charge.pending"))},
			func(c *Client) (billing.Facts, error) {
				return c.ReadSession(t.Context(), testAccount, "cs_test_a1Qm9TzB4", createdAt)
			}, facts("checkout.session.completed_unpaid").Join(facts("payment_intent.processing")).Join(facts("charge.pending"))},
		{"a delayed payment that failed, which the session alone can't say", map[string]http.HandlerFunc{
			"GET /v1/checkout/sessions/cs_test_a1Qm9TzB4": say(200, raw("checkout.session.completed_unpaid")),
			"GET /v1/payment_intents/pi_3OJ1Trak":         say(200, raw("payment_intent.payment_failed")),
			"GET /v1/charges":                             sayList(raw("charge.failed"))},
			func(c *Client) (billing.Facts, error) {
				return c.ReadSession(t.Context(), testAccount, "cs_test_a1Qm9TzB4", createdAt)
			}, facts("checkout.session.async_payment_failed").Join(facts("payment_intent.payment_failed")).Join(facts("charge.failed"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, rec := script(t, tt.routes)
			got, err := tt.read(c)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("read\n%+v\nwant\n%+v", got, tt.want)
			}
			for _, made := range rec.all() {
				if made.header.Get("Stripe-Account") != testAccount {
					t.Errorf("%s was not made on the account", made)
				}
			}
		})
	}
}

func TestReadsFailWhole(t *testing.T) {
	t.Parallel()
	const charge = `{"id":"ch_1","object":"charge","status":"succeeded","amount":5,"amount_captured":5}`
	for name, tt := range map[string]struct {
		routes    map[string]http.HandlerFunc
		temporary bool
	}{
		"the refunds can't be read": {map[string]http.HandlerFunc{
			"GET /v1/charges/ch_1": say(200, charge), "GET /v1/refunds": say(500, "")}, true},
		"a refund has an unknown status": {map[string]http.HandlerFunc{
			"GET /v1/charges/ch_1": say(200, charge), "GET /v1/refunds": sayList(`{"id":"re_1","object":"refund","status":"teleported"}`)}, false},
		"more is announced than comes": {map[string]http.HandlerFunc{
			"GET /v1/charges/ch_1": say(200, charge), "GET /v1/refunds": say(200, `{"object":"list","has_more":true,"data":[]}`)}, false},
		"the list has no end": {map[string]http.HandlerFunc{
			"GET /v1/charges/ch_1": say(200, charge), "GET /v1/refunds": say(200, `{"object":"list","has_more":true,"data":[{"id":"re_1","object":"refund","status":"failed"}]}`)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := script(t, tt.routes)
			facts, err := c.ReadCharge(t.Context(), testAccount, "ch_1", 5)
			var e *Error
			if !errors.As(err, &e) || e.Temporary() != tt.temporary {
				t.Errorf("error %v", err)
			}
			if !reflect.DeepEqual(facts, billing.Facts{}) {
				t.Errorf("half of the facts came: %+v", facts)
			}
		})
	}
}

func TestReadOfAForeignSessionIsMissing(t *testing.T) {
	t.Parallel()
	c, _ := script(t, map[string]http.HandlerFunc{"GET /v1/checkout/sessions/cs_1": say(404, saysMissing)})
	for _, id := range []string{"cs_1", "", "cs_1/../x"} { // ids come from the query of a visitor
		if _, err := c.ReadSession(t.Context(), testAccount, id, 5); !IsMissing(err) {
			t.Errorf("%q: %v", id, err)
		}
	}
}
