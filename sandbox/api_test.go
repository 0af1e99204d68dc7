package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"trak/sandbox"
)

func priceForm(amount, currency string) url.Values {
	return url.Values{"currency": {currency}, "unit_amount": {amount}, "product_data[name]": {"Invoice INV-0007"}}
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for header, want := range map[string]int{"": 401, "Bearer sk_test_other": 401, "Bearer " + key: 200} {
		status, body, _ := w.send(t, "GET", "/v1/account", nil, "Authorization", header)
		if status != want {
			t.Errorf("%q: %d %v, want %d", header, status, body, want)
		}
	}
	_, body, _ := w.send(t, "GET", "/v1/account", nil, "Authorization", "Bearer sk_test_secret1234")
	if text := fmt.Sprint(body); strings.Contains(text, "secret") {
		t.Errorf("the error tells the key: %s", text)
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	post := func(form url.Values, headers ...string) (int, map[string]any, http.Header) {
		t.Helper()
		return w.send(t, "POST", "/v1/prices", form, append(headers, "Idempotency-Key", "k1")...)
	}
	_, first, _ := post(priceForm("500", "usd"), "Stripe-Account", account)
	status, second, header := post(priceForm("500", "usd"), "Stripe-Account", account)
	if status != 200 || second["id"] != first["id"] || header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("same key and parameters: %d %v", status, second)
	}
	status, body, _ := post(priceForm("600", "usd"), "Stripe-Account", account)
	if status != 400 || errorOf(body)["type"] != "idempotency_error" {
		t.Errorf("same key, other parameters: %d %v", status, body)
	}
	status, other, _ := post(priceForm("500", "usd"), "Stripe-Account", w.account(t))
	if status != 200 || other["id"] == first["id"] {
		t.Errorf("same key for another account: %d %v", status, other)
	}
	w.clock.add(25 * time.Hour)
	if _, late, _ := post(priceForm("500", "usd"), "Stripe-Account", account); late["id"] == first["id"] {
		t.Error("a key is remembered for longer than a day")
	}
}

func TestIdempotencyOfErrors(t *testing.T) {
	t.Parallel()
	w := setup(t)
	send := func(key string, form url.Values) int {
		status, _, _ := w.send(t, "POST", "/v1/refunds", form, "Idempotency-Key", key)
		return status
	}
	if first, second := send("a", url.Values{"charge": {"ch_none"}}), send("a", url.Values{"charge": {"ch_other"}}); first != 400 || second != 400 {
		t.Errorf("%d, %d", first, second)
	}
	_, body, _ := w.send(t, "POST", "/v1/refunds", url.Values{"charge": {"ch_other"}}, "Idempotency-Key", "a")
	if errorOf(body)["type"] != "idempotency_error" {
		t.Errorf("an error of the call itself isn't kept: %v", body)
	}
	send("b", url.Values{"charge": {"ch_none"}, "foo": {"1"}})
	_, body, _ = w.send(t, "POST", "/v1/refunds", url.Values{"charge": {"ch_none"}}, "Idempotency-Key", "b")
	if errorOf(body)["code"] != "resource_missing" {
		t.Errorf("refused parameters took the key: %v", body)
	}
}

func TestOneKeyAtOnceMakesOneObject(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := make([]any, 16)
	var wait sync.WaitGroup
	for i := range ids {
		wait.Go(func() {
			_, body, _ := w.send(t, "POST", "/v1/prices", priceForm("500", "usd"), "Idempotency-Key", "same")
			if code := errorOf(body)["code"]; code == "idempotency_key_in_use" {
				return
			}
			ids[i] = body["id"]
		})
	}
	wait.Wait()
	ids = slices.DeleteFunc(ids, func(id any) bool { return id == nil })
	slices.SortFunc(ids, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	if ids = slices.Compact(ids); len(ids) != 1 {
		t.Errorf("made %v, want one", ids)
	}
}

func errorOf(body map[string]any) map[string]any {
	told, _ := body["error"].(map[string]any)
	return told
}

func TestAccountsAreApart(t *testing.T) {
	t.Parallel()
	w := setup(t)
	mine, other := w.account(t), w.account(t)
	session := w.paid(t, mine, "4242424242424242")
	link := w.session(t, mine, session).PaymentLink.ID
	intent := w.session(t, mine, session).PaymentIntent
	for _, path := range []string{
		"/v1/checkout/sessions/" + session, "/v1/payment_links/" + link, "/v1/payment_links/" + link + "/line_items",
		"/v1/payment_intents/" + intent.ID, "/v1/charges/" + intent.LatestCharge.ID,
	} {
		for _, account := range []string{"", other} {
			status, body, _ := w.send(t, "GET", path, nil, "Stripe-Account", account)
			if status != 404 || errorOf(body)["code"] != "resource_missing" {
				t.Errorf("%s for %q: %d %v", path, account, status, body)
			}
		}
	}
	status, body, _ := w.send(t, "POST", "/v1/refunds", url.Values{"charge": {intent.LatestCharge.ID}}, "Stripe-Account", other)
	if status != 400 || errorOf(body)["code"] != "resource_missing" {
		t.Errorf("refund of another account's charge: %d %v", status, body)
	}
	for _, path := range []string{"/v1/charges", "/v1/refunds", "/v1/payment_links", "/v1/checkout/sessions", "/v1/prices"} {
		if _, body, _ := w.send(t, "GET", path, nil, "Stripe-Account", other); len(body["data"].([]any)) > 0 {
			t.Errorf("%s of the other account lists %v", path, body)
		}
	}
	status, body, _ = w.send(t, "GET", "/v1/balance", nil, "Stripe-Account", "acct_none")
	if status != 403 || errorOf(body)["code"] != "account_invalid" {
		t.Errorf("unknown account: %d %v", status, body)
	}
	if err := w.Deauthorize(mine); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/balance", "/v1/charges", "/v1/accounts/" + mine} {
		if status, body, _ = w.send(t, "GET", path, nil, "Stripe-Account", mine); status != 403 || errorOf(body)["code"] != "account_invalid" {
			t.Errorf("%s after disconnecting: %d %v", path, status, body)
		}
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	_, price, _ := w.send(t, "POST", "/v1/prices", priceForm("500", "usd"), "Stripe-Account", account)
	line := url.Values{"line_items[0][price]": {price["id"].(string)}, "line_items[0][quantity]": {"1"}}
	with := func(form url.Values, pairs ...string) url.Values {
		all := url.Values{}
		for name, values := range form {
			all[name] = values
		}
		for i := 0; i < len(pairs); i += 2 {
			all.Set(pairs[i], pairs[i+1])
		}
		return all
	}
	for name, c := range map[string]struct {
		path        string
		form        url.Values
		code, param string
	}{
		"unknown":             {"/v1/prices", with(priceForm("500", "usd"), "foo", "1"), "parameter_unknown", "foo"},
		"unknown and nested":  {"/v1/payment_links", with(line, "line_items[0][price_data][currency]", "usd"), "parameter_unknown", "line_items[0][price_data]"},
		"missing":             {"/v1/prices", url.Values{"unit_amount": {"500"}}, "parameter_missing", "currency"},
		"missing and nested":  {"/v1/payment_links", url.Values{"line_items[0][price]": {"price_1"}}, "parameter_missing", "line_items[0][quantity]"},
		"capability alone":    {"/v1/accounts", url.Values{"type": {"express"}, "capabilities[card_payments][requested]": {"true"}}, "", "capabilities"},
		"no such country":     {"/v1/accounts", url.Values{"type": {"express"}, "country": {"XX"}}, "country_unsupported", "country"},
		"http nowhere":        {"/v1/account_links", url.Values{"account": {account}, "type": {"account_onboarding"}, "refresh_url": {"/a"}, "return_url": {"/a"}}, "url_invalid", "refresh_url"},
		"update of express":   {"/v1/account_links", url.Values{"account": {account}, "type": {"account_update"}}, "", "type"},
		"no integer":          {"/v1/prices", priceForm("5.00", "usd"), "parameter_invalid_integer", "unit_amount"},
		"no boolean":          {"/v1/payment_links", with(line, "allow_promotion_codes", "yes"), "", "allow_promotion_codes"},
		"no such word":        {"/v1/payment_links", with(line, "submit_type", "gift"), "", "submit_type"},
		"no such price":       {"/v1/payment_links", with(line, "line_items[0][price]", "price_none"), "resource_missing", "line_items[0][price]"},
		"value where a group": {"/v1/payment_links", with(line, "restrictions", "1"), "", "restrictions"},
		"metadata too long":   {"/v1/payment_links", with(line, "metadata[a]", strings.Repeat("x", 501)), "", "metadata"},
		"message too long":    {"/v1/payment_links", with(line, "inactive_message", strings.Repeat("x", 501)), "", "inactive_message"},
		"no address":          {"/v1/payment_links", with(line, "after_completion[type]", "redirect", "after_completion[redirect][url]", "nowhere"), "url_invalid", "after_completion[redirect][url]"},
	} {
		owner := account
		if strings.HasPrefix(c.path, "/v1/account") {
			owner = "" // a call of the platform
		}
		status, body, _ := w.send(t, "POST", c.path, c.form, "Stripe-Account", owner)
		told := errorOf(body)
		code, _ := told["code"].(string)
		if status != 400 || code != c.code || told["param"] != c.param || told["message"] == "" {
			t.Errorf("%s: %d %v, want 400 %s %s", name, status, body, c.code, c.param)
		}
	}
	link := w.link(t, account, 500, "usd")
	for _, fixed := range []string{"submit_type", "currency", "application_fee_amount", "on_behalf_of"} {
		status, body, _ := w.send(t, "POST", "/v1/payment_links/"+link.ID, url.Values{fixed: {"pay"}}, "Stripe-Account", account)
		if status != 400 || errorOf(body)["code"] != "parameter_unknown" {
			t.Errorf("changing %s: %d %v", fixed, status, body)
		}
	}
}

func TestAmounts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, c := range []struct{ amount, currency, price, link string }{
		{"50", "usd", "", ""},
		{"49", "usd", "", "amount_too_small"},
		{"0", "usd", "", "amount_too_small"},
		{"30", "gbp", "", ""},
		{"49", "jpy", "", "amount_too_small"},
		{"5000", "JPY", "", ""},
		{"99999999", "usd", "", ""},
		{"100000000", "usd", "amount_too_large", ""},
		{"999999999", "inr", "", ""},
		{"-1", "usd", "parameter_invalid_integer", ""},
		{"12300", "isk", "", ""},
		{"12345", "isk", "invalid_charge_amount_no_decimal_compatible", ""},
		{"12345", "ugx", "invalid_charge_amount_no_decimal_compatible", ""},
		{"12345", "kwd", "invalid_charge_amount_no_decimal_compatible", ""},
		{"12340", "kwd", "", ""},
		{"500", "mga", "", ""},
		{"500", "xxx", "none", ""},
	} {
		name := c.amount + " " + c.currency
		status, price, _ := w.send(t, "POST", "/v1/prices", priceForm(c.amount, c.currency))
		code, _ := errorOf(price)["code"].(string)
		if c.price == "none" {
			c.price = ""
			if status != 400 {
				t.Errorf("%s: accepted", name)
			}
			continue
		}
		if code != c.price || (status == 200) != (c.price == "") {
			t.Errorf("price of %s: %d %v, want %q", name, status, price, c.price)
		}
		if status != 200 {
			continue
		}
		status, link, _ := w.send(t, "POST", "/v1/payment_links", url.Values{"line_items[0][price]": {price["id"].(string)}, "line_items[0][quantity]": {"1"}})
		code, _ = errorOf(link)["code"].(string)
		if code != c.link || (status == 200) != (c.link == "") {
			t.Errorf("link of %s: %d %v, want %q", name, status, link, c.link)
		}
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	var made []string
	for i := range 7 {
		_, price, _ := w.send(t, "POST", "/v1/prices", priceForm(fmt.Sprint(100+i), "usd"), "Stripe-Account", account)
		made = append([]string{price["id"].(string)}, made...)
	}
	page := func(query string) (ids []string, more bool) {
		t.Helper()
		_, body, _ := w.send(t, "GET", "/v1/prices?"+query, nil, "Stripe-Account", account)
		for _, price := range body["data"].([]any) {
			ids = append(ids, price.(map[string]any)["id"].(string))
		}
		return ids, body["has_more"].(bool)
	}
	for _, c := range []struct {
		query string
		want  []string
		more  bool
	}{
		{"", made, false},
		{"limit=3", made[:3], true},
		{"limit=7", made, false},
		{"limit=3&starting_after=" + made[2], made[3:6], true},
		{"limit=3&starting_after=" + made[3], made[4:], false},
		{"limit=3&ending_before=" + made[6], made[3:6], true},
		{"limit=3&ending_before=" + made[2], made[:2], false},
		{"created[gt]=99999999999", nil, false},
		{"created[gte]=1&created[lt]=99999999999", made, false},
	} {
		if ids, more := page(c.query); !slices.Equal(ids, c.want) || more != c.more {
			t.Errorf("%q: %v %v, want %v %v", c.query, ids, more, c.want, c.more)
		}
	}
	for _, query := range []string{"limit=0", "limit=101", "starting_after=price_none", "starting_after=" + account} {
		if status, body, _ := w.send(t, "GET", "/v1/prices?"+query, nil, "Stripe-Account", account); status != 400 {
			t.Errorf("%q: %d %v", query, status, body)
		}
	}
	list := &stripe.PriceListParams{}
	list.SetStripeAccount(account)
	list.Limit = stripe.Int64(2)
	var all []string
	it := w.api.Prices.List(list)
	for it.Next() {
		all = append(all, it.Price().ID)
	}
	if it.Err() != nil || !slices.Equal(all, made) {
		t.Errorf("all pages: %v %v, want %v", all, it.Err(), made)
	}
}

func TestRefundLimits(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	paid := w.session(t, account, w.paid(t, account, "4242424242424242")).PaymentIntent
	failed := w.session(t, account, w.paid(t, account, "4000000000000002")).PaymentIntent
	pending := w.session(t, account, w.paid(t, account, "000123456789")).PaymentIntent
	for _, c := range []struct {
		form   url.Values
		status int
		code   string
	}{
		{url.Values{}, 400, "parameter_missing"},
		{url.Values{"charge": {paid.LatestCharge.ID}, "amount": {"12346"}}, 400, ""},
		{url.Values{"charge": {paid.LatestCharge.ID}, "amount": {"0"}}, 400, "parameter_invalid_integer"},
		{url.Values{"charge": {failed.LatestCharge.ID}}, 400, ""},
		{url.Values{"payment_intent": {failed.ID}}, 400, ""},
		{url.Values{"charge": {pending.LatestCharge.ID}}, 400, ""},
		{url.Values{"charge": {paid.LatestCharge.ID}, "amount": {"12344"}}, 200, ""},
		{url.Values{"payment_intent": {paid.ID}, "amount": {"2"}}, 400, ""},
		{url.Values{"payment_intent": {paid.ID}}, 200, ""},
		{url.Values{"payment_intent": {paid.ID}}, 400, "charge_already_refunded"},
	} {
		status, body, _ := w.send(t, "POST", "/v1/refunds", c.form, "Stripe-Account", account)
		code, _ := errorOf(body)["code"].(string)
		if status != c.status || code != c.code {
			t.Errorf("%v: %d %v, want %d %s", c.form, status, body, c.status, c.code)
		}
	}
	_, charge, _ := w.send(t, "GET", "/v1/charges/"+paid.LatestCharge.ID, nil, "Stripe-Account", account)
	if charge["amount_refunded"] != 12345.0 || charge["refunded"] != true {
		t.Errorf("charge %v", charge)
	}
}

func TestLookupKeys(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	form := priceForm("500", "usd")
	form.Set("lookup_key", "inv-7")
	_, first, _ := w.send(t, "POST", "/v1/prices", form, "Stripe-Account", account)
	if status, body, _ := w.send(t, "POST", "/v1/prices", form, "Stripe-Account", account); status != 400 {
		t.Errorf("a lookup key twice: %d %v", status, body)
	}
	if status, body, _ := w.send(t, "POST", "/v1/prices", form, "Stripe-Account", w.account(t)); status != 200 {
		t.Errorf("a lookup key in another account: %d %v", status, body)
	}
	found := func() []any {
		_, list, _ := w.send(t, "GET", "/v1/prices?lookup_keys[]=inv-7&lookup_keys[]=other", nil, "Stripe-Account", account)
		return list["data"].([]any)
	}
	if got := found(); len(got) != 1 || got[0].(map[string]any)["id"] != first["id"] {
		t.Errorf("found %v", got)
	}
	form.Set("transfer_lookup_key", "true")
	_, second, _ := w.send(t, "POST", "/v1/prices", form, "Stripe-Account", account)
	if got := found(); len(got) != 1 || got[0].(map[string]any)["id"] != second["id"] {
		t.Errorf("after the transfer: %v", got)
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	session := w.session(t, account, w.paid(t, account, "4242424242424242"))
	charge := session.PaymentIntent.LatestCharge.ID
	if _, err := w.Refund(charge, 100); err != nil {
		t.Fatal(err)
	}
	params := &stripe.ChargeParams{}
	params.SetStripeAccount(account)
	params.AddExpand("refunds")
	got, err := w.api.Charges.Get(charge, params)
	if err != nil || got.Refunds == nil || len(got.Refunds.Data) != 1 || got.Refunds.Data[0].Amount != 100 {
		t.Errorf("%+v, %v", got, err)
	}
	list := &stripe.CheckoutSessionListParams{}
	list.SetStripeAccount(account)
	list.AddExpand("data.payment_intent.latest_charge")
	list.AddExpand("data.line_items")
	it := w.api.CheckoutSessions.List(list)
	if !it.Next() || it.CheckoutSession().PaymentIntent.LatestCharge.Amount != 12345 || it.CheckoutSession().LineItems.Data[0].Description != "Invoice INV-0007" {
		t.Errorf("%+v, %v", it.Current(), it.Err())
	}
	if status, body, _ := w.send(t, "GET", "/v1/charges/"+charge+"?expand[]=amount", nil, "Stripe-Account", account); status != 400 {
		t.Errorf("expanded an amount: %d %v", status, body)
	}
}

func idOf(list map[string]any, i int) string {
	items, _ := list["data"].([]any)
	if i >= len(items) {
		return "none"
	}
	return items[i].(map[string]any)["id"].(string)
}

// TestEveryCall makes every kind of call that the sandbox answers, so that each of them is
// compared with Stripe's description.
func TestEveryCall(t *testing.T) {
	t.Parallel()
	w := setup(t)
	hook := w.hook(t, true)
	account := w.account(t)
	s := w.session(t, account, w.paid(t, account, "4242424242424242"))
	link, intent, charge := s.PaymentLink.ID, s.PaymentIntent.ID, s.PaymentIntent.LatestCharge
	open := w.opened(t, w.link(t, account, 500, "usd").ID)
	refund, err := w.Refund(charge.ID, 500)
	if err != nil {
		t.Fatal(err)
	}
	var event struct{ ID string }
	if err := json.Unmarshal(w.Events(account)[0], &event); err != nil {
		t.Fatal(err)
	}
	_, endpoints, _ := w.send(t, "GET", "/v1/webhook_endpoints", nil)
	endpoint := endpoints["data"].([]any)[0].(map[string]any)
	if endpoint["secret"] != nil || endpoint["url"] != hook.url {
		t.Errorf("endpoint %v", endpoint)
	}
	endpointID := endpoint["id"].(string)
	_, product, _ := w.send(t, "POST", "/v1/products", url.Values{"name": {"Work"}, "description": {"By the hour"}}, "Stripe-Account", account)
	productID := product["id"].(string)
	_, price, _ := w.send(t, "POST", "/v1/prices", url.Values{"product": {productID}, "unit_amount": {"500"}, "currency": {"usd"}}, "Stripe-Account", account)
	priceID := price["id"].(string)

	disputed := w.session(t, account, w.paid(t, account, "4000000404000079")).PaymentIntent.LatestCharge.ID
	_, disputes, _ := w.send(t, "GET", "/v1/disputes?charge="+disputed, nil, "Stripe-Account", account)
	first, second := idOf(disputes, 0), idOf(disputes, 1)
	payout := func() string {
		_, made, _ := w.send(t, "POST", "/v1/payouts", url.Values{"amount": {"100"}, "currency": {"usd"}, "description": {"Weekly"}}, "Stripe-Account", account)
		id, _ := made["id"].(string)
		return id
	}
	for range 3 {
		w.paid(t, account, "4000000000000077") // money that is available at once
	}
	onItsWay := payout()
	pending := w.session(t, account, w.paid(t, account, "4000000000007726")).PaymentIntent.LatestCharge.ID
	pendingRefund, err := w.Refund(pending, 0)
	if err != nil {
		t.Fatal(err)
	}
	warning, err := w.WarnOfFraud(charge.ID)
	if err != nil {
		t.Fatal(err)
	}
	review, err := w.OpenReview(charge.ID)
	if err != nil {
		t.Fatal(err)
	}

	platform, connected := "", account
	for _, c := range []struct {
		account, method, path string
		form                  url.Values
	}{
		{platform, "GET", "/v1/account", nil},
		{connected, "GET", "/v1/account", nil},
		{platform, "GET", "/v1/accounts?limit=5", nil},
		{platform, "GET", "/v1/accounts/" + account, nil},
		{platform, "POST", "/v1/accounts/" + account, url.Values{"metadata[a]": {"b"}, "business_profile[name]": {"North"}}},
		{platform, "GET", "/v1/accounts/" + account + "/capabilities", nil},
		{platform, "GET", "/v1/accounts/" + account + "/capabilities/card_payments", nil},
		{platform, "POST", "/v1/accounts/" + account + "/login_links", nil},
		{platform, "POST", "/v1/account_links", url.Values{
			"account": {account}, "type": {"account_onboarding"}, "refresh_url": {"http://localhost:3000/refresh"},
			"return_url": {"http://localhost:3000/return"}, "collection_options[fields]": {"eventually_due"},
			"collection_options[future_requirements]": {"include"},
		}},
		{connected, "GET", "/v1/balance", nil},
		{platform, "GET", "/v1/balance", nil},
		{connected, "GET", "/v1/balance_transactions/" + charge.BalanceTransaction.ID, nil},
		{connected, "GET", "/v1/charges?payment_intent=" + intent, nil},
		{connected, "GET", "/v1/charges/" + charge.ID, nil},
		{connected, "GET", "/v1/checkout/sessions?payment_link=" + link + "&status=complete", nil},
		{connected, "GET", "/v1/checkout/sessions?payment_intent=" + intent, nil},
		{connected, "GET", "/v1/checkout/sessions/" + s.ID, nil},
		{connected, "GET", "/v1/checkout/sessions/" + s.ID + "/line_items", nil},
		{connected, "POST", "/v1/checkout/sessions/" + open + "/expire", nil},
		{connected, "GET", "/v1/events?types[0]=charge.succeeded&types[1]=charge.refunded&created[gte]=1", nil},
		{connected, "GET", "/v1/events?type=charge.*&delivery_success=true", nil},
		{connected, "GET", "/v1/events/" + event.ID, nil},
		{connected, "GET", "/v1/payment_intents?created[gt]=1", nil},
		{connected, "GET", "/v1/payment_intents/" + intent, nil},
		{connected, "GET", "/v1/payment_links?active=true", nil},
		{connected, "GET", "/v1/payment_links/" + link, nil},
		{connected, "POST", "/v1/payment_links/" + link, url.Values{"active": {"false"}, "metadata[a]": {""}, "inactive_message": {"Paid already"}}},
		{connected, "GET", "/v1/payment_links/" + link + "/line_items", nil},
		{connected, "GET", "/v1/prices?active=true&product=" + productID, nil},
		{connected, "GET", "/v1/prices/" + priceID, nil},
		{connected, "POST", "/v1/prices/" + priceID, url.Values{"active": {"false"}, "lookup_key": {"k"}}},
		{connected, "GET", "/v1/products?ids[]=" + productID, nil},
		{connected, "GET", "/v1/products/" + productID, nil},
		{connected, "POST", "/v1/products/" + productID, url.Values{"name": {"More work"}}},
		{connected, "GET", "/v1/refunds?charge=" + charge.ID, nil},
		{connected, "GET", "/v1/refunds?payment_intent=" + intent, nil},
		{connected, "GET", "/v1/refunds/" + refund, nil},
		{connected, "POST", "/v1/refunds/" + refund, url.Values{"metadata[a]": {"b"}}},
		{connected, "POST", "/v1/refunds/" + pendingRefund + "/cancel", nil},
		{connected, "POST", "/v1/checkout/sessions", url.Values{
			"mode": {"payment"}, "success_url": {"https://trak.test/i/abc"}, "line_items[0][quantity]": {"2"},
			"line_items[0][price_data][currency]": {"usd"}, "line_items[0][price_data][unit_amount]": {"750"},
			"line_items[0][price_data][product_data][name]": {"Work"}, "payment_intent_data[metadata][a]": {"b"},
		}},
		{connected, "GET", "/v1/balance_transactions?type=charge", nil},
		{connected, "GET", "/v1/disputes?charge=" + disputed, nil},
		{connected, "GET", "/v1/disputes/" + first, nil},
		{connected, "POST", "/v1/disputes/" + first, url.Values{"evidence[uncategorized_text]": {"winning_evidence"}, "submit": {"true"}}},
		{connected, "POST", "/v1/disputes/" + second + "/close", nil},
		{connected, "GET", "/v1/radar/early_fraud_warnings?payment_intent=" + intent, nil},
		{connected, "GET", "/v1/radar/early_fraud_warnings/" + warning, nil},
		{connected, "GET", "/v1/reviews?created[gte]=1", nil},
		{connected, "GET", "/v1/reviews/" + review + "?expand[]=charge", nil},
		{connected, "POST", "/v1/reviews/" + review + "/approve", nil},
		{connected, "GET", "/v1/payouts?status=pending&arrival_date[gte]=1", nil},
		{connected, "GET", "/v1/payouts/" + onItsWay, nil},
		{connected, "POST", "/v1/payouts/" + onItsWay, url.Values{"metadata[a]": {"b"}}},
		{connected, "POST", "/v1/payouts/" + payout() + "/cancel", nil},
		{platform, "GET", "/v1/webhook_endpoints/" + endpointID, nil},
		{platform, "POST", "/v1/webhook_endpoints/" + endpointID, url.Values{"enabled_events[]": {"charge.succeeded"}, "disabled": {"true"}}},
		{platform, "DELETE", "/v1/webhook_endpoints/" + endpointID, nil},
		{platform, "POST", "/v1/accounts/" + account + "/reject", url.Values{"reason": {"fraud"}}},
		{platform, "DELETE", "/v1/accounts/" + account, nil},
	} {
		status, body, header := w.send(t, c.method, c.path, c.form, "Stripe-Account", c.account)
		if status != 200 || !strings.HasPrefix(header.Get("Request-Id"), "req_") {
			t.Errorf("%s %s: %d %v", c.method, c.path, status, body)
		}
		if list, ok := body["data"].([]any); ok && len(list) == 0 {
			t.Errorf("%s %s lists nothing", c.method, c.path)
		}
	}
	if status, body, _ := w.send(t, "GET", "/v1/topups", nil); status != 404 || errorOf(body)["type"] != "invalid_request_error" {
		t.Errorf("a call it doesn't know: %d %v", status, body)
	}
}

func TestRequestLimits(t *testing.T) {
	t.Parallel()
	w := setup(t)
	large := url.Values{"currency": {strings.Repeat("x", 1<<20)}}
	if status, body, _ := w.send(t, "POST", "/v1/prices", large); status != 413 {
		t.Errorf("a large body: %d %v", status, body)
	}
	many := url.Values{}
	for i := range 1001 {
		many.Set(fmt.Sprintf("metadata[k%d]", i), "v")
	}
	if status, body, _ := w.send(t, "POST", "/v1/prices", many); status != 400 {
		t.Errorf("many parameters: %d %v", status, body)
	}
}

func TestSeededIDsRepeat(t *testing.T) {
	t.Parallel()
	id := func(seed uint64) string {
		s := sandbox.New(sandbox.Options{Seed: seed})
		r := httptest.NewRequest("GET", "http://127.0.0.1/v1/account", nil)
		r.Header.Set("Authorization", "Bearer "+key)
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, r)
		var account struct{ ID string }
		if err := json.Unmarshal(answer.Body.Bytes(), &account); err != nil {
			t.Fatal(err)
		}
		return account.ID
	}
	if id(7) != id(7) || id(7) == id(8) || id(0) == id(0) {
		t.Error("ids don't follow from the seed")
	}
}

func TestLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{":0", "0.0.0.0:0", "192.0.2.1:0", "example.com:0", "127.0.0.1"} {
		s := sandbox.New(sandbox.Options{})
		if err := s.Start(addr); err == nil {
			t.Errorf("listens on %s", addr)
			s.Close()
		}
	}
	s := sandbox.New(sandbox.Options{})
	if err := s.Start("localhost:0"); err != nil || !strings.HasPrefix(s.URL(), "http://localhost:") {
		t.Errorf("on localhost: %v, %s", err, s.URL())
	}
	defer s.Close()
	r := httptest.NewRequest("GET", "http://evil.example/", nil)
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, r)
	if answer.Code != http.StatusMisdirectedRequest {
		t.Errorf("answers under another name: %d", answer.Code)
	}
}
