-- What proves where an invoice's money is, and where each fact came from.

-- name: InvoiceByNumber :one
SELECT * FROM invoices WHERE workspace_id = @workspace_id AND livemode = @livemode AND number = @number;

-- name: TransactionsOfSource :many
-- The movements of the balance that a charge, refund, dispute or payout made.
SELECT * FROM balance_transactions
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND source_id = @source_id ORDER BY transaction_id;

-- name: SourcesOfInvoice :many
-- The events that name an object of an invoice's payments, earliest first.
SELECT e.object_id, e.source FROM stripe_webhook_events e
WHERE e.workspace_id = @workspace_id AND e.object_id <> '' AND e.object_id IN (
    SELECT p.payment_intent_id FROM payments p WHERE p.workspace_id = @workspace_id AND p.invoice_id = @invoice_id
    UNION ALL SELECT c.charge_id FROM payments p
        JOIN charges c ON c.workspace_id = p.workspace_id AND c.stripe_account_id = p.stripe_account_id AND c.payment_intent_id = p.payment_intent_id
        WHERE p.workspace_id = @workspace_id AND p.invoice_id = @invoice_id
    UNION ALL SELECT r.refund_id FROM payments p
        JOIN charges c ON c.workspace_id = p.workspace_id AND c.stripe_account_id = p.stripe_account_id AND c.payment_intent_id = p.payment_intent_id
        JOIN refunds r ON r.workspace_id = c.workspace_id AND r.stripe_account_id = c.stripe_account_id AND r.charge_id = c.charge_id
        WHERE p.workspace_id = @workspace_id AND p.invoice_id = @invoice_id
    UNION ALL SELECT d.dispute_id FROM payments p
        JOIN charges c ON c.workspace_id = p.workspace_id AND c.stripe_account_id = p.stripe_account_id AND c.payment_intent_id = p.payment_intent_id
        JOIN disputes d ON d.workspace_id = c.workspace_id AND d.stripe_account_id = c.stripe_account_id AND d.charge_id = c.charge_id
        WHERE p.workspace_id = @workspace_id AND p.invoice_id = @invoice_id
)
ORDER BY e.received_at, e.event_id;

-- name: ListPayouts :many
SELECT * FROM payouts
WHERE workspace_id = @workspace_id AND livemode = @livemode AND (created_at, payout_id) < (CAST(@before_at AS BIGINT), CAST(@before_id AS TEXT))
ORDER BY created_at DESC, payout_id DESC LIMIT CAST(@max AS BIGINT);

-- name: PayoutOfWorkspace :one
-- By Stripe's id alone, which is unique over all accounts.
SELECT * FROM payouts WHERE workspace_id = @workspace_id AND livemode = @livemode AND payout_id = @payout_id;

-- name: ContentsOfPayout :many
-- What an automatic payout contains, each with the invoice that led to it, if one did. The payout's
-- own negative entry is left out.
SELECT t.transaction_id, t.type, t.source_id, t.amount, t.fee, t.net, t.currency, t.created_at,
    COALESCE(i.id, '') AS invoice_id, COALESCE(i.number, '') AS invoice_number, COALESCE(i.buyer_name, '') AS buyer_name
FROM balance_transactions t
LEFT JOIN charges c ON c.workspace_id = t.workspace_id AND c.stripe_account_id = t.stripe_account_id AND c.charge_id = t.source_id
LEFT JOIN refunds r ON r.workspace_id = t.workspace_id AND r.stripe_account_id = t.stripe_account_id AND r.refund_id = t.source_id
LEFT JOIN disputes d ON d.workspace_id = t.workspace_id AND d.stripe_account_id = t.stripe_account_id AND d.dispute_id = t.source_id
LEFT JOIN payments p ON p.workspace_id = t.workspace_id AND p.stripe_account_id = t.stripe_account_id
    AND p.payment_intent_id = COALESCE(c.payment_intent_id, r.payment_intent_id, d.payment_intent_id)
LEFT JOIN invoices i ON i.workspace_id = t.workspace_id AND i.id = p.invoice_id
WHERE t.workspace_id = @workspace_id AND t.stripe_account_id = @stripe_account_id AND t.payout_id = @payout_id AND t.source_id <> @payout_id
ORDER BY t.created_at, t.transaction_id LIMIT CAST(@max AS BIGINT);
