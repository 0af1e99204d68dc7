package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/stripe/stripe-go/v76"

	"trak/app"
	"trak/auth"
	"trak/connect"
	"trak/db"
)

const (
	webhookSecret = "whsec_test_stripe"
	goodCard      = "4242424242424242"
	// pollPause is how long to wait before Stripe is asked again.
	pollPause = 2 * time.Second
)

// session is one run: a Trak of its own in a directory that is thrown away, in own mode.
type session struct {
	target
	calls   calls
	proxy   *httptest.Server
	dir     string
	db      *db.DB
	app     *app.App
	client  *connect.Client
	owner   app.Actor
	own     string // the key's own account
	version string
	began   time.Time
}

func newSession(ctx context.Context, t target) (s *session, err error) {
	s = &session{target: t, version: stripe.APIVersion, began: time.Now().Add(-time.Minute)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.proxy, err = s.calls.through(t.base); err != nil {
		return s, err
	}
	if s.dir, err = os.MkdirTemp("", "trak-test-stripe-"); err != nil {
		return s, err
	}
	quiet := slog.New(slog.DiscardHandler)
	if s.db, err = db.Open(ctx, s.dir, db.Options{Migrations: db.Migrations{FS: os.DirFS(filepath.Join(t.root, "db/migrations"))}, Logger: quiet}); err != nil {
		return s, err
	}
	install, err := app.InstallID(ctx, s.db)
	if err != nil {
		return s, err
	}
	s.client, err = connect.New(connect.Config{SecretKey: t.key, BaseURL: s.proxy.URL, InstallID: install, Logger: quiet, Own: true})
	if err != nil {
		return s, err
	}
	box, err := auth.NewBox(auth.NewKey())
	if err != nil {
		return s, err
	}
	s.app, err = app.New(ctx, app.Config{
		DB: s.db, Stripe: s.client, AppURL: "http://127.0.0.1", WebhookSecrets: []string{webhookSecret}, Own: true,
		Secrets: box, Limits: auth.NewLimits(time.Now), Now: time.Now, Logger: quiet,
	})
	if err != nil {
		return s, err
	}
	s.app.Start()
	account, err := s.get(ctx, "/v1/account")
	if err != nil {
		return s, fmt.Errorf("read the key's account: %w", err)
	}
	s.own = account.text("id")
	return s, s.begin(ctx)
}

// begin makes the workspace that is paid.
func (s *session) begin(ctx context.Context) error {
	user, err := s.app.CreateUser(ctx, app.NewUser{Name: "Test", Email: "test@example.com", Password: rand.Text()})
	if err != nil {
		return err
	}
	w, err := s.app.CreateWorkspace(ctx, user.ID, app.NewWorkspace{Name: "Test", Country: "US", Currency: "usd", TimeZone: "UTC", Locale: "en"})
	if err != nil {
		return err
	}
	s.owner, err = s.app.ActorIn(ctx, user.ID, w.Slug)
	if err != nil {
		return err
	}
	return s.until(ctx, "the account can be paid", func() (bool, error) {
		c, err := s.app.Connection(ctx, s.owner)
		return c.Stage == connect.StageActive, err
	})
}

func (s *session) close() {
	if s.app != nil {
		s.app.Stop()
	}
	if s.db != nil {
		_ = s.db.Close()
	}
	if s.proxy != nil {
		s.proxy.Close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// wholeWay makes an invoice, has it paid, gives the money back, and learns all of it by listing.
func (s *session) wholeWay(ctx context.Context) error {
	inv, err := s.app.CreateInvoice(ctx, s.owner, app.InvoiceInput{ClientName: "Client", Summary: "Test of Trak against Stripe", Amount: "12.34"}, true)
	if err != nil {
		return err
	}
	var link string
	err = s.until(ctx, "the invoice has a link", func() (bool, error) {
		d, err := s.app.InvoiceDetail(ctx, s.owner, inv.ID)
		link = d.Link.URL
		return link != "", err
	})
	if err != nil {
		return err
	}
	if err := s.person.pay(ctx, link, goodCard); err != nil {
		return fmt.Errorf("pay the invoice: %w", err)
	}
	var charge string
	err = s.until(ctx, "the invoice is paid", func() (bool, error) {
		if err := s.hear(ctx); err != nil {
			return false, err
		}
		d, err := s.app.InvoiceDetail(ctx, s.owner, inv.ID)
		if err == nil && len(d.Payments) == 1 {
			charge = d.Payments[0].ChargeID
		}
		return d.Invoice.Status == "paid" && charge != "", err
	})
	if err != nil {
		return err
	}
	if _, err := s.post(ctx, "/v1/refunds", "charge", charge); err != nil {
		return fmt.Errorf("refund: %w", err)
	}
	err = s.until(ctx, "the invoice is refunded", func() (bool, error) {
		if err := s.hear(ctx); err != nil {
			return false, err
		}
		d, err := s.app.InvoiceDetail(ctx, s.owner, inv.ID)
		return d.Invoice.Status == "refunded", err
	})
	if err != nil {
		return err
	}
	r, err := app.Verify(ctx, s.db)
	if err == nil && len(r.Differences) > 0 {
		err = fmt.Errorf("%d differences, the first: %s %s", len(r.Differences), r.Differences[0].ID, r.Differences[0].What)
	}
	return err
}

// hear lists the events since the beginning and has Trak take each, by the way that a webhook goes.
func (s *session) hear(ctx context.Context) error {
	for e, err := range s.client.Events(ctx, s.own, s.began.UnixMicro(), time.Now().Add(time.Hour).UnixMicro(), connect.WantedEvents()...) {
		if err != nil {
			return fmt.Errorf("list events: %w", err)
		}
		at := time.Now()
		mac := hmac.New(sha256.New, []byte(webhookSecret))
		fmt.Fprintf(mac, "%d.%s", at.Unix(), e.Payload)
		signature := fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
		if err := s.app.ReceiveWebhook(ctx, e.Payload, signature); err != nil {
			return err
		}
	}
	return nil
}

// until asks again and again, for as long as there is patience.
func (s *session) until(ctx context.Context, what string, ok func() (bool, error)) error {
	deadline := time.Now().Add(s.patience)
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, pollPause) {
		done, err := ok()
		if done || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return errors.New("it took too long until " + what)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
