// Package app is the use-cases: who may do it, in which transaction, with which side effects.
//
// Every use-case of a workspace takes an Actor first and starts with the permission it needs;
// each that writes leaves an audit record. What needs Stripe is written down first, called
// outside of any transaction, and its answer stored by a second one.
package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"trak/auth"
	"trak/connect"
	"trak/db"
	"trak/jobs"
)

// Config is what the use-cases are built from. main.go makes each part once.
type Config struct {
	DB     *db.DB
	Stripe *connect.Client
	// AppURL is where people reach Trak, without a trailing slash. Every absolute address that
	// Trak gives away begins with it.
	AppURL string
	// WebhookSecrets are those of the configuration; one that `trak webhook ensure` made is
	// kept in the database beside them.
	WebhookSecrets []string
	// WebhooksOff says that Stripe can't reach Trak: it reads the accounts' events instead.
	WebhooksOff bool
	// AccountType is that of accounts that workspaces connect, connect.Express or Standard.
	AccountType string
	// Own says that the one workspace is paid into the account of the Stripe key. OwnAccount is
	// that account's id; it may be empty when the key may read it.
	Own        bool
	OwnAccount string
	Secrets    *auth.Box // encrypts what rests in the database
	KeySource  string    // where its key comes from, for the operator
	Version    string    // of this program, for the operator
	// PayloadDays is how long the personal data in what Stripe sends is kept, 0 = for ever.
	PayloadDays int
	Limits      *auth.Limits
	Now         func() time.Time
	Logger      *slog.Logger
}

// App is the product without its pages.
type App struct {
	db          *db.DB
	stripe      *connect.Client
	url         string
	secrets     *auth.Box
	keySource   string
	limits      *auth.Limits
	passkeys    *auth.Passkeys // nil where there can be none
	now         func() time.Time
	log         *slog.Logger
	live        bool
	own         *own // nil in connect mode
	install     string
	accountType string
	versions    *versions
	actors      *actors
	counts      kept[countsKey, Counts]
	attention   kept[attentionKey, int64]
	webhook     webhookSecrets
	ending      context.Context // ends with Stop
	end         context.CancelFunc
	syncing     chan struct{} // one for each account that is being read in the background
	jobs        *jobs.Engine
	health      health
	version     string
	drawing     sync.Mutex    // of one picture at a time
	payloadAge  time.Duration // after which a payload loses what is personal, 0 = never
	ageing      ageing
}

// New builds the use-cases. It reads the installation's id and kept secrets from the database,
// and in own mode asks Stripe whose the key is. Returns an Unfit for a setting that can't be.
func New(ctx context.Context, c Config) (*App, error) {
	a := &App{
		db: c.DB, stripe: c.Stripe, url: c.AppURL, secrets: c.Secrets, keySource: c.KeySource, limits: c.Limits, passkeys: auth.NewPasskeys(c.AppURL), now: c.Now, log: c.Logger,
		live: c.Stripe.Livemode(), accountType: cmp.Or(c.AccountType, connect.Express), versions: newVersions(c.Now()), actors: newActors(c.Now),
		syncing: make(chan struct{}, syncAtOnce), version: cmp.Or(c.Version, "dev"),
		payloadAge: time.Duration(c.PayloadDays) * 24 * time.Hour,
	}
	a.ending, a.end = context.WithCancel(context.Background())
	a.webhook.off = c.WebhooksOff
	var err error
	if a.install, err = InstallID(ctx, c.DB); err != nil {
		return nil, err
	}
	if err := OpenAudit(ctx, c.DB, c.Secrets, c.Logger); err != nil {
		return nil, err
	}
	if err := a.loadWebhookSecrets(ctx, c.WebhookSecrets); err != nil {
		return nil, err
	}
	a.jobs = jobs.New(a.kinds(), a.now, a.log)
	if c.Own {
		a.own = &own{configured: c.OwnAccount}
	}
	if err := a.checkStripeMode(ctx); err != nil {
		return nil, err
	}
	if c.Own {
		return a, a.findOwnAccount(ctx)
	}
	return a, nil
}

// Start begins the work that is due in the background, and reads what was missed until now; Stop
// ends it after what is under way. Events that failed are due at once: this may be the program
// that can apply them.
func (a *App) Start() {
	if err := a.wakeFailedEvents(context.Background()); err != nil {
		a.log.Error("failed events wait for their next try", "error", err)
	}
	if err := a.syncAtStart(context.Background()); err != nil {
		a.log.Error("accounts are not read at once", "error", err)
	}
	a.health.begin(a.nowMicro())
	a.jobs.Start()
}

// Stop waits for the background work that is under way.
func (a *App) Stop() {
	a.end()
	a.health.serving.Store(false)
	a.jobs.Stop()
}

// Livemode says whether the configured Stripe key is a live one.
func (a *App) Livemode() bool { return a.live }

// Ping says whether the database answers.
func (a *App) Ping(ctx context.Context) error { return a.db.Ping(ctx) }

// InstallID is the id of this installation, made on its first start. It is part of every
// idempotency key and of the metadata at Stripe.
func InstallID(ctx context.Context, d *db.DB) (id string, err error) {
	err = d.Update(ctx, db.System, func(tx *db.Tx) error {
		was, err := tx.InstallationValue(ctx, "id")
		if err == nil {
			id = string(was)
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		id = newToken()
		return tx.SetInstallationValue(ctx, db.SetInstallationValueParams{Name: "id", Value: []byte(id)})
	})
	if err != nil {
		return "", fmt.Errorf("installation id: %w", err)
	}
	return id, nil
}

func (a *App) nowMicro() int64 { return a.now().UnixMicro() }

// newID is a UUIDv7: sortable by time, unique without asking anybody, and never a secret.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// newToken is 128 random bits for an address that only its holder knows.
func newToken() string {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		panic(err) // never happens (crypto/rand)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
