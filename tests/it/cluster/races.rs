//! Two at once, on two nodes, while others work.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::{Cluster, Load, Session, how_many, report, sides};
use crate::support::Client;

/// Within this, what one node took away is refused by the others.
const BOUND: Duration = Duration::from_secs(1);

/// Runs the trials of a race, and says how long tokens that one node took away still lived on the other.
async fn trials(name: &str, cluster: &Cluster, race: impl AsyncFn(usize) -> Option<Duration>) {
    let load = Load::on(cluster).await;
    let (began, mut lags) = (Instant::now(), Vec::new());
    for trial in 0..how_many("TRIALS", 25) {
        lags.extend(race(trial).await);
    }
    let took = began.elapsed().as_secs_f64();
    let beside = load.end().await;
    report(format!("{name}: {took:.1} s, {beside} answers to others meanwhile{}", percentiles(lags)));
}

fn percentiles(mut lags: Vec<Duration>) -> String {
    lags.sort_unstable();
    let Some(max) = lags.last() else { return String::new() };
    let millis = |lag: &Duration| lag.as_secs_f64() * 1000.0;
    let [half, most] = [50, 99].map(|percent| millis(&lags[(lags.len() - 1) * percent / 100]));
    format!("; lag in ms: p50 {half:.1}, p99 {most:.1}, max {:.1} of {}", millis(max), lags.len())
}

/// Asks until the token is refused; how long that took, which is never longer than the bound.
async fn until_refused(who: &Client, since: Instant) -> Duration {
    loop {
        let answer = who.get("/v1/me").await;
        let passed = since.elapsed();
        if answer.status != 200 {
            answer.assert_invalid_token();
            who.get("/v1/me").await.assert_invalid_token();
            return passed;
        }
        assert!(passed < BOUND, "let in {passed:?} later");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_uses_of_a_refresh_token_one_wins_and_its_session_ends() {
    let cluster = Cluster::start().await;
    cluster.admins[0].make_user("alice").await;
    trials("the same refresh token twice", &cluster, async |trial| {
        let [one, other] = sides(&cluster.doors, trial);
        let Session { access, refresh } = one.sign_in("alice").await;
        let (first, second) = tokio::join!(one.refresh(&refresh), other.refresh(&refresh));
        let since = Instant::now();
        let (won, on, lost, elsewhere) =
            if first.status == 200 { (first, one, second, other) } else { (second, other, first, one) };
        let won = Session::of(&won.assert(200));
        lost.assert_oauth_error(400, "invalid_grant");
        for token in [&access, &won.access] {
            elsewhere.bearing(token).get("/v1/me").await.assert_invalid_token();
        }
        let lag = until_refused(&on.bearing(&won.access), since).await;
        on.bearing(&access).get("/v1/me").await.assert_invalid_token();
        for door in [on, elsewhere] {
            door.refresh(&won.refresh).await.assert_oauth_error(400, "invalid_grant");
        }
        Some(lag)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_role_is_taken_away_is_refused_here_at_once_and_there_within_a_second() {
    let cluster = Cluster::start().await;
    cluster.admins[0].make_user("alice").await;
    cluster.admins[0].make_role("reader").await;
    trials("a role taken away", &cluster, async |trial| {
        let [admin, _] = sides(&cluster.admins, trial);
        let [here, there] = sides(&cluster.doors, trial);
        admin.put("/v1/users/alice/roles/reader").await.assert(204);
        let token = here.sign_in("alice").await.access;
        let [here, there] = [here, there].map(|door| door.bearing(&token));
        here.get("/v1/me").await.assert(200);
        there.get("/v1/me").await.assert(200);
        admin.delete("/v1/users/alice/roles/reader").await.assert(204);
        let since = Instant::now();
        let (at_once, lag) = tokio::join!(here.get("/v1/me"), until_refused(&there, since));
        at_once.assert_invalid_token();
        Some(lag)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_refreshes_while_the_session_is_ended_elsewhere_has_none() {
    let cluster = Cluster::start().await;
    cluster.admins[0].make_user("alice").await;
    trials("refresh against revoke", &cluster, async |trial| {
        let [refreshing, ending] = sides(&cluster.doors, trial);
        let Session { access, refresh } = refreshing.sign_in("alice").await;
        let end = async {
            if trial % 4 < 2 {
                ending.form("/oauth/revoke", &[("token", &refresh)]).await.assert(200);
            } else {
                ending.bearing(&access).delete("/v1/me/sessions").await.assert(204);
            }
        };
        let (refreshed, ()) = tokio::join!(refreshing.refresh(&refresh), end);
        let since = Instant::now();
        // The newest first: to use an older one would end the session, were it alive.
        let mut sessions = vec![Session { access, refresh }];
        if refreshed.status == 200 {
            sessions.insert(0, Session::of(&refreshed));
        } else {
            refreshed.assert_oauth_error(400, "invalid_grant");
        }
        for session in &sessions {
            ending.bearing(&session.access).get("/v1/me").await.assert_invalid_token();
        }
        let lag = until_refused(&refreshing.bearing(&sessions[0].access), since).await;
        for Session { access, refresh } in &sessions {
            refreshing.bearing(access).get("/v1/me").await.assert_invalid_token();
            for door in [ending, refreshing] {
                door.refresh(refresh).await.assert_oauth_error(400, "invalid_grant");
            }
        }
        Some(lag)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_edits_of_one_state_one_wins() {
    let cluster = Cluster::start().await;
    cluster.admins[0].make_user("alice").await;
    cluster.admins[0].make_role("reader").await;
    let edits = [
        ("/v1/users/alice", "/v1/users/alice", Method::PATCH, "display_name"),
        ("/v1/roles/reader", "/v1/roles/reader", Method::PATCH, "description"),
        ("/v1/users/alice", "/v1/users/alice/roles/reader", Method::PUT, ""),
        ("/v1/users/alice", "/v1/users/alice/roles/reader", Method::DELETE, ""),
    ];
    trials("two edits of one state", &cluster, async |trial| {
        let [one, other] = sides(&cluster.admins, trial);
        let (parent, path, method, member) = &edits[trial % edits.len()];
        let tag = one.etag(parent).await;
        let body = |by: &str| if member.is_empty() { Value::Null } else { json!({ *member: format!("{by} {trial}") }) };
        let edit = async |who: &Client, by| who.if_match(method.clone(), path, &tag, body(by)).await;
        let (first, second) = tokio::join!(edit(one, "one"), edit(other, "other"));
        let (by, won, lost) = if first.status < 300 { ("one", first, second) } else { ("other", second, first) };
        assert!(won.status < 300, "{} {}", won.text, lost.text);
        lost.assert_problem(412, "stale");
        for admin in [one, other] {
            let state = admin.get(parent).await.assert(200);
            assert_ne!(state.header("etag"), tag);
            if !member.is_empty() {
                assert_eq!(state.body[*member], body(by)[*member]);
            }
        }
        None
    })
    .await;
}
