//! /v1/ledger

use aws_lc_rs::digest;
use reqwest::Method;
use sea_orm::QueryResult;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, Server};

/// Every kind of change there is, in an order in which each is possible: what is asked for, the action and the target.
fn changes() -> Vec<(Method, &'static str, Value, &'static str, &'static str)> {
    use Method as M;
    let alice = json!({
        "username": "alice", "password": "secret-password-1", "email": "secret@mail.example",
        "display_name": "Secret Name", "roles": ["editor"],
    });
    let patch = json!({ "email": "secret@post.example", "display_name": "Secret Nick", "status": "disabled" });
    let none = Value::Null;
    vec![
        (M::POST, "/v1/permissions", json!({ "name": "x:y" }), "create_permission", "permissions/x:y"),
        (M::PATCH, "/v1/permissions/x:y", json!({ "description": "X" }), "update_permission", "permissions/x:y"),
        (M::POST, "/v1/roles", json!({ "name": "editor", "permissions": ["x:y"] }), "create_role", "roles/editor"),
        (M::PATCH, "/v1/roles/editor", json!({ "description": "Edits" }), "update_role", "roles/editor"),
        (
            M::PUT,
            "/v1/roles/editor/permissions/users:read",
            none.clone(),
            "grant_permission",
            "roles/editor/permissions/users:read",
        ),
        (
            M::DELETE,
            "/v1/roles/editor/permissions/users:read",
            none.clone(),
            "revoke_permission",
            "roles/editor/permissions/users:read",
        ),
        (M::POST, "/v1/users", alice, "create_user", "users/alice"),
        (M::PATCH, "/v1/users/alice", patch, "update_user", "users/alice"),
        (
            M::PUT,
            "/v1/users/alice/password",
            json!({ "new_password": "secret-password-2" }),
            "reset_password",
            "users/alice",
        ),
        (M::DELETE, "/v1/users/alice/roles/editor", none.clone(), "deassign_role", "users/alice/roles/editor"),
        (M::PUT, "/v1/users/alice/roles/editor", none.clone(), "assign_role", "users/alice/roles/editor"),
        (
            M::POST,
            "/v1/clients",
            json!({ "name": "App", "client_id": "app", "grants": ["client_credentials"], "scopes": ["x:y"] }),
            "create_client",
            "clients/app",
        ),
        (M::PATCH, "/v1/clients/app", json!({ "audience": "https://a.example" }), "update_client", "clients/app"),
        (M::POST, "/v1/clients/app/secrets", none.clone(), "rotate_client_secret", "clients/app"),
        (M::DELETE, "/v1/permissions/x:y", none.clone(), "delete_permission", "permissions/x:y"),
        (M::DELETE, "/v1/clients/app", none.clone(), "delete_client", "clients/app"),
        (M::DELETE, "/v1/roles/editor", none.clone(), "delete_role", "roles/editor"),
        (M::DELETE, "/v1/users/alice", none, "delete_user", "users/alice"),
    ]
}

async fn make_all(caller: &Client) {
    for (method, path, body, ..) in changes() {
        let request = caller.request(method, path);
        let answer = caller.send(if body.is_null() { request } else { request.json(&body) }).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text);
    }
}

async fn made(server: &Server) -> (Client, Vec<Value>) {
    let admin = server.admin().await;
    make_all(&admin).await;
    let rows = admin.all("/v1/ledger").await;
    (admin, rows)
}

fn find<'a>(rows: &'a [Value], action: &str, target: &str) -> &'a Value {
    rows.iter().find(|row| row["action"] == action && row["target"] == target).unwrap()
}

#[tokio::test]
async fn every_change_is_one_row_that_says_who_did_what_to_what() {
    let server = Server::start().await;
    let (admin, rows) = made(&server).await;
    let id = admin.get("/v1/me").await.body["id"].clone();
    let first = rows.len() - changes().len();
    for (row, (.., action, target)) in rows[first..].iter().zip(changes()) {
        assert_eq!((&row["action"], &row["target"]), (&json!(action), &json!(target)));
        assert_eq!((&row["actor"], &row["actor_id"]), (&json!("admin"), &id));
    }
    let jwks = server.anonymous().get("/.well-known/jwks.json").await.body;
    let key = format!("keys/{}", jwks["keys"][0]["kid"].as_str().unwrap());
    let begun: Vec<_> = rows[..first].iter().map(|row| json!([row["action"], row["target"]])).collect();
    let expected = [["initialise", "policy"], ["rotate_key", &key], ["create_user", "users/admin"]];
    assert_eq!(begun, expected.map(|row| json!(row)));
    assert!(rows[..first].iter().all(|row| row["actor"] == "system" && row.get("actor_id").is_none()));
}

#[tokio::test]
async fn revisions_have_no_gaps_and_each_row_names_the_hash_before_it() {
    let server = Server::start().await;
    let (_, rows) = made(&server).await;
    let mut before = json!("");
    for (row, revision) in rows.iter().zip(1..) {
        assert_eq!((&row["revision"], &row["previous_hash"]), (&json!(revision), &before));
        before = row["hash"].clone();
        assert_eq!(before.as_str().unwrap().len(), 64);
    }
    assert_eq!(rows.len(), usize::try_from(server.revision()).unwrap());
    assert!(rows.windows(2).all(|pair| pair[0]["at"].as_str() <= pair[1]["at"].as_str()));
}

#[tokio::test]
async fn a_row_says_what_was_and_what_became() {
    let server = Server::start().await;
    let (_, rows) = made(&server).await;
    let created = find(&rows, "create_user", "users/alice");
    assert!(created.get("before").is_none());
    let id = created["after"]["id"].clone();
    let was = json!({ "id": id, "username": "alice", "status": "active" });
    let mut made = was.clone();
    made["roles"] = json!(["editor"]);
    assert_eq!(created["after"], made);

    let updated = find(&rows, "update_user", "users/alice");
    assert_eq!(updated["before"], was);
    assert_eq!(updated["after"]["status"], "disabled");
    assert_eq!(updated["after"]["changed"], json!(["email", "display_name", "status"]));

    let deleted = find(&rows, "delete_user", "users/alice");
    assert_eq!(deleted["before"]["username"], "alice");
    assert!(deleted.get("after").is_none());

    let described = find(&rows, "update_role", "roles/editor");
    let descriptions = ["before", "after"].map(|side| described[side]["description"].clone());
    assert_eq!(descriptions, [Value::Null, json!("Edits")]);
    let deleted = find(&rows, "delete_permission", "permissions/x:y");
    assert_eq!((&deleted["before"]["description"], &deleted["before"]["roles"]), (&json!("X"), &json!(["editor"])));
}

#[tokio::test]
async fn what_is_refused_or_changes_nothing_leaves_no_row() {
    let server = Server::start().await;
    let (admin, bystander) = (server.admin().await, server.person("bystander", &[]).await);
    let before = admin.all("/v1/ledger").await.len();
    bystander.post("/v1/roles", json!({ "name": "x" })).await.assert(403);
    admin.post("/v1/roles", json!({ "name": "x y" })).await.assert(400);
    admin.post("/v1/roles", json!({ "name": "x", "permissions": ["no:such"] })).await.assert(404);
    admin.post("/v1/roles", json!({ "name": "bystander" })).await.assert(409);
    admin.delete("/v1/users/admin").await.assert(409);
    admin.put("/v1/users/bystander/roles/bystander").await.assert(204);
    assert_eq!(admin.all("/v1/ledger").await.len(), before);
}

#[tokio::test]
async fn a_page_of_long_rows_ends_early_and_the_next_goes_on() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for round in 0..4 {
        let role =
            |number| json!({ "name": format!("r{number}"), "description": format!("{round}{}", "é".repeat(900)) });
        let file = json!({ "roles": (0..1900).map(role).collect::<Vec<_>>() });
        admin.post("/v1/policy/apply", file).await.assert(200);
    }
    let mut pages = vec![admin.get("/v1/ledger?limit=500").await.assert(200)];
    while let Some(next) = pages.last().unwrap().body["next"].as_str() {
        pages.push(admin.get(&format!("/v1/ledger?limit=500&cursor={next}")).await.assert(200));
    }
    assert!(pages.len() > 1, "all of it came at once");
    assert!(pages.iter().all(|page| page.text.len() < 20_000_000), "a page is too long");
    let revisions = pages.iter().flat_map(|page| page.body["items"].as_array().unwrap());
    let revisions: Vec<_> = revisions.map(|row| row["revision"].as_i64().unwrap()).collect();
    assert_eq!(revisions, (1..=server.revision()).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_ledger_is_filtered_by_actor_action_and_target() {
    let server = Server::start().await;
    let (admin, rows) = made(&server).await;
    let id = admin.get("/v1/me").await.body["id"].as_str().unwrap().to_owned();
    let count = |member: &'static str, value: &'static str| rows.iter().filter(|row| row[member] == value).count();
    for (filter, expected) in [
        ("actor=system".to_owned(), 3),
        ("actor=admin".to_owned(), count("actor", "admin")),
        (format!("actor={id}"), count("actor", "admin")),
        ("action=create_user".to_owned(), 2),
        ("target=users/alice".to_owned(), count("target", "users/alice")),
        ("target=users/alice&action=update_user".to_owned(), 1),
        ("actor=system&target=users/alice".to_owned(), 0),
        ("target=users".to_owned(), 0),
    ] {
        let found = admin.all(&format!("/v1/ledger?{filter}&limit=3")).await;
        assert_eq!(found.len(), expected, "{filter}");
        assert!(found.iter().all(|row| rows.contains(row)), "{filter}");
    }
}

#[tokio::test]
async fn an_actor_is_named_as_it_was_then() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let alice = server.person("alice", &["permissions:create"]).await;
    alice.post("/v1/permissions", json!({ "name": "x:y" })).await.assert(201);
    admin.patch("/v1/users/alice", json!({ "username": "alicia" })).await.assert(200);
    alice.post("/v1/permissions", json!({ "name": "x:z" })).await.assert(201);
    let actors = |target: &str| format!("/v1/ledger?target=permissions/{target}");
    assert_eq!(admin.names(&actors("x:y"), "actor").await, ["alice"]);
    assert_eq!(admin.names(&actors("x:z"), "actor").await, ["alicia"]);
    assert_eq!(admin.names("/v1/ledger?target=users/alice&action=update_user", "actor").await, ["admin"]);
}

#[tokio::test]
async fn nothing_secret_or_personal_is_anywhere_in_the_ledger() {
    let server = Server::start().await;
    made(&server).await;
    let columns = "actor, actor_id, action, target, before_state, after_state, deltas, subjects, hash, previous_hash";
    let rows = server.database.rows(&format!("SELECT {columns} FROM ledger")).await;
    assert!(rows.len() > changes().len());
    for row in rows {
        for column in columns.split(", ") {
            let Some(text) = row.try_get::<Option<String>>("", column).unwrap() else { continue };
            for secret in ["secret-password", "secret@", "Secret", "mail.example", "post.example", "argon2", PASSWORD] {
                assert!(!text.contains(secret), "{column}: {text}");
            }
        }
    }
}

/// SHA-256 over the row as a JSON array, its own hash left out and the one before it last.
fn recomputed(row: &QueryResult) -> String {
    let text = |column| row.try_get::<Option<String>>("", column).unwrap();
    let json = |column| text(column).map(|text| serde_json::from_str::<Value>(&text).unwrap());
    let number = |column| row.try_get::<i64>("", column).unwrap();
    let row = json!([
        number("revision"),
        number("at"),
        text("actor"),
        text("actor_id"),
        text("action"),
        text("target"),
        json("before_state"),
        json("after_state"),
        json("deltas"),
        json("subjects"),
        text("previous_hash"),
    ]);
    hex::encode(digest::digest(&digest::SHA256, row.to_string().as_bytes()))
}

#[tokio::test]
async fn anyone_can_recompute_the_hashes() {
    let server = Server::start().await;
    let (_, shown) = made(&server).await;
    let rows = server.database.rows("SELECT * FROM ledger ORDER BY revision").await;
    assert_eq!(rows.len(), shown.len());
    for (row, shown) in rows.iter().zip(shown) {
        assert_eq!(shown["hash"], recomputed(row), "{shown}");
    }
    let head = server.database.rows("SELECT hash FROM ledger_head").await;
    assert_eq!(head[0].try_get::<String>("", "hash").unwrap(), recomputed(rows.last().unwrap()));
}
