-- What a person's account is guarded by: its sessions, second factor and passkeys.

-- name: SessionsOfUser :many
SELECT handle, created_at, seen_at, ip, agent FROM sessions
WHERE user_id = @user_id AND dead = FALSE AND expiry > @now AND handle <> ''
ORDER BY seen_at DESC, handle LIMIT 200;

-- name: RenewSession :execrows
-- The session goes on under another token, with the same handle.
UPDATE sessions SET dead = TRUE, renewed = TRUE, data = @nothing WHERE token = @token AND dead = FALSE;

-- name: SessionEnded :one
-- A session that was ended must not come back under the token that a request under way gives it.
SELECT count(*) FROM sessions WHERE user_id = @user_id AND handle = @handle AND dead = TRUE AND renewed = FALSE;

-- name: KillSessionByHandle :execrows
-- One that is between two tokens is ended as well.
UPDATE sessions SET dead = TRUE, renewed = FALSE, data = @nothing
WHERE user_id = @user_id AND handle = @handle AND (dead = FALSE OR renewed = TRUE);

-- name: DeleteTokensOfUser :exec
-- With a new password, or disabled, no link that was sent before leads in.
DELETE FROM one_time_tokens WHERE user_id = @user_id;

-- name: BeginTOTP :execrows
-- Only while it is off: a second factor in use is never replaced by one that is not.
UPDATE users SET totp_secret = @secret, totp_step = 0 WHERE id = @id AND totp_on_at = 0;

-- name: TurnOnTOTP :execrows
UPDATE users SET totp_on_at = @now, totp_step = @step WHERE id = @id AND totp_on_at = 0 AND totp_secret IS NOT NULL;

-- name: TurnOffTOTP :exec
UPDATE users SET totp_secret = NULL, totp_on_at = 0, totp_step = 0 WHERE id = @id;

-- name: UseTOTPStep :execrows
-- Of two who send the same code one wins: it works once, and none of an earlier step works after it.
UPDATE users SET totp_step = @step WHERE id = @id AND totp_on_at <> 0 AND totp_step < @step;

-- name: InsertRecoveryCode :exec
INSERT INTO recovery_codes (user_id, hash) VALUES (@user_id, @hash);

-- name: DeleteRecoveryCodes :exec
DELETE FROM recovery_codes WHERE user_id = @user_id;

-- name: UseRecoveryCode :execrows
UPDATE recovery_codes SET used_at = @now WHERE user_id = @user_id AND hash = @hash AND used_at = 0;

-- name: CountRecoveryCodes :one
SELECT count(*) FROM recovery_codes WHERE user_id = @user_id AND used_at = 0;

-- name: InsertPasskey :exec
INSERT INTO passkeys (id, user_id, name, credential, created_at) VALUES (@id, @user_id, @name, @credential, @created_at);

-- name: PasskeyByID :one
SELECT * FROM passkeys WHERE id = @id;

-- name: PasskeysOfUser :many
SELECT * FROM passkeys WHERE user_id = @user_id ORDER BY created_at, id;

-- name: RenamePasskey :execrows
UPDATE passkeys SET name = @name WHERE user_id = @user_id AND id = @id;

-- name: DeletePasskey :execrows
DELETE FROM passkeys WHERE user_id = @user_id AND id = @id;

-- name: UsePasskey :execrows
UPDATE passkeys SET credential = @credential, last_used_at = @now WHERE user_id = @user_id AND id = @id;
