use std::collections::BTreeSet;

use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use rolecall_guard::{Problem, Require};

use super::{State, Tag, explain::MOST, responses::page, text::Limit};
use crate::{
    catalogue::{access, roles},
    policy::{PermissionName, RoleName},
    store::{Holder, Holders},
};

/// Someone who may.
#[derive(Debug, Object)]
struct PermissionHolder {
    username: String,
    /// The assigned roles that give it: 100 at most.
    via: Vec<String>,
}

impl From<Holder> for PermissionHolder {
    fn from(holder: Holder) -> Self {
        Self { username: holder.user.username, via: holder.via.into_iter().take(MOST).map(String::from).collect() }
    }
}

page! {
    /// A page of the users who have a permission.
    PermissionHolderPage of PermissionHolder
}

/// A role that gives a permission.
#[derive(Debug, Object)]
struct GivingRole {
    role: String,
    /// Granted to the role itself, not to one below it.
    direct: bool,
}

page! {
    /// A page of the roles that give a permission.
    GivingRolePage of GivingRole
}

pub(super) struct WhoCan(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Permissions")]
impl WhoCan {
    /// List the users who have a permission
    ///
    /// Those who may sign in and have a role that gives it, by id, which is by age.
    #[oai(path = "/permissions/:permission/users", method = "get", operation_id = "list_permission_users")]
    async fn users(
        &self,
        _caller: Require<access::Read>,
        permission: Path<PermissionName>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<PermissionHolderPage>, Problem> {
        let paging = self.0.cursors.paging(format!("permission users {}", permission.0), limit.0, cursor.0)?;
        self.0.store.permission(&permission).await?;
        let giving: BTreeSet<RoleName> = self.0.store.snapshot().graph.giving(permission.0.as_str()).cloned().collect();
        let holders = self.0.store.holders(&giving, Holders::Active, paging.page()?).await?;
        Ok(Json(paging.cut(holders, |holder| holder.user.id.0.to_string()).into()))
    }

    /// List the roles that give a permission
    ///
    /// By name.
    #[oai(path = "/permissions/:permission/roles", method = "get", operation_id = "list_permission_roles")]
    async fn roles(
        &self,
        _caller: Require<roles::Read>,
        permission: Path<PermissionName>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<GivingRolePage>, Problem> {
        let paging = self.0.cursors.paging(format!("permission roles {}", permission.0), limit.0, cursor.0)?;
        self.0.store.permission(&permission).await?;
        let snapshot = self.0.store.snapshot();
        let granting: BTreeSet<_> = snapshot.graph.granting(permission.0.as_str()).collect();
        let giving = snapshot.graph.giving(permission.0.as_str());
        let roles = giving.map(|role| GivingRole { role: role.to_string(), direct: granting.contains(role) });
        Ok(Json(paging.of(roles, |item| item.role.clone()).into()))
    }
}
