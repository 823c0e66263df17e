use std::sync::Arc;

use rolecall_guard::document::operations;
use serde_json::Value;

/// Which methods a path takes, for the `Allow` of a 405 (RFC 9110 §15.5.6).
#[derive(Clone, Debug)]
pub struct Allowed(Arc<Vec<(String, String)>>);

impl Allowed {
    /// As the document says; `others` are paths outside it, which take GET.
    #[must_use]
    pub fn of(mut document: Value, others: impl IntoIterator<Item = &'static str>) -> Self {
        let documented = operations(&mut document).map(|(path, method, _)| (path, method.to_uppercase()));
        let mut methods: Vec<_> = documented.collect();
        methods.extend(others.into_iter().map(|path| (path.to_owned(), "GET".to_owned())));
        Self(Arc::new(methods))
    }

    /// The methods of the path, comma-separated; HEAD comes with GET.
    pub(super) fn methods(&self, path: &str) -> String {
        let mut methods: Vec<&str> =
            self.0.iter().filter(|(template, _)| fits(template, path)).map(|(_, method)| method.as_str()).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.sort_unstable();
        methods.join(", ")
    }
}

pub(super) fn fits(template: &str, path: &str) -> bool {
    let (mut expected, mut actual) = (template.split('/'), path.split('/'));
    loop {
        match (expected.next(), actual.next()) {
            (None, None) => return true,
            (Some(expected), Some(actual)) if expected == actual || expected.starts_with('{') => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_takes_what_its_template_takes() {
        let document = json!({ "paths": {
            "/v1/users": { "get": {}, "post": {} },
            "/v1/users/{user}": { "get": {}, "delete": {} },
        }});
        let allowed = Allowed::of(document, ["/docs"]);
        assert_eq!(allowed.methods("/v1/users"), "GET, HEAD, POST");
        assert_eq!(allowed.methods("/v1/users/alice"), "DELETE, GET, HEAD");
        assert_eq!(allowed.methods("/docs"), "GET, HEAD");
        assert_eq!(allowed.methods("/v1/users/alice/roles"), "");
    }
}
