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

// workRead fetches one object again from Stripe, in the version that Trak speaks, and feeds
// what it finds through the same fold as every event.
func (a *App) workRead(ctx context.Context, due db.DueReadsRow) (bool, error) {
	var account db.Account
	row, claimed, err := claim(ctx, a, due.WorkspaceID, func(tx *db.Tx, now, until int64) (db.StripeRead, error) {
		return tx.ClaimRead(ctx, db.ClaimReadParams{
			WorkspaceID: due.WorkspaceID, StripeAccountID: due.StripeAccountID, Kind: due.Kind, ObjectID: due.ObjectID, Now: now, ClaimedUntil: until,
		})
	}, func(tx *db.Tx, row db.StripeRead) (err error) {
		account, err = tx.AccountByStripeID(ctx, &row.StripeAccountID)
		return err
	})
	if err != nil || !claimed {
		return false, err
	}
	began := a.now()
	facts, err := a.readAtStripe(ctx, row, account)
	decidedBy(facts, began)
	return true, a.storeRead(context.WithoutCancel(ctx), row, account, facts, err)
}

func (a *App) readAtStripe(ctx context.Context, row db.StripeRead, account db.Account) (billing.Facts, error) {
	switch row.Kind {
	case billing.ReadAccount:
		return billing.Facts{}, a.readAccount(ctx, account)
	case billing.ReadSession:
		return a.stripe.ReadSession(ctx, row.StripeAccountID, row.ObjectID, row.EvidenceAt)
	case billing.ReadIntent:
		return a.stripe.ReadIntent(ctx, row.StripeAccountID, row.ObjectID, row.EvidenceAt)
	case billing.ReadCharge:
		return a.stripe.ReadCharge(ctx, row.StripeAccountID, row.ObjectID, row.EvidenceAt)
	case billing.ReadReview:
		return a.stripe.ReadReview(ctx, row.StripeAccountID, row.ObjectID)
	case billing.ReadDispute:
		dispute, err := a.stripe.ReadDispute(ctx, row.StripeAccountID, row.ObjectID, row.EvidenceAt)
		return billing.Facts{Disputes: []billing.Dispute{dispute}}, err
	case billing.ReadPayout:
		return a.stripe.ReadPayout(ctx, row.StripeAccountID, row.ObjectID)
	case billing.ReadLink:
		return billing.Facts{}, a.readLink(ctx, row, account)
	}
	return billing.Facts{}, fmt.Errorf("unknown kind of object %q", row.Kind)
}

// decidedBy dates the decisions of disputes that were read: what stands at Stripe while it is read
// is a later word than that of any event before, the one that asked for the read included.
func decidedBy(f billing.Facts, began time.Time) {
	for i, d := range f.Disputes {
		if d.Decided() {
			f.Disputes[i].RankAt = max(d.RankAt, began.UnixMicro())
		}
	}
}

func (a *App) storeRead(ctx context.Context, row db.StripeRead, account db.Account, f billing.Facts, failure error) error {
	return a.db.Update(ctx, db.Scope(row.WorkspaceID), func(tx *db.Tx) error {
		failure := failure // of this run: the transaction may run twice
		if failure == nil {
			failure = tx.Savepoint(func() error { return a.applyRead(ctx, tx, account, f) })
		}
		tx.AfterCommit(a.jobs.Wake)
		if failure == nil || connect.IsMissing(failure) || connect.IsAccountGone(failure) {
			// What Stripe does not have (any more) can't be read; what its events said stands.
			done := db.SetReadDoneParams{
				WorkspaceID: row.WorkspaceID, StripeAccountID: row.StripeAccountID, Kind: row.Kind, ObjectID: row.ObjectID, Asked: row.Asked,
			}
			if failure != nil {
				done.LastError = clip(connect.UserMessage(failure))
			}
			if connect.IsMissing(failure) {
				_, err := tx.NoteNothingRead(ctx, db.NoteNothingReadParams{
					WorkspaceID: &row.WorkspaceID, ObjectID: row.ObjectID, ApiVersion: connect.APIVersion,
					Outcome: "Told in another API version, so it was read from Stripe, which has no such object: nothing of it is in the books.",
				})
				if err != nil {
					return fmt.Errorf("note that nothing was read: %w", err)
				}
			}
			_, err := tx.SetReadDone(ctx, done)
			return err
		}
		a.log.Warn("object not read yet", "kind", row.Kind, "object", row.ObjectID, "attempt", row.Attempts, "error", failure)
		_, err := tx.SetReadRetry(ctx, db.SetReadRetryParams{
			WorkspaceID: row.WorkspaceID, StripeAccountID: row.StripeAccountID, Kind: row.Kind, ObjectID: row.ObjectID,
			NextAttemptAt: tx.Now() + pauseAfter(failure, row.Attempts).Microseconds(), LastError: clip(connect.UserMessage(failure)),
		})
		return err
	})
}

// readLink looks whether somebody switched a link off at Stripe, where the invoice still offers it.
func (a *App) readLink(ctx context.Context, row db.StripeRead, account db.Account) error {
	active, completed, err := a.stripe.LinkTaken(ctx, row.StripeAccountID, row.ObjectID)
	if err != nil || active || completed {
		return err
	}
	return a.db.Update(ctx, db.Scope(account.WorkspaceID), func(tx *db.Tx) error {
		l, err := tx.LinkByStripeID(ctx, db.LinkByStripeIDParams{WorkspaceID: account.WorkspaceID, StripeAccountID: row.StripeAccountID, StripeLinkID: row.ObjectID})
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look up link: %w", err)
		}
		n, err := tx.SetLinkSwitchedOff(ctx, db.SetLinkSwitchedOffParams{
			WorkspaceID: l.WorkspaceID, ID: l.ID, LastError: "This link was switched off in Stripe. Trying again makes a new one.",
		})
		if err != nil || n == 0 {
			return err
		}
		inv, err := tx.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: l.WorkspaceID, ID: l.InvoiceID})
		if err != nil {
			return fmt.Errorf("read invoice of link: %w", err)
		}
		return a.touch(ctx, tx, inv)
	})
}
