package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"trak/handlers"
)

// guarded are the routes before which people show once more who they are. Take h.confirmed from
// one of them, and this fails.
var guarded = []string{
	"POST /w/:slug/payments/refund/:id", "POST /w/:slug/payments/refund/:id/retry",
	"POST /w/:slug/payments/connect", "POST /w/:slug/payments/connect/continue", "GET /w/:slug/payments/connect/refresh",
	"POST /w/:slug/payments/connect/dashboard", "POST /w/:slug/payments/connect/disconnect",
	"POST /account/security/totp", "GET /account/security/totp", "POST /account/security/totp/on", "POST /account/security/codes",
	"POST /account/security/passkeys", "POST /account/security/passkeys/remove",
}

func TestConfirmIsAskedForFirst(t *testing.T) {
	t.Parallel()
	w, north, _ := newHalves(t)
	v := w.as("owner")
	w.advance(10*time.Minute + time.Second)
	before := w.rows("")
	for _, key := range guarded {
		r := north.request(key, north.slug, north.ids[rules[key].of])
		p := v.try(r)
		if r.method == http.MethodGet {
			if p.status != http.StatusSeeOther || !strings.HasPrefix(p.header.Get("Location"), "/confirm?next=%2F") {
				t.Errorf("%s: %d to %q", key, p.status, p.header.Get("Location"))
			}
			if p := v.try(r, asHTMX("x", w.url+"/w/here")...); p.status != http.StatusUnauthorized || p.header.Get("HX-Redirect") != "/confirm?next=%2Fw%2Fhere" {
				t.Errorf("%s by htmx: %d to %q", key, p.status, p.header.Get("HX-Redirect"))
			}
			continue
		}
		p.has(t, http.StatusUnauthorized, "<h1>Confirm it's you</h1>", `action="`+r.path+`"`, `autocomplete="current-password"`)
		for i := 0; i < len(r.form); i += 2 {
			p.has(t, http.StatusUnauthorized, `name="`+r.form[i]+`"`)
		}
		if p := v.try(r, asHTMX("x", w.url)...); p.status != http.StatusOK || p.header.Get("HX-Retarget") != "body" || !strings.Contains(p.body, `action="`+r.path+`"`) {
			t.Errorf("%s by htmx: %d", key, p.status)
		}
	}
	w.unchanged(t, before, "", "what has to be confirmed")
}

// What was typed is not lost, and done once.
func TestConfirmThenRefund(t *testing.T) {
	t.Parallel()
	w, north, _ := newHalves(t)
	v := w.newcomer("mira@north.example")
	w.advance(11 * time.Minute)
	path := "/w/" + north.slug + "/payments/refund/" + north.make(payment)
	key := nobodys()
	fields := []string{"form_key", key, "amount", "5", "reason", "duplicate", "note", "Twice, \"sorry\"\nMira <b>", "still_owed", "1"}
	asked := v.post(path, fields...)
	asked.has(t, http.StatusUnauthorized, "Confirm it", `name="amount" value="5"`, `name="note" value="Twice, &#34;sorry&#34;`, `Mira &lt;b&gt;"`, `name="still_owed" value="1"`)
	for _, wrong := range [][]string{{"confirm_password", "wrong"}, {"confirm_code", "000000"}, {"confirm_passkey", "{}"}} {
		v.post(path, append(wrong, fields...)...).has(t, http.StatusUnprocessableEntity, `role="alert"`, `name="amount" value="5"`)
	}
	session := v.session()
	v.post(path, append([]string{"confirm_password", secret}, fields...)...).has(t, http.StatusSeeOther)
	if v.session() == session {
		t.Error("the session kept its token")
	}
	v.get(path).has(t, http.StatusOK, "5.00")
	var n int
	must(t, w.raw().QueryRow("SELECT count(*) FROM refund_requests WHERE note LIKE 'Twice, \"sorry\"%'").Scan(&n))
	if n != 1 {
		t.Errorf("%d refunds are asked for", n)
	}
	t.Run("ten minutes count, no more", func(t *testing.T) {
		w.advance(9 * time.Minute)
		v.post("/account/security/totp").has(t, http.StatusSeeOther)
		w.advance(time.Minute)
		v.post("/account/security/totp").has(t, http.StatusUnauthorized)
	})
	t.Run("a page comes back to its address", func(t *testing.T) {
		v.get("/account/security/totp").has(t, http.StatusSeeOther)
		v.get("/confirm?next=/account/security/totp").has(t, http.StatusOK, `name="next" value="/account/security/totp"`)
		v.get("/confirm?next=https://evil.example").has(t, http.StatusOK, `name="next" value="/"`)
		p := v.post("/confirm", "next", "/account/security/totp", "confirm_password", secret)
		p.has(t, http.StatusSeeOther)
		if to := p.header.Get("Location"); to != "/account/security/totp" {
			t.Errorf("leads to %q", to)
		}
		v.get("/account/security/totp").has(t, http.StatusOK, "data:image/png;base64,")
	})
	t.Run("guessing is slowed down", func(t *testing.T) {
		w.advance(20 * time.Minute)
		for range 10 {
			v.post("/confirm", "next", "/", "confirm_password", "wrong").has(t, http.StatusUnprocessableEntity)
		}
		v.post("/confirm", "next", "/", "confirm_password", secret).has(t, http.StatusTooManyRequests, "Try again in")
	})
}

// The demo's passwords are no secret, and the page says them.
func TestConfirmInTheDemo(t *testing.T) {
	t.Parallel()
	w := newWhole(t, func(c *handlers.Config) {
		c.Demo = &handlers.Demo{SandboxURL: c.StripeBase, Accounts: []handlers.DemoAccount{{Role: "Owner", Email: "mira@north.example", Password: secret}}}
	})
	v := w.newcomer("mira@north.example")
	w.advance(11 * time.Minute)
	v.get("/confirm").has(t, http.StatusOK, "<code>"+secret+"</code>")
	v = w.newcomer("ada@north.example")
	w.advance(11 * time.Minute)
	v.get("/confirm").lacks(t, secret)
}
