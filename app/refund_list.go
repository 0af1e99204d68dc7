package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"trak/billing"
	"trak/db"
)

// PaymentRefund is one refund of a payment, whether it was asked for here or made in Stripe.
type PaymentRefund struct {
	PaymentID string
	At        int64 // when it was asked for
	Money     billing.Money
	Status    billing.Status // Refunded, or one of billing's statuses of refunds
	StillOwed bool
	Who       string // who asked for it here, "" = in Stripe
	Note      string // for the team alone
	// Problem is a sentence: why Stripe refused, or why it has not answered yet.
	Problem string
	Failure string // Stripe's failure_reason, of one that failed
}

// refundsOf lists what was refunded of a payment, and what was asked for, oldest first.
func refundsOf(ctx context.Context, q *db.Queries, p db.Payment) (list []PaymentRefund, err error) {
	if p.ChargeID == "" {
		return nil, nil
	}
	facts, err := q.RefundsOfCharge(ctx, db.RefundsOfChargeParams{WorkspaceID: p.WorkspaceID, StripeAccountID: p.StripeAccountID, ChargeID: p.ChargeID})
	if err != nil {
		return nil, fmt.Errorf("read refunds: %w", err)
	}
	requests, err := q.RefundRequestsOfPayment(ctx, db.RefundRequestsOfPaymentParams{WorkspaceID: p.WorkspaceID, PaymentID: p.ID})
	if err != nil {
		return nil, fmt.Errorf("read refunds asked for: %w", err)
	}
	asked := map[string]db.RefundRequestsOfPaymentRow{}
	for _, r := range requests {
		if r.State == refundAsked {
			asked[r.RefundID] = r
			continue
		}
		status := billing.RefundAsking
		if r.State == refundRefused {
			status = billing.RefundRefused
		}
		list = append(list, PaymentRefund{
			PaymentID: p.ID, At: r.CreatedAt, Money: billing.Money{Minor: r.Amount, Currency: r.Currency}, Status: status,
			StillOwed: r.StillOwed, Who: r.UserName, Note: r.Note, Problem: r.LastError,
		})
	}
	for _, f := range facts {
		refund := PaymentRefund{
			PaymentID: p.ID, At: f.CreatedAt, Money: billing.Money{Minor: f.Amount, Currency: f.Currency},
			Status: billing.StatusOfRefund(billing.Rank(f.Rank)), StillOwed: f.StillOwed, Failure: f.FailureReason,
		}
		if r, ok := asked[f.RefundID]; ok {
			refund.At, refund.Who, refund.Note = r.CreatedAt, r.UserName, r.Note
		}
		list = append(list, refund)
	}
	slices.SortStableFunc(list, func(a, b PaymentRefund) int { return cmp.Compare(a.At, b.At) })
	return list, nil
}

// MayRefund says whether there is something of a payment that can be refunded, for buttons: Stripe
// is asked when one is pressed.
func (a *App) MayRefund(actor Actor, p db.Payment, refunds []PaymentRefund) bool {
	left := p.Gross - p.Refunded
	for _, r := range refunds {
		if r.PaymentID == p.ID && r.Status == billing.RefundAsking {
			left -= r.Money.Minor
		}
	}
	return actor.May(Refund) && p.ChargeID != "" && p.StripeAccountID != "" && p.Livemode == a.live && left > 0
}
