package handlers_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"trak/app"
	"trak/auth"
	"trak/connect"
	"trak/db"
	"trak/db/dbtest"
	"trak/handlers"
	"trak/logs"
	"trak/sandbox"
)

// whole is a running Trak with a sandbox beside it, both over HTTP, and the people of two
// workspaces.
type whole struct {
	t       *testing.T
	url     string
	db      *db.DB
	app     *app.App
	server  *handlers.Server
	sandbox *sandbox.Server
	ahead   atomic.Int64

	dir     string       // of the data
	log     bytes.Buffer // all that Trak logged; read it once everything is quiet
	logging sync.Mutex
	write   atomic.Pointer[func(query string)] // told of each statement of the writer, when set
	reader  *sql.DB                            // see raw

	north, south app.Actor // the workspaces' owners
	people       map[string]string

	mu       sync.Mutex
	browsers map[string]*visitor
}

const secret = "paper lantern quiet harbour"

func (w *whole) now() time.Time          { return time.Now().Add(time.Duration(w.ahead.Load())) }
func (w *whole) advance(d time.Duration) { w.ahead.Add(int64(d)) }

// newWhole starts everything. What Stripe tells arrives only after hear; change is for the
// configuration of the pages.
func newWhole(t *testing.T, change ...func(*handlers.Config)) *whole {
	t.Helper()
	w := startWhole(t, app.Config{}, change...)
	w.north = w.workspace("Mira Osei", "mira@north.example", "Northlight Studio")
	w.south = w.workspace("Tomas Lind", "tomas@south.example", "Southwark Prints")
	w.staff()
	return w
}

// newOwn is a whole in own mode: one workspace, and a stranger who has none.
func newOwn(t *testing.T) *whole {
	t.Helper()
	w := startWhole(t, app.Config{Own: true})
	w.hear()
	w.north = w.workspace("Mira Osei", "mira@north.example", "Northlight Studio")
	w.user("Tomas Lind", "tomas@south.example")
	w.staff()
	w.until("the workspace is paid", func() bool {
		c, err := w.app.Connection(context.Background(), w.north)
		return err == nil && c.Stage == connect.StageActive
	})
	return w
}

// staff is who else there is.
func (w *whole) staff() {
	w.t.Helper()
	w.join(w.north, "Ada Brandt", "ada@north.example", app.Admin)
	w.join(w.north, "Jon Bell", "jon@north.example", app.Member)
	w.join(w.north, "Noor Haddad", "noor@north.example", app.Accountant)
	w.people = map[string]string{"owner": "mira@north.example", "admin": "ada@north.example", "member": "jon@north.example", "accountant": "noor@north.example", "stranger": "tomas@south.example"}
}

// startWhole starts Trak as set says; what it is built from is filled in.
func startWhole(t *testing.T, set app.Config, change ...func(*handlers.Config)) *whole {
	t.Helper()
	w := &whole{t: t, browsers: map[string]*visitor{}, dir: t.TempDir()}
	must(t, os.Chmod(w.dir, 0o700))
	output := io.Discard
	if testing.Verbose() {
		output = t.Output()
	}
	quiet := slog.New(slog.NewTextHandler(output, nil))
	logger := logs.New(io.MultiWriter(w, output), logs.Text, slog.LevelDebug)
	ctx := context.Background()
	w.sandbox = sandbox.New(sandbox.Options{Now: w.now, Logger: quiet})
	must(t, w.sandbox.Start("127.0.0.1:0"))
	t.Cleanup(func() { _ = w.sandbox.Close() })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w.url = "http://" + listener.Addr().String()

	root := os.DirFS("..")
	dbtest.Prepare(t, w.dir, os.DirFS("../db/migrations"))
	database, err := db.Open(ctx, w.dir, db.Options{Fault: w.wrote, Migrations: db.Migrations{FS: os.DirFS("../db/migrations")}, Now: w.now, Logger: logger})
	must(t, err)
	w.db = database
	t.Cleanup(func() { _ = database.Close() })
	install, err := app.InstallID(ctx, database)
	must(t, err)
	stripe, err := connect.New(connect.Config{SecretKey: "sk_test_sandbox", BaseURL: w.sandbox.URL(), InstallID: install, Logger: logger, Own: set.Own, BackgroundRate: 1000, Now: w.now})
	must(t, err)
	box, err := auth.NewBox(auth.NewKey())
	must(t, err)
	set.DB, set.Stripe, set.AppURL, set.Secrets, set.Limits, set.Now, set.Logger = database, stripe, w.url, box, auth.NewLimits(w.now), w.now, logger
	w.app, err = app.New(ctx, set)
	must(t, err)
	w.app.Start()
	t.Cleanup(w.app.Stop)
	config := handlers.Config{App: w.app, Views: root, Static: root, AppURL: w.url, StripeBase: w.sandbox.URL(), Logger: logger, Now: w.now}
	for _, f := range change {
		f(&config)
	}
	w.server, err = handlers.New(config)
	must(t, err)
	go func() { _ = w.server.Listener(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = w.server.Shutdown(ctx)
	})
	return w
}

// Write keeps what is logged.
func (w *whole) Write(p []byte) (int, error) {
	w.logging.Lock()
	defer w.logging.Unlock()
	return w.log.Write(p)
}

// wrote tells of a statement.
func (w *whole) wrote(query string) error {
	if f := w.write.Load(); f != nil {
		(*f)(query)
	}
	return nil
}

func (w *whole) workspace(name, email, workspace string) app.Actor {
	w.t.Helper()
	ctx := context.Background()
	user := w.user(name, email)
	ws, err := w.app.CreateWorkspace(ctx, user, app.NewWorkspace{Name: workspace, Country: "DE", Currency: "eur", TimeZone: "Europe/Berlin", Locale: "en"})
	must(w.t, err)
	actor, err := w.app.ActorIn(ctx, user, ws.Slug)
	must(w.t, err)
	return actor
}

func (w *whole) join(owner app.Actor, name, email string, role app.Role) {
	w.t.Helper()
	ctx := context.Background()
	must(w.t, w.app.AddMember(ctx, owner.WorkspaceID, w.user(name, email), role))
}

// secretHash is of everybody's password, made once: it takes longer than all the rest of a world.
var secretHash = sync.OnceValues(func() (string, error) { return auth.HashPassword(secret) })

// user makes somebody who belongs to no workspace yet, and returns the id.
func (w *whole) user(name, email string) string {
	w.t.Helper()
	hash, err := secretHash()
	must(w.t, err)
	id := uuid.Must(uuid.NewV7()).String()
	must(w.t, w.db.Update(context.Background(), db.System, func(tx *db.Tx) error {
		return tx.InsertUser(context.Background(), db.InsertUserParams{ID: id, Email: email, Name: name, PasswordHash: hash, CreatedAt: tx.Now()})
	}))
	return id
}

// hear makes the endpoint for webhooks, so that the sandbox's events arrive.
func (w *whole) hear() {
	w.t.Helper()
	_, err := w.app.EnsureWebhook(context.Background())
	must(w.t, err)
}

// onboard takes a workspace through Stripe's onboarding, and returns the account's id.
func (w *whole) onboard(actor app.Actor, outcome string) string {
	w.t.Helper()
	ctx := context.Background()
	_, err := w.app.StartOnboarding(ctx, actor, "DE")
	must(w.t, err)
	conn, err := w.app.Connection(ctx, actor)
	must(w.t, err)
	must(w.t, w.sandbox.Onboard(conn.Account.ID, outcome))
	must(w.t, w.app.CheckAccount(ctx, actor))
	return conn.Account.ID
}

// invoice makes and finalizes an invoice of one line; due is YYYY-MM-DD, "" for no date.
func (w *whole) invoice(actor app.Actor, client, amount, currency, due string) db.Invoice {
	w.t.Helper()
	inv, err := w.app.CreateInvoice(context.Background(), actor, app.InvoiceInput{
		ClientName: client, Summary: "Brand identity", Amount: amount, Currency: currency, Due: due,
	}, true)
	must(w.t, err)
	return inv
}

// link waits for the invoice's link at Stripe.
func (w *whole) link(actor app.Actor, id string) (link string) {
	w.t.Helper()
	w.until("the link is there", func() bool {
		d, err := w.app.InvoiceDetail(context.Background(), actor, id)
		must(w.t, err)
		link = d.Link.URL
		return link != ""
	})
	return link
}

// pay takes an invoice through the sandbox's checkout.
func (w *whole) pay(actor app.Actor, id, card string) sandbox.Outcome {
	w.t.Helper()
	session, err := w.sandbox.Checkout(w.link(actor, id))
	must(w.t, err)
	out, err := w.sandbox.Pay(session, sandbox.Card{Number: card, Expiry: "12/40", CVC: "123", Email: "pay@client.example"})
	must(w.t, err)
	must(w.t, w.sandbox.Settle(context.Background()))
	return out
}

func (w *whole) until(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("never happened: %s", what)
		}
	}
}

// path is an address below a workspace.
func path(actor app.Actor, rest string) string { return "/w/" + actor.Workspace.Slug + rest }

// visitor is a browser without scripts: it keeps cookies, and the token of the last form.
type visitor struct {
	w      *whole
	client *http.Client
	token  string
}

type page struct {
	status int
	body   string
	header http.Header
}

// as is the browser of a person, by role; "nobody" has not signed in.
func (w *whole) as(role string) *visitor {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if v := w.browsers[role]; v != nil {
		return v
	}
	jar, err := cookiejar.New(nil)
	must(w.t, err)
	v := &visitor{w: w, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	w.browsers[role] = v
	if email := w.people[role]; email != "" {
		v.get("/signin")
		if p := v.post("/signin", "email", email, "password", secret); p.status != http.StatusSeeOther {
			w.t.Fatalf("sign in as %s: %d %s", role, p.status, p.body)
		}
		v.get("/workspaces")
	}
	return v
}

var token = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// get asks for a page; headers are pairs of name and value.
func (v *visitor) get(path string, headers ...string) page {
	v.w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, v.w.url+path, nil)
	must(v.w.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return v.send(r)
}

// part asks for a fragment, as htmx does for an element.
func (v *visitor) part(path, target string) page {
	v.w.t.Helper()
	return v.get(path, "HX-Request", "true", "HX-Request-Type", "partial", "HX-Target", target)
}

// post sends a form, given as pairs of name and value, as a browser does from our own page.
func (v *visitor) post(path string, fields ...string) page {
	v.w.t.Helper()
	form := url.Values{"csrf": {v.token}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, v.w.url+path, strings.NewReader(form.Encode()))
	must(v.w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", v.w.url)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.send(r)
}

func (v *visitor) send(r *http.Request) page {
	v.w.t.Helper()
	res, err := v.client.Do(r)
	must(v.w.t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	must(v.w.t, err)
	if m := token.FindSubmatch(body); m != nil {
		v.token = string(m[1])
	}
	return page{res.StatusCode, string(body), res.Header}
}

// has fails for each text that the page lacks.
func (p page) has(t *testing.T, status int, texts ...string) {
	t.Helper()
	if p.status != status {
		t.Errorf("status %d, not %d: %s", p.status, status, p.body)
		return
	}
	for _, want := range texts {
		if !strings.Contains(p.body, want) {
			t.Errorf("%q is missing in %s", want, p.main())
		}
	}
}

// lacks fails for each text that the page holds.
func (p page) lacks(t *testing.T, texts ...string) {
	t.Helper()
	for _, not := range texts {
		if strings.Contains(p.body, not) {
			t.Errorf("%q is there", not)
		}
	}
}

// main is the page without its frame; a fragment has none.
func (p page) main() string {
	_, body, found := strings.Cut(p.body, "<main")
	if !found {
		return p.body
	}
	body, _, _ = strings.Cut(body, "</main>")
	return body
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wellFormed fails for what a page must never be: ids that are there twice, labels and
// references without their element, elements that are not closed.
func (p page) wellFormed(t *testing.T) {
	t.Helper()
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
		if ids[m[1]] {
			t.Errorf("id %q is there twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`\s(?:for|aria-labelledby|aria-describedby|aria-controls)="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
		for _, id := range strings.Fields(m[1]) {
			if !ids[id] {
				t.Errorf("nothing has the id %q", id)
			}
		}
	}
	if err := balanced(p.body); err != nil {
		t.Error(err)
	}
	for _, broken := range []string{"ZgotmplZ", "<no value>", "%!"} {
		if strings.Contains(p.body, broken) {
			t.Errorf("%s in the page", broken)
		}
	}
}

var tag = regexp.MustCompile(`<(/?)([a-z][a-z0-9]*)\b[^>]*?(/?)>`)

// balanced checks that each element is closed where it has to be.
func balanced(html string) error {
	void := map[string]bool{"meta": true, "link": true, "input": true, "br": true, "hr": true, "img": true}
	var open []string
	for _, m := range tag.FindAllStringSubmatch(html, -1) {
		switch name := m[2]; {
		case m[3] == "/" || void[name]:
		case m[1] == "":
			open = append(open, name)
		case len(open) == 0 || open[len(open)-1] != name:
			return fmt.Errorf("</%s> closes %v", name, open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("%v are not closed", open)
	}
	return nil
}

// stray lets a payment arrive that no link of Trak's asked for, and returns its id.
func (w *whole) stray(actor app.Actor, account string, minor int64) (id string) {
	w.t.Helper()
	_, err := w.sandbox.PayInDashboard(account, "4242424242424242", "eur", minor, "At the fair")
	must(w.t, err)
	must(w.t, w.sandbox.Settle(context.Background()))
	must(w.t, w.raw().QueryRow("SELECT id FROM payments WHERE workspace_id = ? AND invoice_id IS NULL ORDER BY id DESC LIMIT 1", actor.WorkspaceID).Scan(&id))
	return id
}

// logged is all that Trak has logged so far.
func (w *whole) logged() string {
	w.logging.Lock()
	defer w.logging.Unlock()
	return w.log.String()
}
