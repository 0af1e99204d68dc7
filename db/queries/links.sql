-- name: InsertLink :exec
INSERT INTO payment_links (id, workspace_id, invoice_id, part, revision, stripe_account_id, livemode, currency, amount,
    state, idempotency_key, next_attempt_at, created_at)
VALUES (@id, @workspace_id, @invoice_id, @part, @revision, @stripe_account_id, @livemode, @currency, @amount,
    'creating', @idempotency_key, @next_attempt_at, @created_at);

-- name: LinksOfInvoice :many
SELECT * FROM payment_links WHERE workspace_id = @workspace_id AND invoice_id = @invoice_id ORDER BY part, revision;

-- name: LinkByStripeID :one
SELECT * FROM payment_links
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND stripe_link_id = @stripe_link_id AND stripe_link_id <> '';

-- name: ClaimLink :one
-- Works for creating and closing alike; the state says what is to be done.
UPDATE payment_links SET claimed_until = @claimed_until, next_attempt_at = @claimed_until, attempts = attempts + 1,
    first_attempt_at = CASE WHEN first_attempt_at = 0 THEN CAST(@now AS BIGINT) ELSE first_attempt_at END
WHERE workspace_id = @workspace_id AND id = @id AND state IN ('creating', 'closing') AND claimed_until < CAST(@now AS BIGINT)
RETURNING *;

-- name: SetLinkCreated :execrows
-- A link that is to be closed meanwhile keeps that state: the closer goes on with its id.
UPDATE payment_links SET stripe_price_id = @stripe_price_id, stripe_link_id = @stripe_link_id, url = @url, claimed_until = 0, last_error = '',
    state = CASE WHEN state = 'creating' THEN 'active' ELSE state END,
    attempts = CASE WHEN state = 'creating' THEN attempts ELSE 0 END,
    next_attempt_at = CASE WHEN state = 'creating' THEN 0 ELSE CAST(@now AS BIGINT) END
WHERE workspace_id = @workspace_id AND id = @id;

-- name: SetLinkRetry :execrows
UPDATE payment_links SET next_attempt_at = @next_attempt_at, claimed_until = 0, keys_spent = keys_spent + @spent, last_error = @last_error
WHERE workspace_id = @workspace_id AND id = @id AND state IN ('creating', 'closing');

-- name: SetLinkFailed :execrows
UPDATE payment_links SET state = 'failed', next_attempt_at = 0, claimed_until = 0, last_error = @last_error
WHERE workspace_id = @workspace_id AND id = @id AND state = 'creating';

-- name: SetLinkSwitchedOff :execrows
-- Somebody did it at Stripe: it takes no payment, and the invoice says so.
UPDATE payment_links SET state = 'failed', last_error = @last_error
WHERE workspace_id = @workspace_id AND id = @id AND state = 'active';

-- name: SetLinkClosing :execrows
-- One that was never tried has nothing at Stripe and is closed at once.
UPDATE payment_links SET
    state = CASE WHEN state = 'creating' AND attempts = 0 THEN 'closed' ELSE 'closing' END,
    closed_at = CASE WHEN state = 'creating' AND attempts = 0 THEN CAST(@now AS BIGINT) ELSE 0 END,
    next_attempt_at = CASE WHEN state = 'creating' AND attempts = 0 THEN 0 ELSE CAST(@next_attempt_at AS BIGINT) END,
    attempts = 0
WHERE workspace_id = @workspace_id AND id = @id AND state IN ('creating', 'active', 'failed');

-- name: SetLinkClosed :execrows
UPDATE payment_links SET state = 'closed', closed_at = @closed_at, next_attempt_at = 0, claimed_until = 0, last_error = ''
WHERE workspace_id = @workspace_id AND id = @id AND state = 'closing';

-- name: LiveLinksOfAccount :many
SELECT * FROM payment_links
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND state IN ('creating', 'active', 'failed')
ORDER BY id;

-- name: DueLinks :many
-- Work of all workspaces in the mode that Trak runs in; each row is then claimed within its own.
SELECT workspace_id, id, state, next_attempt_at FROM payment_links WHERE next_attempt_at > 0 AND livemode = @livemode ORDER BY next_attempt_at LIMIT CAST(@max AS BIGINT);
