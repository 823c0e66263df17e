//! Indexes for what is asked about many users.

pub(crate) const SCHEMA: &str = r"
-- Who has a role, and from when until when: all that is asked of a role's users stands in the index.
DROP INDEX assignments_role;
CREATE INDEX assignments_role ON assignments (role_id, user_id, valid_from, valid_until);

-- Many assignments end at one moment, at the end of a year: their order, too, comes from the index.
DROP INDEX assignments_ending;
CREATE INDEX assignments_ending ON assignments (valid_until, user_id, role_id) WHERE valid_until IS NOT NULL;

-- Few among many.
CREATE INDEX users_disabled ON users (id) WHERE status = 'disabled';
";
