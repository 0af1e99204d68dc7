-- name: InsertUser :exec
-- Whoever makes a user knows the email to be theirs: the operator does, or a link that was mailed there.
INSERT INTO users (id, email, name, password_hash, created_at, confirmed_at)
VALUES (@id, @email, @name, @password_hash, @created_at, @created_at);

-- name: UserByEmail :one
SELECT * FROM users WHERE email = @email;

-- name: UserByID :one
SELECT * FROM users WHERE id = @id;

-- name: CountUsers :one
SELECT count(*) FROM users;

-- name: SetUserPassword :exec
UPDATE users SET password_hash = @password_hash WHERE id = @id;

-- name: SetUserTheme :exec
UPDATE users SET theme = @theme WHERE id = @id;

-- name: SetUserLastWorkspace :exec
UPDATE users SET last_workspace_id = @last_workspace_id WHERE id = @id;

-- name: InsertMembership :exec
INSERT INTO memberships (workspace_id, user_id, role, created_at)
VALUES (@workspace_id, @user_id, @role, @created_at);

-- name: MembershipBySlug :one
-- Makes the actor of a request: who is signed in, in the workspace that the path names.
SELECT m.user_id, m.role, w.id AS workspace_id, w.slug, w.name, w.address, w.country, w.currency, w.locale, w.time_zone, w.terms_days, w.logo
FROM workspaces w JOIN memberships m ON m.workspace_id = w.id AND m.user_id = @user_id
WHERE w.slug = @slug AND w.deleted_at = 0;

-- name: MembershipOfSession :one
-- The same in one step from the session's token, for status polls, which are most of all requests.
SELECT u.id AS user_id, m.role, w.id AS workspace_id, w.slug, w.name, w.address, w.country, w.currency, w.locale, w.time_zone, w.terms_days, w.logo
FROM sessions s JOIN users u ON u.id = s.user_id JOIN memberships m ON m.user_id = u.id JOIN workspaces w ON w.id = m.workspace_id
WHERE s.token = @token AND s.dead = FALSE AND s.expiry > @now AND u.disabled_at = 0 AND w.slug = @slug AND w.deleted_at = 0;

-- name: ManagersOfWorkspace :many
SELECT u.name, m.role
FROM memberships m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = @workspace_id AND m.role IN ('owner', 'admin')
ORDER BY m.role DESC, u.name;

-- name: FirstOwner :one
SELECT user_id FROM memberships WHERE workspace_id = @workspace_id AND role = 'owner' ORDER BY created_at, user_id LIMIT 1;
