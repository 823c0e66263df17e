//! Lists of users, and what holds for every list.

use serde_json::json;

use crate::support::{Client, Server, sorted};

const LISTS: [&str; 9] = [
    "/v1/users",
    "/v1/roles",
    "/v1/permissions",
    "/v1/clients",
    "/v1/ledger",
    "/v1/users/admin/roles",
    "/v1/users/admin/permissions",
    "/v1/roles/admin/permissions",
    "/v1/roles/admin/users",
];

async fn with_users(server: &Server, names: &[&str]) -> Client {
    let admin = server.admin().await;
    for name in names {
        admin.post("/v1/users", json!({ "username": name })).await.assert(201);
    }
    admin
}

#[tokio::test]
async fn pages_show_everything_once_while_others_are_made_and_deleted() {
    let server = Server::start().await;
    let admin = with_users(&server, &["a", "b", "c", "d", "e", "f"]).await;
    let (mut seen, mut path) = (Vec::new(), "/v1/users?limit=2".to_owned());
    for round in 0.. {
        let page = admin.get(&path).await.assert(200);
        let items = page.body["items"].as_array().unwrap();
        assert!((1..=2).contains(&items.len()));
        seen.extend(items.iter().cloned());
        let Some(next) = page.body["next"].as_str() else { break };
        path = format!("/v1/users?limit=2&cursor={next}");
        if round == 0 {
            let gone = seen[1]["username"].as_str().unwrap();
            admin.delete(&format!("/v1/users/{gone}")).await.assert(204);
        }
        if round < 2 {
            admin.post("/v1/users", json!({ "username": format!("new{round}") })).await.assert(201);
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0]["id"].as_str() < pair[1]["id"].as_str()));
    let seen = sorted(seen.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect());
    assert_eq!(seen, ["a", "admin", "b", "c", "d", "e", "f", "new0", "new1"]);
}

#[tokio::test]
async fn every_list_is_paged_to_its_end() {
    let server = Server::start().await;
    let admin = with_users(&server, &["alice"]).await;
    server.role("reader", &["x:y"]).await;
    for name in ["One", "Other"] {
        admin.post("/v1/clients", json!({ "name": name, "grants": ["client_credentials"] })).await.assert(201);
    }
    admin.put("/v1/users/alice/roles/admin").await.assert(204);
    admin.put("/v1/users/admin/roles/reader").await.assert(204);
    let admin = server.admin().await;
    for list in LISTS {
        let whole = admin.get(&format!("{list}?limit=500")).await.assert(200);
        assert!(whole.body.get("next").is_none(), "{list}");
        let by_one = admin.all(&format!("{list}?limit=1")).await;
        assert!(by_one.len() > 1, "{list}");
        assert_eq!(&by_one, whole.body["items"].as_array().unwrap(), "{list}");
    }
}

#[tokio::test]
async fn a_page_that_fits_exactly_is_the_last() {
    let server = Server::start().await;
    let admin = with_users(&server, &["a", "b"]).await;
    let page = admin.get("/v1/users?limit=3").await.assert(200);
    assert_eq!(page.body["items"].as_array().unwrap().len(), 3);
    assert!(page.body.get("next").is_none());
    assert!(admin.get("/v1/users?limit=2").await.body["next"].is_string());
}

#[tokio::test]
async fn a_page_has_50_items_unless_asked() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let names: Vec<String> = (0..55).map(|n| format!("x:y{n}")).collect();
    server.role("wide", &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let page = admin.get("/v1/roles/wide/permissions").await.assert(200);
    assert_eq!(page.body["items"].as_array().unwrap().len(), 50);
    assert_eq!(admin.all("/v1/roles/wide/permissions").await.len(), 55);
}

#[tokio::test]
async fn a_limit_out_of_bounds_is_refused_by_every_list() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for list in LISTS {
        for limit in ["0", "501", "-1", "1.5", "many", ""] {
            let answer = admin.get(&format!("{list}?limit={limit}")).await.assert_problem(400, "bad_request");
            assert!(answer.body["detail"].as_str().unwrap().contains("from 1 to 500"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_cursor_that_another_list_gave_or_nobody_is_refused_by_every_list() {
    let server = Server::start().await;
    let admin = with_users(&server, &["alice"]).await;
    for name in ["alice", "bob"] {
        server.role(name, &["x:y", "x:z"]).await;
    }
    let elsewhere = admin.get("/v1/roles/bob/permissions?limit=1").await.body["next"].as_str().unwrap().to_owned();
    for list in LISTS {
        for cursor in ["AAAA", "!", "", "QUFBQUFBQUFBQUFBQUFBQWFkbWlu", &elsewhere] {
            let answer = admin.get(&format!("{list}?cursor={cursor}")).await.assert_problem(400, "bad_request");
            assert!(answer.body["detail"].as_str().unwrap().starts_with("cursor: "), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_filters_only() {
    let server = Server::start().await;
    let admin = with_users(&server, &["anna", "anton"]).await;
    let next = admin.get("/v1/users?q=an&limit=1").await.body["next"].as_str().unwrap().to_owned();
    admin.get(&format!("/v1/users?q=an&cursor={next}")).await.assert(200);
    for filter in ["", "q=a&", "status=active&", "q=an&status=active&"] {
        let path = format!("/v1/users?{filter}cursor={next}");
        admin.get(&path).await.assert_problem(400, "bad_request");
    }
    let next = admin.get("/v1/ledger?action=create_user&limit=1").await.body["next"].as_str().unwrap().to_owned();
    admin.get(&format!("/v1/ledger?cursor={next}")).await.assert_problem(400, "bad_request");
}

#[tokio::test]
async fn q_is_the_beginning_of_a_username_taken_literally_in_any_case() {
    let server = Server::start().await;
    let admin = with_users(&server, &["ab_c", "abxc", "xab", "ab"]).await;
    for (q, found) in [
        ("ab", &["ab", "ab_c", "abxc"][..]),
        ("AB_", &["ab_c"]),
        ("ab%25", &[]),
        ("%25", &[]),
        ("%5C", &[]),
        ("_", &[]),
        ("b", &[]),
        ("", &["ab", "ab_c", "abxc", "admin", "xab"]),
    ] {
        assert_eq!(sorted(admin.names(&format!("/v1/users?q={q}"), "username").await), found, "{q}");
    }
    admin.get(&format!("/v1/users?q={}", "a".repeat(129))).await.assert_problem(400, "bad_request");
}

#[tokio::test]
async fn users_are_filtered_by_status() {
    let server = Server::start().await;
    let admin = with_users(&server, &["alice", "bob"]).await;
    admin.patch("/v1/users/bob", json!({ "status": "disabled" })).await.assert(200);
    assert_eq!(admin.names("/v1/users?status=disabled", "username").await, ["bob"]);
    assert_eq!(sorted(admin.names("/v1/users?status=active", "username").await), ["admin", "alice"]);
    assert!(admin.names("/v1/users?status=disabled&q=a", "username").await.is_empty());
    admin.get("/v1/users?status=asleep").await.assert_problem(400, "bad_request");
}

#[tokio::test]
async fn an_empty_list_is_a_page_without_items() {
    let server = Server::start().await;
    let admin = with_users(&server, &["alice"]).await;
    server.role("reader", &[]).await;
    let empty = [
        "/v1/users?q=nobody",
        "/v1/roles?q=nothing",
        "/v1/permissions?q=nothing",
        "/v1/clients",
        "/v1/ledger?action=nothing",
        "/v1/users/alice/roles",
        "/v1/users/alice/permissions",
        "/v1/roles/reader/permissions",
        "/v1/roles/reader/users",
    ];
    for list in empty {
        assert_eq!(admin.get(list).await.assert(200).body, json!({ "items": [] }), "{list}");
    }
    for unknown in
        ["/v1/users/nobody/roles", "/v1/users/nobody/permissions", "/v1/roles/none/users", "/v1/roles/none/permissions"]
    {
        admin.get(unknown).await.assert_problem(404, "not_found");
    }
}
