use std::collections::{BTreeMap, BTreeSet};

use poem_openapi::{Object, OpenApi, param::Path, payload::Json};
use rolecall_guard::{Permission, Problem, Refusal, Require};
use time::OffsetDateTime;

use super::{State, Tag, responses::shown};
use crate::{
    catalogue::{access, assignments},
    policy::{
        self, Assignment, Authority, Budget, Graph, OneMore, PermissionName, RoleName, Term, in_force, now_or_later,
    },
    store::{Refused, Status, UserId, UserRef},
};

/// So many ways are shown, and so many roles that would give a permission.
pub(super) const MOST: usize = 100;

/// Why someone may, or may not.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Explanation {
    username: String,
    permission: String,
    allowed: bool,
    /// Why not.
    reason: Option<Reason>,
    /// How the user comes by it: every way, if it's allowed.
    paths: Vec<Way>,
    /// Whether there are more ways than are shown: 100 are the most, and fewer where they are too long.
    more_paths: bool,
    /// If it isn't allowed: the roles that would give it, by name.
    nearest: Vec<NearestRole>,
}

/// From an assigned role down the hierarchy to the role that was granted the permission.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Way {
    /// The first one is assigned, the last one was granted the permission.
    roles: Vec<String>,
    /// When the assignment ends; absent: it doesn't.
    valid_until: Option<OffsetDateTime>,
}

/// A rule, as the request that breaks it would be refused.
#[derive(Clone, Debug, Object)]
struct Reason {
    code: String,
    detail: String,
}

/// A role that would give a permission.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct NearestRole {
    role: String,
    /// What stands in the way of your assigning it; absent: nothing does.
    obstacle: Option<Reason>,
}

impl Reason {
    fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { code: code.into(), detail: detail.into() }
    }
}

impl From<Refused> for Reason {
    fn from(refused: Refused) -> Self {
        let problem = Problem::from(refused);
        Self::new(problem.code(), problem.detail())
    }
}

/// The ways in which a user comes by permissions, as many as one answer shows.
pub(super) struct Ways<'a> {
    graph: &'a Graph,
    roles: &'a [RoleName],
    /// When the assignments end that do.
    until: BTreeMap<&'a RoleName, i64>,
    left: Budget,
}

impl<'a> Ways<'a> {
    /// By way of these of the roles assigned.
    pub(super) fn new(graph: &'a Graph, assignments: &'a [Assignment], roles: &'a [RoleName]) -> Self {
        let ends = assignments.iter().filter_map(|assignment| Some((&assignment.role, assignment.valid_until?)));
        Self { graph, roles, until: ends.collect(), left: Budget { names: 20_000, steps: 500_000 } }
    }

    /// Of one permission, and whether there are more.
    pub(super) fn of(&mut self, permission: &PermissionName) -> (Vec<Way>, bool) {
        let policy::Ways { paths, more } = self.graph.ways(self.roles, permission, MOST, &mut self.left);
        let way = |policy::Path(roles)| Way {
            valid_until: roles.first().and_then(|role| self.until.get(role)).copied().map(shown),
            roles: roles.into_iter().map(String::from).collect(),
        };
        (paths.into_iter().map(way).collect(), more)
    }
}

/// One user at one moment.
struct Case<'a> {
    graph: &'a Graph,
    assignments: &'a [Assignment],
    permission: &'a PermissionName,
    /// What the caller holds, and what the caller's token carries of it.
    caller: &'a Authority,
    now: i64,
}

impl Case<'_> {
    fn nearest(&self) -> Vec<NearestRole> {
        let already = now_or_later(self.assignments, self.now);
        let one_more = self.graph.one_more(already.iter().map(RoleName::as_str));
        let for_all = self.obstacle_to_all(&already);
        let obstacle =
            |role| self.not_in_force(role).or_else(|| for_all.clone()).or_else(|| self.obstacle(role, &one_more));
        let giving = self.graph.giving(self.permission.as_str()).take(MOST);
        giving.map(|role| NearestRole { role: role.to_string(), obstacle: obstacle(role) }).collect()
    }

    fn not_in_force(&self, role: &RoleName) -> Option<Reason> {
        let assigned = self.assignments.iter().find(|assignment| assignment.role == *role)?;
        let when = if assigned.has_ended(self.now) { "has ended" } else { "has not begun yet" };
        Some(Reason::new("not_in_force", format!("It is assigned, but the assignment {when}.")))
    }

    /// What stands in the way of the caller's giving the user, who has these already, any role.
    fn obstacle_to_all(&self, already: &BTreeSet<RoleName>) -> Option<Reason> {
        if !self.caller.holds(assignments::Create::NAME) {
            return Some(Refused::Actor(Refusal::Lacks(assignments::Create::NAME.into())).into());
        }
        let touched = self.graph.permissions(already.iter().map(RoleName::as_str));
        self.caller.covers(&touched).err().map(|exceeded| Refused::Exceeded(exceeded).into())
    }

    /// What stands in the way of the caller's giving the user this role, without end.
    fn obstacle(&self, role: &RoleName, one_more: &OneMore<'_>) -> Option<Reason> {
        if let Err(exceeded) = self.caller.may_give(self.graph.given(role), Term::Always) {
            return Some(Refused::Exceeded(exceeded).into());
        }
        let broken = one_more.breaks_static(role)?;
        Some(Refused::Separation(broken.clone()).into())
    }
}

pub(super) struct Explain(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Assignments")]
impl Explain {
    /// Explain why a user may, or may not
    ///
    /// If so, every way from an assigned role down to a grant; if not, which roles would give it, and what stands in the
    /// way of each.
    #[oai(path = "/users/:user/permissions/:permission", method = "get", operation_id = "explain_user_permission")]
    async fn explain(
        &self,
        caller: Require<access::Read>,
        /// A username or an id.
        user: Path<UserRef>,
        permission: Path<PermissionName>,
    ) -> Result<Json<Explanation>, Problem> {
        let (store, permission) = (&self.0.store, permission.0);
        let snapshot = store.current().await?;
        let user = store.user(&user).await?;
        store.permission(&permission).await?;
        let assignments = store.assignments(&UserRef::Id(user.id)).await?;
        let (graph, now) = (&snapshot.graph, store.clock().micros());
        let own = store.assignments(&UserRef::Id(UserId(caller.claims.sub))).await?;
        let caller = &Authority::of(&caller.claims.permissions, graph.held(&own, now));
        let case = Case { graph, assignments: &assignments, permission: &permission, caller, now };
        let roles = in_force(&assignments, now);
        let given = graph.gives(roles.iter().map(RoleName::as_str), permission.as_str());
        let (paths, more_paths) = Ways::new(graph, &assignments, &roles).of(&permission);
        let reason = match user.status {
            Status::Disabled => Some(Reason::new("user_disabled", "The user is disabled.")),
            Status::Active if !given => Some(Reason::new("not_granted", "No role that the user has now gives it.")),
            Status::Active => None,
        };
        Ok(Json(Explanation {
            username: user.username,
            permission: permission.to_string(),
            allowed: reason.is_none(),
            reason,
            paths,
            more_paths,
            nearest: if given { Vec::new() } else { case.nearest() },
        }))
    }
}
