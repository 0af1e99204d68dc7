-- name: FindSession :one
SELECT data FROM sessions WHERE token = @token AND dead = FALSE AND expiry > @now;

-- name: CommitSession :exec
-- A late commit on a destroyed session must not bring it back: hence the WHERE.
INSERT INTO sessions (token, user_id, data, expiry, handle, created_at, seen_at, ip, agent)
VALUES (@token, @user_id, @data, @expiry, @handle, @created_at, @seen_at, @ip, @agent)
ON CONFLICT (token) DO UPDATE SET user_id = excluded.user_id, data = excluded.data, expiry = excluded.expiry,
    handle = excluded.handle, created_at = excluded.created_at, seen_at = excluded.seen_at, ip = excluded.ip, agent = excluded.agent
WHERE sessions.dead = FALSE;

-- name: KillSession :exec
UPDATE sessions SET dead = TRUE, renewed = FALSE, data = @nothing WHERE token = @token;

-- name: KillSessionsOfUser :exec
-- All but the one with the handle; with none, all. A session without one is never kept.
UPDATE sessions SET dead = TRUE, renewed = FALSE, data = @nothing WHERE user_id = @user_id AND (handle <> @handle OR handle = '');

-- name: DeleteExpiredSessions :exec
DELETE FROM sessions WHERE expiry <= @now;

-- name: InsertOneTimeToken :exec
INSERT INTO one_time_tokens (hash, kind, expires_at) VALUES (@hash, @kind, @expires_at);

-- name: OneTimeTokenValid :one
SELECT count(*) FROM one_time_tokens WHERE hash = @hash AND kind = @kind AND used_at = 0 AND expires_at > @now;

-- name: UseOneTimeToken :one
UPDATE one_time_tokens SET used_at = @now WHERE hash = @hash AND kind = @kind AND used_at = 0 AND expires_at > @now
RETURNING *;

-- name: DeleteOneTimeTokens :exec
DELETE FROM one_time_tokens WHERE kind = @kind;

-- name: InstallationValue :one
SELECT value FROM installation WHERE name = @name;

-- name: SetInstallationValue :exec
INSERT INTO installation (name, value) VALUES (@name, @value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: DeleteInstallationValue :exec
DELETE FROM installation WHERE name = @name;

-- name: CountInMode :one
-- What belongs to test or to live mode, of all workspaces: for the operator who changes between them.
SELECT (SELECT count(*) FROM invoices i WHERE i.livemode = @livemode AND i.decided <> 'draft') AS invoices,
    (SELECT count(*) FROM payments p WHERE p.livemode = @livemode) AS payments,
    (SELECT count(*) FROM stripe_connect_accounts a WHERE a.livemode = @livemode) AS accounts;

-- name: MoveDrafts :exec
-- A draft belongs to no mode yet: it goes along with the installation.
UPDATE invoices SET livemode = @livemode WHERE decided = 'draft';
