package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"trak/connect"
	"trak/db"
	"trak/jobs"
)

// In own mode there is one workspace, and it is paid into the account that the Stripe key belongs
// to: no platform, nothing to connect. That account has a row as connected ones have, so that
// links, facts and events work alike.

// ownType marks the row of the operator's own account; connected ones have Stripe's types.
const ownType = "own"

// ownPause is how long to wait before Stripe is asked again whose the key is.
const ownPause = 30 * time.Second

// own is the state of own mode. The App has none in connect mode.
type own struct {
	configured string                 // STRIPE_ACCOUNT_ID, may be empty
	id         atomic.Pointer[string] // Stripe's id of the account; nil until Stripe has said it once
	next       atomic.Int64           // when to ask again, 0 = not at all
}

func (o *own) accountID() string {
	if id := o.id.Load(); id != nil {
		return *id
	}
	return ""
}

// kept is the name under which the id is kept, so that a start during an outage of Stripe's works.
func (o *own) kept(live bool) string { return "own_account_" + ModeName(live) }

// OwnMode says that the one workspace is paid into the operator's own account.
func (a *App) OwnMode() bool { return a.own != nil }

// checkStripeMode refuses to start in a mode in which accounts in use would not be heard any more.
func (a *App) checkStripeMode(ctx context.Context) error {
	var used, workspaces int64
	err := a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		isOwn := int64(0)
		if a.own != nil {
			isOwn = 1
		}
		if used, err = q.OtherwisePaid(ctx, db.OtherwisePaidParams{Livemode: a.live, Own: isOwn}); err != nil {
			return err
		}
		workspaces, err = q.CountWorkspaces(ctx)
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("look at the accounts in use: %w", err)
	case a.own == nil && used > 0:
		return &Unfit{"TRAK_STRIPE_MODE", "is connect, and this data directory is paid into an account of its own", "Set TRAK_STRIPE_MODE=own, or begin with another data directory: what is paid into that account would not be noticed any more."}
	case a.own != nil && used > 0:
		return &Unfit{"TRAK_STRIPE_MODE", "is own, and workspaces of this data directory have connected accounts", "Leave the setting out, or disconnect those accounts on their Connect pages first."}
	case a.own != nil && workspaces > 1:
		return &Unfit{"TRAK_STRIPE_MODE", fmt.Sprintf("is own, and this data directory has %d workspaces", workspaces), "Own mode is for one workspace alone. Leave the setting out: then each connects an account."}
	}
	return nil
}

// findOwnAccount asks Stripe whose the key is, and gives that account its row. While Stripe does
// not answer, the account that is known from before goes on; a first start goes on without, and
// asks again. Returns an Unfit when Stripe refuses, or names another account than is configured.
func (a *App) findOwnAccount(ctx context.Context) error {
	known, err := a.knownOwnAccount(ctx)
	if err != nil {
		return err
	}
	started := a.now()
	ask, cancel := patient(ctx)
	defer cancel()
	acc, err := a.stripe.OwnAccount(ask)
	switch {
	case connect.IsKeyRefused(err):
		return &Unfit{"STRIPE_SECRET_KEY", "is not accepted by Stripe", "Copy it again from Stripe's dashboard, under Developers, API keys."}
	case connect.IsForbidden(err) && a.own.configured == "":
		return &Unfit{"STRIPE_ACCOUNT_ID", "is missing, and the restricted key may not read which account it belongs to", "Copy the id (acct_…) from Stripe's dashboard, under Settings, Account details."}
	case connect.IsForbidden(err):
		// What can't be read is taken to be in order; Stripe refuses a link when it isn't.
		acc = connect.Account{ID: a.own.configured, ChargesEnabled: true, PayoutsEnabled: true, DetailsSubmitted: true}
	case err != nil && known != "":
		a.log.Warn("Stripe does not say which account the key belongs to; going on with the one from before", "account", known, "error", err)
		a.own.id.Store(&known)
		a.askLater()
		return nil
	case err != nil:
		a.log.Warn("Stripe does not say which account the key belongs to; asking again", "error", err)
		a.askLater()
		return nil
	case a.own.configured != "" && a.own.configured != acc.ID:
		return &Unfit{"STRIPE_ACCOUNT_ID", "names another account than the one that STRIPE_SECRET_KEY belongs to", "Take both from the same account, or leave STRIPE_ACCOUNT_ID out."}
	}
	if known != "" && known != acc.ID {
		a.log.Warn("the Stripe key is of another account than before: open invoices get new links", "before", known, "now", acc.ID)
	}
	return a.adoptOwnAccount(ctx, acc, started)
}

func (a *App) askLater() { a.own.next.Store(a.nowMicro() + ownPause.Microseconds()) }

func (a *App) knownOwnAccount(ctx context.Context) (known string, err error) {
	err = a.db.View(ctx, db.System, func(q *db.Queries) error {
		id, err := q.InstallationValue(ctx, a.own.kept(a.live))
		known = string(id)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the known account: %w", err)
	}
	return known, nil
}

// adoptOwnAccount keeps the account's id, and gives the workspace, when it is there, its row.
func (a *App) adoptOwnAccount(ctx context.Context, acc connect.Account, started time.Time) error {
	// Known before it has its row: an event is then either waiting already when the row is made,
	// and woken with it, or finds the row.
	a.own.id.Store(&acc.ID)
	err := a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		if err := tx.SetInstallationValue(ctx, db.SetInstallationValueParams{Name: a.own.kept(a.live), Value: []byte(acc.ID)}); err != nil {
			return err
		}
		all, err := tx.AllWorkspaces(ctx)
		if err != nil {
			return err
		}
		for _, w := range all {
			row, err := a.ownRow(ctx, tx, w, acc)
			if err != nil {
				return err
			}
			if err := a.storeAccount(ctx, tx, row, acc, started); err != nil {
				return err
			}
		}
		// Events that came while the id was not known name no account.
		return a.wakeEvents(ctx, tx, "")
	})
	if err != nil {
		return fmt.Errorf("store own account: %w", err)
	}
	return nil
}

// ownRow finds or makes the workspace's row of the account, and puts that of another one aside.
func (a *App) ownRow(ctx context.Context, tx *db.Tx, w db.Workspace, acc connect.Account) (db.Account, error) {
	owner, err := tx.FirstOwner(ctx, w.ID)
	if err != nil {
		return db.Account{}, fmt.Errorf("find the owner: %w", err)
	}
	current, err := tx.CurrentAccount(ctx, db.CurrentAccountParams{WorkspaceID: w.ID, Livemode: a.live})
	switch {
	case err == nil && current.StripeAccountID != nil && *current.StripeAccountID == acc.ID:
		return current, nil
	case err == nil:
		if err := a.putAside(ctx, tx, current); err != nil {
			return current, err
		}
	case !errors.Is(err, sql.ErrNoRows):
		return current, fmt.Errorf("read account: %w", err)
	}
	by := Actor{WorkspaceID: w.ID}
	row, err := tx.OwnAccountRow(ctx, db.OwnAccountRowParams{WorkspaceID: w.ID, StripeAccountID: &acc.ID})
	if err == nil {
		if row.Livemode != a.live {
			if row, err = a.changeOwnMode(ctx, tx, row); err != nil {
				return row, err
			}
		}
		row.DisconnectedAt = 0
		if _, err := tx.ReconnectAccount(ctx, db.ReconnectAccountParams{WorkspaceID: w.ID, ID: row.ID, ConnectedBy: owner}); err != nil {
			return row, fmt.Errorf("take it up again: %w", err)
		}
		return row, record(ctx, tx, by, "stripe.reconnect", acc.ID, nil, nil)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return row, fmt.Errorf("read account: %w", err)
	}
	id := newID()
	err = tx.InsertAccount(ctx, db.InsertAccountParams{
		ID: id, WorkspaceID: w.ID, Livemode: a.live, Type: ownType, Country: strings.ToUpper(acc.Country), Email: acc.Email, ConnectedBy: owner, CreatedAt: tx.Now(),
	})
	if err != nil {
		return row, fmt.Errorf("insert account: %w", err)
	}
	if _, err := tx.SetAccountStripeID(ctx, db.SetAccountStripeIDParams{WorkspaceID: w.ID, ID: id, StripeAccountID: &acc.ID, ConnectedAt: tx.Now()}); err != nil {
		return row, fmt.Errorf("store account id: %w", err)
	}
	if err := a.beginSync(ctx, tx, w.ID, acc.ID); err != nil {
		return row, err
	}
	if row, err = tx.AccountByID(ctx, db.AccountByIDParams{WorkspaceID: w.ID, ID: id}); err != nil {
		return row, fmt.Errorf("read account: %w", err)
	}
	if err := a.wakeEvents(ctx, tx, acc.ID); err != nil {
		return row, err
	}
	return row, record(ctx, tx, by, "stripe.own", acc.ID, nil, nil)
}

// ownReading is what is kept of an own account in the mode, test or live, that Trak does not run in.
type ownReading struct{ ConnectedAt, EventsUntil, BalanceUntil int64 }

// changeOwnMode takes the row along into the mode that Trak runs in: Stripe's id of one's own account
// is the same in both, but its events and balance are not. Each is gone on with from where its mode
// was left; what the account took before its first time in a mode is not Trak's.
func (a *App) changeOwnMode(ctx context.Context, tx *db.Tx, row db.Account) (db.Account, error) {
	kept := func(live bool) string { return "own_reading_" + ModeName(live) }
	cursor, err := tx.SyncCursor(ctx, db.SyncCursorParams{WorkspaceID: row.WorkspaceID, StripeAccountID: *row.StripeAccountID})
	if err != nil {
		return row, fmt.Errorf("read how far the account was read: %w", err)
	}
	was := asJSON(ownReading{row.ConnectedAt, cursor.EventsUntil, cursor.BalanceUntil})
	if err := tx.SetInstallationValue(ctx, db.SetInstallationValueParams{Name: kept(row.Livemode), Value: []byte(was)}); err != nil {
		return row, fmt.Errorf("keep how far the account was read: %w", err)
	}
	now := ownReading{ConnectedAt: tx.Now(), EventsUntil: tx.Now()}
	value, err := tx.InstallationValue(ctx, kept(a.live))
	if err == nil {
		err = json.Unmarshal(value, &now)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return row, fmt.Errorf("read how far the account was read in this mode: %w", err)
	}
	row.Livemode, row.ConnectedAt = a.live, now.ConnectedAt
	if _, err := tx.SetAccountMode(ctx, db.SetAccountModeParams{WorkspaceID: row.WorkspaceID, ID: row.ID, Livemode: row.Livemode, ConnectedAt: row.ConnectedAt}); err != nil {
		return row, fmt.Errorf("change the account's mode: %w", err)
	}
	_, err = tx.ResetSyncCursor(ctx, db.ResetSyncCursorParams{
		WorkspaceID: row.WorkspaceID, StripeAccountID: *row.StripeAccountID, EventsUntil: now.EventsUntil, BalanceUntil: now.BalanceUntil, NextAttemptAt: tx.Now(),
	})
	if err != nil {
		return row, fmt.Errorf("go on reading the account in this mode: %w", err)
	}
	if _, err := tx.TurnReads(ctx, db.TurnReadsParams{WorkspaceID: row.WorkspaceID, StripeAccountID: *row.StripeAccountID}); err != nil {
		return row, fmt.Errorf("turn what is to be read: %w", err)
	}
	return row, nil
}

// dueOwnAccount asks whose the key is until Stripe has said it, and once more when the workspace
// has been made.
func (a *App) dueOwnAccount(context.Context, int64) ([]jobs.Task, error) {
	if a.own == nil || a.own.next.Load() == 0 {
		return nil, nil
	}
	return []jobs.Task{{Key: "own", At: a.own.next.Load(), Run: func(ctx context.Context) (bool, error) {
		a.own.next.Store(0)
		err := a.findOwnAccount(ctx)
		if err != nil {
			a.askLater()
		}
		return true, err
	}}}, nil
}

// ownWorkspace is called when the one workspace has been made: it is paid from now on.
func (a *App) ownWorkspace(tx *db.Tx) {
	if a.own == nil {
		return
	}
	tx.AfterCommit(func() {
		a.own.next.Store(a.nowMicro())
		a.jobs.Wake()
	})
}
