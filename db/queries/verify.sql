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
    UNION ALL SELECT workspace_id, stripe_account_id, 'refund request', id, livemode FROM refund_requests
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
WHERE c.workspace_id <> x.workspace_id OR c.livemode <> x.livemode
UNION ALL
SELECT CAST(e.workspace_id AS TEXT), 'event', e.event_id, 'is of another workspace''s Stripe account'
FROM stripe_webhook_events e JOIN stripe_connect_accounts a ON a.stripe_account_id = e.stripe_account_id
WHERE e.workspace_id IS NOT NULL AND e.workspace_id <> a.workspace_id;

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
SELECT l.workspace_id, 'link', l.id, 'is the link ' || l.revision || ' of its invoice, and the one before it is not here'
FROM payment_links l
WHERE l.revision <> 1 AND NOT EXISTS (SELECT 1 FROM payment_links o WHERE o.workspace_id = l.workspace_id AND o.invoice_id = l.invoice_id AND o.revision = l.revision - 1)
UNION ALL
SELECT l.workspace_id, 'link', l.id, 'is ' || l.state || ', and has no address at Stripe'
FROM payment_links l
WHERE l.state = 'active' AND (l.stripe_link_id = '' OR l.url = '');

-- name: EventsForVerify :many
SELECT event_id, stripe_account_id, type, api_version, livemode, created, received_at, payload, state, object_id, masked_at FROM stripe_webhook_events
WHERE workspace_id = @workspace_id AND (received_at, event_id) > (CAST(@after_at AS BIGINT), CAST(@after_id AS TEXT))
ORDER BY received_at, event_id LIMIT CAST(@max AS BIGINT);

-- name: ValuesAmiss :many
-- What Stripe never says, and what two facts can't both say.
SELECT c.workspace_id, CAST('charge' AS TEXT) AS kind, c.charge_id AS id, CAST('has a rank, an amount or a time that no charge has' AS TEXT) AS what
FROM charges c
WHERE c.rank NOT BETWEEN 1 AND 3 OR c.amount < 0 OR c.captured < 0 OR c.captured > c.amount OR c.refund_hint < 0 OR c.rank <> 3 AND (c.captured > 0 OR c.paid_at > 0)
UNION ALL
SELECT s.workspace_id, 'session', s.session_id, 'has a rank, an amount or a time that no session has'
FROM checkout_sessions s
WHERE s.rank NOT BETWEEN 1 AND 5 OR s.amount < 0 OR s.rank <> 5 AND s.paid_at > 0
UNION ALL
SELECT r.workspace_id, 'refund', r.refund_id, 'has a rank or an amount that no refund has'
FROM refunds r
WHERE r.rank NOT BETWEEN 1 AND 5 OR r.amount <= 0
UNION ALL
SELECT d.workspace_id, 'dispute', d.dispute_id, 'has a rank, an amount or a time that no dispute has'
FROM disputes d
WHERE d.rank NOT BETWEEN 1 AND 7 OR d.amount < 0 OR d.withdrawn < 0 OR d.reinstated < 0 OR d.fee < 0 OR d.submissions < 0 OR d.rank < 6 AND d.rank_at > 0
UNION ALL
SELECT p.workspace_id, 'payout', p.payout_id, 'has a rank or a day of arrival that no payout has'
FROM payouts p
WHERE p.rank NOT BETWEEN 1 AND 5 OR p.arrival_date <> '' AND p.arrival_date NOT LIKE '____-__-__'
UNION ALL
SELECT r.workspace_id, 'refund', r.refund_id, 'is of another payment or currency than its charge ' || c.charge_id
FROM refunds r JOIN charges c ON c.stripe_account_id = r.stripe_account_id AND c.charge_id = r.charge_id
WHERE r.currency <> c.currency OR r.payment_intent_id <> '' AND r.payment_intent_id <> c.payment_intent_id
UNION ALL
SELECT d.workspace_id, 'dispute', d.dispute_id, 'is of another payment than its charge ' || c.charge_id
FROM disputes d JOIN charges c ON c.stripe_account_id = d.stripe_account_id AND c.charge_id = d.charge_id
WHERE d.payment_intent_id <> '' AND d.payment_intent_id <> c.payment_intent_id
UNION ALL
SELECT x.workspace_id, 'alert', x.alert_id, 'is of another payment than its charge ' || c.charge_id
FROM radar_alerts x JOIN charges c ON c.stripe_account_id = x.stripe_account_id AND c.charge_id = x.charge_id
WHERE x.payment_intent_id <> '' AND x.payment_intent_id <> c.payment_intent_id
UNION ALL
SELECT c.workspace_id, 'charge', c.charge_id, 'has refunds of ' || r.given || ', and took ' || c.captured
FROM charges c JOIN (
    SELECT x.stripe_account_id, x.charge_id, CAST(sum(x.amount) AS BIGINT) AS given FROM refunds x WHERE x.rank <= 3 GROUP BY x.stripe_account_id, x.charge_id
) r ON r.stripe_account_id = c.stripe_account_id AND r.charge_id = c.charge_id
WHERE c.rank = 3 AND r.given > c.captured
UNION ALL
SELECT h.workspace_id, 'entry', h.id, 'has no amount, or a day that there is not'
FROM hand_entries h
WHERE h.amount = 0 OR h.received_on NOT LIKE '____-__-__'
UNION ALL
SELECT i.workspace_id, 'invoice', i.id, 'is ' || i.decided || ', which is no decision'
FROM invoices i WHERE i.decided NOT IN ('draft', 'open', 'void', 'uncollectible')
UNION ALL
SELECT l.workspace_id, 'link', l.id, 'is ' || l.state || ', which is no state of a link'
FROM payment_links l WHERE l.state NOT IN ('creating', 'active', 'failed', 'closing', 'closed')
UNION ALL
SELECT CAST(e.workspace_id AS TEXT), 'event', e.event_id, 'is ' || e.state || ' by ' || e.source || ', which is no state of an event'
FROM stripe_webhook_events e
WHERE e.workspace_id IS NOT NULL AND (e.state NOT IN ('applied', 'ignored', 'unmatched', 'failed') OR e.source NOT IN ('webhook', 'sync'))
UNION ALL
SELECT x.workspace_id, 'alert', x.alert_id, 'is ' || x.kind || ', which is no kind of an alert'
FROM radar_alerts x WHERE x.kind NOT IN ('early_fraud_warning', 'review')
UNION ALL
SELECT h.workspace_id, 'entry', h.id, 'came by ' || h.method || ', and another entry of the same payment by ' || o.method
FROM hand_entries h JOIN hand_entries o ON o.workspace_id = h.workspace_id AND o.payment_id = h.payment_id
WHERE o.method <> h.method AND h.amount < 0 AND o.amount > 0
UNION ALL
SELECT p.workspace_id, 'payment', p.payment_intent_id, 'was recorded by hand, and has what only Stripe says'
FROM payments p
WHERE p.stripe_account_id = '' AND (p.payment_intent_id <> p.id OR p.provisional <> 0 OR p.provisional_at <> 0 OR p.invoice_hint <> '' OR p.assigned_at <> 0)
UNION ALL
SELECT c.workspace_id, 'number', c.series, 'is a series of numbers that there is not'
FROM counters c WHERE c.series <> 'invoice'
UNION ALL
SELECT p.workspace_id, 'payment', p.payment_intent_id, 'was assigned by a person, and there is no record of that'
FROM payments p
WHERE p.assigned_at > 0 AND NOT EXISTS (SELECT 1 FROM invoice_events e
    WHERE e.workspace_id = p.workspace_id AND e.invoice_id = p.invoice_id AND e.kind = 'payment_assigned' AND e.at = p.assigned_at);

-- name: TimesAmiss :many
-- Times below zero or after this century, of what was done here also before it, and those of a row
-- that are in the wrong order by more than a day: a clock that is set right goes back by less.
WITH times AS (
    SELECT workspace_id, CAST('charge' AS TEXT) AS kind, charge_id AS id, created_at AS at, CAST(0 AS BIGINT) AS first FROM charges
    UNION ALL SELECT workspace_id, 'charge', charge_id, paid_at, 0 FROM charges
    UNION ALL SELECT workspace_id, 'charge', charge_id, refund_hint_at, 0 FROM charges
    UNION ALL SELECT workspace_id, 'session', session_id, paid_at, 0 FROM checkout_sessions
    UNION ALL SELECT workspace_id, 'refund', refund_id, created_at, 0 FROM refunds
    UNION ALL SELECT workspace_id, 'dispute', dispute_id, created_at, 0 FROM disputes
    UNION ALL SELECT workspace_id, 'dispute', dispute_id, rank_at, 0 FROM disputes
    UNION ALL SELECT workspace_id, 'dispute', dispute_id, due_by, 0 FROM disputes
    UNION ALL SELECT workspace_id, 'alert', alert_id, created_at, 0 FROM radar_alerts
    UNION ALL SELECT workspace_id, 'payout', payout_id, created_at, 0 FROM payouts
    UNION ALL SELECT workspace_id, 'balance transaction', transaction_id, created_at, 0 FROM balance_transactions
    UNION ALL SELECT workspace_id, 'balance transaction', transaction_id, available_at, 0 FROM balance_transactions
    UNION ALL SELECT workspace_id, 'payment', payment_intent_id, provisional_at, 0 FROM payments
    UNION ALL SELECT workspace_id, 'payment', payment_intent_id, assigned_at, 0 FROM payments
    UNION ALL SELECT workspace_id, 'entry', id, created_at, 946684800000000 FROM hand_entries
    UNION ALL SELECT workspace_id, 'entry', id, received_at, 946684800000000 FROM hand_entries
    UNION ALL SELECT workspace_id, 'refund request', id, created_at, 946684800000000 FROM refund_requests
    UNION ALL SELECT workspace_id, 'link', id, created_at, 946684800000000 FROM payment_links
    UNION ALL SELECT workspace_id, 'link', id, closed_at, 946684800000000 FROM payment_links
    UNION ALL SELECT workspace_id, 'invoice', id, created_at, 946684800000000 FROM invoices
    UNION ALL SELECT workspace_id, 'invoice', id, updated_at, 946684800000000 FROM invoices
    UNION ALL SELECT workspace_id, 'invoice', id, finalized_at, 946684800000000 FROM invoices
    UNION ALL SELECT workspace_id, 'invoice', id, sent_at, 946684800000000 FROM invoices
    UNION ALL SELECT workspace_id, 'invoice', id, viewed_at, 946684800000000 FROM invoices
    UNION ALL SELECT workspace_id, 'invoice', id, voided_at, 946684800000000 FROM invoices
    UNION ALL SELECT workspace_id, 'invoice', id, uncollectible_at, 946684800000000 FROM invoices
)
SELECT t.workspace_id, t.kind, t.id, CAST('has a time that can''t be: ' || t.at || ' microseconds after 1970' AS TEXT) AS what
FROM times t
WHERE t.at <> 0 AND (t.at < t.first OR t.at > 4102444800000000)
UNION ALL
SELECT i.workspace_id, 'invoice', i.id, 'has times in an order that can''t be, or days that are none'
FROM invoices i
WHERE i.created_at = 0 OR i.finalized_at > 0 AND (i.finalized_at < i.created_at - 86400000000 OR i.issue_date NOT LIKE '____-__-__')
    OR i.due_date <> '' AND i.due_date NOT LIKE '____-__-__' OR i.updated_at < i.created_at - 86400000000
    OR i.voided_at > 0 AND i.voided_at < i.finalized_at - 86400000000 OR i.uncollectible_at > 0 AND i.uncollectible_at < i.finalized_at - 86400000000
    OR i.sent_at > 0 AND i.sent_at < i.finalized_at - 86400000000 OR i.viewed_at > 0 AND i.viewed_at < i.finalized_at - 86400000000
UNION ALL
SELECT l.workspace_id, 'link', l.id, 'is ' || l.state || ', and when it was closed says otherwise'
FROM payment_links l
WHERE (l.state = 'closed') <> (l.closed_at > 0);

-- name: RequestsAmiss :many
-- A refund that Stripe took is here, as it was asked for.
SELECT q.workspace_id, CAST('refund request' AS TEXT) AS kind, q.id, CAST(CASE
    WHEN q.refund_id = '' THEN 'was asked for, and does not name its refund'
    WHEN r.refund_id IS NULL THEN 'was asked for, and its refund ' || q.refund_id || ' is not here'
    ELSE 'was asked for otherwise than its refund ' || q.refund_id || ' is' END AS TEXT) AS what
FROM refund_requests q LEFT JOIN refunds r ON r.workspace_id = q.workspace_id AND r.stripe_account_id = q.stripe_account_id AND r.refund_id = q.refund_id
WHERE q.state = 'asked' AND (r.refund_id IS NULL OR r.amount <> q.amount OR r.currency <> q.currency OR r.charge_id <> q.charge_id OR r.still_owed <> q.still_owed)
UNION ALL
SELECT q.workspace_id, 'refund request', q.id, 'names a charge that is of another payment than it'
FROM refund_requests q JOIN payments p ON p.workspace_id = q.workspace_id AND p.id = q.payment_id
    JOIN charges c ON c.workspace_id = q.workspace_id AND c.stripe_account_id = q.stripe_account_id AND c.charge_id = q.charge_id
WHERE c.payment_intent_id <> p.payment_intent_id OR p.stripe_account_id <> q.stripe_account_id
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
WHERE p.automatic AND t.contained <> p.amount
UNION ALL
SELECT t.workspace_id, 'balance transaction', t.transaction_id, 'moves ' || t.amount || ', and its charge took ' || c.captured
FROM balance_transactions t JOIN charges c ON c.stripe_account_id = t.stripe_account_id AND c.charge_id = t.source_id
WHERE t.type IN ('charge', 'payment') AND c.rank = 3 AND c.currency = t.currency AND t.amount <> c.captured
UNION ALL
SELECT t.workspace_id, 'balance transaction', t.transaction_id, 'moves ' || t.amount || ', and its refund gave back ' || r.amount
FROM balance_transactions t JOIN refunds r ON r.stripe_account_id = t.stripe_account_id AND r.refund_id = t.source_id
WHERE t.type IN ('refund', 'payment_refund') AND r.currency = t.currency AND t.amount <> -r.amount
UNION ALL
SELECT t.workspace_id, 'balance transaction', t.transaction_id, 'moves ' || t.amount || ' ' || t.currency || ', and its payout is of ' || p.amount || ' ' || p.currency
FROM balance_transactions t JOIN payouts p ON p.stripe_account_id = t.stripe_account_id AND p.payout_id = t.source_id
WHERE t.type = 'payout' AND (t.amount <> -p.amount OR t.currency <> p.currency)
UNION ALL
SELECT t.workspace_id, 'balance transaction', t.transaction_id, 'is part of the payout ' || t.payout_id || ', which is not here or in another currency'
FROM balance_transactions t LEFT JOIN payouts p ON p.stripe_account_id = t.stripe_account_id AND p.payout_id = t.payout_id
WHERE t.payout_id <> '' AND (p.payout_id IS NULL OR p.currency <> t.currency);

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

-- name: BalanceRead :one
SELECT balance_until FROM sync_cursors WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id;

-- name: SessionsOfAccount :many
SELECT * FROM checkout_sessions WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id;

-- name: PaymentsOfAccount :many
SELECT * FROM payments WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id;

-- name: AlertsOfAccount :many
SELECT * FROM radar_alerts WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND livemode = @livemode;

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
