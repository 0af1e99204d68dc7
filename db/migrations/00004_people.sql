-- +goose Up
-- People: how they get in, who belongs to what, what they are told, and what stays of it.

-- An accountant sees and exports, and changes nothing. A check can't be altered on both engines
-- alike, so the table is built anew; nothing refers to it.
CREATE TABLE memberships_new (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id      TEXT NOT NULL REFERENCES users (id),
    role         TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'accountant')),
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
INSERT INTO memberships_new (workspace_id, user_id, role, created_at) SELECT workspace_id, user_id, role, created_at FROM memberships;
DROP TABLE memberships;
ALTER TABLE memberships_new RENAME TO memberships;
CREATE INDEX memberships_by_user ON memberships (user_id);

CREATE TABLE invitations (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    email        TEXT NOT NULL,                  -- normalised as in users
    role         TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'accountant')),
    hash         TEXT NOT NULL UNIQUE,           -- SHA-256 of the token in the latest link
    invited_by   TEXT NOT NULL REFERENCES users (id),
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    accepted_at  BIGINT NOT NULL DEFAULT 0,
    accepted_by  TEXT REFERENCES users (id),
    revoked_at   BIGINT NOT NULL DEFAULT 0,
    UNIQUE (workspace_id, id)
);
CREATE UNIQUE INDEX invitations_open ON invitations (workspace_id, email) WHERE accepted_at = 0 AND revoked_at = 0;

-- Who was in a workspace and is no longer. Pages that are still open can say so to them, and to
-- nobody else.
CREATE TABLE former_members (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id      TEXT NOT NULL REFERENCES users (id),
    left_at      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);

-- Getting in. A user whose email was never confirmed can't sign in.
ALTER TABLE users ADD COLUMN confirmed_at BIGINT NOT NULL DEFAULT 0;
UPDATE users SET confirmed_at = created_at;
ALTER TABLE users ADD COLUMN totp_secret BYTEA;                      -- sealed; NULL = no second factor
ALTER TABLE users ADD COLUMN totp_on_at BIGINT NOT NULL DEFAULT 0;   -- 0 = it is being set up
ALTER TABLE users ADD COLUMN totp_step BIGINT NOT NULL DEFAULT 0;    -- the last that was used: no code works twice

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id),
    hash    TEXT NOT NULL,                       -- SHA-256
    used_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, hash)
);

CREATE TABLE passkeys (
    id           TEXT PRIMARY KEY,               -- of the credential, base64url
    user_id      TEXT NOT NULL REFERENCES users (id),
    name         TEXT NOT NULL,
    credential   BYTEA NOT NULL,                 -- JSON: public key, counter, transports
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- One-time tokens of a person: a new password, an email to be confirmed.
ALTER TABLE one_time_tokens ADD COLUMN user_id TEXT REFERENCES users (id);
ALTER TABLE one_time_tokens ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE one_time_tokens ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX one_time_tokens_by_user ON one_time_tokens (user_id, kind);

-- What a person sees of their sessions.
ALTER TABLE sessions ADD COLUMN handle TEXT NOT NULL DEFAULT '';     -- names it in a list, and opens nothing
ALTER TABLE sessions ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN ip TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN renewed BOOLEAN NOT NULL DEFAULT FALSE; -- dead, but goes on under another token

-- Mail that waits, is sent or was given up. Written in the transaction that causes it.
CREATE TABLE messages (
    id              TEXT PRIMARY KEY,
    workspace_id    TEXT REFERENCES workspaces (id), -- NULL = the installation's
    user_id         TEXT REFERENCES users (id),      -- who it is for, when that is a user
    kind            TEXT NOT NULL,                   -- invitation, password, email, …
    recipient       TEXT NOT NULL,
    subject         TEXT NOT NULL,
    body            TEXT NOT NULL,                   -- plain text; {link} stands for the link
    path            TEXT NOT NULL DEFAULT '',        -- of the link, without the token
    secret          BYTEA,                           -- the token, sealed; dropped once it is sent
    state           TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'failed', 'dropped')),
    attempts        BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT NOT NULL DEFAULT 0,
    claimed_until   BIGINT NOT NULL DEFAULT 0,
    last_error      TEXT NOT NULL DEFAULT '',
    created_at      BIGINT NOT NULL,
    sent_at         BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX messages_due ON messages (next_attempt_at) WHERE next_attempt_at > 0;
CREATE INDEX messages_by_workspace ON messages (workspace_id, created_at);

-- The workspace's settings.
ALTER TABLE workspaces ADD COLUMN tax_number TEXT NOT NULL DEFAULT '';
ALTER TABLE workspaces ADD COLUMN accent TEXT NOT NULL DEFAULT '';   -- #rrggbb, '' = Trak's own
ALTER TABLE workspaces ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE workspaces ADD COLUMN logo TEXT NOT NULL DEFAULT '';     -- hash of the picture, part of its address; '' = none
ALTER TABLE workspaces ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE invoices ADD COLUMN seller_tax_number TEXT NOT NULL DEFAULT '';

CREATE TABLE workspace_logos (
    workspace_id TEXT PRIMARY KEY REFERENCES workspaces (id),
    png          BYTEA NOT NULL                  -- encoded by Trak itself
);

CREATE TABLE workspace_slugs (                   -- former ones, which lead to the present one
    slug         TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    created_at   BIGINT NOT NULL
);

-- What ages: personal data of payloads and of clients goes, ids and facts stay.
ALTER TABLE stripe_webhook_events ADD COLUMN masked_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX stripe_webhook_events_whole ON stripe_webhook_events (workspace_id, received_at, event_id) WHERE masked_at = 0;
ALTER TABLE clients ADD COLUMN anonymised_at BIGINT NOT NULL DEFAULT 0;
