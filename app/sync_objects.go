package app

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"trak/billing"
	"trak/db"
)

const (
	// someObjects are stored in one transaction.
	someObjects = 100
	// What was created before a gap in the events can change inside of it: a bank debit is decided
	// within two weeks and a refund can come back within a month; a dispute takes up to four.
	reachBack        = 30 * 24 * time.Hour
	reachBackDispute = 180 * 24 * time.Hour
	// decidedAfter is when a payment that is under way should have succeeded or failed, and
	// arrivedAfter how long after its date a payout should be there.
	decidedAfter = 8 * 24 * time.Hour
	arrivedAfter = 2 * 24 * time.Hour
	// overdueEvery is how often what is overdue is read again, and maxOverdue how much of each kind.
	overdueEvery = 24 * time.Hour
	maxOverdue   = 100
)

// stripeBegan is before any account at Stripe (2011, microseconds).
const stripeBegan = int64(1_293_840_000_000_000)

// reconcile finds what happened in a time of which Stripe has no events any more, from the objects
// themselves. What comes first is what the rest refers to.
func (s *syncRun) reconcile(ctx context.Context, since, until int64) error {
	stripe, acct, now := s.a.stripe, s.acct(), until
	// What the account took before it was connected is not Trak's, unless somebody asks for it.
	first := max(min(since, s.account.ConnectedAt-syncOverlap.Microseconds()), stripeBegan)
	back, backDispute := max(since-reachBack.Microseconds(), first), max(since-reachBackDispute.Microseconds(), first)
	err := walk(ctx, s, back, until, func(since, until int64) iter.Seq2[billing.Session, error] {
		return stripe.Sessions(ctx, acct, "", since, until)
	}, func(list []billing.Session) (billing.Facts, []billing.Read) {
		var reads []billing.Read
		for _, x := range list {
			if x.Rank == billing.SessionCompleteUnpaid { // or failed since: a list does not say which
				reads = append(reads, billing.Read{Kind: billing.ReadSession, ID: x.ID, At: now})
			}
		}
		return billing.Facts{Sessions: list}, reads
	})
	if err != nil {
		return err
	}
	err = walk(ctx, s, back, until, func(since, until int64) iter.Seq2[billing.Charge, error] {
		return stripe.Charges(ctx, acct, since, until, now)
	}, func(list []billing.Charge) (billing.Facts, []billing.Read) { return billing.Facts{Charges: list}, nil })
	if err != nil {
		return err
	}
	err = walk(ctx, s, back, until, func(since, until int64) iter.Seq2[billing.Refund, error] {
		return stripe.Refunds(ctx, acct, since, until)
	}, func(list []billing.Refund) (billing.Facts, []billing.Read) { return billing.Facts{Refunds: list}, nil })
	if err != nil {
		return err
	}
	err = walk(ctx, s, backDispute, until, func(since, until int64) iter.Seq2[billing.Dispute, error] {
		return stripe.Disputes(ctx, acct, since, until, now)
	}, func(list []billing.Dispute) (billing.Facts, []billing.Read) {
		return billing.Facts{Disputes: list}, nil
	})
	if err != nil {
		return err
	}
	err = s.allowed(walk(ctx, s, backDispute, until, func(since, until int64) iter.Seq2[billing.Alert, error] {
		return stripe.EarlyFraudWarnings(ctx, acct, since, until)
	}, func(list []billing.Alert) (billing.Facts, []billing.Read) { return billing.Facts{Alerts: list}, nil }))
	if err != nil {
		return err
	}
	if err := s.allowed(s.reviews(ctx, backDispute, until)); err != nil {
		return err
	}
	return s.allowed(walk(ctx, s, back, until, func(since, until int64) iter.Seq2[billing.Payout, error] {
		return stripe.Payouts(ctx, acct, since, until)
	}, func(list []billing.Payout) (billing.Facts, []billing.Read) {
		var reads []billing.Read
		for _, p := range list {
			reads = append(reads, billing.Read{Kind: billing.ReadPayout, ID: p.ID, At: now}) // which transactions it contains
		}
		return billing.Facts{Payouts: list}, reads
	}))
}

// reviews finds those that were opened, which Stripe lists, and has each that is open here read,
// because no list says that one was closed.
func (s *syncRun) reviews(ctx context.Context, since, until int64) error {
	err := walk(ctx, s, since, until, func(since, until int64) iter.Seq2[billing.Alert, error] {
		return s.a.stripe.OpenReviews(ctx, s.acct(), since, until)
	}, func(list []billing.Alert) (billing.Facts, []billing.Read) { return billing.Facts{Alerts: list}, nil })
	if err != nil {
		return err
	}
	return s.a.db.Update(ctx, db.Scope(s.cursor.WorkspaceID), func(tx *db.Tx) error {
		open, err := tx.OpenReviewsHere(ctx, db.OpenReviewsHereParams{WorkspaceID: s.cursor.WorkspaceID, StripeAccountID: s.acct(), Livemode: s.account.Livemode, Max: maxOverdue})
		if err != nil {
			return fmt.Errorf("find open reviews: %w", err)
		}
		for _, id := range open {
			if err := s.a.askRead(ctx, tx, s.account, billing.Read{Kind: billing.ReadReview, ID: id, At: until}, 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// balance reads the movements of the account's balance since the last time; the first time, all
// that there ever were: only then do they add up to what Stripe holds.
func (s *syncRun) balance(ctx context.Context, until int64) error {
	since := s.cursor.BalanceUntil - syncOverlap.Microseconds()
	if s.since > 0 {
		since = min(since, s.since)
	}
	err := walk(ctx, s, max(since, stripeBegan), until, func(since, until int64) iter.Seq2[billing.Transaction, error] {
		return s.a.stripe.Transactions(ctx, s.acct(), since, until)
	}, func(list []billing.Transaction) (billing.Facts, []billing.Read) {
		return billing.Facts{Transactions: list}, nil
	})
	if err != nil {
		return err
	}
	return s.advance(ctx, db.AdvanceSyncParams{BalanceUntil: until})
}

// walk goes through a list of the account, in halves of the time where it is too long, and stores
// it in bounded transactions. Storing something twice changes nothing.
func walk[T any](ctx context.Context, s *syncRun, since, until int64, list func(since, until int64) iter.Seq2[T, error], facts func([]T) (billing.Facts, []billing.Read)) error {
	end := until
	if until == s.cursor.LastStartedAt {
		end = 0 // Stripe's clock may be ahead of ours
	}
	var some []T
	var failure error
	for one, err := range list(since, end) {
		if failure = err; err != nil {
			break
		}
		if some = append(some, one); len(some) == someObjects {
			if err := storeObjects(ctx, s, some, facts); err != nil {
				return err
			}
			some = nil
		}
	}
	if middle, ok := halve(failure, since, until); ok {
		if err := walk(ctx, s, since, middle, list, facts); err != nil {
			return err
		}
		return walk(ctx, s, middle, until, list, facts)
	}
	if failure != nil || len(some) == 0 {
		return failure
	}
	return storeObjects(ctx, s, some, facts)
}

func storeObjects[T any](ctx context.Context, s *syncRun, some []T, facts func([]T) (billing.Facts, []billing.Read)) error {
	f, reads := facts(some)
	err := s.a.db.Update(ctx, db.Scope(s.cursor.WorkspaceID), func(tx *db.Tx) error {
		if err := s.a.applyRead(ctx, tx, s.account, f); err != nil {
			return err
		}
		for _, r := range reads {
			if err := s.a.askRead(ctx, tx, s.account, r, 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store what %s has: %w", s.acct(), err)
	}
	s.sum.Objects += len(some)
	return s.advance(ctx, db.AdvanceSyncParams{})
}

// readOverdue has what should have been decided by now read again, once a day: perhaps Stripe never
// made an event of it.
func (s *syncRun) readOverdue(ctx context.Context, now int64) error {
	day := overdueEvery.Microseconds()
	if now/day == s.cursor.LastWholeAt/day {
		return nil
	}
	workspaceID := s.cursor.WorkspaceID
	return s.a.db.Update(ctx, db.Scope(workspaceID), func(tx *db.Tx) error {
		intents, err := tx.OverdueIntents(ctx, db.OverdueIntentsParams{
			WorkspaceID: workspaceID, StripeAccountID: s.acct(), Livemode: s.account.Livemode, Before: now - decidedAfter.Microseconds(), Max: maxOverdue,
		})
		if err != nil {
			return fmt.Errorf("find overdue payments: %w", err)
		}
		payouts, err := tx.OverduePayouts(ctx, db.OverduePayoutsParams{
			WorkspaceID: workspaceID, StripeAccountID: s.acct(), Livemode: s.account.Livemode, Max: maxOverdue,
			Before: time.UnixMicro(now).Add(-arrivedAfter).UTC().Format(time.DateOnly),
		})
		if err != nil {
			return fmt.Errorf("find overdue payouts: %w", err)
		}
		for _, id := range intents {
			kind := billing.ReadIntent
			if !strings.HasPrefix(id, "pi_") { // a charge that was made without one
				kind = billing.ReadCharge
			}
			if err := s.a.askRead(ctx, tx, s.account, billing.Read{Kind: kind, ID: id, At: now}, 0); err != nil {
				return err
			}
		}
		for _, id := range payouts {
			if err := s.a.askRead(ctx, tx, s.account, billing.Read{Kind: billing.ReadPayout, ID: id, At: now}, 0); err != nil {
				return err
			}
		}
		return nil
	})
}
