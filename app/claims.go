package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"trak/billing"
	"trak/db"
)

// Claims are what somebody has on a charge: refunds, disputes, and alerts that one may come.

// claims adds the claims on a payment and its charges to the facts of it.
func claims(ctx context.Context, q *db.Queries, p db.Payment, charges []db.Charge, f *billing.PaymentFacts) error {
	onIntent := len(charges) == 0
	for _, c := range charges {
		n, err := q.ClaimsOnCharge(ctx, db.ClaimsOnChargeParams{
			WorkspaceID: c.WorkspaceID, StripeAccountID: c.StripeAccountID, ChargeID: c.ChargeID, PaymentIntentID: c.PaymentIntentID,
		})
		if err != nil {
			return fmt.Errorf("count claims: %w", err)
		}
		if n == 0 {
			continue
		}
		onIntent = true
		if err := claimsOnCharge(ctx, q, c, f); err != nil {
			return err
		}
	}
	if !onIntent {
		return nil
	}
	return claimsOnIntent(ctx, q, p, f)
}

func claimsOnCharge(ctx context.Context, q *db.Queries, c db.Charge, f *billing.PaymentFacts) error {
	refunds, err := q.RefundsOfCharge(ctx, db.RefundsOfChargeParams{WorkspaceID: c.WorkspaceID, StripeAccountID: c.StripeAccountID, ChargeID: c.ChargeID})
	if err != nil {
		return fmt.Errorf("read refunds: %w", err)
	}
	asking, err := q.AskingOfCharge(ctx, db.AskingOfChargeParams{WorkspaceID: c.WorkspaceID, StripeAccountID: c.StripeAccountID, ChargeID: c.ChargeID})
	if err != nil {
		return fmt.Errorf("read refunds asked for: %w", err)
	}
	disputes, err := q.DisputesOfCharge(ctx, db.DisputesOfChargeParams{WorkspaceID: c.WorkspaceID, StripeAccountID: c.StripeAccountID, ChargeID: c.ChargeID})
	if err != nil {
		return fmt.Errorf("read disputes: %w", err)
	}
	alerts, err := q.AlertsOfCharge(ctx, db.AlertsOfChargeParams{WorkspaceID: c.WorkspaceID, StripeAccountID: c.StripeAccountID, ChargeID: c.ChargeID})
	if err != nil {
		return fmt.Errorf("read alerts: %w", err)
	}
	f.RefundAsked = f.RefundAsked || asking > 0
	addClaims(f, refunds, disputes, alerts)
	return nil
}

// claimsOnIntent adds the claims that name the payment intent and no charge of it.
func claimsOnIntent(ctx context.Context, q *db.Queries, p db.Payment, f *billing.PaymentFacts) error {
	n, err := q.ClaimsOnIntent(ctx, db.ClaimsOnIntentParams{WorkspaceID: p.WorkspaceID, StripeAccountID: p.StripeAccountID, PaymentIntentID: p.PaymentIntentID})
	if err != nil || n == 0 {
		return err
	}
	refunds, err := q.RefundsOfIntent(ctx, db.RefundsOfIntentParams{WorkspaceID: p.WorkspaceID, StripeAccountID: p.StripeAccountID, PaymentIntentID: p.PaymentIntentID})
	if err != nil {
		return fmt.Errorf("read refunds: %w", err)
	}
	disputes, err := q.DisputesOfIntent(ctx, db.DisputesOfIntentParams{WorkspaceID: p.WorkspaceID, StripeAccountID: p.StripeAccountID, PaymentIntentID: p.PaymentIntentID})
	if err != nil {
		return fmt.Errorf("read disputes: %w", err)
	}
	alerts, err := q.AlertsOfIntent(ctx, db.AlertsOfIntentParams{WorkspaceID: p.WorkspaceID, StripeAccountID: p.StripeAccountID, PaymentIntentID: p.PaymentIntentID})
	if err != nil {
		return fmt.Errorf("read alerts: %w", err)
	}
	addClaims(f, refunds, disputes, alerts)
	return nil
}

func addClaims(f *billing.PaymentFacts, refunds []db.Refund, disputes []db.Dispute, alerts []db.RadarAlert) {
	for _, r := range refunds {
		f.Refunds = append(f.Refunds, refundOf(r))
	}
	for _, d := range disputes {
		f.Disputes = append(f.Disputes, disputeOf(d))
	}
	for _, alert := range alerts {
		f.Alerts = append(f.Alerts, alertOf(alert))
	}
}

func (x *fold) refunds(ctx context.Context, f billing.Facts) error {
	for _, said := range f.Refunds {
		answered, err := x.answers(ctx, &said)
		if err != nil {
			return err
		}
		row, err := x.tx.RefundByID(ctx, db.RefundByIDParams{WorkspaceID: x.account.WorkspaceID, StripeAccountID: x.acct, RefundID: said.ID})
		now, isNew, err := merged(refundOf(row), err, said, billing.MergeRefund)
		if err != nil {
			return fmt.Errorf("read refund %s: %w", said.ID, err)
		}
		if isNew {
			err = x.tx.UpsertRefund(ctx, db.UpsertRefundParams{
				StripeAccountID: x.acct, RefundID: now.ID, WorkspaceID: x.account.WorkspaceID, ChargeID: now.ChargeID,
				PaymentIntentID: now.IntentID, Rank: int64(now.Rank), Amount: now.Amount, Currency: now.Currency,
				Reason: now.Reason, FailureReason: now.FailureReason, StillOwed: now.StillOwed, CreatedAt: now.CreatedAt,
			})
			if err != nil {
				return fmt.Errorf("store refund %s: %w", said.ID, err)
			}
		}
		if err := x.claimed(ctx, now.ChargeID, now.IntentID, isNew || answered); err != nil {
			return fmt.Errorf("refund %s: %w", said.ID, err)
		}
	}
	return nil
}

func (x *fold) disputes(ctx context.Context, f billing.Facts) error {
	for _, said := range f.Disputes {
		row, err := x.tx.DisputeByID(ctx, db.DisputeByIDParams{WorkspaceID: x.account.WorkspaceID, StripeAccountID: x.acct, DisputeID: said.ID})
		now, isNew, err := merged(disputeOf(row), err, said, billing.MergeDispute)
		if err != nil {
			return fmt.Errorf("read dispute %s: %w", said.ID, err)
		}
		if isNew {
			err = x.tx.UpsertDispute(ctx, db.UpsertDisputeParams{
				StripeAccountID: x.acct, DisputeID: now.ID, WorkspaceID: x.account.WorkspaceID, ChargeID: now.ChargeID, PaymentIntentID: now.IntentID,
				Rank: int64(now.Rank), RankAt: now.RankAt, Amount: now.Amount, Currency: now.Currency, Livemode: now.Livemode, Reason: now.Reason,
				DueBy: now.DueBy, Submissions: now.Submissions, Withdrawn: now.Withdrawn, Reinstated: now.Reinstated, Fee: now.Fee, CreatedAt: now.CreatedAt,
			})
			if err != nil {
				return fmt.Errorf("store dispute %s: %w", said.ID, err)
			}
		}
		if err := x.claimed(ctx, now.ChargeID, now.IntentID, isNew); err != nil {
			return fmt.Errorf("dispute %s: %w", said.ID, err)
		}
	}
	return nil
}

func (x *fold) alerts(ctx context.Context, f billing.Facts) error {
	for _, said := range f.Alerts {
		row, err := x.tx.AlertByID(ctx, db.AlertByIDParams{WorkspaceID: x.account.WorkspaceID, StripeAccountID: x.acct, AlertID: said.ID})
		now, isNew, err := merged(alertOf(row), err, said, billing.MergeAlert)
		if err != nil {
			return fmt.Errorf("read alert %s: %w", said.ID, err)
		}
		if isNew {
			err = x.tx.UpsertAlert(ctx, db.UpsertAlertParams{
				StripeAccountID: x.acct, AlertID: now.ID, WorkspaceID: x.account.WorkspaceID, Kind: now.Kind, ChargeID: now.ChargeID,
				PaymentIntentID: now.IntentID, Closed: now.Closed, Reason: now.Reason, ClosedReason: now.ClosedReason,
				Livemode: now.Livemode, CreatedAt: now.CreatedAt,
			})
			if err != nil {
				return fmt.Errorf("store alert %s: %w", said.ID, err)
			}
		}
		if err := x.claimed(ctx, now.ChargeID, now.IntentID, isNew); err != nil {
			return fmt.Errorf("alert %s: %w", said.ID, err)
		}
	}
	return nil
}

// claimed marks the payment that a claim is about.
func (x *fold) claimed(ctx context.Context, charge, named string, isNew bool) error {
	intent, err := x.intentOf(ctx, charge, named)
	if err != nil {
		return err
	}
	x.touch(intent)
	x.learned[intent] = x.learned[intent] || isNew
	return nil
}

// intentOf finds the payment that a claim on a charge is about: that of the charge, or the one
// that the claim names itself.
func (x *fold) intentOf(ctx context.Context, charge, named string) (string, error) {
	if charge == "" {
		return named, nil
	}
	c, err := x.tx.ChargeByID(ctx, db.ChargeByIDParams{WorkspaceID: x.account.WorkspaceID, StripeAccountID: x.acct, ChargeID: charge})
	if err == nil {
		return c.PaymentIntentID, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read charge %s: %w", charge, err)
	}
	x.gap = true // what was said of the charge before was missed, or is late
	if named == "" && x.asks {
		// Its charge is not known and it names no payment: the charge will say which it is.
		return "", x.a.askRead(ctx, x.tx, x.account, billing.Read{Kind: billing.ReadCharge, ID: charge, At: x.tx.Now()}, 0)
	}
	return named, nil
}

func refundOf(r db.Refund) billing.Refund {
	return billing.Refund{
		ID: r.RefundID, ChargeID: r.ChargeID, IntentID: r.PaymentIntentID, Rank: billing.Rank(r.Rank), Amount: r.Amount,
		Currency: r.Currency, Reason: r.Reason, FailureReason: r.FailureReason, StillOwed: r.StillOwed, CreatedAt: r.CreatedAt,
	}
}

func disputeOf(r db.Dispute) billing.Dispute {
	return billing.Dispute{
		ID: r.DisputeID, ChargeID: r.ChargeID, IntentID: r.PaymentIntentID, Rank: billing.Rank(r.Rank), RankAt: r.RankAt, Amount: r.Amount,
		Currency: r.Currency, Livemode: r.Livemode, Reason: r.Reason, DueBy: r.DueBy, Submissions: r.Submissions,
		Withdrawn: r.Withdrawn, Reinstated: r.Reinstated, Fee: r.Fee, CreatedAt: r.CreatedAt,
	}
}

func alertOf(r db.RadarAlert) billing.Alert {
	return billing.Alert{
		ID: r.AlertID, Kind: r.Kind, ChargeID: r.ChargeID, IntentID: r.PaymentIntentID, Closed: r.Closed, Reason: r.Reason,
		ClosedReason: r.ClosedReason, Livemode: r.Livemode, CreatedAt: r.CreatedAt,
	}
}
