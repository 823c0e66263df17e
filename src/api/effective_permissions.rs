use std::collections::BTreeMap;

use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use rolecall_guard::{Problem, Require};

use super::{
    State, Tag,
    explain::{BUDGET, MOST},
    responses::page,
    text::{Limit, Line},
};
use crate::{
    catalogue::access,
    policy::{Budget, Graph, RoleName, Ways, in_force},
    store::UserRef,
};

/// A permission that a user has.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct EffectivePermission {
    pub(super) permission: String,
    /// The roles that give it.
    via: Vec<String>,
    /// Each way from one of them down to the role that was granted it; only if asked for.
    paths: Option<Vec<Vec<String>>>,
    /// Whether there are more ways than are shown: 100 are the most, and fewer where a page would be too long. Ask about this
    /// permission alone to see more.
    more_paths: Option<bool>,
}

impl EffectivePermission {
    /// With what is left of a page's budget.
    fn explain(&mut self, graph: &Graph, budget: &mut Budget) {
        let Ok(permission) = self.permission.parse() else { return };
        let roles: Vec<RoleName> = self.via.iter().filter_map(|role| role.parse().ok()).collect();
        let Ways { paths, more } = graph.ways(&roles, &permission, MOST, budget);
        self.paths = Some(paths.into_iter().map(|path| path.0.into_iter().map(String::from).collect()).collect());
        self.more_paths = Some(more);
    }

    fn is_on(&self, resource: &Line<64>) -> bool {
        self.permission.split_once(':').is_some_and(|(on, _)| on == resource.0)
    }
}

/// What these roles give, by name.
pub(super) fn effective<'a>(graph: &Graph, roles: impl IntoIterator<Item = &'a RoleName>) -> Vec<EffectivePermission> {
    let mut via: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for role in roles {
        for permission in graph.permissions([role.as_str()]) {
            via.entry(permission.into()).or_default().push(role.to_string());
        }
    }
    via.into_iter()
        .map(|(permission, via)| EffectivePermission { permission, via, paths: None, more_paths: None })
        .collect()
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
        let graph = self.0.store.snapshot();
        let all = effective(&graph.graph, &roles);
        let all = all.into_iter().filter(|item| resource.0.as_ref().is_none_or(|resource| item.is_on(resource)));
        let (mut items, next) = paging.of(all, |item| item.permission.clone());
        if explain.0 {
            let mut budget = BUDGET;
            for item in &mut items {
                item.explain(&graph.graph, &mut budget);
            }
        }
        Ok(Json((items, next).into()))
    }
}
