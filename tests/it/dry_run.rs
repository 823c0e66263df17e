//! `?dry_run=true` on whatever changes policy.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, PASSWORD, Server};

/// What a dry run of this foretells; it must leave no trace.
async fn foretold(server: &Server, client: &Client, method: &Method, path: &str, body: &Value) -> Answer {
    let before = server.revision();
    let mark = if path.contains('?') { '&' } else { '?' };
    let request = client.request(method.clone(), &format!("{path}{mark}dry_run=true"));
    let answer = client.send(if body.is_null() { request } else { request.json(body) }).await;
    let rows = client.get("/v1/ledger?limit=1").await;
    assert_eq!((server.revision(), rows.status), (before, rows.status), "a dry run changed something");
    answer
}

async fn really(client: &Client, method: &Method, path: &str, body: &Value) -> Answer {
    let request = client.request(method.clone(), path);
    client.send(if body.is_null() { request } else { request.json(body) }).await
}

#[tokio::test]
async fn it_tells_who_gains_and_loses_what_and_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &["articles:read"]).await;
    server.role("editor", &["articles:update"]).await;
    server.user("alice", &["editor"]).await;
    server.user("bob", &["reader"]).await;
    let alice = server.sign_in("alice", PASSWORD).await;
    let edge = "/v1/roles/editor/juniors/reader";
    let answer = foretold(&server, &admin, &Method::PUT, edge, &Value::Null).await.assert(200);
    let expected = json!({
        "allowed": true,
        "broken_rules": [],
        "users_affected": 1,
        "more_users": false,
        "sessions_affected": 1,
        "users": [{ "username": "alice", "gains": ["articles:read"], "loses": [] }],
    });
    assert_eq!(answer.body, expected);
    assert_eq!(admin.names("/v1/roles/editor/juniors", "role").await, [""; 0]);
    let gone = foretold(&server, &admin, &Method::DELETE, "/v1/users/alice", &Value::Null).await.assert(200);
    assert_eq!(gone.body["users"], json!([{ "username": "alice", "gains": [], "loses": ["articles:update"] }]));
    alice.get("/v1/me").await.assert(200);
    admin.get("/v1/users/alice").await.assert(200);
}

#[tokio::test]
async fn it_counts_the_sessions_that_would_end_or_change() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user("alice", &[]).await;
    let first = server.sign_in("alice", PASSWORD).await;
    server.sign_in("alice", PASSWORD).await;
    let sid = crate::support::claims(first.token.as_deref().unwrap())["sid"].as_str().unwrap().to_owned();
    let reset = json!({ "new_password": PASSWORD });
    let cases = [
        (Method::PUT, "/v1/users/alice/password".to_owned(), reset, 2),
        (Method::DELETE, "/v1/users/alice/sessions".to_owned(), Value::Null, 2),
        (Method::DELETE, "/v1/users/alice".to_owned(), Value::Null, 2),
        (Method::DELETE, format!("/v1/sessions/{sid}"), Value::Null, 1),
    ];
    for (method, path, body, sessions) in cases {
        let told = foretold(&server, &admin, &method, &path, &body).await.assert(200);
        assert_eq!(told.body["sessions_affected"], sessions, "{path}");
    }
    let own =
        foretold(&server, &first, &Method::DELETE, &format!("/v1/sessions/{sid}"), &Value::Null).await.assert(200);
    assert_eq!(own.body["sessions_affected"], 1);
    first.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn a_rule_that_would_be_broken_is_named() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("cashier", &[]).await;
    server.role("auditor", &[]).await;
    let set = json!({ "name": "money", "kind": "static", "cardinality": 2, "roles": ["cashier", "auditor"] });
    admin.post("/v1/separation-sets", set).await.assert(201);
    server.user("alice", &["cashier"]).await;
    let code = |answer: &Answer| answer.body["broken_rules"][0]["code"].as_str().unwrap_or_default().to_owned();
    let cases = [
        (Method::PUT, "/v1/users/alice/roles/auditor", Value::Null, "separation_of_duty"),
        (Method::DELETE, "/v1/users/admin", Value::Null, "last_administrator"),
        (Method::PUT, "/v1/roles/cashier/juniors/cashier", Value::Null, "role_cycle"),
        (Method::POST, "/v1/roles", json!({ "name": "cashier" }), "already_exists"),
        (Method::POST, "/v1/users", json!({ "username": "alice", "password": PASSWORD }), "already_exists"),
        (Method::DELETE, "/v1/roles/admin", Value::Null, "built_in"),
    ];
    for (method, path, body, expected) in cases {
        let answer = foretold(&server, &admin, &method, path, &body).await.assert(200);
        assert_eq!((answer.body["allowed"].as_bool(), code(&answer).as_str()), (Some(false), expected), "{path}");
        really(&admin, &method, path, &body).await.assert_problem(409, expected);
    }
}

#[tokio::test]
async fn who_may_not_make_the_change_learns_nothing_by_it() {
    let server = Server::start().await;
    server.role("above", &["secret:read"]).await;
    server.user("alice", &["above"]).await;
    let manager = server.person("manager", &["assignments:create", "assignments:delete", "access:read"]).await;
    let answer = foretold(&server, &manager, &Method::DELETE, "/v1/users/alice/roles/above", &Value::Null).await;
    let broken = &answer.assert(200).body;
    assert_eq!(broken["broken_rules"][0]["code"], "would_exceed_own_permissions");
    assert_eq!((&broken["users"], &broken["users_affected"]), (&json!([]), &json!(0)));
    let nobody = server.person("nobody", &[]).await;
    let refused = foretold(&server, &nobody, &Method::DELETE, "/v1/users/alice", &Value::Null).await;
    refused.assert_problem(403, "insufficient_scope");
    let blind = server.person("blind", &["assignments:create", "assignments:delete", "secret:read"]).await;
    let answer = foretold(&server, &blind, &Method::DELETE, "/v1/users/alice/roles/above", &Value::Null).await;
    let seen = answer.assert(200).body;
    assert_eq!((&seen["users_affected"], seen.get("users")), (&json!(1), None), "without access:read no names");
}

#[tokio::test]
async fn what_is_wrong_with_the_request_itself_is_refused_as_ever() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &[]).await;
    let none = Value::Null;
    foretold(&server, &admin, &Method::DELETE, "/v1/roles/none", &none).await.assert_problem(404, "not_found");
    foretold(&server, &admin, &Method::POST, "/v1/roles", &json!({ "name": "!" })).await.assert(400);
    let stale = admin.request(Method::DELETE, "/v1/roles/reader?dry_run=true").header("if-match", "\"0\"");
    admin.send(stale).await.assert_problem(412, "stale");
    foretold(&server, &server.anonymous(), &Method::DELETE, "/v1/roles/reader", &none).await.assert(401);
}

#[tokio::test]
async fn nobody_gains_by_the_creation_of_a_name_that_is_taken() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &["articles:read"]).await;
    server.user("alice", &[]).await;
    let new = json!({ "username": "alice", "roles": ["reader"] });
    let told = foretold(&server, &admin, &Method::POST, "/v1/users", &new).await.assert(200);
    assert_eq!(told.body["broken_rules"][0]["code"], "already_exists");
    assert_eq!((&told.body["users"], &told.body["users_affected"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn what_can_not_be_foretold_is_not_done_either() {
    let server = Server::start().await;
    server.user("alice", &[]).await;
    let alice = server.sign_in("alice", PASSWORD).await;
    for query in ["dry_run=true", "dry_run", "dry_run=1", "a=b&dry_run=yes", "dry%5Frun=true"] {
        let refused = alice.delete(&format!("/v1/me/sessions?{query}")).await;
        refused.assert_problem(400, "bad_request");
    }
    alice.get("/v1/me").await.assert(200);
    alice.delete("/v1/me/sessions?dry_run=false").await.assert(204);
}

#[tokio::test]
async fn each_has_a_path_of_its_own_that_changes_nothing_whatever_is_added() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &["articles:read"]).await;
    server.user("alice", &["reader"]).await;
    let none = Value::Null;
    let cases = [
        (Method::DELETE, "users/alice", none.clone(), 200),
        (Method::PATCH, "users/alice", json!({ "status": "disabled" }), 200),
        (Method::POST, "roles", json!({ "name": "editor", "permissions": ["articles:read"] }), 200),
        (Method::PUT, "users/alice/roles/admin", none.clone(), 200),
        (Method::DELETE, "users/nobody", none.clone(), 404),
        (Method::POST, "roles", json!({ "name": "!" }), 400),
    ];
    let before = server.revision();
    for (method, path, body, status) in cases {
        let same = foretold(&server, &admin, &method, &format!("/v1/{path}"), &body).await.assert(status);
        let own = format!("/v1/dry-run/{path}");
        assert_eq!(really(&admin, &method, &own, &body).await.assert(status).text, same.text, "{method} {path}");
        for more in ["dry_run=false", "dry_run=true", "a=b&dry%5Frun=false"] {
            really(&admin, &method, &format!("{own}?{more}"), &body).await.assert_problem(400, "bad_request");
        }
    }
    let stale = admin.if_match(Method::DELETE, "/v1/dry-run/users/alice?a=b", "\"0\"", none).await;
    stale.assert_problem(412, "stale");
    server.anonymous().delete("/v1/dry-run/users/alice").await.assert_problem(401, "unauthenticated");
    let refused = admin.get("/v1/dry-run/users").await.assert_problem(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), "POST");
    for path in
        ["/v1/dry-run/me/sessions", "/v1/dry-run/dry-run/users/alice", "/v1/dry-run/users/alice/", "/v1/dry-run/"]
    {
        admin.delete(path).await.assert_problem(404, "not_found");
    }
    assert_eq!(server.revision(), before);
}

#[tokio::test]
async fn who_says_both_yes_and_no_is_asked_again() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user("alice", &[]).await;
    for query in ["dry_run=false&dry_run=true", "dry_run=true&dry_run=false"] {
        admin.delete(&format!("/v1/users/alice?{query}")).await.assert_problem(400, "bad_request");
    }
    admin.get("/v1/users/alice").await.assert(200);
}

#[tokio::test]
async fn who_spells_it_another_way_is_told_and_nothing_is_done() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user("alice", &[]).await;
    for query in ["dry-run=true", "dryRun=true", "DRY_RUN", "Dry_run=1", "a=b&dry%2Drun=true", "dry.run=false"] {
        let refused = admin.delete(&format!("/v1/users/alice?{query}")).await.assert_problem(400, "bad_request");
        assert_eq!(refused.body["detail"], "dry_run: this is how it is spelled.");
        admin.get(&format!("/v1/users/alice?{query}")).await.assert(200);
    }
}

#[tokio::test]
async fn whether_there_is_such_a_thing_and_who_asks_comes_first() {
    let server = Server::start().await;
    let (admin, anonymous) = (server.admin().await, server.anonymous());
    for query in ["dry_run=true", "dry-run=true", "dry_run=true&dry_run=false"] {
        for path in ["/v1/me/password", "/v1/dry-run/users/alice/password"] {
            let refused = anonymous.put(&format!("{path}?{query}")).await;
            refused.assert_problem(401, "unauthenticated");
        }
        for client in [&anonymous, &admin] {
            client.put(&format!("/v1/nowhere?{query}")).await.assert_problem(404, "not_found");
            client.delete(&format!("/v1/me/password?{query}")).await.assert_problem(405, "method_not_allowed");
        }
        admin.put(&format!("/v1/me/password?{query}")).await.assert_problem(400, "bad_request");
    }
}
