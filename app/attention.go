package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"trak/billing"
	"trak/db"
)

// Kinds of what needs a person, the most pressing first.
const (
	AttentionDispute   = "dispute"             // the client's bank waits for an answer
	AttentionPaidVoid  = "paid_after_void"     // money for an invoice that was withdrawn
	AttentionOverpaid  = "overpaid"            // more than an invoice is for
	AttentionMismatch  = "currency_mismatch"   // in another currency or mode than its invoice
	AttentionUnmatched = "unmatched_payment"   // for no invoice that Trak knows of
	AttentionRefund    = "refund_failed"       // came to nothing
	AttentionRefusal   = "refund_refused"      // asked for in Trak, and refused
	AttentionWarning   = "early_fraud_warning" // a refund may still avoid a dispute
	AttentionPayout    = "payout_failed"       // came back from the bank
	AttentionLink      = "link_failed"         // Stripe refused to make it
	AttentionEvents    = "events_failed"       // could not be taken in
)

const (
	maxAttention        = 100              // of one kind, and where the counter stops
	maxReason           = 300              // characters of a reason or a note
	attentionAfter      = 10 * time.Minute // an event is tried again by itself for as long
	attentionCountedFor = 5 * time.Minute  // some of it comes with time alone
)

// Attention is one thing that needs a person. It is computed from the facts each time, so it goes
// by itself when they say that it is settled. Which of the fields are there depends on the kind;
// of AttentionEvents, Minor is how many there are. When ignored, IgnoredBy says by whom.
type Attention struct {
	Kind string
	db.AttentionDisputesRow
}

// The queries have the same parameters and columns, for which the first of them stands.
type (
	attentionParams = db.AttentionDisputesParams
	attentionRow    = db.AttentionDisputesRow
)

// attentionKinds are all kinds in the order in which they are shown.
var attentionKinds = []struct {
	kind string
	list func(context.Context, *db.Queries, attentionParams) ([]attentionRow, error)
}{
	{AttentionDispute, func(ctx context.Context, q *db.Queries, p attentionParams) ([]attentionRow, error) {
		return q.AttentionDisputes(ctx, p)
	}},
	{AttentionPaidVoid, func(ctx context.Context, q *db.Queries, p attentionParams) ([]attentionRow, error) {
		rows, err := q.AttentionPaidAfterVoid(ctx, db.AttentionPaidAfterVoidParams(p))
		return convert(rows, func(r db.AttentionPaidAfterVoidRow) attentionRow { return attentionRow(r) }), err
	}},
	{AttentionOverpaid, func(ctx context.Context, q *db.Queries, p attentionParams) ([]attentionRow, error) {
		rows, err := q.AttentionOverpaid(ctx, db.AttentionOverpaidParams(p))
		return convert(rows, func(r db.AttentionOverpaidRow) attentionRow { return attentionRow(r) }), err
	}},
	{AttentionMismatch, func(ctx context.Context, q *db.Queries, p attentionParams) ([]attentionRow, error) {
		rows, err := q.AttentionMismatches(ctx, db.AttentionMismatchesParams(p))
		return convert(rows, func(r db.AttentionMismatchesRow) attentionRow { return attentionRow(r) }), err
	}},
	{AttentionUnmatched, func(ctx context.Context, q *db.Queries, p attentionParams) ([]attentionRow, error) {
		rows, err := q.AttentionUnmatched(ctx, db.AttentionUnmatchedParams(p))
		return convert(rows, func(r db.AttentionUnmatchedRow) attentionRow { return attentionRow(r) }), err
	}},
	{AttentionRefund, func(ctx context.Context, q *db.Queries, p attentionParams) ([]attentionRow, error) {
		rows, err := q.AttentionRefunds(ctx, db.AttentionRefundsParams(p))
		return convert(rows, func(r db.AttentionRefundsRow) attentionRow { return attentionRow(r) }), err
	}},
	{AttentionRefusal, func(ctx context.Context, q *db.Queries, p attentionParams) ([]attentionRow, error) {
		rows, err := q.AttentionRefusals(ctx, db.AttentionRefusalsParams(p))
		return convert(rows, func(r db.AttentionRefusalsRow) attentionRow { return attentionRow(r) }), err
	}},
	{AttentionWarning, func(ctx context.Context, q *db.Queries, p attentionParams) ([]attentionRow, error) {
		rows, err := q.AttentionWarnings(ctx, db.AttentionWarningsParams(p))
		return convert(rows, func(r db.AttentionWarningsRow) attentionRow { return attentionRow(r) }), err
	}},
	{AttentionPayout, func(ctx context.Context, q *db.Queries, p attentionParams) ([]attentionRow, error) {
		rows, err := q.AttentionPayouts(ctx, db.AttentionPayoutsParams(p))
		return convert(rows, func(r db.AttentionPayoutsRow) attentionRow { return attentionRow(r) }), err
	}},
	{AttentionLink, func(ctx context.Context, q *db.Queries, p attentionParams) ([]attentionRow, error) {
		rows, err := q.AttentionLinks(ctx, db.AttentionLinksParams(p))
		return convert(rows, func(r db.AttentionLinksRow) attentionRow { return attentionRow(r) }), err
	}},
}

// Attention returns what needs a person in the workspace, the most pressing first, at most a
// hundred of a kind; or instead, when ignored, what somebody chose to leave alone and is still as
// it was then. Members may see it.
func (a *App) Attention(ctx context.Context, actor Actor, ignored bool) (list []Attention, err error) {
	if err := a.need(ctx, actor, ViewPayments); err != nil {
		return nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		list, err = a.readAttention(ctx, q, actor, ignored)
		return err
	})
	return list, err
}

func (a *App) readAttention(ctx context.Context, q *db.Queries, actor Actor, ignored bool) (list []Attention, err error) {
	p := attentionParams{WorkspaceID: actor.WorkspaceID, Livemode: a.live, Ignored: ignored, Max: maxAttention}
	for _, k := range attentionKinds {
		rows, err := k.list(ctx, q, p)
		if err != nil {
			return nil, fmt.Errorf("list attention to %s: %w", k.kind, err)
		}
		for _, r := range rows {
			list = append(list, Attention{k.kind, r})
		}
	}
	events, err := q.AttentionEvents(ctx, db.AttentionEventsParams{
		WorkspaceID: &actor.WorkspaceID, Livemode: a.live, Ignored: ignored, Max: 1, Before: a.nowMicro() - attentionAfter.Microseconds(),
	})
	if err != nil {
		return nil, fmt.Errorf("list attention to events: %w", err)
	}
	for _, r := range events {
		list = append(list, Attention{AttentionEvents, attentionRow(r)})
	}
	return list, nil
}

// attentionKey is what the count of a workspace holds for.
type attentionKey struct {
	version int64 // of the list
	minute  int64
}

// AttentionCount is how many things need a person, at most a hundred: the number beside the
// overview in the sidebar. It is kept until something changes, and for five minutes at most. Members
// may see it.
func (a *App) AttentionCount(ctx context.Context, actor Actor) (int64, error) {
	if err := a.need(ctx, actor, ViewPayments); err != nil {
		return 0, err
	}
	now := attentionKey{a.ListVersion(actor), a.now().UnixNano() / int64(attentionCountedFor)} // before the rows are read
	if n, ok := a.attention.get(actor.WorkspaceID, now); ok {
		return n, nil
	}
	list, err := a.Attention(ctx, actor, false)
	if err != nil {
		return 0, err
	}
	n := int64(min(len(list), maxAttention))
	a.attention.put(actor.WorkspaceID, now, n)
	return n, nil
}

// IgnoreAttention leaves things of a kind alone, with the reason why, each until its facts change.
// What is ignored already stays so, and what was settled meanwhile is passed over. Owners and
// admins may do it. Returns FieldErrors without a reason, ErrNotFound when none of them needs
// anybody (any more).
func (a *App) IgnoreAttention(ctx context.Context, actor Actor, kind string, subjects []string, reason string) error {
	if err := a.need(ctx, actor, SettleAttention); err != nil {
		return err
	}
	reason = strings.TrimSpace(reason)
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		list, err := a.findAttention(ctx, tx.Queries, actor, kind, subjects, false)
		if errors.Is(err, ErrNotFound) { // the second click, if they are ignored
			_, err = a.findAttention(ctx, tx.Queries, actor, kind, subjects, true)
			return err
		}
		if err != nil {
			return err
		}
		if errs := checkReason("reason", reason); len(errs) > 0 {
			return errs
		}
		for _, it := range list {
			_, err = tx.IgnoreAttention(ctx, db.IgnoreAttentionParams{
				WorkspaceID: actor.WorkspaceID, Kind: kind, Subject: it.Subject, Reason: reason, UserID: actor.UserID, At: tx.Now(),
			})
			if err != nil {
				return fmt.Errorf("ignore: %w", err)
			}
			after := map[string]any{"reason": reason, "amount": it.Minor, "currency": it.Currency}
			if err := record(ctx, tx, actor, "attention.ignore", kind+" "+it.Subject, nil, after); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { a.versions.bump(actor.WorkspaceID) })
		return nil
	})
}

// MindAttention takes IgnoreAttention back. Owners and admins may do it. Returns ErrNotFound for
// what was never there to ignore.
func (a *App) MindAttention(ctx context.Context, actor Actor, kind, subject string) error {
	if err := a.need(ctx, actor, SettleAttention); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		n, err := tx.MindAttention(ctx, db.MindAttentionParams{WorkspaceID: actor.WorkspaceID, Kind: kind, Subject: subject})
		if err != nil {
			return fmt.Errorf("mind again: %w", err)
		}
		if n == 0 { // the second click
			_, err := a.findAttention(ctx, tx.Queries, actor, kind, []string{subject}, false)
			return err
		}
		tx.AfterCommit(func() { a.versions.bump(actor.WorkspaceID) })
		return record(ctx, tx, actor, "attention.mind", kind+" "+subject, nil, nil)
	})
}

// findAttention finds those of the things of a kind that are there, or ErrNotFound when none is.
func (a *App) findAttention(ctx context.Context, q *db.Queries, actor Actor, kind string, subjects []string, ignored bool) (found []Attention, err error) {
	list, err := a.readAttention(ctx, q, actor, ignored)
	if err != nil {
		return nil, err
	}
	for _, it := range list {
		if it.Kind == kind && slices.Contains(subjects, it.Subject) {
			found = append(found, it)
		}
	}
	if len(found) == 0 {
		return nil, ErrNotFound
	}
	return found, nil
}

// checkReason says what is wrong with a text that has to say why.
func checkReason(field, text string) billing.FieldErrors {
	errs := billing.FieldErrors{}
	if text == "" {
		errs.Add(field, "Say why, for whoever looks at it later")
	}
	errs.CheckLength(field, text, maxReason)
	return errs
}
