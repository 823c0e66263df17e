//! What a session names and its user isn't authorized for any more.

use serde_json::json;

use super::{SETS, set, stage};
use crate::support::{Answer, PASSWORD, Server, claims};

async fn signed_in(server: &Server, user: &str, roles: &str) -> Answer {
    server.token(user, PASSWORD, &[("roles", roles)]).await.assert(200)
}

async fn active_after_refresh(server: &Server, session: &Answer) -> serde_json::Value {
    claims(server.refresh(session.refresh_token(), &[]).await.assert(200).token())["roles"].clone()
}

#[tokio::test]
async fn a_dynamic_set_is_made_where_a_session_only_names_what_its_user_has_no_more() {
    let (server, admin) = stage().await;
    for user in ["alice", "bob"] {
        server.user(user, &["a", "boss"]).await;
    }
    let alice = signed_in(&server, "alice", "a b").await;
    for role in ["a", "boss"] {
        admin.delete(&format!("/v1/users/alice/roles/{role}")).await.assert(204);
    }
    admin.post(&format!("{SETS}?dry_run=true"), set("dynamic", 2, &["a", "b"])).await.assert(200);
    let bob = signed_in(&server, "bob", "a b").await;
    admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert_problem(409, "separation_of_duty");
    // Now bob has no b, and alice one of the two again.
    admin.delete("/v1/roles/boss/juniors/b").await.assert(204);
    admin.put("/v1/users/alice/roles/b").await.assert(204);
    admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert(201);
    assert_eq!(active_after_refresh(&server, &alice).await, json!(["b"]));
    assert_eq!(active_after_refresh(&server, &bob).await, json!(["a"]));
}

#[tokio::test]
async fn a_role_that_is_to_come_counts_in_a_session_that_names_it() {
    let (server, admin) = stage().await;
    server.user("alice", &["a", "b"]).await;
    signed_in(&server, "alice", "a b").await;
    let later = json!({ "valid_from": "2999-01-01T00:00:00Z" });
    admin.put_json("/v1/users/alice/roles/b", later).await.assert(204);
    admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert_problem(409, "separation_of_duty");
}

#[tokio::test]
async fn of_many_sessions_that_name_too_much_the_one_whose_user_has_it_is_found() {
    let (server, admin) = stage().await;
    for user in ["alice", "bob"] {
        server.user(user, &["a", "b"]).await;
    }
    for _ in 0..205 {
        signed_in(&server, "alice", "a b").await;
    }
    signed_in(&server, "bob", "a b").await;
    admin.delete("/v1/users/alice/roles/a").await.assert(204);
    admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert_problem(409, "separation_of_duty");
    admin.delete("/v1/users/bob/roles/b").await.assert(204);
    admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert(201);
}
