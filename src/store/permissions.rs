use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter};

use super::{Page, PermissionId, Refused, Store, entity::permissions, replica::stored, users::begins};
use crate::policy::PermissionName;

/// An action on a resource type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Its id.
    pub id: PermissionId,
    /// Its name.
    pub name: PermissionName,
    /// What it lets someone do.
    pub description: Option<String>,
    /// Part of Rolecall itself.
    pub built_in: bool,
    /// When it was made, in microseconds since 1970.
    pub created_at: i64,
    /// The revision of its last change.
    pub revision: i64,
}

impl TryFrom<permissions::Model> for Permission {
    type Error = Refused;

    fn try_from(row: permissions::Model) -> Result<Self, Refused> {
        Ok(Self {
            id: row.id,
            name: stored(&row.name)?,
            description: row.description,
            built_in: row.built_in,
            created_at: row.created_at,
            revision: row.revision,
        })
    }
}

impl Store {
    /// The permission.
    pub async fn permission(&self, name: &PermissionName) -> Result<Permission, Refused> {
        find(&self.db, name).await?.try_into()
    }

    /// Permissions by id; only those whose name begins with `prefix`, if given.
    pub async fn permissions(
        &self,
        prefix: Option<&str>,
        page: Page<PermissionId>,
    ) -> Result<Vec<Permission>, Refused> {
        let mut rows = page.of(permissions::Entity::find(), permissions::Column::Id);
        if let Some(prefix) = prefix {
            rows = rows.filter(begins(permissions::Column::Name, prefix));
        }
        rows.all(&self.db).await?.into_iter().map(Permission::try_from).collect()
    }

    /// Whether each of these names is a permission's.
    pub async fn are_permissions(&self, names: &[String]) -> Result<bool, Refused> {
        let Ok(names) = names.iter().map(|name| name.parse()).collect::<Result<BTreeSet<PermissionName>, _>>() else {
            return Ok(false);
        };
        Ok(all_exist(&self.db, &names).await?)
    }
}

/// Whether each of these is a permission.
pub(super) async fn all_exist(db: &impl ConnectionTrait, names: &BTreeSet<PermissionName>) -> Result<bool, DbErr> {
    let known =
        permissions::Entity::find().filter(permissions::Column::Name.is_in(names.iter().map(PermissionName::as_str)));
    Ok(known.count(db).await? == names.len() as u64)
}

/// The row of a permission.
pub(super) async fn find(db: &impl ConnectionTrait, name: &PermissionName) -> Result<permissions::Model, Refused> {
    let rows = permissions::Entity::find().filter(permissions::Column::Name.eq(name.as_str()));
    rows.one(db).await?.ok_or_else(|| Refused::NoSuch("permission", name.to_string()))
}
