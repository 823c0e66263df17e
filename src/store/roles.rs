use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::{Page, Refused, RoleId, Store, entity::roles, users::begins};
use crate::policy::RoleName;

/// A named job function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Part of Rolecall itself.
    pub built_in: bool,
    /// When it was made, in microseconds since 1970.
    pub created_at: i64,
    /// When a member of it was last changed.
    pub updated_at: i64,
    /// The revision of its last change, grants included.
    pub revision: i64,
}

impl From<roles::Model> for Role {
    fn from(row: roles::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            built_in: row.built_in,
            created_at: row.created_at,
            updated_at: row.updated_at,
            revision: row.revision,
        }
    }
}

impl Store {
    /// The role.
    pub async fn role(&self, name: &RoleName) -> Result<Role, Refused> {
        Ok(find(&self.db, name).await?.into())
    }

    /// Roles by id; only those whose name begins with `prefix`, if given.
    pub async fn roles(&self, prefix: Option<&str>, page: Page<RoleId>) -> Result<Vec<Role>, Refused> {
        let mut rows = page.of(roles::Entity::find(), roles::Column::Id);
        if let Some(prefix) = prefix {
            rows = rows.filter(begins(roles::Column::Name, prefix));
        }
        Ok(rows.all(&self.db).await?.into_iter().map(Role::from).collect())
    }
}

/// The row of a role.
pub(super) async fn find(db: &impl ConnectionTrait, name: &RoleName) -> Result<roles::Model, Refused> {
    let rows = roles::Entity::find().filter(roles::Column::Name.eq(name.as_str()));
    rows.one(db).await?.ok_or_else(|| Refused::NoSuch("role", name.to_string()))
}
