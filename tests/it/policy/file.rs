//! What can be wrong with a file.

use super::{BLOG, apply, prune, send};
use crate::support::Server;

#[tokio::test]
async fn what_is_wrong_is_said_with_its_place_and_nothing_is_done() {
    let server = Server::start().await;
    let admin = server.admin().await;
    apply(&admin, BLOG).await.assert(200);
    let before = server.revision();
    let cases = [
        ("roles:\n- name: Not a name\n", "line 2, column 9: must be 1 to 128"),
        ("roles: [", "line 1, column 8"),
        ("role: []", "line 1, column 1: unknown field"),
        (
            "roles:\n- name: x\n  permissions: [articles:reed]\n",
            "line 3, column 17: there is no permission articles:reed",
        ),
        ("roles:\n- name: x\n  juniors: [blog-raeder]\n", "line 3, column 13: there is no role blog-raeder"),
        ("assignments:\n- user: nobody\n  role: blog-reader\n", "line 2, column 9: there is no user nobody"),
        ("permissions:\n- name: users:read\n", "line 2, column 9: the permission users:read is built in"),
        ("roles:\n- name: admin\n", "line 2, column 9: the role admin is built in"),
        (
            "separation_sets:\n- name: s\n  kind: static\n  cardinality: 3\n  roles: [blog-reader, blog-editor]\n",
            "line 4, column 16: cardinality",
        ),
    ];
    for (file, expected) in cases {
        for path in ["plan", "apply"] {
            let refused =
                send(&admin, &format!("/v1/policy/{path}"), file).await.assert_problem(400, "bad_policy_file");
            let detail = refused.body["detail"].as_str().unwrap();
            assert!(detail.starts_with(expected), "{file}: {detail}");
        }
    }
    let in_words = [
        ("roles:\n- name: a\n  name: b\n", "duplicate member `name`"),
        ("roles: []\n---\nroles: []\n", "only single YAML document"),
        ("roles:\n- name: ~\n", "null is not allowed here"),
        ("roles:\n- 1\n", "expected members, each as name: value"),
        ("roles:\n- name: [a]\n", "expected a text"),
        ("roles: {}\n", "expected a list"),
    ];
    for (file, expected) in in_words {
        let refused = apply(&admin, file).await.assert_problem(400, "bad_policy_file");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{file}: {detail}");
        for theirs in ["Options", "from_str", "Option<", "struct", "Breach"] {
            assert!(!detail.contains(theirs), "{file}: {detail}");
        }
    }
    let named_but_pruned = "roles:\n- name: blog-admin\n  juniors: [blog-editor]\n";
    let refused = prune(&admin, named_but_pruned).await.assert_problem(400, "bad_policy_file");
    assert!(refused.body["detail"].as_str().unwrap().contains("would be deleted"), "{}", refused.text);
    assert_eq!(server.revision(), before);
}

#[tokio::test]
async fn yaml_and_json_are_taken_and_nothing_else() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let send = |media_type: &'static str, body: Vec<u8>| {
        let request = admin.request(reqwest::Method::POST, "/v1/policy/plan").header("content-type", media_type);
        admin.send(request.body(body))
    };
    for media_type in ["application/yaml", "application/yaml; charset=utf-8", "text/yaml", "application/json"] {
        send(media_type, br#"{"roles": []}"#.to_vec()).await.assert(200);
    }
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        send(media_type, b"roles: []".to_vec()).await.assert_problem(415, "unsupported_media_type");
    }
    send("application/yaml", b"roles: \xff".to_vec()).await.assert_problem(400, "bad_request");
    send("application/yaml", vec![b' '; 5 << 20]).await.assert_problem(413, "too_large");
    let anonymous = server.anonymous();
    super::send(&anonymous, "/v1/policy/plan", "roles: [").await.assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_file_that_blows_up_is_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let list = |name: char, item: &str| format!("  - &{name} [{}]\n", [item; 30].join(", "));
    let laughs = format!("roles:\n{}{}{}{}", list('a', "x"), list('b', "*a"), list('c', "*b"), list('d', "*c"));
    for file in [laughs, "[".repeat(200_000), format!("roles: {}", "{a: ".repeat(50_000))] {
        let refused = send(&admin, "/v1/policy/plan", &file).await.assert_problem(400, "bad_policy_file");
        assert!(!refused.text.contains('{') || refused.text.matches('{').count() == 1, "{}", refused.text);
    }
}

#[tokio::test]
async fn what_parts_lines_stands_in_no_description() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for part in ["\u{2028}", "\u{2029}"] {
        let body = serde_json::json!({ "name": "reader", "description": format!("a{part}b") });
        admin.post("/v1/roles", body).await.assert_problem(400, "bad_request");
        let file = format!("roles:\n- name: reader\n  description: \"a{part}b\"\n");
        apply(&admin, &file).await.assert_problem(400, "bad_policy_file");
    }
}

#[tokio::test]
async fn more_changes_than_anyone_reviews_are_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let file: String = (0..10_001)
        .map(|number| format!("- name: p:{number}\n"))
        .fold("permissions:\n".to_owned(), |all, it| all + &it);
    apply(&admin, &file).await.assert_problem(400, "too_many");
}
