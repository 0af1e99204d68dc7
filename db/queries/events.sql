-- name: InsertStripeEvent :execrows
INSERT INTO stripe_webhook_events (event_id, stripe_account_id, workspace_id, type, api_version, livemode, created, received_at, payload, state, outcome, source, object_id)
VALUES (@event_id, @stripe_account_id, @workspace_id, @type, @api_version, @livemode, @created, @received_at, @payload, @state, @outcome, @source, @object_id)
ON CONFLICT (event_id) DO NOTHING;

-- name: StripeEvent :one
SELECT * FROM stripe_webhook_events WHERE event_id = @event_id;

-- name: SetStripeEventState :execrows
UPDATE stripe_webhook_events SET workspace_id = @workspace_id, state = @state, outcome = @outcome, attempts = @attempts,
    next_attempt_at = @next_attempt_at, claimed_until = 0
WHERE event_id = @event_id;

-- name: NoteNothingRead :execrows
-- Events of another version, of which only the object's id was believed, and Stripe has no such object.
UPDATE stripe_webhook_events SET outcome = @outcome
WHERE workspace_id = @workspace_id AND object_id = @object_id AND object_id <> '' AND state = 'applied' AND api_version <> @api_version;

-- name: ClaimStripeEvent :one
UPDATE stripe_webhook_events SET claimed_until = @claimed_until, next_attempt_at = @claimed_until
WHERE event_id = @event_id AND next_attempt_at > 0 AND claimed_until < CAST(@now AS BIGINT)
RETURNING *;

-- name: WakeUnmatchedEvents :execrows
-- The account has become known: its events that came before are worked through.
UPDATE stripe_webhook_events SET next_attempt_at = @now WHERE stripe_account_id = @stripe_account_id AND state = 'unmatched';

-- name: DueStripeEvents :many
SELECT e.event_id, e.next_attempt_at FROM stripe_webhook_events e WHERE e.next_attempt_at > 0
  AND NOT EXISTS (SELECT 1 FROM workspaces w WHERE w.id = e.workspace_id AND w.deleted_at > 0)
ORDER BY e.next_attempt_at LIMIT CAST(@max AS BIGINT);

-- name: LastStripeEvent :one
SELECT CAST(COALESCE(max(received_at), 0) AS BIGINT) AS received_at FROM stripe_webhook_events WHERE workspace_id = @workspace_id;

-- name: AskRead :exec
INSERT INTO stripe_reads (stripe_account_id, kind, object_id, workspace_id, evidence_at, next_attempt_at)
VALUES (@stripe_account_id, @kind, @object_id, @workspace_id, @evidence_at, @next_attempt_at)
ON CONFLICT (stripe_account_id, kind, object_id) DO UPDATE SET asked = stripe_reads.asked + 1, attempts = 0, last_error = '',
    next_attempt_at = excluded.next_attempt_at,
    evidence_at = CASE WHEN stripe_reads.next_attempt_at > 0 AND stripe_reads.evidence_at < excluded.evidence_at
        THEN stripe_reads.evidence_at ELSE excluded.evidence_at END
WHERE stripe_reads.workspace_id = excluded.workspace_id;

-- name: ClaimRead :one
UPDATE stripe_reads SET claimed_until = @claimed_until, next_attempt_at = @claimed_until, attempts = attempts + 1
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND kind = @kind AND object_id = @object_id
  AND next_attempt_at > 0 AND claimed_until < CAST(@now AS BIGINT)
RETURNING *;

-- name: SetReadDone :execrows
-- Asked again meanwhile: it stays due. An error stays when Stripe doesn't have the object.
UPDATE stripe_reads SET next_attempt_at = CASE WHEN asked = CAST(@asked AS BIGINT) THEN 0 ELSE next_attempt_at END, claimed_until = 0, last_error = @last_error
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND kind = @kind AND object_id = @object_id;

-- name: SetReadRetry :execrows
UPDATE stripe_reads SET next_attempt_at = @next_attempt_at, claimed_until = 0, last_error = @last_error
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND kind = @kind AND object_id = @object_id;

-- name: TurnReads :execrows
-- In own mode the account goes along between test and live: what is to be read in the mode that is
-- left waits below zero, and what waited is due again.
UPDATE stripe_reads SET next_attempt_at = 0 - next_attempt_at, claimed_until = 0
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id;

-- name: DueReads :many
-- Only of accounts in the mode that Trak runs in: its key can't read the others.
SELECT r.workspace_id, r.stripe_account_id, r.kind, r.object_id, r.next_attempt_at FROM stripe_reads r
JOIN stripe_connect_accounts a ON a.workspace_id = r.workspace_id AND a.stripe_account_id = r.stripe_account_id AND a.livemode = @livemode
WHERE r.next_attempt_at > 0 AND NOT EXISTS (SELECT 1 FROM workspaces w WHERE w.id = r.workspace_id AND w.deleted_at > 0)
ORDER BY r.next_attempt_at LIMIT CAST(@max AS BIGINT);
