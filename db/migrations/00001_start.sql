-- +goose Up
-- Times are Unix microseconds in UTC, 0 = never. Money is in Stripe's minor units. Tables of a
-- workspace refer to each other by (workspace_id, id), so that no row can point into another one.

CREATE TABLE workspaces (
    id              TEXT PRIMARY KEY,
    slug            TEXT NOT NULL UNIQUE,
    name            TEXT NOT NULL,
    address         TEXT NOT NULL DEFAULT '',
    country         TEXT NOT NULL,               -- ISO 3166-1 alpha-2
    currency        TEXT NOT NULL,               -- default for new invoices
    locale          TEXT NOT NULL DEFAULT 'en',
    time_zone       TEXT NOT NULL DEFAULT 'UTC', -- IANA name
    invoice_prefix  TEXT NOT NULL DEFAULT 'INV-',
    terms_days      BIGINT NOT NULL DEFAULT 14,
    created_at      BIGINT NOT NULL
);

CREATE TABLE users (
    id                TEXT PRIMARY KEY,
    email             TEXT NOT NULL UNIQUE,      -- normalised: NFKC, lower case
    name              TEXT NOT NULL,
    password_hash     TEXT NOT NULL,             -- argon2id, PHC string
    theme             TEXT NOT NULL DEFAULT '' CHECK (theme IN ('', 'light', 'dark')),
    last_workspace_id TEXT REFERENCES workspaces (id),
    disabled_at       BIGINT NOT NULL DEFAULT 0,
    created_at        BIGINT NOT NULL
);

CREATE TABLE memberships (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id      TEXT NOT NULL REFERENCES users (id),
    role         TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);

-- token is the SHA-256 of the cookie. A destroyed session stays as a tombstone (dead) until it
-- would have expired, so that a poll still under way can't bring it back.
CREATE TABLE sessions (
    token   TEXT PRIMARY KEY,
    user_id TEXT REFERENCES users (id),
    data    BYTEA NOT NULL,
    expiry  BIGINT NOT NULL,
    dead    BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expiry);

-- One-time tokens, stored as SHA-256; only the set-up link so far.
CREATE TABLE one_time_tokens (
    hash       TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL DEFAULT 0
);

-- What belongs to the installation: its id, the mode it runs in, and secrets, which are
-- encrypted under the secret key.
CREATE TABLE installation (
    name  TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE clients (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    email        TEXT NOT NULL DEFAULT '',
    address      TEXT NOT NULL DEFAULT '',
    search_text  TEXT NOT NULL,                  -- folded name and email
    version      BIGINT NOT NULL DEFAULT 1,
    archived_at  BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    UNIQUE (workspace_id, id)
);
CREATE INDEX clients_by_name ON clients (workspace_id, search_text, id);

CREATE TABLE invoices (
    id             TEXT PRIMARY KEY,
    workspace_id   TEXT NOT NULL REFERENCES workspaces (id),
    client_id      TEXT,
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
    token          TEXT NOT NULL UNIQUE,         -- of the client's page, 128 random bits
    token_revoked  BOOLEAN NOT NULL DEFAULT FALSE,
    -- Copied when finalized; the invoice never reads client or workspace again.
    buyer_name     TEXT NOT NULL DEFAULT '',
    buyer_email    TEXT NOT NULL DEFAULT '',
    buyer_address  TEXT NOT NULL DEFAULT '',
    seller_name    TEXT NOT NULL DEFAULT '',
    seller_address TEXT NOT NULL DEFAULT '',
    seller_country TEXT NOT NULL DEFAULT '',
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
    UNIQUE (workspace_id, id),
    FOREIGN KEY (workspace_id, client_id) REFERENCES clients (workspace_id, id)
);
CREATE UNIQUE INDEX invoices_by_number ON invoices (workspace_id, livemode, number);
CREATE INDEX invoices_by_created ON invoices (workspace_id, livemode, created_at, id);
CREATE INDEX invoices_by_phase ON invoices (workspace_id, livemode, phase, created_at, id);
CREATE INDEX invoices_by_due ON invoices (workspace_id, livemode, phase, due_date, id);
CREATE INDEX invoices_by_client ON invoices (workspace_id, client_id, livemode, created_at);

CREATE TABLE invoice_lines (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    invoice_id   TEXT NOT NULL,
    position     BIGINT NOT NULL,
    description  TEXT NOT NULL,
    quantity     BIGINT NOT NULL,                -- thousandths
    unit_price   BIGINT NOT NULL,                -- ten-thousandths of the minor unit
    amount       BIGINT NOT NULL,                -- rounded, minor units
    UNIQUE (workspace_id, invoice_id, position),
    FOREIGN KEY (workspace_id, invoice_id) REFERENCES invoices (workspace_id, id)
);

-- The last number given in a series; INSERT … ON CONFLICT DO UPDATE … RETURNING gives the next.
CREATE TABLE counters (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    livemode     BOOLEAN NOT NULL,
    series       TEXT NOT NULL,
    last         BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, livemode, series)
);

CREATE TABLE stripe_connect_accounts (
    id                  TEXT PRIMARY KEY,
    workspace_id        TEXT NOT NULL REFERENCES workspaces (id),
    stripe_account_id   TEXT UNIQUE,             -- NULL until Stripe has answered
    livemode            BOOLEAN NOT NULL,
    type                TEXT NOT NULL,
    country             TEXT NOT NULL,
    email               TEXT NOT NULL,           -- as sent: a retry must send the same
    name                TEXT NOT NULL,
    idempotency_key     TEXT NOT NULL,
    default_currency    TEXT NOT NULL DEFAULT '',
    charges_enabled     BOOLEAN NOT NULL DEFAULT FALSE,
    payouts_enabled     BOOLEAN NOT NULL DEFAULT FALSE,
    details_submitted   BOOLEAN NOT NULL DEFAULT FALSE,
    disabled_reason     TEXT NOT NULL DEFAULT '',
    requirements        TEXT NOT NULL DEFAULT '{}', -- JSON: lists as Stripe gave them
    last_error          TEXT NOT NULL DEFAULT '',
    fetched_at          BIGINT NOT NULL DEFAULT 0,  -- start of the read that these fields come from
    connected_by        TEXT NOT NULL REFERENCES users (id),
    created_at          BIGINT NOT NULL,
    connected_at        BIGINT NOT NULL DEFAULT 0,
    disconnected_at     BIGINT NOT NULL DEFAULT 0,
    deauthorized_at     BIGINT NOT NULL DEFAULT 0,
    version             BIGINT NOT NULL DEFAULT 1,
    UNIQUE (workspace_id, id)
);
-- Exactly one account a workspace and mode, also with two tabs at once.
CREATE UNIQUE INDEX stripe_connect_accounts_current ON stripe_connect_accounts (workspace_id, livemode)
    WHERE disconnected_at = 0 AND deauthorized_at = 0;

-- Every Payment Link that an invoice ever had: a late payment through an old one still arrives.
CREATE TABLE payment_links (
    id                TEXT PRIMARY KEY,
    workspace_id      TEXT NOT NULL,
    invoice_id        TEXT NOT NULL,
    part              BIGINT NOT NULL DEFAULT 1,
    revision          BIGINT NOT NULL,
    stripe_account_id TEXT NOT NULL,
    livemode          BOOLEAN NOT NULL,
    currency          TEXT NOT NULL,
    amount            BIGINT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('creating', 'active', 'failed', 'closing', 'closed')),
    idempotency_key   TEXT NOT NULL,
    stripe_price_id   TEXT NOT NULL DEFAULT '',
    stripe_link_id    TEXT NOT NULL DEFAULT '',
    url               TEXT NOT NULL DEFAULT '',
    attempts          BIGINT NOT NULL DEFAULT 0,
    first_attempt_at  BIGINT NOT NULL DEFAULT 0, -- keys live 24 h at Stripe from here
    next_attempt_at   BIGINT NOT NULL DEFAULT 0, -- 0 = nothing to do
    claimed_until     BIGINT NOT NULL DEFAULT 0,
    last_error        TEXT NOT NULL DEFAULT '',
    created_at        BIGINT NOT NULL,
    closed_at         BIGINT NOT NULL DEFAULT 0,
    UNIQUE (workspace_id, id),
    UNIQUE (workspace_id, invoice_id, part, revision),
    FOREIGN KEY (workspace_id, invoice_id) REFERENCES invoices (workspace_id, id)
);
CREATE UNIQUE INDEX payment_links_by_stripe ON payment_links (stripe_account_id, stripe_link_id) WHERE stripe_link_id <> '';
CREATE INDEX payment_links_due ON payment_links (next_attempt_at) WHERE next_attempt_at > 0;

-- The facts: what Stripe told, unique by account and id, merged so that they only grow. Their
-- indexes end in the id that the queries order by: without it SQLite orders by the primary key
-- and reads every row of the account.

CREATE TABLE checkout_sessions (
    stripe_account_id TEXT NOT NULL,
    session_id        TEXT NOT NULL,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    stripe_link_id    TEXT NOT NULL,
    payment_intent_id TEXT NOT NULL,
    rank              BIGINT NOT NULL,
    amount            BIGINT NOT NULL,
    currency          TEXT NOT NULL,
    livemode          BOOLEAN NOT NULL,
    paid_at           BIGINT NOT NULL,
    PRIMARY KEY (stripe_account_id, session_id)
);
CREATE INDEX checkout_sessions_by_link ON checkout_sessions (stripe_account_id, stripe_link_id, session_id);
CREATE INDEX checkout_sessions_by_intent ON checkout_sessions (stripe_account_id, payment_intent_id, session_id);

-- One row a payment intent. Its own fact is provisional; the columns after it are sums of the
-- facts below, cached in the same transaction.
CREATE TABLE payments (
    id                TEXT PRIMARY KEY,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    invoice_id        TEXT,                      -- NULL = unmatched
    stripe_account_id TEXT NOT NULL,
    payment_intent_id TEXT NOT NULL,
    livemode          BOOLEAN NOT NULL,
    currency          TEXT NOT NULL,
    provisional       BIGINT NOT NULL,
    provisional_at    BIGINT NOT NULL,
    invoice_hint      TEXT NOT NULL,             -- of the metadata: never enough to match by
    status            TEXT NOT NULL,
    gross             BIGINT NOT NULL,
    refunded          BIGINT NOT NULL,
    lost              BIGINT NOT NULL,
    charge_id         TEXT NOT NULL,
    method            TEXT NOT NULL,
    brand             TEXT NOT NULL,
    last4             TEXT NOT NULL,
    failure_code      TEXT NOT NULL,
    failure_message   TEXT NOT NULL,
    happened_at       BIGINT NOT NULL,           -- when it was paid, else when it was tried
    UNIQUE (stripe_account_id, payment_intent_id),
    UNIQUE (workspace_id, id),
    FOREIGN KEY (workspace_id, invoice_id) REFERENCES invoices (workspace_id, id)
);
CREATE INDEX payments_by_time ON payments (workspace_id, livemode, happened_at, id);
CREATE INDEX payments_by_invoice ON payments (workspace_id, invoice_id);

CREATE TABLE charges (
    stripe_account_id TEXT NOT NULL,
    charge_id         TEXT NOT NULL,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    payment_intent_id TEXT NOT NULL,
    rank              BIGINT NOT NULL,
    amount            BIGINT NOT NULL,
    captured          BIGINT NOT NULL,
    currency          TEXT NOT NULL,
    livemode          BOOLEAN NOT NULL,
    method            TEXT NOT NULL,
    brand             TEXT NOT NULL,
    last4             TEXT NOT NULL,
    failure_code      TEXT NOT NULL,
    failure_message   TEXT NOT NULL,
    refund_hint       BIGINT NOT NULL,
    refund_hint_at    BIGINT NOT NULL,
    created_at        BIGINT NOT NULL,
    paid_at           BIGINT NOT NULL,
    PRIMARY KEY (stripe_account_id, charge_id)
);
CREATE INDEX charges_by_intent ON charges (stripe_account_id, payment_intent_id, charge_id);

CREATE TABLE refunds (
    stripe_account_id TEXT NOT NULL,
    refund_id         TEXT NOT NULL,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    charge_id         TEXT NOT NULL,
    payment_intent_id TEXT NOT NULL,
    rank              BIGINT NOT NULL,
    amount            BIGINT NOT NULL,
    currency          TEXT NOT NULL,
    reason            TEXT NOT NULL,
    failure_reason    TEXT NOT NULL,
    still_owed        BOOLEAN NOT NULL DEFAULT FALSE,
    created_at        BIGINT NOT NULL,
    PRIMARY KEY (stripe_account_id, refund_id)
);
CREATE INDEX refunds_by_charge ON refunds (stripe_account_id, charge_id, refund_id);

-- Every event that Stripe delivered, as it came. workspace_id is NULL while the account is unknown.
CREATE TABLE stripe_webhook_events (
    event_id          TEXT PRIMARY KEY,
    stripe_account_id TEXT NOT NULL,
    workspace_id      TEXT REFERENCES workspaces (id),
    type              TEXT NOT NULL,
    api_version       TEXT NOT NULL,
    livemode          BOOLEAN NOT NULL,
    created           BIGINT NOT NULL,
    received_at       BIGINT NOT NULL,
    payload           BYTEA NOT NULL,
    -- applied: its facts are in; ignored: nothing to do; unmatched: waits for its account;
    -- failed: tried again at next_attempt_at.
    state             TEXT NOT NULL CHECK (state IN ('applied', 'ignored', 'unmatched', 'failed')),
    outcome           TEXT NOT NULL,
    attempts          BIGINT NOT NULL DEFAULT 0,
    next_attempt_at   BIGINT NOT NULL DEFAULT 0,
    claimed_until     BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX stripe_webhook_events_due ON stripe_webhook_events (next_attempt_at) WHERE next_attempt_at > 0;
CREATE INDEX stripe_webhook_events_unmatched ON stripe_webhook_events (stripe_account_id) WHERE state = 'unmatched';
CREATE INDEX stripe_webhook_events_by_workspace ON stripe_webhook_events (workspace_id, received_at);

-- Objects to be read again from Stripe. asked rises with every request, so that one that comes
-- while a read is under way is not lost.
CREATE TABLE stripe_reads (
    stripe_account_id TEXT NOT NULL,
    kind              TEXT NOT NULL,
    object_id         TEXT NOT NULL,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    evidence_at       BIGINT NOT NULL,
    asked             BIGINT NOT NULL DEFAULT 1,
    attempts          BIGINT NOT NULL DEFAULT 0,
    next_attempt_at   BIGINT NOT NULL,           -- 0 = done
    claimed_until     BIGINT NOT NULL DEFAULT 0,
    last_error        TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (stripe_account_id, object_id, kind)
);
CREATE INDEX stripe_reads_due ON stripe_reads (next_attempt_at) WHERE next_attempt_at > 0;

-- What people and Trak did to an invoice. What Stripe did is in the facts; the timeline shows both.
CREATE TABLE invoice_events (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    invoice_id   TEXT NOT NULL,
    kind         TEXT NOT NULL,
    user_id      TEXT REFERENCES users (id),
    detail       TEXT NOT NULL DEFAULT '',
    at           BIGINT NOT NULL,
    FOREIGN KEY (workspace_id, invoice_id) REFERENCES invoices (workspace_id, id)
);
CREATE INDEX invoice_events_by_invoice ON invoice_events (workspace_id, invoice_id, at);

CREATE TABLE audit_log (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT REFERENCES workspaces (id), -- NULL = the installation
    user_id      TEXT REFERENCES users (id),      -- NULL = Trak itself or Stripe
    action       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    before       TEXT NOT NULL,                   -- JSON, '' = nothing
    after        TEXT NOT NULL,
    at           BIGINT NOT NULL
);
CREATE INDEX audit_log_by_workspace ON audit_log (workspace_id, at);
