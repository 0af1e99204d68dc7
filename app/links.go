package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"trak/billing"
	"trak/connect"
	"trak/db"
)

const (
	// firstTry is how long the request that finalized an invoice tries to make its link, before
	// the worker takes over with the same idempotency key.
	firstTry = 3 * time.Second
	// afterFirstTry is when the worker begins, so that the first try has ended.
	afterFirstTry = firstTry + firstTry/3
	// keyAge is when an idempotency key counts as too old to rely on: Stripe keeps keys for 24
	// hours. From then on a try begins with a look for what may have been made.
	keyAge = 20 * time.Hour
)

// States of a payment link. No row at all means: no link.
const (
	linkCreating = "creating"
	linkActive   = "active"
	linkFailed   = "failed"
	linkClosing  = "closing"
)

// settleLinks makes the links follow the invoice, in the transaction that changed it: whatever
// must not be paid any more is closed, and what is due gets a link for exactly that amount. The
// worker does both after the pause: at once, or once the request has had its own try.
func (a *App) settleLinks(ctx context.Context, tx *db.Tx, inv db.Invoice, pause time.Duration) error {
	links, err := tx.LinksOfInvoice(ctx, db.LinksOfInvoiceParams{WorkspaceID: inv.WorkspaceID, InvoiceID: inv.ID})
	if err != nil {
		return fmt.Errorf("read links: %w", err)
	}
	payable := inv.Decided == string(billing.Open) && inv.Due > 0 && inv.Status != string(billing.Processing)
	alive, revision := false, int64(0)
	for _, l := range links {
		revision = max(revision, l.Revision)
		switch l.State {
		case linkCreating, linkActive, linkFailed:
		default:
			continue
		}
		used, err := a.linkUsed(ctx, tx, l)
		if err != nil {
			return err
		}
		if payable && l.Amount == inv.Due && !used {
			alive = true
			continue
		}
		if err := a.closeLink(ctx, tx, l, pause); err != nil {
			return err
		}
	}
	if !payable || alive {
		return nil
	}
	return a.insertLink(ctx, tx, inv, revision+1, pause)
}

// linkUsed says that a session of the link was completed, so that it takes no other payment.
func (a *App) linkUsed(ctx context.Context, tx *db.Tx, l db.Link) (bool, error) {
	if l.StripeLinkID == "" {
		return false, nil
	}
	sessions, err := tx.SessionsOfLink(ctx, db.SessionsOfLinkParams{WorkspaceID: l.WorkspaceID, StripeAccountID: l.StripeAccountID, StripeLinkID: l.StripeLinkID})
	if err != nil {
		return false, fmt.Errorf("read sessions of link: %w", err)
	}
	for _, s := range sessions {
		if billing.Rank(s.Rank) >= billing.SessionCompleteUnpaid {
			return true, nil
		}
	}
	return false, nil
}

func (a *App) closeLink(ctx context.Context, tx *db.Tx, l db.Link, pause time.Duration) error {
	_, err := tx.SetLinkClosing(ctx, db.SetLinkClosingParams{
		WorkspaceID: l.WorkspaceID, ID: l.ID, Now: tx.Now(), NextAttemptAt: tx.Now() + pause.Microseconds(),
	})
	if err != nil {
		return fmt.Errorf("close link %s: %w", l.ID, err)
	}
	tx.AfterCommit(a.jobs.Wake)
	return nil
}

// insertLink writes down that a link is wanted, if the workspace's account can take payments.
// The worker makes it after the given pause.
func (a *App) insertLink(ctx context.Context, tx *db.Tx, inv db.Invoice, revision int64, pause time.Duration) error {
	acc, err := tx.CurrentAccount(ctx, db.CurrentAccountParams{WorkspaceID: inv.WorkspaceID, Livemode: inv.Livemode})
	if errors.Is(err, sql.ErrNoRows) || err == nil && (acc.StripeAccountID == nil || !accountOf(acc).CanTakePayments()) {
		return nil // the invoice simply has no link
	}
	if err != nil {
		return fmt.Errorf("read account: %w", err)
	}
	id := newID()
	err = tx.InsertLink(ctx, db.InsertLinkParams{
		ID: id, WorkspaceID: inv.WorkspaceID, InvoiceID: inv.ID, Part: 1, Revision: revision,
		StripeAccountID: *acc.StripeAccountID, Livemode: inv.Livemode, Currency: inv.Currency, Amount: inv.Due,
		IdempotencyKey: "trak:" + a.install + ":link:" + id, NextAttemptAt: tx.Now() + pause.Microseconds(), CreatedAt: tx.Now(),
	})
	if err != nil {
		return fmt.Errorf("insert link: %w", err)
	}
	tx.AfterCommit(a.jobs.Wake)
	return nil
}

// RetryLink begins again with an invoice's link that Stripe refused. Members may do it.
func (a *App) RetryLink(ctx context.Context, actor Actor, invoiceID string) error {
	if err := a.need(ctx, actor, EditInvoices); err != nil {
		return err
	}
	err := a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		inv, err := a.findInvoice(ctx, tx.Queries, actor, invoiceID)
		if err != nil {
			return err
		}
		links, err := tx.LinksOfInvoice(ctx, db.LinksOfInvoiceParams{WorkspaceID: inv.WorkspaceID, InvoiceID: inv.ID})
		if err != nil {
			return fmt.Errorf("read links: %w", err)
		}
		for _, l := range links {
			switch l.State {
			case linkFailed:
				// Stripe replays its refusal for the same key: another try is another revision.
				if err := a.closeLink(ctx, tx, l, afterFirstTry); err != nil {
					return err
				}
			case linkCreating:
				if _, err := tx.SetLinkRetry(ctx, db.SetLinkRetryParams{WorkspaceID: l.WorkspaceID, ID: l.ID, NextAttemptAt: tx.Now(), LastError: l.LastError}); err != nil {
					return fmt.Errorf("retry link: %w", err)
				}
			}
		}
		if err := a.settleLinks(ctx, tx, inv, afterFirstTry); err != nil {
			return err
		}
		if err := a.touch(ctx, tx, inv); err != nil {
			return err
		}
		return record(ctx, tx, actor, "invoice.link.retry", inv.ID, nil, nil)
	})
	if err != nil {
		return err
	}
	a.tryLinks(ctx, actor.WorkspaceID, invoiceID)
	return nil
}

// tryLinks works on an invoice's links at once, the oldest first, for as long as a person is
// willing to wait: what must not be paid any more is closed before what may be is made.
func (a *App) tryLinks(ctx context.Context, workspaceID, invoiceID string) {
	ctx, cancel := context.WithTimeout(ctx, firstTry)
	defer cancel()
	var links []db.Link
	err := a.db.View(ctx, db.Scope(workspaceID), func(q *db.Queries) (err error) {
		links, err = q.LinksOfInvoice(ctx, db.LinksOfInvoiceParams{WorkspaceID: workspaceID, InvoiceID: invoiceID})
		return err
	})
	if err != nil {
		a.log.Error("read links to try", "invoice", invoiceID, "error", err)
		return
	}
	for _, l := range links {
		if ctx.Err() != nil {
			return // the worker goes on
		}
		if l.State == linkCreating || l.State == linkClosing {
			if _, err := a.workLink(ctx, l.WorkspaceID, l.ID); err != nil {
				a.log.Error("work on link", "link", l.ID, "error", err)
			}
		}
	}
}

// workLink claims a link and makes or closes it at Stripe. It reports false when there was
// nothing to claim. A refusal of Stripe's is the link's state, not an error of this function.
func (a *App) workLink(ctx context.Context, workspaceID, id string) (bool, error) {
	var inv db.Invoice
	l, claimed, err := claim(ctx, a, workspaceID, func(tx *db.Tx, now, until int64) (db.Link, error) {
		return tx.ClaimLink(ctx, db.ClaimLinkParams{WorkspaceID: workspaceID, ID: id, Now: now, ClaimedUntil: until})
	}, func(tx *db.Tx, l db.Link) (err error) {
		inv, err = tx.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: workspaceID, ID: l.InvoiceID})
		return err
	})
	if err != nil || !claimed {
		return false, err
	}
	if l.State == linkCreating {
		made, err := a.makeAtStripe(ctx, l, inv)
		return true, a.storeMade(context.WithoutCancel(ctx), l, made, err)
	}
	err = a.closeAtStripe(ctx, l, inv)
	return true, a.storeClosed(context.WithoutCancel(ctx), l, err)
}

type madeLink struct {
	price string
	link  connect.Link
}

func (a *App) linkRequest(l db.Link, inv db.Invoice) connect.LinkRequest {
	number := ""
	if inv.Number != nil {
		number = *inv.Number
	}
	return connect.LinkRequest{
		Account: l.StripeAccountID, InvoiceID: l.InvoiceID, LinkID: l.ID, Number: number, Revision: l.Revision,
		Description: "Invoice " + number, Amount: l.Amount, Currency: l.Currency,
		ReturnURL:       a.PublicURL(inv) + "?checkout={CHECKOUT_SESSION_ID}",
		InactiveMessage: "This payment link is closed. Please open the invoice again to see what is due.",
		Key:             keyOf(l.IdempotencyKey, l.KeysSpent),
	}
}

// keyOf is the idempotency key of an intention. Stripe answers a key as it did the first time,
// also with a failure of its own, for 24 hours: after such a failure the same intention needs
// the next key, and a look for what may have been made all the same.
func keyOf(key string, spent int64) string {
	if spent == 0 {
		return key
	}
	return fmt.Sprintf("%s:%d", key, spent)
}

// spent is 1 when the failure has used up the idempotency key.
func spent(failure error) int64 {
	var e *connect.Error
	if errors.As(failure, &e) && e.KeySpent() {
		return 1
	}
	return 0
}

// makeAtStripe makes price and link. Both calls may be repeated: the keys are the same, and
// once they are too old or used up, what may have been made is looked for first.
func (a *App) makeAtStripe(ctx context.Context, l db.Link, inv db.Invoice) (made madeLink, err error) {
	r := a.linkRequest(l, inv)
	old := l.FirstAttemptAt > 0 && a.now().Sub(time.UnixMicro(l.FirstAttemptAt)) > keyAge
	if old || l.KeysSpent > 0 {
		link, found, err := a.stripe.FindLink(ctx, r)
		if err != nil || found {
			return madeLink{link: link}, err
		}
		made.price, _, err = a.stripe.FindPrice(ctx, r)
		if err != nil {
			return made, err
		}
	}
	if made.price == "" {
		if made.price, err = a.stripe.CreatePrice(ctx, r); err != nil {
			return made, err
		}
	}
	made.link, err = a.stripe.CreateLink(ctx, r, made.price)
	return made, err
}

func (a *App) storeMade(ctx context.Context, l db.Link, made madeLink, failure error) error {
	return a.db.Update(ctx, db.Scope(l.WorkspaceID), func(tx *db.Tx) error {
		inv, err := tx.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: l.WorkspaceID, ID: l.InvoiceID})
		if err != nil {
			return fmt.Errorf("read invoice of link: %w", err)
		}
		switch {
		case failure == nil:
			_, err = tx.SetLinkCreated(ctx, db.SetLinkCreatedParams{
				WorkspaceID: l.WorkspaceID, ID: l.ID, StripePriceID: made.price, StripeLinkID: made.link.ID, Url: made.link.URL, Now: tx.Now(),
			})
			if err == nil {
				err = a.matchLink(ctx, tx, l, made.link.ID)
			}
		case mayPass(failure):
			_, err = tx.SetLinkRetry(ctx, db.SetLinkRetryParams{
				WorkspaceID: l.WorkspaceID, ID: l.ID, LastError: connect.UserMessage(failure), Spent: spent(failure),
				NextAttemptAt: tx.Now() + pauseAfter(failure, l.Attempts).Microseconds(),
			})
			a.log.Warn("payment link not made yet", "link", l.ID, "attempt", l.Attempts, "error", failure)
		default:
			_, err = tx.SetLinkFailed(ctx, db.SetLinkFailedParams{WorkspaceID: l.WorkspaceID, ID: l.ID, LastError: connect.UserMessage(failure)})
			a.log.Warn("payment link refused", "link", l.ID, "error", failure)
			if err == nil && connect.IsAccountGone(failure) {
				err = a.askAccountRead(ctx, tx, l.WorkspaceID, l.StripeAccountID)
			}
		}
		if err != nil {
			return fmt.Errorf("store outcome of link %s: %w", l.ID, err)
		}
		tx.AfterCommit(a.jobs.Wake)
		return a.touch(ctx, tx, inv)
	})
}

// matchLink gives the invoice what was paid through its link before the link's id was stored.
func (a *App) matchLink(ctx context.Context, tx *db.Tx, l db.Link, stripeLink string) error {
	sessions, err := tx.SessionsOfLink(ctx, db.SessionsOfLinkParams{WorkspaceID: l.WorkspaceID, StripeAccountID: l.StripeAccountID, StripeLinkID: stripeLink})
	if err != nil || len(sessions) == 0 {
		return err
	}
	account, err := tx.AccountByStripeID(ctx, &l.StripeAccountID)
	if err != nil {
		return fmt.Errorf("read account of link: %w", err)
	}
	var f billing.Facts
	for _, s := range sessions {
		f.Sessions = append(f.Sessions, sessionOf(s))
	}
	if err := a.applyFacts(ctx, tx, account, f); err != nil {
		return err
	}
	return a.restandByID(ctx, tx, l.WorkspaceID, l.InvoiceID, nil) // the sessions themselves are no news
}

func (a *App) closeAtStripe(ctx context.Context, l db.Link, inv db.Invoice) error {
	id := l.StripeLinkID
	if id == "" {
		// Its creation was tried and the answer lost: it may be there.
		link, found, err := a.stripe.FindLink(ctx, a.linkRequest(l, inv))
		if err != nil && !connect.IsAccountGone(err) || err == nil && found {
			if err != nil {
				return err
			}
			id = link.ID
		}
	}
	if id == "" {
		return nil
	}
	return a.stripe.CloseLink(ctx, l.StripeAccountID, id)
}

func (a *App) storeClosed(ctx context.Context, l db.Link, failure error) error {
	return a.db.Update(ctx, db.Scope(l.WorkspaceID), func(tx *db.Tx) error {
		inv, err := tx.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: l.WorkspaceID, ID: l.InvoiceID})
		if err != nil {
			return fmt.Errorf("read invoice of link: %w", err)
		}
		if failure != nil {
			a.log.Warn("payment link not closed yet", "link", l.ID, "attempt", l.Attempts, "error", failure)
			_, err = tx.SetLinkRetry(ctx, db.SetLinkRetryParams{
				WorkspaceID: l.WorkspaceID, ID: l.ID, LastError: connect.UserMessage(failure), Spent: spent(failure),
				NextAttemptAt: tx.Now() + pauseAfter(failure, l.Attempts).Microseconds(),
			})
		} else {
			_, err = tx.SetLinkClosed(ctx, db.SetLinkClosedParams{WorkspaceID: l.WorkspaceID, ID: l.ID, ClosedAt: tx.Now()})
		}
		if err != nil {
			return fmt.Errorf("store outcome of closing link %s: %w", l.ID, err)
		}
		tx.AfterCommit(a.jobs.Wake)
		return a.touch(ctx, tx, inv)
	})
}

// mayPass says that what was asked for may be had later: Stripe was away, busy or slow, or gave
// an answer that doesn't tell.
func mayPass(err error) bool {
	var e *connect.Error
	if errors.As(err, &e) {
		return e.Temporary() || e.KeySpent()
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// touch raises the version of an invoice whose links or texts have changed.
func (a *App) touch(ctx context.Context, tx *db.Tx, inv db.Invoice) error {
	now, err := tx.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: inv.WorkspaceID, ID: inv.ID})
	if err != nil {
		return fmt.Errorf("read invoice: %w", err)
	}
	if _, err := tx.TouchInvoice(ctx, db.TouchInvoiceParams{WorkspaceID: inv.WorkspaceID, ID: inv.ID, UpdatedAt: tx.Now()}); err != nil {
		return fmt.Errorf("raise version: %w", err)
	}
	now.Version++
	a.changed(tx, now)
	return nil
}
