//! Assignments that begin and end

mod lent;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::{Client, PASSWORD, Server, claims};

const NOW: i64 = 1_900_000_000;
const ROLE: &str = "/v1/users/alice/roles/reader";

fn at(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap().format(&Rfc3339).unwrap()
}

struct Stage {
    server: Server,
    admin: Client,
    clock: Arc<AtomicI64>,
}

impl Stage {
    async fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(NOW * 1_000_000));
        let server = Server::with_clock(&clock).await;
        let admin = server.admin().await;
        server.role("reader", &["articles:read"]).await;
        server.user("alice", &[]).await;
        Self { server, admin, clock }
    }

    fn move_to(&self, now: i64) {
        self.clock.store(now * 1_000_000, Ordering::SeqCst);
        self.server.app.state.gate.hear();
    }

    async fn token(&self) -> Value {
        claims(self.server.token("alice", PASSWORD, &[]).await.assert(200).token())
    }
}

#[tokio::test]
async fn an_assignment_counts_from_its_beginning_to_its_end() {
    let stage = Stage::new().await;
    let times = json!({ "valid_from": at(NOW + 100), "valid_until": at(NOW + 200) });
    stage.admin.put_json(ROLE, times).await.assert(204);
    let listed = stage.admin.get("/v1/users/alice/roles").await.assert(200);
    let expected =
        json!({ "role": "reader", "direct": true, "valid_from": at(NOW + 100), "valid_until": at(NOW + 200) });
    assert_eq!(listed.body["items"], json!([expected]));
    for (now, roles) in [(NOW + 99, json!([])), (NOW + 100, json!(["reader"])), (NOW + 200, json!([]))] {
        stage.move_to(now);
        assert_eq!(stage.token().await["roles"], roles, "at {}", now - NOW);
        let admin = stage.server.admin().await;
        let permissions = admin.names("/v1/users/alice/permissions", "permission").await;
        assert_eq!(permissions.len(), roles.as_array().unwrap().len(), "at {}", now - NOW);
    }
}

#[tokio::test]
async fn no_token_outlives_what_it_rests_on() {
    let stage = Stage::new().await;
    stage.admin.put_json(ROLE, json!({ "valid_until": at(NOW + 300) })).await.assert(204);
    let signed_in = stage.server.token("alice", PASSWORD, &[]).await.assert(200);
    assert_eq!(claims(signed_in.token())["exp"], NOW + 300);
    assert_eq!(signed_in.body["expires_in"], 300);
    stage.move_to(NOW + 250);
    let refreshed = stage.server.refresh(signed_in.refresh_token(), &[]).await.assert(200);
    assert_eq!(claims(refreshed.token())["exp"], NOW + 300);
    stage.move_to(NOW + 300);
    let refreshed = stage.server.refresh(refreshed.refresh_token(), &[]).await.assert(200);
    assert_eq!(claims(refreshed.token())["roles"], json!([]), "the session goes on without it");
    assert_eq!(claims(refreshed.token())["exp"], NOW + 300 + 900);
}

#[tokio::test]
async fn a_role_lasts_as_long_as_the_longest_way_to_it() {
    let stage = Stage::new().await;
    stage.server.role("chief", &[]).await;
    stage.admin.put("/v1/roles/chief/juniors/reader").await.assert(204);
    stage.admin.put_json(ROLE, json!({ "valid_until": at(NOW + 100) })).await.assert(204);
    let chief = "/v1/users/alice/roles/chief";
    stage.admin.put_json(chief, json!({ "valid_until": at(NOW + 200) })).await.assert(204);
    let named = stage.server.token("alice", PASSWORD, &[("roles", "reader")]).await.assert(200);
    assert_eq!(claims(named.token())["exp"], NOW + 200);
}

#[tokio::test]
async fn a_put_replaces_what_was_there() {
    let stage = Stage::new().await;
    stage.admin.put_json(ROLE, json!({ "valid_until": at(NOW + 100) })).await.assert(204);
    let revision = stage.server.revision();
    stage.admin.put_json(ROLE, json!({ "valid_until": at(NOW + 100) })).await.assert(204);
    assert_eq!(stage.server.revision(), revision);
    stage.admin.put(ROLE).await.assert(204);
    let listed = stage.admin.get("/v1/users/alice/roles").await.assert(200);
    assert_eq!(listed.body["items"], json!([{ "role": "reader", "direct": true }]));
}

#[tokio::test]
async fn a_time_that_can_not_be_is_refused() {
    let stage = Stage::new().await;
    let bad = [
        json!({ "valid_until": at(NOW) }),
        json!({ "valid_until": at(NOW - 100) }),
        json!({ "valid_from": at(NOW + 100), "valid_until": at(NOW + 100) }),
        json!({ "valid_until": "tomorrow" }),
        json!({ "until": at(NOW + 100) }),
    ];
    for times in bad {
        let answer = stage.admin.put_json(ROLE, times.clone()).await;
        assert_eq!(answer.status, 400, "{times}: {}", answer.text);
    }
    let offset = json!({ "valid_until": "2030-03-17T20:46:40+02:00" });
    stage.admin.put_json(ROLE, offset).await.assert(204);
    let listed = stage.admin.get("/v1/users/alice/roles").await.assert(200);
    assert_eq!(listed.body["items"][0]["valid_until"], "2030-03-17T18:46:40Z");
}

#[tokio::test]
async fn nobody_gives_for_longer_than_they_hold() {
    let stage = Stage::new().await;
    stage.server.role("manager", &["assignments:create", "articles:read", "roles:update"]).await;
    stage.server.role("other", &[]).await;
    stage.server.user("bob", &[]).await;
    let bob = "/v1/users/bob/roles/manager";
    stage.admin.put_json(bob, json!({ "valid_until": at(NOW + 100) })).await.assert(204);
    let manager = stage.server.sign_in("bob", PASSWORD).await;
    manager.put(ROLE).await.assert_problem(403, "would_exceed_own_permissions");
    let longer = json!({ "valid_until": at(NOW + 101) });
    manager.put_json(ROLE, longer).await.assert_problem(403, "would_exceed_own_permissions");
    manager.put("/v1/roles/other/permissions/articles:read").await.assert_problem(403, "would_exceed_own_permissions");
    manager.put("/v1/roles/other/juniors/reader").await.assert_problem(403, "would_exceed_own_permissions");
    manager.put_json(ROLE, json!({ "valid_until": at(NOW + 100) })).await.assert(204);
}

#[tokio::test]
async fn who_will_hold_more_is_out_of_reach_already() {
    let stage = Stage::new().await;
    stage.admin.put_json(ROLE, json!({ "valid_from": at(NOW + 100) })).await.assert(204);
    let manager = stage.server.person("manager", &["users:update", "users:delete"]).await;
    manager.delete("/v1/users/alice").await.assert_problem(403, "would_exceed_own_permissions");
}

#[tokio::test]
async fn an_administrator_for_a_time_is_not_the_one_who_must_remain() {
    let stage = Stage::new().await;
    let other = "/v1/users/alice/roles/admin";
    for times in [json!({ "valid_until": at(NOW + 1000) }), json!({ "valid_from": at(NOW + 1000) })] {
        stage.admin.put_json(other, times).await.assert(204);
        stage.admin.delete("/v1/users/admin/roles/admin").await.assert_problem(409, "last_administrator");
        let own = json!({ "valid_until": at(NOW + 1000) });
        stage.admin.put_json("/v1/users/admin/roles/admin", own).await.assert_problem(409, "last_administrator");
    }
    stage.admin.put(other).await.assert(204);
    stage.admin.delete("/v1/users/admin/roles/admin").await.assert(204);
}

#[tokio::test]
async fn roles_that_are_kept_apart_are_so_whenever_they_count() {
    let stage = Stage::new().await;
    stage.server.role("writer", &[]).await;
    let set = json!({ "name": "apart", "kind": "static", "cardinality": 2, "roles": ["reader", "writer"] });
    stage.admin.put_json(ROLE, json!({ "valid_until": at(NOW + 100) })).await.assert(204);
    stage.admin.post("/v1/separation-sets", set).await.assert(201);
    let writer = "/v1/users/alice/roles/writer";
    let later = json!({ "valid_from": at(NOW + 50) });
    stage.admin.put_json(writer, later.clone()).await.assert_problem(409, "separation_of_duty");
    stage.move_to(NOW + 100);
    stage.server.admin().await.put(writer).await.assert(204);
}

#[tokio::test]
async fn what_is_about_to_end_is_listed_the_soonest_first() {
    let stage = Stage::new().await;
    stage.server.role("writer", &[]).await;
    for (role, until) in [("writer", NOW + 100), ("reader", NOW + 200)] {
        let path = format!("/v1/users/alice/roles/{role}");
        stage.admin.put_json(&path, json!({ "valid_until": at(until) })).await.assert(204);
    }
    let admin = &stage.admin;
    assert_eq!(admin.names("/v1/assignments?limit=1", "role").await, ["writer", "reader"], "and not those without end");
    let soon = format!("/v1/assignments?ends_before={}", at(NOW + 200));
    let expected = json!({ "username": "alice", "role": "writer", "valid_until": at(NOW + 100) });
    assert_eq!(admin.all(&soon).await, [expected]);
    admin.get("/v1/assignments?ends_before=tomorrow").await.assert(400);
    stage.move_to(NOW + 100);
    assert_eq!(stage.server.admin().await.names("/v1/assignments", "role").await, ["reader"]);
}

#[tokio::test]
async fn nobody_lets_in_someone_who_holds_for_longer() {
    let stage = Stage::new().await;
    stage.admin.put(ROLE).await.assert(204);
    stage.admin.patch("/v1/users/alice", json!({ "status": "disabled" })).await.assert(200);
    stage.server.role("manager", &["users:update", "articles:read"]).await;
    stage.server.user("bob", &[]).await;
    let bob = "/v1/users/bob/roles/manager";
    stage.admin.put_json(bob, json!({ "valid_until": at(NOW + 100) })).await.assert(204);
    let enabled = json!({ "status": "active" });
    let manager = stage.server.sign_in("bob", PASSWORD).await;
    let refused = manager.patch("/v1/users/alice", enabled.clone()).await;
    refused.assert_problem(403, "would_exceed_own_permissions");
    stage.admin.put_json(ROLE, json!({ "valid_until": at(NOW + 100) })).await.assert(204);
    manager.patch("/v1/users/alice", enabled).await.assert(200);
}
