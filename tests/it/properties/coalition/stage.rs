//! What there is before a coalition begins.

use reqwest::Method;
use serde_json::json;

use super::Run;
use crate::support::{PASSWORD, claims};

/// What everyone in the coalition may: all there is, but `roles:escalate`. The second may not look at others' access.
const MANAGER: &[&str] = &[
    "users:create",
    "users:read",
    "users:update",
    "users:delete",
    "roles:create",
    "roles:read",
    "roles:update",
    "roles:delete",
    "permissions:create",
    "permissions:update",
    "permissions:delete",
    "assignments:create",
    "assignments:read",
    "assignments:delete",
    "clients:create",
    "clients:read",
    "clients:update",
    "clients:delete",
    "separation-sets:create",
    "separation-sets:update",
    "separation-sets:delete",
    "sessions:read",
    "sessions:update",
    "sessions:delete",
    "policy:read",
    "policy:update",
];

impl Run<'_> {
    /// Three members, who hold something each, for a time or for ever; and others, of whom some hold more than all three.
    pub async fn begin(&mut self) {
        let permissions: Vec<_> = (0..4).map(|it| json!({ "name": format!("p~:{it}") })).collect();
        let role = |name: &str, permissions: &[&str]| json!({ "name": name, "permissions": permissions });
        let seeing = [MANAGER, &["access:read"]].concat();
        let each: [[&str; 1]; 4] = [["p~:0"], ["p~:1"], ["p~:2"], ["p~:3"]];
        let mut roles = vec![role("seeing~", &seeing), role("blind~", MANAGER), role("e~", &[])];
        roles.extend(each.iter().enumerate().map(|(it, given)| role(&format!("r~-{it}"), given)));
        let sets = json!([{ "name": "rich~", "kind": "dynamic", "cardinality": 2, "roles": ["r~-3", "e~"] }]);
        let file = json!({ "permissions": permissions, "roles": roles, "separation_sets": sets }).to_string();
        self.admin_file(&self.named(&file)).await;
        for user in ["a~", "b~", "c~", "poor~", "rich~", "off~", "late~"] {
            let new = json!({ "username": self.named(user), "password": PASSWORD });
            self.admin.post("/v1/users", new).await.assert(201);
        }
        for client in ["svc~", "svcrich~"] {
            self.admin.post("/v1/clients", crate::clients::service(&self.named(client))).await.assert(201);
        }
        let (soon, later) = (json!({ "valid_until": self.time(5) }), json!({ "valid_until": self.time(8) }));
        let begins = json!({ "valid_from": self.time(3) });
        let always = json!({});
        for (user, role, times) in [
            ("a~", "seeing~", &always),
            ("b~", "blind~", &always),
            ("c~", "seeing~", &always),
            ("a~", "r~-0", &always),
            ("b~", "r~-0", &later),
            ("b~", "r~-1", &always),
            ("c~", "r~-2", &soon),
            ("c~", "r~-0", &always),
            ("rich~", "r~-3", &always),
            ("off~", "r~-2", &always),
            ("late~", "r~-3", &begins),
            ("svc~", "r~-0", &always),
            ("svcrich~", "r~-3", &always),
        ] {
            let path = self.named(&format!("/v1/users/{user}/roles/{role}"));
            self.admin.put_json(&path, times.clone()).await.assert(204);
        }
        self.admin.patch(&self.named("/v1/users/off~"), json!({ "status": "disabled" })).await.assert(200);
        for user in ["poor~", "rich~", "a~"] {
            let signed_in = self.server.token(&self.named(user), PASSWORD, &[]).await.assert(200);
            self.sessions.push(claims(signed_in.token())["sid"].as_str().unwrap().to_owned());
        }
        self.rich_client = self.admin.etag(&self.named("/v1/clients/svcrich~")).await;
        self.known = ["a~", "b~", "c~"].map(|user| self.named(user)).to_vec();
    }

    async fn admin_file(&self, file: &str) {
        let request = self.admin.request(Method::POST, "/v1/policy/apply?prune=true");
        self.admin.send(request.header("content-type", "application/yaml").body(file.to_owned())).await.assert(200);
    }
}
