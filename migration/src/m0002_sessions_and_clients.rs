//! Refresh tokens, clients, rotating keys, and indexes for the ledger's filters.

pub(crate) const SCHEMA: &str = r"
-- The number of the newest refresh token, and the hash of its secret; a session may have none.
ALTER TABLE sessions ADD COLUMN sequence bigint NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN refresh_hash {bytes};
-- When its newest access token was issued, and from which address that was asked for.
ALTER TABLE sessions ADD COLUMN last_used_at bigint NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN address text;
-- What the sign-in was narrowed to, and the roles it named, separated by spaces; none: all.
ALTER TABLE sessions ADD COLUMN scopes text;
ALTER TABLE sessions ADD COLUMN roles text;
UPDATE sessions SET last_used_at = created_at;
-- None on what a refresh changes: it is what a busy server does most, and PostgreSQL then writes no index for it.
CREATE INDEX sessions_client ON sessions (client_id);

CREATE TABLE clients (
    id {id} NOT NULL PRIMARY KEY,
    client_id {name} NOT NULL UNIQUE,
    name text NOT NULL,
    first_party boolean NOT NULL,
    -- Grant types, separated by spaces.
    grants text NOT NULL,
    audience text,
    -- Permissions that its tokens may carry, separated by spaces; none: any.
    scopes text,
    -- Its service user, if it has the grant client_credentials.
    user_id {id} UNIQUE REFERENCES users (id),
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    revision bigint NOT NULL
);

CREATE TABLE client_secrets (
    id {id} NOT NULL PRIMARY KEY,
    client_id {id} NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    hash {bytes} NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint
);
CREATE INDEX client_secrets_client ON client_secrets (client_id);

-- Published when it is made, it signs only when verifiers have had time to fetch it.
ALTER TABLE signing_keys ADD COLUMN signs_from bigint NOT NULL DEFAULT 0;
UPDATE signing_keys SET signs_from = created_at;

CREATE INDEX ledger_actor ON ledger (actor, revision);
CREATE INDEX ledger_actor_id ON ledger (actor_id, revision);
CREATE INDEX ledger_action ON ledger (action, revision);
CREATE INDEX ledger_target ON ledger (target, revision);
";
