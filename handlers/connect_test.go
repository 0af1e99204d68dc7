package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/handlers"
	"trak/sandbox"
)

var pollAddress = regexp.MustCompile(`hx-get="([^"]*/status\?[^"]*)"`)

// stage is the word that is announced.
func (p page) stage() string {
	m := regexp.MustCompile(`role="status">([^<]*)</span>`).FindStringSubmatch(p.main())
	if m == nil {
		return ""
	}
	return m[1]
}

// poll is the address that the page polls, or "".
func (p page) poll() string {
	if m := pollAddress.FindStringSubmatch(p.body); m != nil {
		return strings.ReplaceAll(m[1], "&amp;", "&")
	}
	return ""
}

func TestConnectTheFirstTime(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	owner, here := w.as("owner"), path(w.north, "/payments/connect")

	p := owner.get(here)
	p.has(t, 200, `>Connect with Stripe `, `<option value="DE" selected>Germany</option>`, "0 of 4 done")
	p.wellFormed(t)
	if p.stage() != "Not connected" || p.poll() != "" {
		t.Errorf("stage %q, polls %q", p.stage(), p.poll())
	}
	p.lacks(t, "Disconnect", "Check again", "trak webhook ensure")

	p = owner.post(here, "country", "XX")
	p.has(t, 422, `id="country-error"`, `aria-invalid="true"`, "Choose the country of your business", "autofocus")
	p.wellFormed(t)

	p = owner.post(here, "country", "DE")
	to := p.header.Get("Location")
	if p.status != 303 || !strings.HasPrefix(to, w.sandbox.URL()+"/onboard/") {
		t.Fatalf("%d to %q", p.status, to)
	}
	if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, w.sandbox.URL()) {
		t.Errorf("the browser would not follow: %s", csp)
	}
	p = owner.get(here)
	p.has(t, 200, ">Continue in Stripe ", "> Check again</button>", "> Disconnect</button>", "What Stripe needs", "Bank account or debit card for payouts", "1 of 4 done")
	p.lacks(t, "Past due", "Open Stripe dashboard") // nobody is late who has just begun
	if p.stage() != "Details needed" {
		t.Errorf("stage %q", p.stage())
	}

	for _, again := range []func() page{
		func() page { return owner.post(here, "country", "FR") },
		func() page { return owner.post(here + "/continue") },
		func() page { return owner.get(here + "/refresh") },
	} {
		if p := again(); p.status != 303 || p.header.Get("Location") == to || !strings.Contains(p.header.Get("Location"), "/onboard/") {
			t.Errorf("%d to %q", p.status, p.header.Get("Location"))
		}
	}
	conn, err := w.app.Connection(context.Background(), w.north)
	must(t, err)

	must(t, w.sandbox.Onboard(conn.Account.ID, sandbox.OnboardComplete))
	p = owner.get(here + "/return")
	if p.status != 303 || !strings.HasPrefix(p.header.Get("Location"), here+"?checking=") {
		t.Fatalf("%d to %q", p.status, p.header.Get("Location"))
	}
	w.until("the page is up to date", func() bool {
		p = owner.get(here)
		return p.stage() == "Active"
	})
	p.has(t, 200, "4 of 4 done", ">Open Stripe dashboard ", "<dt>Country</dt><dd>Germany</dd>", "<dt>Charges</dt><dd>On</dd>")
	p.wellFormed(t)
	if p.poll() != "" {
		t.Error("it goes on polling when it is done")
	}
	p = owner.post(here + "/dashboard")
	if p.status != 303 || p.header.Get("Location") != w.sandbox.URL()+"/dashboard/"+conn.Account.ID {
		t.Errorf("%d to %q", p.status, p.header.Get("Location"))
	}
	if p := owner.post(here + "/check"); p.status != 303 || p.header.Get("Location") != here {
		t.Errorf("%d to %q", p.status, p.header.Get("Location"))
	}
	owner.get(here).has(t, 200, "Checked with Stripe just now.")
}

func TestComingBackFromStripe(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardPendingVerification)
	must(t, w.sandbox.Settle(context.Background()))
	owner, here := w.as("owner"), path(w.north, "/payments/connect")
	since := w.now().UnixMicro()
	back := owner.get(here + "/return").header.Get("Location")

	p := owner.get(back)
	p.has(t, 200, "Checking with Stripe", `hx-trigger="every 2s, refresh"`, `data-live`)
	p.wellFormed(t)
	if p.stage() != "In review" {
		t.Errorf("stage %q", p.stage())
	}
	w.until("Stripe was asked", func() bool {
		conn, err := w.app.Connection(context.Background(), w.north)
		must(t, err)
		return conn.Row.FetchedAt >= since
	})
	p = owner.get(back)
	p.has(t, 200, "Checking with Stripe") // the review may be over in a moment
	poll := owner.part(p.poll(), "section#connection")
	if poll.status != http.StatusNoContent {
		t.Errorf("%d, though nothing is new", poll.status)
	}
	if poll.body != "" || poll.header.Get("Set-Cookie") != "" {
		t.Errorf("%q, cookie %q", poll.body, poll.header.Get("Set-Cookie"))
	}

	w.advance(61 * time.Second)
	p = owner.part(p.poll(), "section#connection")
	p.has(t, 200, "Still in review", `hx-trigger="every 5s, refresh"`)
	p.lacks(t, "<html", "Checking with Stripe")
	if p := owner.part(p.poll(), "section#connection"); p.status != http.StatusNoContent {
		t.Errorf("%d, though nothing is new", p.status)
	}

	conn, err := w.app.Connection(context.Background(), w.north)
	must(t, err)
	must(t, w.sandbox.Onboard(conn.Account.ID, sandbox.OnboardComplete))
	must(t, w.sandbox.Settle(context.Background()))
	w.until("the poll brings the last word", func() bool {
		if next := owner.part(p.poll(), "section#connection"); next.status == 200 {
			p = next
		}
		return p.poll() == ""
	})
	if got := p.stage(); !strings.Contains(p.body, ">Active</span>") {
		t.Errorf("it ends with %q: %s", got, p.body)
	}
}

func TestEveryStage(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	disconnect := func() { must(t, w.app.Disconnect(context.Background(), w.north)) }
	for _, test := range []struct {
		stage   string
		reach   func()
		buttons []string
		lacks   []string
	}{
		{"Payouts paused", func() { w.onboard(w.north, sandbox.OnboardPayoutsPaused) },
			[]string{"Check again", "Open Stripe dashboard", "Continue in Stripe", "Disconnect"}, []string{"Connect with Stripe"}},
		{"Rejected", func() { w.onboard(w.north, sandbox.OnboardReject) },
			[]string{"Check again", "Disconnect"}, []string{"Continue in Stripe", "Connect with Stripe"}},
		{"Disconnected", disconnect,
			[]string{"Connect with Stripe"}, []string{"Check again", "Open Stripe dashboard", "Continue in Stripe", "Disconnect"}},
		{"Active", func() { w.onboard(w.north, sandbox.OnboardComplete) },
			[]string{"Check again", "Open Stripe dashboard", "Disconnect"}, []string{"Continue in Stripe", "Connect with Stripe"}},
	} {
		test.reach()
		p := w.as("admin").get(path(w.north, "/payments/connect"))
		p.has(t, 200)
		p.wellFormed(t)
		if p.stage() != test.stage {
			t.Errorf("stage %q, not %q", p.stage(), test.stage)
		}
		for _, name := range test.buttons {
			if !p.button(name) {
				t.Errorf("%s: no button %q", test.stage, name)
			}
		}
		for _, name := range test.lacks {
			if p.button(name) {
				t.Errorf("%s: button %q", test.stage, name)
			}
		}
		member := w.as("member").get(path(w.north, "/payments/connect"))
		member.has(t, 200, "Only owners and admins can change this connection. Ask Mira Osei or Ada Brandt.")
		member.wellFormed(t)
		if member.stage() != test.stage || strings.Contains(member.main(), "<form") {
			t.Errorf("%s: a member sees %q, or a form", test.stage, member.stage())
		}
	}
}

// button says whether the page's own part has a button with this name.
func (p page) button(name string) bool {
	for _, m := range regexp.MustCompile(`(?s)<button[^>]*>(.*?)</button>`).FindAllStringSubmatch(p.main(), -1) {
		if strings.TrimSpace(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[1], "")) == name {
			return true
		}
	}
	return false
}

func TestWhenStripeFails(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	owner, here := w.as("owner"), path(w.north, "/payments/connect")
	fail := func(fault, path string) {
		w.sandbox.SetKnobs(sandbox.Knobs{Fail: fault, FailTimes: 20, FailPath: path})
	}
	fine := func() { w.sandbox.SetKnobs(sandbox.Knobs{}) }

	for _, route := range []string{"/continue", "/check", "/dashboard", "/disconnect"} {
		p := owner.post(here + route)
		p.has(t, http.StatusConflict, "The connection was changed meanwhile.")
		p.wellFormed(t)
	}

	fail(sandbox.FailAfter, "/v1/accounts")
	p := owner.post(here, "country", "DE")
	p.has(t, http.StatusBadGateway, `role="alert"`, "Stripe did not answer.", "there will be only one account", "We asked Stripe for an account in Germany")
	p.wellFormed(t)
	if !p.button("Connect with Stripe") {
		t.Error("there is no way on")
	}
	fine()
	if p := owner.post(here, "country", "DE"); p.status != 303 {
		t.Fatalf("%d %s", p.status, p.main())
	}
	for route, safe := range map[string]string{"/continue": "is safe there", "/dashboard": "not affected", "/check": "Your money is safe"} {
		fail(sandbox.FailServer, "/v1/")
		p := owner.post(here + route)
		p.has(t, http.StatusBadGateway, "Stripe did not answer.", safe, "Stripe connection")
		p.wellFormed(t)
		fine()
	}
	// Stripe refuses its dashboard until the details are given.
	owner.post(here+"/dashboard").has(t, http.StatusConflict, "Stripe refused")
}

func TestDisconnect(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	owner, here := w.as("owner"), path(w.north, "/payments/connect")
	if p := owner.get(here + "/disconnect"); p.status != 303 || p.header.Get("Location") != here {
		t.Errorf("nothing to disconnect: %d to %q", p.status, p.header.Get("Location"))
	}
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	owner.get(here+"/disconnect").has(t, 200, "No payment link is open.")
	inv := w.invoice(w.north, "Halden & Vik", "100", "eur", "")
	w.link(w.north, inv.ID)

	p := owner.get(here + "/disconnect")
	p.has(t, 200, "<h1>Disconnect Stripe?</h1>", "1 open payment link will stop working.", "data-close>Cancel</a>")
	p.wellFormed(t)
	if !p.button("Disconnect Stripe") {
		t.Error("no button")
	}
	if p := owner.post(here + "/disconnect"); p.status != 303 || p.header.Get("Location") != here {
		t.Fatalf("%d to %q", p.status, p.header.Get("Location"))
	}
	p = owner.get(here)
	p.has(t, 200, "Stripe is disconnected.", "Connect again")
	if p.stage() != "Disconnected" {
		t.Errorf("stage %q", p.stage())
	}
}

func TestNobodyHearsStripe(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	for _, page := range []string{"/payments", "/payments/connect"} {
		for role, told := range map[string]bool{"owner": true, "admin": true, "member": false} {
			p := w.as(role).get(path(w.north, page))
			p.has(t, 200)
			if strings.Contains(p.body, "trak webhook ensure") != told {
				t.Errorf("%s at %s: told %v", role, page, !told)
			}
		}
	}
}

func TestWhoMayWhat(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.onboard(w.north, sandbox.OnboardComplete)
	client, err := w.app.CreateClient(context.Background(), w.north, app.ClientInput{Name: "Halden & Vik"})
	must(t, err)
	all := map[string]bool{"owner": true, "admin": true, "member": true}
	managers := map[string]bool{"owner": true, "admin": true}
	for _, route := range []struct {
		method, path string
		may          map[string]bool
	}{
		{"GET", "/payments", all}, {"GET", "/payments/tiles", all}, {"GET", "/payments/history", all},
		{"GET", "/payments/connect", all}, {"GET", "/payments/connect/status", all},
		{"POST", "/payments/connect", managers}, {"POST", "/payments/connect/continue", managers},
		{"GET", "/payments/connect/refresh", managers}, {"GET", "/payments/connect/return", managers},
		{"POST", "/payments/connect/check", managers}, {"POST", "/payments/connect/dashboard", managers},
		{"GET", "/payments/connect/disconnect", managers}, {"POST", "/payments/connect/disconnect", managers},
		{"GET", "/clients", all}, {"GET", "/clients?archived=1", all}, {"GET", "/clients/new", all}, {"POST", "/clients", all},
		{"GET", "/clients/" + client.ID + "/edit", all}, {"POST", "/clients/" + client.ID, all},
		{"POST", "/clients/" + client.ID + "/archive", all}, {"POST", "/clients/" + client.ID + "/unarchive", all},
	} {
		for _, role := range []string{"member", "stranger", "nobody", "admin", "owner"} {
			visitor := w.as(role)
			var p page
			if route.method == "GET" {
				p = visitor.get(path(w.north, route.path))
			} else {
				p = visitor.post(path(w.north, route.path), "country", "DE", "name", "A name", "version", "1")
			}
			name := fmt.Sprintf("%s %s as %s", route.method, route.path, role)
			switch {
			case role == "nobody":
				// Signed out: to the sign-in page; a form without our token gets no further at all.
				if to := p.header.Get("Location"); !(p.status == 303 && strings.HasPrefix(to, "/signin")) {
					t.Errorf("%s: %d to %q", name, p.status, to)
				}
			case role == "stranger":
				if p.status != 404 || strings.Contains(p.body, "Northlight") {
					t.Errorf("%s: %d", name, p.status)
				}
			case !route.may[role]:
				if p.status != 403 || !strings.Contains(p.body, "Only owners and admins can manage the Stripe connection. Ask Mira Osei or Ada Brandt.") {
					t.Errorf("%s: %d %s", name, p.status, p.main())
				}
			case p.status == 404 || p.status == 403 || p.status >= 500:
				t.Errorf("%s: %d", name, p.status)
			}
		}
	}
	t.Run("and another workspace's client is not found below one's own", func(t *testing.T) {
		for _, route := range []string{"", "/archive", "/unarchive"} {
			if p := w.as("stranger").post(path(w.south, "/clients/"+client.ID+route), "name", "Stolen", "version", "1"); p.status != 404 {
				t.Errorf("%s: %d", route, p.status)
			}
		}
		if p := w.as("stranger").get(path(w.south, "/clients/"+client.ID+"/edit")); p.status != 404 {
			t.Errorf("%d", p.status)
		}
	})
}

func inDemo(c *handlers.Config) { c.Demo = &handlers.Demo{SandboxURL: "http://localhost:4242"} }
