use std::collections::BTreeSet;

use poem_openapi::{Object, types::Example};
use rolecall_guard::Problem;

use super::evaluation::{Action, Resource, Subject, Text};
use crate::{
    api::{
        State,
        text::{Limit, Line},
        users::known,
    },
    store::{Holder, Holders},
};

/// Which page (§8.2.1).
#[derive(Clone, Debug, Default, Object)]
#[oai(skip_serializing_if_is_none)]
struct SearchPage {
    /// `next_token` of the page before.
    token: Option<String>,
    /// How many results it has at most; 500 are the most there are.
    #[oai(validator(minimum(value = "1")))]
    limit: Option<u64>,
}

impl SearchPage {
    fn limit(&self) -> Limit {
        self.limit.map_or_else(Limit::default, Limit::at_most)
    }

    /// An empty one is none: that is how the last page says that there is no other.
    fn cursor(&self) -> Option<String> {
        self.token.clone().filter(|token| !token.as_str().is_empty())
    }
}

/// Where the next page is (§8.2.2).
#[derive(Clone, Debug, Object)]
struct ResultsPage {
    /// Empty on the last page.
    next_token: String,
    /// How many results this page has.
    count: u64,
}

impl ResultsPage {
    fn of<T>(results: &[T], next: Option<String>) -> Self {
        Self { next_token: next.unwrap_or_default(), count: results.len() as u64 }
    }
}

/// Whose type is asked for (§8.4.1).
#[derive(Clone, Debug, Object)]
struct SoughtSubject {
    /// `user` is the only one there is.
    #[oai(rename = "type")]
    kind: Text,
}

/// Who may do this (§8.4)?
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub(super) struct SubjectSearch {
    subject: SoughtSubject,
    action: Action,
    resource: Resource,
    page: Option<SearchPage>,
}

impl Example for SubjectSearch {
    fn example() -> Self {
        Self {
            subject: SoughtSubject { kind: known("user") },
            action: Action::example_update(),
            resource: Resource::example_article(),
            page: None,
        }
    }
}

/// Someone who may.
#[derive(Clone, Debug, Object)]
struct FoundSubject {
    #[oai(rename = "type")]
    kind: String,
    /// The username.
    id: String,
}

/// Those who may (§8.3).
#[derive(Clone, Debug, Object)]
pub(super) struct SubjectResults {
    results: Vec<FoundSubject>,
    page: ResultsPage,
}

impl SubjectSearch {
    pub(super) async fn results(&self, state: &State) -> Result<SubjectResults, Problem> {
        let page = self.page.clone().unwrap_or_default();
        let permission = format!("{}:{}", self.resource.kind.0, self.action.name.0);
        let paging = state.cursors.paging(format!("subjects {permission:?}"), page.limit(), page.cursor())?;
        let snapshot = state.store.current().await?;
        let is_user = self.subject.kind.0 == "user";
        let giving: BTreeSet<_> = snapshot.graph.giving(&permission).filter(|_| is_user).cloned().collect();
        let holders = state.store.holders(&giving, Holders::Active, paging.page()?).await?;
        let (holders, next) = paging.cut(holders, |holder| holder.user.id.0.to_string());
        let found = |holder: Holder| FoundSubject { kind: "user".into(), id: holder.user.username };
        let results: Vec<_> = holders.into_iter().map(found).collect();
        Ok(SubjectResults { page: ResultsPage::of(&results, next), results })
    }
}

/// What may this user do (§8.6)?
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub(super) struct ActionSearch {
    subject: Subject,
    resource: Resource,
    page: Option<SearchPage>,
}

impl Example for ActionSearch {
    fn example() -> Self {
        Self { subject: Subject::example_user(), resource: Resource::example_article(), page: None }
    }
}

/// What the user may do (§8.3).
#[derive(Clone, Debug, Object)]
pub(super) struct ActionResults {
    results: Vec<Action>,
    page: ResultsPage,
}

impl ActionSearch {
    pub(super) async fn results(&self, state: &State) -> Result<ActionResults, Problem> {
        let page = self.page.clone().unwrap_or_default();
        let list = format!("actions {:?} {:?}", self.subject.user(), self.resource.kind.0);
        let paging = state.cursors.paging(list, page.limit(), page.cursor())?;
        let actions = match self.subject.user() {
            Some(user) => state.store.checks().await?.actions(user, &self.resource.kind.0).await?,
            None => Vec::new(),
        };
        let (names, next) = paging.of(actions, Clone::clone);
        let results: Vec<_> = names.into_iter().map(|name| Action { name: Line(name) }).collect();
        Ok(ActionResults { page: ResultsPage::of(&results, next), results })
    }
}
