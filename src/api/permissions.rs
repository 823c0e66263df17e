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
    catalogue::permissions as permission,
    policy::PermissionName,
    random,
    store::{
        self, IfMatch, PermissionId,
        commands::{CreatePermission, DeletePermission, UpdatePermission},
    },
};

/// An action on a resource type.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
struct Permission {
    id: Uuid,
    /// `resource:action`
    name: String,
    resource: String,
    action: String,
    description: Option<String>,
    /// Part of Rolecall itself: can't be deleted.
    built_in: bool,
    created_at: OffsetDateTime,
}

impl From<store::Permission> for Permission {
    fn from(permission: store::Permission) -> Self {
        Self {
            id: permission.id.0,
            name: permission.name.to_string(),
            resource: permission.name.resource().into(),
            action: permission.name.action().into(),
            description: permission.description,
            built_in: permission.built_in,
            created_at: shown(permission.created_at),
        }
    }
}

impl Example for Permission {
    fn example() -> Self {
        Self {
            id: Uuid::from_u128(0x0190_f5e6_5b1c_7c3e_9d4f_1a2b_3c4d_5e71),
            name: "articles:update".into(),
            resource: "articles".into(),
            action: "update".into(),
            description: Some("Change articles".into()),
            built_in: false,
            created_at: shown(1_767_225_600_000_000),
        }
    }
}

page! {
    /// A page of permissions.
    PermissionPage of Permission
}

/// A permission to make.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example, rename = "PermissionCreate")]
struct NewPermission {
    /// `resource:action`
    name: PermissionName,
    description: Option<Line<1000>>,
}

impl Example for NewPermission {
    fn example() -> Self {
        Self { name: known("articles:update"), description: Some(known("Change articles")) }
    }
}

/// What to change of a permission; a member left out stays as it is, `null` clears it.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example)]
struct PermissionPatch {
    description: MaybeUndefined<Line<1000>>,
}

impl Example for PermissionPatch {
    fn example() -> Self {
        Self { description: MaybeUndefined::Value(known("Change and correct articles")) }
    }
}

pub(super) struct Permissions(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Permissions")]
impl Permissions {
    /// List permissions
    ///
    /// By id: the oldest first.
    #[oai(path = "/permissions", method = "get", operation_id = "list_permissions")]
    async fn list(
        &self,
        _caller: Require<permission::Read>,
        /// Only those whose name begins so.
        q: Query<Option<Line<129>>>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<PermissionPage>, Problem> {
        let prefix = q.0.map(|q| q.0);
        let paging = self.0.cursors.paging(format!("permissions {prefix:?}"), limit.0, cursor.0)?;
        let permissions = self.0.store.permissions(prefix.as_deref(), paging.page()?).await?;
        Ok(Json(paging.cut(permissions, |permission| permission.id.0.to_string()).into()))
    }

    /// Create a permission
    ///
    /// Nobody holds it at first; granting it takes `roles:escalate`.
    #[oai(path = "/permissions", method = "post", operation_id = "create_permission")]
    async fn create(
        &self,
        caller: Require<permission::Create>,
        #[oai(default)] dry_run: Query<bool>,
        new: Sent<NewPermission>,
    ) -> Result<Created<Permission>, Instead> {
        let command = CreatePermission {
            id: PermissionId(random::id(self.0.store.clock())),
            name: new.0.name,
            description: new.0.description.map(|description| description.0),
        };
        let permission = self.0.change(&caller, dry_run.0, None, &command).await?;
        Ok(created(format!("/v1/permissions/{}", permission.name), permission.revision, permission))
    }

    /// Read a permission
    ///
    /// With an `ETag`: send it back as `If-Match` to change only what you have seen.
    #[oai(path = "/permissions/:permission", method = "get", operation_id = "read_permission")]
    async fn read(
        &self,
        _caller: Require<permission::Read>,
        permission: Path<PermissionName>,
    ) -> Result<Found<Permission>, Problem> {
        let permission = self.0.store.permission(&permission).await?;
        Ok(found(permission.revision, permission))
    }

    /// Change a permission
    ///
    /// A merge patch (RFC 7396), also as `application/merge-patch+json`.
    #[oai(path = "/permissions/:permission", method = "patch", operation_id = "update_permission")]
    async fn update(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        permission: Path<PermissionName>,
        /// Only if its state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        patch: Sent<PermissionPatch>,
    ) -> Result<Found<Permission>, Instead> {
        let description = change(patch.0.description, |line| line.0);
        let command = UpdatePermission { permission: permission.0, description };
        let permission = self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(found(permission.revision, permission))
    }

    /// Delete a permission
    ///
    /// With its grants.
    #[oai(path = "/permissions/:permission", method = "delete", operation_id = "delete_permission")]
    async fn delete(
        &self,
        caller: Require<permission::Delete>,
        #[oai(default)] dry_run: Query<bool>,
        permission: Path<PermissionName>,
        /// Only if its state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
    ) -> Result<Done, Instead> {
        let command = DeletePermission { permission: permission.0 };
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }
}
