-- name: InsertProject :exec
INSERT INTO projects (id, workspace_id, name, note, search_text, created_at, updated_at)
VALUES (@id, @workspace_id, @name, @note, @search_text, @created_at, @updated_at);

-- name: ProjectByID :one
SELECT * FROM projects WHERE workspace_id = @workspace_id AND id = @id;

-- name: UpdateProject :execrows
UPDATE projects SET name = @name, note = @note, search_text = @search_text, updated_at = @updated_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND version = @version;

-- name: SetProjectArchived :execrows
UPDATE projects SET archived_at = @archived_at, updated_at = @updated_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id;

-- name: CountProjectsNamed :one
-- Others that are not archived and have this folded name.
SELECT count(*) FROM projects
WHERE workspace_id = @workspace_id AND search_text = @search_text AND id <> @id AND archived_at = 0;

-- name: ListProjects :many
SELECT * FROM projects
WHERE workspace_id = @workspace_id AND archived_at = 0
  AND (search_text, id) > (CAST(@after_text AS TEXT), CAST(@after_id AS TEXT))
ORDER BY search_text, id LIMIT CAST(@max AS BIGINT);

-- name: ListArchivedProjects :many
SELECT * FROM projects
WHERE workspace_id = @workspace_id AND archived_at > 0
ORDER BY search_text, id LIMIT CAST(@max AS BIGINT);

-- name: SumsOfProjects :many
-- What the projects from one to another come to, in each currency: a page of the list reads the
-- invoices of its own projects only. A draft or a void invoice bills nothing; one that was paid
-- after it was void has another status, and counts. Refunds are taken off what was received.
SELECT i.project_id, i.currency, count(*) AS invoices,
    CAST(sum(CASE WHEN i.status IN ('draft', 'void') THEN 0 ELSE i.total END) AS BIGINT) AS invoiced,
    CAST(sum(i.received - i.refunded) AS BIGINT) AS received,
    CAST(sum(CASE WHEN i.phase = 'open' THEN i.due ELSE 0 END) AS BIGINT) AS outstanding
FROM projects p JOIN invoices i ON i.workspace_id = p.workspace_id AND i.project_id = p.id
WHERE p.workspace_id = @workspace_id AND p.archived_at = 0 AND i.livemode = @livemode
  AND (p.search_text, p.id) >= (CAST(@from_text AS TEXT), CAST(@from_id AS TEXT))
  AND (p.search_text, p.id) <= (CAST(@to_text AS TEXT), CAST(@to_id AS TEXT))
GROUP BY i.project_id, i.currency ORDER BY i.project_id, i.currency;

-- name: SumsOfProject :many
-- The same of one project, archived or not.
SELECT i.project_id, i.currency, count(*) AS invoices,
    CAST(sum(CASE WHEN i.status IN ('draft', 'void') THEN 0 ELSE i.total END) AS BIGINT) AS invoiced,
    CAST(sum(i.received - i.refunded) AS BIGINT) AS received,
    CAST(sum(CASE WHEN i.phase = 'open' THEN i.due ELSE 0 END) AS BIGINT) AS outstanding
FROM invoices i
WHERE i.workspace_id = @workspace_id AND i.project_id = @project_id AND i.livemode = @livemode
GROUP BY i.project_id, i.currency ORDER BY i.project_id, i.currency;

-- name: ListInvoicesOfProject :many
SELECT i.id, i.number, i.status, i.phase, i.flags, i.currency, i.total, i.due, i.due_date, i.buyer_name, i.sent_at, i.viewed_at,
    i.created_at, i.version, COALESCE(c.name, '') AS client_name
FROM invoices i LEFT JOIN clients c ON c.workspace_id = i.workspace_id AND c.id = i.client_id
WHERE i.workspace_id = @workspace_id AND i.project_id = @project_id AND i.livemode = @livemode
  AND (i.created_at, i.id) < (CAST(@before_at AS BIGINT), CAST(@before_id AS TEXT))
ORDER BY i.created_at DESC, i.id DESC LIMIT CAST(@max AS BIGINT);
