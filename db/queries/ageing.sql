-- name: OldPayloads :many
SELECT event_id, payload FROM stripe_webhook_events
WHERE workspace_id = @workspace_id AND masked_at = 0 AND received_at < CAST(@before AS BIGINT)
ORDER BY received_at, event_id LIMIT CAST(@max AS BIGINT);

-- name: OldStrayPayloads :many
-- Of events whose account was never known.
SELECT event_id, payload FROM stripe_webhook_events
WHERE workspace_id IS NULL AND masked_at = 0 AND received_at < CAST(@before AS BIGINT)
ORDER BY received_at, event_id LIMIT CAST(@max AS BIGINT);

-- name: MaskPayload :exec
UPDATE stripe_webhook_events SET payload = @payload, masked_at = @masked_at WHERE event_id = @event_id AND masked_at = 0;
