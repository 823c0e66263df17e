//! Usernames and e-mails.

use serde_json::json;
use uuid::Uuid;

use crate::support::{PASSWORD, Server};

const ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

#[tokio::test]
async fn a_username_that_breaks_a_rule_is_told_which() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (long, bare) = ("a".repeat(129), ID.replace('-', ""));
    let (characters, id) = ("must be 1 to 128 of a-z 0-9 . _ @ + -", "must not look like a UUID");
    for (name, rule) in [
        ("", characters),
        ("-alice", characters),
        ("al ice", characters),
        ("älice", characters),
        ("a/b", characters),
        (&*long, characters),
        (ID, id),
        (&*bare, id),
        (&*bare.to_uppercase(), id),
    ] {
        let created = admin.post("/v1/users", json!({ "username": name })).await;
        let renamed = admin.patch("/v1/users/admin", json!({ "username": name })).await;
        for answer in [created, renamed] {
            let answer = answer.assert_problem(400, "bad_request");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.contains("username") && detail.contains(rule), "{name}: {detail}");
        }
    }
    let address = admin.get("/v1/users/-alice").await.assert_problem(400, "bad_request");
    assert!(address.body["detail"].as_str().unwrap().contains(characters), "{}", address.text);
    assert_eq!(admin.names("/v1/users", "username").await, ["admin"]);
}

#[tokio::test]
async fn the_longest_and_the_oddest_usernames_can_be_addressed() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for name in [&*"a".repeat(128), "0", "a+b@c.example_-"] {
        let created = admin.post("/v1/users", json!({ "username": name })).await.assert(201);
        let there = admin.get(created.header("location")).await.assert(200);
        assert_eq!(there.body["username"], name);
    }
}

#[tokio::test]
async fn a_user_is_addressed_by_id_in_any_spelling() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let id = admin.get("/v1/users/admin").await.body["id"].as_str().unwrap().to_owned();
    assert_eq!(Uuid::parse_str(&id).unwrap().get_version_num(), 7);
    for spelling in [id.to_uppercase(), id.replace('-', "")] {
        assert_eq!(admin.get(&format!("/v1/users/{spelling}")).await.assert(200).body["username"], "admin");
    }
    admin.patch(&format!("/v1/users/{id}"), json!({ "display_name": "A" })).await.assert(200);
    assert_eq!(admin.get(&format!("/v1/users/{id}/roles")).await.assert(200).body["items"][0]["role"], "admin");
    admin.get(&format!("/v1/users/{ID}")).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn usernames_and_emails_are_one_namespace_without_regard_to_case() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.post("/v1/users", json!({ "username": "alice", "email": "Alice@B.example" })).await.assert(201);
    admin.post("/v1/users", json!({ "username": "bob", "email": "Éa@b.example" })).await.assert(201);
    admin.post("/v1/users", json!({ "username": "carol" })).await.assert(201);
    let revision = server.revision();
    for taken in [
        json!({ "username": "ALICE" }),
        json!({ "username": "alice@b.EXAMPLE" }),
        json!({ "email": "aLice@b.example" }),
        json!({ "email": "éA@B.example" }),
    ] {
        admin.patch("/v1/users/carol", taken.clone()).await.assert_problem(409, "already_exists");
        let mut new = json!({ "username": "dave" });
        new.as_object_mut().unwrap().extend(taken.as_object().unwrap().clone());
        admin.post("/v1/users", new).await.assert_problem(409, "already_exists");
    }
    assert_eq!(server.revision(), revision);
    admin.get("/v1/users/dave").await.assert_problem(404, "not_found");
    assert!(admin.get("/v1/users/carol").await.body.get("email").is_none());
}

#[tokio::test]
async fn an_email_may_not_be_someones_username() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.post("/v1/users", json!({ "username": "a@b.example" })).await.assert(201);
    let new = json!({ "username": "bob", "email": "A@B.example" });
    admin.post("/v1/users", new).await.assert_problem(409, "already_exists");
    admin.patch("/v1/users/admin", json!({ "email": "A@b.example" })).await.assert_problem(409, "already_exists");
}

#[tokio::test]
async fn a_users_own_email_may_be_its_username() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let new = json!({ "username": "a@b.example", "email": "A@b.example", "password": PASSWORD });
    admin.post("/v1/users", new).await.assert(201);
    server.sign_in("A@B.EXAMPLE", PASSWORD).await;
    admin.patch("/v1/users/a@b.example", json!({ "email": null })).await.assert(200);
    server.sign_in("a@b.example", PASSWORD).await;
    admin.patch("/v1/users/a@b.example", json!({ "username": "anna", "email": "a@B.example" })).await.assert(200);
    server.sign_in("a@b.example", PASSWORD).await;
    server.sign_in("anna", PASSWORD).await;
}

#[tokio::test]
async fn a_name_that_is_given_up_is_free() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for name in ["alice", "bob"] {
        let new = json!({ "username": name, "email": format!("{name}@b.example") });
        admin.post("/v1/users", new).await.assert(201);
    }
    admin.patch("/v1/users/alice", json!({ "email": null })).await.assert(200);
    admin.delete("/v1/users/bob").await.assert(204);
    let new = json!({ "username": "bob", "email": "alice@b.example" });
    admin.post("/v1/users", new).await.assert(201);
    admin.patch("/v1/users/alice", json!({ "email": "bob@b.example" })).await.assert(200);
}

#[tokio::test]
async fn an_email_is_kept_as_written_and_may_change_its_case() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.patch("/v1/users/admin", json!({ "email": "admin@b.example" })).await.assert(200);
    let changed = admin.patch("/v1/users/admin", json!({ "email": "Admin@B.example" })).await.assert(200);
    assert_eq!(changed.body["email"], "Admin@B.example");
    server.sign_in("ADMIN@b.EXAMPLE", PASSWORD).await;
}
