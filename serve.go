package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"trak/app"
	"trak/auth"
	"trak/connect"
	"trak/db"
	"trak/handlers"
)

// drainTime is how long requests that were accepted may take to finish when Trak stops.
const drainTime = 20 * time.Second

type serveCmd struct {
	configuration
	GoLive bool `help:"Agree that a data directory in test mode goes live with this start. What belongs to test mode is hidden."`
	GoTest bool `help:"Agree that a live data directory goes back to test mode with this start. What is live is hidden."`
}

// settings are those of the configuration, with the operator's word on the mode.
func (c *serveCmd) settings() (settings, error) {
	s, err := c.configuration.settings()
	if err != nil {
		return s, err
	}
	switch {
	case c.GoLive && !s.Live:
		return s, problems{{"--go-live", "is given with a test key", "Set STRIPE_SECRET_KEY to a live key (sk_live_… or rk_live_…), or leave the flag out."}}
	case c.GoTest && s.Live:
		return s, problems{{"--go-test", "is given with a live key", "Set STRIPE_SECRET_KEY to a test key (sk_test_… or rk_test_…), or leave the flag out."}}
	}
	s.SwitchMode = c.GoLive || c.GoTest
	return s, nil
}

// Run serves until SIGTERM or SIGINT. A second signal ends the process at once.
func (c *serveCmd) Run() error {
	s, err := c.settings()
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	slog.SetDefault(s.Logger) // what a library logs by itself is scrubbed as well

	server, err := build(ctx, s)
	if err != nil {
		return err
	}
	defer server.close()
	listener, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("%w; TRAK_ADDR chooses another address", err)
	}
	if err := server.welcome(ctx, os.Stdout, listener.Addr()); err != nil {
		return err
	}
	return server.serve(ctx, listener)
}

// untilSignal is a context that ends at the first SIGTERM or SIGINT. The second one has its
// usual effect again.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// server is a whole Trak: built once, then served until its context ends.
type server struct {
	settings
	db      *db.DB
	app     *app.App
	web     *handlers.Server
	control *control
}

// build makes every part once and hands it down: database, door to Stripe, use-cases, pages.
// The caller closes what it returns.
func build(ctx context.Context, s settings) (*server, error) {
	database, product, err := openApp(ctx, s)
	if err != nil {
		return nil, err
	}
	server := &server{settings: s, db: database, app: product}
	server.web, err = handlers.New(handlers.Config{
		App: product, Views: assets, Static: assets,
		AppURL: s.AppURL, TrustedProxies: s.TrustedProxies, Demo: s.Demo, StripeBase: s.StripeBase,
		Logger: s.Logger, Now: s.Now,
	})
	if err != nil {
		server.close()
		return nil, fmt.Errorf("build the pages: %w", err)
	}
	server.control = newControl(s.DataDir, product, s.Logger)
	return server, nil
}

// openApp opens the data directory, whose lock it then holds, and builds the use-cases on it.
func openApp(ctx context.Context, s settings) (_ *db.DB, _ *app.App, err error) {
	if err := prepareDataDir(s.DataDir, s.Logger); err != nil {
		return nil, nil, err
	}
	database, err := openDB(ctx, s.DataDir, s.Now, s.Logger)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, database.Close())
		}
	}()

	secrets, err := openSecrets(ctx, database, s)
	if err != nil {
		return nil, nil, err
	}
	if err := app.OpenAudit(ctx, database, secrets.box, s.Logger); err != nil {
		return nil, nil, err
	}
	install, err := app.InstallID(ctx, database)
	if err != nil {
		return nil, nil, err
	}
	if err := app.AdoptMode(ctx, database, s.Live, s.SwitchMode); err != nil {
		return nil, nil, err
	}
	rate := 0 // as Stripe can take it
	if s.Demo != nil {
		rate = 1000 // its stand-in is on this machine
	}
	stripe, err := connect.New(connect.Config{
		BackgroundRate: rate, SecretKey: string(s.StripeKey), BaseURL: s.StripeBase, InstallID: install, Logger: s.Logger, Own: s.Own, Now: s.Now,
	})
	if err != nil {
		return nil, nil, err
	}
	product, err := app.New(ctx, app.Config{
		DB: database, Stripe: stripe, AppURL: s.AppURL, WebhookSecrets: texts(s.WebhookSecrets), WebhooksOff: s.WebhooksOff, PayloadDays: s.PayloadDays,
		AccountType: s.AccountType, Own: s.Own, OwnAccount: s.OwnAccount, Secrets: secrets.box, KeySource: secrets.setting, Version: version, Limits: auth.NewLimits(s.Now), Now: s.Now, Logger: s.Logger,
	})
	if err != nil {
		return nil, nil, err
	}
	return database, product, nil
}

// openAlone opens the data directory, whose lock it then holds, for a command that needs no Stripe.
func openAlone(ctx context.Context, s settings) (*db.DB, *app.App, error) {
	if err := hasDatabase(s.DataDir); err != nil {
		return nil, nil, err
	}
	database, err := openDB(ctx, s.DataDir, s.Now, s.Logger)
	if err != nil {
		return nil, nil, err
	}
	secrets, err := openSecrets(ctx, database, s)
	if err == nil {
		var trak *app.App
		if trak, err = app.Alone(ctx, database, secrets.box, s.AppURL, s.Now, s.Logger); err == nil {
			return database, trak, nil
		}
	}
	return nil, nil, errors.Join(err, database.Close())
}

// openDB opens the database of a data directory, whose lock it then holds.
func openDB(ctx context.Context, dir string, now func() time.Time, log *slog.Logger) (*db.DB, error) {
	schema, err := fs.Sub(assets, "db/migrations")
	if err != nil {
		return nil, err
	}
	database, err := db.Open(ctx, dir, db.Options{Migrations: db.Migrations{FS: schema}, Now: now, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	return database, nil
}

// openToRead opens the database for a command that only reads it, beside a server that may be
// running.
func openToRead(ctx context.Context, dir string) (*db.DB, error) {
	if err := hasDatabase(dir); err != nil {
		return nil, err
	}
	schema, err := fs.Sub(assets, "db/migrations")
	if err != nil {
		return nil, err
	}
	return db.OpenReadOnly(ctx, dir, db.Migrations{FS: schema})
}

// welcome tells whoever started Trak where it is and what is left to do.
func (s *server) welcome(ctx context.Context, out io.Writer, addr net.Addr) error {
	fmt.Fprintf(out, "Trak is ready at %s (listening on %s).\n", s.AppURL, addr)
	setup, err := s.app.SetupLink(ctx)
	if err != nil {
		return fmt.Errorf("make the set-up link: %w", err)
	}
	if setup != "" {
		fmt.Fprintf(out, "\nNobody has an account yet. Open this link within a day to make the first one:\n  %s%s\n", s.AppURL, setup)
	}
	if s.app.WebhooksOff() {
		fmt.Fprintf(out, "Webhooks are off: Trak asks Stripe every %.0f seconds what happened.\n", s.app.SyncPeriod().Seconds())
	}
	if !s.app.WebhooksReady() {
		fmt.Fprint(out, "\nThere is no webhook secret yet, so payments are not noticed. Run this once, in another terminal:\n  trak webhook ensure\n")
		if s.StripeBase == "" && isLoopback(s.AppURL) {
			forward := "--forward-connect-to"
			if s.Own {
				forward = "--forward-to"
			}
			fmt.Fprintf(out, "Stripe can't reach this machine by that address. To try it here, let Stripe's command line pass events on,\nand start Trak with the secret that it prints as STRIPE_WEBHOOK_SECRET:\n  stripe listen %s %s/api/stripe/webhook\n", forward, s.AppURL)
		}
	}
	return nil
}

// isLoopback says whether an address names this machine only.
func isLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// serve answers on the listener until ctx ends. Then it finishes every request that was
// accepted, at most drainTime long, and returns.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	s.app.Start()
	defer s.app.Stop()
	s.control.start()
	defer s.control.stop()

	var failed error
	served := make(chan struct{})
	go func() { failed = s.web.Listener(listener); close(served) }()
	select {
	case <-served:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), failed)
	case <-ctx.Done():
	}
	s.Logger.Info("stopping")
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := s.web.Shutdown(drain)
	_ = listener.Close() // in case that the signal came before it served
	<-served
	if err != nil {
		return fmt.Errorf("finish what was accepted: %w", err)
	}
	s.Logger.Info("stopped")
	return nil
}

// close ends what build opened. It is the last thing that happens to a server.
func (s *server) close() {
	if err := s.db.Close(); err != nil {
		s.Logger.Error("close the database", "error", err)
	}
}
