-- name: InsertAudit :exec
-- For Tx.Record alone, which makes seq and hash.
INSERT INTO audit_log (id, workspace_id, user_id, action, subject, before, after, at, ip, seq, hash)
VALUES (@id, @workspace_id, @user_id, @action, @subject, @before, @after, @at, @ip, @seq, @hash);

-- name: SetAuditHash :execrows
-- Chains a record of before there were chains; a trigger refuses any other.
UPDATE audit_log SET hash = @hash WHERE id = @id AND hash = '';

-- name: AuditOfWorkspace :many
-- A chain in its order. No two records have the same seq, unless the index was taken away.
SELECT * FROM audit_log
WHERE workspace_id = @workspace_id AND (seq, id) > (CAST(@after_seq AS BIGINT), CAST(@after_id AS TEXT))
ORDER BY seq, id LIMIT CAST(@max AS BIGINT);

-- name: AuditOfInstallation :many
SELECT * FROM audit_log
WHERE workspace_id IS NULL AND (seq, id) > (CAST(@after_seq AS BIGINT), CAST(@after_id AS TEXT))
ORDER BY seq, id LIMIT CAST(@max AS BIGINT);

-- name: LastAuditOfWorkspace :one
SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) FROM audit_log WHERE workspace_id = @workspace_id;

-- name: LastAuditOfInstallation :one
SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) FROM audit_log WHERE workspace_id IS NULL;

-- name: AuditHeads :many
-- What is kept beside of each chain: see Tx.Record.
SELECT name, value FROM installation WHERE name LIKE 'audit/%' ORDER BY name;

-- name: ListAudit :many
-- A page of a workspace's log, newest first, of those that the filter lets through: person is a
-- user's id, '-' for what no person did, '' for all; actions is '' or a list in commas, as in ',a,b,'.
SELECT l.*, COALESCE(u.name, '') AS user_name
FROM audit_log l LEFT JOIN users u ON u.id = l.user_id
WHERE l.workspace_id = @workspace_id AND l.seq < CAST(@before_seq AS BIGINT)
    AND (CAST(@person AS TEXT) = '' OR COALESCE(l.user_id, '-') = CAST(@person AS TEXT))
    AND (CAST(@actions AS TEXT) = '' OR CAST(@actions AS TEXT) LIKE '%,' || l.action || ',%')
    AND l.at >= CAST(@from_at AS BIGINT) AND l.at < CAST(@until_at AS BIGINT)
ORDER BY l.seq DESC LIMIT CAST(@max AS BIGINT);

-- name: AuditPeople :many
-- Who ever did something in a workspace, those who left it included.
SELECT u.id, u.name FROM users u
WHERE EXISTS (SELECT 1 FROM audit_log l WHERE l.workspace_id = @workspace_id AND l.user_id = u.id)
ORDER BY u.name, u.id;
