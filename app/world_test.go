package app_test

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"trak/app"
	"trak/auth"
	"trak/connect"
	"trak/db"
	"trak/sandbox"
)

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
	stripe  string // where Stripe is; "" = at the sandbox
	own     bool   // paid into the key's own account
	raw     *sql.DB
	serving atomic.Pointer[app.App] // takes webhooks; nil while Trak is stopped
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

// eachMode runs a test in connect mode and in own mode, each in a world of its own.
func eachMode(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("connect mode", func(t *testing.T) {
		t.Parallel()
		f(t, newWorldIn(t, false))
	})
	t.Run("own mode", func(t *testing.T) {
		t.Parallel()
		f(t, newWorldIn(t, true))
	})
}

func newWorldIn(t *testing.T, own bool) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), clock: &clock{}, own: own}
	w.sandbox = sandbox.New(sandbox.Options{Now: w.clock.now, Logger: logger(t)})
	if err := w.sandbox.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.sandbox.Close() })
	w.hooks = httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(w.hooks.Close)
	w.start()
	t.Cleanup(w.stop)

	ctx := context.Background()
	must(t, ignore(w.app.EnsureWebhook(ctx)))
	w.owner = w.person("Mira Osei", "mira@example.com", "Northlight Studio", app.Owner)
	w.member = w.join("Jon Bell", "jon@example.com", app.Member)
	return w
}

// start opens the database and begins to work; stop does the opposite, as a restart does.
func (w *world) start() {
	w.t.Helper()
	ctx := context.Background()
	var err error
	w.db, err = db.Open(ctx, w.dir, db.Options{Migrations: db.Migrations{FS: os.DirFS("../db/migrations")}, Now: w.clock.now, Logger: logger(w.t)})
	must(w.t, err)
	install, err := app.InstallID(ctx, w.db)
	must(w.t, err)
	base := w.stripe
	if base == "" {
		base = w.sandbox.URL()
	}
	stripe, err := connect.New(connect.Config{SecretKey: "sk_test_sandbox", BaseURL: base, InstallID: install, Logger: logger(w.t), Own: w.own})
	must(w.t, err)
	box, err := auth.NewBox([]byte("0123456789abcdef0123456789abcdef"))
	must(w.t, err)
	w.app, err = app.New(ctx, app.Config{
		DB: w.db, Stripe: stripe, AppURL: w.hooks.URL, Own: w.own, Secrets: box, Limits: auth.NewLimits(w.clock.now), Now: w.clock.now, Logger: logger(w.t),
	})
	must(w.t, err)
	w.app.Start()
	w.serving.Store(w.app)
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
	u, err := w.app.CreateUser(ctx, app.NewUser{Name: name, Email: email, Password: "paper lantern quiet harbour"})
	must(w.t, err)
	ws, err := w.app.CreateWorkspace(ctx, u.ID, app.NewWorkspace{Name: workspace, Country: "DE", Currency: "eur", TimeZone: "Europe/Berlin", Locale: "en"})
	must(w.t, err)
	actor, err := w.app.ActorIn(ctx, u.ID, ws.Slug)
	must(w.t, err)
	return actor
}

func (w *world) join(name, email string, role app.Role) app.Actor {
	w.t.Helper()
	ctx := context.Background()
	u, err := w.app.CreateUser(ctx, app.NewUser{Name: name, Email: email, Password: "paper lantern quiet harbour"})
	must(w.t, err)
	must(w.t, w.app.AddMember(ctx, w.owner.WorkspaceID, u.ID, role))
	actor, err := w.app.ActorIn(ctx, u.ID, w.owner.Workspace.Slug)
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
	deadline := time.Now().Add(20 * time.Second)
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
