//! Races, by racing.

use std::sync::Arc;

use rolecall::{
    store::{Actor, UserRef, commands::LetIn},
    tokens::password::Hasher,
};
use rolecall_guard::Clock;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::{Answer, Database, PASSWORD, Server};

/// Runs all at once and gives their answers.
async fn at_once(calls: impl IntoIterator<Item = impl Future<Output = Answer> + Send + 'static>) -> Vec<Answer> {
    let mut set = JoinSet::new();
    for call in calls {
        set.spawn(call);
    }
    set.join_all().await
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_who_demote_each_other_one_remains() {
    let server = Server::start().await;
    for round in 0..10 {
        let name = format!("second-{round}");
        server.user(&name, &["admin"]).await;
        let (first, second) = (server.admin().await, server.sign_in(&name, PASSWORD).await);
        let demote_second = async move { first.delete(&format!("/v1/users/{name}/roles/admin")).await };
        let demote_first = async move { second.delete("/v1/users/admin/roles/admin").await };
        let (one, other) = tokio::join!(tokio::spawn(demote_second), tokio::spawn(demote_first));
        let (one, other) = (one.unwrap(), other.unwrap());
        // The loser is no administrator any more when its turn comes: 401, and never a 5xx.
        let statuses = [one.status, other.status];
        assert!(statuses == [204, 401] || statuses == [401, 204], "{} {}", one.text, other.text);
        if other.status == 204 {
            let winner = server.sign_in(&format!("second-{round}"), PASSWORD).await;
            winner.put("/v1/users/admin/roles/admin").await.assert(204);
            winner.delete(&format!("/v1/users/second-{round}/roles/admin")).await.assert(204);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_who_demote_themselves_one_remains() {
    let server = Server::start().await;
    server.user("second", &["admin"]).await;
    let (first, second) = (server.admin().await, server.sign_in("second", PASSWORD).await);
    let calls = [(first, "admin"), (second, "second")];
    let answers =
        at_once(calls.map(|(who, name)| async move { who.delete(&format!("/v1/users/{name}/roles/admin")).await }))
            .await;
    assert_eq!((count(&answers, 204), count(&answers, 409)), (1, 1), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_equal_assignments_are_one() {
    let server = Server::start().await;
    server.role("reader", &["articles:read"]).await;
    server.user("alice", &[]).await;
    let admin = server.admin().await;
    let before = admin.all("/v1/ledger").await.len();
    let answers = at_once((0..20).map(|_| {
        let admin = admin.clone();
        async move { admin.put("/v1/users/alice/roles/reader").await }
    }))
    .await;
    assert_eq!(count(&answers, 204), 20, "{answers:?}");
    assert_eq!(admin.all("/v1/ledger").await.len(), before + 1);
    assert_eq!(admin.names("/v1/users/alice/roles", "role").await, ["reader"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_users_with_one_email_one_is_made() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let answers = at_once((0..20).map(|number| {
        let admin = admin.clone();
        let email = if number % 2 == 0 { "same@example.com" } else { "SAME@example.com" };
        async move { admin.post("/v1/users", json!({ "username": format!("user-{number}"), "email": email })).await }
    }))
    .await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 19), "{answers:?}");
    assert_eq!(admin.all("/v1/users?q=user-").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_changes_of_one_state_one_wins() {
    let server = Server::start().await;
    server.user("alice", &[]).await;
    let admin = server.admin().await;
    let etag = admin.get("/v1/users/alice").await.header("etag").to_owned();
    let answers = at_once((0..10).map(|number| {
        let (admin, etag) = (admin.clone(), etag.clone());
        async move {
            let request = admin.request(reqwest::Method::PATCH, "/v1/users/alice").header("if-match", etag);
            admin.send(request.json(&json!({ "display_name": format!("Alice {number}") }))).await
        }
    }))
    .await;
    assert_eq!((count(&answers, 200), count(&answers, 412)), (1, 9), "{answers:?}");
}

/// On PostgreSQL these are two nodes on one database; on SQLite, too, through one file.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_write_one_ledger_without_gaps() {
    let database = Arc::new(Database::create().await);
    let key = ("ROLECALL_KEY_ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    let settings = [("ROLECALL_ISSUER", "https://id.example"), key];
    let one = Server::on(&database, &settings, Clock::System).await;
    let other = Server::on(&database, &settings, Clock::System).await;
    let admins = [one.admin().await, other.admin().await];
    let answers = at_once((0..40).map(|number| {
        let admin = admins[number % 2].clone();
        async move { admin.post("/v1/roles", json!({ "name": format!("role-{number}") })).await }
    }))
    .await;
    assert_eq!(count(&answers, 201), 40, "{answers:?}");
    let rows = admins[0].all("/v1/ledger").await;
    let revisions: Vec<_> = rows.iter().map(|row| row["revision"].as_i64().unwrap()).collect();
    assert_eq!(revisions, (1..=i64::try_from(rows.len()).unwrap()).collect::<Vec<_>>());
    for pair in rows.windows(2) {
        assert_eq!(pair[1]["previous_hash"], pair[0]["hash"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_takes_away_the_other_refuses_within_a_second() {
    let database = Arc::new(Database::create().await);
    let key = ("ROLECALL_KEY_ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    let settings = [("ROLECALL_ISSUER", "https://id.example"), key];
    let one = Server::on(&database, &settings, Clock::System).await;
    let other = Server::on(&database, &settings, Clock::System).await;
    let admin = one.admin().await;
    let person = one.person("alice", &["users:read"]).await;
    let elsewhere = other.bearing(person.token.as_deref().unwrap());
    // The other node may not have seen alice's role yet, but her token speaks for itself.
    elsewhere.get("/v1/users").await.assert(200);
    admin.delete("/v1/users/alice/roles/alice").await.assert(204);
    person.get("/v1/users").await.assert_problem(401, "invalid_token");
    let began = std::time::Instant::now();
    while elsewhere.get("/v1/users").await.status == 200 {
        assert!(began.elapsed().as_secs_f64() < 1.0, "still let in after a second");
    }
    elsewhere.get("/v1/users").await.assert_problem(401, "invalid_token");
}

/// Six sign-ins of alice at once, under way.
fn signing_in(server: &Arc<Server>, password: &'static str, roles: &'static [(&str, &str)]) -> JoinHandle<Vec<Answer>> {
    let sign_ins = (0..6).map(|_| {
        let server = Arc::clone(server);
        async move { server.token("alice", password, roles).await }
    });
    tokio::spawn(at_once(sign_ins.collect::<Vec<_>>()))
}

/// A sign-in that races with the change of its password can't survive it.
#[tokio::test(flavor = "multi_thread")]
async fn no_sign_in_survives_a_change_of_its_password() {
    let server = Arc::new(Server::start().await);
    server.user("alice", &[]).await;
    let admin = server.admin().await;
    let passwords = ["correct horse battery", "another horse battery"];
    for round in 0..10 {
        let (old, new) = (passwords[round % 2], passwords[(round + 1) % 2]);
        let signing_in = signing_in(&server, old, &[]);
        if round % 2 == 0 {
            admin.put_json("/v1/users/alice/password", json!({ "new_password": new })).await.assert(204);
        } else {
            let alice = server.sign_in("alice", old).await;
            let change = json!({ "current_password": old, "new_password": new });
            alice.put_json("/v1/me/password", change).await.assert(204);
        }
        for answer in signing_in.await.unwrap() {
            assert!(matches!(answer.status, 200 | 400), "{}", answer.text);
            let Some(token) = answer.body["access_token"].as_str() else { continue };
            server.bearing(token).get("/v1/me").await.assert_problem(401, "invalid_token");
        }
    }
}

/// Nor that its user is let in anew from the command line: that, too, is done because somebody else knows the password.
#[tokio::test(flavor = "multi_thread")]
async fn no_sign_in_survives_that_its_user_is_let_in_anew() {
    let server = Arc::new(Server::start().await);
    server.user("alice", &[]).await;
    let hasher = Hasher::new("m=32,t=1,p=1".parse().unwrap());
    let passwords = [PASSWORD, "another horse battery"];
    for round in 0..10 {
        let (old, new) = (passwords[round % 2], passwords[(round + 1) % 2]);
        let signing_in = signing_in(&server, old, &[]);
        let command = LetIn {
            user: UserRef::Name("alice".parse().unwrap()),
            password_hash: hasher.hash(new.into()).await.unwrap(),
            role: "admin".parse().unwrap(),
        };
        server.app.state.store.write(&Actor::System, None, &command).await.unwrap();
        for answer in signing_in.await.unwrap() {
            let Some(refresh) = answer.body["refresh_token"].as_str() else { continue };
            server.refresh(refresh, &[]).await.assert(400);
        }
    }
}

/// Whoever named a role that is deleted doesn't get another of its name (rule 5).
#[tokio::test(flavor = "multi_thread")]
async fn no_session_has_a_role_made_anew_that_was_deleted_while_it_was_opened() {
    let server = Arc::new(Server::start().await);
    for role in ["x", "y"] {
        server.role(role, &[]).await;
    }
    server.user("alice", &["x", "y"]).await;
    let admin = server.admin().await;
    for _ in 0..10 {
        let before = server.token("alice", PASSWORD, &[("roles", "x y")]).await.assert(200);
        let signing_in = signing_in(&server, PASSWORD, &[("roles", "x y")]);
        admin.delete("/v1/roles/x").await.assert(204);
        let answers = signing_in.await.unwrap();
        server.role("x", &[]).await;
        admin.put("/v1/users/alice/roles/x").await.assert(204);
        for answer in answers.into_iter().chain([before]) {
            assert!(matches!(answer.status, 200 | 400 | 503), "{}", answer.text);
            let Some(refresh) = answer.body["refresh_token"].as_str() else { continue };
            let token = server.refresh(refresh, &[]).await.assert(200);
            let me = server.bearing(token.token()).get("/v1/me").await.assert(200);
            assert_eq!(me.body["roles"], json!(["y"]));
        }
    }
}

/// Someone's display name and password change at once: each change stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_stays_while_others_change_the_user() {
    let server = Arc::new(Server::start().await);
    server.user("alice", &[]).await;
    let (admin, passwords) = (server.admin().await, [PASSWORD, "another horse battery"]);
    for round in 0..20 {
        let (old, new) = (passwords[round % 2], passwords[(round + 1) % 2]);
        let alice = server.sign_in("alice", old).await;
        let renames = (0..8).map(|name| {
            let admin = admin.clone();
            async move { admin.patch("/v1/users/alice", json!({ "display_name": format!("{round} {name}") })).await }
        });
        let renaming = tokio::spawn(at_once(renames.collect::<Vec<_>>()));
        let change = json!({ "current_password": old, "new_password": new });
        alice.put_json("/v1/me/password", change).await.assert(204);
        assert_eq!(count(&renaming.await.unwrap(), 200), 8);
        assert_eq!(server.token("alice", old, &[]).await.status, 400, "the old one in round {round}");
        assert_eq!(server.token("alice", new, &[]).await.status, 200, "the new one in round {round}");
    }
}

/// Each of them stores a dearer hash, and only the first finds the one it verified.
#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_stay_right_while_hashes_are_made_dearer() {
    let database = Arc::new(Database::create().await);
    Server::on(&database, &[], Clock::System).await.user("alice", &[]).await;
    let dearer = Arc::new(Server::on(&database, &[("ROLECALL_ARGON2", "m=64,t=1,p=1")], Clock::System).await);
    let answers = at_once((0..6).map(|_| {
        let server = Arc::clone(&dearer);
        async move { server.token("alice", PASSWORD, &[]).await }
    }))
    .await;
    assert_eq!(count(&answers, 200), 6, "{answers:?}");
}
