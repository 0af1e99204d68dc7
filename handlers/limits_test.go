package handlers

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// from is a sign-in from an address, as a trusted proxy tells of it.
func (w *world) from(ip, email, pw string) answer {
	w.t.Helper()
	b := w.browser()
	b.get("/signin")
	return b.post("/signin", url.Values{"email": {email}, "password": {pw}}, "X-Forwarded-For", ip)
}

// D14 and D15: who guesses has to wait, whatever its headers say, and who is guessed has not.
func TestGuessing(t *testing.T) {
	t.Parallel()
	w := setup(t, behindProxy)
	w.user("mira@north.example")
	w.user("kim@north.example")
	in := w.browser()
	in.get("/signin")
	if a := in.post("/signin", url.Values{"email": {"mira@north.example"}, "password": {password}}, "X-Forwarded-For", "203.0.113.7"); a.status != 303 {
		t.Fatalf("%d", a.status)
	}
	for i := range 10 {
		if a := w.from(fmt.Sprintf("198.51.100.%d, 203.0.113.7", i), "mira@north.example", "wrong"); a.status != 422 {
			t.Fatalf("try %d: %d", i, a.status)
		}
	}
	for name, pw := range map[string]string{"wrong": "wrong", "right": password} {
		a := w.from("9.9.9.9, 203.0.113.7", "mira@north.example", pw)
		if a.status != 429 || a.Get("Retry-After") == "" || !strings.Contains(a.body, "Try again in ") {
			t.Errorf("the eleventh, with the %s password: %d", name, a.status)
		}
	}
	if a := in.get("/workspaces", "X-Forwarded-For", "203.0.113.7"); a.status != 200 {
		t.Errorf("the device that is signed in: %d", a.status)
	}
	if a := w.from("203.0.113.8", "mira@north.example", password); a.status != 303 {
		t.Errorf("the right password from another network: %d", a.status)
	}
	if a := w.from("203.0.113.7", "kim@north.example", password); a.status != 303 {
		t.Errorf("somebody else in the same network: %d", a.status)
	}
}

// D12: whether somebody has an account shows neither in the answer to a wrong password nor in
// when the limit is reached.
func TestLimitsKnowNoAccounts(t *testing.T) {
	t.Parallel()
	w := setup(t, behindProxy)
	w.user("mira@north.example")
	strip := func(s, email string) string {
		return csrfField.ReplaceAllString(strings.ReplaceAll(s, email, ""), "")
	}
	for i := range 12 {
		known := w.from("203.0.113.7", "mira@north.example", "wrong")
		unknown := w.from("203.0.113.8", "nina@north.example", "wrong")
		if known.status != unknown.status || known.status == 422 && strip(known.body, "mira@north.example") != strip(unknown.body, "nina@north.example") {
			t.Errorf("try %d: %d and %d, or another text", i, known.status, unknown.status)
		}
	}
}

// D13: nor in the time that it takes.
func TestSignInTakesAsLongForNobody(t *testing.T) {
	t.Parallel()
	w := setup(t, behindProxy)
	w.user("mira@north.example")
	fastest := map[string]time.Duration{"mira@north.example": time.Hour, "nina@north.example": time.Hour}
	for i := range 12 { // the fastest of each is what the machine's other work has least to do with
		for email := range fastest {
			began := time.Now()
			if a := w.from(fmt.Sprintf("203.0.113.%d", i), email, "wrong"); a.status != 422 {
				t.Fatalf("%d", a.status)
			}
			fastest[email] = min(fastest[email], time.Since(began))
		}
	}
	known, unknown := fastest["mira@north.example"], fastest["nina@north.example"]
	if max(known, unknown) > 3*min(known, unknown) { // without a password to check it is a tenth
		t.Errorf("%s for an account, %s for none", known, unknown)
	}
}

// D3: a token is all of it or nothing, and who tries many has to wait.
func TestTokensAreNotGuessed(t *testing.T) {
	t.Parallel()
	w := setup(t, behindProxy)
	link, err := w.app.SetupLink(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(link, "token=")
	ask := func(ip, token string) answer {
		return w.browser().get("/setup?token="+token, "X-Forwarded-For", ip)
	}
	for name, wrong := range map[string]string{
		"nothing": "", "a piece": token[:len(token)-1], "more": token + "A", "another case": strings.ToUpper(token), "its end": token[1:],
		"any": "%25", "as many of any": strings.Repeat("_", len(token)), "SQL": "%27%20OR%201%3D1--", "nul": token + "%00", "two": "x&token=" + token,
	} {
		if a := ask("203.0.113.1", wrong); a.status != 404 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	limited := false
	for range 100 { // thirty, and one more every two seconds
		if a := ask("203.0.113.2", "guess"); a.status == 429 {
			limited = a.Get("Retry-After") != ""
			break
		}
	}
	if !limited {
		t.Error("nobody has to wait")
	}
	b := w.browser()
	b.get(link, "X-Forwarded-For", "203.0.113.9")
	if a := b.post("/setup", url.Values{"token": {token}}, "X-Forwarded-For", "203.0.113.2"); a.status != 429 {
		t.Errorf("the form is sent all the same: %d", a.status)
	}
	if a := ask("203.0.113.9", token); a.status != 200 {
		t.Errorf("from another network: %d", a.status)
	}
}
