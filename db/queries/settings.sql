-- name: UpdateWorkspace :execrows
UPDATE workspaces SET name = @name, slug = @slug, address = @address, tax_number = @tax_number, currency = @currency, locale = @locale,
    time_zone = @time_zone, invoice_prefix = @invoice_prefix, terms_days = @terms_days, accent = @accent, version = version + 1
WHERE id = @id AND version = @version AND deleted_at = 0;

-- name: SetWorkspaceLogo :execrows
UPDATE workspaces SET logo = @logo, version = version + 1 WHERE id = @id AND deleted_at = 0;

-- name: PutLogo :exec
INSERT INTO workspace_logos (workspace_id, png) VALUES (@workspace_id, @png)
ON CONFLICT (workspace_id) DO UPDATE SET png = excluded.png;

-- name: DeleteLogo :exec
DELETE FROM workspace_logos WHERE workspace_id = @workspace_id;

-- name: Logo :one
SELECT png FROM workspace_logos WHERE workspace_id = @workspace_id;

-- name: KeepFormerSlug :exec
INSERT INTO workspace_slugs (slug, workspace_id, created_at) VALUES (@slug, @workspace_id, @created_at)
ON CONFLICT (slug) DO NOTHING;

-- name: TakeFormerSlug :exec
-- The workspace goes by a former name of its own again.
DELETE FROM workspace_slugs WHERE slug = @slug AND workspace_id = @workspace_id;

-- name: OthersSlug :one
-- Whether a slug is, or ever was, another workspace's. It leads there, or would have led there.
SELECT (SELECT count(*) FROM workspaces w WHERE w.slug = @slug AND w.id <> CAST(@id AS TEXT))
     + (SELECT count(*) FROM workspace_slugs s WHERE s.slug = @slug AND s.workspace_id <> CAST(@id AS TEXT)) AS n;

-- name: SlugAfter :one
-- Where a former slug leads, for a member.
SELECT w.slug FROM workspace_slugs s JOIN workspaces w ON w.id = s.workspace_id JOIN memberships m ON m.workspace_id = w.id AND m.user_id = @user_id
WHERE s.slug = @slug AND w.deleted_at = 0;
