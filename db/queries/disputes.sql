-- name: DisputeByID :one
SELECT * FROM disputes WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND dispute_id = @dispute_id;

-- name: UpsertDispute :exec
INSERT INTO disputes (stripe_account_id, dispute_id, workspace_id, charge_id, payment_intent_id, rank, rank_at, amount, currency, livemode, reason,
    due_by, submissions, withdrawn, reinstated, fee, created_at)
VALUES (@stripe_account_id, @dispute_id, @workspace_id, @charge_id, @payment_intent_id, @rank, @rank_at, @amount, @currency, @livemode, @reason,
    @due_by, @submissions, @withdrawn, @reinstated, @fee, @created_at)
ON CONFLICT (stripe_account_id, dispute_id) DO UPDATE SET charge_id = excluded.charge_id, payment_intent_id = excluded.payment_intent_id,
    rank = excluded.rank, rank_at = excluded.rank_at, amount = excluded.amount, reason = excluded.reason, due_by = excluded.due_by,
    submissions = excluded.submissions, withdrawn = excluded.withdrawn, reinstated = excluded.reinstated, fee = excluded.fee, created_at = excluded.created_at
WHERE disputes.workspace_id = excluded.workspace_id;

-- name: DisputesOfCharge :many
SELECT * FROM disputes WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND charge_id = @charge_id
ORDER BY dispute_id;

-- name: AlertByID :one
SELECT * FROM radar_alerts WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND alert_id = @alert_id;

-- name: UpsertAlert :exec
INSERT INTO radar_alerts (stripe_account_id, alert_id, workspace_id, kind, charge_id, payment_intent_id, closed, reason, closed_reason, livemode, created_at)
VALUES (@stripe_account_id, @alert_id, @workspace_id, @kind, @charge_id, @payment_intent_id, @closed, @reason, @closed_reason, @livemode, @created_at)
ON CONFLICT (stripe_account_id, alert_id) DO UPDATE SET charge_id = excluded.charge_id, payment_intent_id = excluded.payment_intent_id,
    closed = excluded.closed, reason = excluded.reason, closed_reason = excluded.closed_reason, created_at = excluded.created_at
WHERE radar_alerts.workspace_id = excluded.workspace_id;

-- name: AlertsOfCharge :many
SELECT * FROM radar_alerts WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND charge_id = @charge_id
ORDER BY alert_id;

-- name: DisputesOfIntent :many
-- Those that name no charge.
SELECT * FROM disputes WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND payment_intent_id = @payment_intent_id AND charge_id = '' ORDER BY dispute_id;

-- name: AlertsOfIntent :many
-- Those that name no charge, as reviews may.
SELECT * FROM radar_alerts WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND payment_intent_id = @payment_intent_id AND charge_id = '' ORDER BY alert_id;
