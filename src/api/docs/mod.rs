//! Swagger UI, embedded: nothing is fetched from elsewhere, and no script stands in the page.

use aws_lc_rs::digest::{SHA256, digest};
use poem::{
    Endpoint, Request, Response, Route, get,
    http::{StatusCode, header},
};
use serde_json::Value;

/// Scripts and styles come from here only. Swagger UI sets styles from its scripts, and draws with `data:` images.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                                       connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The paths outside the document, but for what `/docs` loads.
pub const PATHS: [&str; 4] = ["/docs", "/docs/", "/openapi.json", "/openapi.yaml"];

/// The paths of what `/docs` loads.
pub fn assets() -> impl Iterator<Item = &'static str> {
    ASSETS.iter().map(|asset| asset.path)
}

struct Asset {
    path: &'static str,
    content_type: &'static str,
    gzipped: bool,
    bytes: &'static [u8],
}

const INDEX: Asset = Asset::plain("/docs", "text/html; charset=utf-8", include_bytes!("index.html"));

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// `swagger-ui-dist`, as `update.sh` fetched and compressed it, and what makes it ours.
static ASSETS: [Asset; 10] = [
    Asset {
        path: "/docs/swagger-ui-bundle.js",
        content_type: JAVASCRIPT,
        gzipped: true,
        bytes: include_bytes!("swagger-ui-bundle.js.gz"),
    },
    Asset {
        path: "/docs/swagger-ui.css",
        content_type: CSS,
        gzipped: true,
        bytes: include_bytes!("swagger-ui.css.gz"),
    },
    Asset::plain("/docs/rolecall.css", CSS, include_bytes!("rolecall.css")),
    Asset::plain("/docs/favicon.png", "image/png", include_bytes!("favicon.png")),
    Asset::plain("/docs/start.js", JAVASCRIPT, include_bytes!("start.js")),
    Asset::plain("/docs/account.js", JAVASCRIPT, include_bytes!("account.js")),
    Asset::plain("/docs/authorize.js", JAVASCRIPT, include_bytes!("authorize.js")),
    Asset::plain("/docs/names.js", JAVASCRIPT, include_bytes!("names.js")),
    Asset::plain("/docs/reasons.js", JAVASCRIPT, include_bytes!("reasons.js")),
    Asset::plain("/docs/welcome.js", JAVASCRIPT, include_bytes!("welcome.js")),
];

impl Asset {
    const fn plain(path: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self { path, content_type, gzipped: false, bytes }
    }

    /// Browsers ask each time whether it is still the same, and are mostly told so: an upgrade shows at once.
    fn serve(&'static self) -> impl Endpoint<Output = Response> {
        let etag = format!("\"{}\"", hex::encode(&digest(&SHA256, self.bytes).as_ref()[..8]));
        poem::endpoint::make_sync(move |request: Request| {
            if self.gzipped && !accepts_gzip(&request) {
                return Response::builder().status(StatusCode::NOT_ACCEPTABLE).finish();
            }
            let mut response = Response::builder()
                .content_type(self.content_type)
                .header(header::CACHE_CONTROL, "no-cache")
                .header(header::ETAG, &etag)
                .header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
            if self.gzipped {
                response = response.header(header::CONTENT_ENCODING, "gzip").header(header::VARY, "Accept-Encoding");
            }
            if knows(&request, &etag) {
                return response.status(StatusCode::NOT_MODIFIED).finish();
            }
            response.body(self.bytes)
        })
    }
}

fn accepts_gzip(request: &Request) -> bool {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_none_or(|accepted| accepted.contains("gzip") || accepted.contains('*'))
}

/// Whether the browser has it already (RFC 9110 §13.1.2); a proxy that compresses makes tags weak.
fn knows(request: &Request, etag: &str) -> bool {
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)
}

fn text(content_type: &'static str, body: String) -> impl Endpoint<Output = Response> {
    poem::endpoint::make_sync(move |_| Response::builder().content_type(content_type).body(body.clone()))
}

/// Adds Swagger UI and the document to the routes.
#[must_use]
pub fn mount(route: Route, document: &Value, yaml: String) -> Route {
    let with_assets = ASSETS.iter().fold(route, |route, asset| route.at(asset.path, get(asset.serve())));
    with_assets
        .at(INDEX.path, get(INDEX.serve()))
        .at("/docs/", get(INDEX.serve()))
        .at("/openapi.json", get(text("application/json", document.to_string())))
        .at("/openapi.yaml", get(text("application/yaml", yaml)))
}
