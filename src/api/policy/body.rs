//! Policies as bodies: YAML for people, JSON for programs.

use poem::{FromRequest, Request, RequestBody, http::StatusCode};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, ResponseContent,
    payload::{Json, PlainText},
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};
use rolecall_guard::Problem;
use tokio::task::spawn_blocking;

use super::{etag_of, written::Policy, yaml};
use crate::{
    policy::file::{Document, Stated},
    problem::{bad_request, internal},
};

/// RFC 9512 §2.1.
const YAML: &str = "application/yaml";
/// What a policy file is also sent as: JSON is YAML.
const ALSO: [&str; 4] = ["application/json", "application/x-yaml", "text/yaml", "text/x-yaml"];

/// A policy file that someone sent.
#[derive(Debug)]
pub(super) struct PolicyBody(pub(super) Stated);

impl<'a> ApiExtractor<'a> for PolicyBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Policy::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        // Some generators take one media type only. YAML is read whatever it is called.
        let content = vec![MetaMediaType { content_type: ALSO[0], schema: Policy::schema_ref() }];
        Some(MetaRequest { description: Some("As JSON, or as YAML (`application/yaml`)."), content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let media_type = request.content_type().and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        if ![YAML].iter().chain(&ALSO).any(|known| media_type.eq_ignore_ascii_case(known)) {
            let detail = "Send the file with Content-Type: application/yaml, or application/json.";
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail);
            return Err(problem.into());
        }
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        let text = String::from_utf8(bytes).map_err(|_| bad_request("The file is not UTF-8."))?;
        // A long one takes a while.
        let stated = spawn_blocking(move || Stated::read(&text)).await.map_err(|error| internal(&error))?;
        Ok(Self(stated.map_err(|fault| Problem::from(crate::store::Refused::File(fault)))?))
    }
}

/// A policy that someone asked for.
#[derive(ResponseContent)]
pub(super) enum PolicyText {
    // Generators take the first one.
    Json(Json<Policy>),
    #[oai(content_type = "application/yaml")]
    Yaml(PlainText<String>),
}

/// 200 with the policy and its digest.
#[derive(ApiResponse)]
pub(super) enum Exported {
    /// Here it is.
    #[oai(status = 200)]
    Ok(
        PolicyText,
        /// Its digest; send it back as If-Match to apply a file only to this.
        #[oai(header = "ETag")]
        String,
    ),
}

impl Exported {
    /// As `accept` asks; YAML, if it is all the same.
    pub(super) fn of(document: &Document, accept: Option<&str>) -> Result<Self, Problem> {
        let json = accept.is_some_and(|accept| accept.contains("json") && !accept.contains("yaml"));
        let text = if json {
            PolicyText::Json(Json(Policy::of(document)))
        } else {
            PolicyText::Yaml(PlainText(yaml(document).map_err(|error| internal(&error))?))
        };
        Ok(Self::Ok(text, etag_of(document.digest())))
    }
}
