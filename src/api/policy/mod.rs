//! The policy as a file.

mod body;
mod written;

use poem_openapi::{
    Enum, Object, OpenApi,
    param::{Header, Query},
    payload::Json,
};
use rolecall_guard::{Claims, Permission, Problem, Require};

use self::body::{Exported, PolicyBody};
use super::{
    State, Tag,
    dry_run::{DryRun, Instead},
    text::etag_of,
};
use crate::{
    catalogue::{assignments, policy as permission},
    policy::file::{Change, Sign, Stated},
    store::{
        Actor,
        commands::{Applied, ApplyPolicy},
    },
};

pub use written::yaml;

/// What is done to something.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case", rename = "PolicyChangeKind")]
enum Kind {
    /// It wasn't there.
    Added,
    /// It becomes another one.
    Changed,
    /// It goes.
    Removed,
}

/// A step from the policy to what the file says.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct PolicyChange {
    change: Kind,
    /// To what, as a path below `/v1/`.
    target: String,
    /// What it was, in words.
    before: Option<String>,
    /// What it becomes, in words.
    after: Option<String>,
}

impl From<Change> for PolicyChange {
    fn from(change: Change) -> Self {
        let kind = match change.sign() {
            Sign::Added => Kind::Added,
            Sign::Changed => Kind::Changed,
            Sign::Removed => Kind::Removed,
        };
        Self { change: kind, target: change.target(), before: change.before(), after: change.after() }
    }
}

/// What a policy file changed.
#[derive(Debug, Object)]
struct PolicyChanges {
    /// Step by step, in the order in which they were made.
    changes: Vec<PolicyChange>,
    /// What the file doesn't list and what stayed all the same, as paths below `/v1/`. Only told with `policy:read`.
    kept: Vec<String>,
}

impl From<Applied> for PolicyChanges {
    fn from(applied: Applied) -> Self {
        let changes = applied.changes.into_iter().map(PolicyChange::from).collect();
        Self { changes, kept: applied.kept }
    }
}

/// What a policy file would change; nothing has been.
#[derive(Debug, Object)]
struct PolicyPlan {
    /// The state of the policy that this was planned on: send it in `If-Match` to apply just this.
    digest: String,
    /// Step by step.
    changes: Vec<PolicyChange>,
    /// What the file doesn't list and what would stay all the same, as paths below `/v1/`: `prune` deletes it.
    kept: Vec<String>,
    /// What would come of it.
    effect: DryRun,
}

pub(super) struct PolicyFile(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Policy")]
impl PolicyFile {
    /// Export the policy
    ///
    /// Permissions, roles, hierarchy and separation sets, in an order that is always the same; what is built in is left
    /// out. As YAML, unless `Accept` asks for JSON. Applying it changes nothing.
    #[oai(path = "/policy", method = "get", operation_id = "export_policy")]
    async fn export(
        &self,
        caller: Require<permission::Read>,
        /// Also who is assigned which role: at most 10,000. That takes `assignments:read`.
        #[oai(name = "assignments", default)]
        with_assignments: Query<bool>,
        /// `application/yaml` or `application/json`.
        #[oai(name = "Accept")]
        accept: Header<Option<String>>,
    ) -> Result<Exported, Problem> {
        if with_assignments.0 {
            self.0.gate.carries(&caller.claims, assignments::Read::NAME)?;
        }
        let document = self.0.store.policy(with_assignments.0).await?;
        Exported::of(&document, accept.0.as_deref())
    }

    /// Plan a policy
    ///
    /// What applying the file would change, who gains and loses what by it, and which rules it would break.
    #[oai(path = "/policy/plan", method = "post", operation_id = "plan_policy")]
    async fn plan(
        &self,
        caller: Require<permission::Read>,
        /// Also delete what the file doesn't list, in the sections that it has.
        #[oai(default)]
        prune: Query<bool>,
        body: PolicyBody,
    ) -> Result<Json<PolicyPlan>, Problem> {
        let command = self.command(&caller.claims, prune.0, None, body)?;
        let actor = Actor::from(&caller);
        let (forecast, applied) = self.0.store.forecast(&actor, None, &command).await?;
        let digest = applied.digest.clone();
        let PolicyChanges { changes, kept } = applied.into();
        Ok(Json(PolicyPlan { digest, changes, kept, effect: DryRun::of(&actor, forecast) }))
    }

    /// Apply a policy
    ///
    /// All of it or nothing. What the file lists becomes as it says; a section that it doesn't have is left alone. You can
    /// only give what you hold; assignments take `assignments:create` and `assignments:delete` besides.
    #[oai(path = "/policy/apply", method = "post", operation_id = "apply_policy")]
    async fn apply(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        /// Also delete what the file doesn't list, in the sections that it has.
        #[oai(default)]
        prune: Query<bool>,
        /// Only if the policy is still what it was planned on: the plan's digest, or an export's `ETag`.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: PolicyBody,
    ) -> Result<Json<PolicyChanges>, Instead> {
        let command = self.command(&caller.claims, prune.0, if_match.0.as_deref(), body)?;
        let mut applied: PolicyChanges = self.0.change(&caller, dry_run.0, None, &command).await?.into();
        if self.0.gate.carries(&caller.claims, permission::Read::NAME).is_err() {
            applied.kept.clear();
        }
        Ok(Json(applied))
    }
}

impl PolicyFile {
    fn command(
        &self,
        claims: &Claims,
        prune: bool,
        if_match: Option<&str>,
        body: PolicyBody,
    ) -> Result<ApplyPolicy, Problem> {
        // Whatever such a file changes, the answer tells who has which role.
        if body.0.document.assignments.is_some() {
            self.0.gate.carries(claims, assignments::Read::NAME)?;
        }
        Ok(command(body.0, prune, if_match.and_then(digests), self.0.store.clock().clone()))
    }
}

/// What makes the policy into what a file states.
#[must_use]
pub fn command(
    stated: Stated,
    prune: bool,
    planned_on: Option<Vec<String>>,
    clock: rolecall_guard::Clock,
) -> ApplyPolicy {
    ApplyPolicy { stated, prune, planned_on, clock }
}

/// The digests that `If-Match` names, with or without quotes; nothing where it takes any.
fn digests(if_match: &str) -> Option<Vec<String>> {
    let digest = |tag: &str| tag.trim().trim_matches('"').to_owned();
    (if_match.trim() != "*").then(|| if_match.split(',').map(digest).collect())
}
