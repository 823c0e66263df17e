use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{
    Page, Refused, RoleId, SetId, Store,
    entity::{roles, separation_set_roles, separation_sets},
    replica::stored,
};
use crate::policy::{self, Delta, Kind, RoleName, SetName};

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
        let mut rows = page.of(separation_sets::Entity::find(), separation_sets::Column::Id);
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
