use poem::{FromRequest, Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::Json,
    registry::{MetaRequest, Registry},
    types::ParseFromJSON,
};
use rolecall_guard::Problem;
use serde_json::Value;

use crate::problem::{bad_request, in_the_body};

/// A JSON body of this API: what isn't right about it is 400, its `Content-Type` too (§10.1).
#[derive(Clone, Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for Asked<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        <Json<T> as ApiExtractor>::request_meta()
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let media_type = request.content_type().and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(Problem::into(bad_request("Send the body with Content-Type: application/json.")));
        }
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|error| bad_request(format!("The body is not JSON: {error}")))?;
        Ok(Self(read(value)?))
    }
}

/// Reads a value of this API, ignoring what it doesn't know.
pub(super) fn read<T: ParseFromJSON>(value: Value) -> Result<T, Problem> {
    T::parse_from_json(Some(value)).map_err(|error| bad_request(in_the_body(&error.into_message())))
}
