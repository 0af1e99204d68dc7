package handlers_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"trak/app"
)

// Every route is used by everybody who may, and watched meanwhile.
func TestRoutesWork(t *testing.T) {
	t.Parallel()
	w, north, south := newHalves(t)
	statements := w.watch()
	south0 := w.rows(w.south.WorkspaceID)
	for _, key := range keys(func(string, string, rule) bool { return true }) {
		r := rules[key]
		visitors := map[string]*visitor{}
		switch r.may {
		case anyone:
			visitors["nobody"] = w.newcomer("")
		default:
			for _, role := range app.Roles() {
				switch {
				case r.may != signedIn && !role.May(app.Permission(r.may)):
				case r.leaves:
					email := nobodys() + "@north.example"
					w.join(w.north, "Kim", email, role)
					visitors[string(role)] = w.newcomer(email)
				default:
					visitors[string(role)] = w.as(string(role))
				}
			}
		}
		for who, v := range visitors {
			north.connected()
			id := ""
			if r.of != "" {
				id = north.make(r.of)
			}
			req := north.request(key, north.slug, id)
			p := v.try(req, poisoned...)
			want := r.want(req.method)
			if who == string(app.Admin) && r.admin != 0 {
				want = r.admin
			}
			if p.status != want {
				t.Errorf("%s as %s: %d %s", key, who, p.status, p.main())
			}
			if strings.Contains(p.body, "evil.example") || strings.Contains(text(p.header), "evil.example") {
				t.Errorf("%s as %s: the request's own host comes back", key, who)
			}
			p.lacks(t, south.mark)
			if p.status == http.StatusOK {
				looksRight(t, key+" as "+who, r, v, req, p)
			}
			if req.method == http.MethodGet {
				must(t, w.sandbox.Settle(context.Background()))
				statements.take()
				v.try(req)
				onlyReads(t, key+" as "+who, r, statements.take())
				req.method = http.MethodHead
				if head := v.try(req); head.status != p.status || head.body != "" {
					t.Errorf("HEAD of %s as %s: %d", key, who, head.status)
				}
				onlyReads(t, "HEAD of "+key+" as "+who, r, statements.take())
			}
		}
	}
	w.unchanged(t, south0, w.south.WorkspaceID, "what was done in the other workspace")
	if strings.Contains(strings.Join(w.rows(""), "\n"), "evil.example") {
		t.Error("a forged host is stored") // F12
	}
	for _, event := range w.sandbox.Events(north.account) {
		if strings.Contains(string(event), "evil.example") {
			t.Error("a forged host was sent to Stripe")
		}
	}
	logsNoSecret(t, w, north, south)
	auditHoldsNoSecret(t, w, north, south)
}

// poisoned are headers in which somebody else's host could come in.
var poisoned = []string{
	"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "X-Forwarded-For", "evil.example", "Forwarded", "host=evil.example",
	"X-Original-URL", "http://evil.example/", "X-Rewrite-URL", "//evil.example", "Referer", "http://evil.example/w/x/clients",
}

// looksRight checks that pages are whole, and that their parts are asked for alone (E9).
func looksRight(t *testing.T, what string, r rule, v *visitor, req request, p page) {
	t.Helper()
	isPage := strings.Contains(p.body, "<html")
	if isPage != (r.part != never) {
		t.Errorf("%s: a whole page is %v", what, isPage)
	}
	if isPage {
		p.wellFormed(t)
	}
	if req.method != http.MethodGet || r.part == never {
		return
	}
	full := v.try(req, "HX-Request", "true", "HX-Request-Type", "full", "HX-Target", "body")
	other := v.try(req, asHTMX("div#elsewhere", v.w.url)...)
	if !strings.Contains(full.body, "<html") || !strings.Contains(other.body, "<html") {
		t.Errorf("%s: htmx gets less than the whole page that it asks for", what)
	}
	if r.part != "" {
		part := v.try(req, asHTMX("div#"+r.part, v.w.url)...)
		if part.status != http.StatusOK || strings.Contains(part.body, "<html") {
			t.Errorf("%s: htmx gets the whole page for the part %s", what, r.part)
		}
	}
}

// statements keeps what the writer runs.
type statements struct {
	mu  sync.Mutex
	all []string
}

func (w *whole) watch() *statements {
	s := &statements{}
	note := func(query string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all = append(s.all, query)
	}
	w.write.Store(&note)
	return s
}

func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all
	s.all = nil
	return all
}

var (
	queryName = regexp.MustCompile(`^-- name: (\w+)`)
	changes   = regexp.MustCompile(`(?im)^\s*(WITH|INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER)\b`)
)

// onlyReads is E3: no GET writes, but for the session, which notes once a minute that it is in
// use, and what the rule names. (The workspace used last was noted by the request before.)
func onlyReads(t *testing.T, what string, r rule, ran []string) {
	t.Helper()
	for _, query := range ran {
		if m := queryName.FindStringSubmatch(query); changes.MatchString(query) && (m == nil || m[1] != "CommitSession" && m[1] != r.writes) {
			t.Errorf("%s writes: %s", what, query)
		}
	}
}

// connected makes sure that the half is connected to Stripe.
func (h *half) connected() {
	h.w.t.Helper()
	conn, err := h.w.app.Connection(context.Background(), h.owner)
	must(h.w.t, err)
	if conn.Stage == app.StageDisconnected {
		_, err := h.w.app.StartOnboarding(context.Background(), h.owner, "DE")
		must(h.w.t, err)
		must(h.w.t, h.w.app.CheckAccount(context.Background(), h.owner))
	}
}

// logsNoSecret is G18, over everything that the world above has logged at the level of debugging.
func logsNoSecret(t *testing.T, w *whole, halves ...*half) {
	t.Helper()
	w.logging.Lock()
	log := w.log.String()
	w.logging.Unlock()
	if !strings.Contains(log, "route=/w/:slug/payments/invoices/:id") {
		t.Error("requests are not logged")
	}
	secrets := map[string]string{"password": secret, "stripe key": "sk_test", "webhook secret": "whsec_", "email": "@north.example", "client": "Northlight", "query": "cs_test"}
	for role, v := range w.browsers {
		secrets["session of "+role], secrets["token of "+role] = v.session(), v.token
	}
	for _, h := range halves {
		secrets["token of "+h.slug] = h.token
	}
	for name, s := range secrets {
		if s != "" && (strings.Contains(log, s) || strings.Contains(log, url.QueryEscape(s))) {
			t.Errorf("the log holds the %s: %s", name, s)
		}
	}
}

// The client's page shows what is the client's, and nothing of the team (G15).
func TestClientPageShowsNothingOfTheTeam(t *testing.T) {
	t.Parallel()
	w, north, _ := newHalves(t)
	paid := w.detail(north.owner, north.ids[paid])
	for _, token := range []string{north.token, paid.Invoice.Token} {
		for _, rest := range []string{"", "/status", "?checkout=" + north.session, "?why=closed"} {
			p := w.client().get("/i/" + token + rest)
			p.has(t, http.StatusOK, "Northlight")
			p.lacks(t, "Mira", "Ada Brandt", "Jon Bell", "@north.example", "books@", north.owner.WorkspaceID, north.owner.UserID, north.slug,
				north.ids[open], north.ids[client], north.ids[project], "Rollout", north.account, north.intent, north.ids[payment], north.session, "pay@client.example", "/w/", "csrf")
		}
	}
}

// G2, G5, G8, G19: what is not a page, and requests that are too much.
// Attack G1.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	for _, path := range []string{
		"/trak.db", "/data/trak.db", "/static/../trak.db", "/static/%2e%2e/trak.db", "/static/%252e%252e%252ftrak.db", "/static/..%5ctrak.db", "/static/", "/static/trak.db%00.css",
		"/.env", "/.git/config", "/backup", "/backups/", "/debug/pprof/", "/debug/vars", "/metrics", "/admin", "/api", "/api/stripe", "/graphql", "/wp-login.php", "/server-status", "/views/pages/signin.html", "/static/trak.css/..",
	} {
		if p := w.as("owner").try(request{method: http.MethodGet, path: path}); p.status != http.StatusNotFound && p.status != http.StatusBadRequest {
			t.Errorf("%s: %d", path, p.status)
		}
	}
	deep := url.Values{"csrf": {w.as("owner").token}}
	for _, name := range []string{"line[1000001].description", "line[-1].description", "line[0][0][0].x", "x[999999999]", "line[9e9].quantity", "line[].quantity", strings.Repeat("[", 500)} {
		deep.Set(name, "1")
	}
	body := "csrf=" + url.QueryEscape(w.as("owner").token) + strings.Repeat("&a=1", 10_000)
	for what, try := range map[string]struct {
		body    string
		headers []string
		allowed []int
	}{
		"10,000 fields":         {body, nil, []int{413}},
		"names that nest":       {deep.Encode(), nil, []int{200}},
		"100 kB of one field":   {"csrf=x&a=" + strings.Repeat("a", 100<<10), nil, []int{413}},
		"a header of 9 kB":      {"", []string{"X-Long", strings.Repeat("a", 9<<10)}, []int{431}},
		"a compressed form":     {"a=1", []string{"Content-Encoding", "gzip"}, []int{415}},
		"a form that is a file": {"--x\r\n--x--", []string{"Content-Type", "multipart/form-data; boundary=x", "X-CSRF-Token", w.as("owner").token}, []int{415}},
	} {
		r, err := http.NewRequest(http.MethodPost, w.url+path(w.north, "/payments/invoices/preview"), strings.NewReader(try.body))
		must(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		for i := 0; i < len(try.headers); i += 2 {
			r.Header.Set(try.headers[i], try.headers[i+1])
		}
		res, err := w.as("owner").client.Do(r)
		if slices.Contains(try.allowed, 413) && (errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)) {
			continue // refused and cut off before all of it was sent
		}
		must(t, err)
		_ = res.Body.Close()
		if !slices.Contains(try.allowed, res.StatusCode) {
			t.Errorf("%s: %d", what, res.StatusCode)
		}
	}
}
