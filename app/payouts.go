package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"trak/billing"
	"trak/db"
)

func (x *fold) payouts(ctx context.Context, f billing.Facts) error {
	for _, said := range f.Payouts {
		row, err := x.tx.PayoutByID(ctx, db.PayoutByIDParams{WorkspaceID: x.account.WorkspaceID, StripeAccountID: x.acct, PayoutID: said.ID})
		unknown := errors.Is(err, sql.ErrNoRows)
		now, isNew, err := merged(payoutOf(row), err, said, billing.MergePayout)
		if err != nil {
			return fmt.Errorf("read payout %s: %w", said.ID, err)
		}
		if !isNew {
			continue
		}
		x.gap = x.gap || unknown && said.Rank >= billing.PayoutPaid // its beginning was missed
		err = x.tx.UpsertPayout(ctx, db.UpsertPayoutParams{
			StripeAccountID: x.acct, PayoutID: now.ID, WorkspaceID: x.account.WorkspaceID, Rank: int64(now.Rank), Amount: now.Amount,
			Currency: now.Currency, Livemode: now.Livemode, Automatic: now.Automatic, ArrivalDate: now.ArrivalDate,
			FailureCode: now.FailureCode, FailureMessage: now.FailureMessage, CreatedAt: now.CreatedAt,
		})
		if err != nil {
			return fmt.Errorf("store payout %s: %w", said.ID, err)
		}
		x.tx.AfterCommit(func() { x.a.versions.bump(x.account.WorkspaceID) })
	}
	return nil
}

func (x *fold) transactions(ctx context.Context, f billing.Facts) error {
	for _, said := range f.Transactions {
		row, err := x.tx.TransactionByID(ctx, db.TransactionByIDParams{WorkspaceID: x.account.WorkspaceID, StripeAccountID: x.acct, TransactionID: said.ID})
		now, isNew, err := merged(transactionOf(row), err, said, billing.MergeTransaction)
		if err != nil {
			return fmt.Errorf("read balance transaction %s: %w", said.ID, err)
		}
		if !isNew {
			continue
		}
		err = x.tx.UpsertTransaction(ctx, db.UpsertTransactionParams{
			StripeAccountID: x.acct, TransactionID: now.ID, WorkspaceID: x.account.WorkspaceID, Type: now.Type, SourceID: now.SourceID,
			Amount: now.Amount, Fee: now.Fee, Net: now.Net, Currency: now.Currency, Livemode: now.Livemode, PayoutID: now.PayoutID,
			CreatedAt: now.CreatedAt, AvailableAt: now.AvailableAt,
		})
		if err != nil {
			return fmt.Errorf("store balance transaction %s: %w", said.ID, err)
		}
	}
	return nil
}

func payoutOf(r db.Payout) billing.Payout {
	return billing.Payout{
		ID: r.PayoutID, Rank: billing.Rank(r.Rank), Amount: r.Amount, Currency: r.Currency, Livemode: r.Livemode, Automatic: r.Automatic,
		ArrivalDate: r.ArrivalDate, FailureCode: r.FailureCode, FailureMessage: r.FailureMessage, CreatedAt: r.CreatedAt,
	}
}

func transactionOf(r db.BalanceTransaction) billing.Transaction {
	return billing.Transaction{
		ID: r.TransactionID, Type: r.Type, SourceID: r.SourceID, Amount: r.Amount, Fee: r.Fee, Net: r.Net, Currency: r.Currency,
		Livemode: r.Livemode, PayoutID: r.PayoutID, CreatedAt: r.CreatedAt, AvailableAt: r.AvailableAt,
	}
}
