package handlers_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"trak/app"
	"trak/auth"
	"trak/connect"
	"trak/db"
	"trak/db/dbtest"
	"trak/handlers"
	"trak/sandbox"
)

// inbox is a running Trak whose webhooks the test delivers by itself: the sandbox makes the
// events and sends none. One workspace has a connected account.
type inbox struct {
	t       *testing.T
	dir     string
	url     string
	app     *app.App
	sandbox *sandbox.Server
	secrets []string
	client  *http.Client
	ahead   atomic.Int64
	fault   atomic.Pointer[func(query string) error] // of the writer, see db.Options
	own     bool
	owner   app.Actor
	account string // the owner's, at Stripe
	nudges  atomic.Int64
	raw     *sql.DB
	db      *db.DB
	addr    string
	base    string    // where Trak reaches Stripe
	box     *auth.Box // the same for every life of the process
	log     *slog.Logger
	stop    func()
}

// inboxOptions change what newInbox builds.
type inboxOptions struct {
	secrets   []string                          // nil = one
	stripe    func(sandbox http.Handler) string // where Trak reaches it; nil = directly
	noAccount bool
	own       bool      // paid into the key's own account
	log       io.Writer // nil = nowhere
}

func (in *inbox) now() time.Time          { return time.Now().Add(time.Duration(in.ahead.Load())) }
func (in *inbox) advance(d time.Duration) { in.ahead.Add(int64(d)) }

func newInbox(t *testing.T, o inboxOptions) *inbox {
	t.Helper()
	if o.secrets == nil {
		o.secrets = []string{"whsec_inbox"}
	}
	in := &inbox{t: t, own: o.own, dir: t.TempDir(), secrets: o.secrets, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
	t.Cleanup(in.client.CloseIdleConnections)
	if o.log == nil {
		o.log = io.Discard
	}
	log := slog.New(slog.NewTextHandler(o.log, nil))
	ctx := context.Background()
	in.sandbox = sandbox.New(sandbox.Options{Now: in.now, Logger: log})
	must(t, in.sandbox.Start("127.0.0.1:0"))
	t.Cleanup(func() { _ = in.sandbox.Close() })
	base := in.sandbox.URL()
	if o.stripe != nil {
		base = o.stripe(in.sandbox)
	}
	in.base, in.log = base, log
	var err error
	in.box, err = auth.NewBox(auth.NewKey())
	must(t, err)
	in.start()
	t.Cleanup(func() { in.stop() })
	in.raw, err = sql.Open("sqlite3", "file:"+filepath.Join(in.dir, db.FileName)+"?_busy_timeout=10000&_txlock=immediate")
	must(t, err)
	in.raw.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = in.raw.Close() })
	in.owner = in.workspace("mira@north.example", "Northlight Studio")
	switch {
	case o.own:
		in.until("the workspace is paid", func() bool {
			c, err := in.app.Connection(ctx, in.owner)
			in.account = c.Account.ID
			return err == nil && in.account != ""
		})
	case !o.noAccount:
		in.account = in.onboard(in.owner)
	}
	return in
}

// start opens the database and serves it, at the same address as before if there was one.
func (in *inbox) start() {
	in.t.Helper()
	ctx := context.Background()
	if in.addr == "" {
		in.addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", in.addr)
	must(in.t, err)
	in.addr = listener.Addr().String()
	in.url = "http://" + in.addr
	dbtest.Prepare(in.t, in.dir, os.DirFS("../db/migrations"))
	in.db, err = db.Open(ctx, in.dir, db.Options{
		Migrations: db.Migrations{FS: os.DirFS("../db/migrations")}, Now: in.now, Logger: in.log,
		Fault: func(query string) error {
			if f := in.fault.Load(); f != nil {
				return (*f)(query)
			}
			return nil
		},
	})
	must(in.t, err)
	install, err := app.InstallID(ctx, in.db)
	must(in.t, err)
	stripe, err := connect.New(connect.Config{SecretKey: "sk_test_sandbox", BaseURL: in.base, InstallID: install, Logger: in.log, Own: in.own, BackgroundRate: 10_000})
	must(in.t, err)
	in.app, err = app.New(ctx, app.Config{
		DB: in.db, Stripe: stripe, AppURL: in.url, WebhookSecrets: in.secrets, Own: in.own, Secrets: in.box,
		Limits: auth.NewLimits(in.now), Now: in.now, Logger: in.log,
	})
	must(in.t, err)
	in.app.Start()
	root := os.DirFS("..")
	server, err := handlers.New(handlers.Config{App: in.app, Views: root, Static: root, AppURL: in.url, StripeBase: in.base, Logger: in.log, Now: in.now})
	must(in.t, err)
	go func() { _ = server.Listener(listener) }()
	database, product := in.db, in.app
	in.stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
		product.Stop()
		_ = database.Close()
	}
}

// restart ends the process, as far as a test can, and starts it again on the same file.
func (in *inbox) restart() {
	in.t.Helper()
	in.stop()
	in.client.CloseIdleConnections()
	in.start()
}

// bothInboxes runs a test in connect mode and in own mode, each with an inbox of its own.
func bothInboxes(t *testing.T, name string, f func(t *testing.T, in *inbox)) {
	t.Helper()
	for _, own := range []bool{false, true} {
		title := name
		if own {
			title += ", own mode"
		}
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			f(t, newInbox(t, inboxOptions{own: own}))
		})
	}
}

func (in *inbox) workspace(email, name string) app.Actor {
	in.t.Helper()
	ctx := context.Background()
	u, err := in.app.CreateUser(ctx, app.NewUser{Name: "Somebody", Email: email, Password: secret})
	must(in.t, err)
	ws, err := in.app.CreateWorkspace(ctx, u.ID, app.NewWorkspace{Name: name, Country: "DE", Currency: "eur", TimeZone: "Europe/Berlin", Locale: "en"})
	must(in.t, err)
	actor, err := in.app.ActorIn(ctx, u.ID, ws.Slug)
	must(in.t, err)
	return actor
}

// onboard connects a workspace, and tells it so without any event.
func (in *inbox) onboard(actor app.Actor) string {
	in.t.Helper()
	ctx := context.Background()
	_, err := in.app.StartOnboarding(ctx, actor, "DE")
	must(in.t, err)
	c, err := in.app.Connection(ctx, actor)
	must(in.t, err)
	must(in.t, in.sandbox.Onboard(c.Account.ID, sandbox.OnboardComplete))
	must(in.t, in.app.CheckAccount(ctx, actor))
	return c.Account.ID
}

// invoice makes and finalizes an invoice, and returns it with the address of its link.
func (in *inbox) invoice(actor app.Actor, amount, currency string) (db.Invoice, string) {
	in.t.Helper()
	inv, err := in.app.CreateInvoice(context.Background(), actor, app.InvoiceInput{
		ClientName: "Halden & Vik", Summary: "Brand identity", Amount: amount, Currency: currency,
	}, true)
	must(in.t, err)
	return inv, in.link(actor, inv.ID)
}

// link waits until an invoice's link is active.
func (in *inbox) link(actor app.Actor, id string) (url string) {
	in.t.Helper()
	in.until("the link is there", func() bool {
		url = in.detail(actor, id).Link.URL
		return url != ""
	})
	return url
}

func (in *inbox) detail(actor app.Actor, id string) app.Detail {
	in.t.Helper()
	d, err := in.app.InvoiceDetail(context.Background(), actor, id)
	must(in.t, err)
	return d
}

// pay opens a link at the sandbox and pays there.
func (in *inbox) pay(link, card string) {
	in.t.Helper()
	session, err := in.sandbox.Checkout(link)
	must(in.t, err)
	in.submit(session, card)
}

func (in *inbox) submit(session, card string) {
	in.t.Helper()
	_, err := in.sandbox.Pay(session, sandbox.Card{Number: card, Expiry: "12/40", CVC: "123", Email: "pay@client.example"})
	must(in.t, err)
}

// events are those of an account that the sandbox has made since there were n of them.
func (in *inbox) events(n int) []json.RawMessage {
	account := in.account
	if in.own {
		account = "" // what happens on the platform's own account names none
	}
	return in.sandbox.Events(account)[n:]
}

// paid is the events of an invoice that was paid by card.
func (in *inbox) paid(link string) []json.RawMessage {
	in.t.Helper()
	n := len(in.events(0))
	in.pay(link, "4242424242424242")
	return in.events(n)
}

// sign is a Stripe-Signature: HMAC-SHA256 of "<time>.<body>" with each secret.
func sign(body []byte, at time.Time, secrets ...string) string {
	header := fmt.Sprintf("t=%d", at.Unix())
	for _, s := range secrets {
		mac := hmac.New(sha256.New, []byte(s))
		fmt.Fprintf(mac, "%d.", at.Unix())
		mac.Write(body)
		header += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return header
}

// post sends a body with headers, pairs of name and value, and returns status and answer.
func (in *inbox) post(body io.Reader, headers ...string) (int, string) {
	in.t.Helper()
	return in.request(http.MethodPost, body, headers...)
}

func (in *inbox) request(method string, body io.Reader, headers ...string) (int, string) {
	in.t.Helper()
	r, err := http.NewRequest(method, in.url+"/api/stripe/webhook", body)
	must(in.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := in.client.Do(r)
	if err != nil {
		in.t.Error(err)
		return 0, ""
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		in.t.Error(err)
	}
	return res.StatusCode, string(answer)
}

// deliver sends an event as Stripe does, and returns the status.
func (in *inbox) deliver(body []byte) int {
	in.t.Helper()
	status, _ := in.post(bytes.NewReader(body), "Stripe-Signature", sign(body, in.now(), in.secrets[0]))
	return status
}

// delivered sends events, all of which have to be taken.
func (in *inbox) delivered(events ...json.RawMessage) {
	in.t.Helper()
	for _, e := range events {
		if status := in.deliver(e); status != http.StatusOK {
			in.t.Fatalf("%s: status %d", typeOf(e), status)
		}
	}
}

// altered is an event with some fields of it changed: paths like data.object.amount, and
// values; a nil value leaves the field out.
func altered(t *testing.T, event []byte, changes map[string]any) json.RawMessage {
	t.Helper()
	var e map[string]any
	d := json.NewDecoder(bytes.NewReader(event))
	d.UseNumber()
	must(t, d.Decode(&e))
	for path, value := range changes {
		keys := strings.Split(path, ".")
		at := e
		for _, k := range keys[:len(keys)-1] {
			at = at[k].(map[string]any)
		}
		if last := keys[len(keys)-1]; value == nil {
			delete(at, last)
		} else {
			at[last] = value
		}
	}
	out, err := json.Marshal(e)
	must(t, err)
	return out
}

func typeOf(event []byte) string {
	var e struct{ Type string }
	_ = json.Unmarshal(event, &e)
	return e.Type
}

func idOf(event []byte) string {
	var e struct{ ID string }
	_ = json.Unmarshal(event, &e)
	return e.ID
}

// ofType is the first event of a type.
func ofType(t *testing.T, events []json.RawMessage, typ string) json.RawMessage {
	t.Helper()
	for _, e := range events {
		if typeOf(e) == typ {
			return e
		}
	}
	t.Fatalf("no %s among the events", typ)
	return nil
}

// count is the one number that a query gives.
func (in *inbox) count(query string, args ...any) (n int) {
	in.t.Helper()
	must(in.t, in.raw.QueryRow(query, args...).Scan(&n))
	return n
}

// stored is how an event rests in the database.
func (in *inbox) stored(id string) (state, outcome string) {
	in.t.Helper()
	must(in.t, in.raw.QueryRow("SELECT state, outcome FROM stripe_webhook_events WHERE event_id = ?", id).Scan(&state, &outcome))
	return state, outcome
}

// nudge makes the workers look again, which they otherwise do by their own clock.
func (in *inbox) nudge() {
	in.t.Helper()
	account := `"account":"` + in.account + `",`
	if in.own {
		account = ""
	}
	in.delivered(json.RawMessage(fmt.Sprintf(`{"id":"evt_nudge%d","type":"account.updated",%s"api_version":"2023-10-16","livemode":false,"created":1,
		"data":{"object":{"id":"%s","object":"account"}}}`, in.nudges.Add(1), account, in.account)))
}

// idle lets the time pass that some work waits for, and waits until everything that was asked
// for has been done: reads, links, events.
func (in *inbox) idle() {
	in.t.Helper()
	in.untilIn(5*time.Minute, "all work is done", func() bool {
		in.advance(10 * time.Second)
		in.nudge() // asks for the owner's account to be read, which therefore doesn't count
		return in.count(`SELECT (SELECT count(*) FROM stripe_reads WHERE next_attempt_at > 0 AND kind <> 'account')
			+ (SELECT count(*) FROM payment_links WHERE next_attempt_at > 0)
			+ (SELECT count(*) FROM stripe_webhook_events WHERE next_attempt_at > 0)`) == 0
	})
}

func (in *inbox) until(what string, ok func() bool) {
	in.t.Helper()
	in.untilIn(20*time.Second, what, ok)
}

func (in *inbox) untilIn(limit time.Duration, what string, ok func() bool) {
	in.t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(limit / 5000) {
		if time.Now().After(deadline) {
			in.t.Fatalf("never happened: %s", what)
		}
	}
}

// verified is the judge: every sum, status and number is what its facts say.
func (in *inbox) verified() {
	in.t.Helper()
	r, err := app.Verify(context.Background(), in.db)
	must(in.t, err)
	r.Differences = slices.DeleteFunc(r.Differences, func(d app.Difference) bool {
		return d.Kind == "audit" && d.ID == "0" // copies of a workspace, made by SQL, have no record
	})
	for i, d := range r.Differences {
		if i == 5 {
			in.t.Fatalf("and %d more", len(r.Differences)-i)
		}
		in.t.Errorf("verify: %s %s %s", d.Kind, d.ID, d.What)
	}
}

// standing is an invoice in one line.
func (in *inbox) standing(actor app.Actor, id string) string {
	in.t.Helper()
	d := in.detail(actor, id)
	s := fmt.Sprintf("%s received %d due %d payments %d", d.Invoice.Status, d.Invoice.Received, d.Invoice.Due, len(d.Payments))
	if d.Invoice.Flags != "" {
		s += " " + d.Invoice.Flags
	}
	return s
}
