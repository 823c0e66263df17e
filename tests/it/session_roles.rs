//! /v1/sessions/{session} and the roles that are active in it

use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, Server, claims};

/// alice, who is authorized for `chief`, and so for `editor`, and for `reader`; signed in as `reader`.
async fn stage() -> (Server, Client, String, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    for (role, permission) in [("chief", "staff:hire"), ("editor", "articles:update"), ("reader", "articles:read")] {
        server.role(role, &[permission]).await;
    }
    admin.put("/v1/roles/chief/juniors/editor").await.assert(204);
    server.user("alice", &["chief", "reader"]).await;
    let signed_in = server.token("alice", PASSWORD, &[("roles", "reader")]).await.assert(200);
    let path = format!("/v1/sessions/{}", claims(signed_in.token())["sid"].as_str().unwrap());
    (server, admin, path, signed_in.refresh_token().to_owned())
}

async fn alice(server: &Server, refresh: &mut String) -> Client {
    let answer = server.refresh(refresh, &[]).await.assert(200);
    answer.refresh_token().clone_into(refresh);
    server.bearing(answer.token())
}

fn roles(client: &Client) -> Value {
    claims(client.token.as_deref().unwrap())["roles"].clone()
}

#[tokio::test]
async fn its_owner_reads_it_adds_and_drops_roles_and_ends_it() {
    let (server, _admin, session, mut refresh) = stage().await;
    let me = alice(&server, &mut refresh).await;
    let seen = me.get(&session).await.assert(200).body;
    assert_eq!((&seen["user"], &seen["roles"]), (&json!("alice"), &json!(["reader"])));
    assert_eq!(me.names(&format!("{session}/permissions"), "permission").await, ["articles:read"]);
    me.put(&format!("{session}/roles/editor")).await.assert(204);
    me.get(&session).await.assert_invalid_token();
    let me = alice(&server, &mut refresh).await;
    assert_eq!(roles(&me), json!(["editor", "reader"]));
    let names = me.names(&format!("{session}/permissions"), "permission").await;
    assert_eq!(names, ["articles:read", "articles:update"]);
    me.delete(&format!("{session}/roles/reader")).await.assert(204);
    me.get(&session).await.assert_invalid_token();
    let me = alice(&server, &mut refresh).await;
    assert_eq!(roles(&me), json!(["editor"]));
    me.delete(&format!("{session}/roles/editor")).await.assert(204);
    let me = alice(&server, &mut refresh).await;
    assert_eq!(roles(&me), json!([]), "none is not all");
    me.delete(&session).await.assert(204);
    server.refresh(&refresh, &[]).await.assert_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn what_is_so_already_changes_nothing() {
    let (server, _admin, session, mut refresh) = stage().await;
    let (me, revision) = (alice(&server, &mut refresh).await, server.revision());
    me.put(&format!("{session}/roles/reader")).await.assert(204);
    me.delete(&format!("{session}/roles/editor")).await.assert(204);
    me.get(&session).await.assert(200);
    assert_eq!(server.revision(), revision);
}

#[tokio::test]
async fn only_what_one_is_authorized_for_is_activated() {
    let (server, admin, session, mut refresh) = stage().await;
    server.role("other", &[]).await;
    let me = alice(&server, &mut refresh).await;
    me.put(&format!("{session}/roles/other")).await.assert_problem(409, "not_authorized");
    me.put(&format!("{session}/roles/none")).await.assert_problem(404, "not_found");
    admin.delete("/v1/users/alice/roles/chief").await.assert(204);
    let me = alice(&server, &mut refresh).await;
    me.put(&format!("{session}/roles/editor")).await.assert_problem(409, "not_authorized");
}

#[tokio::test]
async fn others_see_drop_and_end_by_permission_and_never_activate() {
    let (server, admin, session, mut refresh) = stage().await;
    let none = "/v1/sessions/01890000-0000-7000-8000-000000000000";
    let nobody = server.person("nobody", &["users:read"]).await;
    let role = |path: &str| format!("{path}/roles/reader");
    for path in [session.as_str(), none] {
        for refused in [
            nobody.get(path).await,
            nobody.get(&format!("{path}/permissions")).await,
            nobody.delete(path).await,
            nobody.delete(&role(path)).await,
            nobody.put(&role(path)).await,
        ] {
            refused.assert_problem(403, "insufficient_scope");
        }
    }
    admin.get(none).await.assert_problem(404, "not_found");
    admin.get(&session).await.assert(200);
    admin.put(&format!("{session}/roles/editor")).await.assert_problem(403, "not_yours");
    let me = alice(&server, &mut refresh).await;
    admin.delete(&role(&session)).await.assert(204);
    me.get("/v1/me").await.assert_invalid_token();
    let me = alice(&server, &mut refresh).await;
    admin.delete(&session).await.assert(204);
    me.get("/v1/me").await.assert_invalid_token();
    admin.get(&session).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn nobody_touches_the_session_of_someone_who_holds_more() {
    let (server, _admin, session, mut refresh) = stage().await;
    let manager = server.person("manager", &["sessions:read", "sessions:update", "sessions:delete"]).await;
    manager.get(&session).await.assert(200);
    manager.delete(&session).await.assert_problem(403, "would_exceed_own_permissions");
    let refused = manager.delete(&format!("{session}/roles/reader")).await;
    refused.assert_problem(403, "would_exceed_own_permissions");
    alice(&server, &mut refresh).await.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn a_session_that_follows_what_is_assigned_follows_no_more_once_a_role_was_dropped() {
    let (server, admin, _, _) = stage().await;
    let all = server.token("alice", PASSWORD, &[]).await.assert(200);
    let session = format!("/v1/sessions/{}", claims(all.token())["sid"].as_str().unwrap());
    server.bearing(all.token()).delete(&format!("{session}/roles/reader")).await.assert(204);
    server.role("new", &[]).await;
    admin.put("/v1/users/alice/roles/new").await.assert(204);
    let refreshed = server.refresh(all.refresh_token(), &[]).await.assert(200);
    assert_eq!(claims(refreshed.token())["roles"], json!(["chief"]));
}

#[tokio::test]
async fn a_session_does_not_get_a_role_that_is_made_under_the_name_of_one_that_is_deleted() {
    let (server, admin, _, _) = stage().await;
    let named = ["chief reader", "reader", "editor"];
    let mut sessions = Vec::new();
    for roles in named {
        sessions
            .push(server.token("alice", PASSWORD, &[("roles", roles)]).await.assert(200).refresh_token().to_owned());
    }
    admin.delete("/v1/roles/reader").await.assert(204);
    // Both are deleted by the one file, and made by the other.
    let file = |roles: Value| json!({ "roles": roles });
    let without = file(json!([{ "name": "chief" }]));
    admin.post("/v1/policy/apply?prune=true", without).await.assert(200);
    let with = file(json!([{ "name": "chief" }, { "name": "reader" }, { "name": "editor" }, { "name": "chie" }]));
    admin.post("/v1/policy/apply", with).await.assert(200);
    for role in ["reader", "editor", "chie"] {
        admin.put(&format!("/v1/users/alice/roles/{role}")).await.assert(204);
    }
    for (mut session, expected) in sessions.into_iter().zip([json!(["chief"]), json!([]), json!([])]) {
        assert_eq!(roles(&alice(&server, &mut session).await), expected);
    }
    // Who signs in anew has them.
    server.token("alice", PASSWORD, &[("roles", "reader editor")]).await.assert(200);
}
