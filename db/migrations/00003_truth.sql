-- +goose Up
-- The rest of what Stripe tells (disputes, warnings, reviews, payouts, balance transactions), what
-- people ask of Stripe (refunds, evidence) and record themselves, and how far the sync has come.

CREATE TABLE disputes (
    stripe_account_id TEXT NOT NULL,
    dispute_id        TEXT NOT NULL,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    charge_id         TEXT NOT NULL,
    payment_intent_id TEXT NOT NULL,
    rank              BIGINT NOT NULL,
    rank_at           BIGINT NOT NULL,           -- of won or lost: the latest word counts
    amount            BIGINT NOT NULL,
    currency          TEXT NOT NULL,
    livemode          BOOLEAN NOT NULL,
    reason            TEXT NOT NULL,
    due_by            BIGINT NOT NULL,           -- when evidence must be in, 0 = never
    submissions       BIGINT NOT NULL,           -- how often evidence was submitted
    withdrawn         BIGINT NOT NULL,           -- taken out of the balance, minor units
    reinstated        BIGINT NOT NULL,           -- put back
    fee               BIGINT NOT NULL,           -- Stripe's, of the account's currency
    created_at        BIGINT NOT NULL,
    PRIMARY KEY (stripe_account_id, dispute_id),
    UNIQUE (workspace_id, stripe_account_id, dispute_id)
);
CREATE INDEX disputes_by_charge ON disputes (stripe_account_id, charge_id, dispute_id);
CREATE INDEX disputes_by_intent ON disputes (stripe_account_id, payment_intent_id, dispute_id) WHERE charge_id = '';
CREATE INDEX disputes_by_workspace ON disputes (workspace_id, livemode, created_at, dispute_id);

-- Early fraud warnings of the card networks, and Stripe's own reviews of payments.
CREATE TABLE radar_alerts (
    stripe_account_id TEXT NOT NULL,
    alert_id          TEXT NOT NULL,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    kind              TEXT NOT NULL CHECK (kind IN ('early_fraud_warning', 'review')),
    charge_id         TEXT NOT NULL,
    payment_intent_id TEXT NOT NULL,
    closed            BOOLEAN NOT NULL,          -- nothing to do any more
    reason            TEXT NOT NULL,             -- why it was raised
    closed_reason     TEXT NOT NULL,
    livemode          BOOLEAN NOT NULL,
    created_at        BIGINT NOT NULL,
    PRIMARY KEY (stripe_account_id, alert_id)
);
CREATE INDEX radar_alerts_by_charge ON radar_alerts (stripe_account_id, charge_id, alert_id);
CREATE INDEX radar_alerts_by_intent ON radar_alerts (stripe_account_id, payment_intent_id, alert_id) WHERE charge_id = '';

CREATE TABLE payouts (
    stripe_account_id TEXT NOT NULL,
    payout_id         TEXT NOT NULL,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    rank              BIGINT NOT NULL,
    amount            BIGINT NOT NULL,
    currency          TEXT NOT NULL,
    livemode          BOOLEAN NOT NULL,
    automatic         BOOLEAN NOT NULL,          -- only of these Stripe says what they contain
    arrival_date      TEXT NOT NULL,             -- YYYY-MM-DD, UTC
    failure_code      TEXT NOT NULL,
    failure_message   TEXT NOT NULL,
    created_at        BIGINT NOT NULL,
    PRIMARY KEY (stripe_account_id, payout_id)
);
CREATE INDEX payouts_by_workspace ON payouts (workspace_id, livemode, created_at, payout_id);

-- Every movement of an account's balance; immutable but for the payout that it goes out with.
CREATE TABLE balance_transactions (
    stripe_account_id TEXT NOT NULL,
    transaction_id    TEXT NOT NULL,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    type              TEXT NOT NULL,             -- charge, payment, refund, adjustment, payout, stripe_fee, …
    source_id         TEXT NOT NULL,             -- the charge, refund, dispute or payout; '' = none
    amount            BIGINT NOT NULL,           -- signed, minor units
    fee               BIGINT NOT NULL,
    net               BIGINT NOT NULL,           -- amount - fee
    currency          TEXT NOT NULL,
    livemode          BOOLEAN NOT NULL,
    payout_id         TEXT NOT NULL,             -- '' = not known to be paid out
    created_at        BIGINT NOT NULL,
    available_at      BIGINT NOT NULL,
    PRIMARY KEY (stripe_account_id, transaction_id)
);
CREATE INDEX balance_transactions_by_source ON balance_transactions (stripe_account_id, source_id, transaction_id);
CREATE INDEX balance_transactions_by_payout ON balance_transactions (stripe_account_id, payout_id, transaction_id);

-- Refunds that people asked for in Trak. The row and its key come first, then the call; what
-- became of it is a fact of the table refunds.
CREATE TABLE refund_requests (
    id                TEXT PRIMARY KEY,
    workspace_id      TEXT NOT NULL,
    payment_id        TEXT NOT NULL,
    stripe_account_id TEXT NOT NULL,
    livemode          BOOLEAN NOT NULL,
    charge_id         TEXT NOT NULL,
    amount            BIGINT NOT NULL CHECK (amount > 0),
    currency          TEXT NOT NULL,
    reason            TEXT NOT NULL,             -- Stripe's word, '' = none
    note              TEXT NOT NULL,             -- for the team alone
    still_owed        BOOLEAN NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('asking', 'asked', 'refused')),
    idempotency_key   TEXT NOT NULL,
    form_key          TEXT NOT NULL,             -- of the form that was sent: twice the same is one refund
    refund_id         TEXT NOT NULL DEFAULT '',
    attempts          BIGINT NOT NULL DEFAULT 0,
    first_attempt_at  BIGINT NOT NULL DEFAULT 0, -- keys live 24 h at Stripe from here
    keys_spent        BIGINT NOT NULL DEFAULT 0, -- keys whose answer was a failure of Stripe's own, which it would repeat
    next_attempt_at   BIGINT NOT NULL DEFAULT 0, -- 0 = nothing to do
    claimed_until     BIGINT NOT NULL DEFAULT 0,
    last_error        TEXT NOT NULL DEFAULT '',
    created_by        TEXT NOT NULL REFERENCES users (id),
    created_at        BIGINT NOT NULL,
    UNIQUE (workspace_id, id),
    UNIQUE (workspace_id, form_key),
    FOREIGN KEY (workspace_id, payment_id) REFERENCES payments (workspace_id, id)
);
CREATE INDEX refund_requests_due ON refund_requests (next_attempt_at) WHERE next_attempt_at > 0;
CREATE INDEX refund_requests_by_payment ON refund_requests (workspace_id, payment_id, created_at);
CREATE INDEX refund_requests_asking ON refund_requests (stripe_account_id, charge_id) WHERE state = 'asking';

-- Payments outside Stripe, as signed entries: what was recorded, and what was taken back of it.
-- Their payment is a row of payments without an account, whose intent is its own id.
CREATE TABLE hand_entries (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    payment_id   TEXT NOT NULL,
    amount       BIGINT NOT NULL CHECK (amount <> 0),
    currency     TEXT NOT NULL,
    method       TEXT NOT NULL CHECK (method IN ('bank_transfer', 'cash', 'cheque', 'other')),
    reference    TEXT NOT NULL,
    note         TEXT NOT NULL,                  -- why it was taken back
    received_on  TEXT NOT NULL,                  -- YYYY-MM-DD
    received_at  BIGINT NOT NULL,                -- within that day where the workspace is: for lists and sums
    form_key     TEXT NOT NULL,                  -- of the form that was sent: twice the same is one entry
    created_by   TEXT NOT NULL REFERENCES users (id),
    created_at   BIGINT NOT NULL,
    UNIQUE (workspace_id, form_key),
    FOREIGN KEY (workspace_id, payment_id) REFERENCES payments (workspace_id, id)
);
CREATE INDEX hand_entries_by_payment ON hand_entries (workspace_id, payment_id, created_at);

-- The answer to a dispute, as people write it. On Express accounts only the platform can send it.
CREATE TABLE dispute_answers (
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    stripe_account_id TEXT NOT NULL,
    dispute_id        TEXT NOT NULL,
    fields            TEXT NOT NULL,             -- JSON: Stripe's names of evidence, and their texts
    version           BIGINT NOT NULL,
    -- draft: only here; saving, submitting, accepting: on its way to Stripe; saved, submitted,
    -- accepted: there.
    state             TEXT NOT NULL CHECK (state IN ('draft', 'saving', 'saved', 'submitting', 'submitted', 'accepting', 'accepted')),
    submissions       BIGINT NOT NULL DEFAULT 0, -- of the dispute when submitting was asked for: one more means that it is done
    attempts          BIGINT NOT NULL DEFAULT 0,
    keys_spent        BIGINT NOT NULL DEFAULT 0,
    next_attempt_at   BIGINT NOT NULL DEFAULT 0,
    claimed_until     BIGINT NOT NULL DEFAULT 0,
    last_error        TEXT NOT NULL DEFAULT '',
    updated_by        TEXT NOT NULL REFERENCES users (id),
    updated_at        BIGINT NOT NULL,
    PRIMARY KEY (stripe_account_id, dispute_id),
    FOREIGN KEY (workspace_id, stripe_account_id, dispute_id) REFERENCES disputes (workspace_id, stripe_account_id, dispute_id)
);
CREATE INDEX dispute_answers_due ON dispute_answers (next_attempt_at) WHERE next_attempt_at > 0;

CREATE TABLE dispute_files (
    id                TEXT PRIMARY KEY,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    stripe_account_id TEXT NOT NULL,
    dispute_id        TEXT NOT NULL,
    field             TEXT NOT NULL,             -- Stripe's name of the evidence: receipt, customer_communication, …; it takes one file
    kept_by           TEXT NOT NULL DEFAULT '',  -- whose form it waits in, which could not be saved; '' = it is part of the answer
    name              TEXT NOT NULL,
    media_type        TEXT NOT NULL,
    size              BIGINT NOT NULL,
    content           BYTEA,                     -- until Stripe has it
    stripe_file_id    TEXT NOT NULL DEFAULT '',
    created_by        TEXT NOT NULL REFERENCES users (id),
    created_at        BIGINT NOT NULL,
    UNIQUE (stripe_account_id, dispute_id, field, kept_by),
    FOREIGN KEY (workspace_id, stripe_account_id, dispute_id) REFERENCES disputes (workspace_id, stripe_account_id, dispute_id)
);

-- How far Trak has read an account's events and balance, so that a lost webhook is made good. One
-- row for each account that Stripe has named.
CREATE TABLE sync_cursors (
    stripe_account_id TEXT PRIMARY KEY,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    events_until      BIGINT NOT NULL,           -- all events created before are here
    balance_until     BIGINT NOT NULL DEFAULT 0, -- all balance transactions created before are here
    last_started_at   BIGINT NOT NULL DEFAULT 0,
    last_done_at      BIGINT NOT NULL DEFAULT 0,
    last_whole_at     BIGINT NOT NULL DEFAULT 0, -- last one with the balance and what is overdue
    missed            BIGINT NOT NULL DEFAULT 0, -- events that no webhook brought in time
    asked             BIGINT NOT NULL DEFAULT 0, -- how often one was asked for: once more while one runs
    attempts          BIGINT NOT NULL DEFAULT 0,
    next_attempt_at   BIGINT NOT NULL,
    claimed_until     BIGINT NOT NULL DEFAULT 0,
    last_error        TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sync_cursors_due ON sync_cursors (next_attempt_at) WHERE next_attempt_at > 0;
INSERT INTO sync_cursors (stripe_account_id, workspace_id, events_until, next_attempt_at)
SELECT stripe_account_id, workspace_id, connected_at, 1 FROM stripe_connect_accounts WHERE stripe_account_id IS NOT NULL;

-- What needs a person is computed from the facts; here stands what somebody chose to leave alone.
CREATE TABLE attention_ignored (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    kind         TEXT NOT NULL,
    subject      TEXT NOT NULL,
    reason       TEXT NOT NULL,
    user_id      TEXT NOT NULL REFERENCES users (id),
    at           BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, kind, subject)
);
-- What it is computed from is little among much, and found without reading the rest.
CREATE INDEX invoices_flagged ON invoices (workspace_id, livemode, id) WHERE flags <> '';
CREATE INDEX payment_links_failed ON payment_links (workspace_id, livemode, id) WHERE state = 'failed';
CREATE INDEX refunds_by_intent ON refunds (stripe_account_id, payment_intent_id, refund_id) WHERE charge_id = '';
CREATE INDEX refunds_failed ON refunds (workspace_id, refund_id) WHERE rank > 3;
CREATE INDEX refund_requests_refused ON refund_requests (workspace_id, livemode, id) WHERE state = 'refused';
CREATE INDEX disputes_unanswered ON disputes (workspace_id, livemode, due_by, dispute_id) WHERE rank IN (1, 4);
CREATE INDEX radar_alerts_warnings ON radar_alerts (workspace_id, livemode, alert_id) WHERE kind = 'early_fraud_warning' AND closed = FALSE;
CREATE INDEX payouts_failed ON payouts (workspace_id, livemode, payout_id) WHERE rank = 5;

-- How an event came, and what it is about.
ALTER TABLE stripe_webhook_events ADD COLUMN source TEXT NOT NULL DEFAULT 'webhook' CHECK (source IN ('webhook', 'sync'));
ALTER TABLE stripe_webhook_events ADD COLUMN object_id TEXT NOT NULL DEFAULT '';
CREATE INDEX stripe_webhook_events_by_object ON stripe_webhook_events (workspace_id, object_id, received_at, event_id) WHERE object_id <> '';
CREATE INDEX stripe_webhook_events_by_state ON stripe_webhook_events (workspace_id, state, received_at, event_id);

-- A person said which invoice the payment is for, because nothing at Stripe does.
ALTER TABLE payments ADD COLUMN assigned_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX payments_unmatched ON payments (workspace_id, livemode, happened_at, id) WHERE invoice_id IS NULL AND gross > 0;
