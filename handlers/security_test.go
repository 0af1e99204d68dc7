package handlers

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/auth"
	"trak/billing"
	"trak/db"
)

// Every change is tried as another site would send it, and without a token of this session.
// Attacks E1, E2 and E4.
func TestChangesComeFromOurOwnPages(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.user("mira@north.example")
	w.user("kim@north.example")
	b, kim := w.signedIn("mira@north.example"), w.signedIn("kim@north.example")
	stranger := w.browser()
	stranger.get("/signin")

	attempts := map[string]struct {
		headers []string
		token   string
	}{
		"another site":                     {[]string{"Sec-Fetch-Site", "cross-site"}, b.token},
		"a sibling of our host":            {[]string{"Sec-Fetch-Site", "same-site"}, b.token},
		"another origin":                   {[]string{"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, b.token},
		"no origin that can be told":       {[]string{"Sec-Fetch-Site", "", "Origin", "null"}, b.token},
		"our host on another port":         {[]string{"Sec-Fetch-Site", "", "Origin", origin + ":81"}, b.token},
		"nothing about where it is from":   {[]string{"Sec-Fetch-Site", "", "Origin", ""}, b.token},
		"no token":                         {nil, " "},
		"the token of another session":     {nil, kim.token},
		"the token of nobody's session":    {nil, stranger.token},
		"another session's, by the header": {[]string{"X-CSRF-Token", kim.token}, " "},
	}
	unsafe := slices.DeleteFunc(slices.Clone(w.h.paths[http.MethodPost]), func(p string) bool { return p == webhookPath })
	if len(unsafe) < 7 {
		t.Fatalf("only %d routes change something", len(unsafe))
	}
	for _, pattern := range unsafe {
		path := strings.NewReplacer(":slug", "mira-studio", ":id", "0190").Replace(pattern)
		for name, attempt := range attempts {
			if pattern == "/i/:token/viewed" && attempt.token != b.token {
				continue // clients have no session, so no token; where it comes from is checked as well
			}
			a := b.post(path, url.Values{"csrf": {attempt.token}, "theme": {"dark"}}, attempt.headers...)
			if a.status != 403 {
				t.Errorf("%s from %s: %d", path, name, a.status)
			}
		}
	}
	if a := b.get("/workspaces"); a.status != 200 || strings.Contains(a.body, `data-theme="dark"`) {
		t.Errorf("something got through: %d", a.status)
	}
	t.Run("the header does as well as the field", func(t *testing.T) {
		if a := b.post("/theme", url.Values{"csrf": {""}, "theme": {"dark"}}, "X-CSRF-Token", b.token); a.status != 303 {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("a token in the address does not count", func(t *testing.T) {
		if a := b.post("/theme?csrf="+b.token, url.Values{"csrf": {""}, "theme": {"dark"}}); a.status != 403 {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("who is signed out by now is asked to sign in", func(t *testing.T) {
		out := w.browser()
		if a := out.post("/theme", url.Values{"theme": {"dark"}}); a.status != 303 || a.Get("Location") != "/signin" {
			t.Errorf("%d to %q", a.status, a.Get("Location"))
		}
		if a := out.post("/theme", nil, "HX-Request", "true"); a.status != 401 || a.Get("HX-Redirect") != "/signin" {
			t.Errorf("%d to %q", a.status, a.Get("HX-Redirect"))
		}
		if a := out.post("/signin", url.Values{"email": {"mira@north.example"}, "password": {password}}); a.status != 403 || out.cookie != "" {
			t.Errorf("signing in without a token: %d", a.status)
		}
	})
}

// Attacks F12 and G4.
func TestHost(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for host, want := range map[string]int{
		"trak.example": 200, "TRAK.example": 200, "trak.example:80": 200,
		"evil.example": 421, "trak.example.evil.example": 421, "trak.example:81": 421, "127.0.0.1": 421,
	} {
		if a := w.browser().get("/signin", "Host", host); a.status != want {
			t.Errorf("%s: %d", host, a.status)
		}
	}
	if a := w.browser().get("/healthz", "Host", "127.0.0.1:3000"); a.status != 200 || a.body != "ok" {
		t.Errorf("health: %d %s", a.status, a.body)
	}
	a := w.browser().get("/workspaces", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.example")
	if a.Get("Location") != "/signin?next=%2Fworkspaces" {
		t.Errorf("leads to %q", a.Get("Location"))
	}
}

func TestToHTTPS(t *testing.T) {
	t.Parallel()
	w := setup(t, behindProxy)
	a := w.browser().get("/signin?next=/w/x", "X-Forwarded-Proto", "http")
	if a.status != 308 || a.Get("Location") != "https://trak.example/signin?next=/w/x" {
		t.Errorf("%d to %q", a.status, a.Get("Location"))
	}
	for proto, want := range map[string]int{"https": 200, "https, http": 200, "": 200, "HTTP": 308, "http, https": 308} {
		if a := w.browser().get("/signin", "X-Forwarded-Proto", proto); a.status != want {
			t.Errorf("%q: %d", proto, a.status)
		}
	}
	trustsNobody := setup(t, func(c *Config) { c.AppURL = "https://trak.example" })
	if a := trustsNobody.browser().get("/signin", "X-Forwarded-Proto", "http"); a.status != 200 {
		t.Errorf("anybody is believed: %d", a.status)
	}
}

// Attack D15.
func TestClientIP(t *testing.T) {
	t.Parallel()
	prefixes := func(all ...string) (out []netip.Prefix) {
		for _, p := range all {
			out = append(out, netip.MustParsePrefix(p))
		}
		return out
	}
	peer := "0.0.0.0" // where fiber.App.Test calls from
	tests := map[string]struct {
		trusted []netip.Prefix
		header  []string
		want    string
	}{
		"nobody is trusted by default":       {nil, []string{"9.9.9.9"}, peer},
		"the proxy's word":                   {prefixes("0.0.0.0/32"), []string{"203.0.113.7"}, "203.0.113.7"},
		"what the client wrote comes before": {prefixes("0.0.0.0/32"), []string{"9.9.9.9, 203.0.113.7"}, "203.0.113.7"},
		"two proxies":                        {prefixes("0.0.0.0/32", "10.0.0.0/8"), []string{"9.9.9.9, 203.0.113.7, 10.1.2.3"}, "203.0.113.7"},
		"two headers":                        {prefixes("0.0.0.0/32"), []string{"9.9.9.9", "203.0.113.7"}, "203.0.113.7"},
		"all of them trusted":                {prefixes("0.0.0.0/32", "10.0.0.0/8"), []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		"garbage at the end":                 {prefixes("0.0.0.0/32"), []string{"9.9.9.9, <script>"}, peer},
		"with a port":                        {prefixes("0.0.0.0/32"), []string{"203.0.113.7:4711"}, "203.0.113.7"},
		"IPv6 in brackets":                   {prefixes("0.0.0.0/32"), []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		"IPv4 in IPv6":                       {prefixes("0.0.0.0/32"), []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		"no header":                          {prefixes("0.0.0.0/32"), nil, peer},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &Server{proxies: test.trusted}
			f := fiber.New()
			f.Get("/", func(c *fiber.Ctx) error { return c.SendString(h.clientIP(c)) })
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Host = "trak.example"
			for _, v := range test.header {
				r.Header.Add("X-Forwarded-For", v)
			}
			res, err := f.Test(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if body, _ := io.ReadAll(res.Body); string(body) != test.want {
				t.Errorf("%s, want %s", body, test.want)
			}
		})
	}
}

// Attack F8.
func TestOwnPath(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/w/north/payments": "/w/north/payments", "/w/n/clients?q=a%2Fb&x=1": "/w/n/clients?q=a%2Fb&x=1", "/": "/",
		"/workspaces?next=https://x": "/workspaces?next=https://x",
		"":                           "/", "//evil.example": "/", "///evil.example": "/", `/\evil.example`: "/", `\\evil.example`: "/", `/w\..\..//evil.example`: "/",
		"https://evil.example": "/", "http:evil.example": "/", "javascript:alert(1)": "/", "evil.example": "/", "@evil.example": "/",
		"/\t/evil.example": "/", "/\n/evil.example": "/", "/x\r\nSet-Cookie: a=b": "/", "/\x00": "/", "/\u0085/evil.example": "/",
		"/\xff": "/", "/%zz": "/", "/signin": "/", "/signin?next=/signin": "/", " /w": "/", "/" + strings.Repeat("a", 2000): "/",
	} {
		if got := ownPath(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

// Attack F8.
func FuzzOwnPath(f *testing.F) {
	for _, seed := range []string{"/w/x", "//evil.example", `/\evil`, "/\t/evil", "/.//evil.example", "/..//evil", "/%5cevil", "/?#//"} {
		f.Add(seed)
	}
	base, _ := url.Parse("https://trak.example/signin")
	f.Fuzz(func(t *testing.T, next string) {
		got := ownPath(next)
		// As a browser resolves it: without tabs and line ends, with slashes for backslashes.
		browser := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(strings.TrimSpace(got))
		u, err := base.Parse(browser)
		if err != nil || u.Host != "trak.example" || u.Scheme != "https" || strings.ContainsAny(got, "\r\n") || strings.HasPrefix(browser, "//") {
			t.Errorf("%q leads to %q", next, got)
		}
	})
}

// Attack G18.
func TestErrors(t *testing.T) {
	t.Parallel()
	const canary = "sk_live_canary"
	w := setup(t)
	f := fiber.New(fiber.Config{ErrorHandler: w.h.fail})
	f.Use(w.h.begin)
	cases := []struct {
		path   string
		err    error
		status int
		says   string
	}{
		{"/notfound", app.ErrNotFound, 404, "There is nothing here"},
		{"/wrapped", fmt.Errorf("load %s: %w", canary, app.ErrNotFound), 404, "There is nothing here"},
		{"/forbidden", &app.NotAllowed{Permission: app.ManageStripe, Managers: []string{"Mira Osei", "Kim <b>"}}, 403,
			"Only owners and admins can manage the Stripe connection. Ask Mira Osei or Kim &lt;b&gt;."},
		{"/conflict", app.ErrConflict, 409, "Somebody changed this meanwhile"},
		{"/fields", billing.FieldErrors{"x": canary}, 422, "missing or wrong"},
		{"/toomany", &auth.TooMany{RetryAfter: 200 * time.Second}, 429, "Try again in 4 minutes."},
		{"/closed", fmt.Errorf("write: %w", db.ErrClosed), 503, "busy"},
		{"/internal", errors.New("UNIQUE constraint failed: users.email " + canary), 500, "on our side"},
		{"/fiber", fiber.NewError(400, canary), 400, "not understood"},
		{"/teapot", fiber.NewError(418, canary), 400, "not understood"},
		{"/gateway", fiber.NewError(502, canary), 500, "on our side"},
	}
	for _, test := range cases {
		f.Get(test.path, func(*fiber.Ctx) error { return test.err })
	}
	f.Get("/panic", func(*fiber.Ctx) error { panic(canary) })
	get := func(path string, htmx bool) (int, string, http.Header) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if htmx {
			r.Header.Set("HX-Request", "true")
		}
		r.Host = "trak.example"
		res, err := f.Test(r, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(body), res.Header
	}
	cases = append(cases, struct {
		path   string
		err    error
		status int
		says   string
	}{"/panic", nil, 500, "on our side"})
	for _, test := range cases {
		status, body, header := get(test.path, false)
		if status != test.status || !strings.Contains(body, test.says) || strings.Contains(body, canary) || !strings.Contains(body, header.Get("X-Request-Id")) {
			t.Errorf("%s: %d %s", test.path, status, body)
		}
		if header.Get("Content-Security-Policy") == "" || header.Get("Cache-Control") != "no-store, private" {
			t.Errorf("%s has no headers: %v", test.path, header)
		}
		status, body, header = get(test.path, true)
		if status != test.status || strings.Contains(body, "<html") || strings.Contains(body, canary) || header.Get("HX-Reswap") != "none" {
			t.Errorf("%s for htmx: %d %s", test.path, status, body)
		}
	}
	if _, _, header := get("/toomany", false); header.Get("Retry-After") != "200" {
		t.Errorf("Retry-After %q", header.Get("Retry-After"))
	}
	if log := w.log.String(); !strings.Contains(log, "UNIQUE constraint failed: users.email [redacted]") || strings.Contains(log, canary) {
		t.Error("the log doesn't say what went wrong, or says too much")
	}
}

// Attack E11.
func TestMethods(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.user("mira@north.example")
	b := w.signedIn("mira@north.example")
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/signout", 405, "POST"}, {"POST", "/", 405, "GET, HEAD"}, {"DELETE", "/workspaces", 405, "GET, HEAD, POST"},
		{"PUT", "/signin", 405, "GET, HEAD, POST"}, {"OPTIONS", "/healthz", 405, "GET, HEAD"}, {"PATCH", "/nowhere", 404, ""},
		{"GET", "/SIGNIN", 404, ""}, {"GET", "/signin/", 404, ""}, {"GET", "/.env", 404, ""}, {"GET", "/debug/pprof", 404, ""}, {"HEAD", "/signin", 303, ""},
	} {
		a := b.send(httptest.NewRequest(test.method, test.path, nil))
		if a.status != test.status || a.Get("Allow") != test.allow {
			t.Errorf("%s %s: %d, Allow %q", test.method, test.path, a.status, a.Get("Allow"))
		}
		if a.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s lets other sites read", test.method, test.path)
		}
	}
}

// Attacks G8 and G12.
func TestForm(t *testing.T) {
	t.Parallel()
	f := fiber.New(fiber.Config{Immutable: true})
	var got form
	var failed error
	f.Post("/", func(c *fiber.Ctx) error {
		got, failed = readForm(c)
		return nil
	})
	send := func(query, kind, body string) {
		t.Helper()
		got, failed = form{}, nil
		r := httptest.NewRequest(http.MethodPost, "/"+query, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		r.Host = "trak.example"
		if _, err := f.Test(r); err != nil {
			t.Fatal(err)
		}
	}
	const urlencoded = "application/x-www-form-urlencoded"
	send("?amount=1&only=query", urlencoded, "amount=2&amount=3&name=+Mira%00%1b%E2%80%AE+Osei%0A&note=a%0D%0Ab&bad=x%ff")
	if failed != nil || got.Value("amount") != "2" || got.Value("only") != "" || got.Line("name") != "Mira Osei" || got.Value("note") != "a\nb" || got.Value("bad") != "x" {
		t.Errorf("%v %q", failed, got.values)
	}
	send("", "application/x-www-form-urlencoded; charset=utf-8", "a=1")
	if failed != nil {
		t.Error(failed)
	}
	for name, c := range map[string]struct{ kind, body string }{
		"text":            {"text/plain", "a=1"},
		"multipart":       {"multipart/form-data; boundary=x", "--x--"},
		"1,001 fields":    {urlencoded, strings.Repeat("a=1&", 1001)},
		"a field too big": {urlencoded, "a=" + strings.Repeat("x", 10_001)},
	} {
		if send("", c.kind, c.body); failed == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// Attack E9.
func TestPagesAndFragments(t *testing.T) {
	t.Parallel()
	w := setup(t)
	f := fiber.New()
	f.Get("/", func(c *fiber.Ctx) error {
		return w.h.render(c, 422, "error", errorPage{Page: Page{Title: "x", Flash: "hello"}}, "toast")
	})
	for name, test := range map[string]struct {
		headers map[string]string
		whole   bool
	}{
		"a browser":               {nil, true},
		"htmx swaps the fragment": {map[string]string{"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#toast"}, false},
		"htmx swaps another":      {map[string]string{"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#other"}, true},
		"Back":                    {map[string]string{"HX-Request": "true", "HX-Request-Type": "full", "HX-History-Restore-Request": "true"}, true},
		"HX-Location":             {map[string]string{"HX-Request": "true", "HX-Request-Type": "full", "HX-Target": "body"}, true},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = "trak.example"
		for k, v := range test.headers {
			r.Header.Set(k, v)
		}
		res, err := f.Test(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if whole := strings.Contains(string(body), "<html"); whole != test.whole || res.StatusCode != 422 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: whole %v, %d %s", name, whole, res.StatusCode, res.Header.Get("Content-Type"))
		}
	}
}

// Attack G18.
func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.user("mira@north.example")
	b := w.signedIn("mira@north.example")
	b.get("/setup?token=canary-token")
	b.get("/workspaces?q=canary-query")
	log := w.log.String()
	if !strings.Contains(log, `"route":"/workspaces"`) {
		t.Error("requests are not logged")
	}
	for _, secret := range []string{"canary-token", "canary-query", password, b.session(), b.token, "mira@north.example"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}
