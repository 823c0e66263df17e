use std::{collections::HashMap, str::FromStr};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, JoinType, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    Page, Refused, Store, UserId,
    entity::{assignments, logins, roles, users},
    replica::stored,
};
use crate::policy::{Assignment, InvalidName, RoleName, Username};

/// How the status of a user who may sign in is stored.
pub(super) const ACTIVE: &str = "active";
const DISABLED: &str = "disabled";

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Yes.
    Active,
    /// No; whatever was open is closed (rule 6).
    Disabled,
}

impl Status {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => ACTIVE,
            Self::Disabled => DISABLED,
        }
    }

    pub(super) fn stored(text: &str) -> Self {
        if text == ACTIVE { Self::Active } else { Self::Disabled }
    }
}

/// A person or a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub username: String,
    /// Its e-mail address.
    pub email: Option<String>,
    /// What people call it.
    pub display_name: Option<String>,
    /// Whether it may sign in.
    pub status: Status,
    /// When it was made, in microseconds since 1970.
    pub created_at: i64,
    /// When a member of it was last changed.
    pub updated_at: i64,
}

impl From<users::Model> for User {
    fn from(row: users::Model) -> Self {
        Self {
            id: row.id,
            username: row.username,
            email: row.email,
            display_name: row.display_name,
            status: Status::stored(&row.status),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Someone whom a role is assigned to, and when that counts. Times are in microseconds since 1970.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Assignee {
    /// The user's id.
    pub user_id: UserId,
    /// The user's name.
    pub username: String,
    /// From when on, if not from the beginning.
    pub valid_from: Option<i64>,
    /// Until when, if it ends.
    pub valid_until: Option<i64>,
}

/// How a user is addressed: by id, or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRef {
    /// What looks like a UUID.
    Id(UserId),
    /// Anything else.
    Name(Username),
}

impl FromStr for UserRef {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match Uuid::try_parse(text) {
            Ok(id) => Ok(Self::Id(UserId(id))),
            Err(_) => text.parse().map(Self::Name),
        }
    }
}

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Only those whose username begins so.
    pub prefix: Option<String>,
    /// Only those.
    pub status: Option<Status>,
}

/// What a sign-in is checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose.
    pub user: UserId,
    /// The PHC string; a user without one has no password.
    pub password_hash: Option<SecretString>,
    /// Whether the user may sign in at all.
    pub status: Status,
}

impl From<users::Model> for Credentials {
    fn from(row: users::Model) -> Self {
        let status = Status::stored(&row.status);
        Self { user: row.id, password_hash: row.password_hash.map(SecretString::from), status }
    }
}

impl Store {
    /// The user.
    pub async fn user(&self, user: &UserRef) -> Result<User, Refused> {
        Ok(find(&self.db, user).await?.into())
    }

    /// The user, and its state.
    pub async fn user_and_state(&self, user: &UserRef) -> Result<(User, i64), Refused> {
        let row = find(&self.db, user).await?;
        let state = state_of(&self.db, &row).await?;
        Ok((row.into(), state))
    }

    /// Users by id.
    pub async fn users(&self, filter: &UserFilter, page: Page<UserId>) -> Result<Vec<User>, Refused> {
        let mut rows = page.of(users::Entity::find(), users::Column::Id);
        if let Some(prefix) = &filter.prefix {
            rows = rows.filter(begins(users::Column::Username, prefix));
        }
        if let Some(status) = filter.status {
            // Not a parameter: there is an index of those that are disabled.
            rows = rows.filter(Expr::col(users::Column::Status).eq(Expr::Constant(status.as_str().into())));
        }
        Ok(rows.all(&self.db).await?.into_iter().map(User::from).collect())
    }

    /// Whether there is any user at all.
    pub async fn has_users(&self) -> Result<bool, Refused> {
        Ok(users::Entity::find().limit(1).one(&self.db).await?.is_some())
    }

    /// The roles assigned to a user, by name (NIST `AssignedRoles`): also those whose time hasn't come or is over.
    pub async fn assignments(&self, user: &UserRef) -> Result<Vec<Assignment>, Refused> {
        let user = find(&self.db, user).await?;
        Ok(assignments_of(&self.db, user.id).await?)
    }

    /// The users a role is assigned to, by id (NIST `AssignedUsers`): also those for whom its time hasn't come or is over.
    pub async fn assigned_users(&self, role: &RoleName, page: Page<UserId>) -> Result<Vec<Assignee>, Refused> {
        let role = super::roles::find(&self.db, role).await?;
        let join =
            assignments::Entity::belongs_to(users::Entity).from(assignments::Column::UserId).to(users::Column::Id);
        let rows = assignments::Entity::find()
            .select_only()
            .columns([assignments::Column::UserId, assignments::Column::ValidFrom, assignments::Column::ValidUntil])
            .column(users::Column::Username)
            .join(JoinType::InnerJoin, join.into())
            .filter(assignments::Column::RoleId.eq(role.id));
        Ok(page.of(rows, assignments::Column::UserId).into_model().all(&self.db).await?)
    }

    /// What to check a sign-in against, by what was typed: a username or an e-mail.
    pub async fn credentials_of_login(&self, typed: &str) -> Result<Option<Credentials>, Refused> {
        if typed.contains('\0') {
            // PostgreSQL takes no such text, and nobody has such a name.
            return Ok(None);
        }
        let user = Query::select()
            .column(logins::Column::UserId)
            .from(logins::Entity)
            .cond_where(logins::Column::Name.eq(typed.to_lowercase()))
            .take();
        let row = users::Entity::find().filter(users::Column::Id.in_subquery(user)).one(&self.db).await?;
        Ok(row.map(Credentials::from))
    }

    /// What to check someone's own password against.
    pub async fn credentials(&self, user: UserId) -> Result<Option<Credentials>, Refused> {
        Ok(users::Entity::find_by_id(user).one(&self.db).await?.map(Credentials::from))
    }
}

/// The row of a user.
pub(super) async fn find(db: &impl ConnectionTrait, user: &UserRef) -> Result<users::Model, Refused> {
    let rows = match user {
        UserRef::Id(id) => users::Entity::find_by_id(*id),
        UserRef::Name(name) => users::Entity::find().filter(users::Column::Username.eq(name.as_str())),
    };
    rows.one(db).await?.ok_or(Refused::NotFound("user"))
}

/// A user's state: another one after every change of it or of what is assigned to it.
pub(super) async fn state_of(db: &impl ConnectionTrait, user: &users::Model) -> Result<i64, DbErr> {
    let assigned = assignments::Entity::find().filter(assignments::Column::UserId.eq(user.id)).count(db).await?;
    Ok(state(user.revision, assigned))
}

/// With so many assignments. Each change gives the row a new revision, save one: a role that is deleted takes its
/// assignments along, and there may be millions. But then a user has one less.
pub(super) fn state(revision: i64, assigned: u64) -> i64 {
    (revision << 20) + assigned.cast_signed()
}

/// What is assigned to a user, by name.
pub(super) async fn assignments_of(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Assignment>, DbErr> {
    Ok(assignments_of_each(db, &[user]).await?.remove(&user).unwrap_or_default())
}

/// What is assigned to each of these users, by name.
pub(super) async fn assignments_of_each(
    db: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<HashMap<UserId, Vec<Assignment>>, DbErr> {
    let join =
        assignments::Entity::belongs_to(roles::Entity).from(assignments::Column::RoleId).to(roles::Column::Id).into();
    let rows: Vec<(UserId, String, Option<i64>, Option<i64>)> = assignments::Entity::find()
        .select_only()
        .column(assignments::Column::UserId)
        .column(roles::Column::Name)
        .columns([assignments::Column::ValidFrom, assignments::Column::ValidUntil])
        .join(JoinType::InnerJoin, join)
        .filter(assignments::Column::UserId.is_in(users.iter().copied()))
        .order_by_asc(roles::Column::Name)
        .into_tuple()
        .all(db)
        .await?;
    let mut each: HashMap<_, Vec<Assignment>> = HashMap::new();
    for (user, role, valid_from, valid_until) in rows {
        each.entry(user).or_default().push(Assignment { role: stored(&role)?, valid_from, valid_until });
    }
    Ok(each)
}

/// Of a column of names: begins with `prefix`, literally. As a range, which both databases find in an index: names are
/// ASCII and compare by their bytes, so what begins so is less than this with anything greater behind it.
pub(super) fn begins(name: impl ColumnTrait, prefix: &str) -> Expr {
    let first = prefix.to_lowercase();
    let behind = format!("{first}{}", char::MAX);
    name.gte(first).and(name.lt(behind))
}
