use std::collections::BTreeSet;

use poem_openapi::{
    Enum, Object, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
    types::{Example, MaybeUndefined},
};
use rolecall_guard::{Problem, Require};
use uuid::Uuid;

use super::{
    State, Tag,
    dry_run::Instead,
    patch::not_null,
    responses::{Created, Done, Found, NoMembers, created, found, page},
    sent::Sent,
    text::{Limit, known},
};
use crate::{
    catalogue::separation_sets as permission,
    policy::{self, RoleName, SetName},
    random,
    store::{
        self, IfMatch, SetId, SetRef,
        commands::{CreateSet, DeleteSet, Membership, UpdateSet},
    },
};

/// When roles are kept apart.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case", rename = "SeparationKind")]
pub(super) enum Kind {
    /// Always: nobody is authorized for too many of them.
    Static,
    /// At one time: in no session are too many of them active.
    Dynamic,
}

impl From<policy::Kind> for Kind {
    fn from(kind: policy::Kind) -> Self {
        match kind {
            policy::Kind::Static => Self::Static,
            policy::Kind::Dynamic => Self::Dynamic,
        }
    }
}

impl From<Kind> for policy::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Static => Self::Static,
            Kind::Dynamic => Self::Dynamic,
        }
    }
}

/// Roles that are kept apart.
#[derive(Debug, Object)]
#[oai(example)]
struct SeparationSet {
    id: Uuid,
    name: String,
    kind: Kind,
    /// The number of its roles that is one too many.
    cardinality: u64,
    roles: Vec<String>,
}

impl From<store::SeparationSet> for SeparationSet {
    fn from(set: store::SeparationSet) -> Self {
        Self {
            id: set.id.0,
            name: set.name.into(),
            kind: set.kind.into(),
            cardinality: set.cardinality,
            roles: set.roles.into_iter().map(String::from).collect(),
        }
    }
}

impl Example for SeparationSet {
    fn example() -> Self {
        Self {
            id: Uuid::from_u128(0x0190_f5e6_5b1c_7c3e_9d4f_1a2b_3c4d_5e71),
            name: "payments".into(),
            kind: Kind::Static,
            cardinality: 2,
            roles: vec!["approver".into(), "cashier".into()],
        }
    }
}

page! {
    /// A page of separation sets.
    SeparationSetPage of SeparationSet
}

/// A separation set to make.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example, rename = "SeparationSetCreate")]
struct NewSeparationSet {
    /// Folded to lower case.
    name: SetName,
    kind: Kind,
    /// The number of its roles that is one too many: at least 2, at most all.
    cardinality: u64,
    #[oai(validator(max_items = 500))]
    roles: Vec<RoleName>,
}

impl Example for NewSeparationSet {
    fn example() -> Self {
        let roles = vec![known("approver"), known("cashier")];
        Self { name: known("payments"), kind: Kind::Static, cardinality: 2, roles }
    }
}

/// What to change of a separation set; a member left out stays as it is.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example)]
struct SeparationSetPatch {
    /// It can't be cleared.
    cardinality: MaybeUndefined<u64>,
    /// All of them; they can't be cleared.
    #[oai(validator(max_items = 500))]
    roles: MaybeUndefined<Vec<RoleName>>,
}

impl Example for SeparationSetPatch {
    fn example() -> Self {
        Self { cardinality: MaybeUndefined::Value(2), roles: MaybeUndefined::Undefined }
    }
}

/// A role that is kept apart from others.
#[derive(Debug, Object)]
struct SeparationSetRole {
    role: String,
}

impl From<RoleName> for SeparationSetRole {
    fn from(role: RoleName) -> Self {
        Self { role: role.into() }
    }
}

page! {
    /// A page of a separation set's roles.
    SeparationSetRolePage of SeparationSetRole
}

pub(super) struct SeparationSets(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::SeparationSets")]
impl SeparationSets {
    /// List separation sets
    ///
    /// By id: the oldest first.
    #[oai(path = "/separation-sets", method = "get", operation_id = "list_separation_sets")]
    async fn list(
        &self,
        _caller: Require<permission::Read>,
        /// Only those of this kind.
        kind: Query<Option<Kind>>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<SeparationSetPage>, Problem> {
        let paging = self.0.cursors.paging(format!("separation sets {:?}", kind.0), limit.0, cursor.0)?;
        let sets = self.0.store.separation_sets(kind.0.map(policy::Kind::from), paging.page()?).await?;
        Ok(Json(paging.cut(sets, |set| set.id.0.to_string()).into()))
    }

    /// Keep roles apart
    ///
    /// Refused while someone has too many of them. You must hold what they give.
    #[oai(path = "/separation-sets", method = "post", operation_id = "create_separation_set")]
    async fn create(
        &self,
        caller: Require<permission::Create>,
        #[oai(default)] dry_run: Query<bool>,
        new: Sent<NewSeparationSet>,
    ) -> Result<Created<SeparationSet>, Instead> {
        let NewSeparationSet { name, kind, cardinality, roles } = new.0;
        let command = CreateSet {
            id: SetId(random::id(self.0.store.clock())),
            name,
            kind: kind.into(),
            cardinality,
            roles: roles.into_iter().collect(),
        };
        let set = self.0.change(&caller, dry_run.0, None, &command).await?;
        Ok(created(format!("/v1/separation-sets/{}", set.name), set.revision, set))
    }

    /// Read a separation set
    ///
    /// With an `ETag`: send it back as `If-Match` to change only what you have seen.
    #[oai(path = "/separation-sets/:set", method = "get", operation_id = "read_separation_set")]
    async fn read(
        &self,
        _caller: Require<permission::Read>,
        set: Path<SetRef>,
    ) -> Result<Found<SeparationSet>, Problem> {
        let set = self.0.store.separation_set(&set).await?;
        Ok(found(set.revision, set))
    }

    /// Change a separation set
    ///
    /// A merge patch (RFC 7396), also as `application/merge-patch+json`. Refused while someone has too many of its roles.
    #[oai(path = "/separation-sets/:set", method = "patch", operation_id = "update_separation_set")]
    async fn update(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        set: Path<SetRef>,
        /// Only if its state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        patch: Sent<SeparationSetPatch>,
    ) -> Result<Found<SeparationSet>, Instead> {
        let SeparationSetPatch { cardinality, roles } = patch.0;
        let replaced = |roles: Vec<_>| Membership::Replace(roles.into_iter().collect::<BTreeSet<_>>());
        let roles = not_null("roles", roles)?.map_or(Membership::Keep, replaced);
        let command = UpdateSet { set: set.0, cardinality: not_null("cardinality", cardinality)?, roles };
        let set = self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(found(set.revision, set))
    }

    /// Delete a separation set
    ///
    /// Its roles stay.
    #[oai(path = "/separation-sets/:set", method = "delete", operation_id = "delete_separation_set")]
    async fn delete(
        &self,
        caller: Require<permission::Delete>,
        #[oai(default)] dry_run: Query<bool>,
        set: Path<SetRef>,
        /// Only if its state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
    ) -> Result<Done, Instead> {
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &DeleteSet { set: set.0 }).await?;
        Ok(Done::Ok)
    }

    /// List the roles of a separation set
    ///
    /// By name.
    #[oai(path = "/separation-sets/:set/roles", method = "get", operation_id = "list_separation_set_roles")]
    async fn members(
        &self,
        _caller: Require<permission::Read>,
        set: Path<SetRef>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<SeparationSetRolePage>, Problem> {
        let set = self.0.store.separation_set(&set).await?;
        let paging = self.0.cursors.paging(format!("separation set {}", set.id.0), limit.0, cursor.0)?;
        Ok(Json(paging.of(set.roles, ToString::to_string).into()))
    }

    /// Add a role to a separation set
    ///
    /// Refused while someone would have too many.
    #[oai(path = "/separation-sets/:set/roles/:role", method = "put", operation_id = "add_separation_set_role")]
    async fn add(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        set: Path<SetRef>,
        role: Path<RoleName>,
        /// Only if the set's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        _body: NoMembers,
    ) -> Result<Done, Instead> {
        self.membership(&caller, dry_run.0, set.0, if_match.0.as_ref(), Membership::Add(role.0)).await
    }

    /// Take a role out of a separation set
    ///
    /// Refused if the cardinality would be more than the roles that are left.
    #[oai(path = "/separation-sets/:set/roles/:role", method = "delete", operation_id = "remove_separation_set_role")]
    async fn remove(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        set: Path<SetRef>,
        role: Path<RoleName>,
        /// Only if the set's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
    ) -> Result<Done, Instead> {
        self.membership(&caller, dry_run.0, set.0, if_match.0.as_ref(), Membership::Remove(role.0)).await
    }
}

impl SeparationSets {
    async fn membership(
        &self,
        caller: &Require<permission::Update>,
        dry_run: bool,
        set: SetRef,
        if_match: Option<&IfMatch>,
        roles: Membership,
    ) -> Result<Done, Instead> {
        self.0.change(caller, dry_run, if_match, &UpdateSet { set, cardinality: None, roles }).await?;
        Ok(Done::Ok)
    }
}
