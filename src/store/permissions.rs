use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::{Page, PermissionId, Refused, Store, entity::permissions, replica::stored, users::beginning};
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
        let mut rows = permissions::Entity::find().order_by_asc(permissions::Column::Id).limit(page.limit);
        if let Some(after) = page.after {
            rows = rows.filter(permissions::Column::Id.gt(after));
        }
        if let Some(prefix) = prefix {
            rows = rows.filter(Expr::col(permissions::Column::Name).like(beginning(prefix)));
        }
        rows.all(&self.db).await?.into_iter().map(Permission::try_from).collect()
    }

    /// The first of these names that is no permission.
    pub async fn unknown_permission<'a>(&self, names: &[&'a str]) -> Result<Option<&'a str>, Refused> {
        let known: Vec<String> = permissions::Entity::find()
            .select_only()
            .column(permissions::Column::Name)
            .filter(permissions::Column::Name.is_in(names.iter().copied()))
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(names.iter().copied().find(|name| !known.iter().any(|known| known == name)))
    }
}

/// The row of a permission.
pub(super) async fn find(db: &impl ConnectionTrait, name: &PermissionName) -> Result<permissions::Model, Refused> {
    let rows = permissions::Entity::find().filter(permissions::Column::Name.eq(name.as_str()));
    rows.one(db).await?.ok_or(Refused::NotFound("permission"))
}
