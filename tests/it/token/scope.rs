//! Narrowing a token.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Server, claims};

async fn blog() -> Server {
    let server = Server::start().await;
    server.role("writer", &["articles:update", "articles:read"]).await;
    server.role("reader", &["articles:read"]).await;
    server.role("other", &["x:y"]).await;
    server.user("alice", &["writer", "reader"]).await;
    server
}

/// What the answer and the token say after a sign-in with this scope.
async fn narrowed(server: &Server, scope: &str) -> (Value, Value) {
    let answer = server.token("alice", PASSWORD, &[("scope", scope)]).await.assert(200);
    (answer.body["scope"].clone(), claims(answer.token()))
}

#[tokio::test]
async fn a_token_is_narrowed_to_what_was_asked_for_and_is_held() {
    let server = blog().await;
    for (asked, given, roles) in [
        ("articles:update", json!(["articles:update"]), json!(["writer"])),
        ("articles:read", json!(["articles:read"]), json!(["reader", "writer"])),
        ("articles:update articles:read", json!(["articles:read", "articles:update"]), json!(["reader", "writer"])),
        ("  articles:update   articles:update ", json!(["articles:update"]), json!(["writer"])),
        ("x:y articles:update users:read", json!(["articles:update"]), json!(["writer"])),
        ("x:y", json!([]), json!([])),
    ] {
        let (scope, claims) = narrowed(&server, asked).await;
        let names: Vec<_> = given.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(scope, names.join(" "), "{asked}");
        assert_eq!((&claims["scope"], &claims["permissions"], &claims["roles"]), (&scope, &given, &roles), "{asked}");
    }
}

#[tokio::test]
async fn a_token_that_was_not_asked_to_be_narrow_says_nothing_of_scope() {
    let server = blog().await;
    for more in [&[][..], &[("scope", "")], &[("scope", "  ")]] {
        let answer = server.token("alice", PASSWORD, more).await.assert(200);
        let claims = claims(answer.token());
        assert!(answer.body.get("scope").is_none() && claims.get("scope").is_none(), "{more:?}");
        assert_eq!(claims["permissions"], json!(["articles:read", "articles:update"]));
    }
}

#[tokio::test]
async fn a_scope_that_is_no_permission_is_refused() {
    let server = blog().await;
    for scope in ["no:such", "articles:read no:such", "openid", "Articles:read", "a\u{0}b", "articles:read,x:y"] {
        let answer = server.token("alice", PASSWORD, &[("scope", scope)]).await;
        answer.assert_oauth_error(400, "invalid_scope");
    }
    let answer = server.token("alice", "not the password", &[("scope", "no:such")]).await;
    answer.assert_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_narrowed_token_lets_in_only_where_it_was_narrowed_to() {
    let server = Server::start().await;
    let token = server.token("admin", PASSWORD, &[("scope", "users:read")]).await.assert(200);
    let narrow = server.bearing(token.token());
    narrow.get("/v1/users").await.assert(200);
    let refused = narrow.get("/v1/roles").await.assert_problem(403, "insufficient_scope");
    assert_eq!(refused.header("www-authenticate"), r#"Bearer error="insufficient_scope", scope="roles:read""#);
}

#[tokio::test]
async fn a_sign_in_activates_the_roles_it_names_and_refuses_one_that_is_not_assigned() {
    let server = blog().await;
    server.role("idle", &["articles:delete"]).await;
    server.user("both", &["writer", "idle"]).await;
    let active = async |roles: &str| {
        let answer = server.token("both", PASSWORD, &[("roles", roles)]).await.assert(200);
        claims(answer.token())["roles"].clone()
    };
    assert_eq!(active("writer").await, json!(["writer"]));
    assert_eq!(active("Idle writer").await, json!(["idle", "writer"]));
    assert_eq!(active("").await, json!(["idle", "writer"]), "unnamed means all");
    for roles in ["admin", "writer admin", "nonsense/"] {
        let answer = server.token("both", PASSWORD, &[("roles", roles)]).await;
        answer.assert_oauth_error(400, "invalid_request");
    }
}
