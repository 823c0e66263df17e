//! OpenID AuthZEN Authorization API 1.0, request by request

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, Server};

const ONE: &str = "/access/v1/evaluation";
const MANY: &str = "/access/v1/evaluations";
const SUBJECTS: &str = "/access/v1/search/subject";
const ACTIONS: &str = "/access/v1/search/action";

/// alice may read and update articles, by way of a role below hers; bob may read; mallory is disabled.
async fn stage() -> (Server, Client) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &["articles:read"]).await;
    server.role("editor", &["articles:update"]).await;
    admin.put("/v1/roles/editor/juniors/reader").await.assert(204);
    server.user("alice", &["editor"]).await;
    server.user("bob", &["reader"]).await;
    server.user("mallory", &["editor"]).await;
    admin.patch("/v1/users/mallory", json!({ "status": "disabled" })).await.assert(200);
    let gate = server.person("gateway", &["access:read"]).await;
    (server, gate)
}

fn question(user: &str, action: &str) -> Value {
    json!({
        "subject": { "type": "user", "id": user },
        "action": { "name": action },
        "resource": { "type": "articles", "id": "1" },
    })
}

fn decisions(answer: &Answer) -> Vec<bool> {
    let each = answer.body["evaluations"].as_array().unwrap().iter();
    each.map(|it| it["decision"].as_bool().unwrap()).collect()
}

fn with(mut request: Value, member: &str, value: Value) -> Value {
    request[member] = value;
    request
}

#[tokio::test]
async fn an_evaluation_says_yes_or_no_and_why() {
    let (_server, gate) = stage().await;
    let cases = [
        ("alice", "read", true, "granted"),
        ("Alice", "update", true, "granted"),
        ("bob", "read", true, "granted"),
        ("bob", "update", false, "not_granted"),
        ("bob", "fly", false, "not_granted"),
        ("bob", "", false, "not_granted"),
        ("mallory", "read", false, "user_disabled"),
        ("nobody", "read", false, "no_such_user"),
        ("not a name!", "read", false, "no_such_user"),
    ];
    for (user, action, decision, code) in cases {
        let answer = gate.post(ONE, question(user, action)).await.assert(200);
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        let expected = (&json!(decision), &json!(code));
        assert_eq!((&answer.body["decision"], &answer.body["context"]["reason"]["code"]), expected, "{user} {action}");
    }
    let alice = gate.post(ONE, question("alice", "read")).await.assert(200);
    assert_eq!(alice.body["context"]["reason"]["roles"], json!(["editor"]));
}

#[tokio::test]
async fn a_user_is_named_by_id_as_well() {
    let (server, gate) = stage().await;
    let bob = server.admin().await.get("/v1/users/bob").await.body["id"].as_str().unwrap().to_owned();
    assert_eq!(gate.post(ONE, question(&bob, "read")).await.assert(200).body["decision"], true);
    let other = with(question("bob", "read"), "subject", json!({ "type": "device", "id": "bob" }));
    let answer = gate.post(ONE, other).await.assert(200).body;
    assert_eq!(
        (&answer["decision"], &answer["context"]["reason"]["code"]),
        (&json!(false), &json!("unknown_subject_type"))
    );
}

#[tokio::test]
async fn what_is_sent_beside_it_is_ignored_and_stands_in_for_nothing() {
    let (_server, gate) = stage().await;
    let forged = json!({
        "subject": {
            "type": "user", "id": "bob",
            "properties": { "roles": ["editor", "admin"], "permissions": ["articles:update"] },
        },
        "action": { "name": "update", "properties": { "decision": true } },
        "resource": { "type": "articles", "id": "1", "properties": { "owner": "bob" } },
        "context": { "time": "2024-10-26T01:22-07:00", "roles": ["admin"] },
        "decision": true,
        "unknown": { "deeply": ["nested"] },
    });
    assert_eq!(gate.post(ONE, forged).await.assert(200).body["decision"], false);
}

#[tokio::test]
async fn what_is_malformed_is_400() {
    let (_server, gate) = stage().await;
    let good = question("alice", "read");
    let mut bad = vec![json!([]), json!("text"), json!({})];
    for member in ["subject", "action", "resource"] {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(member);
        bad.push(without);
        bad.extend([json!({}), json!("alice"), Value::Null].map(|value| with(good.clone(), member, value)));
    }
    bad.push(with(good.clone(), "subject", json!({ "type": "user" })));
    bad.push(with(good.clone(), "subject", json!({ "id": "alice" })));
    bad.push(with(good.clone(), "subject", json!({ "type": "user", "id": 7 })));
    bad.push(with(good.clone(), "resource", json!({ "type": "articles" })));
    bad.push(with(good.clone(), "action", json!({ "name": 1 })));
    bad.push(with(good.clone(), "context", json!("now")));
    bad.push(with(good.clone(), "subject", json!({ "type": "user", "id": "alice", "properties": 1 })));
    bad.push(with(good.clone(), "resource", json!({ "type": "articles", "id": "1", "properties": [] })));
    let typed = gate.post(ONE, with(good.clone(), "subject", json!({ "type": "user", "id": 7 }))).await;
    assert_eq!(typed.body["detail"], "In the body: subject.id: must be a text");
    let missing = gate.post(MANY, with(good.clone(), "resource", json!({ "id": "1" }))).await;
    assert_eq!(missing.body["detail"], "In the body: resource.type: is missing, or null");
    for body in bad {
        for path in [ONE, MANY] {
            let answer = gate.post(path, body.clone()).await;
            assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text);
        }
    }
    for path in [ONE, MANY, SUBJECTS, ACTIONS] {
        let text = gate.request(Method::POST, path).header("content-type", "application/json").body("{");
        gate.send(text).await.assert_problem(400, "bad_request");
        for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/json-patch+json"] {
            let other = gate.request(Method::POST, path).header("content-type", media_type).body(good.to_string());
            gate.send(other).await.assert_problem(400, "bad_request");
        }
        gate.send(gate.request(Method::POST, path).body(good.to_string())).await.assert_problem(400, "bad_request");
    }
    let typed = gate.request(Method::POST, ONE).header("content-type", "Application/JSON ; charset=utf-8");
    gate.send(typed.body(good.to_string())).await.assert(200);
}

#[tokio::test]
async fn only_who_may_ask_is_answered() {
    let (server, _gate) = stage().await;
    let nobody = server.person("nobody", &["users:read"]).await;
    for path in [ONE, MANY, SUBJECTS, ACTIONS] {
        server.anonymous().post(path, json!({})).await.assert_problem(401, "unauthenticated");
        nobody.post(path, json!({})).await.assert_problem(403, "insufficient_scope");
        nobody.get(path).await.assert_problem(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn the_request_id_comes_back() {
    let (server, gate) = stage().await;
    let long = "x".repeat(200);
    for id in ["bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "a/b+c:d==", "\"quoted\"", &long] {
        for client in [&gate, &server.anonymous()] {
            let request = client.request(Method::POST, ONE).header("x-request-id", id).json(&question("bob", "read"));
            assert_eq!(client.send(request).await.header("x-request-id"), id);
        }
    }
    let longer = gate.request(Method::POST, ONE).header("x-request-id", long + "x").json(&question("bob", "read"));
    assert!(gate.send(longer).await.header("x-request-id").len() < 64);
}

#[tokio::test]
async fn an_evaluation_takes_from_the_request_what_it_leaves_out() {
    let (_server, gate) = stage().await;
    let request = json!({
        "subject": { "type": "user", "id": "bob" },
        "action": { "name": "read" },
        "context": { "time": "2024-05-31T15:22-07:00" },
        "evaluations": [
            { "resource": { "type": "articles", "id": "1" } },
            { "resource": { "type": "books", "id": "1" } },
            { "action": { "name": "update" }, "resource": { "type": "articles", "id": "1" } },
            { "subject": { "type": "user", "id": "alice" }, "action": { "name": "update" }, "resource": { "type": "articles", "id": "1" } },
        ],
    });
    assert_eq!(decisions(&gate.post(MANY, request).await.assert(200)), [true, false, false, true]);
}

#[tokio::test]
async fn an_evaluation_that_can_not_be_made_is_no_and_leaves_the_others() {
    let (_server, gate) = stage().await;
    let mut request = question("bob", "read");
    request["evaluations"] =
        json!([{}, { "action": {} }, "nonsense", { "subject": null }, { "resource": { "type": "articles" } }, {}]);
    let answer = gate.post(MANY, request).await.assert(200);
    assert_eq!(decisions(&answer), [true, false, false, false, false, true]);
    assert_eq!(answer.body["evaluations"][1]["context"]["error"]["status"], 400);
}

#[tokio::test]
async fn without_evaluations_it_is_a_single_one() {
    let (_server, gate) = stage().await;
    for request in [question("bob", "read"), with(question("bob", "read"), "evaluations", json!([]))] {
        let answer = gate.post(MANY, request).await.assert(200);
        assert_eq!((&answer.body["decision"], answer.body.get("evaluations")), (&json!(true), None));
    }
}

#[tokio::test]
async fn evaluations_go_on_to_the_first_no_or_the_first_yes_or_to_the_end() {
    let (_server, gate) = stage().await;
    let action = |name: &str| json!({ "action": { "name": name } });
    let mut request = question("bob", "read");
    request["evaluations"] = json!([action("read"), action("update"), action("read"), action("fly")]);
    let cases = [
        (json!({}), vec![true, false, true, false]),
        (json!({ "evaluations_semantic": "execute_all" }), vec![true, false, true, false]),
        (json!({ "evaluations_semantic": "deny_on_first_deny" }), vec![true, false]),
        (json!({ "evaluations_semantic": "permit_on_first_permit" }), vec![true]),
        (json!({ "other": 1 }), vec![true, false, true, false]),
    ];
    for (options, expected) in cases {
        let answer = gate.post(MANY, with(request.clone(), "options", options.clone())).await.assert(200);
        assert_eq!(decisions(&answer), expected, "{options}");
    }
    request["options"] = json!({ "evaluations_semantic": "guess" });
    gate.post(MANY, request.clone()).await.assert_problem(400, "bad_request");
    request["options"] = json!({});
    request["evaluations"] = json!(vec![json!({}); 1001]);
    gate.post(MANY, request).await.assert_problem(400, "bad_request");
}

#[tokio::test]
async fn a_subject_search_finds_whoever_may_page_by_page() {
    let (_server, gate) = stage().await;
    let search = json!({
        "subject": { "type": "user", "id": "ignored" },
        "action": { "name": "read" },
        "resource": { "type": "articles", "id": "1" },
    });
    let all = gate.post(SUBJECTS, search.clone()).await.assert(200).body;
    let found = |user: &str| json!({ "type": "user", "id": user });
    let expected = json!({ "results": [found("alice"), found("bob")], "page": { "next_token": "", "count": 2 } });
    assert_eq!(all, expected, "and not the disabled one");
    let first = gate.post(SUBJECTS, with(search.clone(), "page", json!({ "limit": 1 }))).await.assert(200).body;
    assert_eq!(first["results"], json!([found("alice")]));
    let next = json!({ "limit": 1, "token": first["page"]["next_token"] });
    let second = gate.post(SUBJECTS, with(search.clone(), "page", next.clone())).await.assert(200).body;
    assert_eq!((&second["results"], &second["page"]["next_token"]), (&json!([found("bob")]), &json!("")));
    let other = with(with(search.clone(), "page", next), "action", json!({ "name": "update" }));
    gate.post(SUBJECTS, other).await.assert_problem(400, "bad_request");
    let goes_on = json!({ "token": first["page"]["next_token"] });
    let second = gate.post(SUBJECTS, with(search.clone(), "page", goes_on)).await.assert(200).body;
    assert_eq!(second["page"]["count"], 1, "as many as before");
    let none = gate.post(SUBJECTS, with(search.clone(), "page", json!({ "limit": 0 }))).await.assert(200);
    assert_eq!((&none.body["results"], &none.body["page"]["count"]), (&json!([]), &json!(0)));
    assert!(none.text.starts_with(r#"{"page":"#), "first, as §8.2.2 recommends: {}", none.text);
    let then = json!({ "token": none.body["page"]["next_token"] });
    let then = gate.post(SUBJECTS, with(search.clone(), "page", then)).await.assert(200).body;
    assert_eq!(then["results"], expected["results"], "where it stood");
    for page in [json!({ "limit": -1 }), json!({ "token": "made up" }), json!({ "token": "0.made up" })] {
        let member = page.as_object().unwrap().keys().next().unwrap().clone();
        let refused = gate.post(SUBJECTS, with(search.clone(), "page", page)).await;
        let detail = refused.assert_problem(400, "bad_request").body["detail"].to_string();
        assert!(detail.contains(&member) && !detail.contains("exclusive"), "{detail}");
    }
    for (member, value) in [
        ("action", json!({ "name": "fly" })),
        ("subject", json!({ "type": "device" })),
        ("resource", json!({ "type": "not:valid!", "id": "1" })),
    ] {
        let none = gate.post(SUBJECTS, with(search.clone(), member, value)).await.assert(200).body;
        assert_eq!(none, json!({ "results": [], "page": { "next_token": "", "count": 0 } }));
    }
    gate.post(SUBJECTS, json!({ "subject": { "type": "user" } })).await.assert_problem(400, "bad_request");
}

#[tokio::test]
async fn an_action_search_finds_what_a_user_may_page_by_page() {
    let (_server, gate) = stage().await;
    let search = |user: &str, page: Value| {
        json!({
            "subject": { "type": "user", "id": user },
            "resource": { "type": "articles", "id": "1" },
            "page": page,
        })
    };
    let names = |body: &Value| body["results"].clone();
    let all = gate.post(ACTIONS, search("alice", json!({}))).await.assert(200).body;
    assert_eq!(names(&all), json!([{ "name": "read" }, { "name": "update" }]));
    let first = gate.post(ACTIONS, search("alice", json!({ "limit": 1 }))).await.assert(200).body;
    assert_eq!(names(&first), json!([{ "name": "read" }]));
    let next = json!({ "token": first["page"]["next_token"], "limit": 1 });
    let second = gate.post(ACTIONS, search("alice", next)).await.assert(200).body;
    assert_eq!(names(&second), json!([{ "name": "update" }]));
    for user in ["mallory", "nobody"] {
        assert_eq!(names(&gate.post(ACTIONS, search(user, json!({}))).await.assert(200).body), json!([]));
    }
}

#[tokio::test]
async fn what_was_taken_away_is_no_at_once() {
    let (server, gate) = stage().await;
    let admin = server.admin().await;
    admin.delete("/v1/roles/editor/juniors/reader").await.assert(204);
    assert_eq!(gate.post(ONE, question("alice", "read")).await.assert(200).body["decision"], false);
    assert_eq!(gate.post(ONE, question("alice", "update")).await.assert(200).body["decision"], true);
    admin.delete("/v1/users/alice/roles/editor").await.assert(204);
    assert_eq!(gate.post(ONE, question("alice", "update")).await.assert(200).body["decision"], false);
}

#[tokio::test]
async fn anyone_finds_out_where_to_ask() {
    let server = Server::with(&[("ROLECALL_ISSUER", "https://id.example")]).await;
    let at = |path: &str| format!("https://id.example/access/v1/{path}");
    let expected = json!({
        "policy_decision_point": "https://id.example",
        "access_evaluation_endpoint": at("evaluation"),
        "access_evaluations_endpoint": at("evaluations"),
        "search_subject_endpoint": at("search/subject"),
        "search_action_endpoint": at("search/action"),
    });
    let found = server.anonymous().get("/.well-known/authzen-configuration").await.assert(200);
    assert_eq!(found.body, expected);
}
