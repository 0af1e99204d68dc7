package connect

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestPriceAndLinkKeepTheKeysOfTheRequest(t *testing.T) {
	t.Parallel()
	c, rec := script(t, map[string]http.HandlerFunc{
		"POST /v1/prices":        say(200, `{"id":"price_1","object":"price"}`),
		"POST /v1/payment_links": say(200, `{"id":"plink_1","object":"payment_link","url":"https://buy.stripe.com/x","active":true}`),
	})
	for range 2 { // a retry sends the same keys
		price, err := c.CreatePrice(t.Context(), linkRequest())
		if err != nil || price != "price_1" {
			t.Fatal(price, err)
		}
		link, err := c.CreateLink(t.Context(), linkRequest(), price)
		if err != nil || link != (Link{"plink_1", "https://buy.stripe.com/x", true}) {
			t.Fatal(link, err)
		}
	}
	for i, want := range []string{"trak:inst-1:link:link-9:price", "trak:inst-1:link:link-9:link", "trak:inst-1:link:link-9:price", "trak:inst-1:link:link-9:link"} {
		made := rec.all()[i]
		if got := made.header.Get("Idempotency-Key"); got != want {
			t.Errorf("%s: key %q, want %q", made, got, want)
		}
		if got := made.header.Get("Stripe-Account"); got != testAccount {
			t.Errorf("%s: account %q", made, got)
		}
	}
}

func TestFindPriceNeverTakesAnotherAmount(t *testing.T) {
	t.Parallel()
	price := func(amount, currency string) http.HandlerFunc {
		return sayList(`{"id":"price_1","object":"price","lookup_key":"trak:inst-1:link-9","unit_amount":` + amount + `,"currency":"` + currency + `"}`)
	}
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		id     string
		fails  bool
	}{
		"ours":                {price("12345", "usd"), "price_1", false},
		"none":                {sayList(), "", false},
		"of another amount":   {price("12344", "usd"), "", true},
		"of another currency": {price("12345", "eur"), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := script(t, map[string]http.HandlerFunc{"GET /v1/prices": tt.answer})
			id, found, err := c.FindPrice(t.Context(), linkRequest())
			if id != tt.id || found != (tt.id != "") || (err != nil) != tt.fails {
				t.Errorf("got %q, %v, %v", id, found, err)
			}
		})
	}
}

func TestFindLink(t *testing.T) {
	t.Parallel()
	link := func(id, install, row string) string {
		return `{"id":"` + id + `","object":"payment_link","active":true,"url":"https://buy.stripe.com/` + id +
			`","metadata":{"trak_install_id":"` + install + `","trak_link_id":"` + row + `"}}`
	}
	c, _ := script(t, map[string]http.HandlerFunc{"GET /v1/payment_links": sayPages(
		link("plink_1", "inst-2", "link-9"), link("plink_2", "inst-1", "link-8"), link("plink_3", "inst-1", "link-9"))})
	got, found, err := c.FindLink(t.Context(), linkRequest())
	if err != nil || !found || got != (Link{"plink_3", "https://buy.stripe.com/plink_3", true}) {
		t.Errorf("got %+v, %v, %v", got, found, err)
	}
	r := linkRequest()
	r.LinkID = "link-never-made"
	if _, found, err := c.FindLink(t.Context(), r); found || err != nil {
		t.Errorf("a link that was never made: %v, %v", found, err)
	}
}

func TestAFailedPageIsNotTheEndOfTheList(t *testing.T) {
	t.Parallel()
	c, _ := script(t, map[string]http.HandlerFunc{"GET /v1/payment_links": func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("starting_after") != "" {
			w.WriteHeader(500)
			return
		}
		_, _ = io.WriteString(w, `{"object":"list","has_more":true,"data":[{"id":"plink_1","object":"payment_link"}]}`)
	}})
	_, _, err := c.FindLink(t.Context(), linkRequest())
	var e *Error
	if !errors.As(err, &e) || !e.Temporary() {
		t.Errorf("half a list was taken for all of it: %v", err)
	}
}

func TestCloseLink(t *testing.T) {
	t.Parallel()
	const (
		closed  = `{"id":"plink_1","object":"payment_link","active":false}`
		refused = `{"error":{"type":"invalid_request_error","message":"Only Checkout Sessions with a status in [\"open\"] can be expired."}}`
		link    = "POST /v1/payment_links/plink_1"
		list    = "GET /v1/checkout/sessions"
		expire1 = "POST /v1/checkout/sessions/cs_1/expire"
		expire2 = "POST /v1/checkout/sessions/cs_2/expire"
		read1   = "GET /v1/checkout/sessions/cs_1"
	)
	open := sayPages(`{"id":"cs_1","object":"checkout.session","status":"open"}`, `{"id":"cs_2","object":"checkout.session","status":"open"}`)
	expired := func(id string) http.HandlerFunc {
		return say(200, `{"id":"`+id+`","object":"checkout.session","status":"expired"}`)
	}
	tests := []struct {
		name   string
		routes map[string]http.HandlerFunc
		err    bool
		calls  string
	}{
		{"no session is open", map[string]http.HandlerFunc{link: say(200, closed), list: sayList()}, false, link + "\n" + list},
		{"two are open, on two pages", map[string]http.HandlerFunc{link: say(200, closed), list: open, expire1: expired("cs_1"), expire2: expired("cs_2")},
			false, strings.Join([]string{link, list, list, expire1, expire2}, "\n")},
		{"one completes meanwhile", map[string]http.HandlerFunc{link: say(200, closed), list: open, expire1: say(400, refused),
			read1: say(200, `{"id":"cs_1","object":"checkout.session","status":"complete"}`), expire2: expired("cs_2")},
			false, strings.Join([]string{link, list, list, expire1, read1, expire2}, "\n")},
		{"one is refused and stays open", map[string]http.HandlerFunc{link: say(200, closed), list: open, expire1: say(400, refused),
			read1: say(200, `{"id":"cs_1","object":"checkout.session","status":"open"}`)},
			true, strings.Join([]string{link, list, list, expire1, read1}, "\n")},
		{"Stripe fails while expiring", map[string]http.HandlerFunc{link: say(200, closed), list: open, expire1: say(503, "")},
			true, strings.Join([]string{link, list, list, expire1}, "\n")},
		{"Stripe says the session is still open", map[string]http.HandlerFunc{link: say(200, closed), list: open,
			expire1: say(200, `{"id":"cs_1","object":"checkout.session","status":"open"}`)},
			true, strings.Join([]string{link, list, list, expire1}, "\n")},
		{"Stripe says the link is still active", map[string]http.HandlerFunc{link: say(200, `{"id":"plink_1","object":"payment_link","active":true}`)}, true, link},
		{"an answer that says nothing of the link", map[string]http.HandlerFunc{link: say(200, `{}`)}, true, link},
		{"an answer that is no list", map[string]http.HandlerFunc{link: say(200, closed), list: say(200, `{}`)}, true, link + "\n" + list},
		{"an answer that says nothing of the session", map[string]http.HandlerFunc{link: say(200, closed), list: open, expire1: say(200, `{}`)},
			true, strings.Join([]string{link, list, list, expire1}, "\n")},
		{"the link is gone", map[string]http.HandlerFunc{link: say(404, saysMissing)}, false, link},
		{"the account is gone", map[string]http.HandlerFunc{link: say(403, saysGone)}, false, link},
		{"the account goes while listing", map[string]http.HandlerFunc{link: say(200, closed), list: say(403, saysGone)}, false, link + "\n" + list},
		{"a 403 of another kind", map[string]http.HandlerFunc{link: say(403, `{"error":{"type":"invalid_request_error","message":"This key may not do that"}}`)}, true, link},
		{"Stripe is down", map[string]http.HandlerFunc{link: say(500, `{"error":{"type":"api_error"}}`)}, true, link},
		{"the list fails", map[string]http.HandlerFunc{link: say(200, closed), list: say(500, "")}, true, link + "\n" + list},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, rec := script(t, tt.routes)
			err := c.CloseLink(t.Context(), testAccount, "plink_1")
			if (err != nil) != tt.err {
				t.Errorf("error: %v", err)
			}
			if got := rec.lines(); got != tt.calls {
				t.Errorf("calls:\n%s\nwant:\n%s", got, tt.calls)
			}
		})
	}
}
