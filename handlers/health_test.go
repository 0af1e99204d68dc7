package handlers_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/auth"
	"trak/connect"
	"trak/db"
	"trak/handlers"
	"trak/sandbox"
)

// doctor is one line of the doctor's.
func doctor(t *testing.T, a *app.App, key string) app.Check {
	t.Helper()
	r, err := a.Doctor(context.Background())
	must(t, err)
	for _, c := range r.Checks {
		if c.Key == key && c.Workspace == "" {
			return c
		}
	}
	t.Fatalf("the doctor does not look at %s: %+v", key, r.Checks)
	return app.Check{}
}

// says fails unless the doctor's line is of the level, with the text and, when not all is well,
// something to do.
func says(t *testing.T, a *app.App, key string, level app.Level, text string) {
	t.Helper()
	c := doctor(t, a, key)
	if c.Level != level || !strings.Contains(c.Text, text) || (c.Fix == "") != (level == app.Well) {
		t.Errorf("%s: not %s, %q, but %+v", key, level, text, c)
	}
}

// stripe calls the sandbox's API behind Trak's back.
func (w *whole) stripe(method, path string, form url.Values) (answer struct{ ID, Secret string }) {
	w.t.Helper()
	r, err := http.NewRequest(method, w.sandbox.URL()+path, strings.NewReader(form.Encode()))
	must(w.t, err)
	r.SetBasicAuth("sk_test_sandbox", "")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	must(w.t, err)
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		w.t.Fatalf("%s %s: %s", method, path, res.Status)
	}
	must(w.t, json.NewDecoder(res.Body).Decode(&answer))
	return answer
}

// endpoint is the id of the one that the doctor is content with.
func (w *whole) endpoint() string {
	w.t.Helper()
	id, _, _ := strings.Cut(doctor(w.t, w.app, "webhook").Text, " ")
	return id
}

// byHand makes an endpoint as somebody would in Stripe's dashboard.
func (w *whole) byHand(connect, version string) string {
	w.t.Helper()
	form := url.Values{"url": {w.url + "/api/stripe/webhook"}, "enabled_events[0]": {"*"}, "connect": {connect}}
	if version != "" {
		form.Set("api_version", version)
	}
	return w.stripe("POST", "/v1/webhook_endpoints", form).ID
}

// Whatever is wrong with the endpoint is seen, and mended by the button.
func TestDoctorMendsTheEndpoint(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	says(t, w.app, "webhook", app.Failure, "Stripe has no endpoint for "+w.url)
	says(t, w.app, "secret", app.Failure, "There is none")
	owner, page := w.as("owner"), path(w.north, "/settings/health")
	mend := func() {
		t.Helper()
		owner.post(page+"/webhook").has(t, http.StatusSeeOther)
		says(t, w.app, "webhook", app.Well, "sends all that Trak needs")
	}
	mend()
	says(t, w.app, "secret", app.Well, "No event has come since the start.")
	remove := func() { w.stripe("DELETE", "/v1/webhook_endpoints/"+w.endpoint(), nil) }
	for _, c := range []struct {
		name, text string
		breaks     func()
	}{
		{"deleted", "Stripe has no endpoint", remove},
		{"disabled", "It is disabled.", func() { w.stripe("POST", "/v1/webhook_endpoints/"+w.endpoint(), url.Values{"disabled": {"true"}}) }},
		{"events missing", "It does not send checkout.session.completed, checkout.session.async_payment_succeeded, checkout.session.async_payment_failed and 37 more.", func() {
			w.stripe("POST", "/v1/webhook_endpoints/"+w.endpoint(), url.Values{"enabled_events[0]": {"charge.refunded"}})
		}},
		{"of another version", "It sends events in API version 2022-11-15, and Trak speaks 2023-10-16.", func() {
			remove()
			w.byHand("true", "2022-11-15")
		}},
		{"of the account's own version", "It sends events in API version the account's own", func() {
			remove()
			w.byHand("true", "")
		}},
		{"an account endpoint", "It is for the platform's own account, and not for connected accounts.", func() {
			remove()
			w.byHand("false", connect.APIVersion)
		}},
	} {
		c.breaks()
		says(t, w.app, "webhook", app.Failure, c.text)
		owner.get(page).has(t, http.StatusOK, "Mend it", "1 problem")
		owner.get(path(w.north, "/clients")).has(t, http.StatusOK, `aria-describedby="nav-health"`, "1 problem")
		if mend(); t.Failed() {
			t.Fatalf("%s", c.name)
		}
		owner.get(page).lacks(t, "Mend it", "1 problem")
	}
	w.onboard(w.north, sandbox.OnboardComplete)
	w.until("an event is verified", func() bool {
		must(t, w.sandbox.Settle(context.Background()))
		return strings.Contains(doctor(t, w.app, "secret").Text, "was verified")
	})
	says(t, w.app, "events", app.Well, "Half of the last")
}

// An endpoint whose secret Trak does not know is as good as none: its events are refused.
func TestDoctorKnowsAWrongSecret(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.stripe("DELETE", "/v1/webhook_endpoints/"+w.endpoint(), nil)
	w.byHand("true", connect.APIVersion)
	says(t, w.app, "webhook", app.Well, "") // nothing can be seen there
	says(t, w.app, "secret", app.Well, "")
	w.onboard(w.north, sandbox.OnboardComplete) // which is some events
	must(t, w.sandbox.Settle(context.Background()))
	says(t, w.app, "secret", app.Failure, "in a row were refused for a wrong signature")
	w.as("owner").post(path(w.north, "/settings/health/webhook")).has(t, http.StatusSeeOther)
	w.onboard(w.south, sandbox.OnboardComplete)
	must(t, w.sandbox.Settle(context.Background()))
	if c := doctor(t, w.app, "secret"); !strings.Contains(c.Text, "The last event was verified") {
		t.Errorf("%+v", c)
	}
}

// A delivery that somebody made up is no alarm, and forgotten after a day.
func TestDoctorIsCalmAboutAForgery(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{})
	forge := func() {
		_, _ = in.post(strings.NewReader("{}"), "Stripe-Signature", sign([]byte("{}"), in.now(), "whsec_wrong"))
	}
	forge()
	says(t, in.app, "secret", app.Warning, "1 delivery in a row was refused for a wrong signature, the last ")
	in.nudge()
	says(t, in.app, "secret", app.Well, "The last event was verified")
	forge()
	in.advance(25 * time.Hour)
	says(t, in.app, "secret", app.Well, "")
	_, _ = in.post(strings.NewReader("{}")) // not even a try
	says(t, in.app, "secret", app.Well, "")
}

func TestDoctorLooksAtEvents(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{})
	says(t, in.app, "events", app.Well, "None has come yet.")
	_, link := in.invoice(in.owner, "10", "eur")
	events := in.paid(link)
	in.delivered(events...)
	late := func(by time.Duration) {
		for range 20 {
			in.delivered(altered(t, events[0], map[string]any{"id": "evt_" + nobodys(), "created": in.now().Add(-by).Unix()}))
		}
	}
	late(10 * time.Minute)
	says(t, in.app, "events", app.Warning, "took 10 minutes or less")
	late(3 * time.Hour)
	says(t, in.app, "events", app.Failure, "took 3 hours or less")
	late(0)
	says(t, in.app, "events", app.Well, "Half of the last 20 webhooks took ")

	says(t, in.app, "unmatched", app.Well, "")
	in.delivered(altered(t, events[0], map[string]any{"id": "evt_stranger", "account": "acct_stranger"}))
	says(t, in.app, "unmatched", app.Warning, "1 event is of acct_stranger")

	says(t, in.app, "failed", app.Well, "None.")
	must(t, ignore(in.raw.Exec("CREATE TRIGGER broken BEFORE INSERT ON charges BEGIN SELECT RAISE(ABORT, 'not today'); END")))
	_, link = in.invoice(in.owner, "10", "eur")
	in.delivered(in.paid(link)...)
	in.advance(2 * time.Hour)
	says(t, in.app, "failed", app.Failure, "can't be applied, the oldest of them received 2 hours ago.")
	report, err := in.app.Doctor(t.Context())
	must(t, err)
	if !slices.ContainsFunc(report.Checks, func(c app.Check) bool { return c.Key == "failed" && c.Workspace == in.owner.Workspace.Slug }) {
		t.Errorf("the workspace is not named: %+v", report.Checks)
	}
	must(t, ignore(in.raw.Exec("DROP TRIGGER broken")))
	in.until("they are applied", func() bool {
		in.advance(2 * time.Hour)
		in.nudge()
		return doctor(t, in.app, "failed").Level == app.Well
	})
}

func TestDoctorLooksAtTheSync(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.onboard(w.north, sandbox.OnboardComplete)
	sync := func() {
		t.Helper()
		must(t, w.app.Sync(context.Background(), app.SyncRequest{}, func(r app.SyncReport) {}))
		says(t, w.app, "sync", app.Well, "All was read from Stripe ")
	}
	sync()
	must(t, w.sandbox.Close()) // so that it can't mend itself
	w.advance(40 * time.Minute)
	says(t, w.app, "sync", app.Warning, "All was read from Stripe 40 minutes ago.")
	w.advance(time.Hour)
	says(t, w.app, "sync", app.Failure, "All was read from Stripe 100 minutes ago.")
	w.advance(-100 * time.Minute)
	says(t, w.app, "sync", app.Well, "All was read from Stripe ")
}

func TestDoctorLooksAtTheClock(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	says(t, w.app, "clock", app.Well, "The same as Stripe's.")
	w.advance(2 * time.Minute) // the sandbox tells the real time
	says(t, w.app, "clock", app.Warning, "ahead of Stripe")
	w.advance(3 * time.Minute)
	says(t, w.app, "clock", app.Failure, "From five minutes on no event is believed.")
	w.advance(-10 * time.Minute)
	says(t, w.app, "clock", app.Failure, "behind Stripe")
	w.advance(5 * time.Minute)
	says(t, w.app, "clock", app.Well, "")
}

func TestDoctorLooksAtStripe(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	says(t, w.app, "stripe", app.Well, "Stripe answers, in test mode.")
	must(t, w.sandbox.Close())
	says(t, w.app, "stripe", app.Failure, "Stripe did not answer.")
	says(t, w.app, "webhook", app.Warning, "could not be looked at")
}

func TestDoctorLooksForABackup(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	says(t, w.app, "disk", app.Well, "are free")
	says(t, w.app, "backup", app.Warning, "There is none that Trak knows of.")
	must(t, os.MkdirAll(filepath.Join(w.dir, "backups"), 0o700))
	must(t, os.WriteFile(filepath.Join(w.dir, "backups", "before-v3-20261124-120000.db"), []byte("x"), 0o600))
	says(t, w.app, "backup", app.Well, "before an update")
	w.advance(9 * 24 * time.Hour)
	says(t, w.app, "backup", app.Warning, "is 9 days old")
}

// A file that was damaged behind Trak's back is found when the whole database is read.
func TestDoctorReadsTheDatabase(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{})
	says(t, in.app, "database", app.Well, "It is whole")
	var root, size int64
	must(t, in.raw.QueryRow("PRAGMA page_size").Scan(&size))
	must(t, in.raw.QueryRow("SELECT rootpage FROM sqlite_schema WHERE name = 'clients_by_name'").Scan(&root))
	must(t, ignore(in.raw.Exec("PRAGMA wal_checkpoint(TRUNCATE)")))
	f, err := os.OpenFile(filepath.Join(in.dir, db.FileName), os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte(strings.Repeat("damaged ", int(size)/8)), (root-1)*size)
	must(t, err)
	must(t, f.Close())
	c := doctor(t, in.app, "database")
	if c.Level != app.Failure || !strings.Contains(c.Fix, "put back the last backup") {
		t.Errorf("%+v", c)
	}
}

// Who sees what: the installation is the business of whoever runs Trak.
func TestHealthPage(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.people["stranger"] = "tomas@south.example"
	north, south := path(w.north, "/settings/health"), path(w.south, "/settings/health")
	p := w.as("owner").get(north)
	p.has(t, http.StatusOK, "<title>Health", "This workspace", "This installation", "Stripe has no endpoint", "Run &#34;trak webhook ensure&#34;", "Make or mend the webhook endpoint")
	p.wellFormed(t)
	w.as("owner").post(north).has(t, http.StatusSeeOther)
	w.as("owner").get(north).has(t, http.StatusOK, "Checked just now.", "It is whole")

	p = w.as("stranger").get(south)
	p.has(t, http.StatusOK, "This workspace", "None has come yet.", "Whoever runs this Trak sees more")
	p.lacks(t, "This installation", "Stripe has no endpoint", "Make or mend", "2 problems")
	p.wellFormed(t)
	w.as("stranger").post(south+"/webhook").has(t, http.StatusForbidden)
	w.as("stranger").post(south).has(t, http.StatusSeeOther)
	w.as("stranger").get(north).has(t, http.StatusNotFound)
	says(t, w.app, "webhook", app.Failure, "Stripe has no endpoint")
	for _, role := range []string{"admin", "member"} {
		w.as(role).get(north).has(t, http.StatusForbidden, "Only owners can view the health page. Ask Mira Osei.")
		w.as(role).post(north+"/webhook").has(t, http.StatusForbidden)
		w.as(role).get(path(w.north, "/clients")).lacks(t, "/settings/health", "2 problems")
	}

	// What was seen last is told on every page, and nobody is asked for it.
	must(t, w.sandbox.Close())
	w.as("owner").get(path(w.north, "/clients")).has(t, http.StatusOK, "2 problems")

	w.as("owner").post(north+"/webhook").has(t, http.StatusBadGateway, "Stripe did not answer.", "The endpoint is as it was.")
}

func TestDoctorInOwnMode(t *testing.T) {
	t.Parallel()
	w := newOwn(t)
	says(t, w.app, "webhook", app.Well, "sends all that Trak needs")
	w.stripe("DELETE", "/v1/webhook_endpoints/"+w.endpoint(), nil)
	w.byHand("true", connect.APIVersion)
	says(t, w.app, "webhook", app.Failure, "It is for connected accounts, and Trak is paid into the key's own.")
	w.as("owner").post(path(w.north, "/settings/health/webhook")).has(t, http.StatusSeeOther)
	says(t, w.app, "webhook", app.Well, "sends all that Trak needs")
}

// The number beside the overview is there for everybody, and only when it means something.
func TestSidebarTellsWhatNeedsAPerson(t *testing.T) {
	t.Parallel()
	w, north, _ := newHalves(t)
	for _, role := range []string{"owner", "admin", "member"} {
		w.as(role).get(path(north.owner, "/clients")).has(t, http.StatusOK, `aria-describedby="nav-attention"`, ` need`, "attention</span>")
	}
	calm := newWhole(t)
	calm.as("member").get(path(calm.north, "/clients")).lacks(t, "needs attention", "need attention", "nav-health")
}

// fronted is a Trak with something of the test's between it and its APP_URL.
func fronted(t *testing.T, front func(target *url.URL) http.Handler, encrypted bool, trusted ...string) *app.App {
	t.Helper()
	ctx := context.Background()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	target := &url.URL{Scheme: "http", Host: listener.Addr().String()}
	appURL := target.String()
	if front != nil {
		proxy := httptest.NewUnstartedServer(front(target))
		proxy.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		if encrypted {
			proxy.StartTLS()
		} else {
			proxy.Start()
		}
		t.Cleanup(proxy.Close)
		appURL = proxy.URL
	}
	quiet := slog.New(slog.DiscardHandler)
	database, err := db.Open(ctx, t.TempDir(), db.Options{Migrations: db.Migrations{FS: os.DirFS("../db/migrations")}, Logger: quiet})
	must(t, err)
	t.Cleanup(func() { _ = database.Close() })
	stripe, err := connect.New(connect.Config{SecretKey: "sk_test_fronted", BaseURL: "http://127.0.0.1:1", InstallID: "install"})
	must(t, err)
	box, err := auth.NewBox(auth.NewKey())
	must(t, err)
	a, err := app.New(ctx, app.Config{DB: database, Stripe: stripe, AppURL: appURL, Secrets: box, Limits: auth.NewLimits(time.Now), Now: time.Now, Logger: quiet})
	must(t, err)
	config := handlers.Config{App: a, Views: os.DirFS(".."), Static: os.DirFS(".."), AppURL: appURL, Logger: quiet, Now: time.Now}
	for _, p := range trusted {
		config.TrustedProxies = append(config.TrustedProxies, netip.MustParsePrefix(p))
	}
	server, err := handlers.New(config)
	must(t, err)
	go func() { _ = server.Listener(listener) }()
	t.Cleanup(func() { _ = server.Shutdown(context.Background()) })
	a.Start()
	t.Cleanup(a.Stop)
	return a
}

func TestDoctorGoesToTheAddress(t *testing.T) {
	t.Parallel()
	// Go's proxy says where a request came from, and leaves the host as it came.
	proxy := func(change func(*httputil.ProxyRequest)) func(*url.URL) http.Handler {
		return func(target *url.URL) http.Handler {
			return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				r.Out.Host = r.In.Host
				r.SetXForwarded()
				if change != nil {
					change(r)
				}
			}}
		}
	}
	answer := func(f http.HandlerFunc) func(*url.URL) http.Handler { return func(*url.URL) http.Handler { return f } }
	leadTo := func(to string) func(*url.URL) http.Handler {
		return answer(func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, strings.ReplaceAll(to, "HOST", r.Host)+r.URL.Path, http.StatusMovedPermanently)
		})
	}
	const here = "127.0.0.1/32"
	for name, c := range map[string]struct {
		front     func(*url.URL) http.Handler
		encrypted bool
		trusted   []string
		level     app.Level
		text, fix string
	}{
		"directly":                   {nil, false, nil, app.Well, "leads here", ""},
		"through a trusted proxy":    {proxy(nil), false, []string{here}, app.Well, "leads here", ""},
		"a proxy that is a stranger": {proxy(nil), false, nil, app.Warning, "The proxy at 127.0.0.1 is not trusted", "Add 127.0.0.1 to TRUSTED_PROXIES"},
		"another host": {proxy(func(r *httputil.ProxyRequest) { r.Out.Host = "backend:3000" }), false, []string{here},
			app.Failure, `with the host "backend:3000"`, "leave the Host header as it came"},
		"something else": {answer(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "ok") }), false, nil,
			app.Failure, "Something else than this Trak answers", "TRAK_ADDR"},
		"a bad gateway": {answer(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }), false, nil,
			app.Failure, "answers 502 Bad Gateway", "TRAK_ADDR"},
		"leads to https":            {leadTo("https://HOST"), false, nil, app.Failure, "leads on to https://127.0.0.1", "Set APP_URL to https://127.0.0.1"},
		"leads to another host":     {leadTo("https://other.example"), false, nil, app.Failure, "leads on to https://other.example", "Set APP_URL to https://other.example"},
		"a certificate of nobody's": {proxy(nil), true, nil, app.Failure, "The certificate of https://127.0.0.1", "Renew the certificate"},
		"a proxy that hangs": {answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), false, nil,
			app.Failure, "did not answer within 5s", "firewall"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := fronted(t, c.front, c.encrypted, c.trusted...)
			says(t, a, "address", c.level, c.text)
			if fix := doctor(t, a, "address").Fix; !strings.Contains(fix, c.fix) {
				t.Errorf("the fix is %q", fix)
			}
		})
	}
	t.Run("another Trak", func(t *testing.T) {
		t.Parallel()
		other := newWhole(t)
		theirs, err := url.Parse(other.url)
		must(t, err)
		a := fronted(t, func(*url.URL) http.Handler { return httputil.NewSingleHostReverseProxy(theirs) }, false)
		says(t, a, "address", app.Failure, "Something else than this Trak answers")
	})
	t.Run("not running", func(t *testing.T) {
		t.Parallel()
		a := fronted(t, nil, false)
		a.Stop()
		says(t, a, "address", app.Warning, "Trak is not running")
	})
}
