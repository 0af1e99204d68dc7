-- name: AllUsers :many
SELECT id, email, name, created_at, confirmed_at, disabled_at, totp_on_at FROM users ORDER BY email;

-- name: AllMemberships :many
SELECT m.user_id, m.role, w.slug FROM memberships m JOIN workspaces w ON w.id = m.workspace_id ORDER BY w.slug;

-- name: WorkspacesAndPeople :many
SELECT w.id, w.slug, w.name, w.created_at, w.deleted_at,
    (SELECT count(*) FROM memberships m WHERE m.workspace_id = w.id) AS people
FROM workspaces w ORDER BY w.slug;

-- name: WorkspaceBySlug :one
SELECT * FROM workspaces WHERE slug = @slug;

-- name: RoleOf :one
SELECT role FROM memberships WHERE workspace_id = @workspace_id AND user_id = @user_id;

-- name: SetUserDisabled :exec
UPDATE users SET disabled_at = @disabled_at WHERE id = @id;

-- name: DropMessagesOfDisabled :exec
-- What waits for somebody who is let in no more is not sent, and the link in it is dropped.
UPDATE messages SET state = 'dropped', secret = NULL, next_attempt_at = 0, last_error = 'the account was disabled'
WHERE user_id = @user_id AND state = 'waiting';

-- name: WorkspacesOwnedAlone :many
-- Workspaces that have no owner who can sign in, but for this one.
SELECT w.slug FROM memberships m JOIN workspaces w ON w.id = m.workspace_id
WHERE m.user_id = @user_id AND m.role = 'owner' AND NOT EXISTS (
    SELECT 1 FROM memberships o JOIN users u ON u.id = o.user_id
    WHERE o.workspace_id = m.workspace_id AND o.role = 'owner' AND o.user_id <> m.user_id AND u.disabled_at = 0)
ORDER BY w.slug;

-- name: InsertPersonalToken :exec
INSERT INTO one_time_tokens (hash, kind, user_id, created_at, expires_at) VALUES (@hash, @kind, @user_id, @created_at, @expires_at);
