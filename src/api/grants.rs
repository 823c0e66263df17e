use poem_openapi::{
    Object, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
};
use rolecall_guard::{Problem, Require};

use super::{
    State, Tag,
    responses::{Done, NoMembers, page},
    text::Limit,
};
use crate::{
    catalogue::roles as permission,
    policy::{PermissionName, RoleName},
    store::{
        IfMatch,
        commands::{Grant, Revoke},
    },
};

/// A permission that a role was granted.
#[derive(Debug, Object)]
struct GrantedPermission {
    permission: String,
}

impl From<PermissionName> for GrantedPermission {
    fn from(permission: PermissionName) -> Self {
        Self { permission: permission.into() }
    }
}

page! {
    /// A page of a role's permissions.
    GrantedPermissionPage of GrantedPermission
}

pub(super) struct Grants(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Roles")]
impl Grants {
    /// List a role's permissions
    ///
    /// By name.
    #[oai(path = "/roles/:role/permissions", method = "get", operation_id = "list_role_permissions")]
    async fn list(
        &self,
        _caller: Require<permission::Read>,
        role: Path<RoleName>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<GrantedPermissionPage>, Problem> {
        let paging = self.0.cursors.paging(format!("role permissions {}", role.0), limit.0, cursor.0)?;
        self.0.store.role(&role).await?;
        let permissions = self.0.store.snapshot().graph.permissions([role.0.as_str()]);
        Ok(Json(paging.of(permissions, ToString::to_string).into()))
    }

    /// Grant a permission to a role
    ///
    /// You can only grant what you hold, to a role that gives no more than you hold.
    #[oai(path = "/roles/:role/permissions/:permission", method = "put", operation_id = "grant_permission")]
    async fn grant(
        &self,
        caller: Require<permission::Update>,
        role: Path<RoleName>,
        permission: Path<PermissionName>,
        /// Only if the role's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        _body: NoMembers,
    ) -> Result<Done, Problem> {
        let command = Grant { role: role.0, permission: permission.0 };
        self.0.change(&caller, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }

    /// Revoke a permission from a role
    ///
    /// Tokens that carry the role stop working at once.
    #[oai(path = "/roles/:role/permissions/:permission", method = "delete", operation_id = "revoke_permission")]
    async fn revoke(
        &self,
        caller: Require<permission::Update>,
        role: Path<RoleName>,
        permission: Path<PermissionName>,
        /// Only if the role's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
    ) -> Result<Done, Problem> {
        let command = Revoke { role: role.0, permission: permission.0 };
        self.0.change(&caller, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }
}
