use std::collections::BTreeMap;

use poem_openapi::{
    Object, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
    types::Example,
};
use rolecall_guard::{Problem, Require};
use time::OffsetDateTime;

use super::{
    State, Tag,
    dry_run::Instead,
    explain::MOST,
    responses::{Done, Optional, micros, page, shown, yes},
    text::{Limit, Line},
};
use crate::{
    catalogue::{access, assignments as permission},
    policy::{self, Graph, RoleName, in_force},
    store::{
        Assignee, Ending, Holder, Holders, IfMatch, UserRef,
        commands::{Assign, Deassign},
    },
};

/// A role that a user has.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Assignment {
    role: String,
    /// Assigned itself, not inherited.
    direct: bool,
    /// The assigned roles that it is inherited by way of.
    via: Option<Vec<String>>,
    /// From when on it counts; absent: from the beginning.
    valid_from: Option<OffsetDateTime>,
    /// Until when; absent: without end.
    valid_until: Option<OffsetDateTime>,
}

impl From<policy::Assignment> for Assignment {
    fn from(assignment: policy::Assignment) -> Self {
        let policy::Assignment { role, valid_from, valid_until } = assignment;
        Self {
            role: role.into(),
            direct: true,
            via: None,
            valid_from: valid_from.map(shown),
            valid_until: valid_until.map(shown),
        }
    }
}

/// All that someone is authorized for now, and what is assigned for another time, by name (NIST `AuthorizedRoles`).
fn authorized(graph: &Graph, assignments: Vec<policy::Assignment>, now: i64) -> Vec<Assignment> {
    let assigned = in_force(&assignments, now);
    let mut all: BTreeMap<RoleName, Assignment> =
        assignments.into_iter().map(|assignment| (assignment.role.clone(), assignment.into())).collect();
    for senior in assigned {
        for role in graph.authorized([senior.as_str()]).into_iter().filter(|role| *role != senior) {
            let inherited =
                Assignment { role: role.to_string(), direct: false, via: None, valid_from: None, valid_until: None };
            all.entry(role).or_insert(inherited).via.get_or_insert_default().push(senior.to_string());
        }
    }
    all.into_values().collect()
}

/// When an assignment counts.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
struct Validity {
    /// From when on; absent: at once.
    valid_from: Option<OffsetDateTime>,
    /// Until when; absent: without end.
    valid_until: Option<OffsetDateTime>,
}

impl Example for Validity {
    fn example() -> Self {
        Self { valid_from: None, valid_until: Some(shown(4_102_444_800_000_000)) }
    }
}

page! {
    /// A page of the roles a user has.
    AssignmentPage of Assignment
}

/// A user who has a role.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct RoleHolder {
    username: String,
    /// The role itself is assigned, not one above it.
    direct: bool,
    /// The assigned roles that stand above it, by way of which the user has it.
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
        let via: Vec<String> = holder.via.into_iter().filter(|via| via != role).map(String::from).collect();
        let via = (!via.is_empty()).then_some(via);
        Self { username: holder.user.username, direct, via, valid_from: None, valid_until: None }
    }
}

page! {
    /// A page of the users who have a role.
    RoleHolderPage of RoleHolder
}

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

/// So many names of roles are in the ways of a page.
const MOST_NAMES: usize = 20_000;

impl EffectivePermission {
    /// With `names` left for all that a page still shows.
    fn explain(&mut self, graph: &Graph, names: &mut usize) {
        let Ok(permission) = self.permission.parse() else { return };
        let roles: Vec<RoleName> = self.via.iter().filter_map(|role| role.parse().ok()).collect();
        let mut paths = Vec::new();
        let mut more = false;
        for way in roles.iter().flat_map(|role| graph.paths(role, &permission)) {
            more = paths.len() == MOST || way.0.len() > *names;
            if more {
                break;
            }
            *names -= way.0.len();
            paths.push(way.0.into_iter().map(String::from).collect());
        }
        (self.paths, self.more_paths) = (Some(paths), Some(more));
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

/// An assignment that ends.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct EndingAssignment {
    username: String,
    role: String,
    /// From when on it counts; absent: from the beginning.
    valid_from: Option<OffsetDateTime>,
    valid_until: OffsetDateTime,
}

impl From<Ending> for EndingAssignment {
    fn from(ending: Ending) -> Self {
        let (valid_from, valid_until) = (ending.valid_from.map(shown), shown(ending.valid_until));
        Self { username: ending.username, role: ending.role, valid_from, valid_until }
    }
}

page! {
    /// A page of assignments that end.
    EndingAssignmentPage of EndingAssignment
}

pub(super) struct Assignments(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Assignments")]
impl Assignments {
    /// List a user's roles
    ///
    /// Those assigned, at whatever time they count, and those inherited now, by name.
    #[oai(path = "/users/:user/roles", method = "get", operation_id = "list_user_roles")]
    async fn roles(
        &self,
        _caller: Require<permission::Read>,
        /// A username or an id.
        user: Path<UserRef>,
        /// Also those it is authorized for by inheritance.
        #[oai(default = "yes")]
        inherited: Query<bool>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<AssignmentPage>, Problem> {
        let list = format!("user roles {:?} {}", user.0, inherited.0);
        let paging = self.0.cursors.paging(list, limit.0, cursor.0)?;
        let assignments = self.0.store.assignments(&user).await?;
        let roles = if inherited.0 {
            authorized(&self.0.store.snapshot().graph, assignments, self.0.store.clock().micros())
        } else {
            assignments.into_iter().map(Assignment::from).collect()
        };
        Ok(Json(paging.of(roles, |assignment| assignment.role.clone()).into()))
    }

    /// Assign a role to a user
    ///
    /// You can only give what you hold, no longer than you hold it, to someone who holds no more than you. It takes the
    /// place of what was assigned before: without a body for all time.
    #[oai(path = "/users/:user/roles/:role", method = "put", operation_id = "assign_role")]
    async fn assign(
        &self,
        caller: Require<permission::Create>,
        #[oai(default)] dry_run: Query<bool>,
        /// A username or an id.
        user: Path<UserRef>,
        role: Path<RoleName>,
        /// Only if the user's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        validity: Optional<Validity>,
    ) -> Result<Done, Instead> {
        let time = |time: fn(&Validity) -> Option<OffsetDateTime>| validity.0.as_ref().and_then(time).map(micros);
        let (valid_from, valid_until) = (time(|it| it.valid_from), time(|it| it.valid_until));
        let command = Assign { user: user.0, role: role.0, valid_from, valid_until };
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }

    /// Take a role away from a user
    ///
    /// Tokens that carry it stop working at once.
    #[oai(path = "/users/:user/roles/:role", method = "delete", operation_id = "deassign_role")]
    async fn deassign(
        &self,
        caller: Require<permission::Delete>,
        #[oai(default)] dry_run: Query<bool>,
        /// A username or an id.
        user: Path<UserRef>,
        role: Path<RoleName>,
        /// Only if the user's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
    ) -> Result<Done, Instead> {
        let command = Deassign { user: user.0, role: role.0 };
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }

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
            let mut names = MOST_NAMES;
            for item in &mut items {
                item.explain(&graph.graph, &mut names);
            }
        }
        Ok(Json((items, next).into()))
    }

    /// List the assignments that are about to end
    ///
    /// The soonest first; not those that have ended.
    #[oai(path = "/assignments", method = "get", operation_id = "list_ending_assignments")]
    async fn ending(
        &self,
        _caller: Require<permission::Read>,
        /// Only those that end before this; absent: all that end.
        ends_before: Query<Option<OffsetDateTime>>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<EndingAssignmentPage>, Problem> {
        let before = ends_before.0.map_or(i64::MAX, micros);
        let paging = self.0.cursors.paging(format!("ending {before}"), limit.0, cursor.0)?;
        let ending = self.0.store.ending(before, paging.page()?).await?;
        Ok(Json(paging.cut(ending, Ending::key).into()))
    }

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
