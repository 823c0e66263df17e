use std::collections::BTreeSet;

use poem_openapi::{Object, types::Example};
use rolecall_guard::Problem;

use super::evaluation::{Action, Resource, Subject, Text};
use crate::{
    api::{
        State,
        cursor::{self, Paging},
        text::{Limit, Line, known},
    },
    problem::bad_request,
    store::{Holder, Holders},
};

/// Which page (§8.2.1).
#[derive(Clone, Debug, Default, Object)]
#[oai(skip_serializing_if_is_none)]
struct SearchPage {
    /// `next_token` of the page before.
    token: Option<String>,
    /// How many results it has at most; 500 are the most there are. Absent: as many as the page before, 50 on the first.
    #[oai(validator(minimum(value = "0")))]
    limit: Option<i64>,
}

/// A page that is asked for: how long, and after which cursor.
struct Asking {
    limit: u64,
    cursor: Option<String>,
}

fn unknown() -> Problem {
    cursor::unknown("page.token")
}

impl SearchPage {
    /// An empty token is none: that is how the last page says that there is no other. Any other is a cursor, and the limit
    /// that counts if the request says none: a search goes on as it began.
    fn asking(&self) -> Result<Asking, Problem> {
        let token = self.token.as_deref().filter(|token| !token.is_empty());
        let (before, cursor) = match token.map(|token| token.split_once('.').ok_or_else(unknown)).transpose()? {
            Some((limit, cursor)) => (limit.parse::<Limit>().map_err(|_| unknown())?, Some(cursor.to_owned())),
            None => (Limit::default(), None),
        };
        let limit = match self.limit {
            Some(limit) => u64::try_from(limit).map_err(|_| bad_request("page.limit: must be 0 or more"))?,
            None => before.0,
        };
        Ok(Asking { limit, cursor: cursor.filter(|cursor| !str::is_empty(cursor)) })
    }
}

impl Asking {
    /// Begins a page of `list`.
    fn paging<'a>(&self, state: &'a State, list: String) -> Result<Paging<'a>, Problem> {
        state.cursors.paging(list, self.limit(), self.cursor.clone()).map_err(|_| unknown())
    }

    fn limit(&self) -> Limit {
        if self.limit == 0 { Limit::default() } else { Limit::at_most(self.limit) }
    }

    /// Results and the token of the next page. Of a page of no results that is where this one would begin.
    fn page<T>(&self, results: Vec<T>, next: Option<String>) -> (Vec<T>, Option<String>) {
        let (results, next) = if self.limit == 0 {
            let here = self.cursor.clone().unwrap_or_default();
            (Vec::new(), (!results.is_empty()).then_some(here))
        } else {
            (results, next)
        };
        (results, next.map(|cursor| format!("{}.{cursor}", self.limit().0)))
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
    page: ResultsPage,
    results: Vec<FoundSubject>,
}

impl SubjectSearch {
    pub(super) async fn results(&self, state: &State) -> Result<SubjectResults, Problem> {
        let asking = self.page.clone().unwrap_or_default().asking()?;
        let permission = format!("{}:{}", self.resource.kind.0, self.action.name.0);
        let paging = asking.paging(state, format!("subjects {permission:?}"))?;
        let snapshot = state.store.current().await?;
        let is_user = self.subject.kind.0 == "user";
        let giving: BTreeSet<_> = snapshot.graph.giving(&permission).filter(|_| is_user).cloned().collect();
        let holders = state.store.holders(&giving, Holders::Active, paging.page()?).await?;
        let (holders, next) = paging.cut(holders, |holder| holder.user.id.0.to_string());
        let found = |holder: Holder| FoundSubject { kind: "user".into(), id: holder.user.username };
        let (results, next) = asking.page(holders.into_iter().map(found).collect(), next);
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
    page: ResultsPage,
    results: Vec<Action>,
}

impl ActionSearch {
    pub(super) async fn results(&self, state: &State) -> Result<ActionResults, Problem> {
        let asking = self.page.clone().unwrap_or_default().asking()?;
        let paging = asking.paging(state, format!("actions {:?} {:?}", self.subject.user(), self.resource.kind.0))?;
        let actions = match self.subject.user() {
            Some(user) => state.store.checks().await?.actions(user, &self.resource.kind.0).await?,
            None => Vec::new(),
        };
        let (names, next) = paging.of(actions, Clone::clone);
        let (results, next) = asking.page(names.into_iter().map(|name| Action { name: Line(name) }).collect(), next);
        Ok(ActionResults { page: ResultsPage::of(&results, next), results })
    }
}
