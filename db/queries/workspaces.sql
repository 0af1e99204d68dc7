-- name: InsertWorkspace :exec
INSERT INTO workspaces (id, slug, name, address, country, currency, locale, time_zone, created_at)
VALUES (@id, @slug, @name, @address, @country, @currency, @locale, @time_zone, @created_at);

-- name: WorkspaceByID :one
SELECT * FROM workspaces WHERE id = @id;

-- name: WorkspacesOfUser :many
-- Sign-in comes before any workspace is chosen, so this one goes by user.
SELECT w.id, w.slug, w.name, m.role
FROM memberships m JOIN workspaces w ON w.id = m.workspace_id
WHERE m.user_id = @user_id AND w.deleted_at = 0
ORDER BY w.name, w.id;

-- name: AllWorkspaces :many
SELECT * FROM workspaces ORDER BY id;

-- name: CountWorkspaces :one
SELECT count(*) FROM workspaces;

-- name: OldestWorkspace :one
SELECT id FROM workspaces ORDER BY created_at, id LIMIT 1;
