//! An index for what is asked about the sessions that name roles.

pub(crate) const SCHEMA: &str = r"
-- Few sessions name roles. A refresh changes nothing in it, so PostgreSQL writes none for that.
CREATE INDEX sessions_naming ON sessions (id) WHERE roles IS NOT NULL;
";
