use std::collections::BTreeMap;

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
    catalogue::{access, assignments as permission},
    policy::RoleName,
    store::{
        IfMatch, User, UserRef,
        commands::{Assign, Deassign},
    },
};

/// A role that a user has.
#[derive(Debug, Object)]
struct Assignment {
    role: String,
    /// Assigned itself, not inherited.
    direct: bool,
}

impl From<RoleName> for Assignment {
    fn from(role: RoleName) -> Self {
        Self { role: role.to_string(), direct: true }
    }
}

page! {
    /// A page of the roles a user has.
    AssignmentPage of Assignment
}

/// A user who has a role.
#[derive(Debug, Object)]
struct RoleHolder {
    username: String,
    /// The role itself is assigned, not one above it.
    direct: bool,
}

impl From<User> for RoleHolder {
    fn from(user: User) -> Self {
        Self { username: user.username, direct: true }
    }
}

page! {
    /// A page of the users who have a role.
    RoleHolderPage of RoleHolder
}

/// A permission that a user has.
#[derive(Debug, Object)]
struct EffectivePermission {
    permission: String,
    /// The roles that give it.
    via: Vec<String>,
}

page! {
    /// A page of the permissions a user has.
    EffectivePermissionPage of EffectivePermission
}

pub(super) struct Assignments(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Assignments")]
impl Assignments {
    /// List a user's roles
    ///
    /// By name.
    #[oai(path = "/users/:user/roles", method = "get", operation_id = "list_user_roles")]
    async fn roles(
        &self,
        _caller: Require<permission::Read>,
        /// A username or an id.
        user: Path<UserRef>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<AssignmentPage>, Problem> {
        let paging = self.0.cursors.paging(format!("user roles {:?}", user.0), limit.0, cursor.0)?;
        let roles = self.0.store.assigned_roles(&user).await?;
        Ok(Json(paging.of(roles, ToString::to_string).into()))
    }

    /// Assign a role to a user
    ///
    /// You can only give what you hold, to someone who holds no more than you.
    #[oai(path = "/users/:user/roles/:role", method = "put", operation_id = "assign_role")]
    async fn assign(
        &self,
        caller: Require<permission::Create>,
        /// A username or an id.
        user: Path<UserRef>,
        role: Path<RoleName>,
        /// Only if the user's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        _body: NoMembers,
    ) -> Result<Done, Problem> {
        let command = Assign { user: user.0, role: role.0 };
        self.0.change(&caller, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }

    /// Take a role away from a user
    ///
    /// Tokens that carry it stop working at once.
    #[oai(path = "/users/:user/roles/:role", method = "delete", operation_id = "deassign_role")]
    async fn deassign(
        &self,
        caller: Require<permission::Delete>,
        /// A username or an id.
        user: Path<UserRef>,
        role: Path<RoleName>,
        /// Only if the user's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
    ) -> Result<Done, Problem> {
        let command = Deassign { user: user.0, role: role.0 };
        self.0.change(&caller, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }

    /// List what a user may do
    ///
    /// Every permission that the user's roles give, by name.
    #[oai(path = "/users/:user/permissions", method = "get", operation_id = "list_user_permissions")]
    async fn permissions(
        &self,
        _caller: Require<access::Read>,
        /// A username or an id.
        user: Path<UserRef>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<EffectivePermissionPage>, Problem> {
        let paging = self.0.cursors.paging(format!("user permissions {:?}", user.0), limit.0, cursor.0)?;
        let roles = self.0.store.assigned_roles(&user).await?;
        let graph = &self.0.store.snapshot().graph;
        let mut via: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for role in roles {
            for permission in graph.permissions([role.as_str()]) {
                via.entry(permission.into()).or_default().push(role.to_string());
            }
        }
        let all = via.into_iter().map(|(permission, via)| EffectivePermission { permission, via });
        Ok(Json(paging.of(all, |item| item.permission.clone()).into()))
    }

    /// List the users who have a role
    ///
    /// By id, which is by age.
    #[oai(path = "/roles/:role/users", method = "get", operation_id = "list_role_users")]
    async fn users(
        &self,
        _caller: Require<permission::Read>,
        role: Path<RoleName>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<RoleHolderPage>, Problem> {
        let paging = self.0.cursors.paging(format!("role users {}", role.0), limit.0, cursor.0)?;
        let users = self.0.store.assigned_users(&role, paging.page()?).await?;
        Ok(Json(paging.cut(users, |user| user.id.0.to_string()).into()))
    }
}
