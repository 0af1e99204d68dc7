-- For `trak verify`. The queries that end in Amiss look through all workspaces for rows that
-- contradict each other; all of them have the same columns, and each SELECT is one rule.

-- name: FactsAmiss :many
-- A fact belongs to the workspace and the mode that its Stripe account belongs to; an own account goes along from mode to mode.
WITH facts AS (
    SELECT workspace_id, stripe_account_id, CAST('session' AS TEXT) AS kind, session_id AS id, livemode FROM checkout_sessions
    UNION ALL SELECT workspace_id, stripe_account_id, 'charge', charge_id, livemode FROM charges
    UNION ALL SELECT workspace_id, stripe_account_id, 'dispute', dispute_id, livemode FROM disputes
    UNION ALL SELECT workspace_id, stripe_account_id, 'alert', alert_id, livemode FROM radar_alerts
    UNION ALL SELECT workspace_id, stripe_account_id, 'payout', payout_id, livemode FROM payouts
    UNION ALL SELECT workspace_id, stripe_account_id, 'balance transaction', transaction_id, livemode FROM balance_transactions
    UNION ALL SELECT workspace_id, stripe_account_id, 'payment', payment_intent_id, livemode FROM payments WHERE stripe_account_id <> ''
    UNION ALL SELECT workspace_id, stripe_account_id, 'link', id, livemode FROM payment_links
    UNION ALL SELECT r.workspace_id, r.stripe_account_id, 'refund', r.refund_id, COALESCE(a.livemode, FALSE)
        FROM refunds r LEFT JOIN stripe_connect_accounts a ON a.stripe_account_id = r.stripe_account_id
)
SELECT f.workspace_id, f.kind, f.id, CAST(CASE
    WHEN a.id IS NULL THEN 'is of a Stripe account that no workspace has'
    WHEN a.workspace_id <> f.workspace_id THEN 'is of another workspace''s Stripe account'
    ELSE 'is of the other mode, test or live, than its Stripe account' END AS TEXT) AS what
FROM facts f LEFT JOIN stripe_connect_accounts a ON a.stripe_account_id = f.stripe_account_id
WHERE a.id IS NULL OR a.workspace_id <> f.workspace_id OR a.livemode <> f.livemode AND a.type <> 'own';

-- name: ClaimsAmiss :many
-- A claim belongs to the workspace and the mode of its charge, where that is known.
SELECT r.workspace_id, CAST('refund' AS TEXT) AS kind, r.refund_id AS id, CAST('is of a charge in another workspace' AS TEXT) AS what
FROM refunds r JOIN charges c ON c.stripe_account_id = r.stripe_account_id AND c.charge_id = r.charge_id
WHERE c.workspace_id <> r.workspace_id
UNION ALL
SELECT d.workspace_id, 'dispute', d.dispute_id, 'is of a charge in another workspace or mode'
FROM disputes d JOIN charges c ON c.stripe_account_id = d.stripe_account_id AND c.charge_id = d.charge_id
WHERE c.workspace_id <> d.workspace_id OR c.livemode <> d.livemode
UNION ALL
SELECT x.workspace_id, 'alert', x.alert_id, 'is of a charge in another workspace or mode'
FROM radar_alerts x JOIN charges c ON c.stripe_account_id = x.stripe_account_id AND c.charge_id = x.charge_id
WHERE c.workspace_id <> x.workspace_id OR c.livemode <> x.livemode;

-- name: PaymentsAmiss :many
-- The payments that are derived from other rows: there for each charge and session, and of the
-- invoice whose link was paid. --repair mends these. account_id is Stripe's, and id the intent.
SELECT c.workspace_id, CAST('payment' AS TEXT) AS kind, c.payment_intent_id AS id, c.stripe_account_id AS account_id,
    CAST('is missing, and there is a charge of it' AS TEXT) AS what
FROM charges c LEFT JOIN payments p ON p.stripe_account_id = c.stripe_account_id AND p.payment_intent_id = c.payment_intent_id
WHERE p.id IS NULL
UNION ALL
SELECT s.workspace_id, 'payment', s.payment_intent_id, s.stripe_account_id, 'is missing, and there is a session of it'
FROM checkout_sessions s LEFT JOIN payments p ON p.stripe_account_id = s.stripe_account_id AND p.payment_intent_id = s.payment_intent_id
WHERE s.payment_intent_id <> '' AND p.id IS NULL
    AND NOT EXISTS (SELECT 1 FROM charges c WHERE c.stripe_account_id = s.stripe_account_id AND c.payment_intent_id = s.payment_intent_id)
UNION ALL
SELECT p.workspace_id, 'payment', p.payment_intent_id, p.stripe_account_id,
    CASE WHEN p.invoice_id IS NULL THEN 'came through an invoice''s link, and belongs to no invoice' ELSE 'belongs to another invoice than its link' END
FROM payments p
WHERE p.stripe_account_id <> '' AND p.assigned_at = 0
    AND EXISTS (SELECT 1 FROM checkout_sessions s JOIN payment_links l ON l.stripe_account_id = s.stripe_account_id AND l.stripe_link_id = s.stripe_link_id
        WHERE s.stripe_account_id = p.stripe_account_id AND s.payment_intent_id = p.payment_intent_id AND s.stripe_link_id <> '' AND l.stripe_link_id <> '')
    AND NOT EXISTS (SELECT 1 FROM checkout_sessions s JOIN payment_links l ON l.stripe_account_id = s.stripe_account_id AND l.stripe_link_id = s.stripe_link_id
        WHERE s.stripe_account_id = p.stripe_account_id AND s.payment_intent_id = p.payment_intent_id AND s.stripe_link_id <> '' AND l.stripe_link_id <> ''
            AND l.invoice_id = p.invoice_id);

-- name: MatchesAmiss :many
-- What only a fact could mend: a payment that belongs to an invoice without a reason, or to one
-- of the other mode; and payments by hand, which are sums of their entries.
SELECT p.workspace_id, CAST('payment' AS TEXT) AS kind, p.payment_intent_id AS id,
    CAST('belongs to an invoice, and neither a link of it nor a person says so' AS TEXT) AS what
FROM payments p
WHERE p.stripe_account_id <> '' AND p.assigned_at = 0 AND p.invoice_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM checkout_sessions s JOIN payment_links l ON l.stripe_account_id = s.stripe_account_id AND l.stripe_link_id = s.stripe_link_id
        WHERE s.stripe_account_id = p.stripe_account_id AND s.payment_intent_id = p.payment_intent_id AND s.stripe_link_id <> '' AND l.stripe_link_id <> '')
UNION ALL
SELECT p.workspace_id, 'payment', p.payment_intent_id, 'is of the other mode, test or live, than its invoice'
FROM payments p JOIN invoices i ON i.workspace_id = p.workspace_id AND i.id = p.invoice_id
WHERE i.livemode <> p.livemode
UNION ALL
SELECT h.workspace_id, 'entry', h.id, 'was recorded by hand for a payment that came through Stripe'
FROM hand_entries h JOIN payments p ON p.workspace_id = h.workspace_id AND p.id = h.payment_id
WHERE p.stripe_account_id <> ''
UNION ALL
SELECT h.workspace_id, 'entry', h.id, 'is in another currency than its payment'
FROM hand_entries h JOIN payments p ON p.workspace_id = h.workspace_id AND p.id = h.payment_id
WHERE p.stripe_account_id = '' AND p.currency <> h.currency
UNION ALL
SELECT p.workspace_id, 'payment', p.id, 'was recorded by hand, for no invoice'
FROM payments p
WHERE p.stripe_account_id = '' AND p.invoice_id IS NULL
UNION ALL
SELECT p.workspace_id, 'payment', p.id, 'was recorded by hand, and has no entry, or more taken back than was recorded'
FROM payments p
WHERE p.stripe_account_id = ''
    AND COALESCE((SELECT CASE WHEN sum(h.amount) >= 0 THEN 1 ELSE 0 END FROM hand_entries h WHERE h.workspace_id = p.workspace_id AND h.payment_id = p.id), 0) = 0;

-- name: LinksAmiss :many
-- A link that can be paid asks for what is due, and there is one for each part of an invoice.
SELECT l.workspace_id, CAST('link' AS TEXT) AS kind, l.id, l.invoice_id,
    CAST('can be paid, and asks for ' || l.amount || ' where the invoice is ' || i.status || ' with ' || i.due || ' due' AS TEXT) AS what
FROM payment_links l JOIN invoices i ON i.workspace_id = l.workspace_id AND i.id = l.invoice_id
WHERE l.state IN ('creating', 'active', 'failed') AND (i.decided <> 'open' OR i.status = 'processing' OR i.due <> l.amount)
UNION ALL
SELECT l.workspace_id, 'link', l.id, l.invoice_id, 'can be paid beside another one for the same part of the invoice'
FROM payment_links l
WHERE l.state IN ('creating', 'active', 'failed') AND EXISTS (SELECT 1 FROM payment_links o
    WHERE o.workspace_id = l.workspace_id AND o.invoice_id = l.invoice_id AND o.part = l.part AND o.revision > l.revision
        AND o.state IN ('creating', 'active', 'failed'));

-- name: LinkFactsAmiss :many
SELECT l.workspace_id, CAST('link' AS TEXT) AS kind, l.id, CAST(CASE
    WHEN l.currency <> i.currency THEN 'asks for ' || l.currency || ', and its invoice is in ' || i.currency
    WHEN l.livemode <> i.livemode THEN 'is of the other mode, test or live, than its invoice'
    ELSE 'asks for ' || l.amount || ', more than the total of its invoice' END AS TEXT) AS what
FROM payment_links l JOIN invoices i ON i.workspace_id = l.workspace_id AND i.id = l.invoice_id
WHERE l.currency <> i.currency OR l.livemode <> i.livemode OR l.amount > i.total
UNION ALL
SELECT l.workspace_id, 'link', l.id, 'is ' || l.state || ', and has no address at Stripe'
FROM payment_links l
WHERE l.state = 'active' AND (l.stripe_link_id = '' OR l.url = '');

-- name: EventsAmiss :many
-- What an event of Stripe's said, in the version that Trak reads, is there; unless it still is to
-- be read, or Stripe said that it has no such object.
WITH applied AS (
    SELECT e.workspace_id, e.event_id, e.type, e.object_id FROM stripe_webhook_events e
    WHERE e.state = 'applied' AND e.api_version = @api_version AND e.object_id <> '' AND e.workspace_id IS NOT NULL
        AND e.object_id NOT IN (SELECT r.object_id FROM stripe_reads r WHERE r.next_attempt_at <> 0 OR r.last_error <> '')
)
SELECT CAST(e.workspace_id AS TEXT) AS workspace_id, CAST('event' AS TEXT) AS kind, e.event_id AS id,
    CAST('was applied (' || e.type || '), and ' || e.object_id || ' is not here' AS TEXT) AS what
FROM applied e
WHERE e.type LIKE 'checkout.session.%' AND e.object_id NOT IN (SELECT session_id FROM checkout_sessions)
    OR e.type LIKE 'payment_intent.%' AND e.object_id NOT IN (SELECT payment_intent_id FROM payments)
    OR (e.type LIKE 'refund.%' OR e.type = 'charge.refund.updated') AND e.object_id NOT IN (SELECT refund_id FROM refunds)
    OR e.type LIKE 'charge.dispute.%' AND e.object_id NOT IN (SELECT dispute_id FROM disputes)
    OR e.type LIKE 'charge.%' AND e.type <> 'charge.refund.updated' AND e.type NOT LIKE 'charge.dispute.%' AND e.object_id NOT IN (SELECT charge_id FROM charges)
    OR (e.type LIKE 'radar.early_fraud_warning.%' OR e.type LIKE 'review.%') AND e.object_id NOT IN (SELECT alert_id FROM radar_alerts)
    OR e.type LIKE 'payout.%' AND e.object_id NOT IN (SELECT payout_id FROM payouts);

-- name: RequestsAmiss :many
-- A refund that Stripe took is here, as it was asked for.
SELECT q.workspace_id, CAST('refund request' AS TEXT) AS kind, q.id, CAST(CASE
    WHEN q.refund_id = '' THEN 'was asked for, and does not name its refund'
    WHEN r.refund_id IS NULL THEN 'was asked for, and its refund ' || q.refund_id || ' is not here'
    ELSE 'was asked for otherwise than its refund ' || q.refund_id || ' is' END AS TEXT) AS what
FROM refund_requests q LEFT JOIN refunds r ON r.workspace_id = q.workspace_id AND r.stripe_account_id = q.stripe_account_id AND r.refund_id = q.refund_id
WHERE q.state = 'asked' AND (r.refund_id IS NULL OR r.amount <> q.amount OR r.currency <> q.currency OR r.charge_id <> q.charge_id OR r.still_owed <> q.still_owed)
UNION ALL
SELECT q.workspace_id, 'refund request', q.id, 'was ' || q.state || ', and names the refund ' || q.refund_id
FROM refund_requests q
WHERE q.state <> 'asked' AND q.refund_id <> '';

-- name: BalanceAmiss :many
-- A movement's net is what Stripe's fee leaves of it, and an automatic payout is what it contains.
-- Its own negative entry stands in its list as well and balances it.
SELECT t.workspace_id, CAST('balance transaction' AS TEXT) AS kind, t.transaction_id AS id,
    CAST('has the net ' || t.net || ', and ' || t.amount || ' less a fee of ' || t.fee AS TEXT) AS what
FROM balance_transactions t
WHERE t.net <> t.amount - t.fee
UNION ALL
SELECT p.workspace_id, 'payout', p.payout_id, 'is of ' || p.amount || ', and what it contains comes to ' || t.contained
FROM payouts p JOIN (
    SELECT x.stripe_account_id, x.payout_id, CAST(sum(CASE WHEN x.source_id = x.payout_id THEN 0 ELSE x.net END) AS BIGINT) AS contained
    FROM balance_transactions x WHERE x.payout_id <> '' GROUP BY x.stripe_account_id, x.payout_id
) t ON t.stripe_account_id = p.stripe_account_id AND t.payout_id = p.payout_id
WHERE p.automatic AND t.contained <> p.amount;

-- name: AccountsOfWorkspace :many
-- All that Stripe has made, in one mode, those that were disconnected included.
SELECT * FROM stripe_connect_accounts
WHERE workspace_id = @workspace_id AND livemode = @livemode AND stripe_account_id IS NOT NULL ORDER BY created_at, id;

-- name: ChargesOfAccount :many
SELECT * FROM charges WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND livemode = @livemode;

-- name: RefundsOfAccount :many
-- Their mode is that of their charge.
SELECT r.* FROM refunds r LEFT JOIN charges c ON c.workspace_id = r.workspace_id AND c.stripe_account_id = r.stripe_account_id AND c.charge_id = r.charge_id
WHERE r.workspace_id = @workspace_id AND r.stripe_account_id = @stripe_account_id AND (c.livemode IS NULL OR c.livemode = @livemode);

-- name: DisputesOfAccount :many
SELECT * FROM disputes WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND livemode = @livemode;

-- name: PayoutsOfAccount :many
SELECT * FROM payouts WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND livemode = @livemode;

-- name: TransactionsOfAccount :many
SELECT * FROM balance_transactions WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND livemode = @livemode;

-- name: InvoicedCharges :many
-- The charges of an account that paid invoices: all others are somebody else's activity.
SELECT c.charge_id FROM charges c
JOIN payments p ON p.workspace_id = c.workspace_id AND p.stripe_account_id = c.stripe_account_id AND p.payment_intent_id = c.payment_intent_id
WHERE c.workspace_id = @workspace_id AND c.stripe_account_id = @stripe_account_id AND p.invoice_id IS NOT NULL;

-- name: UnmatchPayment :exec
-- For --repair, which matches it again by its link in the same transaction.
UPDATE payments SET invoice_id = NULL
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND payment_intent_id = @payment_intent_id AND assigned_at = 0;

-- name: SetInvoiceSums :exec
-- For --repair: the sums of the lines, where what was issued confirms them.
UPDATE invoices SET subtotal = @subtotal, discount = @discount, tax = @tax, total = @total WHERE workspace_id = @workspace_id AND id = @id;

-- name: SetLineAmount :exec
UPDATE invoice_lines SET amount = @amount WHERE workspace_id = @workspace_id AND id = @id;
