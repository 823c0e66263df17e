//! GET /.well-known/oauth-authorization-server (RFC 8414)

use reqwest::Method;

use crate::support::Server;

#[tokio::test]
async fn libraries_find_everything_by_the_issuer() {
    let server = Server::with(&[("ROLECALL_ISSUER", "https://id.example")]).await;
    let caller = server.anonymous();
    // What a request says of its host is nobody's business.
    let request = caller
        .request(Method::GET, "/.well-known/oauth-authorization-server")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example");
    let answer = caller.send(request).await.assert(200);
    assert!(!answer.text.contains("evil"));
    let metadata = answer.body;
    for (member, path) in [
        ("issuer", ""),
        ("token_endpoint", "/oauth/token"),
        ("revocation_endpoint", "/oauth/revoke"),
        ("introspection_endpoint", "/oauth/introspect"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(metadata[member], format!("https://id.example{path}"), "{member}");
    }
    let grants: Vec<_> = metadata["grant_types_supported"].as_array().unwrap().iter().collect();
    assert_eq!(grants, ["password", "refresh_token", "client_credentials"]);
    assert_eq!(metadata["response_types_supported"], serde_json::json!([]));
    for endpoint in ["token", "revocation", "introspection"] {
        let methods = metadata[format!("{endpoint}_endpoint_auth_methods_supported")].as_array().unwrap();
        assert_eq!(methods.iter().any(|method| method == "none"), endpoint != "introspection", "{endpoint}");
    }
}
