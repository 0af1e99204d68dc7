package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"trak/billing"
	"trak/connect"
	"trak/db"
)

const disputesPerPage = 50

// DisputeRow is a dispute with what it is about.
type DisputeRow struct {
	billing.Dispute
	Account       string // at Stripe
	PaymentID     string // "" when the payment is not known yet, like the next three
	InvoiceID     string
	InvoiceNumber string
	Client        string
	Label         billing.Label
	Answer        string // state of our answer, see DisputeAnswer; "" = nobody has begun one
	AnswerError   string // why it is not at Stripe yet
}

func disputeRowOf(r db.ListDisputesRow) DisputeRow {
	d := disputeOf(r.Dispute)
	return DisputeRow{
		Dispute: d, Account: r.Dispute.StripeAccountID, PaymentID: r.PaymentID, InvoiceID: r.InvoiceID, InvoiceNumber: r.InvoiceNumber,
		Client: r.BuyerName, Label: billing.LabelOfDispute(d.Rank), Answer: r.Answer, AnswerError: r.AnswerError,
	}
}

// Disputes returns a page of the workspace's disputes, newest first. next is nil on the last page.
// Members may see them.
func (a *App) Disputes(ctx context.Context, actor Actor, from Cursor) (rows []DisputeRow, next *Cursor, err error) {
	if err := a.need(ctx, actor, ViewPayments); err != nil {
		return nil, nil, err
	}
	if from.ID == "" {
		from.At = math.MaxInt64
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		list, err := q.ListDisputes(ctx, db.ListDisputesParams{
			WorkspaceID: actor.WorkspaceID, Livemode: a.live, BeforeAt: from.At, BeforeID: from.ID, Max: disputesPerPage + 1,
		})
		if err != nil {
			return fmt.Errorf("list disputes: %w", err)
		}
		list, next = pageOf(list, disputesPerPage, func(r db.ListDisputesRow) Cursor { return Cursor{At: r.Dispute.CreatedAt, ID: r.Dispute.DisputeID} })
		rows = convert(list, disputeRowOf)
		return nil
	})
	return rows, next, err
}

// findDispute finds one of the workspace's disputes by Stripe's id, or ErrNotFound.
func findDispute(ctx context.Context, q *db.Queries, actor Actor, id string) (DisputeRow, error) {
	r, err := q.FindDispute(ctx, db.FindDisputeParams{WorkspaceID: actor.WorkspaceID, DisputeID: id})
	if errors.Is(err, sql.ErrNoRows) {
		return DisputeRow{}, ErrNotFound
	}
	if err != nil {
		return DisputeRow{}, fmt.Errorf("read dispute: %w", err)
	}
	return disputeRowOf(db.ListDisputesRow(r)), nil
}

// answeredAtStripe says whether the account's owner answers disputes in a dashboard of their own:
// on Standard accounts, where Trak leaves it to them, and in own mode, where both ways are open.
func (a *App) answeredAtStripe(account db.Account) (there, here bool) {
	there = a.own != nil || account.Type != connect.Express
	return there, a.own != nil || !there
}
