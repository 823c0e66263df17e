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
    text::Limit,
};
use crate::{
    catalogue::assignments as permission,
    policy::{self, Graph, RoleName, in_force},
    store::{
        Ending, IfMatch, UserRef,
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
    /// The assigned roles that it is inherited by way of: 100 at most.
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
fn authorized(graph: &Graph, assignments: Vec<policy::Assignment>, assigned: &[RoleName]) -> Vec<Assignment> {
    let inherited = |role: &RoleName| Assignment {
        role: role.to_string(),
        direct: false,
        via: None,
        valid_from: None,
        valid_until: None,
    };
    let mut all: BTreeMap<RoleName, Assignment> =
        assignments.into_iter().map(|assignment| (assignment.role.clone(), assignment.into())).collect();
    for role in graph.authorized(assigned.iter().map(RoleName::as_str)) {
        let item = inherited(&role);
        all.entry(role).or_insert(item);
    }
    all.into_values().collect()
}

impl Assignment {
    /// With the roles among `assigned` that it is inherited by way of.
    fn inherited(mut self, graph: &Graph, assigned: &[RoleName]) -> Self {
        let Ok(role) = self.role.parse::<RoleName>() else { return self };
        let above = assigned.iter().filter(|senior| **senior != role && graph.is_above(senior, &role));
        let via: Vec<String> = above.take(MOST).map(ToString::to_string).collect();
        self.via = (!via.is_empty()).then_some(via);
        self
    }
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
        if !inherited.0 {
            let roles = assignments.into_iter().map(Assignment::from);
            return Ok(Json(paging.of(roles, |assignment| assignment.role.clone()).into()));
        }
        let (snapshot, assigned) = (self.0.store.snapshot(), in_force(&assignments, self.0.store.clock().micros()));
        let roles = authorized(&snapshot.graph, assignments, &assigned);
        let (page, next) = paging.of(roles, |assignment| assignment.role.clone());
        let page: Vec<_> = page.into_iter().map(|role| role.inherited(&snapshot.graph, &assigned)).collect();
        Ok(Json((page, next).into()))
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
}
