-- name: InsertAccount :exec
INSERT INTO stripe_connect_accounts (id, workspace_id, livemode, type, country, email, name, idempotency_key, connected_by, created_at, next_attempt_at)
VALUES (@id, @workspace_id, @livemode, @type, @country, @email, @name, @idempotency_key, @connected_by, @created_at, @next_attempt_at);

-- name: CurrentAccount :one
SELECT * FROM stripe_connect_accounts
WHERE workspace_id = @workspace_id AND livemode = @livemode AND disconnected_at = 0 AND deauthorized_at = 0;

-- name: LastAccount :one
-- The account that the page speaks of: the current one, else the one that was connected last.
SELECT * FROM stripe_connect_accounts
WHERE workspace_id = @workspace_id AND livemode = @livemode
ORDER BY CASE WHEN disconnected_at = 0 AND deauthorized_at = 0 THEN 0 ELSE 1 END, created_at DESC LIMIT 1;

-- name: AccountByStripeID :one
-- A webhook says which account it is of: this is how its workspace is found.
SELECT * FROM stripe_connect_accounts WHERE stripe_account_id = @stripe_account_id;

-- name: AccountByID :one
SELECT * FROM stripe_connect_accounts WHERE workspace_id = @workspace_id AND id = @id;

-- name: SetAccountStripeID :execrows
UPDATE stripe_connect_accounts SET stripe_account_id = @stripe_account_id, connected_at = @connected_at, last_error = '',
    next_attempt_at = 0, claimed_until = 0, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND stripe_account_id IS NULL;

-- name: RestartAccount :execrows
-- Stripe refused to make the account: the next try is another intention, with a key of its own.
UPDATE stripe_connect_accounts SET type = @type, country = @country, idempotency_key = @idempotency_key, keys_spent = 0,
    created_at = @created_at, attempts = 0, next_attempt_at = @next_attempt_at, claimed_until = 0, last_error = '', version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND stripe_account_id IS NULL;

-- name: ClaimAccount :one
-- An account that was asked for, and of which no answer has come. Its key is used up when Stripe
-- failed in the middle: see keys_spent.
UPDATE stripe_connect_accounts SET claimed_until = @claimed_until, next_attempt_at = @claimed_until, attempts = attempts + 1
WHERE workspace_id = @workspace_id AND id = @id AND stripe_account_id IS NULL AND disconnected_at = 0 AND next_attempt_at > 0
  AND claimed_until < CAST(@now AS BIGINT)
RETURNING *;

-- name: SetAccountRetry :execrows
UPDATE stripe_connect_accounts SET next_attempt_at = @next_attempt_at, claimed_until = 0, keys_spent = keys_spent + @spent, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND stripe_account_id IS NULL;

-- name: SetAccountRefused :execrows
UPDATE stripe_connect_accounts SET last_error = @last_error, next_attempt_at = 0, claimed_until = 0, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND stripe_account_id IS NULL;

-- name: DueAccounts :many
-- Work of all workspaces in the mode that Trak runs in; each row is then claimed within its own.
SELECT workspace_id, id, next_attempt_at FROM stripe_connect_accounts
WHERE next_attempt_at > 0 AND livemode = @livemode AND disconnected_at = 0 ORDER BY next_attempt_at LIMIT CAST(@max AS BIGINT);

-- name: OwnAccountRow :one
-- In own mode: the workspace's row of this account, whether in use or put aside.
SELECT * FROM stripe_connect_accounts WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id;

-- name: SetAccountMode :execrows
-- In own mode: the same account goes along from test to live mode and back.
UPDATE stripe_connect_accounts SET livemode = @livemode, connected_at = @connected_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND type = 'own';

-- name: OtherwisePaid :one
-- Accounts in use that the other TRAK_STRIPE_MODE belongs to, in this mode (test or live).
SELECT count(*) FROM stripe_connect_accounts
WHERE livemode = @livemode AND (CASE WHEN type = 'own' THEN 1 ELSE 0 END) <> CAST(@own AS BIGINT)
  AND stripe_account_id IS NOT NULL AND disconnected_at = 0 AND deauthorized_at = 0;

-- name: StoreAccountRead :execrows
-- Only a read that started later than the stored one may overwrite it: account.updated events
-- and answers overtake each other.
UPDATE stripe_connect_accounts SET default_currency = @default_currency, charges_enabled = @charges_enabled,
    payouts_enabled = @payouts_enabled, details_submitted = @details_submitted, disabled_reason = @disabled_reason,
    requirements = @requirements, fetched_at = @fetched_at, last_error = '', version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND fetched_at < @fetched_at;

-- name: DisconnectAccount :execrows
UPDATE stripe_connect_accounts SET disconnected_at = @disconnected_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND disconnected_at = 0;

-- name: ReconnectAccount :execrows
UPDATE stripe_connect_accounts SET disconnected_at = 0, connected_by = @connected_by, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND deauthorized_at = 0;

-- name: DeauthorizeAccount :execrows
UPDATE stripe_connect_accounts SET deauthorized_at = @deauthorized_at, charges_enabled = FALSE, payouts_enabled = FALSE, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND deauthorized_at = 0;
