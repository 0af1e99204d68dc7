-- +goose Up
-- Projects, what an invoice says beside its lines, and work at Stripe that goes on by itself.
-- The twin of this file is for SQLite; both end in the same columns. sqlc reads this one.

CREATE TABLE projects (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    note         TEXT NOT NULL DEFAULT '',       -- for the team alone
    search_text  TEXT NOT NULL,                  -- folded name
    version      BIGINT NOT NULL DEFAULT 1,
    archived_at  BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    UNIQUE (workspace_id, id)
);
CREATE INDEX projects_by_name ON projects (workspace_id, search_text, id);

ALTER TABLE invoices ADD COLUMN project_id TEXT;
ALTER TABLE invoices ADD COLUMN po_number TEXT NOT NULL DEFAULT '';      -- the client's purchase-order number
ALTER TABLE invoices ADD COLUMN note TEXT NOT NULL DEFAULT '';           -- to the client
ALTER TABLE invoices ADD COLUMN terms_days BIGINT NOT NULL DEFAULT -1;   -- of a draft: due so many days after it is issued; -1 = on due_date
ALTER TABLE invoices ADD COLUMN uncollectible_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE invoices ADD FOREIGN KEY (workspace_id, project_id) REFERENCES projects (workspace_id, id);
CREATE INDEX invoices_by_project ON invoices (workspace_id, project_id, livemode, created_at, id);

-- An account whose creation got no answer is asked for again, as links are.
ALTER TABLE stripe_connect_accounts ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE stripe_connect_accounts ADD COLUMN next_attempt_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE stripe_connect_accounts ADD COLUMN claimed_until BIGINT NOT NULL DEFAULT 0;
CREATE INDEX stripe_connect_accounts_due ON stripe_connect_accounts (next_attempt_at) WHERE next_attempt_at > 0;

-- Stripe answers a key again as it did the first time, a failure of its own included. This many
-- keys of the row have been used up by such failures.
ALTER TABLE stripe_connect_accounts ADD COLUMN keys_spent BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment_links ADD COLUMN keys_spent BIGINT NOT NULL DEFAULT 0;
