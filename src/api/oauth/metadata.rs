use poem_openapi::Object;

/// Where the OAuth endpoints are and what they can do (RFC 8414 §2).
#[derive(Debug, Object)]
#[oai(rename = "ServerMetadata")]
pub(super) struct Metadata {
    issuer: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    jwks_uri: String,
    grant_types_supported: Vec<String>,
    /// None: there is no authorization endpoint.
    response_types_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Vec<String>,
    revocation_endpoint_auth_methods_supported: Vec<String>,
    introspection_endpoint_auth_methods_supported: Vec<String>,
    service_documentation: String,
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

impl Metadata {
    /// By the issuer that is configured, never by what a request says of its host.
    pub(super) fn of(issuer: &str) -> Self {
        let with_secret = ["client_secret_basic", "client_secret_post"];
        let any = [with_secret[0], with_secret[1], "none"];
        Self {
            issuer: issuer.to_owned(),
            token_endpoint: format!("{issuer}/oauth/token"),
            revocation_endpoint: format!("{issuer}/oauth/revoke"),
            introspection_endpoint: format!("{issuer}/oauth/introspect"),
            jwks_uri: format!("{issuer}/.well-known/jwks.json"),
            grant_types_supported: words(&["password", "refresh_token", "client_credentials"]),
            response_types_supported: Vec::new(),
            token_endpoint_auth_methods_supported: words(&any),
            revocation_endpoint_auth_methods_supported: words(&any),
            introspection_endpoint_auth_methods_supported: words(&with_secret),
            service_documentation: format!("{issuer}/docs"),
        }
    }
}
