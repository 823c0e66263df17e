use serde_json::Value;

use super::{Answer, PASSWORD, Server};

/// A client with a secret.
#[derive(Clone)]
pub struct Application {
    pub id: String,
    pub secret: String,
}

impl Server {
    /// Makes a client.
    pub async fn application(&self, new: Value) -> Application {
        let answer = self.admin().await.post("/v1/clients", new).await.assert(201);
        let member = |name: &str| answer.body[name].as_str().unwrap().to_owned();
        Application { id: member("client_id"), secret: member("client_secret") }
    }
}

impl Application {
    /// Sends a form with its id and secret in the header.
    pub async fn post(&self, server: &Server, path: &str, form: &[(&str, &str)]) -> Answer {
        let caller = server.anonymous();
        let request = caller.request(reqwest::Method::POST, path).basic_auth(&self.id, Some(&self.secret));
        caller.send(request.form(form)).await
    }

    /// A token of its own.
    pub async fn token(&self, server: &Server, more: &[(&str, &str)]) -> Answer {
        self.post(server, "/oauth/token", &[&[("grant_type", "client_credentials")], more].concat()).await
    }

    /// The same, with id and secret in the body.
    pub async fn token_by_body(&self, server: &Server, more: &[(&str, &str)]) -> Answer {
        let own = [("grant_type", "client_credentials"), ("client_id", &*self.id), ("client_secret", &*self.secret)];
        server.anonymous().form("/oauth/token", &[&own, more].concat()).await
    }

    /// Someone's sign-in through it.
    pub async fn sign_in(&self, server: &Server, username: &str) -> Answer {
        let form = [("grant_type", "password"), ("username", username), ("password", PASSWORD)];
        self.post(server, "/oauth/token", &form).await
    }
}
