package connect

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
)

const (
	testKey     = "sk_test_4242canary"
	testAccount = "acct_1Connected"
)

// stub is Stripe's own stand-in, stripe-mock 0.183.0, which speaks the SDK's API version. It
// keeps nothing, but refuses paths and parameters that the real API does not have.
var stub = sync.OnceValues(func() (*server.StubServer, error) {
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, err
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, err
	}
	return server.NewStubServer(fixtures, spec, true, false)
})

// call is one request that reached Stripe.
type call struct {
	method, path string
	form         url.Values // of body or query
	header       http.Header
}

func (c call) String() string { return c.method + " " + c.path }

type recorder struct {
	mu    sync.Mutex
	calls []call
}

func (r *recorder) record(req *http.Request) call {
	body, _ := io.ReadAll(req.Body)
	req.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	if req.Method == http.MethodGet {
		form = req.URL.Query()
	}
	made := call{req.Method, req.URL.Path, form, req.Header.Clone()}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, made)
	return made
}

func (r *recorder) all() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]call(nil), r.calls...)
}

func (r *recorder) lines() string {
	var lines []string
	for _, c := range r.all() {
		lines = append(lines, c.String())
	}
	return strings.Join(lines, "\n")
}

// answers changes what stripe-mock says, keyed by "METHOD /path": its fixtures know nothing of
// the request.
type answers map[string]func(object map[string]any)

// stripeMock returns a client whose requests stripe-mock must all accept.
func stripeMock(t *testing.T, change answers, own bool) (*Client, *recorder) {
	t.Helper()
	mock, err := stub()
	if err != nil {
		t.Fatalf("load stripe-mock: %v", err)
	}
	rec := &recorder{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		made := rec.record(r)
		answer := httptest.NewRecorder()
		mock.HandleRequest(answer, r)
		if answer.Code >= 400 {
			t.Errorf("stripe-mock refused %s %v: %d %s", made, made.form, answer.Code, answer.Body)
		}
		body := answer.Body.Bytes()
		if edit := change[made.String()]; edit != nil {
			var object map[string]any
			if err := json.Unmarshal(body, &object); err != nil {
				t.Errorf("answer to %s: %v", made, err)
			}
			edit(object)
			body, _ = json.Marshal(object)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { checkHeaders(t, rec, own) })
	c := newClient(t, srv.URL)
	c.own = own
	return c, rec
}

func newClient(t *testing.T, base string) *Client {
	t.Helper()
	c, err := New(Config{SecretKey: testKey, BaseURL: base, InstallID: "inst-1"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// checkHeaders holds for every request, whatever the method that made it. In own mode none is
// made for another account.
func checkHeaders(t *testing.T, rec *recorder, own bool) {
	t.Helper()
	for _, c := range rec.all() {
		if got := c.header.Get("Authorization"); got != "Bearer "+testKey {
			t.Errorf("%s: Authorization %q", c, got)
		}
		if got := c.header.Get("Stripe-Version"); got != stripe.APIVersion {
			t.Errorf("%s: Stripe-Version %q", c, got)
		}
		if c.method != http.MethodGet && c.header.Get("Idempotency-Key") == "" {
			t.Errorf("%s: no Idempotency-Key", c)
		}
		for _, name := range []string{"X-Stripe-Client-User-Agent", "X-Stripe-Client-Telemetry"} {
			if c.header.Get(name) != "" {
				t.Errorf("%s: %s tells about this machine: %q", c, name, c.header.Get(name))
			}
		}
		_, platform := map[string]bool{"accounts": true, "account_links": true, "webhook_endpoints": true}[strings.Split(c.path, "/")[2]]
		want := testAccount
		if platform || own {
			want = ""
		}
		if got := c.header.Get("Stripe-Account"); got != want {
			t.Errorf("%s: Stripe-Account %q, want %q", c, got, want)
		}
	}
}

func firstOf(list map[string]any) map[string]any {
	return list["data"].([]any)[0].(map[string]any)
}

func linkRequest() LinkRequest {
	return LinkRequest{
		Account: testAccount, InvoiceID: "inv-7", LinkID: "link-9", Number: "INV-0042",
		Description: "Invoice INV-0042 from Ada & Co", Revision: 2, Amount: 12345, Currency: "usd",
		ReturnURL:       "https://trak.example/i/abc?session={CHECKOUT_SESSION_ID}",
		InactiveMessage: "This invoice can no longer be paid here.", Key: "trak:inst-1:link:link-9",
	}
}

func refundRequest() RefundRequest {
	return RefundRequest{Account: testAccount, Charge: "ch_1", Amount: 1200, Reason: "duplicate", RefundID: "refund-9", Key: "trak:inst-1:refund:refund-9"}
}

func TestStripeMockAcceptsEveryRequest(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	closed := answers{
		"POST /v1/payment_links/plink_1": func(o map[string]any) { o["id"], o["active"] = "plink_1", false },
		"POST /v1/checkout/sessions/cs_open/expire": func(o map[string]any) {
			o["id"], o["status"] = "cs_open", "expired"
		},
		"GET /v1/checkout/sessions": func(o map[string]any) { firstOf(o)["id"] = "cs_open" },
	}
	dispute := func(o map[string]any) { o["id"], o["status"] = "dp_1", "needs_response" }
	disputed := answers{"GET /v1/disputes/dp_1": dispute, "POST /v1/disputes/dp_1": dispute, "POST /v1/disputes/dp_1/close": dispute}
	tests := []struct {
		name   string
		change answers
		do     func(*Client) error
		calls  string
		forms  map[string]string // "METHOD /path" -> parameters that must be sent
	}{
		{"create account", nil, func(c *Client) error {
			_, err := c.CreateAccount(ctx, NewAccount{WorkspaceID: "ws-1", Type: Express, Country: "de", Email: "a@b.example", Name: "Ada", Attempt: "k1", Key: "k1:1"})
			return err
		}, "POST /v1/accounts", map[string]string{"POST /v1/accounts": "type=express&country=DE&email=a@b.example&business_profile[name]=Ada" +
			"&capabilities[card_payments][requested]=true&capabilities[transfers][requested]=true" +
			"&metadata[trak_install_id]=inst-1&metadata[trak_workspace_id]=ws-1&metadata[trak_attempt]=k1"}},
		{"find account", nil, func(c *Client) error { _, _, err := c.FindAccount(ctx, "ws-1", "k1"); return err },
			"GET /v1/accounts", map[string]string{"GET /v1/accounts": "limit=100"}},
		{"read account", nil, func(c *Client) error { _, err := c.Account(ctx, testAccount); return err },
			"GET /v1/accounts/" + testAccount, nil},
		{"onboarding link", nil, func(c *Client) error {
			_, err := c.OnboardingLink(ctx, testAccount, "https://trak.example/refresh", "https://trak.example/return")
			return err
		}, "POST /v1/account_links", map[string]string{"POST /v1/account_links": "account=" + testAccount +
			"&type=account_onboarding&refresh_url=https://trak.example/refresh&return_url=https://trak.example/return" +
			"&collection_options[fields]=eventually_due&collection_options[future_requirements]=include"}},
		{"dashboard link", nil, func(c *Client) error { _, err := c.DashboardLink(ctx, testAccount); return err },
			"POST /v1/accounts/" + testAccount + "/login_links", nil},
		{"create price", nil, func(c *Client) error { _, err := c.CreatePrice(ctx, linkRequest()); return err },
			"POST /v1/prices", map[string]string{"POST /v1/prices": "currency=usd&unit_amount=12345&product_data[name]=Invoice INV-0042" +
				"&lookup_key=trak:inst-1:link-9&metadata[trak_link_id]=link-9"}},
		{"create link", nil, func(c *Client) error { _, err := c.CreateLink(ctx, linkRequest(), "price_1"); return err },
			"POST /v1/payment_links", map[string]string{"POST /v1/payment_links": "line_items[0][price]=price_1&line_items[0][quantity]=1" +
				"&submit_type=pay&restrictions[completed_sessions][limit]=1&after_completion[type]=redirect" +
				"&metadata[trak_install_id]=inst-1&metadata[trak_invoice_id]=inv-7&metadata[trak_link_id]=link-9&metadata[trak_revision]=2" +
				"&payment_intent_data[metadata][trak_install_id]=inst-1&payment_intent_data[metadata][trak_invoice_id]=inv-7" +
				"&payment_intent_data[metadata][trak_link_id]=link-9&inactive_message=This invoice can no longer be paid here."}},
		{"find price", nil, func(c *Client) error { _, _, err := c.FindPrice(ctx, linkRequest()); return err },
			"GET /v1/prices", map[string]string{"GET /v1/prices": "lookup_keys[0]=trak:inst-1:link-9"}},
		{"find link", nil, func(c *Client) error { _, _, err := c.FindLink(ctx, linkRequest()); return err },
			"GET /v1/payment_links", nil},
		{"close link", closed, func(c *Client) error { return c.CloseLink(ctx, testAccount, "plink_1") },
			"POST /v1/payment_links/plink_1\nGET /v1/checkout/sessions\nPOST /v1/checkout/sessions/cs_open/expire",
			map[string]string{"POST /v1/payment_links/plink_1": "active=false",
				"GET /v1/checkout/sessions": "payment_link=plink_1&status=open"}},
		{"read session", answers{"GET /v1/checkout/sessions/cs_1": func(o map[string]any) { o["payment_intent"] = "pi_1" }},
			func(c *Client) error { _, err := c.ReadSession(ctx, testAccount, "cs_1", 5); return err },
			"GET /v1/checkout/sessions/cs_1\nGET /v1/payment_intents/pi_1\nGET /v1/charges\nGET /v1/refunds",
			map[string]string{"GET /v1/charges": "payment_intent=pi_1"}},
		{"read intent", answers{"GET /v1/charges": func(o map[string]any) { firstOf(o)["id"] = "ch_1" }},
			func(c *Client) error { _, err := c.ReadIntent(ctx, testAccount, "pi_1", 5); return err },
			"GET /v1/payment_intents/pi_1\nGET /v1/charges\nGET /v1/refunds\nGET /v1/checkout/sessions",
			map[string]string{"GET /v1/refunds": "charge=ch_1", "GET /v1/checkout/sessions": "payment_intent=pi_1"}},
		{"read charge", answers{
			"GET /v1/charges/ch_1": func(o map[string]any) { o["id"], o["disputed"] = "ch_1", true },
			"GET /v1/disputes":     func(o map[string]any) { firstOf(o)["status"] = "needs_response" },
		}, func(c *Client) error { _, err := c.ReadCharge(ctx, testAccount, "ch_1", 5); return err },
			"GET /v1/charges/ch_1\nGET /v1/refunds\nGET /v1/disputes\nGET /v1/radar/early_fraud_warnings",
			map[string]string{"GET /v1/disputes": "charge=ch_1", "GET /v1/radar/early_fraud_warnings": "charge=ch_1"}},
		{"read dispute", disputed, func(c *Client) error { _, err := c.ReadDispute(ctx, testAccount, "dp_1", 5); return err },
			"GET /v1/disputes/dp_1", nil},
		{"stage evidence", disputed, func(c *Client) error {
			_, err := c.UpdateDispute(ctx, testAccount, "dp_1", Evidence{"customer_name": "Ana", "receipt": "file_1", "service_date": ""}, 5)
			return err
		}, "POST /v1/disputes/dp_1", map[string]string{"POST /v1/disputes/dp_1": "submit=false&evidence[customer_name]=Ana&evidence[receipt]=file_1&evidence[service_date]="}},
		{"submit evidence", disputed, func(c *Client) error {
			_, err := c.SubmitDispute(ctx, testAccount, "dp_1", Evidence{"customer_name": "Ana"}, "key", 5)
			return err
		}, "POST /v1/disputes/dp_1", map[string]string{"POST /v1/disputes/dp_1": "submit=true&evidence[customer_name]=Ana"}},
		{"accept dispute", disputed, func(c *Client) error { _, err := c.CloseDispute(ctx, testAccount, "dp_1", "key", 5); return err },
			"POST /v1/disputes/dp_1/close", nil},
		{"upload file", answers{"POST /v1/files": func(o map[string]any) { o["id"], o["size"] = "file_1", 3 }}, func(c *Client) error {
			_, err := c.UploadFile(ctx, FileUpload{Account: testAccount, Name: "a.pdf", Content: []byte("pdf"), Key: "key"})
			return err
		}, "POST /v1/files", nil},
		{"read payment link", answers{
			"GET /v1/payment_links/plink_1": func(o map[string]any) { o["id"] = "plink_1" },
		}, func(c *Client) error { _, _, err := c.LinkTaken(ctx, testAccount, "plink_1"); return err },
			"GET /v1/payment_links/plink_1", nil},
		{"read review", answers{
			"GET /v1/reviews/prv_1": func(o map[string]any) { o["id"] = "prv_1" },
		}, func(c *Client) error { _, err := c.ReadReview(ctx, testAccount, "prv_1"); return err },
			"GET /v1/reviews/prv_1", nil},
		{"read payout", answers{
			"GET /v1/payouts/po_1": func(o map[string]any) { o["id"], o["automatic"], o["status"] = "po_1", true, "paid" },
		}, func(c *Client) error { _, err := c.ReadPayout(ctx, testAccount, "po_1"); return err },
			"GET /v1/payouts/po_1\nGET /v1/balance_transactions",
			map[string]string{"GET /v1/balance_transactions": "payout=po_1"}},
		{"list events", answers{"GET /v1/events": func(o map[string]any) { firstOf(o)["type"] = "charge.succeeded" }},
			func(c *Client) error {
				return drained(c.Events(ctx, testAccount, 7e6, 9_000_001, WantedEvents()...))
			}, strings.TrimSuffix(strings.Repeat("GET /v1/events\n", (len(WantedEvents())+19)/20), "\n"),
			map[string]string{"GET /v1/events": "limit=100&created[gte]=7&created[lt]=10"}},
		{"list charges", nil, func(c *Client) error { return drained(c.Charges(ctx, testAccount, 7e6, 9e6, 5)) },
			"GET /v1/charges", map[string]string{"GET /v1/charges": "created[gte]=7&created[lt]=9&expand[0]=data.balance_transaction"}},
		{"create refund", answers{"POST /v1/refunds": func(o map[string]any) { o["charge"] = "ch_1" }},
			func(c *Client) error { _, err := c.CreateRefund(ctx, refundRequest()); return err },
			"POST /v1/refunds", map[string]string{"POST /v1/refunds": "charge=ch_1&amount=1200&reason=duplicate&metadata[trak_install_id]=inst-1&metadata[trak_refund_id]=refund-9"}},
		{"find refund", nil, func(c *Client) error { _, _, err := c.FindRefund(ctx, refundRequest()); return err },
			"GET /v1/refunds", map[string]string{"GET /v1/refunds": "charge=ch_1&limit=100"}},
		{"read what is left of a charge", answers{"GET /v1/charges/ch_1": func(o map[string]any) { o["id"] = "ch_1" }},
			func(c *Client) error { _, err := c.Refundable(ctx, testAccount, "ch_1"); return err }, "GET /v1/charges/ch_1", nil},
		{"list refunds", nil, func(c *Client) error { return drained(c.Refunds(ctx, testAccount, 7e6, 9e6)) },
			"GET /v1/refunds", map[string]string{"GET /v1/refunds": "created[gte]=7&created[lt]=9"}},
		{"list disputes", answers{"GET /v1/disputes": func(o map[string]any) { firstOf(o)["status"] = "won" }},
			func(c *Client) error { return drained(c.Disputes(ctx, testAccount, 7e6, 9e6, 5)) },
			"GET /v1/disputes", map[string]string{"GET /v1/disputes": "created[gte]=7&created[lt]=9"}},
		{"list early fraud warnings", nil, func(c *Client) error { return drained(c.EarlyFraudWarnings(ctx, testAccount, 7e6, 9e6)) },
			"GET /v1/radar/early_fraud_warnings", map[string]string{"GET /v1/radar/early_fraud_warnings": "created[gte]=7&created[lt]=9"}},
		{"list payouts", answers{"GET /v1/payouts": func(o map[string]any) { firstOf(o)["status"] = "paid" }},
			func(c *Client) error { return drained(c.Payouts(ctx, testAccount, 7e6, 9e6)) },
			"GET /v1/payouts", map[string]string{"GET /v1/payouts": "created[gte]=7&created[lt]=9"}},
		{"list balance transactions", nil, func(c *Client) error { return drained(c.Transactions(ctx, testAccount, 7e6, 0)) },
			"GET /v1/balance_transactions", map[string]string{"GET /v1/balance_transactions": "created[gte]=7&created[lt]="}},
		{"list sessions of a link", nil, func(c *Client) error { return drained(c.Sessions(ctx, testAccount, "plink_1", 0, 0)) },
			"GET /v1/checkout/sessions", map[string]string{"GET /v1/checkout/sessions": "payment_link=plink_1&created[gte]="}},
		{"list sessions", nil, func(c *Client) error { return drained(c.Sessions(ctx, testAccount, "", 7e6, 9e6)) },
			"GET /v1/checkout/sessions", map[string]string{"GET /v1/checkout/sessions": "created[gte]=7&created[lt]=9&payment_link="}},
		{"read balance", nil, func(c *Client) error { _, err := c.Balance(ctx, testAccount); return err }, "GET /v1/balance", nil},
		{"create webhook endpoint and delete the old one", answers{
			"GET /v1/webhook_endpoints":  func(o map[string]any) { firstOf(o)["url"], firstOf(o)["id"] = "https://trak.example/hook", "we_old" },
			"POST /v1/webhook_endpoints": func(o map[string]any) { o["secret"] = "whsec_new" },
		}, func(c *Client) error { _, err := c.EnsureWebhook(ctx, "https://trak.example/hook", false); return err },
			"GET /v1/webhook_endpoints\nPOST /v1/webhook_endpoints\nDELETE /v1/webhook_endpoints/we_old",
			map[string]string{"POST /v1/webhook_endpoints": "url=https://trak.example/hook&connect=true&api_version=2023-10-16" +
				"&enabled_events[0]=checkout.session.completed"}},
		{"mend webhook endpoint", answers{"GET /v1/webhook_endpoints": func(o map[string]any) {
			e := firstOf(o)
			e["url"], e["id"], e["application"], e["api_version"], e["status"] = "https://trak.example/hook", "we_1", "ca_1", stripe.APIVersion, "disabled"
		}}, func(c *Client) error { _, err := c.EnsureWebhook(ctx, "https://trak.example/hook", true); return err },
			"GET /v1/webhook_endpoints\nPOST /v1/webhook_endpoints/we_1",
			map[string]string{"POST /v1/webhook_endpoints/we_1": "disabled=false&enabled_events[2]=checkout.session.completed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, rec := stripeMock(t, tt.change, false)
			if err := tt.do(c); err != nil {
				t.Fatal(err)
			}
			if got := rec.lines(); got != tt.calls {
				t.Errorf("calls:\n%s\nwant:\n%s", got, tt.calls)
			}
			for _, made := range rec.all() {
				checkForm(t, made, tt.forms[made.String()])
			}
		})
		if strings.Contains(tt.calls, "/v1/account") || strings.HasPrefix(tt.name, "mend") { // about connecting
			continue
		}
		t.Run(tt.name+" in own mode", func(t *testing.T) {
			t.Parallel()
			c, _ := stripeMock(t, tt.change, true)
			if err := tt.do(c); err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Run("read own account", func(t *testing.T) {
		t.Parallel()
		c, rec := stripeMock(t, answers{"GET /v1/account": func(o map[string]any) { o["id"] = testAccount }}, true)
		if a, err := c.Account(ctx, testAccount); err != nil || a.ID != testAccount {
			t.Errorf("got %+v, %v", a, err)
		}
		if _, err := c.Account(ctx, "acct_other"); err == nil {
			t.Error("the key's account passes for another one")
		}
		if got := rec.lines(); got != "GET /v1/account\nGET /v1/account" {
			t.Errorf("calls:\n%s", got)
		}
	})
	t.Run("create a standard account", func(t *testing.T) {
		t.Parallel()
		c, rec := stripeMock(t, nil, false)
		if _, err := c.CreateAccount(ctx, NewAccount{WorkspaceID: "ws-1", Type: Standard, Country: "de", Attempt: "k1", Key: "k1"}); err != nil {
			t.Fatal(err)
		}
		made := rec.all()[0]
		checkForm(t, made, "type=standard&country=DE")
		for key := range made.form {
			if strings.HasPrefix(key, "capabilities") {
				t.Errorf("asks for %s: Stripe refuses that of a standard account", key)
			}
		}
	})
}

// checkForm compares the parameters named in want ("a=b&c[d]=e", not escaped) with those sent.
func checkForm(t *testing.T, made call, want string) {
	t.Helper()
	if want == "" {
		return
	}
	for pair := range strings.SplitSeq(want, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if got := made.form.Get(key); got != value {
			t.Errorf("%s: %s = %q, want %q", made, key, got, value)
		}
	}
}
