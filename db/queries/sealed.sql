-- name: SealedValues :many
-- Everything that is encrypted under the secret key, of all workspaces: what is not in here would
-- be lost when the key changes. Of the installation's values only some are; they tell by themselves.
SELECT CAST('installation.value' AS TEXT) AS place, i.name AS id, i.value AS sealed FROM installation i
UNION ALL
SELECT 'users.totp_secret', u.id, u.totp_secret FROM users u WHERE u.totp_secret IS NOT NULL
UNION ALL
SELECT 'messages.secret', m.id, m.secret FROM messages m WHERE m.secret IS NOT NULL;

-- name: SetTOTPSecret :exec
UPDATE users SET totp_secret = @sealed WHERE id = @id;

-- name: SetMessageSecret :exec
UPDATE messages SET secret = @sealed WHERE id = @id;

-- name: DropMessage :exec
-- It can't be sent without its token.
UPDATE messages SET secret = NULL, state = 'dropped', next_attempt_at = 0, last_error = @reason WHERE id = @id;
