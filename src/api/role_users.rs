use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use rolecall_guard::{Problem, Require};
use time::OffsetDateTime;

use super::{
    State, Tag,
    explain::MOST,
    responses::{page, shown},
    text::Limit,
};
use crate::{
    catalogue::assignments as permission,
    policy::RoleName,
    store::{Assignee, Holder, Holders},
};

/// A user who has a role.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct RoleHolder {
    username: String,
    /// The role itself is assigned, not one above it.
    direct: bool,
    /// The assigned roles that stand above it, by way of which the user has it: 100 at most.
    via: Option<Vec<String>>,
    /// From when on the assignment counts; absent: from the beginning, or, with `inherited`, it does.
    valid_from: Option<OffsetDateTime>,
    /// Until when; absent: without end, or, with `inherited`, it counts now.
    valid_until: Option<OffsetDateTime>,
}

impl From<Assignee> for RoleHolder {
    fn from(assignee: Assignee) -> Self {
        let Assignee { username, valid_from, valid_until, .. } = assignee;
        let (valid_from, valid_until) = (valid_from.map(shown), valid_until.map(shown));
        Self { username, direct: true, via: None, valid_from, valid_until }
    }
}

impl RoleHolder {
    /// Of a role, whether by itself or by way of others.
    fn of(role: &RoleName, holder: Holder) -> Self {
        let direct = holder.via.contains(role);
        let via = holder.via.into_iter().filter(|via| via != role);
        let via: Vec<String> = via.take(MOST).map(String::from).collect();
        let via = (!via.is_empty()).then_some(via);
        Self { username: holder.user.username, direct, via, valid_from: None, valid_until: None }
    }
}

page! {
    /// A page of the users who have a role.
    RoleHolderPage of RoleHolder
}

pub(super) struct RoleUsers(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Assignments")]
impl RoleUsers {
    /// List the users who have a role
    ///
    /// By id, which is by age. Also those for whom the assignment's time hasn't come or is over, unless `inherited`.
    #[oai(path = "/roles/:role/users", method = "get", operation_id = "list_role_users")]
    async fn users(
        &self,
        _caller: Require<permission::Read>,
        role: Path<RoleName>,
        /// Also those who have it by way of a role above it; only whom it counts for now.
        #[oai(default)]
        inherited: Query<bool>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<RoleHolderPage>, Problem> {
        let list = format!("role users {} {}", role.0, inherited.0);
        let paging = self.0.cursors.paging(list, limit.0, cursor.0)?;
        if inherited.0 {
            self.0.store.role(&role).await?;
            let roles = self.0.store.snapshot().graph.authorizing(&role);
            let holders = self.0.store.holders(&roles, Holders::All, paging.page()?).await?;
            let (holders, next) = paging.cut(holders, |holder| holder.user.id.0.to_string());
            let items: Vec<_> = holders.into_iter().map(|holder| RoleHolder::of(&role, holder)).collect();
            return Ok(Json((items, next).into()));
        }
        let users = self.0.store.assigned_users(&role, paging.page()?).await?;
        Ok(Json(paging.cut(users, |user| user.user_id.0.to_string()).into()))
    }
}
