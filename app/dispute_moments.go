package app

import (
	"context"
	"fmt"
	"slices"

	"trak/billing"
	"trak/db"
)

// disputeMoments tells the story of the disputes about a charge. When money moved is known from
// balance transactions; before those are read, it was when the dispute was opened or decided.
func disputeMoments(ctx context.Context, q *db.Queries, c db.Charge) (list []Moment, err error) {
	disputes, err := q.DisputesOfCharge(ctx, db.DisputesOfChargeParams{WorkspaceID: c.WorkspaceID, StripeAccountID: c.StripeAccountID, ChargeID: c.ChargeID})
	if err != nil {
		return nil, fmt.Errorf("read disputes: %w", err)
	}
	for _, row := range disputes {
		d := disputeOf(row)
		moved, err := q.TransactionsOfSource(ctx, db.TransactionsOfSourceParams{WorkspaceID: row.WorkspaceID, StripeAccountID: row.StripeAccountID, SourceID: row.DisputeID})
		if err != nil {
			return nil, fmt.Errorf("read transactions of dispute: %w", err)
		}
		out, back := d.CreatedAt, d.RankAt
		for _, t := range moved {
			if t.Amount < 0 {
				out = t.CreatedAt
			} else {
				back = t.CreatedAt
			}
		}
		add := func(kind string, at int64) {
			list = append(list, Moment{At: at, Kind: kind, StripeID: d.ID, Detail: d.Reason, Money: billing.Money{Minor: d.Amount, Currency: d.Currency}})
		}
		opened := "dispute_opened"
		if d.Inquiry() {
			opened = "dispute_inquiry"
		}
		add(opened, d.CreatedAt)
		if d.Withdrawn > 0 {
			add("dispute_withdrawn", out)
		}
		switch d.Rank {
		case billing.DisputeWon:
			add("dispute_won", d.RankAt)
		case billing.DisputeLost:
			add("dispute_lost", d.RankAt)
		}
		if d.Reinstated > 0 {
			add("dispute_reinstated", back)
		}
	}
	return list, nil
}

// disputesOfInvoice are those that its flags tell of.
func disputesOfInvoice(ctx context.Context, q *db.Queries, inv db.Invoice, flags []string) (list []DisputeRow, err error) {
	if !slices.Contains(flags, billing.FlagDisputeOpen) {
		return nil, nil
	}
	rows, err := q.DisputesOfInvoice(ctx, db.DisputesOfInvoiceParams{WorkspaceID: inv.WorkspaceID, InvoiceID: inv.ID})
	if err != nil {
		return nil, fmt.Errorf("read disputes of invoice: %w", err)
	}
	return convert(rows, func(r db.DisputesOfInvoiceRow) DisputeRow { return disputeRowOf(db.ListDisputesRow(r)) }), nil
}

// warnedPayment is the payment that a card network warns of, "" = none.
func warnedPayment(ctx context.Context, q *db.Queries, payments []db.Payment, flags []string) (string, error) {
	if !slices.Contains(flags, billing.FlagFraudWarning) {
		return "", nil
	}
	for _, p := range payments {
		alerts, err := q.AlertsOfCharge(ctx, db.AlertsOfChargeParams{WorkspaceID: p.WorkspaceID, StripeAccountID: p.StripeAccountID, ChargeID: p.ChargeID})
		if err != nil {
			return "", fmt.Errorf("read alerts: %w", err)
		}
		for _, alert := range alerts {
			if alert.Kind == billing.AlertFraudWarning && !alert.Closed {
				return p.ID, nil
			}
		}
	}
	return "", nil
}
