//! Users, roles, permissions, sessions, signing keys and the ledger.

pub(crate) const SCHEMA: &str = r"
CREATE TABLE users (
    id {id} NOT NULL PRIMARY KEY,
    username {name} NOT NULL UNIQUE,
    email text,
    display_name text,
    status text NOT NULL CHECK (status IN ('active', 'disabled')),
    password_hash text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    revision bigint NOT NULL
);

-- What someone may type to sign in: usernames and e-mails, folded, in one namespace.
CREATE TABLE logins (
    name {name} NOT NULL PRIMARY KEY,
    user_id {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX logins_user ON logins (user_id);

CREATE TABLE roles (
    id {id} NOT NULL PRIMARY KEY,
    name {name} NOT NULL UNIQUE,
    description text,
    built_in boolean NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    revision bigint NOT NULL
);

CREATE TABLE permissions (
    id {id} NOT NULL PRIMARY KEY,
    name {name} NOT NULL UNIQUE,
    description text,
    built_in boolean NOT NULL,
    created_at bigint NOT NULL,
    revision bigint NOT NULL
);

CREATE TABLE grants (
    role_id {id} NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    permission_id {id} NOT NULL REFERENCES permissions (id) ON DELETE CASCADE,
    PRIMARY KEY (role_id, permission_id)
);
CREATE INDEX grants_permission ON grants (permission_id);

CREATE TABLE assignments (
    user_id {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id {id} NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, role_id)
);
CREATE INDEX assignments_role ON assignments (role_id, user_id);

CREATE TABLE sessions (
    id {id} NOT NULL PRIMARY KEY,
    user_id {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

-- Ended before their time; a session that ran out is not in here.
CREATE TABLE ended_sessions (
    id {id} NOT NULL PRIMARY KEY,
    ended_at bigint NOT NULL
);
CREATE INDEX ended_sessions_when ON ended_sessions (ended_at);

CREATE TABLE signing_keys (
    kid text NOT NULL PRIMARY KEY,
    algorithm text NOT NULL,
    public_key {bytes} NOT NULL,
    sealed_private_key {bytes} NOT NULL,
    created_at bigint NOT NULL
);

CREATE TABLE ledger (
    revision bigint NOT NULL PRIMARY KEY,
    at bigint NOT NULL,
    actor text NOT NULL,
    actor_id text,
    action text NOT NULL,
    target text NOT NULL,
    before_state text,
    after_state text,
    deltas text NOT NULL,
    subjects text NOT NULL,
    hash text NOT NULL,
    previous_hash text NOT NULL
);
CREATE INDEX ledger_at ON ledger (at);

-- One row: the newest revision. A policy write locks it first, so revisions are in commit order.
CREATE TABLE ledger_head (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    revision bigint NOT NULL,
    hash text NOT NULL
);
INSERT INTO ledger_head (id, revision, hash) VALUES (1, 0, '');
";
