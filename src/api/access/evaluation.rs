use poem_openapi::{Object, Union, types::Example};
use rolecall_guard::Problem;
use serde_json::{Map, Value, json};

use super::asked::read;
use crate::{
    api::{text::Line, users::known},
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
    subject: Option<Value>,
    /// The action of evaluations without one.
    action: Option<Value>,
    /// The resource of evaluations without one.
    resource: Option<Value>,
    /// Each with its own subject, action or resource; 1000 at most.
    evaluations: Option<Vec<Value>>,
    options: Option<EvaluationsOptions>,
}

/// How several questions are answered (§7.1.2).
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct EvaluationsOptions {
    /// `execute_all` (the default), `deny_on_first_deny` or `permit_on_first_permit`: then none is answered after that.
    evaluations_semantic: Option<String>,
}

impl Example for EvaluationsRequest {
    fn example() -> Self {
        let action = |name: &str| json!({ "action": { "name": name } });
        Self {
            subject: Some(json!({ "type": "user", "id": "alice" })),
            action: None,
            resource: Some(json!({ "type": "articles", "id": "1" })),
            evaluations: Some(vec![action("read"), action("update")]),
            options: Some(EvaluationsOptions { evaluations_semantic: Some("execute_all".into()) }),
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
    /// A stable word: `granted`, `not_granted`, `no_such_user`, `user_disabled` or `unknown_subject_type`.
    code: String,
    detail: String,
    /// The assigned roles that give it.
    roles: Option<Vec<String>>,
}

/// What is wrong with a question (§7.2.1).
#[derive(Clone, Debug, Object)]
struct EvaluationError {
    status: u16,
    message: String,
}

/// The answers, each where its question was (§7.2).
#[derive(Clone, Debug, Object)]
pub(super) struct Evaluations {
    evaluations: Vec<Evaluation>,
}

/// To one question, or to several.
#[derive(Debug, Union)]
#[oai(rename = "EvaluationAnswer")]
pub(super) enum Answer {
    One(Evaluation),
    Several(Evaluations),
}

impl Evaluation {
    fn of(decision: Option<Decision>) -> Self {
        let (code, detail, roles) = match decision {
            None => ("unknown_subject_type", "The only subject type is user.", None),
            Some(Decision::Allowed(roles)) => ("granted", "A role of the user gives it.", Some(roles)),
            Some(Decision::NoSuchUser) => ("no_such_user", "There is no such user.", None),
            Some(Decision::Disabled) => ("user_disabled", "The user is disabled.", None),
            Some(Decision::NotGranted) => ("not_granted", "No role that the user has now gives it.", None),
        };
        let decision = roles.is_some();
        let roles = roles.map(|roles| roles.into_iter().map(String::from).collect());
        let reason = EvaluationReason { code: code.into(), detail: detail.into(), roles };
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
        let stops_at = self.stops_at()?;
        let items = self.evaluations.as_deref().unwrap_or_default();
        if items.is_empty() {
            return self.question(&Value::Null)?.evaluate(checks).await.map(Answer::One);
        }
        if items.len() > MOST {
            return Err(bad_request(format!("evaluations: at most {MOST} at once")));
        }
        let mut evaluations = Vec::with_capacity(items.len());
        for item in items {
            let evaluation = match self.question(item) {
                Ok(question) => question.evaluate(checks).await?,
                Err(problem) => Evaluation::bad(&problem),
            };
            let stops = stops_at == Some(evaluation.decision);
            evaluations.push(evaluation);
            if stops {
                break;
            }
        }
        Ok(Answer::Several(Evaluations { evaluations }))
    }

    /// The decision after which no other is asked for.
    fn stops_at(&self) -> Result<Option<bool>, Problem> {
        let semantic = self.options.as_ref().and_then(|options| options.evaluations_semantic.as_deref());
        match semantic {
            None | Some("execute_all") => Ok(None),
            Some("deny_on_first_deny") => Ok(Some(false)),
            Some("permit_on_first_permit") => Ok(Some(true)),
            Some(_) => Err(bad_request(
                "options.evaluations_semantic: must be execute_all, deny_on_first_deny or permit_on_first_permit",
            )),
        }
    }

    /// What an item says, and for the rest what the request says.
    fn question(&self, item: &Value) -> Result<EvaluationRequest, Problem> {
        if !item.is_object() && !item.is_null() {
            return Err(bad_request("evaluations: each must be an object"));
        }
        let mut question = Map::new();
        for (member, default) in [("subject", &self.subject), ("action", &self.action), ("resource", &self.resource)] {
            let value = item.get(member).or(default.as_ref());
            question.extend(value.map(|value| (member.to_owned(), value.clone())));
        }
        read(Value::Object(question))
    }
}
