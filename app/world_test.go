package app_test

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/google/uuid"

	"trak/app"
	"trak/auth"
	"trak/connect"
	"trak/db"
	"trak/db/dbtest"
	"trak/sandbox"
)

// TestMain sends every call to a host that is not this machine nowhere, so that a live key, which
// goes to Stripe alone, gets no answer.
func TestMain(m *testing.M) {
	// Tests wait for answers most of the time: more of them than there are cores run at once, unless
	// -parallel says otherwise.
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "8")
	}
	_ = os.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	os.Exit(m.Run())
}

// world is a running Trak without pages: a real database file, the sandbox over HTTP, and
// webhooks that arrive signed, over HTTP.
type world struct {
	t       *testing.T
	dir     string
	sandbox *sandbox.Server
	db      *db.DB
	app     *app.App
	hooks   *httptest.Server
	clock   *clock
	owner   app.Actor
	member  app.Actor
	stripe  string        // where Stripe is; "" = at the sandbox
	key     string        // of Stripe's; "" = the sandbox's
	timeout time.Duration // of a call to Stripe; 0 = the usual one
	rate    int           // of background calls to Stripe in a second; 0 = as many as come
	off     bool          // webhooks are
	secrets []string
	// payloadDays is how long payloads keep personal data; 0 = for ever.
	payloadDays int
	own         bool // paid into the key's own account
	// ownAccount is the configured id of that, may be empty.
	ownAccount string
	raw        *sql.DB
	serving    atomic.Pointer[app.App] // takes webhooks; nil while Trak is stopped
}

// clock can be moved by a test; it goes on by itself otherwise.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

func logger(t *testing.T) *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldIn(t, false)
}

// bothModes runs a test in connect mode and in own mode, each in a world of its own.
func bothModes(t *testing.T, name string, f func(t *testing.T, w *world)) {
	t.Helper()
	for _, own := range []bool{false, true} {
		mode := "connect mode"
		if own {
			mode = "own mode"
		}
		t.Run(strings.TrimPrefix(name+", "+mode, ", "), func(t *testing.T) {
			t.Parallel()
			f(t, newWorldIn(t, own))
		})
	}
}

func newWorldIn(t *testing.T, own bool) *world {
	t.Helper()
	w := bareWorld(t, own)
	w.begin()
	return w
}

// answers changes what Stripe's open questions are answered with, for a test that is about one
// of its answers.
func (w *world) answers(change func(*sandbox.Answers)) {
	a := w.sandbox.Answers()
	change(&a)
	w.sandbox.SetAnswers(a)
}

// bareWorld is a world in which Trak has not been started yet.
func bareWorld(t *testing.T, own bool) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), clock: &clock{}, own: own}
	w.sandbox = sandbox.New(sandbox.Options{Now: w.clock.now, Logger: logger(t)})
	if err := w.sandbox.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.sandbox.Close() })
	w.hooks = httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(w.hooks.Close)
	return w
}

// begin starts Trak for the first time.
func (w *world) begin() {
	w.t.Helper()
	w.start()
	w.t.Cleanup(w.stop)
	if !w.off {
		must(w.t, ignore(w.app.EnsureWebhook(context.Background())))
	}
	w.owner = w.person("Mira Osei", "mira@example.com", "Northlight Studio", app.Owner)
	w.member = w.join("Jon Bell", "jon@example.com", app.Member)
}

// start opens the database and begins to work; stop does the opposite, as a restart does.
func (w *world) start() {
	w.t.Helper()
	must(w.t, w.open())
}

// open is start with its error: nothing runs then.
func (w *world) open() (err error) {
	w.t.Helper()
	ctx := context.Background()
	w.db = w.openDB()
	defer func() {
		if err != nil {
			_ = w.db.Close()
		}
	}()
	box, err := auth.NewBox([]byte(secretKey))
	must(w.t, err)
	must(w.t, app.OpenAudit(ctx, w.db, box, logger(w.t)))
	if err := app.AdoptMode(ctx, w.db, w.key == liveKey, false); err != nil {
		return err
	}
	install, err := app.InstallID(ctx, w.db)
	must(w.t, err)
	config := connect.Config{SecretKey: cmp.Or(w.key, "sk_test_sandbox"), BaseURL: cmp.Or(w.stripe, w.sandboxURL()), InstallID: install, Logger: logger(w.t), Own: w.own, Timeout: w.timeout, BackgroundRate: cmp.Or(w.rate, 10_000)}
	if config.SecretKey == liveKey {
		config.BaseURL = "" // Stripe itself, which no test reaches: see TestMain
	}
	stripe, err := connect.New(config)
	must(w.t, err)
	w.app, err = app.New(ctx, app.Config{
		DB: w.db, Stripe: stripe, AppURL: w.hooks.URL, WebhookSecrets: w.secrets, WebhooksOff: w.off, PayloadDays: w.payloadDays, Own: w.own, OwnAccount: w.ownAccount,
		Secrets: box, Limits: auth.NewLimits(w.clock.now), Now: w.clock.now, Logger: logger(w.t),
	})
	if err != nil {
		return err
	}
	w.app.Start()
	w.serving.Store(w.app)
	return nil
}

func (w *world) sandboxURL() string {
	if w.sandbox == nil {
		return ""
	}
	return w.sandbox.URL()
}

func (w *world) openDB() *db.DB {
	w.t.Helper()
	dbtest.Prepare(w.t, w.dir, os.DirFS("../db/migrations"))
	d, err := db.Open(context.Background(), w.dir, db.Options{Migrations: db.Migrations{FS: os.DirFS("../db/migrations")}, Now: w.clock.now, Logger: logger(w.t)})
	must(w.t, err)
	return d
}

// secretKey is that of every world.
const secretKey = "0123456789abcdef0123456789abcdef"

const liveKey = "sk_live_canary"

// live starts Trak with a live key.
func (w *world) live() {
	w.t.Helper()
	w.key = liveKey
	w.start()
	w.key = ""
}

// adopt makes the data directory, of which nothing is open, one of test or live mode.
func (w *world) adopt(live, agreed bool) error {
	w.t.Helper()
	d := w.openDB()
	defer func() { _ = d.Close() }()
	box, err := auth.NewBox([]byte(secretKey))
	must(w.t, err)
	must(w.t, app.OpenAudit(context.Background(), d, box, logger(w.t)))
	return app.AdoptMode(context.Background(), d, live, agreed)
}

// hookFor delivers an event that names the account, signed as by Stripe.
func (w *world) hookFor(account, typ, object string) {
	w.t.Helper()
	event := map[string]any{
		"id": "evt_" + strings.ReplaceAll(typ, ".", "") + account, "object": "event", "type": typ, "api_version": "2023-10-16", "livemode": false,
		"created": w.clock.now().Unix(), "data": map[string]any{"object": json.RawMessage(object)},
	}
	if account != "" {
		event["account"] = account
	}
	body, err := json.Marshal(event)
	must(w.t, err)
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: hookSecret, Timestamp: w.clock.now()})
	must(w.t, w.app.ReceiveWebhook(context.Background(), body, signed.Header))
}

const hookSecret = "whsec_world"

// paidSession is a completed Checkout session of a link.
func paidSession(link, invoice string) string {
	return `{"id":"cs_test_forged","object":"checkout.session","status":"complete","payment_status":"paid","payment_link":"` + link + `",
		"payment_intent":"pi_forged","amount_total":1000,"currency":"eur","livemode":false,"metadata":{"trak_invoice_id":"` + invoice + `"}}`
}

func (w *world) stop() {
	w.serving.Store(nil)
	w.app.Stop()
	_ = w.db.Close()
}

func (w *world) receive(rw http.ResponseWriter, r *http.Request) {
	trak := w.serving.Load()
	if trak == nil {
		rw.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.URL.Path == "/healthz" { // Trak looks whether its address leads here
		rw.WriteHeader(http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = trak.ReceiveWebhook(r.Context(), body, r.Header.Get("Stripe-Signature"))
	}
	if err != nil {
		w.t.Logf("webhook refused: %v", err)
		rw.WriteHeader(http.StatusInternalServerError)
	}
}

func (w *world) person(name, email, workspace string, _ app.Role) app.Actor {
	w.t.Helper()
	ctx := context.Background()
	user := w.user(name, email)
	ws, err := w.app.CreateWorkspace(ctx, user, app.NewWorkspace{Name: workspace, Country: "DE", Currency: "eur", TimeZone: "Europe/Berlin", Locale: "en"})
	must(w.t, err)
	actor, err := w.app.ActorIn(ctx, user, ws.Slug)
	must(w.t, err)
	return actor
}

// secretHash is of everybody's password, made once: it takes longer than all the rest of a world.
var secretHash = sync.OnceValues(func() (string, error) { return auth.HashPassword(secret) })

const secret = "paper lantern quiet harbour"

// user makes somebody who belongs to no workspace yet, and returns the id.
func (w *world) user(name, email string) string {
	w.t.Helper()
	hash, err := secretHash()
	must(w.t, err)
	id := uuid.Must(uuid.NewV7()).String()
	must(w.t, w.db.Update(context.Background(), db.System, func(tx *db.Tx) error {
		return tx.InsertUser(context.Background(), db.InsertUserParams{ID: id, Email: email, Name: name, PasswordHash: hash, CreatedAt: tx.Now()})
	}))
	return id
}

func (w *world) join(name, email string, role app.Role) app.Actor {
	w.t.Helper()
	ctx := context.Background()
	user := w.user(name, email)
	must(w.t, w.app.AddMember(ctx, w.owner.WorkspaceID, user, role))
	actor, err := w.app.ActorIn(ctx, user, w.owner.Workspace.Slug)
	must(w.t, err)
	return actor
}

// connect takes the owner's workspace through onboarding; in own mode there is none.
func (w *world) connect() string {
	w.t.Helper()
	ctx := context.Background()
	var c app.Connection
	var err error
	if !w.own {
		_, err = w.app.StartOnboarding(ctx, w.owner, "DE")
		must(w.t, err)
		c, err = w.app.Connection(ctx, w.owner)
		must(w.t, err)
		must(w.t, w.sandbox.Onboard(c.Account.ID, "complete"))
	}
	w.until("the account is active", func() bool {
		c, err = w.app.Connection(ctx, w.owner)
		return err == nil && c.Stage == connect.StageActive
	})
	return c.Account.ID
}

// invoice makes and finalizes an invoice of one line.
func (w *world) invoice(amount string) db.Invoice {
	w.t.Helper()
	return w.invoiceIn("eur", amount)
}

func (w *world) invoiceIn(currency, amount string) db.Invoice {
	w.t.Helper()
	inv, err := w.app.CreateInvoice(context.Background(), w.owner, app.InvoiceInput{
		ClientName: "Halden & Vik", ClientEmail: "ana@haldenvik.example", Summary: "Brand identity", Amount: amount, Currency: currency,
	}, true)
	must(w.t, err)
	return inv
}

func (w *world) detail(id string) app.Detail {
	w.t.Helper()
	d, err := w.app.InvoiceDetail(context.Background(), w.owner, id)
	must(w.t, err)
	return d
}

// pay takes an invoice through the sandbox's checkout.
func (w *world) pay(id, card string) sandbox.Outcome {
	w.t.Helper()
	session, err := w.sandbox.Checkout(w.detail(id).Link.URL)
	must(w.t, err)
	out, err := w.sandbox.Pay(session, sandbox.Card{Number: card, Expiry: "12/40", CVC: "123", Email: "ana@haldenvik.example"})
	must(w.t, err)
	return out
}

// settled waits until every delivery that is due was tried.
func (w *world) settled() {
	w.t.Helper()
	must(w.t, w.sandbox.Settle(context.Background()))
}

// until waits for a condition, for as long as a slow machine may need.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("never happened: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// verified is the judge at the end of a test: every sum, status and number as its facts say.
func (w *world) verified() {
	w.t.Helper()
	r, err := app.Verify(context.Background(), w.db)
	must(w.t, err)
	for _, d := range r.Differences {
		w.t.Errorf("verify: %s %s %s", d.Kind, d.ID, d.What)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ignore[T any](_ T, err error) error { return err }
