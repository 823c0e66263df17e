use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement, Value,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    Page, Refused, RoleId, SetId, Store, UserId,
    entity::{roles, separation_set_roles, separation_sets},
    plan::View,
    replica::stored,
};
use crate::policy::{self, Delta, Graph, Kind, RoleName, SetName};

/// Roles that are kept apart, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeparationSet {
    /// Its id.
    pub id: SetId,
    /// Its name.
    pub name: SetName,
    /// Whether for users or for sessions.
    pub kind: Kind,
    /// The number of its roles that is one too many.
    pub cardinality: u64,
    /// Its roles, by name.
    pub roles: BTreeSet<RoleName>,
    /// The revision of its last change.
    pub revision: i64,
}

/// How a separation set is addressed: by id, or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetRef {
    /// What looks like a UUID.
    Id(SetId),
    /// Anything else.
    Name(SetName),
}

impl std::str::FromStr for SetRef {
    type Err = policy::InvalidName;

    fn from_str(text: &str) -> Result<Self, policy::InvalidName> {
        match Uuid::try_parse(text) {
            Ok(id) => Ok(Self::Id(SetId(id))),
            Err(_) => text.parse().map(Self::Name),
        }
    }
}

impl Store {
    /// The separation set (NIST `SsdRoleSetRoles`, `SsdRoleSetCardinality` and those of dynamic sets).
    pub async fn separation_set(&self, set: &SetRef) -> Result<SeparationSet, Refused> {
        let row = find(&self.db, set).await?;
        with_roles(&self.db, row).await
    }

    /// Separation sets by id, of one kind if given (NIST `SsdRoleSets`, `DsdRoleSets`).
    pub async fn separation_sets(&self, kind: Option<Kind>, page: Page<SetId>) -> Result<Vec<SeparationSet>, Refused> {
        let mut rows = separation_sets::Entity::find().order_by_asc(separation_sets::Column::Id).limit(page.limit);
        if let Some(after) = page.after {
            rows = rows.filter(separation_sets::Column::Id.gt(after));
        }
        if let Some(kind) = kind {
            rows = rows.filter(separation_sets::Column::Kind.eq(kind.as_str()));
        }
        let mut sets = Vec::new();
        for row in rows.all(&self.db).await? {
            sets.push(with_roles(&self.db, row).await?);
        }
        Ok(sets)
    }
}

/// The row of a separation set.
pub(super) async fn find(db: &impl ConnectionTrait, set: &SetRef) -> Result<separation_sets::Model, Refused> {
    let rows = match set {
        SetRef::Id(id) => separation_sets::Entity::find_by_id(*id),
        SetRef::Name(name) => separation_sets::Entity::find().filter(separation_sets::Column::Name.eq(name.as_str())),
    };
    rows.one(db).await?.ok_or(Refused::NotFound("separation set"))
}

/// The set of a row, with its roles.
pub(super) async fn with_roles(
    db: &impl ConnectionTrait,
    row: separation_sets::Model,
) -> Result<SeparationSet, Refused> {
    let members: Vec<RoleId> = separation_set_roles::Entity::find()
        .select_only()
        .column(separation_set_roles::Column::RoleId)
        .filter(separation_set_roles::Column::SetId.eq(row.id))
        .into_tuple()
        .all(db)
        .await?;
    let names = roles::Entity::find().filter(roles::Column::Id.is_in(members)).all(db).await?;
    let roles = names.iter().map(|role| stored(&role.name)).collect::<Result<_, _>>()?;
    Ok(SeparationSet {
        id: row.id,
        name: stored(&row.name)?,
        kind: kind(&row),
        cardinality: cardinality(&row),
        roles,
        revision: row.revision,
    })
}

/// A set as a step of the graph.
pub(super) fn separated(row: &separation_sets::Model, roles: BTreeSet<RoleName>) -> Result<Delta, DbErr> {
    Ok(Delta::Separated { set: stored(&row.name)?, kind: kind(row), cardinality: cardinality(row), roles })
}

fn kind(row: &separation_sets::Model) -> Kind {
    if row.kind == Kind::Static.as_str() { Kind::Static } else { Kind::Dynamic }
}

fn cardinality(row: &separation_sets::Model) -> u64 {
    row.cardinality.unsigned_abs()
}

/// Whether some user's assignments, now or later, authorize for too many roles of a static set; `others` aside.
///
/// This looks at everyone who has one of its roles. The pairs of a member and a role that authorizes for it go to the
/// database as one value, since there may be more of them than a statement takes parameters.
pub(super) async fn broken_by_user(
    view: &View<'_>,
    after: &Graph,
    set: &policy::SeparationSet,
    others: &BTreeSet<UserId>,
) -> Result<bool, DbErr> {
    let pairs = |(number, member): (usize, &RoleName)| {
        let senior = |senior: RoleName| json!({ "member": number, "role": senior });
        after.authorizing(member).into_iter().map(senior).collect::<Vec<_>>()
    };
    let pairs: Vec<_> = set.roles.iter().enumerate().flat_map(pairs).collect();
    let others: Vec<_> = others.iter().map(|user| user.0).collect();
    let (pairs, others) = (json!(pairs).to_string(), json!(others).to_string());
    let sql = match view.txn.get_database_backend() {
        DbBackend::Postgres => BROKEN_ON_POSTGRES,
        _ => BROKEN_ON_SQLITE,
    };
    any(view, sql, [pairs.into(), view.now.into(), number(set).into(), others.into()]).await
}

/// The users of one role after the other, by an index. How many they are no planner knows, and so it would rather read all
/// assignments there are: on PostgreSQL the offset, on SQLite the cross join keeps it from that.
const BROKEN_ON_POSTGRES: &str = "
SELECT held.user_id FROM json_to_recordset($1::json) AS pair (member integer, role text)
JOIN roles ON roles.name = pair.role CROSS JOIN LATERAL (SELECT user_id FROM assignments
    WHERE role_id = roles.id AND (valid_until IS NULL OR valid_until > $2) OFFSET 0) AS held
WHERE held.user_id NOT IN (SELECT value::uuid FROM json_array_elements_text($4::json))
GROUP BY held.user_id HAVING count(DISTINCT pair.member) >= $3 LIMIT 1";

const BROKEN_ON_SQLITE: &str = "
SELECT held.user_id FROM json_each($1) AS pair
CROSS JOIN roles ON roles.name = pair.value->>'role' CROSS JOIN assignments AS held ON held.role_id = roles.id
WHERE (held.valid_until IS NULL OR held.valid_until > $2)
    AND hex(held.user_id) NOT IN (SELECT upper(replace(value, '-', '')) FROM json_each($4))
GROUP BY held.user_id HAVING count(DISTINCT pair.value->>'member') >= $3 LIMIT 1";

/// Whether too many roles of a dynamic set are active in some session, or will be in one that follows what is assigned.
pub(super) async fn broken_by_session(view: &View<'_>, set: &policy::SeparationSet) -> Result<bool, DbErr> {
    let roles = json!(set.roles).to_string();
    let (elements, held) = match view.txn.get_database_backend() {
        DbBackend::Postgres => ("json_array_elements_text($1::json) AS member", HELD_ON_POSTGRES),
        _ => ("json_each($1) AS member", HELD_ON_SQLITE),
    };
    // A space before and after, so that no name is found within another.
    let named = format!(
        "SELECT sessions.id FROM sessions, {elements}
         WHERE sessions.expires_at > $2
             AND ' ' || sessions.roles || ' ' <> replace(' ' || sessions.roles || ' ', ' ' || member.value || ' ', '')
         GROUP BY sessions.id HAVING count(*) >= $3 LIMIT 1"
    );
    let following = format!(
        "SELECT held.user_id FROM {held}
         WHERE (held.valid_until IS NULL OR held.valid_until > $2) AND EXISTS (
             SELECT 1 FROM sessions WHERE sessions.user_id = held.user_id AND sessions.roles IS NULL
                 AND sessions.expires_at > $2)
         GROUP BY held.user_id HAVING count(*) >= $3 LIMIT 1"
    );
    let values = || [roles.clone().into(), view.now.into(), number(set).into()];
    Ok(any(view, &named, values()).await? || any(view, &following, values()).await?)
}

/// As above: the users of one role after the other.
const HELD_ON_POSTGRES: &str = "json_array_elements_text($1::json) AS member JOIN roles ON roles.name = member.value
CROSS JOIN LATERAL (SELECT user_id, valid_until FROM assignments WHERE role_id = roles.id OFFSET 0) AS held";

const HELD_ON_SQLITE: &str = "json_each($1) AS member CROSS JOIN roles ON roles.name = member.value
CROSS JOIN assignments AS held ON held.role_id = roles.id";

fn number(set: &policy::SeparationSet) -> i64 {
    i64::try_from(set.cardinality).unwrap_or(i64::MAX)
}

async fn any<const N: usize>(view: &View<'_>, sql: &str, values: [Value; N]) -> Result<bool, DbErr> {
    let query = Statement::from_sql_and_values(view.txn.get_database_backend(), sql, values);
    Ok(view.txn.query_one_raw(query).await?.is_some())
}
