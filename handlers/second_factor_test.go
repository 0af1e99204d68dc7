package handlers

import (
	"context"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"trak/auth"
)

var (
	keyText = regexp.MustCompile(`id="totp-key">([A-Z2-7 ]+)<`)
	qrImage = regexp.MustCompile(`src="data:image/png;base64,([^"]+)"`)
	oneCode = regexp.MustCompile(`<li><code>([a-z2-7 ]+)</code>`)
)

// secondFactor turns the second factor on in a browser that is signed in, and returns its key and
// the recovery codes.
func (b *browser) secondFactor() (auth.TOTPKey, []string) {
	t := b.w.t
	t.Helper()
	if a := b.post("/account/security/totp", nil); a.status != 303 || a.Get("Location") != "/account/security/totp" {
		t.Fatalf("set up: %d to %q", a.status, a.Get("Location"))
	}
	page := b.get("/account/security/totp")
	m := keyText.FindStringSubmatch(page.body)
	if m == nil || !qrImage.MatchString(page.body) {
		t.Fatalf("no key or no picture: %s", page.body)
	}
	key, err := auth.ParseTOTPKey("otpauth://totp/Trak:x?issuer=Trak&secret=" + strings.ReplaceAll(m[1], " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	on := b.post("/account/security/totp/on", url.Values{"code": {key.Code(b.w.now())}})
	var codes []string
	for _, m := range oneCode.FindAllStringSubmatch(on.body, -1) {
		codes = append(codes, m[1])
	}
	if on.status != 200 || len(codes) != 10 {
		t.Fatalf("turn on: %d with %d codes: %s", on.status, len(codes), on.body)
	}
	b.w.pass(time.Minute) // past the step whose code was used
	return key, codes
}

// firstStep is a browser in which the password was given.
func (w *world) firstStep(email string) *browser {
	w.t.Helper()
	b := w.browser()
	b.get("/signin")
	if a := b.post("/signin", url.Values{"email": {email}, "password": {password}, "next": {"/workspaces"}}); a.status != 200 || !strings.Contains(a.body, "Enter your code") {
		w.t.Fatalf("first step: %d %s", a.status, a.body)
	}
	return b
}

func (b *browser) code(code string) answer {
	b.w.t.Helper()
	return b.post("/signin/code", url.Values{"code": {code}, "next": {"/workspaces"}})
}

// D17: the first step opens the second and nothing else.
func TestFirstStepOpensNothingElse(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.stopClock()
	_, ws := w.user("mira@north.example")
	owner := w.signedIn("mira@north.example")
	key, _ := owner.secondFactor()
	b := w.firstStep("mira@north.example")
	for _, path := range []string{"/", "/workspaces", "/w/" + ws.Slug + "/payments", "/w/" + ws.Slug + "/clients", "/account/security", "/account/security/totp", "/confirm", "/dashboard/payments"} {
		if a := b.get(path); a.status != 303 || !strings.HasPrefix(a.Get("Location"), "/signin") {
			t.Errorf("%s: %d to %q", path, a.status, a.Get("Location"))
		}
	}
	b.get("/signin/code")
	for path, form := range map[string]url.Values{
		"/theme": {"theme": {"dark"}}, "/workspaces": {"workspace": {"X"}}, "/account/security/totp/off": {"current": {password}},
		"/account/security/password": {"current": {password}, "password": {"otter lamp quarry mint two"}}, "/account/security/sessions/end": {"session": {"everywhere"}},
		"/w/" + ws.Slug + "/payments/connect": {"country": {"AT"}}, "/confirm": {"confirm_password": {password}},
	} {
		if a := b.post(path, form); a.status != 303 || a.Get("Location") != "/signin" {
			t.Errorf("%s: %d to %q", path, a.status, a.Get("Location"))
		}
	}
	if a := b.get("/w/"+ws.Slug+"/payments/tiles", "HX-Request", "true"); a.status != 401 {
		t.Errorf("a poll: %d", a.status)
	}
	if list, err := w.app.SessionsOf(context.Background(), w.userID("mira@north.example")); err != nil || len(list) != 1 {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	t.Run("and the second step signs in, under another token", func(t *testing.T) {
		before := b.cookie
		if a := b.code(key.Code(w.now())); a.status != 303 || a.Get("Location") != "/workspaces" {
			t.Fatalf("%d to %q", a.status, a.Get("Location"))
		}
		if a := b.get("/workspaces"); a.status != 200 {
			t.Errorf("%d", a.status)
		}
		old := w.browser()
		old.cookie = before
		if a := old.get("/signin/code"); a.status != 303 || b.cookie == before {
			t.Errorf("the token between the steps still works: %d", a.status)
		}
	})
}

// D17: which codes are right, and how often.
func TestCodes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.stopClock()
	u, _ := w.user("mira@north.example")
	owner := w.signedIn("mira@north.example")
	setUp := w.now()
	key, recovery := owner.secondFactor()
	refused := func(t *testing.T, code string) {
		t.Helper()
		if a := w.firstStep("mira@north.example").code(code); a.status != 422 || !strings.Contains(a.body, "This code is not right") {
			t.Errorf("%q: %d", code, a.status)
		}
	}
	right := func(t *testing.T, code string) {
		t.Helper()
		if a := w.firstStep("mira@north.example").code(code); a.status != 303 {
			t.Errorf("%q: %d", code, a.status)
		}
	}
	t.Run("not those of two steps before or after, nor what is none", func(t *testing.T) {
		for _, code := range []string{key.Code(w.now().Add(-time.Minute)), key.Code(w.now().Add(time.Minute)), "", "0", "abcdef", recovery[0][:4]} {
			refused(t, code)
		}
	})
	t.Run("not the one that set it up", func(t *testing.T) {
		w.pass(-time.Minute)
		refused(t, key.Code(setUp))
		w.pass(time.Minute)
	})
	t.Run("once, and no older one afterwards", func(t *testing.T) {
		code, older := key.Code(w.now()), key.Code(w.now().Add(-30*time.Second))
		right(t, code[:3]+" "+code[3:])
		refused(t, code)
		refused(t, older)
	})
	t.Run("of two at once with the same code one gets in", func(t *testing.T) {
		w.pass(time.Minute)
		for i, code := range []string{key.Code(w.now()), recovery[1]} {
			var wg sync.WaitGroup
			statuses := make([]int, 8)
			for j := range statuses {
				b := w.firstStep("mira@north.example")
				wg.Add(1)
				go func() {
					defer wg.Done()
					statuses[j] = b.code(code).status
				}()
			}
			wg.Wait()
			in := 0
			for _, s := range statuses {
				if s == 303 {
					in++
				} else if s != 422 {
					t.Errorf("%d: %d", i, s)
				}
			}
			if in != 1 {
				t.Errorf("%d: %d get in: %v", i, in, statuses)
			}
			w.pass(16 * time.Minute) // the failures are forgotten
		}
	})
	t.Run("a recovery code once, however it is typed, and the rest are counted", func(t *testing.T) {
		right(t, " "+strings.ToUpper(strings.ReplaceAll(recovery[2], " ", "-")))
		refused(t, recovery[2])
		if a := owner.get("/account/security"); !strings.Contains(a.body, `<b class="num">8</b> of your recovery codes are left`) {
			t.Errorf("the page does not say how many are left: %s", a.body)
		}
		w.pass(16 * time.Minute)
	})
	t.Run("new recovery codes take the place of the old ones", func(t *testing.T) {
		owner.get("/account/security")
		a := owner.post("/account/security/codes", url.Values{"confirm_password": {password}})
		m := oneCode.FindStringSubmatch(a.body)
		if a.status != 200 || m == nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
		refused(t, recovery[3])
		right(t, m[1])
		for _, code := range append(recovery, m[1]) {
			if w.databaseHolds(code) || w.databaseHolds(auth.PlainCode(code)) {
				t.Error("a recovery code is stored as it is")
			}
		}
		if w.databaseHolds("otpauth://") || w.databaseHolds(strings.ReplaceAll(key.Text(), " ", "")) {
			t.Error("the key is stored as it is")
		}
	})
	t.Run("guessing is slowed down, for recovery codes as well", func(t *testing.T) {
		w.pass(16 * time.Minute)
		b := w.firstStep("mira@north.example")
		for range 10 {
			refused(t, "no code")
		}
		a := b.code(key.Code(w.now()))
		if wait, err := strconv.Atoi(a.Get("Retry-After")); a.status != 429 || err != nil || wait < 30 {
			t.Errorf("the eleventh: %d, Retry-After %q", a.status, a.Get("Retry-After"))
		}
		if a := b.code(recovery[9]); a.status != 429 {
			t.Errorf("a recovery code: %d", a.status)
		}
		w.pass(16 * time.Minute)
	})
	t.Run("the first step ends after ten minutes, and with the password", func(t *testing.T) {
		late := w.firstStep("mira@north.example")
		w.pass(10 * time.Minute)
		if a := late.code(key.Code(w.now())); a.status != 303 || a.Get("Location") != "/signin" {
			t.Errorf("%d to %q", a.status, a.Get("Location"))
		}
		b := w.firstStep("mira@north.example")
		if err := w.app.ChangePassword(context.Background(), u.ID, password, "otter lamp quarry mint two", "192.0.2.1", ""); err != nil {
			t.Fatal(err)
		}
		if a := b.code(key.Code(w.now())); a.status != 303 || a.Get("Location") != "/signin" {
			t.Errorf("%d to %q", a.status, a.Get("Location"))
		}
	})
}

// A second factor is off until a right code was given, and another person's key is not taken.
func TestSecondFactorIsTurnedOnAndOff(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.stopClock()
	w.user("mira@north.example")
	b := w.signedIn("mira@north.example")
	b.post("/account/security/totp", nil)
	page := b.get("/account/security/totp")
	if a := b.post("/account/security/totp/on", url.Values{"code": {"000 000"}}); a.status != 422 || !strings.Contains(a.body, "This is not the code that your app shows now") || !strings.Contains(a.body, keyText.FindString(page.body)) {
		t.Errorf("a wrong code: %d", a.status)
	}
	if a := w.signedIn("mira@north.example").get("/account/security"); !strings.Contains(a.body, "Go on with what you began") {
		t.Error("it is on, or forgotten")
	}
	key, codes := b.secondFactor()
	if a := b.get("/account/security/totp"); a.status != 303 {
		t.Errorf("the key is shown again: %d", a.status)
	}
	if a := b.post("/account/security/totp", nil); a.status != 303 || a.Get("Location") != "/account/security" {
		t.Errorf("another key takes its place: %d to %q", a.status, a.Get("Location"))
	}
	b.get("/account/security/totp/off")
	for _, wrong := range []url.Values{{"current": {"wrong"}, "code": {key.Code(w.now())}}, {"current": {password}, "code": {"000000"}}, {"current": {password}}} {
		if a := b.post("/account/security/totp/off", wrong); a.status != 422 || strings.Contains(a.body, "wrong\"") {
			t.Errorf("off with %v: %d", wrong, a.status)
		}
	}
	w.firstStep("mira@north.example")
	before := b.cookie
	if a := b.post("/account/security/totp/off", url.Values{"current": {password}, "code": {key.Code(w.now())}}); a.status != 303 || b.cookie == before {
		t.Fatalf("off: %d, or the token stays", a.status)
	}
	w.signedIn("mira@north.example")
	if a := b.post("/account/security/codes", nil); a.status != 303 {
		t.Errorf("codes for nothing: %d", a.status)
	}
	for _, code := range codes {
		if len(strings.ReplaceAll(code, " ", "")) != 16 {
			t.Errorf("code %q", code)
		}
	}
	if n := w.number("SELECT count(*) FROM recovery_codes"); n != 0 {
		t.Errorf("%d recovery codes stay", n)
	}
	if n := w.number("SELECT count(*) FROM messages WHERE subject IN ('Your second factor is on', 'Your second factor is off')"); n != 2 {
		t.Errorf("%d messages tell of it", n)
	}
}

func (w *world) userID(email string) string {
	w.t.Helper()
	u, err := w.app.SignIn(context.Background(), email, password, "192.0.2.200")
	if err != nil {
		w.t.Fatal(err)
	}
	return u.ID
}
