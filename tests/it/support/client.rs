use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;

/// Someone who calls the server.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub url: String,
    pub token: Option<String>,
}

/// What the server answers.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Client {
    pub fn new(http: &reqwest::Client, url: &str, token: Option<&str>) -> Self {
        Self { http: http.clone(), url: url.to_owned(), token: token.map(str::to_owned) }
    }

    /// A request to send with [`Client::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap()
    }

    /// As [`Client::send`], where there may be nobody to answer.
    pub async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, body, text })
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn form(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).form(parameters)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    pub async fn put_json(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn put(&self, path: &str) -> Answer {
        self.send(self.request(Method::PUT, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A request that is meant for the state `tag` only; `body` may be null, for none.
    pub async fn if_match(&self, method: Method, path: &str, tag: &str, body: Value) -> Answer {
        let request = self.request(method, path).header("if-match", tag);
        self.send(if body.is_null() { request } else { request.json(&body) }).await
    }

    /// The state of a user, role or permission.
    pub async fn etag(&self, path: &str) -> String {
        self.get(path).await.assert(200).header("etag").to_owned()
    }

    /// Every item of a list, page by page.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        let mark = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = self.get(&format!("{path}{cursor}")).await.assert(200);
            items.extend(page.body["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page.body["next"].as_str() else { return items };
            cursor = format!("{mark}cursor={next}");
        }
    }

    /// One member of every item of a list.
    pub async fn names(&self, path: &str, member: &str) -> Vec<String> {
        self.all(path).await.iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
    }
}

impl Answer {
    #[track_caller]
    pub fn assert(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// A problem with this status and code.
    #[track_caller]
    pub fn assert_problem(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(self.body[member].is_string(), "{}", self.text);
        }
        self
    }

    /// An error of an OAuth endpoint, in the form of RFC 6749 §5.2.
    #[track_caller]
    pub fn assert_oauth_error(self, status: u16, error: &str) -> Self {
        assert_eq!((self.status, self.body["error"].as_str()), (status, Some(error)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(self.body["error_description"].is_string(), "{}", self.text);
        self
    }

    /// Refused because the token isn't good, which RFC 6750 §3 wants said in a header.
    #[track_caller]
    pub fn assert_invalid_token(self) -> Self {
        let answer = self.assert_problem(401, "invalid_token");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with(r#"Bearer error="invalid_token""#), "{challenge}");
        answer
    }

    /// The access token in an answer of the token endpoint.
    pub fn token(&self) -> &str {
        self.body["access_token"].as_str().unwrap_or_else(|| panic!("no token: {}", self.text))
    }

    /// The refresh token in an answer of the token endpoint.
    pub fn refresh_token(&self) -> &str {
        self.body["refresh_token"].as_str().unwrap_or_else(|| panic!("no refresh token: {}", self.text))
    }

    /// The header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
