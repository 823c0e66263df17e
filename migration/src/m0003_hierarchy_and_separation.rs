//! Who inherits from whom, which roles are kept apart, and when an assignment counts.

pub(crate) const SCHEMA: &str = r"
-- As stated; what follows from it isn't stored.
CREATE TABLE inheritances (
    senior_id {id} NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    junior_id {id} NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    PRIMARY KEY (senior_id, junior_id)
);
CREATE INDEX inheritances_junior ON inheritances (junior_id);

CREATE TABLE separation_sets (
    id {id} NOT NULL PRIMARY KEY,
    name {name} NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('static', 'dynamic')),
    cardinality bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    revision bigint NOT NULL
);

CREATE TABLE separation_set_roles (
    set_id {id} NOT NULL REFERENCES separation_sets (id) ON DELETE CASCADE,
    role_id {id} NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    PRIMARY KEY (set_id, role_id)
);
CREATE INDEX separation_set_roles_role ON separation_set_roles (role_id);

-- None: from the beginning, or without end.
ALTER TABLE assignments ADD COLUMN valid_from bigint;
ALTER TABLE assignments ADD COLUMN valid_until bigint;
-- For a review of what is about to end.
CREATE INDEX assignments_ending ON assignments (valid_until) WHERE valid_until IS NOT NULL;
";
