-- name: ListStripeEvents :many
SELECT event_id, type, created, received_at, state, outcome, source, object_id, attempts, next_attempt_at FROM stripe_webhook_events
WHERE workspace_id = @workspace_id AND livemode = @livemode
  AND (received_at, event_id) < (CAST(@before_at AS BIGINT), CAST(@before_id AS TEXT))
ORDER BY received_at DESC, event_id DESC LIMIT CAST(@max AS BIGINT);

-- name: ListStripeEventsInState :many
SELECT event_id, type, created, received_at, state, outcome, source, object_id, attempts, next_attempt_at FROM stripe_webhook_events
WHERE workspace_id = @workspace_id AND livemode = @livemode AND state = @state
  AND (received_at, event_id) < (CAST(@before_at AS BIGINT), CAST(@before_id AS TEXT))
ORDER BY received_at DESC, event_id DESC LIMIT CAST(@max AS BIGINT);

-- name: ListStripeEventsAbout :many
-- The index by object leaves out events that are about none.
SELECT event_id, type, created, received_at, state, outcome, source, object_id, attempts, next_attempt_at FROM stripe_webhook_events
WHERE workspace_id = @workspace_id AND livemode = @livemode AND object_id = @object_id AND object_id <> ''
  AND (received_at, event_id) < (CAST(@before_at AS BIGINT), CAST(@before_id AS TEXT))
ORDER BY received_at DESC, event_id DESC LIMIT CAST(@max AS BIGINT);

-- name: WorkspaceStripeEvent :one
SELECT * FROM stripe_webhook_events WHERE workspace_id = @workspace_id AND livemode = @livemode AND event_id = @event_id;

-- name: FailedStripeEvents :one
SELECT count(*) AS n, CAST(COALESCE(min(received_at), 0) AS BIGINT) AS first_at FROM stripe_webhook_events
WHERE workspace_id = @workspace_id AND livemode = @livemode AND state = 'failed';

-- name: AllFailedStripeEvents :one
-- Failed ones are always due some time, so the queue's index finds them.
SELECT count(*) AS n, CAST(COALESCE(min(received_at), 0) AS BIGINT) AS first_at FROM stripe_webhook_events
WHERE next_attempt_at > 0 AND state = 'failed' AND livemode = @livemode;

-- name: UnmatchedStripeEvents :one
SELECT count(*) AS n, CAST(COALESCE(min(received_at), 0) AS BIGINT) AS first_at,
    CAST(COALESCE(min(stripe_account_id), '') AS TEXT) AS an_account FROM stripe_webhook_events
WHERE state = 'unmatched' AND livemode = @livemode;

-- name: LastStripeEvents :many
SELECT created, received_at, source FROM stripe_webhook_events
WHERE workspace_id = @workspace_id AND livemode = @livemode ORDER BY received_at DESC, event_id DESC LIMIT CAST(@max AS BIGINT);

-- name: WakeFailedEvents :execrows
-- Trak starts: what was mended is finished at once. That all are due some time is said for the
-- queue's index.
UPDATE stripe_webhook_events SET next_attempt_at = @now WHERE state = 'failed' AND next_attempt_at > 0 AND next_attempt_at > CAST(@now AS BIGINT);
