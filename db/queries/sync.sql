-- name: InsertSyncCursor :exec
INSERT INTO sync_cursors (stripe_account_id, workspace_id, events_until, next_attempt_at)
VALUES (@stripe_account_id, @workspace_id, @events_until, @next_attempt_at)
ON CONFLICT (stripe_account_id) DO NOTHING;

-- name: SyncCursor :one
SELECT * FROM sync_cursors WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id;

-- name: ResetSyncCursor :execrows
-- The account is read in the other mode from now on: where that one was left.
UPDATE sync_cursors SET events_until = @events_until, balance_until = @balance_until, last_whole_at = 0, last_done_at = 0, last_started_at = 0,
    asked = asked + 1, attempts = 0, claimed_until = 0, last_error = '', next_attempt_at = @next_attempt_at
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id;

-- name: DueSyncs :many
-- Only of accounts that Trak's key can read: in its mode, and connected unless it is its own; and
-- not for workspaces that were deleted.
SELECT s.workspace_id, s.stripe_account_id, s.next_attempt_at FROM sync_cursors s
JOIN stripe_connect_accounts a ON a.workspace_id = s.workspace_id AND a.stripe_account_id = s.stripe_account_id
WHERE s.next_attempt_at > 0 AND a.livemode = @livemode AND a.deauthorized_at = 0
  AND NOT EXISTS (SELECT 1 FROM workspaces w WHERE w.id = s.workspace_id AND w.deleted_at > 0)
  AND (CASE WHEN a.type = 'own' THEN a.stripe_account_id ELSE '' END) = CAST(@own AS TEXT)
ORDER BY s.next_attempt_at LIMIT CAST(@max AS BIGINT);

-- name: ClaimSync :one
UPDATE sync_cursors SET claimed_until = @claimed_until, next_attempt_at = @claimed_until, attempts = attempts + 1, last_started_at = CAST(@now AS BIGINT)
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND next_attempt_at > 0
  AND next_attempt_at <= CAST(@due_by AS BIGINT) AND claimed_until < CAST(@now AS BIGINT)
RETURNING *;

-- name: AdvanceSync :execrows
-- The claim is renewed with every step; it is another's by now when this changes nothing.
UPDATE sync_cursors SET claimed_until = @claimed_until, next_attempt_at = CASE WHEN asked = CAST(@asked AS BIGINT) THEN @claimed_until ELSE next_attempt_at END,
    missed = missed + CAST(@missed AS BIGINT),
    events_until = CASE WHEN events_until < CAST(@events_until AS BIGINT) THEN CAST(@events_until AS BIGINT) ELSE events_until END,
    balance_until = CASE WHEN balance_until < CAST(@balance_until AS BIGINT) THEN CAST(@balance_until AS BIGINT) ELSE balance_until END
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND last_started_at = CAST(@started AS BIGINT) AND claimed_until > 0;

-- name: SetSyncDone :execrows
-- Asked for again meanwhile: it stays due.
UPDATE sync_cursors SET last_done_at = @done_at, claimed_until = 0, attempts = 0, last_error = @last_error,
    last_whole_at = CASE WHEN last_whole_at < CAST(@whole_at AS BIGINT) THEN CAST(@whole_at AS BIGINT) ELSE last_whole_at END,
    next_attempt_at = CASE WHEN asked = CAST(@asked AS BIGINT) THEN @next_attempt_at ELSE next_attempt_at END
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND last_started_at = CAST(@started AS BIGINT);

-- name: SetSyncRetry :execrows
UPDATE sync_cursors SET claimed_until = 0, last_error = @last_error, next_attempt_at = @next_attempt_at
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND last_started_at = CAST(@started AS BIGINT);

-- name: AskSync :execrows
-- Sooner than it would come by itself, unless it waits because Stripe did not answer.
UPDATE sync_cursors SET asked = asked + 1,
    next_attempt_at = CASE WHEN next_attempt_at < CAST(@next_attempt_at AS BIGINT) OR attempts > 0 AND claimed_until = 0
        THEN next_attempt_at ELSE CAST(@next_attempt_at AS BIGINT) END
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id;

-- name: WakeSyncs :execrows
-- A start: what came meanwhile was missed.
UPDATE sync_cursors SET next_attempt_at = CAST(@now AS BIGINT) WHERE next_attempt_at > CAST(@now AS BIGINT);

-- name: SyncCursors :many
-- For the operator: accounts as in DueSyncs, of all workspaces.
SELECT s.*, w.slug, a.id AS account_id FROM sync_cursors s
JOIN workspaces w ON w.id = s.workspace_id
JOIN stripe_connect_accounts a ON a.workspace_id = s.workspace_id AND a.stripe_account_id = s.stripe_account_id
WHERE a.livemode = @livemode AND a.deauthorized_at = 0
  AND (CASE WHEN a.type = 'own' THEN a.stripe_account_id ELSE '' END) = CAST(@own AS TEXT)
ORDER BY w.slug, s.stripe_account_id;

-- name: HasStripeEvent :one
SELECT CAST(count(*) AS BIGINT) FROM stripe_webhook_events WHERE event_id = @event_id;

-- name: OverdueIntents :many
-- Payments that should have been decided by now.
SELECT payment_intent_id FROM payments
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND livemode = @livemode AND status = 'processing' AND happened_at < CAST(@before AS BIGINT)
ORDER BY happened_at LIMIT CAST(@max AS BIGINT);

-- name: OpenReviewsHere :many
SELECT alert_id FROM radar_alerts
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND livemode = @livemode AND kind = 'review' AND closed = FALSE
ORDER BY alert_id LIMIT CAST(@max AS BIGINT);

-- name: OverduePayouts :many
-- Payouts that are on their way (ranks 1 and 2) and should have arrived by now.
SELECT payout_id FROM payouts
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND livemode = @livemode AND rank <= 2 AND arrival_date <> '' AND arrival_date < CAST(@before AS TEXT)
ORDER BY arrival_date LIMIT CAST(@max AS BIGINT);

-- name: SyncedAt :one
SELECT CAST(COALESCE(max(last_done_at), 0) AS BIGINT) FROM sync_cursors WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id;
