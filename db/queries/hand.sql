-- name: InsertHandEntry :execrows
-- A form that was sent twice gives no second row.
INSERT INTO hand_entries (id, workspace_id, payment_id, amount, currency, method, reference, note, received_on, received_at, form_key, created_by, created_at)
VALUES (@id, @workspace_id, @payment_id, @amount, @currency, @method, @reference, @note, @received_on, @received_at, @form_key, @created_by, @created_at)
ON CONFLICT (workspace_id, form_key) DO NOTHING;

-- name: HandEntryByFormKey :one
SELECT * FROM hand_entries WHERE workspace_id = @workspace_id AND form_key = @form_key;

-- name: HandEntriesOfPayment :many
SELECT * FROM hand_entries WHERE workspace_id = @workspace_id AND payment_id = @payment_id ORDER BY created_at, id;

-- name: HandEntriesWithNames :many
-- The same, with who recorded each.
SELECT e.*, u.name AS user_name FROM hand_entries e JOIN users u ON u.id = e.created_by
WHERE e.workspace_id = @workspace_id AND e.payment_id = @payment_id ORDER BY e.created_at, e.id;

-- name: PaymentByID :one
SELECT * FROM payments WHERE workspace_id = @workspace_id AND id = @id;

-- name: InvoicesForPayment :many
-- The open invoices that a payment in this currency could be for, newest first.
SELECT id, number, buyer_name, currency, total, due, issue_date FROM invoices
WHERE workspace_id = @workspace_id AND livemode = @livemode AND phase = 'open' AND currency = @currency
ORDER BY created_at DESC, id DESC LIMIT CAST(@max AS BIGINT);

-- name: RefundsAskedSince :one
-- Whether people asked for refunds of a payment since a moment.
SELECT count(*) FROM refund_requests WHERE workspace_id = @workspace_id AND payment_id = @payment_id AND created_at >= CAST(@since AS BIGINT);
