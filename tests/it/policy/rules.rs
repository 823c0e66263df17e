//! The rules hold through a file as through any other request.

use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{BLOG, COMPANY, apply, export, prune, send, steps};
use crate::support::{PASSWORD, Server};

#[tokio::test]
async fn a_broken_rule_refuses_the_whole_file() {
    let server = Server::start().await;
    let admin = server.admin().await;
    apply(&admin, COMPANY).await.assert(200);
    server.user("alice", &["cashier"]).await;
    let (before, revision) = (export(&admin).await, server.revision());
    let cases = [
        ("roles:\n- name: a\n  juniors: [b]\n- name: b\n  juniors: [c]\n- name: c\n  juniors: [a]\n", "role_cycle"),
        ("roles:\n- name: a\n- name: employee\n  juniors: [cashier]\n", "role_cycle"),
        ("permissions:\n- name: x:y\nassignments:\n- user: alice\n  role: approver\n", "separation_of_duty"),
        ("roles:\n- name: cashier\n  juniors: [employee, purchaser]\n", "separation_of_duty"),
        (
            "roles:\n- name: both\n  juniors: [employee]\nassignments:\n- {user: alice, role: both}\nseparation_sets:\n- name: new\n  kind: static\n  cardinality: 2\n  roles: [cashier, both]\n",
            "separation_of_duty",
        ),
    ];
    for (file, code) in cases {
        let planned = send(&admin, "/v1/policy/plan", file).await.assert(200);
        assert_eq!(planned.body["effect"]["broken_rules"][0]["code"], code, "{file}");
        apply(&admin, file).await.assert_problem(409, code);
    }
    let nobody = "assignments: []";
    prune(&admin, nobody).await.assert_problem(409, "last_administrator");
    assert_eq!((export(&admin).await, server.revision()), (before, revision));
}

#[tokio::test]
async fn a_role_is_taken_from_thousands_at_once() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &[]).await;
    let connection = server.database.connection().await;
    let user = |number: u128| {
        let id = uuid::Uuid::from_u128(number).simple().to_string();
        let id = if server.database.is_postgres() { format!("'{id}'") } else { format!("X'{id}'") };
        format!("({id}, 'reader-{number}', 'active', 0, 0, 1)")
    };
    let users: Vec<_> = (1..=2000).map(user).collect();
    let insert = "INSERT INTO users (id, username, status, created_at, updated_at, revision) VALUES";
    connection.execute_unprepared(&format!("{insert} {}", users.join(","))).await.unwrap();
    let assign = "INSERT INTO assignments (user_id, role_id) SELECT users.id, roles.id FROM users, roles
        WHERE username LIKE 'reader-%' AND name = 'reader'";
    connection.execute_unprepared(assign).await.unwrap();

    prune(&admin, "assignments:\n- {user: admin, role: admin}\n").await.assert(200);
    assert!(admin.all("/v1/roles/reader/users").await.is_empty());
    assert_eq!(admin.all("/v1/roles/admin/users").await.len(), 1);
}

#[tokio::test]
async fn a_role_is_not_pruned_from_a_set_that_would_be_too_small() {
    let server = Server::start().await;
    let admin = server.admin().await;
    apply(&admin, COMPANY).await.assert(200);
    let fewer = "roles:\n- name: employee\n- name: approver\n";
    prune(&admin, fewer).await.assert_problem(409, "in_separation_set");
}

#[tokio::test]
async fn nobody_gives_or_touches_by_a_file_what_they_do_not_hold() {
    let server = Server::start().await;
    let admin = server.admin().await;
    apply(&admin, BLOG).await.assert(200);
    server.role("secrets", &["secrets:read"]).await;
    server.role("plain", &[]).await;
    server.user("above", &["secrets"]).await;
    server.user("target", &[]).await;
    let all = ["policy:read", "policy:update", "assignments:create", "assignments:read", "assignments:delete"];
    let manager = server.person("manager", &[&all[..], &["articles:read"]].concat()).await;
    let refused = [
        "roles:\n- name: plain\n  permissions: [secrets:read]\n",
        "roles:\n- name: plain\n  juniors: [secrets]\n",
        "roles:\n- name: plain\n  juniors: [admin]\n",
        "roles:\n- name: new\n  permissions: [secrets:read]\n",
        "permissions:\n- name: new:read\nroles:\n- name: plain\n  permissions: [new:read]\n",
        "roles:\n- name: secrets\n  permissions: []\n",
        "roles:\n- name: secrets\n  permissions: [secrets:read]\n  description: Mine\n",
        "permissions:\n- name: secrets:read\n  description: Mine\n",
        "assignments:\n- user: target\n  role: secrets\n",
        "assignments:\n- user: target\n  role: admin\n",
        "assignments:\n- user: above\n  role: plain\n",
        "roles:\n- name: new\n  juniors: [secrets]\nassignments:\n- user: target\n  role: new\n",
        "separation_sets:\n- name: s\n  kind: dynamic\n  cardinality: 2\n  roles: [plain, secrets]\n",
    ];
    let before = export(&admin).await;
    for file in refused {
        apply(&manager, file).await.assert_problem(403, "would_exceed_own_permissions");
    }
    for file in ["roles: []", "permissions: []", "assignments: []"] {
        prune(&manager, file).await.assert_problem(403, "would_exceed_own_permissions");
    }
    assert_eq!(export(&admin).await, before);
    let allowed = "
permissions:
- name: new:read
roles:
- name: plain
  permissions: [articles:read]
- name: new
  juniors: [plain]
assignments:
- user: target
  role: new
";
    apply(&manager, allowed).await.assert(200);
    assert_eq!(
        server.sign_in("target", PASSWORD).await.get("/v1/me").await.body["permissions"],
        json!(["articles:read"])
    );
}

#[tokio::test]
async fn nothing_is_given_by_a_file_for_longer_than_it_is_held() {
    let server = Server::start().await;
    server.role("reader", &["articles:read"]).await;
    server.role("clerk", &["policy:update", "assignments:create", "assignments:read"]).await;
    server.user("target", &[]).await;
    server.user("manager", &["clerk"]).await;
    let until = json!({ "valid_until": "2090-01-01T00:00:00Z" });
    server.admin().await.put_json("/v1/users/manager/roles/reader", until).await.assert(204);
    let manager = server.sign_in("manager", PASSWORD).await;
    let assignment = |until: &str| format!("assignments:\n- user: target\n  role: reader\n{until}");
    for longer in ["", "  valid_until: 2090-01-01T00:00:01Z\n"] {
        apply(&manager, &assignment(longer)).await.assert_problem(403, "would_exceed_own_permissions");
    }
    let past = apply(&manager, &assignment("  valid_until: 2010-01-01T00:00:00Z\n")).await;
    let past = past.assert_problem(400, "bad_policy_file").body["detail"].clone();
    assert_eq!(past, "line 4, column 16: valid_until must be later than valid_from and than now.");
    apply(&manager, &assignment("  valid_until: 2090-01-01T00:00:00Z\n")).await.assert(200);
}

#[tokio::test]
async fn who_has_which_role_takes_permissions_of_its_own() {
    let server = Server::start().await;
    server.role("plain", &[]).await;
    server.user("target", &["plain"]).await;
    let policy = ["policy:read", "policy:update"];
    let blind = server.person("blind", &policy).await;
    let file = "assignments:\n- user: target\n  role: plain\n";
    let scope = |answer: &crate::support::Answer| answer.header("www-authenticate").to_owned();
    let refused = blind.get("/v1/policy?assignments=true").await.assert_problem(403, "insufficient_scope");
    assert!(scope(&refused).contains("assignments:read"));
    for path in ["/v1/policy/plan", "/v1/policy/apply"] {
        send(&blind, path, file).await.assert_problem(403, "insufficient_scope");
    }
    let reader = server.person("reader", &[&policy[..], &["assignments:read"]].concat()).await;
    let text = reader.get("/v1/policy?assignments=true").await.assert(200).text;
    assert!(text.contains("target"));
    apply(&reader, file).await.assert(200);
    let more = format!("{file}- user: reader\n  role: plain\n");
    let refused = apply(&reader, &more).await.assert_problem(403, "insufficient_scope");
    assert!(scope(&refused).contains("assignments:create"));
    let told = send(&reader, "/v1/policy/plan", &more).await.assert(200);
    assert_eq!(told.body["effect"]["broken_rules"][0]["code"], "insufficient_scope");
    let refused = prune(&reader, "assignments: []").await.assert_problem(403, "insufficient_scope");
    assert!(scope(&refused).contains("assignments:delete"));
    reader.get("/v1/policy").await.assert(200);
    let nobody = server.person("nobody", &["policy:update"]).await;
    nobody.get("/v1/policy").await.assert_problem(403, "insufficient_scope");
    send(&nobody, "/v1/policy/plan", "roles: []").await.assert_problem(403, "insufficient_scope");
    apply(&nobody, "roles: []").await.assert(200);
}

#[tokio::test]
async fn a_long_chain_of_roles_is_planned_and_applied_and_no_circle_is_closed() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let chain = |length: usize, last: &str| {
        let line = |number: usize| format!("- name: r{number}\n  juniors: [r{}]\n", number + 1);
        let roles: String = (0..length).map(line).collect();
        format!("permissions:\n- name: x:y\nroles:\n{roles}- name: r{length}\n{last}")
    };
    let good = chain(400, "  permissions: [x:y]\n");
    let planned = send(&admin, "/v1/policy/plan", &good).await.assert(200);
    assert_eq!((&planned.body["effect"]["allowed"], steps(&planned).len()), (&json!(true), 803));
    for last in ["  juniors: [r0]\n", "  juniors: [r200]\n"] {
        let circle = chain(400, last);
        let planned = send(&admin, "/v1/policy/plan", &circle).await.assert(200);
        assert_eq!(planned.body["effect"]["broken_rules"][0]["code"], "role_cycle");
        apply(&admin, &circle).await.assert_problem(409, "role_cycle");
    }
    apply(&admin, &good).await.assert(200);
    server.user("alice", &["r0"]).await;
    assert_eq!(admin.names("/v1/users/alice/permissions", "permission").await, ["x:y"]);
    // What is there already closes a circle as well as what is new.
    let closing = "roles:\n- name: r400\n  permissions: [x:y]\n  juniors: [r0]\n";
    apply(&admin, closing).await.assert_problem(409, "role_cycle");
    let apart = "roles:\n- name: r200\n";
    let told = send(&admin, "/v1/policy/plan", apart).await.assert(200);
    assert_eq!(told.body["effect"]["users"], json!([{ "username": "alice", "gains": [], "loses": ["x:y"] }]));
    let alice = server.sign_in("alice", PASSWORD).await;
    apply(&admin, apart).await.assert(200);
    alice.get("/v1/me").await.assert_invalid_token();
    assert_eq!(admin.names("/v1/users/alice/permissions", "permission").await, [""; 0]);
}

/// Far more than one change at a time could bring up to date within the time that a request has.
#[tokio::test]
async fn the_longest_chain_keeps_nobody_else_waiting() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let line = |number: usize| format!("- name: r{number}\n  juniors: [r{}]\n", number + 1);
    let file = (0..4_900).map(line).fold("roles:\n".to_owned(), |all, line| all + &line) + "- name: r4900\n";
    let (planned, read) = tokio::join!(send(&admin, "/v1/policy/plan", &file), admin.get("/v1/me"));
    assert_eq!(steps(&planned.assert(200)).len(), 9_801);
    read.assert(200);
}
