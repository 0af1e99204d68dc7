-- +goose Up
-- Projects, what an invoice says beside its lines, and work at Stripe that goes on by itself.
-- SQLite can't add a composite foreign key to a table, so invoices is built anew. The twin of
-- this file is for PostgreSQL; both end in the same columns.

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

CREATE TABLE invoices_new (
    id             TEXT PRIMARY KEY,
    workspace_id   TEXT NOT NULL REFERENCES workspaces (id),
    client_id      TEXT,
    project_id     TEXT,
    livemode       BOOLEAN NOT NULL,
    number         TEXT,                         -- given when finalized, never changed or reused
    -- What people decided. What Stripe says is in the facts; status is computed from both and
    -- cached here, with the sums beside it, in the transaction of every change.
    decided        TEXT NOT NULL CHECK (decided IN ('draft', 'open', 'void', 'uncollectible')),
    status         TEXT NOT NULL,
    phase          TEXT NOT NULL CHECK (phase IN ('draft', 'open', 'paid', 'closed')), -- the list's tab
    flags          TEXT NOT NULL DEFAULT '',     -- space-separated: overpaid, paid_after_void, …
    currency       TEXT NOT NULL,
    subtotal       BIGINT NOT NULL,
    discount       BIGINT NOT NULL DEFAULT 0,
    tax            BIGINT NOT NULL DEFAULT 0,
    total          BIGINT NOT NULL CHECK (total >= 0),
    received       BIGINT NOT NULL DEFAULT 0,    -- cached sum of payments, before refunds
    refunded       BIGINT NOT NULL DEFAULT 0,
    due            BIGINT NOT NULL DEFAULT 0,
    issue_date     TEXT NOT NULL DEFAULT '',     -- YYYY-MM-DD, '' until finalized
    due_date       TEXT NOT NULL DEFAULT '',     -- YYYY-MM-DD, '' = no date
    terms_days     BIGINT NOT NULL DEFAULT -1,   -- of a draft: due so many days after it is issued; -1 = on due_date
    token          TEXT NOT NULL UNIQUE,         -- of the client's page, 128 random bits
    token_revoked  BOOLEAN NOT NULL DEFAULT FALSE,
    -- Copied when finalized; the invoice never reads client or workspace again.
    buyer_name     TEXT NOT NULL DEFAULT '',
    buyer_email    TEXT NOT NULL DEFAULT '',
    buyer_address  TEXT NOT NULL DEFAULT '',
    seller_name    TEXT NOT NULL DEFAULT '',
    seller_address TEXT NOT NULL DEFAULT '',
    seller_country TEXT NOT NULL DEFAULT '',
    po_number      TEXT NOT NULL DEFAULT '',     -- the client's purchase-order number
    note           TEXT NOT NULL DEFAULT '',     -- to the client
    locale         TEXT NOT NULL DEFAULT '',
    time_zone      TEXT NOT NULL DEFAULT '',
    rounding       TEXT NOT NULL DEFAULT 'line',
    version        BIGINT NOT NULL DEFAULT 1,    -- rises with every change to it, its links or its facts
    created_by     TEXT NOT NULL REFERENCES users (id),
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    finalized_at   BIGINT NOT NULL DEFAULT 0,
    sent_at        BIGINT NOT NULL DEFAULT 0,
    viewed_at      BIGINT NOT NULL DEFAULT 0,
    voided_at      BIGINT NOT NULL DEFAULT 0,
    uncollectible_at BIGINT NOT NULL DEFAULT 0,
    UNIQUE (workspace_id, id),
    FOREIGN KEY (workspace_id, client_id) REFERENCES clients (workspace_id, id),
    FOREIGN KEY (workspace_id, project_id) REFERENCES projects (workspace_id, id)
);
INSERT INTO invoices_new (
    id, workspace_id, client_id, livemode, number, decided, status, phase, flags,
    currency, subtotal, discount, tax, total, received, refunded, due, issue_date,
    due_date, token, token_revoked, buyer_name, buyer_email, buyer_address, seller_name, seller_address, seller_country,
    locale, time_zone, rounding, version, created_by, created_at, updated_at, finalized_at, sent_at,
    viewed_at, voided_at
)
SELECT
    id, workspace_id, client_id, livemode, number, decided, status, phase, flags,
    currency, subtotal, discount, tax, total, received, refunded, due, issue_date,
    due_date, token, token_revoked, buyer_name, buyer_email, buyer_address, seller_name, seller_address, seller_country,
    locale, time_zone, rounding, version, created_by, created_at, updated_at, finalized_at, sent_at,
    viewed_at, voided_at
FROM invoices;
DROP TABLE invoices;
ALTER TABLE invoices_new RENAME TO invoices;
CREATE UNIQUE INDEX invoices_by_number ON invoices (workspace_id, livemode, number);
CREATE INDEX invoices_by_created ON invoices (workspace_id, livemode, created_at, id);
CREATE INDEX invoices_by_phase ON invoices (workspace_id, livemode, phase, created_at, id);
CREATE INDEX invoices_by_due ON invoices (workspace_id, livemode, phase, due_date, id);
CREATE INDEX invoices_by_client ON invoices (workspace_id, client_id, livemode, created_at);
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
