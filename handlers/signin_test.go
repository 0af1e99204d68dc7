package handlers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// Attacks D6, D7 and D9.
func TestSignIn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, ws := w.user("mira@north.example")

	b := w.browser()
	page := b.get("/signin?next=/w/" + ws.Slug + "/clients%3Fq=1")
	for _, want := range []string{`<label for="email">Email</label>`, `<label for="password">Password</label>`, `>Sign in</button>`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(page.body, "Continue as") {
		t.Error("the demo's buttons are there")
	}
	before := b.session()
	if before == "" || b.token == "" {
		t.Fatal("the form has no token")
	}

	t.Run("leads to the page that was wanted, under a new token", func(t *testing.T) {
		a := b.post("/signin", url.Values{"email": {" MIRA@north.example "}, "password": {password}, "next": {"/w/" + ws.Slug + "/clients?q=1"}})
		if a.status != 303 || a.Get("Location") != "/w/"+ws.Slug+"/clients?q=1" {
			t.Fatalf("%d to %q", a.status, a.Get("Location"))
		}
		if b.session() == before {
			t.Error("the session kept its token")
		}
		if cookie := a.Get("Set-Cookie"); !strings.HasPrefix(cookie, "trak=") || !strings.Contains(cookie, "HttpOnly") ||
			!strings.Contains(cookie, "SameSite=Lax") || !strings.Contains(cookie, "path=/") || strings.Contains(strings.ToLower(cookie), "domain") {
			t.Errorf("cookie %q", cookie)
		}
		if a := b.get("/workspaces"); a.status != 200 || !strings.Contains(a.body, "mira Studio") {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("the token from before is dead, and a chosen one is not taken over", func(t *testing.T) {
		for _, token := range []string{before, "chosen-by-somebody-else"} {
			old := w.browser()
			old.cookie = "trak=" + token
			if a := old.get("/workspaces"); a.status != 303 {
				t.Errorf("%d", a.status)
			}
			if a := old.get("/signin"); a.status != 200 || old.session() == token {
				t.Errorf("%d, the token stays", a.status)
			}
		}
	})
	t.Run("tokens rest as hashes", func(t *testing.T) {
		if w.databaseHolds(b.session()) {
			t.Error("the database holds the token")
		}
	})
	t.Run("who is signed in already goes on", func(t *testing.T) {
		if a := b.get("/signin?next=/workspaces"); a.status != 303 || a.Get("Location") != "/workspaces" {
			t.Errorf("%d to %q", a.status, a.Get("Location"))
		}
	})
	t.Run("out and in", func(t *testing.T) {
		session := b.cookie
		if a := b.post("/signout", nil); a.status != 303 || a.Get("Location") != "/signin" || b.cookie != "" {
			t.Fatalf("%d to %q, cookie %q", a.status, a.Get("Location"), b.cookie)
		}
		b.cookie = session
		if a := b.get("/workspaces"); a.status != 303 || a.Get("Location") != "/signin?next=%2Fworkspaces" {
			t.Errorf("%d to %q", a.status, a.Get("Location"))
		}
	})
}

// Attack D9.
func TestCookieOverHTTPS(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.AppURL = "https://trak.example" })
	a := w.browser().get("/signin")
	if cookie := a.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-trak=") || !strings.Contains(cookie, "secure") && !strings.Contains(cookie, "Secure") {
		t.Errorf("cookie %q", cookie)
	}
	if a.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security")
	}
}

// A request that began before signing out must not bring the session back.
// Attack D7.
func TestLateCommitAfterSignOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.user("mira@north.example")
	b := w.signedIn("mira@north.example")
	cookie := b.cookie
	late, err := w.h.session.Load(context.Background(), b.session())
	if err != nil {
		t.Fatal(err)
	}
	b.post("/signout", nil)
	w.h.session.Put(late, "x", "y")
	if _, _, err := w.h.session.Commit(late); err != nil {
		t.Fatal(err)
	}
	b.cookie = cookie
	if a := b.get("/workspaces"); a.status != 303 {
		t.Errorf("the session lives again: %d", a.status)
	}
}

// Attack D8.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	t.Run("a day after the last page", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		w.user("mira@north.example")
		b := w.signedIn("mira@north.example")
		for range 3 {
			w.pass(20 * time.Hour)
			if a := b.get("/workspaces"); a.status != 200 {
				t.Fatalf("in use, and ended: %d", a.status)
			}
		}
		w.pass(24*time.Hour + time.Minute)
		if a := b.get("/workspaces"); a.status != 303 {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("two weeks after signing in, though in use", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		w.user("mira@north.example")
		b := w.signedIn("mira@north.example")
		for range 16 {
			w.pass(20 * time.Hour)
			b.get("/workspaces")
		}
		w.pass(17 * time.Hour)
		if a := b.get("/workspaces"); a.status != 303 {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("everywhere when it is ended everywhere", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		u, _ := w.user("mira@north.example")
		one, two := w.signedIn("mira@north.example"), w.signedIn("mira@north.example")
		if err := w.app.EndSessionsOf(context.Background(), u.ID); err != nil {
			t.Fatal(err)
		}
		for _, b := range []*browser{one, two} {
			if a := b.get("/workspaces"); a.status != 303 {
				t.Errorf("%d", a.status)
			}
		}
	})
}

// Attack D8.
func TestPoll(t *testing.T) {
	t.Parallel()
	w := setup(t)
	u, ws := w.user("mira@north.example")
	_, other := w.user("ada@south.example")
	b := w.signedIn("mira@north.example")
	polls := fiber.New(fiber.Config{Immutable: true})
	polls.Use(w.h.begin)
	polls.Get("/w/:slug/status", w.h.poll(app.ViewInvoices), func(c *fiber.Ctx) error {
		page, err := w.h.page(c, "", "")
		if err != nil {
			return err
		}
		return c.SendString(page.CSRF)
	})
	poll := func(slug, cookie string, htmx bool) (int, http.Header) {
		r, _ := http.NewRequest(http.MethodGet, "/w/"+slug+"/status", nil)
		r.Host = "trak.example"
		r.Header.Set("Cookie", cookie)
		if htmx {
			r.Header.Set("HX-Request", "true")
			r.Header.Set("HX-Current-URL", origin+"/w/"+slug+"/payments/invoices")
		}
		res, err := polls.Test(r, -1)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode, res.Header
	}
	if status, _ := poll(ws.Slug, b.cookie, true); status != 200 {
		t.Fatalf("%d", status)
	}
	if status, _ := poll(other.Slug, b.cookie, true); status != 404 {
		t.Errorf("another workspace: %d", status)
	}
	if status, header := poll(ws.Slug, "trak=nobody", true); status != 401 ||
		header.Get("HX-Redirect") != "/signin?next="+url.QueryEscape("/w/"+ws.Slug+"/payments/invoices") {
		t.Errorf("signed out: %d to %q", status, header.Get("HX-Redirect"))
	}
	t.Run("doesn't keep the session alive", func(t *testing.T) {
		for range 5 {
			w.pass(5 * time.Hour)
			if status, header := poll(ws.Slug, b.cookie, true); header.Get("Set-Cookie") != "" {
				t.Errorf("%d, and a cookie", status)
			}
		}
		if status, _ := poll(ws.Slug, b.cookie, true); status != 401 {
			t.Errorf("after 25 hours of polls alone: %d", status)
		}
	})
	t.Run("ends at once when somebody signs out or is thrown out", func(t *testing.T) {
		b := w.signedIn("mira@north.example")
		cookie := b.cookie
		poll(ws.Slug, cookie, true)
		b.post("/signout", nil)
		if status, _ := poll(ws.Slug, cookie, true); status != 401 {
			t.Errorf("signed out: %d", status)
		}
		b = w.signedIn("mira@north.example")
		poll(ws.Slug, b.cookie, true)
		if err := w.app.EndSessionsOf(context.Background(), u.ID); err != nil {
			t.Fatal(err)
		}
		if status, _ := poll(ws.Slug, b.cookie, true); status != 401 {
			t.Errorf("thrown out: %d", status)
		}
	})
}

func TestMembersMayNotDoWhatAdminsMay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, ws := w.user("mira@north.example")
	jon, err := w.app.CreateUser(context.Background(), app.NewUser{Email: "jon@north.example", Name: "Jon Bell", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.app.AddMember(context.Background(), ws.ID, jon.ID, app.Member); err != nil {
		t.Fatal(err)
	}
	ok := func(c *fiber.Ctx) error { return c.SendString("done") }
	f := fiber.New(fiber.Config{Immutable: true})
	f.Use(w.h.begin)
	f.Get("/w/:slug/status", w.h.poll(app.ManageStripe), ok)
	f.Use(w.h.limitTime, w.h.withSession)
	f.Group("/w/:slug", w.h.signedIn, w.h.inWorkspace).Get("/connect", w.h.may(app.ManageStripe), ok)
	for email, want := range map[string]int{"mira@north.example": 200, "jon@north.example": 403} {
		for _, path := range []string{"/status", "/connect"} {
			r, _ := http.NewRequest(http.MethodGet, "/w/"+ws.Slug+path, nil)
			r.Host = "trak.example"
			r.Header.Set("Cookie", w.signedIn(email).cookie)
			res, err := f.Test(r, -1)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != want || want == 403 && !strings.Contains(string(body), "Only owners and admins can manage the Stripe connection. Ask mira.") {
				t.Errorf("%s at %s: %d %s", email, path, res.StatusCode, body)
			}
		}
	}
}

// Attacks D12 and D15.
func TestWrongSignIn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.user("mira@north.example")
	try := func(b *browser, email, pw string, headers ...string) answer {
		b.get("/signin")
		return b.post("/signin", url.Values{"email": {email}, "password": {pw}}, headers...)
	}
	strip := func(s, email string) string {
		return csrfField.ReplaceAllString(strings.ReplaceAll(s, email, ""), "")
	}
	t.Run("an unknown email is answered like a wrong password", func(t *testing.T) {
		known := try(w.browser(), "mira@north.example", "wrong")
		unknown := try(w.browser(), "nina@north.example", "wrong")
		if known.status != 422 || known.status != unknown.status || strip(known.body, "mira@north.example") != strip(unknown.body, "nina@north.example") {
			t.Errorf("%d and %d, or another text", known.status, unknown.status)
		}
		if !strings.Contains(known.body, `value="mira@north.example"`) || strings.Contains(known.body, "wrong") {
			t.Error("the email is lost, or the password comes back")
		}
	})
	t.Run("the eleventh is refused for a while, whatever X-Forwarded-For says", func(t *testing.T) {
		b := w.browser()
		var last answer
		for i := range 12 {
			last = try(b, "mira@north.example", "wrong", "X-Forwarded-For", "198.51.100."+string(rune('0'+i%10)))
		}
		wait, err := strconv.Atoi(last.Get("Retry-After"))
		if last.status != 429 || err != nil || wait > 90 || wait < 45 || !strings.Contains(last.body, fmt.Sprintf("Try again in %d seconds.", wait)) {
			t.Fatalf("%d, Retry-After %q", last.status, last.Get("Retry-After"))
		}
		if a := try(b, "mira@north.example", password); a.status != 429 {
			t.Errorf("the right password passes: %d", a.status)
		}
		w.pass(90 * time.Second)
		if a := try(b, "mira@north.example", password); a.status != 303 {
			t.Errorf("after the wait: %d", a.status)
		}
	})
}

func TestDemoSignIn(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) {
		c.Demo = &Demo{SandboxURL: "http://localhost:4000", Accounts: []DemoAccount{{"owner", "mira@north.example", password}}}
	})
	w.user("mira@north.example")
	b := w.browser()
	a := b.get("/signin")
	if !strings.Contains(a.body, ">Continue as owner</button>") || !strings.Contains(a.Get("Content-Security-Policy"), "http://localhost:4000") {
		t.Error(a.body)
	}
	if a := b.post("/demo/signin", url.Values{"role": {"admin"}}); a.status != 404 {
		t.Errorf("an account that is not there: %d", a.status)
	}
	if a := b.post("/demo/signin", url.Values{"role": {"owner"}}); a.status != 303 || a.Get("Location") != "/" {
		t.Errorf("%d to %q", a.status, a.Get("Location"))
	}
	plain := setup(t)
	b = plain.browser()
	b.get("/signin")
	if a := b.post("/demo/signin", url.Values{"role": {"owner"}}); a.status != 404 {
		t.Errorf("outside of the demo: %d", a.status)
	}
}

func TestSetup(t *testing.T) {
	t.Parallel()
	w := setup(t)
	path, err := w.app.SetupLink(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(path, "token=")
	b := w.browser()
	if a := b.get("/setup?token=guessed"); a.status != 404 {
		t.Errorf("a guessed token: %d", a.status)
	}
	if a := b.get("/setup"); a.status != 404 {
		t.Errorf("no token: %d", a.status)
	}
	page := b.get(path, "Accept-Language", "de-AT,de;q=0.9")
	for _, want := range []string{
		`<label for="name">Your name</label>`, `<label for="email">Email</label>`, `<label for="password">Password</label>`,
		`<label for="workspace">Workspace name</label>`, `<label for="country">Country</label>`, `<label for="currency">Currency</label>`,
		`<label for="time_zone">Time zone</label>`, `>Create workspace</button>`,
		`<option value="AT" selected>Austria</option>`, `<option value="eur" selected>`, `<option selected>Europe/Vienna</option>`,
		`autocomplete="new-password"`,
	} {
		if !strings.Contains(page.body, want) {
			t.Errorf("%s is missing", want)
		}
	}
	input := func() url.Values {
		return url.Values{
			"token": {token}, "name": {"Mira Osei"}, "email": {"mira@north.example"}, "password": {password},
			"workspace": {"North & Söhne"}, "country": {"AT"}, "currency": {"eur"}, "time_zone": {"Europe/Vienna"}, "locale": {"de-AT"},
		}
	}
	t.Run("what is wrong is said beside the field, and what was typed stays", func(t *testing.T) {
		in := input()
		in.Set("password", "password1234")
		in.Set("currency", "xxx")
		a := b.post("/setup", in)
		if a.status != 422 || !strings.Contains(a.body, "Choose a currency") || !strings.Contains(a.body, "Many people use this one") ||
			!strings.Contains(a.body, `value="North &amp; Söhne"`) || !strings.Contains(a.body, `aria-describedby="password-error"`) || strings.Count(a.body, " autofocus") != 1 ||
			strings.Contains(a.body, "password1234") {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("of two at once one wins", func(t *testing.T) {
		var wg sync.WaitGroup
		statuses := make([]int, 2)
		where := make([]string, 2)
		for i, email := range []string{"mira@north.example", "mallory@evil.example"} {
			one := w.browser()
			one.get(path)
			wg.Add(1)
			go func() {
				defer wg.Done()
				in := input()
				in.Set("email", email)
				a := one.post("/setup", in)
				statuses[i], where[i] = a.status, a.Get("Location")
			}()
		}
		wg.Wait()
		if statuses[0]+statuses[1] != 303+404 || where[0]+where[1] != "/w/north-sohne/payments/connect" {
			t.Errorf("%v %v", statuses, where)
		}
	})
	t.Run("and then it is closed", func(t *testing.T) {
		if a := w.browser().get(path); a.status != 404 {
			t.Errorf("%d", a.status)
		}
		if path, err := w.app.SetupLink(context.Background()); path != "" || err != nil {
			t.Errorf("another link: %q, %v", path, err)
		}
	})
}

func TestWorkspaces(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, north := w.user("mira@north.example")
	_, foreign := w.user("ada@foreign.example")
	b := w.signedIn("mira@north.example")
	a := b.post("/workspaces", url.Values{"workspace": {"South"}, "country": {"AT"}, "currency": {"eur"}, "time_zone": {"UTC"}})
	if a.status != 303 || a.Get("Location") != "/w/south/payments/connect" {
		t.Fatalf("%d to %q", a.status, a.Get("Location"))
	}
	leads := func(path, to string) {
		t.Helper()
		if a := b.get(path); a.status != 303 || a.Get("Location") != to {
			t.Errorf("%s: %d to %q", path, a.status, a.Get("Location"))
		}
	}
	leads("/", "/w/south/payments")
	a = b.post("/workspaces/switch", url.Values{"slug": {north.Slug}}, "Referer", origin+"/w/south/payments/invoices/0190?tab=x")
	if a.status != 303 || a.Get("Location") != "/w/"+north.Slug+"/payments/invoices" {
		t.Errorf("switch: %d to %q", a.status, a.Get("Location"))
	}
	leads("/dashboard/payments", "/w/"+north.Slug+"/payments")
	leads("/dashboard/payments/connect", "/w/"+north.Slug+"/payments/connect")
	leads("/dashboard/payments/invoices", "/w/"+north.Slug+"/payments/invoices")
	leads("/dashboard/payments/invoices/0190-1?x=1", "/w/"+north.Slug+"/payments/invoices/0190-1?x=1")
	if a := b.post("/workspaces/switch", url.Values{"slug": {foreign.Slug}}); a.status != 404 {
		t.Errorf("switch to another's: %d", a.status)
	}
	if a, none := b.get("/w/"+foreign.Slug+"/payments/none"), b.get("/w/nowhere/payments/none"); a.status != 404 || none.status != 404 {
		t.Errorf("another's %d, none %d", a.status, none.status)
	}
	if a := b.post("/workspaces", url.Values{"workspace": {""}, "country": {"XX"}}); a.status != 422 || !strings.Contains(a.body, "Choose a country") {
		t.Errorf("%d", a.status)
	}
	if a := b.post("/theme", url.Values{"theme": {"dark"}}, "Referer", origin+"/workspaces"); a.status != 303 || a.Get("Location") != "/workspaces" {
		t.Errorf("theme: %d to %q", a.status, a.Get("Location"))
	}
	if a := b.get("/workspaces"); !strings.Contains(a.body, `data-theme="dark"`) {
		t.Error("the theme is not kept")
	}
	if a := b.post("/theme", url.Values{"theme": {"pink"}}); a.status != 422 {
		t.Errorf("pink: %d", a.status)
	}
}
