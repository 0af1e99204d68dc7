-- What needs a person, one query a kind, each with the same columns. subject names the thing and
-- what matters of it: what was ignored comes back by itself when that changes. Each reads by an
-- index of its own, which holds nothing else.

-- name: AttentionDisputes :many
-- The client's bank waits for an answer; the first deadline comes first.
SELECT CAST(d.stripe_account_id || ':' || d.dispute_id || ':' || CAST(d.rank AS TEXT) || ':' || CAST(d.amount AS TEXT) AS TEXT) AS subject, CAST(d.created_at AS BIGINT) AS at, CAST(d.amount AS BIGINT) AS minor, CAST(d.currency AS TEXT) AS currency,
    CAST(COALESCE(i.id, '') AS TEXT) AS invoice_id, CAST(COALESCE(i.number, '') AS TEXT) AS number, CAST(COALESCE(i.buyer_name, '') AS TEXT) AS client,
    CAST(COALESCE(p.id, '') AS TEXT) AS payment_id, CAST(d.stripe_account_id AS TEXT) AS account, CAST(d.dispute_id AS TEXT) AS object, CAST(d.reason AS TEXT) AS detail, CAST(d.due_by AS BIGINT) AS due_by,
    CAST(COALESCE(g.reason, '') AS TEXT) AS reason, CAST(COALESCE(u.name, '') AS TEXT) AS ignored_by, CAST(COALESCE(g.at, 0) AS BIGINT) AS ignored_at
FROM disputes d
    LEFT JOIN charges c ON c.workspace_id = d.workspace_id AND c.stripe_account_id = d.stripe_account_id AND c.charge_id = d.charge_id
    LEFT JOIN payments p ON p.workspace_id = d.workspace_id AND p.stripe_account_id = d.stripe_account_id
        AND p.payment_intent_id = COALESCE(c.payment_intent_id, d.payment_intent_id)
    LEFT JOIN invoices i ON i.workspace_id = d.workspace_id AND i.id = p.invoice_id
    LEFT JOIN attention_ignored g ON g.workspace_id = d.workspace_id AND g.kind = 'dispute' AND g.subject = CAST(d.stripe_account_id || ':' || d.dispute_id || ':' || CAST(d.rank AS TEXT) || ':' || CAST(d.amount AS TEXT) AS TEXT)
    LEFT JOIN users u ON u.id = g.user_id
WHERE d.workspace_id = @workspace_id AND d.livemode = @livemode AND d.rank IN (1, 4) AND (g.kind IS NOT NULL) = CAST(@ignored AS BOOLEAN)
ORDER BY d.due_by, d.dispute_id LIMIT CAST(@max AS BIGINT);

-- name: AttentionPaidAfterVoid :many
-- Money for an invoice that was withdrawn, as long as it is here. The payment is the latest that can be refunded.
SELECT CAST(i.id || ':' || CAST(i.received - i.refunded AS TEXT) AS TEXT) AS subject, CAST(i.updated_at AS BIGINT) AS at, CAST(i.received - i.refunded - (SELECT CAST(COALESCE(sum(p.lost), 0) AS BIGINT) FROM payments p WHERE p.workspace_id = i.workspace_id AND p.invoice_id = i.id AND p.currency = i.currency) AS BIGINT) AS minor, CAST(i.currency AS TEXT) AS currency,
    CAST(COALESCE(i.id, '') AS TEXT) AS invoice_id, CAST(COALESCE(i.number, '') AS TEXT) AS number, CAST(COALESCE(i.buyer_name, '') AS TEXT) AS client,
    CAST(COALESCE((SELECT p.id FROM payments p WHERE p.workspace_id = i.workspace_id AND p.invoice_id = i.id AND p.charge_id <> '' AND p.gross > p.refunded + p.lost
        ORDER BY p.happened_at DESC, p.id DESC LIMIT 1), '') AS TEXT) AS payment_id, CAST('' AS TEXT) AS account, CAST('' AS TEXT) AS object, CAST('' AS TEXT) AS detail, CAST(0 AS BIGINT) AS due_by,
    CAST(COALESCE(g.reason, '') AS TEXT) AS reason, CAST(COALESCE(u.name, '') AS TEXT) AS ignored_by, CAST(COALESCE(g.at, 0) AS BIGINT) AS ignored_at
FROM invoices i
    LEFT JOIN attention_ignored g ON g.workspace_id = i.workspace_id AND g.kind = 'paid_after_void' AND g.subject = CAST(i.id || ':' || CAST(i.received - i.refunded AS TEXT) AS TEXT)
    LEFT JOIN users u ON u.id = g.user_id
WHERE i.workspace_id = @workspace_id AND i.livemode = @livemode AND i.flags <> '' AND i.flags LIKE '%paid_after_void%'
  AND i.received - i.refunded - (SELECT CAST(COALESCE(sum(p.lost), 0) AS BIGINT) FROM payments p WHERE p.workspace_id = i.workspace_id AND p.invoice_id = i.id AND p.currency = i.currency) > 0 AND (g.kind IS NOT NULL) = CAST(@ignored AS BOOLEAN)
ORDER BY i.id DESC LIMIT CAST(@max AS BIGINT);

-- name: AttentionOverpaid :many
-- More than the invoice is for, as long as it is here.
SELECT CAST(i.id || ':' || CAST(i.received - i.refunded AS TEXT) AS TEXT) AS subject, CAST(i.updated_at AS BIGINT) AS at, CAST(i.received - i.refunded - (SELECT CAST(COALESCE(sum(p.lost), 0) AS BIGINT) FROM payments p WHERE p.workspace_id = i.workspace_id AND p.invoice_id = i.id AND p.currency = i.currency) - i.total AS BIGINT) AS minor, CAST(i.currency AS TEXT) AS currency,
    CAST(COALESCE(i.id, '') AS TEXT) AS invoice_id, CAST(COALESCE(i.number, '') AS TEXT) AS number, CAST(COALESCE(i.buyer_name, '') AS TEXT) AS client,
    CAST(COALESCE((SELECT p.id FROM payments p WHERE p.workspace_id = i.workspace_id AND p.invoice_id = i.id AND p.charge_id <> '' AND p.gross > p.refunded + p.lost
        ORDER BY p.happened_at DESC, p.id DESC LIMIT 1), '') AS TEXT) AS payment_id, CAST('' AS TEXT) AS account, CAST('' AS TEXT) AS object, CAST('' AS TEXT) AS detail, CAST(0 AS BIGINT) AS due_by,
    CAST(COALESCE(g.reason, '') AS TEXT) AS reason, CAST(COALESCE(u.name, '') AS TEXT) AS ignored_by, CAST(COALESCE(g.at, 0) AS BIGINT) AS ignored_at
FROM invoices i
    LEFT JOIN attention_ignored g ON g.workspace_id = i.workspace_id AND g.kind = 'overpaid' AND g.subject = CAST(i.id || ':' || CAST(i.received - i.refunded AS TEXT) AS TEXT)
    LEFT JOIN users u ON u.id = g.user_id
WHERE i.workspace_id = @workspace_id AND i.livemode = @livemode AND i.flags <> '' AND i.flags LIKE '%overpaid%'
  AND i.received - i.refunded - (SELECT CAST(COALESCE(sum(p.lost), 0) AS BIGINT) FROM payments p WHERE p.workspace_id = i.workspace_id AND p.invoice_id = i.id AND p.currency = i.currency) > i.total AND (g.kind IS NOT NULL) = CAST(@ignored AS BOOLEAN)
ORDER BY i.id DESC LIMIT CAST(@max AS BIGINT);

-- name: AttentionMismatches :many
-- Money that can't count for its invoice: it came in another currency or mode.
SELECT CAST(p.id || ':' || CAST(p.gross - p.refunded AS TEXT) AS TEXT) AS subject, CAST(p.happened_at AS BIGINT) AS at, CAST(p.gross - p.refunded - p.lost AS BIGINT) AS minor, CAST(p.currency AS TEXT) AS currency,
    CAST(COALESCE(i.id, '') AS TEXT) AS invoice_id, CAST(COALESCE(i.number, '') AS TEXT) AS number, CAST(COALESCE(i.buyer_name, '') AS TEXT) AS client,
    CAST(p.id AS TEXT) AS payment_id, CAST(p.stripe_account_id AS TEXT) AS account, CAST(p.payment_intent_id AS TEXT) AS object, CAST(i.currency AS TEXT) AS detail, CAST(0 AS BIGINT) AS due_by,
    CAST(COALESCE(g.reason, '') AS TEXT) AS reason, CAST(COALESCE(u.name, '') AS TEXT) AS ignored_by, CAST(COALESCE(g.at, 0) AS BIGINT) AS ignored_at
FROM invoices i JOIN payments p ON p.workspace_id = i.workspace_id AND p.invoice_id = i.id AND (p.currency <> i.currency OR p.livemode <> i.livemode)
    LEFT JOIN attention_ignored g ON g.workspace_id = i.workspace_id AND g.kind = 'currency_mismatch' AND g.subject = CAST(p.id || ':' || CAST(p.gross - p.refunded AS TEXT) AS TEXT)
    LEFT JOIN users u ON u.id = g.user_id
WHERE i.workspace_id = @workspace_id AND i.livemode = @livemode AND i.flags <> '' AND i.flags LIKE '%currency_mismatch%'
  AND p.gross > p.refunded + p.lost AND (g.kind IS NOT NULL) = CAST(@ignored AS BOOLEAN)
ORDER BY i.id DESC, p.id DESC LIMIT CAST(@max AS BIGINT);

-- name: AttentionUnmatched :many
-- Money that is for no invoice that Trak knows of.
SELECT CAST(p.id || ':' || CAST(p.gross - p.refunded AS TEXT) AS TEXT) AS subject, CAST(p.happened_at AS BIGINT) AS at, CAST(p.gross - p.refunded - p.lost AS BIGINT) AS minor, CAST(p.currency AS TEXT) AS currency,
    CAST('' AS TEXT) AS invoice_id, CAST('' AS TEXT) AS number, CAST('' AS TEXT) AS client,
    CAST(p.id AS TEXT) AS payment_id, CAST(p.stripe_account_id AS TEXT) AS account, CAST(p.payment_intent_id AS TEXT) AS object, CAST(p.method AS TEXT) AS detail, CAST(0 AS BIGINT) AS due_by,
    CAST(COALESCE(g.reason, '') AS TEXT) AS reason, CAST(COALESCE(u.name, '') AS TEXT) AS ignored_by, CAST(COALESCE(g.at, 0) AS BIGINT) AS ignored_at
FROM payments p
    LEFT JOIN attention_ignored g ON g.workspace_id = p.workspace_id AND g.kind = 'unmatched_payment' AND g.subject = CAST(p.id || ':' || CAST(p.gross - p.refunded AS TEXT) AS TEXT)
    LEFT JOIN users u ON u.id = g.user_id
WHERE p.workspace_id = @workspace_id AND p.livemode = @livemode AND p.invoice_id IS NULL AND p.gross > 0 AND p.gross > p.refunded + p.lost AND (g.kind IS NOT NULL) = CAST(@ignored AS BOOLEAN)
ORDER BY p.happened_at DESC, p.id DESC LIMIT CAST(@max AS BIGINT);

-- name: AttentionRefunds :many
-- Refunds that came to nothing, unless a later one made up for it.
SELECT CAST(r.stripe_account_id || ':' || r.refund_id || ':' || CAST(r.amount AS TEXT) AS TEXT) AS subject, CAST(r.created_at AS BIGINT) AS at, CAST(r.amount AS BIGINT) AS minor, CAST(r.currency AS TEXT) AS currency,
    CAST(COALESCE(i.id, '') AS TEXT) AS invoice_id, CAST(COALESCE(i.number, '') AS TEXT) AS number, CAST(COALESCE(i.buyer_name, '') AS TEXT) AS client,
    CAST(COALESCE(p.id, '') AS TEXT) AS payment_id, CAST(r.stripe_account_id AS TEXT) AS account, CAST(r.refund_id AS TEXT) AS object, CAST(r.failure_reason AS TEXT) AS detail, CAST(0 AS BIGINT) AS due_by,
    CAST(COALESCE(g.reason, '') AS TEXT) AS reason, CAST(COALESCE(u.name, '') AS TEXT) AS ignored_by, CAST(COALESCE(g.at, 0) AS BIGINT) AS ignored_at
FROM refunds r
    LEFT JOIN charges c ON c.workspace_id = r.workspace_id AND c.stripe_account_id = r.stripe_account_id AND c.charge_id = r.charge_id
    LEFT JOIN payments p ON p.workspace_id = r.workspace_id AND p.stripe_account_id = r.stripe_account_id
        AND p.payment_intent_id = COALESCE(c.payment_intent_id, r.payment_intent_id)
    LEFT JOIN invoices i ON i.workspace_id = r.workspace_id AND i.id = p.invoice_id
    LEFT JOIN attention_ignored g ON g.workspace_id = r.workspace_id AND g.kind = 'refund_failed' AND g.subject = CAST(r.stripe_account_id || ':' || r.refund_id || ':' || CAST(r.amount AS TEXT) AS TEXT)
    LEFT JOIN users u ON u.id = g.user_id
WHERE r.workspace_id = @workspace_id AND r.rank > 3 AND p.livemode = @livemode AND (g.kind IS NOT NULL) = CAST(@ignored AS BOOLEAN)
  AND NOT EXISTS (SELECT 1 FROM refunds later WHERE later.workspace_id = r.workspace_id AND later.stripe_account_id = r.stripe_account_id
    AND later.charge_id = r.charge_id AND (r.charge_id <> '' OR later.payment_intent_id = r.payment_intent_id) AND later.rank <= 3 AND later.amount >= r.amount AND later.created_at >= r.created_at)
ORDER BY r.refund_id DESC LIMIT CAST(@max AS BIGINT);

-- name: AttentionRefusals :many
-- Refunds that Stripe refused, unless a later one of the payment was not.
SELECT CAST(q.id AS TEXT) AS subject, CAST(q.created_at AS BIGINT) AS at, CAST(q.amount AS BIGINT) AS minor, CAST(q.currency AS TEXT) AS currency,
    CAST(COALESCE(i.id, '') AS TEXT) AS invoice_id, CAST(COALESCE(i.number, '') AS TEXT) AS number, CAST(COALESCE(i.buyer_name, '') AS TEXT) AS client,
    CAST(p.id AS TEXT) AS payment_id, CAST(q.stripe_account_id AS TEXT) AS account, CAST(q.charge_id AS TEXT) AS object, CAST(q.last_error AS TEXT) AS detail, CAST(0 AS BIGINT) AS due_by,
    CAST(COALESCE(g.reason, '') AS TEXT) AS reason, CAST(COALESCE(u.name, '') AS TEXT) AS ignored_by, CAST(COALESCE(g.at, 0) AS BIGINT) AS ignored_at
FROM refund_requests q
    JOIN payments p ON p.workspace_id = q.workspace_id AND p.id = q.payment_id
    LEFT JOIN invoices i ON i.workspace_id = q.workspace_id AND i.id = p.invoice_id
    LEFT JOIN attention_ignored g ON g.workspace_id = q.workspace_id AND g.kind = 'refund_refused' AND g.subject = CAST(q.id AS TEXT)
    LEFT JOIN users u ON u.id = g.user_id
WHERE q.workspace_id = @workspace_id AND q.livemode = @livemode AND q.state = 'refused' AND (g.kind IS NOT NULL) = CAST(@ignored AS BOOLEAN)
  AND NOT EXISTS (SELECT 1 FROM refund_requests later WHERE later.workspace_id = q.workspace_id AND later.payment_id = q.payment_id
    AND later.state <> 'refused' AND later.created_at > q.created_at)
ORDER BY q.id DESC LIMIT CAST(@max AS BIGINT);

-- name: AttentionWarnings :many
-- A card network expects a dispute that a refund may still avoid.
SELECT CAST(w.stripe_account_id || ':' || w.alert_id || ':' || CAST(p.gross - p.refunded AS TEXT) AS TEXT) AS subject, CAST(w.created_at AS BIGINT) AS at, CAST(p.gross - p.refunded AS BIGINT) AS minor, CAST(p.currency AS TEXT) AS currency,
    CAST(COALESCE(i.id, '') AS TEXT) AS invoice_id, CAST(COALESCE(i.number, '') AS TEXT) AS number, CAST(COALESCE(i.buyer_name, '') AS TEXT) AS client,
    CAST(p.id AS TEXT) AS payment_id, CAST(w.stripe_account_id AS TEXT) AS account, CAST(w.alert_id AS TEXT) AS object, CAST(w.reason AS TEXT) AS detail, CAST(0 AS BIGINT) AS due_by,
    CAST(COALESCE(g.reason, '') AS TEXT) AS reason, CAST(COALESCE(u.name, '') AS TEXT) AS ignored_by, CAST(COALESCE(g.at, 0) AS BIGINT) AS ignored_at
FROM radar_alerts w
    LEFT JOIN charges c ON c.workspace_id = w.workspace_id AND c.stripe_account_id = w.stripe_account_id AND c.charge_id = w.charge_id
    LEFT JOIN payments p ON p.workspace_id = w.workspace_id AND p.stripe_account_id = w.stripe_account_id
        AND p.payment_intent_id = COALESCE(c.payment_intent_id, w.payment_intent_id)
    LEFT JOIN invoices i ON i.workspace_id = w.workspace_id AND i.id = p.invoice_id
    LEFT JOIN attention_ignored g ON g.workspace_id = w.workspace_id AND g.kind = 'early_fraud_warning' AND g.subject = CAST(w.stripe_account_id || ':' || w.alert_id || ':' || CAST(p.gross - p.refunded AS TEXT) AS TEXT)
    LEFT JOIN users u ON u.id = g.user_id
WHERE w.workspace_id = @workspace_id AND w.livemode = @livemode AND w.kind = 'early_fraud_warning' AND w.closed = FALSE
  AND p.gross > p.refunded AND (g.kind IS NOT NULL) = CAST(@ignored AS BOOLEAN)
  AND NOT EXISTS (SELECT 1 FROM disputes d WHERE d.workspace_id = w.workspace_id AND d.stripe_account_id = w.stripe_account_id AND d.charge_id = w.charge_id AND (w.charge_id <> '' OR d.payment_intent_id = w.payment_intent_id))
ORDER BY w.alert_id DESC LIMIT CAST(@max AS BIGINT);

-- name: AttentionPayouts :many
-- Payouts that came back, unless a later one of the currency has arrived: it has that money too.
SELECT CAST(o.stripe_account_id || ':' || o.payout_id || ':' || CAST(o.amount AS TEXT) AS TEXT) AS subject, CAST(o.created_at AS BIGINT) AS at, CAST(o.amount AS BIGINT) AS minor, CAST(o.currency AS TEXT) AS currency,
    CAST('' AS TEXT) AS invoice_id, CAST('' AS TEXT) AS number, CAST('' AS TEXT) AS client,
    CAST('' AS TEXT) AS payment_id, CAST(o.stripe_account_id AS TEXT) AS account, CAST(o.payout_id AS TEXT) AS object, CAST(o.failure_message AS TEXT) AS detail, CAST(0 AS BIGINT) AS due_by,
    CAST(COALESCE(g.reason, '') AS TEXT) AS reason, CAST(COALESCE(u.name, '') AS TEXT) AS ignored_by, CAST(COALESCE(g.at, 0) AS BIGINT) AS ignored_at
FROM payouts o
    LEFT JOIN attention_ignored g ON g.workspace_id = o.workspace_id AND g.kind = 'payout_failed' AND g.subject = CAST(o.stripe_account_id || ':' || o.payout_id || ':' || CAST(o.amount AS TEXT) AS TEXT)
    LEFT JOIN users u ON u.id = g.user_id
WHERE o.workspace_id = @workspace_id AND o.livemode = @livemode AND o.rank = 5 AND (g.kind IS NOT NULL) = CAST(@ignored AS BOOLEAN)
  AND NOT EXISTS (SELECT 1 FROM payouts later WHERE later.workspace_id = o.workspace_id AND later.livemode = o.livemode
    AND later.stripe_account_id = o.stripe_account_id AND later.currency = o.currency AND later.rank = 3 AND later.created_at > o.created_at)
ORDER BY o.payout_id DESC LIMIT CAST(@max AS BIGINT);

-- name: AttentionLinks :many
-- Payment links that Stripe refused, of invoices that still wait for money.
SELECT CAST(l.id AS TEXT) AS subject, CAST(l.created_at AS BIGINT) AS at, CAST(l.amount AS BIGINT) AS minor, CAST(l.currency AS TEXT) AS currency,
    CAST(COALESCE(i.id, '') AS TEXT) AS invoice_id, CAST(COALESCE(i.number, '') AS TEXT) AS number, CAST(COALESCE(i.buyer_name, '') AS TEXT) AS client,
    CAST('' AS TEXT) AS payment_id, CAST(l.stripe_account_id AS TEXT) AS account, CAST(l.stripe_link_id AS TEXT) AS object, CAST(l.last_error AS TEXT) AS detail, CAST(0 AS BIGINT) AS due_by,
    CAST(COALESCE(g.reason, '') AS TEXT) AS reason, CAST(COALESCE(u.name, '') AS TEXT) AS ignored_by, CAST(COALESCE(g.at, 0) AS BIGINT) AS ignored_at
FROM payment_links l JOIN invoices i ON i.workspace_id = l.workspace_id AND i.id = l.invoice_id AND i.phase = 'open'
    LEFT JOIN attention_ignored g ON g.workspace_id = l.workspace_id AND g.kind = 'link_failed' AND g.subject = CAST(l.id AS TEXT)
    LEFT JOIN users u ON u.id = g.user_id
WHERE l.workspace_id = @workspace_id AND l.livemode = @livemode AND l.state = 'failed' AND (g.kind IS NOT NULL) = CAST(@ignored AS BOOLEAN)
ORDER BY l.id DESC LIMIT CAST(@max AS BIGINT);

-- name: AttentionEvents :many
-- What Stripe told and Trak could not take in for a while, as one thing: minor is how many events.
SELECT CAST(CAST(e.newest AS TEXT) AS TEXT) AS subject, CAST(e.oldest AS BIGINT) AS at, CAST(e.events AS BIGINT) AS minor, CAST('' AS TEXT) AS currency,
    CAST('' AS TEXT) AS invoice_id, CAST('' AS TEXT) AS number, CAST('' AS TEXT) AS client,
    CAST('' AS TEXT) AS payment_id, CAST('' AS TEXT) AS account, CAST('' AS TEXT) AS object, CAST('' AS TEXT) AS detail, CAST(0 AS BIGINT) AS due_by,
    CAST(COALESCE(g.reason, '') AS TEXT) AS reason, CAST(COALESCE(u.name, '') AS TEXT) AS ignored_by, CAST(COALESCE(g.at, 0) AS BIGINT) AS ignored_at
FROM (SELECT count(*) AS events, min(x.received_at) AS oldest, max(x.received_at) AS newest FROM stripe_webhook_events x
        WHERE x.workspace_id = @workspace_id AND x.livemode = @livemode AND x.state IN ('failed', 'unmatched') AND x.received_at < CAST(@before AS BIGINT)) e
    LEFT JOIN attention_ignored g ON g.workspace_id = @workspace_id AND g.kind = 'events_failed' AND g.subject = CAST(e.newest AS TEXT)
    LEFT JOIN users u ON u.id = g.user_id
WHERE e.events > 0 AND (g.kind IS NOT NULL) = CAST(@ignored AS BOOLEAN)
LIMIT CAST(@max AS BIGINT);

-- name: IgnoreAttention :execrows
-- Twice the same keeps the first reason.
INSERT INTO attention_ignored (workspace_id, kind, subject, reason, user_id, at)
VALUES (@workspace_id, @kind, @subject, @reason, @user_id, @at)
ON CONFLICT (workspace_id, kind, subject) DO NOTHING;

-- name: MindAttention :execrows
-- Ignored no longer.
DELETE FROM attention_ignored WHERE workspace_id = @workspace_id AND kind = @kind AND subject = @subject;
