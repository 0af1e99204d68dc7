package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"trak/billing"
	"trak/connect"
	"trak/db"
)

// Stages that only Trak knows; the others are connect's.
const (
	StageNotConnected connect.Stage = "not_connected"
	StageDisconnected connect.Stage = "disconnected"
)

// Connection is what the Connect page shows.
type Connection struct {
	Row       *db.Account // nil: never connected
	Account   connect.Account
	Stage     connect.Stage
	Requested bool // we asked Stripe for an account and have no answer yet
	OpenLinks int  // links that a disconnect would close
	LastEvent int64
	SyncedAt  int64    // when its events were read at Stripe last, 0 = never
	Managers  []string // who may change it
	// WebhooksReady is false when no secret is there: payments would not be seen.
	WebhooksReady bool
}

// requirements is how an account's lists rest in the database.
type requirements struct {
	CurrentlyDue        []string                   `json:"currently_due,omitempty"`
	PastDue             []string                   `json:"past_due,omitempty"`
	EventuallyDue       []string                   `json:"eventually_due,omitempty"`
	PendingVerification []string                   `json:"pending_verification,omitempty"`
	Errors              []connect.RequirementError `json:"errors,omitempty"`
	Deadline            int64                      `json:"deadline,omitempty"`
	FutureDue           []string                   `json:"future_due,omitempty"`
	FutureDeadline      int64                      `json:"future_deadline,omitempty"`
	Capabilities        map[string]string          `json:"capabilities,omitempty"`
}

// Connection returns the state of the workspace's Stripe connection, as stored. Members may
// see it.
func (a *App) Connection(ctx context.Context, actor Actor) (c Connection, err error) {
	if err := a.need(ctx, actor, ViewStripe); err != nil {
		return c, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		c.WebhooksReady = a.WebhooksReady()
		managers, err := q.ManagersOfWorkspace(ctx, actor.WorkspaceID)
		if err != nil {
			return fmt.Errorf("list managers: %w", err)
		}
		for _, m := range managers {
			c.Managers = append(c.Managers, m.Name)
		}
		row, err := q.LastAccount(ctx, db.LastAccountParams{WorkspaceID: actor.WorkspaceID, Livemode: a.live})
		if errors.Is(err, sql.ErrNoRows) {
			c.Stage = StageNotConnected
			return nil
		}
		if err != nil {
			return fmt.Errorf("read account: %w", err)
		}
		c.Row, c.Account, c.Stage = &row, accountOf(row), stageOf(row)
		c.Requested = row.StripeAccountID == nil
		if row.StripeAccountID != nil {
			links, err := q.LiveLinksOfAccount(ctx, db.LiveLinksOfAccountParams{WorkspaceID: actor.WorkspaceID, StripeAccountID: *row.StripeAccountID})
			if err != nil {
				return fmt.Errorf("count links: %w", err)
			}
			c.OpenLinks = len(links)
			c.SyncedAt, err = q.SyncedAt(ctx, db.SyncedAtParams{WorkspaceID: actor.WorkspaceID, StripeAccountID: *row.StripeAccountID})
			if err != nil {
				return fmt.Errorf("read when events were read: %w", err)
			}
		}
		c.LastEvent, err = q.LastStripeEvent(ctx, &actor.WorkspaceID)
		return err
	})
	return c, err
}

func stageOf(row db.Account) connect.Stage {
	switch {
	case row.DisconnectedAt > 0 || row.DeauthorizedAt > 0:
		return StageDisconnected
	case row.StripeAccountID == nil:
		return StageNotConnected
	}
	return accountOf(row).Stage()
}

func accountOf(row db.Account) connect.Account {
	var r requirements
	_ = json.Unmarshal([]byte(row.Requirements), &r) // our own text; an empty list is the safe reading
	acc := connect.Account{
		Type: row.Type, Country: row.Country, DefaultCurrency: row.DefaultCurrency, Email: row.Email,
		ChargesEnabled: row.ChargesEnabled, PayoutsEnabled: row.PayoutsEnabled, DetailsSubmitted: row.DetailsSubmitted,
		DisabledReason: row.DisabledReason, CurrentlyDue: r.CurrentlyDue, PastDue: r.PastDue, EventuallyDue: r.EventuallyDue,
		PendingVerification: r.PendingVerification, RequirementErrors: r.Errors, Deadline: r.Deadline,
		FutureDue: r.FutureDue, FutureDeadline: r.FutureDeadline, Capabilities: r.Capabilities, Livemode: row.Livemode,
		WorkspaceID: row.WorkspaceID,
	}
	if row.StripeAccountID != nil {
		acc.ID = *row.StripeAccountID
	}
	return acc
}

// StartOnboarding makes the workspace's account, unless it has one, and returns the address at
// Stripe where its owner goes on. Only owners and admins may do it. However often and however
// concurrently it is called, and wherever it was cut off, there is one account: the row and its
// idempotency key are stored before Stripe is asked. When no answer comes in time, the worker
// goes on asking. Returns ErrNotFound in own mode, as all that is about connecting does.
func (a *App) StartOnboarding(ctx context.Context, actor Actor, country string) (string, error) {
	if err := a.mayConnect(ctx, actor); err != nil {
		return "", err
	}
	ctx, cancel := patient(ctx)
	defer cancel()
	country = strings.ToUpper(strings.TrimSpace(country))
	row, err := a.accountRow(ctx, actor, country)
	if err != nil {
		return "", err
	}
	if row.StripeAccountID == nil {
		if row, err = a.createAtStripe(ctx, row); err != nil {
			return "", err
		}
	}
	return a.onboardingLink(ctx, actor, *row.StripeAccountID)
}

// patient bounds how long a person waits for Stripe. That they leave the page meanwhile cuts
// nothing off.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), firstTry)
}

// mayConnect is the permission to connect an account, where workspaces do that.
func (a *App) mayConnect(ctx context.Context, actor Actor) error {
	if a.own != nil {
		return ErrNotFound
	}
	return a.need(ctx, actor, ManageStripe)
}

// accountRow finds or makes the row of the account that the workspace is to have.
func (a *App) accountRow(ctx context.Context, actor Actor, country string) (row db.Account, err error) {
	err = a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		row, err = tx.LastAccount(ctx, db.LastAccountParams{WorkspaceID: actor.WorkspaceID, Livemode: a.live})
		known := err == nil
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read account: %w", err)
		}
		current := known && row.DisconnectedAt == 0 && row.DeauthorizedAt == 0
		if current && row.StripeAccountID != nil {
			return nil // it exists: go on with it, whatever country the form says
		}
		if !ValidCountry(country) {
			return billing.FieldErrors{"country": "Choose the country of your business"}
		}
		if known && row.DisconnectedAt > 0 && row.DeauthorizedAt == 0 && row.StripeAccountID != nil && row.Country == country {
			// The same account again: it was only put aside here.
			if _, err := tx.ReconnectAccount(ctx, db.ReconnectAccountParams{WorkspaceID: actor.WorkspaceID, ID: row.ID, ConnectedBy: actor.UserID}); err != nil {
				return fmt.Errorf("reconnect: %w", err)
			}
			if err := record(ctx, tx, actor, "stripe.reconnect", *row.StripeAccountID, nil, nil); err != nil {
				return err
			}
			row.DisconnectedAt = 0
			return a.askRead(ctx, tx, row, billing.Read{Kind: billing.ReadAccount, ID: *row.StripeAccountID, At: tx.Now()}, 0)
		}
		u, err := tx.UserByID(ctx, actor.UserID)
		if err != nil {
			return fmt.Errorf("read user: %w", err)
		}
		if current {
			if row.LastError == "" {
				// Asked before, and the answer was lost: the account may be there. The same
				// request again finds out, whatever country the form says now.
				return nil
			}
			row.Type, row.Country, row.IdempotencyKey, row.KeysSpent = a.accountType, country, a.accountKey(actor), 0
			row.CreatedAt, row.LastError = tx.Now(), ""
			_, err = tx.RestartAccount(ctx, db.RestartAccountParams{
				WorkspaceID: actor.WorkspaceID, ID: row.ID, Type: row.Type, Country: country, IdempotencyKey: row.IdempotencyKey,
				CreatedAt: row.CreatedAt, NextAttemptAt: tx.Now() + afterFirstTry.Microseconds(),
			})
			return err
		}
		row = db.Account{
			ID: newID(), WorkspaceID: actor.WorkspaceID, Livemode: a.live, Type: a.accountType, Country: country, Email: u.Email,
			Name: actor.Workspace.Name, IdempotencyKey: a.accountKey(actor), ConnectedBy: actor.UserID, CreatedAt: tx.Now(),
		}
		err = tx.InsertAccount(ctx, db.InsertAccountParams{
			ID: row.ID, WorkspaceID: row.WorkspaceID, Livemode: row.Livemode, Type: row.Type, Country: row.Country, Email: row.Email,
			Name: row.Name, IdempotencyKey: row.IdempotencyKey, ConnectedBy: row.ConnectedBy, CreatedAt: row.CreatedAt,
			NextAttemptAt: tx.Now() + afterFirstTry.Microseconds(),
		})
		if err != nil {
			return fmt.Errorf("insert account: %w", err)
		}
		tx.AfterCommit(a.jobs.Wake)
		return record(ctx, tx, actor, "stripe.connect", row.ID, nil, map[string]string{"country": country})
	})
	return row, err
}

func (a *App) accountKey(actor Actor) string {
	return "trak:" + a.install + ":acct:" + actor.WorkspaceID + ":" + newID()
}

// createAtStripe asks Stripe for the account and stores its id. What an earlier try may have made
// is looked for first when asking again with the same key would not find out: the key is too old
// to be known at Stripe, or was used up by a failure there.
func (a *App) createAtStripe(ctx context.Context, row db.Account) (db.Account, error) {
	var acc connect.Account
	var err error
	found := false
	started := a.now()
	if started.Sub(time.UnixMicro(row.CreatedAt)) > keyAge || row.KeysSpent > 0 {
		acc, found, err = a.stripe.FindAccount(ctx, row.WorkspaceID, row.IdempotencyKey)
	}
	if err == nil && !found {
		acc, err = a.stripe.CreateAccount(ctx, connect.NewAccount{
			WorkspaceID: row.WorkspaceID, Type: row.Type, Country: row.Country, Email: row.Email, Name: row.Name,
			Attempt: row.IdempotencyKey, Key: keyOf(row.IdempotencyKey, row.KeysSpent),
		})
	}
	ctx = context.WithoutCancel(ctx)
	if err != nil {
		return row, errors.Join(fmt.Errorf("create account: %w", err), a.storeNoAccount(ctx, row, err))
	}
	err = a.db.Update(ctx, db.Scope(row.WorkspaceID), func(tx *db.Tx) error {
		if _, err := tx.SetAccountStripeID(ctx, db.SetAccountStripeIDParams{WorkspaceID: row.WorkspaceID, ID: row.ID, StripeAccountID: &acc.ID, ConnectedAt: tx.Now()}); err != nil {
			return fmt.Errorf("store account id: %w", err)
		}
		now, err := tx.AccountByID(ctx, db.AccountByIDParams{WorkspaceID: row.WorkspaceID, ID: row.ID})
		if err != nil {
			return fmt.Errorf("read account: %w", err)
		}
		row = now // only once it is read: the transaction may run twice
		if err := a.beginSync(ctx, tx, row.WorkspaceID, acc.ID); err != nil {
			return err
		}
		if err := a.wakeEvents(ctx, tx, acc.ID); err != nil {
			return err
		}
		a.accountChanged(tx, row.WorkspaceID)
		return a.storeAccount(ctx, tx, row, acc, started)
	})
	return row, err
}

// wakeEvents has the events worked through that came before their account was known.
func (a *App) wakeEvents(ctx context.Context, tx *db.Tx, account string) error {
	if _, err := tx.WakeUnmatchedEvents(ctx, db.WakeUnmatchedEventsParams{StripeAccountID: account, Now: tx.Now()}); err != nil {
		return fmt.Errorf("wake events: %w", err)
	}
	tx.AfterCommit(a.jobs.Wake)
	return nil
}

// storeNoAccount stores that Stripe made no account: it is asked again, or has refused.
func (a *App) storeNoAccount(ctx context.Context, row db.Account, failure error) error {
	return a.db.Update(ctx, db.Scope(row.WorkspaceID), func(tx *db.Tx) (err error) {
		if mayPass(failure) {
			_, err = tx.SetAccountRetry(ctx, db.SetAccountRetryParams{
				WorkspaceID: row.WorkspaceID, ID: row.ID, NextAttemptAt: tx.Now() + pauseAfter(failure, row.Attempts).Microseconds(), Spent: spent(failure),
			})
		} else {
			_, err = tx.SetAccountRefused(ctx, db.SetAccountRefusedParams{WorkspaceID: row.WorkspaceID, ID: row.ID, LastError: connect.UserMessage(failure)})
		}
		if err != nil {
			return fmt.Errorf("store the failed try: %w", err)
		}
		tx.AfterCommit(a.jobs.Wake)
		a.accountChanged(tx, row.WorkspaceID)
		return nil
	})
}

// workAccount goes on with an account that was asked for and of which no answer has come.
func (a *App) workAccount(ctx context.Context, workspaceID, id string) (bool, error) {
	row, claimed, err := claim(ctx, a, workspaceID, func(tx *db.Tx, now, until int64) (db.Account, error) {
		return tx.ClaimAccount(ctx, db.ClaimAccountParams{WorkspaceID: workspaceID, ID: id, Now: now, ClaimedUntil: until})
	}, nil)
	if err != nil || !claimed {
		return false, err
	}
	if _, err := a.createAtStripe(ctx, row); err != nil {
		a.log.Warn("account not made yet", "workspace", workspaceID, "attempt", row.Attempts, "error", err)
	}
	return true, nil
}

func (a *App) onboardingLink(ctx context.Context, actor Actor, account string) (string, error) {
	base := a.url + "/w/" + actor.Workspace.Slug + "/payments/connect"
	link, err := a.stripe.OnboardingLink(ctx, account, base+"/refresh", base+"/return")
	if err != nil {
		return "", fmt.Errorf("onboarding link: %w", err)
	}
	return link, nil
}

// ContinueOnboarding returns a fresh address at Stripe for the account that is there: the old
// one has expired, was used, or more is asked for. Only owners and admins may do it.
func (a *App) ContinueOnboarding(ctx context.Context, actor Actor) (string, error) {
	row, err := a.connectedAccount(ctx, actor)
	if err != nil {
		return "", err
	}
	ctx, cancel := patient(ctx)
	defer cancel()
	return a.onboardingLink(ctx, actor, *row.StripeAccountID)
}

// StripeDashboard returns a one-time address of an express account's dashboard at Stripe. Only
// owners and admins may do it. Other accounts have the dashboard that everybody has: ErrNotFound.
func (a *App) StripeDashboard(ctx context.Context, actor Actor) (string, error) {
	row, err := a.connectedAccount(ctx, actor)
	if err != nil {
		return "", err
	}
	if row.Type != connect.Express {
		return "", ErrNotFound
	}
	ctx, cancel := patient(ctx)
	defer cancel()
	link, err := a.stripe.DashboardLink(ctx, *row.StripeAccountID)
	if err != nil {
		return "", fmt.Errorf("dashboard link: %w", err)
	}
	return link, nil
}

// connectedAccount is managedAccount where workspaces connect accounts of their own.
func (a *App) connectedAccount(ctx context.Context, actor Actor) (db.Account, error) {
	if err := a.mayConnect(ctx, actor); err != nil {
		return db.Account{}, err
	}
	return a.managedAccount(ctx, actor)
}

// managedAccount is the workspace's current account, for those who may manage it.
func (a *App) managedAccount(ctx context.Context, actor Actor) (row db.Account, err error) {
	if err := a.need(ctx, actor, ManageStripe); err != nil {
		return row, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		row, err = q.CurrentAccount(ctx, db.CurrentAccountParams{WorkspaceID: actor.WorkspaceID, Livemode: a.live})
		return err
	})
	if errors.Is(err, sql.ErrNoRows) || err == nil && row.StripeAccountID == nil {
		return row, ErrConflict
	}
	return row, err
}

// CheckAccount reads the account from Stripe now. Only owners and admins may ask for it. When no
// answer comes in time, the worker goes on asking.
func (a *App) CheckAccount(ctx context.Context, actor Actor) error {
	row, err := a.managedAccount(ctx, actor)
	if err != nil {
		return err
	}
	ctx, cancel := patient(ctx)
	defer cancel()
	err = a.readAccount(ctx, row)
	if err == nil || !mayPass(err) {
		return err
	}
	return errors.Join(err, a.askAccount(context.WithoutCancel(ctx), row))
}

// askAccount marks an account to be read again.
func (a *App) askAccount(ctx context.Context, row db.Account) error {
	return a.db.Update(ctx, db.Scope(row.WorkspaceID), func(tx *db.Tx) error {
		return a.askRead(ctx, tx, row, billing.Read{Kind: billing.ReadAccount, ID: *row.StripeAccountID, At: tx.Now()}, 0)
	})
}

// ReturnFromStripe is called when somebody comes back from Stripe's onboarding. That they came
// back says nothing about the account: it is marked to be read, and the page waits for that.
func (a *App) ReturnFromStripe(ctx context.Context, actor Actor) error {
	row, err := a.connectedAccount(ctx, actor)
	if err != nil {
		return err
	}
	return a.askAccount(ctx, row)
}

// readAccount fetches an account and stores it. One that is gone, or whose access was
// withdrawn, counts as deauthorized.
func (a *App) readAccount(ctx context.Context, row db.Account) error {
	started := a.now()
	acc, err := a.stripe.Account(ctx, *row.StripeAccountID)
	if a.own != nil && connect.IsForbidden(err) {
		return nil // a restricted key that may not read it: see ownAccount
	}
	gone := connect.IsAccountGone(err)
	if err != nil && !gone {
		return fmt.Errorf("read account %s: %w", *row.StripeAccountID, err)
	}
	return a.db.Update(context.WithoutCancel(ctx), db.Scope(row.WorkspaceID), func(tx *db.Tx) error {
		if gone {
			return a.deauthorize(ctx, tx, row)
		}
		return a.storeAccount(ctx, tx, row, acc, started)
	})
}

// storeAccount stores what a read that began at started has found, unless a later one is
// stored already, and gives open invoices their links once payments are possible.
func (a *App) storeAccount(ctx context.Context, tx *db.Tx, row db.Account, acc connect.Account, started time.Time) error {
	lists := asJSON(requirements{
		CurrentlyDue: acc.CurrentlyDue, PastDue: acc.PastDue, EventuallyDue: acc.EventuallyDue, PendingVerification: acc.PendingVerification,
		Errors: acc.RequirementErrors, Deadline: acc.Deadline, FutureDue: acc.FutureDue, FutureDeadline: acc.FutureDeadline,
		Capabilities: acc.Capabilities,
	})
	n, err := tx.StoreAccountRead(ctx, db.StoreAccountReadParams{
		WorkspaceID: row.WorkspaceID, ID: row.ID, DefaultCurrency: acc.DefaultCurrency, ChargesEnabled: acc.ChargesEnabled,
		PayoutsEnabled: acc.PayoutsEnabled, DetailsSubmitted: acc.DetailsSubmitted, DisabledReason: acc.DisabledReason,
		Requirements: lists, FetchedAt: started.UnixMicro(),
	})
	if err != nil {
		return fmt.Errorf("store account: %w", err)
	}
	if n == 0 {
		return nil
	}
	a.accountChanged(tx, row.WorkspaceID)
	if acc.CanTakePayments() && row.DisconnectedAt == 0 && row.DeauthorizedAt == 0 {
		return a.linkOpenInvoices(ctx, tx, row)
	}
	return nil
}

// linkOpenInvoices asks for a link for every open invoice that has none.
func (a *App) linkOpenInvoices(ctx context.Context, tx *db.Tx, row db.Account) error {
	const some = 200
	for after := ""; ; {
		ids, err := tx.OpenInvoicesWithoutLink(ctx, db.OpenInvoicesWithoutLinkParams{WorkspaceID: row.WorkspaceID, Livemode: row.Livemode, After: after, Max: some})
		if err != nil {
			return fmt.Errorf("find invoices without link: %w", err)
		}
		for _, id := range ids {
			inv, err := tx.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: row.WorkspaceID, ID: id})
			if err != nil {
				return fmt.Errorf("read invoice: %w", err)
			}
			if err := a.settleLinks(ctx, tx, inv, 0); err != nil {
				return err
			}
			if err := a.touch(ctx, tx, inv); err != nil {
				return err
			}
			after = id
		}
		if len(ids) < some {
			return nil
		}
	}
}

// Disconnect puts the account aside: its links are closed, and no new ones are made. The
// account stays at Stripe and what it was paid stays here; late refunds still arrive. Only
// owners and admins may do it.
func (a *App) Disconnect(ctx context.Context, actor Actor) error {
	row, err := a.connectedAccount(ctx, actor)
	if err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		if err := a.putAside(ctx, tx, row); err != nil {
			return err
		}
		return record(ctx, tx, actor, "stripe.disconnect", *row.StripeAccountID, nil, nil)
	})
}

// putAside ends the use of an account: its links are closed.
func (a *App) putAside(ctx context.Context, tx *db.Tx, row db.Account) error {
	if _, err := tx.DisconnectAccount(ctx, db.DisconnectAccountParams{WorkspaceID: row.WorkspaceID, ID: row.ID, DisconnectedAt: tx.Now()}); err != nil {
		return fmt.Errorf("disconnect: %w", err)
	}
	a.accountChanged(tx, row.WorkspaceID)
	return a.closeLinksOf(ctx, tx, row)
}

// deauthorize notes that Trak has no access to the account any more.
func (a *App) deauthorize(ctx context.Context, tx *db.Tx, row db.Account) error {
	n, err := tx.DeauthorizeAccount(ctx, db.DeauthorizeAccountParams{WorkspaceID: row.WorkspaceID, ID: row.ID, DeauthorizedAt: tx.Now()})
	if err != nil {
		return fmt.Errorf("deauthorize: %w", err)
	}
	if n == 0 {
		return nil
	}
	if err := a.closeLinksOf(ctx, tx, row); err != nil {
		return err
	}
	a.accountChanged(tx, row.WorkspaceID)
	return record(ctx, tx, Actor{WorkspaceID: row.WorkspaceID}, "stripe.deauthorized", *row.StripeAccountID, nil, nil)
}

func (a *App) closeLinksOf(ctx context.Context, tx *db.Tx, row db.Account) error {
	if row.StripeAccountID == nil {
		return nil
	}
	links, err := tx.LiveLinksOfAccount(ctx, db.LiveLinksOfAccountParams{WorkspaceID: row.WorkspaceID, StripeAccountID: *row.StripeAccountID})
	if err != nil {
		return fmt.Errorf("read links: %w", err)
	}
	for _, l := range links {
		if err := a.closeLink(ctx, tx, l, 0); err != nil {
			return err
		}
		inv, err := tx.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: l.WorkspaceID, ID: l.InvoiceID})
		if err != nil {
			return fmt.Errorf("read invoice of link: %w", err)
		}
		if err := a.touch(ctx, tx, inv); err != nil {
			return err
		}
	}
	return nil
}

// askAccountRead marks the account with the given id at Stripe to be read again.
func (a *App) askAccountRead(ctx context.Context, tx *db.Tx, workspaceID, stripeID string) error {
	row, err := tx.AccountByStripeID(ctx, &stripeID)
	if err != nil {
		return fmt.Errorf("read account: %w", err)
	}
	if row.WorkspaceID != workspaceID {
		return fmt.Errorf("account %s is another workspace's", stripeID)
	}
	return a.askRead(ctx, tx, row, billing.Read{Kind: billing.ReadAccount, ID: stripeID, At: tx.Now()}, 0)
}

// connectionKey is what pages that show the connection poll.
func connectionKey(workspaceID string) string { return workspaceID + "/connection" }

func (a *App) accountChanged(tx *db.Tx, workspaceID string) {
	tx.AfterCommit(func() { a.versions.bump(connectionKey(workspaceID)) })
}
