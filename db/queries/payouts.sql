-- name: PayoutByID :one
SELECT * FROM payouts WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND payout_id = @payout_id;

-- name: UpsertPayout :exec
INSERT INTO payouts (stripe_account_id, payout_id, workspace_id, rank, amount, currency, livemode, automatic, arrival_date, failure_code, failure_message, created_at)
VALUES (@stripe_account_id, @payout_id, @workspace_id, @rank, @amount, @currency, @livemode, @automatic, @arrival_date, @failure_code, @failure_message, @created_at)
ON CONFLICT (stripe_account_id, payout_id) DO UPDATE SET rank = excluded.rank, amount = excluded.amount, automatic = excluded.automatic,
    arrival_date = excluded.arrival_date, failure_code = excluded.failure_code, failure_message = excluded.failure_message, created_at = excluded.created_at
WHERE payouts.workspace_id = excluded.workspace_id;

-- name: TransactionByID :one
SELECT * FROM balance_transactions
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND transaction_id = @transaction_id;

-- name: UpsertTransaction :exec
INSERT INTO balance_transactions (stripe_account_id, transaction_id, workspace_id, type, source_id, amount, fee, net, currency, livemode, payout_id, created_at, available_at)
VALUES (@stripe_account_id, @transaction_id, @workspace_id, @type, @source_id, @amount, @fee, @net, @currency, @livemode, @payout_id, @created_at, @available_at)
ON CONFLICT (stripe_account_id, transaction_id) DO UPDATE SET payout_id = excluded.payout_id, available_at = excluded.available_at
WHERE balance_transactions.workspace_id = excluded.workspace_id;
