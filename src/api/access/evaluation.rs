use poem_openapi::{Enum, Object, Union, types::Example};
use rolecall_guard::Problem;
use serde_json::{Map, Value, json};

use super::asked::objects;
use crate::{
    api::{
        as_it_is::AsItIs,
        sent::read,
        text::{Line, known},
    },
    problem::bad_request,
    store::{Checks, Decision},
};

/// A name of something, valid or not.
pub(super) type Text = Line<1000>;

/// So many evaluations go into one request.
const MOST: usize = 1000;

/// Who (§5.1).
#[derive(Clone, Debug, Object)]
pub(super) struct Subject {
    /// `user` is the only one there is.
    #[oai(rename = "type")]
    kind: Text,
    /// A username or an id.
    id: Text,
}

/// On what (§5.2).
#[derive(Clone, Debug, Object)]
pub(super) struct Resource {
    /// The resource type of a permission.
    #[oai(rename = "type")]
    pub(super) kind: Text,
    /// Which one: makes no difference here.
    id: Text,
}

/// What to do (§5.3).
#[derive(Clone, Debug, Object)]
pub(super) struct Action {
    /// The action of a permission.
    pub(super) name: Text,
}

/// One question (§6.1).
#[derive(Clone, Debug, Object)]
#[oai(example)]
pub(super) struct EvaluationRequest {
    subject: Subject,
    action: Action,
    resource: Resource,
}

impl Example for EvaluationRequest {
    fn example() -> Self {
        Self {
            subject: Subject::example_user(),
            action: Action::example_update(),
            resource: Resource::example_article(),
        }
    }
}

impl Subject {
    pub(super) fn example_user() -> Self {
        Self { kind: known("user"), id: known("alice") }
    }

    /// The user's name or id.
    pub(super) fn user(&self) -> Option<&str> {
        (self.kind.0 == "user").then_some(self.id.0.as_str())
    }
}

impl Resource {
    pub(super) fn example_article() -> Self {
        Self { kind: known("articles"), id: known("1") }
    }
}

impl Action {
    pub(super) fn example_update() -> Self {
        Self { name: known("update") }
    }
}

/// Several questions, with what they have in common (§7.1).
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub(super) struct EvaluationsRequest {
    /// The subject of evaluations without one.
    subject: Option<AsItIs<Subject>>,
    /// The action of evaluations without one.
    action: Option<AsItIs<Action>>,
    /// The resource of evaluations without one.
    resource: Option<AsItIs<Resource>>,
    /// Each with its own subject, action or resource; 1000 at most.
    evaluations: Option<Vec<AsItIs<EvaluationItem>>>,
    options: Option<EvaluationsOptions>,
}

/// One of several questions; what it leaves out is taken from the request.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct EvaluationItem {
    subject: Option<Subject>,
    action: Option<Action>,
    resource: Option<Resource>,
}

/// How several questions are answered (§7.1.2).
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct EvaluationsOptions {
    evaluations_semantic: Option<EvaluationsSemantic>,
}

/// Whether all are answered (the default), or none after the first that says so.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
enum EvaluationsSemantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

impl Example for EvaluationsRequest {
    fn example() -> Self {
        let action = |name: &str| AsItIs::new(json!({ "action": { "name": name } }));
        Self {
            subject: Some(AsItIs::new(json!({ "type": "user", "id": "alice" }))),
            action: None,
            resource: Some(AsItIs::new(json!({ "type": "articles", "id": "1" }))),
            evaluations: Some(vec![action("read"), action("update")]),
            options: Some(EvaluationsOptions { evaluations_semantic: Some(EvaluationsSemantic::ExecuteAll) }),
        }
    }
}

/// Yes or no (§5.5).
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Evaluation {
    decision: bool,
    context: Option<EvaluationContext>,
}

/// Why.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct EvaluationContext {
    reason: Option<EvaluationReason>,
    error: Option<EvaluationError>,
}

/// Why a question has this answer.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct EvaluationReason {
    code: EvaluationReasonCode,
    detail: String,
    /// The assigned roles that give it: 100 at most.
    roles: Option<Vec<String>>,
}

/// Why a question has this answer, as a stable word.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
enum EvaluationReasonCode {
    /// A role of the user gives it.
    Granted,
    /// None does.
    NotGranted,
    NoSuchUser,
    UserDisabled,
    /// Not `user`.
    UnknownSubjectType,
}

/// What is wrong with a question (§7.2.1).
#[derive(Clone, Debug, Object)]
struct EvaluationError {
    status: u16,
    message: String,
}

/// The answers, each where its question was (§7.2).
#[derive(Clone, Debug, Object)]
pub(super) struct EvaluationResults {
    evaluations: Vec<Evaluation>,
}

/// To one question, or to several.
#[derive(Debug, Union)]
#[oai(rename = "EvaluationAnswer")]
pub(super) enum Answer {
    One(Evaluation),
    Several(EvaluationResults),
}

impl Evaluation {
    fn of(decision: Option<Decision>) -> Self {
        use EvaluationReasonCode as Code;
        let (code, detail, roles) = match decision {
            None => (Code::UnknownSubjectType, "The only subject type is user.", None),
            Some(Decision::Allowed(roles)) => (Code::Granted, "A role of the user gives it.", Some(roles)),
            Some(Decision::NoSuchUser) => (Code::NoSuchUser, "There is no such user.", None),
            Some(Decision::Disabled) => (Code::UserDisabled, "The user is disabled.", None),
            Some(Decision::NotGranted) => (Code::NotGranted, "No role that the user has now gives it.", None),
        };
        let decision = roles.is_some();
        let roles = roles.map(|roles| roles.into_iter().map(String::from).collect());
        let reason = EvaluationReason { code, detail: detail.into(), roles };
        Self { decision, context: Some(EvaluationContext { reason: Some(reason), error: None }) }
    }

    fn bad(problem: &Problem) -> Self {
        let error = EvaluationError { status: problem.status().as_u16(), message: problem.detail().to_owned() };
        Self { decision: false, context: Some(EvaluationContext { reason: None, error: Some(error) }) }
    }
}

impl EvaluationRequest {
    pub(super) async fn evaluate(&self, checks: &mut Checks) -> Result<Evaluation, Problem> {
        let permission = format!("{}:{}", self.resource.kind.0, self.action.name.0);
        Ok(Evaluation::of(match self.subject.user() {
            Some(user) => Some(checks.check(user, &permission).await?),
            None => None,
        }))
    }
}

impl EvaluationsRequest {
    pub(super) async fn answer(&self, checks: &mut Checks) -> Result<Answer, Problem> {
        let stops_at = self.stops_at();
        let items = self.evaluations.as_deref().unwrap_or_default();
        if items.is_empty() {
            return self.question(&Value::Null)?.evaluate(checks).await.map(Answer::One);
        }
        if items.len() > MOST {
            return Err(bad_request(format!("evaluations: at most {MOST} at once")));
        }
        let mut evaluations = Vec::with_capacity(items.len());
        for item in items {
            let evaluation = match self.question(&item.0) {
                Ok(question) => question.evaluate(checks).await?,
                Err(problem) => Evaluation::bad(&problem),
            };
            let stops = stops_at == Some(evaluation.decision);
            evaluations.push(evaluation);
            if stops {
                break;
            }
        }
        Ok(Answer::Several(EvaluationResults { evaluations }))
    }

    /// The decision after which no other is asked for.
    fn stops_at(&self) -> Option<bool> {
        match self.options.as_ref()?.evaluations_semantic? {
            EvaluationsSemantic::ExecuteAll => None,
            EvaluationsSemantic::DenyOnFirstDeny => Some(false),
            EvaluationsSemantic::PermitOnFirstPermit => Some(true),
        }
    }

    /// What an item says, and for the rest what the request says.
    fn question(&self, item: &Value) -> Result<EvaluationRequest, Problem> {
        if !item.is_object() && !item.is_null() {
            return Err(bad_request("evaluations: each must be an object"));
        }
        objects(item)?;
        let mut question = Map::new();
        let subject = self.subject.as_ref().map(|subject| &subject.0);
        let action = self.action.as_ref().map(|action| &action.0);
        let resource = self.resource.as_ref().map(|resource| &resource.0);
        for (member, default) in [("subject", subject), ("action", action), ("resource", resource)] {
            let value = item.get(member).or(default);
            question.extend(value.map(|value| (member.to_owned(), value.clone())));
        }
        read(&Value::Object(question))
    }
}
