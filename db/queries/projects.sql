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

-- name: ProjectOfName :one
-- An active project that is called so, case and accents aside, other than the given one.
SELECT count(*) FROM projects
WHERE workspace_id = @workspace_id AND search_text = @search_text AND archived_at = 0 AND id <> @id;

-- name: ListProjects :many
SELECT * FROM projects
WHERE workspace_id = @workspace_id AND archived_at = 0
  AND (search_text, id) > (CAST(@after_text AS TEXT), CAST(@after_id AS TEXT))
ORDER BY search_text, id LIMIT CAST(@max AS BIGINT);

-- name: ListArchivedProjects :many
SELECT * FROM projects
WHERE workspace_id = @workspace_id AND archived_at > 0
ORDER BY search_text, id LIMIT CAST(@max AS BIGINT);

-- name: TotalsOfProject :many
-- What was invoiced in a project, what came in, and what is still due. Drafts don't count, and
-- what is void was invoiced by mistake.
SELECT currency, count(*) AS invoices, CAST(sum(total) AS BIGINT) AS invoiced,
    CAST(sum(received - refunded) AS BIGINT) AS received,
    CAST(sum(CASE WHEN phase = 'open' THEN due ELSE 0 END) AS BIGINT) AS outstanding
FROM invoices
WHERE workspace_id = @workspace_id AND project_id = @project_id AND livemode = @livemode
  AND decided <> 'draft' AND (decided <> 'void' OR received > 0)
GROUP BY currency ORDER BY currency;

-- name: ListInvoicesOfProject :many
SELECT i.id, i.number, i.status, i.phase, i.flags, i.currency, i.total, i.due, i.due_date, i.buyer_name, i.sent_at, i.viewed_at,
    i.created_at, i.version, COALESCE(c.name, '') AS client_name
FROM invoices i LEFT JOIN clients c ON c.workspace_id = i.workspace_id AND c.id = i.client_id
WHERE i.workspace_id = @workspace_id AND i.project_id = @project_id AND i.livemode = @livemode
  AND (i.created_at, i.id) < (CAST(@before_at AS BIGINT), CAST(@before_id AS TEXT))
ORDER BY i.created_at DESC, i.id DESC LIMIT CAST(@max AS BIGINT);
