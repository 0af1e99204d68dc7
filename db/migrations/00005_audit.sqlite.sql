-- +goose Up
-- The audit log as a chain: each record is bound to the one before it by a keyed hash, and none is
-- changed or taken away. The twin of this file is for PostgreSQL; both end in the same columns.

ALTER TABLE audit_log ADD COLUMN ip TEXT NOT NULL DEFAULT '';     -- where it was done: a client's address, 'command line', '' = Trak itself
ALTER TABLE audit_log ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;   -- 1, 2, 3, … within the workspace, or within the installation
ALTER TABLE audit_log ADD COLUMN hash TEXT NOT NULL DEFAULT '';   -- '' until the first start, which has the key
UPDATE audit_log SET seq = n.seq
FROM (SELECT id, row_number() OVER (PARTITION BY workspace_id ORDER BY at, id) AS seq FROM audit_log) n
WHERE n.id = audit_log.id;
CREATE UNIQUE INDEX audit_log_chain ON audit_log (workspace_id, seq);
CREATE UNIQUE INDEX audit_log_chain_of_installation ON audit_log (seq) WHERE workspace_id IS NULL;
CREATE INDEX audit_log_by_person ON audit_log (workspace_id, user_id, seq);

-- +goose StatementBegin
CREATE TRIGGER audit_log_stays BEFORE UPDATE ON audit_log WHEN OLD.hash <> ''
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_log_is_kept BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
-- +goose StatementEnd
