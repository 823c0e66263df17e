use std::collections::BTreeSet;

use poem_openapi::{
    Object, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
    types::{Example, MaybeUndefined},
};
use rolecall_guard::{Problem, Require};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    State, Tag,
    dry_run::Instead,
    patch::change,
    responses::{Created, Done, Found, created, found, page, shown},
    sent::Sent,
    text::{Limit, Line, known},
};
use crate::{
    catalogue::roles as permission,
    policy::{PermissionName, RoleName},
    random,
    store::{
        self, IfMatch, RoleId,
        commands::{CreateRole, DeleteRole, UpdateRole},
    },
};

/// A named job function.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
struct Role {
    id: Uuid,
    name: String,
    description: Option<String>,
    /// Part of Rolecall itself: can't be changed or deleted.
    built_in: bool,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<store::Role> for Role {
    fn from(role: store::Role) -> Self {
        Self {
            id: role.id.0,
            name: role.name,
            description: role.description,
            built_in: role.built_in,
            created_at: shown(role.created_at),
            updated_at: shown(role.updated_at),
        }
    }
}

impl Example for Role {
    fn example() -> Self {
        Self {
            id: Uuid::from_u128(0x0190_f5e6_5b1c_7c3e_9d4f_1a2b_3c4d_5e70),
            name: "editor".into(),
            description: Some("Writes and corrects articles".into()),
            built_in: false,
            created_at: shown(1_767_225_600_000_000),
            updated_at: shown(1_767_225_600_000_000),
        }
    }
}

page! {
    /// A page of roles.
    RolePage of Role
}

/// A role to make.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example, rename = "RoleCreate")]
struct NewRole {
    /// Folded to lower case.
    name: RoleName,
    description: Option<Line<1000>>,
    /// Permissions to grant at once.
    #[oai(validator(max_items = 500))]
    permissions: Option<Vec<PermissionName>>,
    /// Roles to inherit from.
    #[oai(validator(max_items = 500))]
    juniors: Option<Vec<RoleName>>,
    /// Roles that inherit from it.
    #[oai(validator(max_items = 500))]
    seniors: Option<Vec<RoleName>>,
}

impl Example for NewRole {
    fn example() -> Self {
        let description = Some(known("Writes and corrects articles"));
        Self { name: known("editor"), description, permissions: None, juniors: None, seniors: None }
    }
}

/// What to change of a role; a member left out stays as it is, `null` clears it.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example)]
struct RolePatch {
    description: MaybeUndefined<Line<1000>>,
}

impl Example for RolePatch {
    fn example() -> Self {
        Self { description: MaybeUndefined::Value(known("Corrects articles")) }
    }
}

pub(super) struct Roles(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Roles")]
impl Roles {
    /// List roles
    ///
    /// By id: the oldest first.
    #[oai(path = "/roles", method = "get", operation_id = "list_roles")]
    async fn list(
        &self,
        _caller: Require<permission::Read>,
        /// Only those whose name begins so.
        q: Query<Option<Line<128>>>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<RolePage>, Problem> {
        let prefix = q.0.map(|q| q.0);
        let paging = self.0.cursors.paging(format!("roles {prefix:?}"), limit.0, cursor.0)?;
        let roles = self.0.store.roles(prefix.as_deref(), paging.page()?).await?;
        Ok(Json(paging.cut(roles, |role| role.id.0.to_string()).into()))
    }

    /// Create a role
    ///
    /// Naming permissions or juniors gives it theirs at once; you can only give what you hold.
    #[oai(path = "/roles", method = "post", operation_id = "create_role")]
    async fn create(
        &self,
        caller: Require<permission::Create>,
        #[oai(default)] dry_run: Query<bool>,
        new: Sent<NewRole>,
    ) -> Result<Created<Role>, Instead> {
        let NewRole { name, description, permissions, juniors, seniors } = new.0;
        let command = CreateRole {
            id: RoleId(random::id(self.0.store.clock())),
            name,
            description: description.map(|description| description.0),
            permissions: permissions.into_iter().flatten().collect::<BTreeSet<_>>(),
            juniors: juniors.into_iter().flatten().collect(),
            seniors: seniors.into_iter().flatten().collect(),
        };
        let role = self.0.change(&caller, dry_run.0, None, &command).await?;
        Ok(created(format!("/v1/roles/{}", role.name), role.revision, role))
    }

    /// Read a role
    ///
    /// With an `ETag`: send it back as `If-Match` to change only what you have seen.
    #[oai(path = "/roles/:role", method = "get", operation_id = "read_role")]
    async fn read(&self, _caller: Require<permission::Read>, role: Path<RoleName>) -> Result<Found<Role>, Problem> {
        let role = self.0.store.role(&role).await?;
        Ok(found(role.revision, role))
    }

    /// Change a role
    ///
    /// A merge patch (RFC 7396), also as `application/merge-patch+json`.
    #[oai(path = "/roles/:role", method = "patch", operation_id = "update_role")]
    async fn update(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        role: Path<RoleName>,
        /// Only if its state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        patch: Sent<RolePatch>,
    ) -> Result<Found<Role>, Instead> {
        let command = UpdateRole { role: role.0, description: change(patch.0.description, |line| line.0) };
        let role = self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(found(role.revision, role))
    }

    /// Delete a role
    ///
    /// With its assignments and grants, and its place among other roles. A role made later under the same name has none of them.
    #[oai(path = "/roles/:role", method = "delete", operation_id = "delete_role")]
    async fn delete(
        &self,
        caller: Require<permission::Delete>,
        #[oai(default)] dry_run: Query<bool>,
        role: Path<RoleName>,
        /// Only if its state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
    ) -> Result<Done, Instead> {
        let command = DeleteRole { role: role.0 };
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }
}
