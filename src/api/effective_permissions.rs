use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use rolecall_guard::{Problem, Require};

use super::{
    State, Tag,
    explain::{MOST, Way, Ways},
    responses::page,
    text::{Limit, Line},
};
use crate::{
    catalogue::access,
    policy::{Graph, PermissionName, RoleName, in_force},
    store::UserRef,
};

/// A permission that a user has.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct EffectivePermission {
    pub(super) permission: String,
    /// The roles that give it: 100 at most.
    via: Vec<String>,
    /// Each way from one of them down to the role that was granted it; only if asked for.
    paths: Option<Vec<Way>>,
    /// Whether there are more ways than are shown: 100 are the most, and fewer where a page would be too long. Ask about this
    /// permission alone to see more.
    more_paths: Option<bool>,
}

/// Of a permission, by which of these roles it is given.
pub(super) fn effective<'a>(
    graph: &Graph,
    roles: impl IntoIterator<Item = &'a RoleName>,
    permission: &PermissionName,
) -> EffectivePermission {
    let giving = roles.into_iter().filter(|role| graph.gives([role.as_str()], permission.as_str()));
    let via = giving.take(MOST).map(ToString::to_string).collect();
    EffectivePermission { permission: permission.to_string(), via, paths: None, more_paths: None }
}

page! {
    /// A page of the permissions a user has.
    EffectivePermissionPage of EffectivePermission
}

pub(super) struct EffectivePermissions(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Assignments")]
impl EffectivePermissions {
    /// List what a user may do
    ///
    /// Every permission that the user's roles give, by name (NIST `UserPermissions`): what a disabled user has, too, though it
    /// can use none of it. Whether someone may do something now says `explain_user_permission`, or an AuthZEN evaluation.
    #[oai(path = "/users/:user/permissions", method = "get", operation_id = "list_user_permissions")]
    async fn permissions(
        &self,
        _caller: Require<access::Read>,
        /// A username or an id.
        user: Path<UserRef>,
        /// Only those on this resource type.
        resource: Query<Option<Line<64>>>,
        /// Also each way in which the user comes by it.
        #[oai(default)]
        explain: Query<bool>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<EffectivePermissionPage>, Problem> {
        let list = format!("user permissions {:?} {:?}", user.0, resource.0);
        let paging = self.0.cursors.paging(list, limit.0, cursor.0)?;
        let assignments = self.0.store.assignments(&user).await?;
        let roles = in_force(&assignments, self.0.store.clock().micros());
        let snapshot = self.0.store.snapshot();
        let graph = &snapshot.graph;
        let all = graph.permissions(roles.iter().map(RoleName::as_str)).into_iter();
        let all =
            all.filter(|permission| resource.0.as_ref().is_none_or(|resource| permission.resource() == resource.0));
        let (permissions, next) = paging.of(all, ToString::to_string);
        let mut ways = explain.0.then(|| Ways::new(graph, &assignments, &roles));
        let item = |permission| {
            let (paths, more_paths) = ways.as_mut().map(|ways| ways.of(permission)).unzip();
            EffectivePermission { paths, more_paths, ..effective(graph, &roles, permission) }
        };
        let items: Vec<_> = permissions.iter().map(item).collect();
        Ok(Json((items, next).into()))
    }
}
