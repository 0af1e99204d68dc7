-- name: RefundablePayment :one
-- A payment through Stripe, with number and client of its invoice ('' = none).
SELECT p.*, COALESCE(i.number, '') AS invoice_number, COALESCE(i.buyer_name, '') AS buyer_name
FROM payments p LEFT JOIN invoices i ON i.workspace_id = p.workspace_id AND i.id = p.invoice_id
WHERE p.workspace_id = @workspace_id AND p.id = @id AND p.livemode = @livemode AND p.stripe_account_id <> '';

-- name: InsertRefundRequest :execrows
-- The second of two clicks sends the same form: it changes nothing.
INSERT INTO refund_requests (id, workspace_id, payment_id, stripe_account_id, livemode, charge_id, amount, currency, reason, note, still_owed,
    state, idempotency_key, form_key, next_attempt_at, created_by, created_at)
VALUES (@id, @workspace_id, @payment_id, @stripe_account_id, @livemode, @charge_id, @amount, @currency, @reason, @note, @still_owed,
    'asking', @idempotency_key, @form_key, @next_attempt_at, @created_by, @created_at)
ON CONFLICT (workspace_id, form_key) DO NOTHING;

-- name: RefundRequestByID :one
SELECT * FROM refund_requests WHERE workspace_id = @workspace_id AND id = @id;

-- name: RefundRequestByFormKey :one
SELECT * FROM refund_requests WHERE workspace_id = @workspace_id AND form_key = @form_key;

-- name: RefundRequestsOfPayment :many
SELECT q.*, u.name AS user_name FROM refund_requests q JOIN users u ON u.id = q.created_by
WHERE q.workspace_id = @workspace_id AND q.payment_id = @payment_id ORDER BY q.created_at, q.id;

-- name: AskingOfCharge :one
-- What was asked for and Stripe has not answered yet.
SELECT CAST(COALESCE(sum(amount), 0) AS BIGINT) AS amount FROM refund_requests
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND charge_id = @charge_id AND state = 'asking';

-- name: ClaimRefundRequest :one
UPDATE refund_requests SET claimed_until = @claimed_until, next_attempt_at = @claimed_until, attempts = attempts + 1,
    first_attempt_at = CASE WHEN first_attempt_at = 0 THEN CAST(@now AS BIGINT) ELSE first_attempt_at END
WHERE workspace_id = @workspace_id AND id = @id AND state = 'asking' AND claimed_until < CAST(@now AS BIGINT)
RETURNING *;

-- name: SetRefundAsked :execrows
-- A refund that is there was made, also where an earlier answer read as a refusal.
UPDATE refund_requests SET state = 'asked', refund_id = @refund_id, next_attempt_at = 0, claimed_until = 0, last_error = ''
WHERE workspace_id = @workspace_id AND id = @id AND state IN ('asking', 'refused');

-- name: SetRefundRetry :execrows
UPDATE refund_requests SET next_attempt_at = @next_attempt_at, claimed_until = 0, keys_spent = keys_spent + @spent, last_error = @last_error
WHERE workspace_id = @workspace_id AND id = @id AND state = 'asking';

-- name: SetRefundRefused :execrows
UPDATE refund_requests SET state = 'refused', next_attempt_at = 0, claimed_until = 0, last_error = @last_error
WHERE workspace_id = @workspace_id AND id = @id AND state = 'asking';

-- name: DueRefundRequests :many
-- Work of all workspaces in the mode that Trak runs in; each row is then claimed within its own.
SELECT workspace_id, id, next_attempt_at FROM refund_requests WHERE next_attempt_at > 0 AND livemode = @livemode ORDER BY next_attempt_at LIMIT CAST(@max AS BIGINT);
