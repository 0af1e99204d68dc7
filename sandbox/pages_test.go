package sandbox_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"trak/sandbox"
)

// browser makes requests as a browser does, and stops at redirects.
type browser struct {
	t    *testing.T
	base string
}

func (b browser) do(method, address string, form url.Values, headers ...string) (status int, body, location string, header http.Header) {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.base + address
	}
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer.StatusCode, string(page), answer.Header.Get("Location"), answer.Header
}

// has looks for controls by the names that people and screen readers find them by.
func has(t *testing.T, page string, names ...string) {
	t.Helper()
	for _, name := range names {
		if !strings.Contains(page, ">"+name+"</label>") && !strings.Contains(page, ">"+name+"</button>") && !strings.Contains(page, ">"+name+"</a>") {
			t.Errorf("no control named %q on the page", name)
		}
	}
	for _, label := range regexp.MustCompile(`<label for="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, `id="`+label[1]+`"`) {
			t.Errorf("the label for %q labels nothing", label[1])
		}
	}
	if !strings.Contains(page, "Sandbox: no real money moves") {
		t.Error("the page doesn't say that it is a sandbox")
	}
}

func TestOnboardingPage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := browser{t, w.URL()}
	made, err := w.api.Accounts.New(&stripe.AccountParams{Type: stripe.String("express"), Country: stripe.String("US")})
	if err != nil {
		t.Fatal(err)
	}
	newLink := func() string {
		link, err := w.api.AccountLinks.New(&stripe.AccountLinkParams{
			Account: stripe.String(made.ID), Type: stripe.String("account_onboarding"),
			RefreshURL: stripe.String("http://localhost:3000/refresh"), ReturnURL: stripe.String("http://localhost:3000/return"),
		})
		if err != nil {
			t.Fatal(err)
		}
		if link.ExpiresAt-link.Created != 300 {
			t.Errorf("lives %d s, want 300", link.ExpiresAt-link.Created)
		}
		return link.URL
	}

	link := newLink()
	status, page, _, header := b.do("GET", link, nil)
	if status != 200 {
		t.Fatalf("%d %s", status, page)
	}
	has(t, page, "Business name", "Outcome", "Submit")
	if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "form-action 'self' http://localhost:3000") {
		t.Errorf("policy %q", policy)
	}
	if status, _, to, _ := b.do("GET", link, nil); status != 303 || to != "http://localhost:3000/refresh" {
		t.Errorf("a used link: %d %s", status, to)
	}
	form := url.Values{"visit": {regexp.MustCompile(`name="visit" value="([^"]+)"`).FindStringSubmatch(page)[1]}, "business": {"Studio North"}, "outcome": {"complete"}}
	if status, _, _, _ := b.do("POST", link, form, "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("a form of another site: %d", status)
	}
	forged := url.Values{"visit": {"guess"}, "outcome": {"complete"}}
	if _, _, to, _ := b.do("POST", link, forged); to != "http://localhost:3000/refresh" {
		t.Errorf("a form that wasn't handed out leads to %s", to)
	}
	if status, _, to, _ := b.do("POST", link, form); status != 303 || to != "http://localhost:3000/return" {
		t.Errorf("submitted: %d %s", status, to)
	}
	a, err := w.api.Accounts.GetByID(made.ID, &stripe.AccountParams{})
	if err != nil || !a.ChargesEnabled || a.BusinessProfile.Name != "Studio North" {
		t.Errorf("%+v, %v", a, err)
	}
	if _, _, to, _ := b.do("POST", link, form); to != "http://localhost:3000/refresh" {
		t.Errorf("submitted twice leads to %s", to)
	}

	late := newLink()
	w.clock.add(301 * time.Second)
	if status, _, to, _ := b.do("GET", late, nil); status != 303 || to != "http://localhost:3000/refresh" {
		t.Errorf("an expired link: %d %s", status, to)
	}
	if status, _, _, _ := b.do("GET", "/onboard/none", nil); status != 404 {
		t.Errorf("an unknown link: %d", status)
	}
}

func TestCheckoutPage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := browser{t, w.URL()}
	link := w.link(t, w.account(t), 12345, "usd")
	status, _, to, _ := b.do("GET", link.URL+"?prefilled_email=client%40example.com", nil)
	if status != 303 || !strings.HasPrefix(to, "/checkout/cs_test_") {
		t.Fatalf("the link leads to %d %s", status, to)
	}
	checkout := to
	_, page, _, header := b.do("GET", checkout, nil)
	has(t, page, "Email", "Card number", "Expiry", "CVC", "Pay", "Bank debit")
	for _, text := range []string{"123.45 USD", "Invoice INV-0007", "Studio North", `value="client@example.com"`} {
		if !strings.Contains(page, text) {
			t.Errorf("the page doesn't say %s", text)
		}
	}
	if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https://trak.test") {
		t.Errorf("policy %q", policy)
	}
	_, page, _, _ = b.do("GET", checkout+"?method=us_bank_account", nil)
	has(t, page, "Email", "Account number", "Pay", "Card")

	typed := url.Values{"method": {"card"}, "email": {"client@example.com"}, "number": {"4000 0000 0000 0002"}, "expiry": {"12/40"}, "cvc": {"123"}}
	status, page, _, _ = b.do("POST", checkout, typed)
	if status != 402 || !strings.Contains(page, "Your card was declined.") || !strings.Contains(page, `value="12/40"`) {
		t.Errorf("declined: %d %s", status, page)
	}
	typed.Set("number", "4111 1111 1111 1111")
	if _, page, _, _ = b.do("POST", checkout, typed); !strings.Contains(page, "Only test numbers work here") {
		t.Error("a number that isn't a test card's gets no hint")
	}
	typed.Set("number", "4000 0027 6000 3184")
	status, _, to, _ = b.do("POST", checkout, typed)
	if status != 303 || !strings.HasSuffix(to, checkout+"/authenticate") {
		t.Fatalf("3-D Secure: %d %s", status, to)
	}
	_, page, _, _ = b.do("GET", to, nil)
	has(t, page, "Complete", "Fail")
	if _, _, back, _ := b.do("POST", to, url.Values{"result": {"fail"}}); back != checkout {
		t.Errorf("a failed challenge leads to %s", back)
	}
	if _, page, _, _ = b.do("GET", checkout, nil); !strings.Contains(page, "unable to authenticate") {
		t.Error("the page doesn't say why the challenge failed")
	}
	typed.Set("number", "4242 4242 4242 4242")
	status, _, to, _ = b.do("POST", checkout, typed)
	if want := "https://trak.test/i/abc?session=" + strings.TrimPrefix(checkout, "/checkout/"); status != 303 || to != want {
		t.Errorf("paid: %d %s, want %s", status, to, want)
	}
	if status, page, _, _ = b.do("GET", checkout, nil); status != 200 || !strings.Contains(page, "Thank you") {
		t.Errorf("the page of a paid session: %d", status)
	}
	if status, page, _, _ = b.do("GET", link.URL, nil); status != 410 || !strings.Contains(page, "has been used") {
		t.Errorf("a used link: %d %s", status, page)
	}
}

func TestInactiveLinkSaysItsMessage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := browser{t, w.URL()}
	account := w.account(t)
	link := w.link(t, account, 12345, "usd")
	params := &stripe.PaymentLinkParams{Active: stripe.Bool(false)}
	params.SetStripeAccount(account)
	if _, err := w.api.PaymentLinks.Update(link.ID, params); err != nil {
		t.Fatal(err)
	}
	if status, page, _, _ := b.do("GET", link.URL, nil); status != 410 || !strings.Contains(page, "This invoice was withdrawn.") {
		t.Errorf("%d %s", status, page)
	}
	if status, _, _, _ := b.do("GET", "/pay/none", nil); status != 404 {
		t.Errorf("an unknown link: %d", status)
	}
	if status, _, _, _ := b.do("GET", "/checkout/none", nil); status != 404 {
		t.Errorf("an unknown session: %d", status)
	}
}

func TestConsole(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := browser{t, w.URL()}
	h := w.hook(t, true)
	account := w.account(t)
	card := w.session(t, account, w.paid(t, account, "4242424242424242")).PaymentIntent.LatestCharge.ID
	debit := w.paid(t, account, "000123456789")
	w.settle(t)
	_, page, _, _ := b.do("GET", "/", nil)
	has(t, page, "Refund", "Settle", "Resend", "Apply", "Fail")
	for _, text := range []string{account, card, "123.45 USD", "charge.succeeded", "answered 200", "payments and payouts on"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page doesn't say %s", text)
		}
	}
	if status, _, to, _ := b.do("POST", "/sandbox/settle", nil); status != 303 || to != "/" {
		t.Errorf("settle: %d %s", status, to)
	}
	if s := w.session(t, account, debit); s.PaymentStatus != "paid" {
		t.Errorf("the debit is %s", s.PaymentStatus)
	}
	if _, _, to, _ := b.do("POST", "/sandbox/refund", url.Values{"payment": {card}, "amount": {"345"}, "dashboard": {account}}); to != "/dashboard/"+account {
		t.Errorf("refund leads to %s", to)
	}
	_, page, _, _ = b.do("GET", "/dashboard/"+account, nil)
	has(t, page, "Refund")
	if !strings.Contains(page, "3.45 USD") || !strings.Contains(page, "Studio North") {
		t.Error("the dashboard doesn't show the refund")
	}
	if status, page, _, _ := b.do("POST", "/sandbox/refund", url.Values{"payment": {card}, "amount": {"99999"}}); status != 400 || !strings.Contains(page, "greater than") {
		t.Errorf("too large a refund: %d", status)
	}

	w.settle(t)
	before := h.received()
	if status, _, _, _ := b.do("POST", "/sandbox/resend", url.Values{"event": {before[0].ID}}); status != 303 {
		t.Errorf("resend: %d", status)
	}
	w.settle(t)
	if after := h.received(); len(after) != len(before)+1 || after[len(before)].ID != before[0].ID {
		t.Errorf("%d deliveries after resending, want %d", len(after), len(before)+1)
	}
	knobs := url.Values{"hold": {"on"}, "duplicate": {"99"}, "fail": {"500"}, "fail_path": {"/v1/charges"}}
	if status, _, _, _ := b.do("POST", "/sandbox/knobs", knobs); status != 303 {
		t.Errorf("knobs: %d", status)
	}
	want := sandbox.Knobs{Hold: true, Duplicate: 20, Fail: sandbox.FailServer, FailTimes: 1, FailPath: "/v1/charges"}
	if got := w.Knobs(); got != want {
		t.Errorf("knobs %+v, want %+v", got, want)
	}
	if status, _, _, _ := b.do("POST", "/sandbox/knobs", knobs, "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("knobs from another site: %d", status)
	}
	if status, _, _, _ := b.do("POST", "/sandbox/deauthorize", url.Values{"account": {account}}); status != 303 {
		t.Errorf("disconnect: %d", status)
	}
	if _, page, _, _ = b.do("GET", "/", nil); !strings.Contains(page, "disconnected") {
		t.Error("the page doesn't say that the account is disconnected")
	}
	if status, _, _, header := b.do("GET", "/sandbox/sandbox.css", nil); status != 200 || !strings.HasPrefix(header.Get("Content-Type"), "text/css") {
		t.Errorf("style sheet: %d", status)
	}
}

// TestConsoleButtons presses each button of the sandbox's own page once.
func TestConsoleButtons(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := browser{t, w.URL()}
	account := w.account(t)
	charge := func() string {
		return w.session(t, account, w.paid(t, account, "4000000000000077")).PaymentIntent.LatestCharge.ID
	}
	press := func(path string, form url.Values) {
		t.Helper()
		if status, page, to, _ := b.do("POST", "/sandbox/"+path, form); status != 303 || to != "/" {
			t.Errorf("%s: %d %s", path, status, page)
		}
	}
	one, two, three := charge(), charge(), charge()
	press("dispute", url.Values{"payment": {one}})
	press("inquire", url.Values{"payment": {two}})
	press("warn", url.Values{"payment": {three}})
	press("review", url.Values{"payment": {three}})
	disputes := w.ids(t, account, "/v1/disputes")
	if status, body, _ := w.send(t, "POST", "/v1/disputes/"+disputes[1], url.Values{"evidence[customer_name]": {"Ada <Lovelace>"}, "submit": {"false"}}, "Stripe-Account", account); status != 200 {
		t.Fatal(body)
	}
	press("payout/all", nil)
	payout := w.ids(t, account, "/v1/payouts")[0]
	_, page, _, _ := b.do("GET", "/", nil)
	has(t, page, "Refund", "Dispute", "Inquire", "Warn of fraud", "Review", "Won", "Lost", "Close", "Escalate", "Approve", "Come back", "Cancel",
		"Pay out", "Pay out all accounts", "Change", "Disconnect", "Book", "Account", "What", "Amount in the smallest unit")
	for _, text := range []string{"customer name", "Ada &lt;Lovelace&gt;", "automatic", "the platform's own", payout} {
		if !strings.Contains(page, text) {
			t.Errorf("the page doesn't say %s", text)
		}
	}
	press("dispute/escalate", url.Values{"dispute": {disputes[0]}})
	press("dispute/close", url.Values{"dispute": {disputes[0]}, "won": {"yes"}})
	press("dispute/close", url.Values{"dispute": {disputes[1]}})
	press("review/approve", url.Values{"review": {w.ids(t, account, "/v1/reviews")[0]}})
	press("payout/cancel", url.Values{"payout": {payout}})
	press("payout", url.Values{"account": {account}})
	press("payout/fail", url.Values{"payout": {w.ids(t, account, "/v1/payouts")[0]}})
	press("bank", url.Values{"account": {account}})
	for _, kind := range []string{"payment", "adjustment", "fee"} {
		press("book", url.Values{"account": {account}, "kind": {kind}, "amount": {"500"}, "currency": {"usd"}, "description": {"x"}})
	}
	for _, outcome := range []string{"restricted", "complete"} {
		press("account", url.Values{"account": {account}, "outcome": {outcome}})
	}
	if a, err := w.api.Accounts.GetByID(account, &stripe.AccountParams{}); err != nil || !a.PayoutsEnabled {
		t.Errorf("the account in the end: %+v, %v", a, err)
	}
	_, page, _, _ = b.do("GET", "/dashboard/"+account, nil)
	has(t, page, "Pay out what is available", "Add a bank account", "Remove", "Change")
	bank := regexp.MustCompile(`name="bank" value="([^"]+)"`).FindStringSubmatch(page)[1]
	press("bank/change", url.Values{"bank": {bank}, "holder": {"Studio South"}})
	press("bank/remove", url.Values{"bank": {bank}})
	for path, form := range map[string]url.Values{
		"dispute": {"payment": {"none"}}, "payout": {"account": {"none"}}, "payout/fail": {"payout": {"none"}}, "bank": {"account": {"none"}},
		"book": {"account": {account}, "kind": {"gift"}, "amount": {"5"}}, "refund": {"payment": {three}, "amount": {"-5"}},
		"account": {"account": {account}, "outcome": {"none"}},
	} {
		if status, page, _, _ := b.do("POST", "/sandbox/"+path, form); status != 400 || !strings.Contains(page, "That did not work") {
			t.Errorf("%s %v: %d", path, form, status)
		}
	}
	press("knobs", url.Values{"away_hours": {"2"}, "away_cut": {"on"}, "calls_per_second": {"7"}, "duplicate_percent": {"5"}, "drop_percent": {"5"}})
	got := w.Knobs()
	if away := got.AwayUntil - w.Now().Unix(); !got.AwayCut || away < 7190 || away > 7200 || got.CallsPerSecond != 7 || got.DuplicatePercent != 5 || got.DropPercent != 5 {
		t.Errorf("knobs %+v", got)
	}
}
