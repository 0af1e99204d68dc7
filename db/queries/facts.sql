-- name: SessionByID :one
SELECT * FROM checkout_sessions WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND session_id = @session_id;

-- name: UpsertSession :exec
INSERT INTO checkout_sessions (stripe_account_id, session_id, workspace_id, stripe_link_id, payment_intent_id, rank, amount, currency, livemode, paid_at)
VALUES (@stripe_account_id, @session_id, @workspace_id, @stripe_link_id, @payment_intent_id, @rank, @amount, @currency, @livemode, @paid_at)
ON CONFLICT (stripe_account_id, session_id) DO UPDATE SET stripe_link_id = excluded.stripe_link_id,
    payment_intent_id = excluded.payment_intent_id, rank = excluded.rank, amount = excluded.amount, paid_at = excluded.paid_at
WHERE checkout_sessions.workspace_id = excluded.workspace_id;

-- name: SessionsOfLink :many
SELECT * FROM checkout_sessions
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND stripe_link_id = @stripe_link_id
ORDER BY session_id;

-- name: SessionsOfIntent :many
SELECT * FROM checkout_sessions
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND payment_intent_id = @payment_intent_id
ORDER BY session_id;

-- name: PaymentByIntent :one
SELECT * FROM payments WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND payment_intent_id = @payment_intent_id;

-- name: UpsertPayment :exec
INSERT INTO payments (id, workspace_id, invoice_id, stripe_account_id, payment_intent_id, livemode, currency, provisional, provisional_at,
    invoice_hint, status, gross, refunded, lost, charge_id, method, brand, last4, failure_code, failure_message, happened_at, assigned_at)
VALUES (@id, @workspace_id, @invoice_id, @stripe_account_id, @payment_intent_id, @livemode, @currency, @provisional, @provisional_at,
    @invoice_hint, @status, @gross, @refunded, @lost, @charge_id, @method, @brand, @last4, @failure_code, @failure_message, @happened_at, @assigned_at)
ON CONFLICT (stripe_account_id, payment_intent_id) DO UPDATE SET invoice_id = excluded.invoice_id, currency = excluded.currency,
    provisional = excluded.provisional, provisional_at = excluded.provisional_at, invoice_hint = excluded.invoice_hint,
    status = excluded.status, gross = excluded.gross, refunded = excluded.refunded, lost = excluded.lost,
    charge_id = excluded.charge_id, method = excluded.method, brand = excluded.brand, last4 = excluded.last4,
    failure_code = excluded.failure_code, failure_message = excluded.failure_message, happened_at = excluded.happened_at,
    assigned_at = excluded.assigned_at
WHERE payments.workspace_id = excluded.workspace_id;

-- name: PaymentsOfInvoice :many
SELECT * FROM payments WHERE workspace_id = @workspace_id AND invoice_id = @invoice_id ORDER BY happened_at, payment_intent_id;

-- name: ListPayments :many
-- refunds_to_tell: most payments have none, which saves the look for them.
SELECT p.*, COALESCE(i.number, '') AS invoice_number, COALESCE(i.buyer_name, '') AS buyer_name,
    CAST((SELECT count(*) FROM refunds r WHERE r.workspace_id = @workspace_id AND r.stripe_account_id = p.stripe_account_id AND r.charge_id = p.charge_id)
    + (SELECT count(*) FROM refund_requests q WHERE q.workspace_id = @workspace_id AND q.payment_id = p.id) AS BIGINT) AS refunds_to_tell
FROM payments p LEFT JOIN invoices i ON i.workspace_id = p.workspace_id AND i.id = p.invoice_id
WHERE p.workspace_id = @workspace_id AND p.livemode = @livemode
  AND (p.happened_at, p.id) < (CAST(@before_at AS BIGINT), CAST(@before_id AS TEXT))
ORDER BY p.happened_at DESC, p.id DESC LIMIT CAST(@max AS BIGINT);

-- name: ReceivedTotals :many
-- Money that came in from @since on, before refunds, by currency.
SELECT currency, count(*) AS payments, CAST(sum(gross) AS BIGINT) AS gross, CAST(sum(refunded) AS BIGINT) AS refunded
FROM payments WHERE workspace_id = @workspace_id AND livemode = @livemode AND happened_at >= @since AND happened_at < @until AND gross > 0
GROUP BY currency ORDER BY currency;

-- name: PaymentsForVerify :many
SELECT * FROM payments WHERE workspace_id = @workspace_id AND id > CAST(@after AS TEXT) ORDER BY id LIMIT CAST(@max AS BIGINT);

-- name: ChargeByID :one
SELECT * FROM charges WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND charge_id = @charge_id;

-- name: UpsertCharge :exec
INSERT INTO charges (stripe_account_id, charge_id, workspace_id, payment_intent_id, rank, amount, captured, currency, livemode, method, brand, last4,
    failure_code, failure_message, refund_hint, refund_hint_at, created_at, paid_at)
VALUES (@stripe_account_id, @charge_id, @workspace_id, @payment_intent_id, @rank, @amount, @captured, @currency, @livemode, @method, @brand, @last4,
    @failure_code, @failure_message, @refund_hint, @refund_hint_at, @created_at, @paid_at)
ON CONFLICT (stripe_account_id, charge_id) DO UPDATE SET payment_intent_id = excluded.payment_intent_id, rank = excluded.rank,
    amount = excluded.amount, captured = excluded.captured, currency = excluded.currency, method = excluded.method, brand = excluded.brand,
    last4 = excluded.last4, failure_code = excluded.failure_code, failure_message = excluded.failure_message,
    refund_hint = excluded.refund_hint, refund_hint_at = excluded.refund_hint_at, created_at = excluded.created_at, paid_at = excluded.paid_at
WHERE charges.workspace_id = excluded.workspace_id;

-- name: ChargesOfIntent :many
SELECT * FROM charges WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND payment_intent_id = @payment_intent_id
ORDER BY charge_id;

-- name: RefundByID :one
SELECT * FROM refunds WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND refund_id = @refund_id;

-- name: UpsertRefund :exec
INSERT INTO refunds (stripe_account_id, refund_id, workspace_id, charge_id, payment_intent_id, rank, amount, currency, reason, failure_reason, still_owed, created_at)
VALUES (@stripe_account_id, @refund_id, @workspace_id, @charge_id, @payment_intent_id, @rank, @amount, @currency, @reason, @failure_reason, @still_owed, @created_at)
ON CONFLICT (stripe_account_id, refund_id) DO UPDATE SET charge_id = excluded.charge_id, payment_intent_id = excluded.payment_intent_id,
    rank = excluded.rank, amount = excluded.amount, reason = excluded.reason, failure_reason = excluded.failure_reason,
    still_owed = excluded.still_owed, created_at = excluded.created_at
WHERE refunds.workspace_id = excluded.workspace_id;

-- name: RefundsOfCharge :many
SELECT * FROM refunds WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND charge_id = @charge_id
ORDER BY refund_id;

-- name: ClaimsOnCharge :one
-- Most charges have neither refund nor dispute nor alert, and none is being refunded: one look instead of
-- seven, as Stripe may name a payment intent and no charge.
SELECT CAST((SELECT count(*) FROM refunds r WHERE r.workspace_id = @workspace_id AND r.stripe_account_id = @stripe_account_id AND r.charge_id = @charge_id)
    + (SELECT count(*) FROM disputes d WHERE d.workspace_id = @workspace_id AND d.stripe_account_id = @stripe_account_id AND d.charge_id = @charge_id)
    + (SELECT count(*) FROM radar_alerts a WHERE a.workspace_id = @workspace_id AND a.stripe_account_id = @stripe_account_id AND a.charge_id = @charge_id)
    + (SELECT count(*) FROM refund_requests q WHERE q.workspace_id = @workspace_id AND q.stripe_account_id = @stripe_account_id AND q.charge_id = @charge_id AND q.state = 'asking')
    + (SELECT count(*) FROM refunds ri WHERE ri.workspace_id = @workspace_id AND ri.stripe_account_id = @stripe_account_id AND ri.payment_intent_id = @payment_intent_id AND ri.charge_id = '')
    + (SELECT count(*) FROM disputes di WHERE di.workspace_id = @workspace_id AND di.stripe_account_id = @stripe_account_id AND di.payment_intent_id = @payment_intent_id AND di.charge_id = '')
    + (SELECT count(*) FROM radar_alerts ai WHERE ai.workspace_id = @workspace_id AND ai.stripe_account_id = @stripe_account_id AND ai.payment_intent_id = @payment_intent_id AND ai.charge_id = '')
    AS BIGINT) AS claims;

-- name: ClaimsOnIntent :one
-- Those that name no charge, of a payment of which no charge is known.
SELECT CAST((SELECT count(*) FROM refunds r WHERE r.workspace_id = @workspace_id AND r.stripe_account_id = @stripe_account_id AND r.payment_intent_id = @payment_intent_id AND r.charge_id = '')
    + (SELECT count(*) FROM disputes d WHERE d.workspace_id = @workspace_id AND d.stripe_account_id = @stripe_account_id AND d.payment_intent_id = @payment_intent_id AND d.charge_id = '')
    + (SELECT count(*) FROM radar_alerts a WHERE a.workspace_id = @workspace_id AND a.stripe_account_id = @stripe_account_id AND a.payment_intent_id = @payment_intent_id AND a.charge_id = '')
    AS BIGINT) AS claims;

-- name: RefundsOfIntent :many
-- Those that name no charge.
SELECT * FROM refunds WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND payment_intent_id = @payment_intent_id AND charge_id = '' ORDER BY refund_id;
