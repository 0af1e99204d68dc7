package app

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"trak/billing"
	"trak/connect"
	"trak/db"
	"trak/jobs"
)

// ErrNoWebhookSecret means that no secret is configured or kept: events can't be verified, so
// none is believed.
var ErrNoWebhookSecret = errors.New("no webhook secret")

// ErrWebhooksOff means that Trak reads events at Stripe and takes none that are delivered.
var ErrWebhooksOff = errors.New("webhooks are off")

// States of a stored event.
const (
	eventApplied   = "applied"
	eventIgnored   = "ignored"
	eventUnmatched = "unmatched"
	eventFailed    = "failed"
)

// How an event came: delivered by Stripe, or found when Trak looked for what it missed.
const (
	sourceWebhook = "webhook"
	sourceSync    = "sync"
)

// webhookKept is the name under which the secret of our own endpoint is kept.
const webhookKept = "webhook_secret"

type webhookSecrets struct {
	off        bool // TRAK_WEBHOOKS
	configured []string
	mu         sync.RWMutex
	all        []string
	seen       signatures
}

func (s *webhookSecrets) get() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.all
}

func (s *webhookSecrets) keep(kept string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append([]string(nil), s.configured...)
	if kept != "" {
		s.all = append(s.all, kept)
	}
}

// ReceiveWebhook takes one delivery: payload as it came, signature as in its header. When it
// returns nil, the event and all its effects are on the disk. It returns ErrWebhooksOff,
// ErrNoWebhookSecret, connect.ErrSignature or connect.ErrEvent for what must not be believed; after any other
// error nothing is stored, and Stripe is to deliver it again. No call to Stripe is made. The
// payload is the caller's again when it returns.
func (a *App) ReceiveWebhook(ctx context.Context, payload []byte, signature string) error {
	if a.webhook.off {
		return ErrWebhooksOff
	}
	secrets := a.webhook.get()
	if len(secrets) == 0 {
		return ErrNoWebhookSecret
	}
	if err := connect.Verify(payload, signature, secrets, a.now()); err != nil {
		if errors.Is(err, connect.ErrStranger) {
			a.webhook.seen.refused(a.now())
		}
		return err
	}
	a.webhook.seen.believed(a.now())
	payload = bytes.Clone(payload) // after the signature: a forged one is not worth a copy
	e, err := connect.ParseEvent(payload)
	if err != nil {
		return err
	}
	facts, reads, parseErr := a.factsOf(e)
	err = a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		_, err := a.storeEvent(ctx, tx, e, payload, sourceWebhook, facts, reads, parseErr)
		return err
	})
	if err != nil {
		return fmt.Errorf("store event %s: %w", e.ID, err)
	}
	return nil
}

// NoteBadSignature counts a refused delivery, and says whether it is worth a line in the log:
// a flood of them must not fill the disk.
func (a *App) NoteBadSignature() bool { return a.limits.WrongSignature() }

// factsOf is what an event says. When its object is not understood but named, the object is to
// be read from Stripe, in the version that Trak speaks.
func (a *App) factsOf(e connect.Event) (billing.Facts, []billing.Read, error) {
	facts, reads, err := e.Facts()
	if err != nil && len(reads) > 0 {
		a.log.Warn("an event's object is not understood and will be read from Stripe", "event", e.ID, "type", e.Type, "error", err)
		return billing.Facts{}, reads, nil
	}
	return facts, reads, err
}

// storeEvent stores an event and applies it, in the caller's transaction. One that is there
// already changes nothing, and isNew is false.
func (a *App) storeEvent(ctx context.Context, tx *db.Tx, e connect.Event, payload []byte, source string, f billing.Facts, reads []billing.Read, parseErr error) (isNew bool, err error) {
	account, state, outcome, err := a.judge(ctx, tx, e, f, reads)
	if err != nil {
		return false, err
	}
	n, err := tx.InsertStripeEvent(ctx, db.InsertStripeEventParams{
		EventID: e.ID, StripeAccountID: e.Account, WorkspaceID: optional(account.WorkspaceID), Type: e.Type, ApiVersion: e.APIVersion,
		Livemode: e.Livemode, Created: e.Created, ReceivedAt: tx.Now(), Payload: payload, State: state, Outcome: outcome,
		Source: source, ObjectID: e.ObjectID,
	})
	if err != nil {
		return false, fmt.Errorf("insert event: %w", err)
	}
	if n == 0 {
		return false, a.noteRepeat(ctx, tx, e, payload, source)
	}
	if state != eventApplied {
		return true, nil
	}
	err = parseErr
	if err == nil {
		err = a.tryApply(ctx, tx, account, e, f, reads)
	}
	if err == nil {
		return true, nil
	}
	// What can't be applied is kept and tried again; the answer is still 200, because Stripe's
	// own retries would not change it.
	tx.AfterCommit(func() {
		a.log.Error("event can't be applied yet", "event", e.ID, "type", e.Type, "error", err)
		a.jobs.Wake()
	})
	_, serr := tx.SetStripeEventState(ctx, db.SetStripeEventStateParams{
		EventID: e.ID, WorkspaceID: optional(account.WorkspaceID), State: eventFailed, Outcome: clip(err.Error()), Attempts: 1,
		NextAttemptAt: tx.Now() + jobs.Backoff(1).Microseconds(),
	})
	return true, serr
}

// judge says whose event it is, and what becomes of it before its contents are looked at.
func (a *App) judge(ctx context.Context, tx *db.Tx, e connect.Event, f billing.Facts, reads []billing.Read) (account db.Account, state, outcome string, err error) {
	id := e.Account
	switch {
	case a.own == nil && id == "":
		// Only events of connected accounts may touch invoices.
		return account, eventIgnored, "an event of the platform itself", nil
	case a.own != nil && id != "":
		return account, eventIgnored, "an event of a connected account, and own mode has none", nil
	case a.own != nil && e.Deauthorized():
		return account, eventIgnored, "an application's access, which own mode does not live by", nil
	case a.own != nil:
		id = a.own.accountID()
	}
	account, err = tx.AccountByStripeID(ctx, &id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return db.Account{}, eventUnmatched, "the account is not known yet", nil
	case err != nil:
		return account, "", "", fmt.Errorf("look up account: %w", err)
	case a.own != nil && account.Livemode != a.live && e.Livemode == a.live:
		return account, eventUnmatched, "the account has not been read yet since the change between test and live", nil
	case e.Livemode != account.Livemode:
		return account, eventIgnored, "of the other mode (test or live) than the account", nil
	case len(reads) == 0 && !e.Deauthorized() && f.Empty():
		return account, eventIgnored, "nothing to do for this type", nil
	}
	return account, eventApplied, "", nil
}

// apply puts what an event says into the books.
func (a *App) apply(ctx context.Context, tx *db.Tx, account db.Account, e connect.Event, f billing.Facts, reads []billing.Read) error {
	if e.Deauthorized() {
		return a.deauthorize(ctx, tx, account)
	}
	if err := a.applyFacts(ctx, tx, account, f); err != nil {
		return err
	}
	for _, r := range reads {
		if err := a.askRead(ctx, tx, account, r, 0); err != nil {
			return err
		}
	}
	return nil
}

// noteRepeat logs a second delivery whose body differs from the first: the first stands. In a list
// Stripe writes the same event otherwise.
func (a *App) noteRepeat(ctx context.Context, tx *db.Tx, e connect.Event, payload []byte, source string) error {
	was, err := tx.StripeEvent(ctx, e.ID)
	if err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	if source == was.Source && was.MaskedAt == 0 && !bytes.Equal(was.Payload, payload) {
		a.log.Warn("an event came again with another body; the first one stands", "event", e.ID, "type", e.Type)
	}
	return nil
}

// workEvent applies a stored event that could not be applied when it came.
func (a *App) workEvent(ctx context.Context, id string) (bool, error) {
	claimed := false
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		row, err := tx.ClaimStripeEvent(ctx, db.ClaimStripeEventParams{EventID: id, Now: tx.Now(), ClaimedUntil: tx.Now() + jobs.ClaimFor.Microseconds()})
		if errors.Is(err, sql.ErrNoRows) {
			claimed = false
			return nil
		}
		if err != nil {
			return fmt.Errorf("claim event: %w", err)
		}
		claimed = true
		_, err = a.processEvent(ctx, tx, row)
		return err
	})
	return claimed, err
}

// processEvent applies a stored event, for the first time or again: facts merge, so that what is
// in already changes nothing. Of one whose payload was masked with age, the object is read from Stripe
// instead. It returns the state that the event is in now.
func (a *App) processEvent(ctx context.Context, tx *db.Tx, row db.StripeEvent) (state string, err error) {
	done := db.SetStripeEventStateParams{EventID: row.EventID, WorkspaceID: row.WorkspaceID, Attempts: row.Attempts + 1}
	e, err := connect.ParseEvent(row.Payload)
	var f billing.Facts
	var reads []billing.Read
	switch {
	case err != nil:
	case row.MaskedAt > 0:
		reads, err = e.Reads()
	default:
		f, reads, err = a.factsOf(e)
	}
	if err == nil {
		var account db.Account
		account, done.State, done.Outcome, err = a.judge(ctx, tx, e, f, reads)
		done.WorkspaceID = optional(account.WorkspaceID)
		if err == nil && done.State == eventApplied {
			err = a.tryApply(ctx, tx, account, e, f, reads)
		}
	}
	if err != nil {
		done.State, done.Outcome = eventFailed, clip(err.Error())
		if done.WorkspaceID == nil {
			done.WorkspaceID = row.WorkspaceID
		}
		done.NextAttemptAt = tx.Now() + jobs.Backoff(done.Attempts).Microseconds()
	}
	_, err = tx.SetStripeEventState(ctx, done)
	return done.State, err
}

// tryApply applies an event so that a failure, also one of our own making, undoes nothing else.
func (a *App) tryApply(ctx context.Context, tx *db.Tx, account db.Account, e connect.Event, f billing.Facts, reads []billing.Read) error {
	return tx.Savepoint(func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				a.log.Error("panic in an event", "event", e.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				err = fmt.Errorf("trak has a fault that stands in this event's way: %v", p)
			}
		}()
		return a.apply(ctx, tx, account, e, f, reads)
	})
}

// askRead marks an object to be read again from Stripe, after a pause.
func (a *App) askRead(ctx context.Context, tx *db.Tx, account db.Account, r billing.Read, pause time.Duration) error {
	err := tx.AskRead(ctx, db.AskReadParams{
		StripeAccountID: *account.StripeAccountID, Kind: r.Kind, ObjectID: r.ID, WorkspaceID: account.WorkspaceID,
		EvidenceAt: r.At, NextAttemptAt: tx.Now() + pause.Microseconds(),
	})
	if err != nil {
		return fmt.Errorf("ask for %s %s to be read: %w", r.Kind, r.ID, err)
	}
	tx.AfterCommit(a.jobs.Wake)
	return nil
}

// EnsureWebhook makes or mends the endpoint at Stripe that sends Trak its events, and keeps
// its secret, which Stripe shows only then. One whose events are refused for their signature is
// replaced: its secret is not known here. It returns a sentence about what was done. For the
// operator, from the command line.
func (a *App) EnsureWebhook(ctx context.Context) (string, error) {
	return a.ensureWebhook(ctx, Actor{})
}

func (a *App) ensureWebhook(ctx context.Context, actor Actor) (string, error) {
	if a.webhook.off {
		return "", fmt.Errorf("%w: TRAK_WEBHOOKS is off, so Trak would not listen to an endpoint", ErrWebhooksOff)
	}
	strange, _, _ := a.webhook.seen.strangers(a.now())
	haveSecret := len(a.webhook.get()) > 0 && strange < strangeFails
	endpoint, err := a.stripe.EnsureWebhook(ctx, a.webhookURL(), haveSecret)
	if err != nil {
		return "", err
	}
	a.health.outdate()
	if endpoint.Secret == "" {
		return endpoint.Note, nil
	}
	sealed, err := a.secrets.Seal([]byte(endpoint.Secret), []byte(webhookKept))
	if err != nil {
		return "", fmt.Errorf("encrypt webhook secret: %w", err)
	}
	err = a.db.Update(context.WithoutCancel(ctx), db.System, func(tx *db.Tx) error {
		if err := tx.SetInstallationValue(ctx, db.SetInstallationValueParams{Name: webhookKept, Value: sealed}); err != nil {
			return fmt.Errorf("keep webhook secret: %w", err)
		}
		tx.AfterCommit(func() {
			a.webhook.keep(endpoint.Secret)
			a.webhook.seen.forget()
		})
		return record(ctx, tx, actor, "webhook.ensure", endpoint.ID, nil, endpoint.URL)
	})
	return endpoint.Note, err
}

// WebhooksReady says whether any secret is there to verify events with, or none is needed.
func (a *App) WebhooksReady() bool { return a.webhook.off || len(a.webhook.get()) > 0 }

// WebhooksOff says that Trak lives by reading events at Stripe alone, every SyncPeriod.
func (a *App) WebhooksOff() bool { return a.webhook.off }

func (a *App) loadWebhookSecrets(ctx context.Context, configured []string) error {
	a.webhook.configured = configured
	var sealed []byte
	err := a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		sealed, err = q.InstallationValue(ctx, webhookKept)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		a.webhook.keep("")
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the kept webhook secret: %w", err)
	}
	kept, err := a.secrets.Open(sealed, []byte(webhookKept))
	if err != nil {
		return fmt.Errorf("decrypt the kept webhook secret (is TRAK_SECRET_KEY still the same?): %w", err)
	}
	a.webhook.keep(string(kept))
	return nil
}

// clip bounds a text that is stored for people to read. It takes out what PostgreSQL would
// refuse: zero bytes, and the half of a character.
func clip(s string) string {
	const most = 500
	s = strings.ReplaceAll(s, "\x00", "")
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "")
}
