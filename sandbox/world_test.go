package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jsval"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"
	"github.com/stripe/stripe-go/v76/webhook"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
	"github.com/stripe/stripe-mock/spec"

	"trak/sandbox"
)

const key = "sk_test_sandbox"

// world is a sandbox that listens, with an unmodified client of Stripe's and an endpoint for
// its webhooks. Every request that the sandbox accepts must be one that Stripe's own
// description accepts, and every object it answers must have every documented key.
type world struct {
	*sandbox.Server
	api   *client.API
	url   string // where api sends its requests
	clock *clock
	made  []string // connected accounts
}

// clock is the time of day plus what a test adds to it.
type clock struct {
	mu    sync.Mutex
	added time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.added)
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added += d
}

func (c *clock) set(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added = d
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{clock: &clock{}}
	w.Server = sandbox.New(sandbox.Options{Now: w.clock.now, Seed: 1})
	w.SetAnswers(sandbox.Answers{}) // the tests of the sandbox itself name those that they are about
	if err := w.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { w.checkEvents(t) })
	checked := httptest.NewServer(checkedBy(t, w.Server))
	t.Cleanup(checked.Close)
	w.url = checked.URL
	w.api = newClient(checked.URL)
	return w
}

func newClient(base string) *client.API {
	backend := func(kind stripe.SupportedBackend) stripe.Backend {
		return stripe.GetBackendWithConfig(kind, &stripe.BackendConfig{
			URL: stripe.String(base), HTTPClient: &http.Client{Timeout: 10 * time.Second},
			MaxNetworkRetries: stripe.Int64(0), EnableTelemetry: stripe.Bool(false),
			LeveledLogger: quiet{},
		})
	}
	return client.New(key, &stripe.Backends{
		API: backend(stripe.APIBackend), Connect: backend(stripe.ConnectBackend), Uploads: backend(stripe.UploadsBackend),
	})
}

// quiet keeps the client from printing the errors that tests cause on purpose.
type quiet struct{}

func (quiet) Debugf(string, ...any) {}
func (quiet) Infof(string, ...any)  {}
func (quiet) Warnf(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}

var described = sync.OnceValues(func() (*server.StubServer, *spec.Spec) {
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		panic(err)
	}
	api, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		panic(err)
	}
	stub, err := server.NewStubServer(fixtures, api, true, false)
	if err != nil {
		panic(err)
	}
	return stub, api
})

// shapes are the validators of objects by kind: dear to build, so they are built once.
var shapes = struct {
	sync.Mutex
	components *spec.ComponentsForValidation
	byKind     map[string]*jsval.JSVal
}{byKind: map[string]*jsval.JSVal{}}

func shapeOf(api *spec.Spec, kind string) *jsval.JSVal {
	shapes.Lock()
	defer shapes.Unlock()
	if shapes.components == nil {
		shapes.components = spec.GetComponentsForValidation(&api.Components)
	}
	if shapes.byKind[kind] == nil {
		shape, err := spec.GetValidatorForOpenAPI3Schema(api.Components.Schemas[kind], shapes.components)
		if err != nil {
			panic(err)
		}
		shapes.byKind[kind] = shape
	}
	return shapes.byKind[kind]
}

// checkedBy serves the sandbox and compares what it does with Stripe's description.
func checkedBy(t *testing.T, s http.Handler) http.Handler {
	stub, api := described()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		again := r.Clone(context.Background())
		r.Body, again.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, r)

		if answer.Code < 300 {
			second := httptest.NewRecorder()
			stub.HandleRequest(second, again)
			if second.Code >= 300 {
				t.Errorf("%s %s?%s %s: accepted here, refused by Stripe's description: %s", r.Method, r.URL.Path, r.URL.RawQuery, body[:min(len(body), 1000)], second.Body)
			}
			var object any
			if err := json.Unmarshal(answer.Body.Bytes(), &object); err != nil {
				t.Errorf("%s %s: answer is no JSON: %v", r.Method, r.URL.Path, err)
			}
			checkObject(t, api, object)
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	})
}

// checkObject compares an object with its description: types, words, every key that must be
// there or may be null, and no key that isn't documented.
func checkObject(t *testing.T, api *spec.Spec, v any) {
	t.Helper()
	o, isObject := v.(map[string]any)
	if !isObject {
		return
	}
	if o["object"] == "list" {
		for _, item := range o["data"].([]any) {
			checkObject(t, api, item)
		}
		return
	}
	kind, _ := o["object"].(string)
	if o["deleted"] == true {
		kind = "deleted_" + kind
	}
	schema := api.Components.Schemas[kind]
	if schema == nil {
		t.Errorf("an object of unknown kind %q: %v", kind, o)
		return
	}
	if err := shapeOf(api, kind).Validate(o); err != nil {
		t.Errorf("%s is not as documented: %v: %v", kind, err, o)
	}
	for key, property := range schema.Properties {
		_, there := o[key]
		if !there && property.Nullable && !(kind == "charge" && key == "refunds") {
			t.Errorf("%s without its documented key %s", kind, key)
		}
	}
	for key := range o {
		if _, documented := schema.Properties[key]; !documented {
			t.Errorf("%s has %s, which is not documented", kind, key)
		}
	}
}

// checkEvents compares all events, and the objects that they carry, with their description.
func (w *world) checkEvents(t *testing.T) {
	_, api := described()
	for _, account := range w.made {
		for _, raw := range w.Events(account) {
			var event map[string]any
			if err := json.Unmarshal(raw, &event); err != nil {
				t.Error(err)
				continue
			}
			checkObject(t, api, event)
			checkObject(t, api, event["data"].(map[string]any)["object"])
		}
	}
}

// account opens a connected account that can be paid.
func (w *world) account(t *testing.T) string {
	t.Helper()
	a, err := w.api.Accounts.New(&stripe.AccountParams{
		Type: stripe.String("express"), Country: stripe.String("US"), Email: stripe.String("owner@example.com"),
		BusinessProfile: &stripe.AccountBusinessProfileParams{Name: stripe.String("Studio North")},
		Capabilities: &stripe.AccountCapabilitiesParams{
			CardPayments: &stripe.AccountCapabilitiesCardPaymentsParams{Requested: stripe.Bool(true)},
			Transfers:    &stripe.AccountCapabilitiesTransfersParams{Requested: stripe.Bool(true)},
		},
		Metadata: map[string]string{"trak_workspace_id": "7"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Onboard(a.ID, sandbox.OnboardComplete); err != nil {
		t.Fatal(err)
	}
	w.made = append(w.made, a.ID)
	return a.ID
}

// link makes a Payment Link for an amount, as an invoice does.
func (w *world) link(t *testing.T, account string, amount int64, currency string) *stripe.PaymentLink {
	t.Helper()
	price := &stripe.PriceParams{
		Currency: stripe.String(currency), UnitAmount: stripe.Int64(amount),
		ProductData: &stripe.PriceProductDataParams{Name: stripe.String("Invoice INV-0007")},
	}
	price.SetStripeAccount(account)
	made, err := w.api.Prices.New(price)
	if err != nil {
		t.Fatal(err)
	}
	params := &stripe.PaymentLinkParams{
		LineItems:    []*stripe.PaymentLinkLineItemParams{{Price: stripe.String(made.ID), Quantity: stripe.Int64(1)}},
		Restrictions: &stripe.PaymentLinkRestrictionsParams{CompletedSessions: &stripe.PaymentLinkRestrictionsCompletedSessionsParams{Limit: stripe.Int64(1)}},
		AfterCompletion: &stripe.PaymentLinkAfterCompletionParams{
			Type:     stripe.String("redirect"),
			Redirect: &stripe.PaymentLinkAfterCompletionRedirectParams{URL: stripe.String("https://trak.test/i/abc?session={CHECKOUT_SESSION_ID}")},
		},
		InactiveMessage: stripe.String("This invoice was withdrawn."),
		SubmitType:      stripe.String("pay"),
		PaymentIntentData: &stripe.PaymentLinkPaymentIntentDataParams{
			Description: stripe.String("Invoice INV-0007"),
			Metadata:    map[string]string{"trak_invoice_id": "inv"},
		},
		Metadata: map[string]string{"trak_invoice_id": "inv", "trak_link_version": "1"},
	}
	params.SetStripeAccount(account)
	link, err := w.api.PaymentLinks.New(params)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// paid makes a link, opens it and pays it with a test number.
func (w *world) paid(t *testing.T, account, number string) (session string) {
	t.Helper()
	session = w.opened(t, w.link(t, account, 12345, "usd").URL)
	if _, err := w.Pay(session, sandbox.Card{Number: number}); err != nil {
		t.Fatal(err)
	}
	return session
}

func (w *world) opened(t *testing.T, link string) (session string) {
	t.Helper()
	session, err := w.Checkout(link)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// session reads a session back as Trak does, with its intent and charge.
func (w *world) session(t *testing.T, account, id string) *stripe.CheckoutSession {
	t.Helper()
	params := &stripe.CheckoutSessionParams{}
	params.SetStripeAccount(account)
	params.AddExpand("payment_intent.latest_charge.balance_transaction")
	session, err := w.api.CheckoutSessions.Get(id, params)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// hook is an endpoint for webhooks that verifies what it gets with Stripe's own code.
type hook struct {
	url    string
	secret string

	mu     sync.Mutex
	status int
	header string // of the latest signature
	events []stripe.Event
}

// signed is the time of the latest signature, as its header says it.
func (h *hook) signed() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Split(h.header, ",")[0]
}

func (w *world) hook(t *testing.T, connect bool, types ...string) *hook {
	t.Helper()
	h := &hook{status: http.StatusOK}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		event, err := webhook.ConstructEvent(body, r.Header.Get("Stripe-Signature"), h.secret)
		if err != nil {
			t.Errorf("a delivery that doesn't verify: %v", err)
		}
		h.events, h.header = append(h.events, event), r.Header.Get("Stripe-Signature")
		rw.WriteHeader(h.status)
	}))
	t.Cleanup(srv.Close)
	if len(types) == 0 {
		types = []string{"*"}
	}
	endpoint, err := w.api.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: stripe.String(srv.URL), Connect: stripe.Bool(connect), APIVersion: stripe.String(stripe.APIVersion),
		EnabledEvents: stripe.StringSlice(types),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.url = srv.URL
	h.mu.Lock()
	h.secret = endpoint.Secret
	h.mu.Unlock()
	return h
}

func (h *hook) setStatus(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

func (h *hook) received() []stripe.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]stripe.Event(nil), h.events...)
}

func (w *world) settle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := w.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// types are those of an account's events that came after the first one of a type.
func (w *world) types(account, since string) (types []string) {
	past := since == ""
	for _, raw := range w.Events(account) {
		var event struct{ Type string }
		json.Unmarshal(raw, &event) // made by the sandbox: a bad one shows as an empty type
		if past {
			types = append(types, event.Type)
		}
		past = past || event.Type == since
	}
	return types
}

// send makes a request to the API by hand.
func (w *world) send(t *testing.T, method, path string, form url.Values, headers ...string) (int, map[string]any, http.Header) {
	t.Helper()
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body, answer.Header
}
