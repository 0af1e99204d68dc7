package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"trak/billing"
	"trak/db"
)

const (
	payoutsPerPage = 50
	// maxContents is how much of one payout is shown.
	maxContents = 1000
)

// PayoutDetail is a payout with what it contains. Stripe says that of automatic ones only.
type PayoutDetail struct {
	billing.Payout
	Account  string // at Stripe
	Label    billing.Label
	Contents []db.ContentsOfPayoutRow
	More     bool // there is more than maxContents
}

// PayoutRow is one payout of the list.
type PayoutRow struct {
	billing.Payout
	Label billing.Label
}

// Payouts returns a page of the workspace's payouts, newest first. next is nil on the last page.
// Members may see them.
func (a *App) Payouts(ctx context.Context, actor Actor, from Cursor) (rows []PayoutRow, next *Cursor, err error) {
	if err := a.need(ctx, actor, ViewPayments); err != nil {
		return nil, nil, err
	}
	if from.ID == "" {
		from.At = math.MaxInt64
	}
	var list []db.Payout
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) (err error) {
		list, err = q.ListPayouts(ctx, db.ListPayoutsParams{
			WorkspaceID: actor.WorkspaceID, Livemode: a.live, BeforeAt: from.At, BeforeID: from.ID, Max: payoutsPerPage + 1,
		})
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list payouts: %w", err)
	}
	list, next = pageOf(list, payoutsPerPage, func(p db.Payout) Cursor { return Cursor{At: p.CreatedAt, ID: p.PayoutID} })
	for _, r := range list {
		p := payoutOf(r)
		rows = append(rows, PayoutRow{p, billing.LabelOfPayout(p.Rank)})
	}
	return rows, next, nil
}

// Payout returns one payout of the workspace, by Stripe's id of it. Members may see it.
func (a *App) Payout(ctx context.Context, actor Actor, id string) (p PayoutDetail, err error) {
	if err := a.need(ctx, actor, ViewPayments); err != nil {
		return p, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		row, err := q.PayoutOfWorkspace(ctx, db.PayoutOfWorkspaceParams{WorkspaceID: actor.WorkspaceID, Livemode: a.live, PayoutID: id})
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("read payout: %w", err)
		}
		p.Payout, p.Account = payoutOf(row), row.StripeAccountID
		p.Label = billing.LabelOfPayout(p.Rank)
		p.Contents, err = q.ContentsOfPayout(ctx, db.ContentsOfPayoutParams{
			WorkspaceID: actor.WorkspaceID, StripeAccountID: row.StripeAccountID, PayoutID: id, Max: maxContents + 1,
		})
		if err != nil {
			return fmt.Errorf("read what the payout contains: %w", err)
		}
		if p.More = len(p.Contents) > maxContents; p.More {
			p.Contents = p.Contents[:maxContents]
		}
		return nil
	})
	return p, err
}
