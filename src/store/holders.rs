use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, Statement, Value};
use uuid::Uuid;

use super::{Page, Refused, Store, User, UserId, entity::users, users::assignments_of_each};
use crate::policy::{RoleName, in_force};

/// Someone who has one of the roles asked for.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Who.
    pub user: User,
    /// Those of the roles that are assigned to the user and count now, by name.
    pub via: Vec<RoleName>,
}

/// Whom to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holders {
    /// Only those who may sign in.
    Active,
    /// Also those who are disabled.
    All,
}

/// Someone who has a role.
#[derive(FromQueryResult)]
pub(super) struct Held {
    pub(super) user_id: UserId,
}

/// A statement asks for so many roles: databases bound how long one may be.
const AT_ONCE: usize = 100;

const WHO_IS_ACTIVE: &str = "AND EXISTS (SELECT 1 FROM users WHERE users.id = user_id AND users.status = 'active')";

impl Store {
    /// The users who have one of `roles` assigned now, by id (NIST `AuthorizedUsers`, if these are a role and its seniors).
    ///
    /// Of each role only as many are read as a page has, in the order of an index: so a page costs as much among a million
    /// users as among ten.
    pub async fn holders(
        &self,
        roles: &BTreeSet<RoleName>,
        which: Holders,
        page: Page<UserId>,
    ) -> Result<Vec<Holder>, Refused> {
        let now = self.clock.micros();
        let only = if which == Holders::Active { WHO_IS_ACTIVE } else { "" };
        let mut ids = BTreeSet::new();
        for some in at_once(roles) {
            let held = first_of_each(&self.db, &some, only, page, now).await?;
            ids.extend(held.into_iter().map(|held| held.user_id));
        }
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let ids: Vec<UserId> = ids.into_iter().take(limit).collect();
        let mut assigned = assignments_of_each(&self.db, &ids).await?;
        let rows = users::Entity::find().filter(users::Column::Id.is_in(ids)).all(&self.db).await?;
        let users: BTreeMap<UserId, users::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
        let holder = |row: users::Model| {
            let mut via = in_force(&assigned.remove(&row.id).unwrap_or_default(), now);
            via.retain(|role| roles.contains(role));
            Holder { user: row.into(), via }
        };
        Ok(users.into_values().map(holder).collect())
    }
}

/// So many of these roles as one statement asks for, and so on.
pub(super) fn at_once(roles: &BTreeSet<RoleName>) -> Vec<Vec<&RoleName>> {
    let roles: Vec<&RoleName> = roles.iter().collect();
    roles.chunks(AT_ONCE).map(<[_]>::to_vec).collect()
}

/// Of each role the users on a page who have it now, in the order of an index, so that no other user is looked at; `only`
/// is a further condition.
pub(super) async fn first_of_each(
    db: &impl ConnectionTrait,
    roles: &[&RoleName],
    only: &str,
    page: Page<UserId>,
    now: i64,
) -> Result<Vec<Held>, DbErr> {
    let after = page.after.unwrap_or(UserId(Uuid::nil()));
    let mut values: Vec<Value> = vec![after.into(), now.into(), page.limit.cast_signed().into()];
    let mut each = Vec::with_capacity(roles.len());
    for role in roles {
        values.push(role.as_str().into());
        let role = values.len();
        each.push(format!(
            "SELECT user_id FROM (SELECT user_id FROM assignments
             WHERE role_id = (SELECT id FROM roles WHERE name = ${role}) AND user_id > $1
                 AND (valid_from IS NULL OR valid_from <= $2) AND (valid_until IS NULL OR valid_until > $2) {only}
             ORDER BY user_id LIMIT $3) AS some{role}"
        ));
    }
    let query = Statement::from_sql_and_values(db.get_database_backend(), each.join(" UNION ALL "), values);
    Held::find_by_statement(query).all(db).await
}
