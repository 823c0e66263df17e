use std::str::FromStr;

use sea_orm::{FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::{Page, Refused, Store};

/// An assignment that ends.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Ending {
    /// Whose.
    pub username: String,
    /// Which role.
    pub role: String,
    /// From when on it counts, in microseconds since 1970, if not from the beginning.
    pub valid_from: Option<i64>,
    /// When it ends.
    pub valid_until: i64,
    user_id: Uuid,
    role_id: Uuid,
}

/// Where a page of them begins.
#[derive(Clone, Copy, Debug)]
pub struct EndingKey(i64, Uuid, Uuid);

impl Ending {
    /// Its place among others.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {} {}", self.valid_until, self.user_id, self.role_id)
    }
}

impl FromStr for EndingKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(' ');
        let mut next = || parts.next().ok_or(());
        let until = next()?.parse().map_err(drop)?;
        let (user, role) = (next()?.parse().map_err(drop)?, next()?.parse().map_err(drop)?);
        Ok(Self(until, user, role))
    }
}

const ENDING: &str = "
SELECT users.username, roles.name AS role, held.valid_from, held.valid_until, held.user_id, held.role_id
FROM assignments AS held JOIN users ON users.id = held.user_id JOIN roles ON roles.id = held.role_id
WHERE held.valid_until > $1 AND held.valid_until < $2 AND (held.valid_until, held.user_id, held.role_id) > ($3, $4, $5)
ORDER BY held.valid_until, held.user_id, held.role_id LIMIT $6";

impl Store {
    /// The assignments that haven't ended, and end before a time (microseconds since 1970): the soonest first.
    pub async fn ending(&self, before: i64, page: Page<EndingKey>) -> Result<Vec<Ending>, Refused> {
        let EndingKey(until, user, role) = page.after.unwrap_or(EndingKey(i64::MIN, Uuid::nil(), Uuid::nil()));
        let values: [Value; 6] = [
            self.clock.micros().into(),
            before.into(),
            until.into(),
            user.into(),
            role.into(),
            page.limit.cast_signed().into(),
        ];
        let query = Statement::from_sql_and_values(self.db.get_database_backend(), ENDING, values);
        Ok(Ending::find_by_statement(query).all(&self.db).await?)
    }
}
