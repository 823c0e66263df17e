use std::collections::{BTreeMap, BTreeSet};

use poem_openapi::{
    Object, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
};
use rolecall_guard::{Problem, Require};

use super::{
    State, Tag,
    dry_run::Instead,
    responses::{Done, NoMembers, page, yes},
    text::{Limit, Line},
};
use crate::{
    catalogue::roles as permission,
    policy::{Graph, PermissionName, RoleName},
    store::{
        IfMatch,
        commands::{Grant, Revoke},
    },
};

/// A permission that a role was granted.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct GrantedPermission {
    permission: String,
    /// The juniors that were granted it, if the role wasn't itself.
    via: Option<Vec<String>>,
}

impl From<(PermissionName, BTreeSet<RoleName>)> for GrantedPermission {
    fn from((permission, via): (PermissionName, BTreeSet<RoleName>)) -> Self {
        let via = (!via.is_empty()).then(|| via.into_iter().map(String::from).collect());
        Self { permission: permission.into(), via }
    }
}

/// What a role gives, each with the juniors that were granted it; with none, where the role was itself.
fn given(graph: &Graph, role: &RoleName, inherited: bool) -> BTreeMap<PermissionName, BTreeSet<RoleName>> {
    let granted = |role: &RoleName| graph.role(role).map(|role| role.grants.clone()).unwrap_or_default();
    let own = granted(role);
    let mut given: BTreeMap<_, _> = own.iter().map(|permission| (permission.clone(), BTreeSet::new())).collect();
    let below = if inherited { graph.authorized([role.as_str()]) } else { BTreeSet::new() };
    for junior in below {
        for permission in granted(&junior).difference(&own) {
            given.entry(permission.clone()).or_default().insert(junior.clone());
        }
    }
    given
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
    /// Those granted to it and those inherited, by name.
    #[oai(path = "/roles/:role/permissions", method = "get", operation_id = "list_role_permissions")]
    async fn list(
        &self,
        _caller: Require<permission::Read>,
        role: Path<RoleName>,
        /// Also what its juniors give it.
        #[oai(default = "yes")]
        inherited: Query<bool>,
        /// Only those on this resource type.
        resource: Query<Option<Line<64>>>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<GrantedPermissionPage>, Problem> {
        let list = format!("role permissions {} {} {:?}", role.0, inherited.0, resource.0);
        let paging = self.0.cursors.paging(list, limit.0, cursor.0)?;
        self.0.store.role(&role).await?;
        let all = given(&self.0.store.snapshot().graph, &role, inherited.0);
        let is_on = |name: &PermissionName| resource.0.as_ref().is_none_or(|resource| name.resource() == resource.0);
        let some = all.into_iter().filter(|(permission, _)| is_on(permission)).map(GrantedPermission::from);
        Ok(Json(paging.of(some, |item| item.permission.clone()).into()))
    }

    /// Grant a permission to a role
    ///
    /// You can only grant what you hold, to a role that gives no more than you hold.
    #[oai(path = "/roles/:role/permissions/:permission", method = "put", operation_id = "grant_permission")]
    async fn grant(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        role: Path<RoleName>,
        permission: Path<PermissionName>,
        /// Only if the role's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        _body: NoMembers,
    ) -> Result<Done, Instead> {
        let command = Grant { role: role.0, permission: permission.0 };
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }

    /// Revoke a permission from a role
    ///
    /// Tokens that carry the role stop working at once.
    #[oai(path = "/roles/:role/permissions/:permission", method = "delete", operation_id = "revoke_permission")]
    async fn revoke(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        role: Path<RoleName>,
        permission: Path<PermissionName>,
        /// Only if the role's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
    ) -> Result<Done, Instead> {
        let command = Revoke { role: role.0, permission: permission.0 };
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }
}
