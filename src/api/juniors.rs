use poem_openapi::{
    Object, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
};
use rolecall_guard::{Problem, Require};

use super::{
    State, Tag,
    dry_run::Instead,
    responses::{Done, NoMembers, page},
    text::Limit,
};
use crate::{
    catalogue::roles as permission,
    policy::RoleName,
    store::{
        IfMatch,
        commands::{AddInheritance, DeleteInheritance},
    },
};

/// A role that another one inherits from.
#[derive(Debug, Object)]
struct Junior {
    role: String,
}

impl From<RoleName> for Junior {
    fn from(role: RoleName) -> Self {
        Self { role: role.into() }
    }
}

page! {
    /// A page of a role's immediate juniors.
    JuniorPage of Junior
}

pub(super) struct Juniors(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Roles")]
impl Juniors {
    /// List a role's juniors
    ///
    /// Those it inherits from directly, by name.
    #[oai(path = "/roles/:role/juniors", method = "get", operation_id = "list_role_juniors")]
    async fn list(
        &self,
        _caller: Require<permission::Read>,
        role: Path<RoleName>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<JuniorPage>, Problem> {
        let paging = self.0.cursors.paging(format!("juniors {}", role.0), limit.0, cursor.0)?;
        self.0.store.role(&role).await?;
        let juniors = self.0.store.snapshot().graph.juniors(&role);
        Ok(Json(paging.of(juniors, ToString::to_string).into()))
    }

    /// Let a role inherit from another
    ///
    /// It gets every permission of its junior, now and later, and of the junior's juniors.
    #[oai(path = "/roles/:role/juniors/:junior", method = "put", operation_id = "add_junior")]
    async fn add(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        role: Path<RoleName>,
        junior: Path<RoleName>,
        /// Only if the role's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        _body: NoMembers,
    ) -> Result<Done, Instead> {
        let command = AddInheritance { senior: role.0, junior: junior.0 };
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }

    /// Let a role inherit from another no more
    ///
    /// It may still do so by way of others. Tokens that rest on it stop working at once.
    #[oai(path = "/roles/:role/juniors/:junior", method = "delete", operation_id = "delete_junior")]
    async fn delete(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        role: Path<RoleName>,
        junior: Path<RoleName>,
        /// Only if the role's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
    ) -> Result<Done, Instead> {
        let command = DeleteInheritance { senior: role.0, junior: junior.0 };
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }
}
