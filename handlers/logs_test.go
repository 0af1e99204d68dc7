package handlers_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"trak/app"
	"trak/sandbox"
)

// F13 and G18: a server to which every secret, every person and every text has come by every
// route, whose database panics with them, and which logs everything that it can, has logged none.
func TestLogsOfABusyWorld(t *testing.T) {
	t.Parallel()
	const canary = "CanaryText"
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	h := w.evilHalf(0, canary)
	for _, key := range keys(func(string, string, rule) bool { return true }) {
		r := rules[key]
		ids := []string{""}
		if r.of != "" {
			ids = []string{h.ids[r.of], canary}
		}
		for _, id := range ids {
			for _, req := range h.evilRequests(key, id, canary) {
				v := w.as("evil0")
				if r.may == anyone {
					v = w.client()
				}
				v.try(req)
			}
		}
	}
	stranger := w.client()
	for _, path := range []string{"/i/" + h.token + "?" + canary, "/i/" + canary, "/setup?token=" + canary, "/" + canary, "/w/" + canary + "/payments?q=" + canary} {
		stranger.get(path, "Authorization", "Bearer "+canary, "Cookie", "trak="+canary, "User-Agent", "x\u009b31m"+canary, "Referer", w.url+"/"+canary, "X-Forwarded-For", canary, "X-Request-Id", canary)
	}
	for range 3 {
		r, err := http.NewRequest(http.MethodPost, w.url+"/api/stripe/webhook", strings.NewReader(`{"id":"evt_`+canary+`"}`))
		must(t, err)
		r.Header.Set("Stripe-Signature", "t=1,v1="+canary)
		stranger.send(r)
	}

	// Faults whose text holds what it should not: in a request, and in the worker.
	secrets := "sk_live_" + canary + " whsec_" + canary + " trk_inv_" + canary + " Bearer " + canary + " kim." + canary + "@client.example " +
		w.url + "/i/" + canary + "?token=" + canary + " password=" + canary + " smtp://mail:" + canary + "@mx.example pi_1_secret_" + canary + "\x1b[2J\r\ntime=forged"
	failing := "-- name: "
	fault := func(query string) {
		if strings.Contains(query, failing) {
			panic(secrets)
		}
	}
	w.write.Store(&fault)
	if p := w.as("evil0").post("/theme", "theme", "dark"); p.status != http.StatusInternalServerError || strings.Contains(p.body, canary) {
		t.Errorf("a panic answers %d: %s", p.status, p.body)
	}
	w.write.Store(nil)
	failing = "-- name: ClaimLink"
	w.write.Store(&fault)
	_, err := w.app.CreateInvoice(context.Background(), w.north, app.InvoiceInput{ClientName: canary, Summary: canary, Amount: "5"}, true)
	must(t, err)
	logged := func() string {
		w.logging.Lock()
		defer w.logging.Unlock()
		return w.log.String()
	}
	w.until("the worker fails", func() bool { return strings.Contains(logged(), "background work failed") })
	w.write.Store(nil)

	log := logged()
	hidden := map[string]string{"Stripe's key": "sk_test_sandbox", "the password": secret, "the client's page": h.token, "an email": "@evil.example", "a name": "Eve ", "the form's token": w.as("evil0").token}
	for _, c := range w.as("evil0").client.Jar.Cookies(mustParse(t, w.url)) {
		hidden["the cookie "+c.Name] = c.Value
	}
	rows, err := w.raw().Query("SELECT name, CAST(value AS TEXT) FROM installation WHERE name LIKE 'webhook_secret%' UNION ALL SELECT 'user', password_hash FROM users")
	must(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name, value string
		must(t, rows.Scan(&name, &value))
		hidden[name] = value
	}
	must(t, rows.Err())
	for what, value := range hidden {
		if value == "" || strings.Contains(log, value) {
			t.Errorf("%s is in the log, or was not there: %q", what, value)
		}
	}
	for line := range strings.Lines(log) {
		if strings.Contains(strings.ToLower(line), strings.ToLower(canary)) {
			t.Errorf("the log tells: %s", line)
		}
		if !strings.HasPrefix(line, "time=2") || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("somebody forged a line: %q", line)
		}
	}
	for _, there := range []string{"panic in a transaction: [redacted]", "route=/i/:token", "level=DEBUG"} {
		if !strings.Contains(log, there) {
			t.Errorf("%q is not logged, so this test shows nothing", there)
		}
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	return u
}
