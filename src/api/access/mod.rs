//! OpenID AuthZEN Authorization API 1.0: subject `user`, resource type and action name make the permission. And
//! [`forward_auth`]: may this request pass? And [`revocations`]: which tokens to refuse from now on.

mod asked;
mod evaluation;
mod forward_auth;
mod revocations;
mod search;

use poem_openapi::{Object, OpenApi, payload::Json};
use rolecall_guard::{Problem, Public, Require};

use self::{
    asked::Asked,
    evaluation::{Answer, Evaluation, EvaluationRequest, EvaluationsRequest},
    search::{ActionResults, ActionSearch, SubjectResults, SubjectSearch},
};
pub(super) use forward_auth::ForwardAuth;
pub(super) use revocations::Revocations;

use super::{State, Tag};
use crate::catalogue::access as permission;

/// Where everything is (§9.1).
#[derive(Debug, Object)]
struct DecisionPointMetadata {
    policy_decision_point: String,
    access_evaluation_endpoint: String,
    access_evaluations_endpoint: String,
    search_subject_endpoint: String,
    search_action_endpoint: String,
}

pub(super) struct Access(pub(super) State);

#[OpenApi(tag = "Tag::Access")]
impl Access {
    /// May this user do that?
    ///
    /// Resource type and action name make the permission; what else is sent is ignored, also what it says of roles. No is
    /// an answer like yes: 200.
    #[oai(path = "/access/v1/evaluation", method = "post", operation_id = "evaluate")]
    async fn evaluation(
        &self,
        _caller: Require<permission::Read>,
        asked: Asked<EvaluationRequest>,
    ) -> Result<Json<Evaluation>, Problem> {
        let mut checks = self.0.store.checks().await?;
        Ok(Json(asked.0.evaluate(&mut checks).await?))
    }

    /// May these users do those?
    ///
    /// What an evaluation leaves out is taken from the request itself. Without evaluations it is one of its own.
    #[oai(path = "/access/v1/evaluations", method = "post", operation_id = "evaluate_many")]
    async fn evaluations(
        &self,
        _caller: Require<permission::Read>,
        asked: Asked<EvaluationsRequest>,
    ) -> Result<Json<Answer>, Problem> {
        let mut checks = self.0.store.checks().await?;
        Ok(Json(asked.0.answer(&mut checks).await?))
    }

    /// Who may do that?
    ///
    /// By id, which is by age.
    #[oai(path = "/access/v1/search/subject", method = "post", operation_id = "search_subjects")]
    async fn subjects(
        &self,
        _caller: Require<permission::Read>,
        asked: Asked<SubjectSearch>,
    ) -> Result<Json<SubjectResults>, Problem> {
        Ok(Json(asked.0.results(&self.0).await?))
    }

    /// What may this user do?
    ///
    /// On a resource type, by name.
    #[oai(path = "/access/v1/search/action", method = "post", operation_id = "search_actions")]
    async fn actions(
        &self,
        _caller: Require<permission::Read>,
        asked: Asked<ActionSearch>,
    ) -> Result<Json<ActionResults>, Problem> {
        Ok(Json(asked.0.results(&self.0).await?))
    }

    /// Where to ask
    ///
    /// For libraries that find their way by themselves (AuthZEN 1.0 §9).
    #[oai(path = "/.well-known/authzen-configuration", method = "get", operation_id = "read_decision_point_metadata")]
    async fn metadata(&self, _caller: Public) -> Result<Json<DecisionPointMetadata>, Problem> {
        let issuer = self.0.tokens.issuer();
        let at = |path: &str| format!("{issuer}/access/v1/{path}");
        Ok(Json(DecisionPointMetadata {
            policy_decision_point: issuer.to_owned(),
            access_evaluation_endpoint: at("evaluation"),
            access_evaluations_endpoint: at("evaluations"),
            search_subject_endpoint: at("search/subject"),
            search_action_endpoint: at("search/action"),
        }))
    }
}
