package handlers_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"trak/app"
	"trak/billing"
	"trak/db"
	"trak/handlers"
	"trak/sandbox"
)

// thing is a kind of what a workspace has.
type thing string

const (
	client  thing = "client"
	project thing = "project"
	draft   thing = "draft"
	open    thing = "open invoice"
	paid    thing = "paid invoice"
	payment thing = "payment"
	event   thing = "webhook event"

	recorded thing = "invoice with a payment outside Stripe"
	strayed  thing = "payment for no invoice"
	assigned thing = "invoice that a payment was assigned to"
	payout   thing = "payout"
	dispute  thing = "dispute" // with an answer that is saved

	teammate   thing = "member of the team"
	invitation thing = "invitation"
)

// half is one of everything of one workspace. Every text in it holds the mark.
type half struct {
	w       *whole
	owner   app.Actor
	slug    string
	mark    string
	ids     map[thing]string
	token   string // of the open invoice
	account string // at Stripe, like the next two
	session string
	intent  string
	subject string // of what needs attention
	ignored string // the same, and ignored
	after   int64  // a moment later than everything
	asset   string // path of a static file
	accent  string // and of the style sheet with its colour
}

// newHalves makes a Trak with one of everything in each of its two workspaces, a person who
// belongs to both, and nothing under way in the background.
func newHalves(t *testing.T) (w *whole, north, south *half) {
	t.Helper()
	w = newWhole(t, func(c *handlers.Config) {
		c.Demo = &handlers.Demo{SandboxURL: c.StripeBase, Accounts: []handlers.DemoAccount{{Role: "Owner", Email: "mira@north.example", Password: secret}}}
	})
	w.hear()
	w.join(w.north, "Bo Tveit", "bo@both.example", app.Owner)
	bo, err := w.app.ActorIn(context.Background(), w.userID("bo@both.example"), w.north.Workspace.Slug)
	must(t, err)
	must(t, w.app.AddMember(context.Background(), w.south.WorkspaceID, bo.UserID, app.Owner))
	w.people["both"] = "bo@both.example"
	north, south = w.half(w.north, "Northlight"), w.half(w.south, "Southwark")
	w.app.Stop()
	return w, north, south
}

func (w *whole) half(owner app.Actor, mark string) *half {
	w.t.Helper()
	h := &half{w: w, owner: owner, slug: owner.Workspace.Slug, mark: mark, ids: map[thing]string{}, after: 1 << 60}
	h.account = w.onboard(owner, sandbox.OnboardComplete)
	w.dress(owner)
	for _, kind := range []thing{client, project, draft, open, recorded, strayed, assigned, teammate, invitation} {
		h.ids[kind] = h.make(kind)
	}
	h.token = w.detail(owner, h.ids[open]).Invoice.Token
	h.ids[paid] = h.make(open)
	link := w.link(owner, h.ids[paid])
	session, err := w.sandbox.Checkout(link)
	must(w.t, err)
	_, err = w.sandbox.Pay(session, sandbox.Card{Number: "4242424242424242", Expiry: "12/40", CVC: "123", Email: "pay@client.example"})
	must(w.t, err)
	w.until("the payment has arrived", func() bool {
		must(w.t, w.sandbox.Settle(context.Background()))
		return len(w.detail(owner, h.ids[paid]).Payments) > 0
	})
	p := w.detail(owner, h.ids[paid]).Payments[0]
	h.session, h.ids[payment], h.intent = session, p.ID, p.PaymentIntentID
	h.subject, h.ignored = h.strayedSubject(h.make(strayed)), h.strayedSubject(h.make(strayed))
	must(w.t, w.app.IgnoreAttention(context.Background(), owner, app.AttentionUnmatched, []string{h.ignored}, mark+" sold it at a fair"))
	h.ids[payout] = h.make(payout)
	h.ids[event] = h.make(event)
	h.ids[dispute] = h.make(dispute)
	h.accent = w.client().get("/i/"+h.token).find(w.t, regexp.MustCompile(`href="(/static/accent/[^"]+\.css)"`))
	css := regexp.MustCompile(`href="(/static/[^"]+\.css)"`)
	h.asset = w.as("nobody").get("/signin").find(w.t, css)
	return h
}

// make makes another thing of a kind, and returns its id.
func (h *half) make(kind thing) string {
	h.w.t.Helper()
	ctx, t := context.Background(), h.w.t
	if kind == client {
		c, err := h.w.app.CreateClient(ctx, h.owner, app.ClientInput{Name: h.mark + " Books", Email: "books@" + strings.ToLower(h.mark) + ".example", Address: h.mark + " Road 1"})
		must(t, err)
		return c.ID
	}
	if kind == teammate {
		id := h.w.user(h.mark+" Kim", nobodys()+"@"+strings.ToLower(h.mark)+".example")
		must(t, h.w.app.AddMember(ctx, h.owner.WorkspaceID, id, app.Member))
		return id
	}
	if kind == invitation {
		in := app.InvitationInput{Email: nobodys() + "@" + strings.ToLower(h.mark) + ".example", Role: app.Member}
		_, err := h.w.app.Invite(ctx, h.owner, in)
		must(t, err)
		team, err := h.w.app.Team(ctx, h.owner)
		must(t, err)
		for _, i := range team.Invitations {
			if i.Email == in.Email {
				return i.ID
			}
		}
	}
	if kind == event { // any of the workspace's own: what is made of it can be made again
		var id string
		must(t, h.w.raw().QueryRow("SELECT event_id FROM stripe_webhook_events WHERE workspace_id = ? AND type = 'charge.succeeded'", h.owner.WorkspaceID).Scan(&id))
		return id
	}
	if kind == payment {
		id := h.make(open)
		h.w.pay(h.owner, id, "4242424242424242")
		return h.w.detail(h.owner, id).Payments[0].ID
	}
	if kind == payout {
		for { // disputes may have left the account short
			h.w.pay(h.owner, h.make(open), "4000000000000077") // money that is available at once
			payouts, err := h.w.sandbox.PayOut(h.account)
			must(t, err)
			if len(payouts) > 0 {
				must(t, h.w.sandbox.Settle(ctx))
				return payouts[0]
			}
		}
	}
	if kind == project {
		p, err := h.w.app.CreateProject(ctx, h.owner, app.ProjectInput{Name: h.mark + " Rollout " + nobodys(), Note: h.mark + " only"})
		must(t, err)
		return p.ID
	}
	switch kind {
	case dispute:
		about := h.make(open)
		h.w.pay(h.owner, about, "4000000000000259")
		id := h.w.disputeOf(h.owner, about).ID
		must(t, h.w.app.SaveEvidence(ctx, h.owner, id, app.EvidenceInput{Texts: map[string]string{"customer_name": h.mark + " Harbour"}}))
		return id
	case recorded:
		id := h.make(open)
		must(t, h.w.app.RecordPayment(ctx, h.owner, id, app.HandInput{
			FormKey: nobodys(), Amount: "50", Method: "cash", Reference: h.mark + " till", ReceivedOn: string(billing.Today(h.owner.Workspace.Location(), h.w.now())),
		}))
		return id
	case strayed:
		return h.w.stray(h.owner, h.account, 700)
	case assigned:
		id := h.make(open)
		must(t, h.w.app.AssignPayment(ctx, h.owner, h.make(strayed), id))
		return id
	}
	inv, err := h.w.app.CreateInvoice(ctx, h.owner, app.InvoiceInput{
		ClientName: h.mark + " Harbour", Summary: h.mark + " signs", Amount: "120", Currency: "eur", Due: "2020-01-31", ProjectID: h.ids[project],
	}, kind == open)
	must(t, err)
	if kind == open {
		h.w.link(h.owner, inv.ID)
	}
	return inv.ID
}

// strayedSubject is what names a payment for no invoice among what needs attention.
func (h *half) strayedSubject(payment string) string {
	h.w.t.Helper()
	list, err := h.w.app.Attention(context.Background(), h.owner, false)
	must(h.w.t, err)
	for _, it := range list {
		if it.Kind == app.AttentionUnmatched && it.PaymentID == payment {
			return it.Subject
		}
	}
	h.w.t.Fatalf("%s does not need attention", payment)
	return ""
}

// paymentOf is the payment of an invoice, or nobody's.
func (h *half) paymentOf(invoice string) string {
	d, err := h.w.app.InvoiceDetail(context.Background(), h.owner, invoice)
	if err != nil || len(d.Payments) == 0 {
		return nobodys()
	}
	return d.Payments[0].ID
}

// version of an invoice of the half, 1 when there is none.
func (h *half) version(id string) int64 {
	d, err := h.w.app.InvoiceDetail(context.Background(), h.owner, id)
	if err != nil {
		return 1
	}
	return d.Invoice.Version
}

// nowhere is the half of a workspace that does not exist: all ids are well-formed and nobody's.
func (h *half) nowhere() *half {
	other := *h
	other.slug, other.mark, other.token, other.session = "nowhere-studio", "Nowhere", "AAAAAAAAAAAAAAAAAAAAAA", "cs_test_nowhere"
	other.ids = map[thing]string{}
	other.ids = map[thing]string{}
	other.subject, other.ignored = nobodys()+":700", nobodys()+":700"
	for kind := range h.ids {
		other.ids[kind] = nobodys()
	}
	return &other
}

func nobodys() string { return uuid.Must(uuid.NewV7()).String() }

func (w *whole) userID(email string) (id string) {
	w.t.Helper()
	must(w.t, w.raw().QueryRow("SELECT id FROM users WHERE email = ?", email).Scan(&id))
	return id
}

// raw reads the database behind Trak's back.
func (w *whole) raw() *sql.DB {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reader == nil {
		reader, err := sql.Open("sqlite3", "file:"+filepath.Join(w.dir, db.FileName)+"?mode=ro")
		must(w.t, err)
		w.reader = reader
		w.t.Cleanup(func() { _ = reader.Close() })
	}
	return w.reader
}

// rows is all that the database holds, or all that it holds of one workspace; one line a row.
// It leaves out the sessions, and which workspace each person was in last.
func (w *whole) rows(workspaceID string) []string {
	w.t.Helper()
	var tables []string
	names, err := w.raw().Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('sessions') AND name NOT LIKE 'sqlite_%' ORDER BY name")
	must(w.t, err)
	for names.Next() {
		var name string
		must(w.t, names.Scan(&name))
		tables = append(tables, name)
	}
	must(w.t, names.Err())
	var all []string
	for _, table := range tables {
		all = append(all, w.rowsOf(table, workspaceID)...)
	}
	return all
}

func (w *whole) rowsOf(table, workspaceID string) (list []string) {
	w.t.Helper()
	rows, err := w.raw().Query("SELECT * FROM " + table)
	must(w.t, err)
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	must(w.t, err)
	key := slices.Index(columns, "workspace_id")
	if table == "workspaces" {
		key = slices.Index(columns, "id")
	}
	for rows.Next() {
		values, pointers := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			pointers[i] = &values[i]
		}
		must(w.t, rows.Scan(pointers...))
		if workspaceID != "" && (key < 0 || values[key] != workspaceID) {
			continue
		}
		line := table
		for i, column := range columns {
			if column != "last_workspace_id" {
				line += fmt.Sprintf(" %s=%s", column, text(values[i]))
			}
		}
		list = append(list, line)
	}
	must(w.t, rows.Err())
	slices.Sort(list)
	return list
}

func text(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

// unchanged fails with the rows that are not as they were before.
func (w *whole) unchanged(t *testing.T, before []string, workspaceID, what string) {
	t.Helper()
	count := map[string]int{}
	for _, line := range before {
		count[line]--
	}
	for _, line := range w.rows(workspaceID) {
		count[line]++
	}
	for _, line := range slices.Sorted(maps.Keys(count)) {
		if n := count[line]; n != 0 {
			t.Errorf("%s: %+d of %.300s", what, n, line)
		}
	}
}

// try sends a request as a browser does from our own page. headers are pairs of name and value;
// an empty value leaves the header out.
func (v *visitor) try(r request, headers ...string) page {
	v.w.t.Helper()
	form := url.Values{"csrf": {v.token}}
	for i := 0; i < len(r.form); i += 2 {
		form.Set(r.form[i], r.form[i+1])
	}
	body := ""
	if r.method == http.MethodPost {
		body = form.Encode()
	}
	out, err := http.NewRequest(r.method, v.w.url+r.path, strings.NewReader(body))
	must(v.w.t, err)
	if r.method != http.MethodGet && r.method != http.MethodHead {
		out.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		out.Header.Set("Origin", v.w.url)
		out.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i < len(headers); i += 2 {
		out.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			out.Header.Del(headers[i])
		}
	}
	p := v.send(out)
	p.wellSent(v.w.t, r)
	return p
}

// asHTMX is what htmx adds to a request for an element of a page.
func asHTMX(target, page string) []string {
	return []string{"HX-Request", "true", "HX-Request-Type", "partial", "HX-Target", target, "HX-Current-URL", page}
}

// newcomer is another browser in which nobody has signed in, or the person with the email.
func (w *whole) newcomer(email string) *visitor {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	must(w.t, err)
	v := &visitor{w: w, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	v.get("/signin")
	if email != "" {
		v.post("/signin", "email", email, "password", secret).has(w.t, http.StatusSeeOther)
		v.get("/workspaces")
	}
	return v
}

// session is the browser's cookie.
func (v *visitor) session() string {
	u, err := url.Parse(v.w.url)
	must(v.w.t, err)
	for _, c := range v.client.Jar.Cookies(u) {
		return c.Value
	}
	return ""
}

// wellSent fails for headers that any response lacks or has too many of.
// Attacks E6, E10, E11 and F3.
func (p page) wellSent(t *testing.T, r request) {
	t.Helper()
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		"Permissions-Policy":         "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control": "no-store, private", "Vary": "Cookie, HX-Request, HX-Request-Type, HX-Target, Accept-Encoding", "Server": "",
	}
	if strings.HasPrefix(r.path, "/static/") && p.status == http.StatusOK {
		want["Cache-Control"], want["Vary"] = "public, max-age=31536000, immutable", "Accept-Encoding"
	}
	if strings.HasPrefix(r.path, "/i/") {
		want["Referrer-Policy"] = "no-referrer"
	}
	for name, value := range want {
		if got := strings.Join(p.header.Values(name), ", "); got != value {
			t.Errorf("%s %s: %d with %s %q", r.method, r.path, p.status, name, got)
		}
	}
	csp := p.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self'; ") || !strings.HasSuffix(csp, "; base-uri 'none'; frame-ancestors 'none'") {
		t.Errorf("%s %s: %d with the policy %q", r.method, r.path, p.status, csp)
	}
	for name := range p.header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s %s: %d with %s", r.method, r.path, p.status, name)
		}
	}
	kind := p.header.Get("Content-Type")
	// What people uploaded or take away is a picture that we have made, or saved to a file: never a page.
	media, _, _ := strings.Cut(kind, ";")
	known := []string{"text/html", "text/plain", "image/png"}
	if strings.HasPrefix(r.path, "/static/") {
		known = append(known, "text/css", "text/javascript", "image/svg+xml", "font/woff2")
	}
	if p.body != "" && !slices.Contains(known, media) && !strings.HasPrefix(p.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%s %s: %d shows %q", r.method, r.path, p.status, kind)
	}
	if strings.HasPrefix(p.header.Get("Content-Disposition"), "attachment") && media == "text/html" {
		t.Errorf("%s %s: %d is a page to save", r.method, r.path, p.status)
	}
	if p.body != "" && strings.HasPrefix(media, "text/") && !strings.HasSuffix(kind, "; charset=utf-8") {
		t.Errorf("%s %s: %d with Content-Type %q", r.method, r.path, p.status, kind)
	}
	if p.status >= 500 {
		t.Errorf("%s %s: %d %s", r.method, r.path, p.status, p.main())
	}
}

// ownOfAnswer is what differs between two answers to the same request: the form token is masked
// another way each time, and a sentence about what was done before is said once.
var ownOfAnswer = regexp.MustCompile(`name="csrf" value="[^"]*"|<div class="toasts".*</div>`)

// sameAs fails unless both answers are the same to whoever gets them.
func (p page) sameAs(t *testing.T, other page, what string) {
	t.Helper()
	answer := func(p page) []string {
		body := ownOfAnswer.ReplaceAllString(strings.ReplaceAll(p.body, p.header.Get("X-Request-Id"), ""), "")
		return append(strings.Split(body, "\n"), p.header.Get("Location"), p.header.Get("HX-Location"), p.header.Get("Content-Type"))
	}
	a, b := answer(p), answer(other)
	if p.status != other.status || len(a) != len(b) {
		t.Errorf("%s: %d with %d lines, otherwise %d with %d", what, p.status, len(a), other.status, len(b))
		return
	}
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("%s: %q, otherwise %q", what, a[i], b[i])
		}
	}
}
