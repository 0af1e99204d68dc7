package pgtest

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trak/app"
	"trak/auth"
	"trak/connect"
	"trak/db"
	"trak/sandbox"
)

func options() db.Options {
	return db.Options{Migrations: db.Migrations{FS: os.DirFS("../db/migrations")}, Logger: slog.New(slog.DiscardHandler)}
}

// open opens a test's database and closes it when the test ends.
func open(t *testing.T, url string, o db.Options) *db.DB {
	t.Helper()
	d, err := db.OpenPostgres(t.Context(), url, o)
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

// beside is a connection to a test's database that is none of Trak's.
func beside(t *testing.T, url string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("pgx", url)
	must(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// world is a running Trak without pages, on PostgreSQL: the sandbox over HTTP, and webhooks that
// arrive signed, over HTTP.
type world struct {
	t       *testing.T
	db      *db.DB
	raw     *sql.DB
	sandbox *sandbox.Server
	app     *app.App
	owner   app.Actor
	times   atomic.Int64 // that each delivery arrives at once
}

// newWorld makes a world in which each delivery arrives so many times at once.
func newWorld(t *testing.T, times int, o db.Options) *world {
	t.Helper()
	ctx := context.Background()
	url := newDatabase(t)
	w := &world{t: t, db: open(t, url, o), raw: beside(t, url)}
	w.times.Store(int64(times))
	w.sandbox = sandbox.New(sandbox.Options{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	must(t, w.sandbox.Start("127.0.0.1:0"))
	t.Cleanup(func() { _ = w.sandbox.Close() })
	hooks := httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(hooks.Close)

	install, err := app.InstallID(ctx, w.db)
	must(t, err)
	stripe, err := connect.New(connect.Config{SecretKey: "sk_test_sandbox", BaseURL: w.sandbox.URL(), InstallID: install, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	box, err := auth.NewBox([]byte("0123456789abcdef0123456789abcdef"))
	must(t, err)
	w.app, err = app.New(ctx, app.Config{
		DB: w.db, Stripe: stripe, AppURL: hooks.URL, Secrets: box, Limits: auth.NewLimits(time.Now), Now: time.Now,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	must(t, err)
	w.app.Start()
	t.Cleanup(w.app.Stop)

	_, err = w.app.EnsureWebhook(ctx)
	must(t, err)
	u, err := w.app.CreateUser(ctx, app.NewUser{Name: "Mira Osei", Email: "mira@example.com", Password: "paper lantern quiet harbour"})
	must(t, err)
	ws, err := w.app.CreateWorkspace(ctx, u.ID, app.NewWorkspace{Name: "Northlight Studio", Country: "DE", Currency: "eur", TimeZone: "Europe/Berlin", Locale: "en"})
	must(t, err)
	w.owner, err = w.app.ActorIn(ctx, u.ID, ws.Slug)
	must(t, err)
	return w
}

// receive is the webhook's address. It answers well when each of the deliveries was stored.
func (w *world) receive(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, err := range atOnce(int(w.times.Load()), func(int) error {
		return w.app.ReceiveWebhook(r.Context(), body, r.Header.Get("Stripe-Signature"))
	}) {
		if err != nil {
			w.t.Errorf("webhook refused: %v", err)
			rw.WriteHeader(http.StatusInternalServerError)
			return
		}
	}
}

// connect takes the workspace through onboarding.
func (w *world) connect() {
	w.t.Helper()
	ctx := context.Background()
	_, err := w.app.StartOnboarding(ctx, w.owner, "DE")
	must(w.t, err)
	c, err := w.app.Connection(ctx, w.owner)
	must(w.t, err)
	must(w.t, w.sandbox.Onboard(c.Account.ID, "complete"))
	w.until("the account is active", func() bool {
		c, err = w.app.Connection(ctx, w.owner)
		return err == nil && c.Stage == connect.StageActive
	})
}

// invoice makes and finalizes an invoice of one line, and waits for its link.
func (w *world) invoice(client, amount string) app.Detail {
	w.t.Helper()
	inv, err := w.app.CreateInvoice(context.Background(), w.owner, app.InvoiceInput{
		ClientName: client, Summary: "Brand identity", Amount: amount, Currency: "eur",
	}, true)
	must(w.t, err)
	return w.detailWhen(inv.ID, "the link is there", func(d app.Detail) bool { return d.Link.URL != "" })
}

// detailWhen is an invoice once it is as the condition says.
func (w *world) detailWhen(id, what string, ok func(app.Detail) bool) (d app.Detail) {
	w.t.Helper()
	w.until(what, func() bool {
		var err error
		d, err = w.app.InvoiceDetail(context.Background(), w.owner, id)
		must(w.t, err)
		return ok(d)
	})
	return d
}

// pay takes an invoice through the sandbox's checkout and waits for what its webhook says.
func (w *world) pay(d app.Detail) app.Detail {
	w.t.Helper()
	w.checkout(d)
	return w.detailWhen(d.Invoice.ID, "the invoice is paid", func(d app.Detail) bool { return d.Invoice.Status == "paid" })
}

// checkout pays at the sandbox, waits until every delivery was tried, and returns the session.
func (w *world) checkout(d app.Detail) string {
	w.t.Helper()
	session, err := w.sandbox.Checkout(d.Link.URL)
	must(w.t, err)
	_, err = w.sandbox.Pay(session, sandbox.Card{Number: "4242424242424242", Expiry: "12/40", CVC: "123", Email: "ana@haldenvik.example"})
	must(w.t, err)
	must(w.t, w.sandbox.Settle(context.Background()))
	return session
}

// count is the number that a query gives.
func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	must(w.t, w.raw.QueryRow(query, args...).Scan(&n))
	return n
}

// verified is the judge at the end of a test: every sum, status and number as its facts say.
func (w *world) verified() {
	w.t.Helper()
	r, err := app.Verify(context.Background(), w.db)
	must(w.t, err)
	if r.Workspaces == 0 || r.Invoices == 0 {
		w.t.Errorf("verify looked at nothing: %+v", r)
	}
	for _, d := range r.Differences {
		w.t.Errorf("verify: %s %s %s", d.Kind, d.ID, d.What)
	}
}

// until waits for a condition, for as long as a slow machine may need.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("never happened: %s", what)
		}
	}
}

// atOnce runs f n times side by side and returns what each answered.
func atOnce(n int, f func(i int) error) []error {
	answers := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { answers[i] = f(i) })
	}
	all.Wait()
	return answers
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
