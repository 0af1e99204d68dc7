-- name: InsertClient :exec
INSERT INTO clients (id, workspace_id, name, email, address, search_text, created_at, updated_at)
VALUES (@id, @workspace_id, @name, @email, @address, @search_text, @created_at, @updated_at);

-- name: ClientByID :one
SELECT * FROM clients WHERE workspace_id = @workspace_id AND id = @id;

-- name: UpdateClient :execrows
UPDATE clients SET name = @name, email = @email, address = @address, search_text = @search_text,
    updated_at = @updated_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND version = @version AND anonymised_at = 0;

-- name: SetClientArchived :execrows
UPDATE clients SET archived_at = @archived_at, updated_at = @updated_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND anonymised_at = 0;

-- name: ListClients :many
SELECT * FROM clients
WHERE workspace_id = @workspace_id AND archived_at = 0
  AND (search_text, id) > (CAST(@after_text AS TEXT), CAST(@after_id AS TEXT))
ORDER BY search_text, id LIMIT CAST(@max AS BIGINT);

-- name: ListArchivedClients :many
SELECT * FROM clients
WHERE workspace_id = @workspace_id AND archived_at > 0
ORDER BY search_text, id LIMIT CAST(@max AS BIGINT);

-- name: SearchClients :many
-- For the combobox: pattern is %folded text% with LIKE's wildcards escaped by \.
SELECT * FROM clients
WHERE workspace_id = @workspace_id AND archived_at = 0 AND search_text LIKE CAST(@pattern AS TEXT) ESCAPE '\'
ORDER BY search_text, id LIMIT CAST(@max AS BIGINT);

-- name: OpenTotalsOfClients :many
SELECT client_id, currency, CAST(sum(due) AS BIGINT) AS due
FROM invoices
WHERE workspace_id = @workspace_id AND livemode = @livemode AND phase = 'open' AND client_id IS NOT NULL
GROUP BY client_id, currency ORDER BY client_id, currency;
