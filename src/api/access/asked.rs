use poem::{FromRequest, Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::Json,
    registry::{MetaRequest, Registry},
    types::ParseFromJSON,
};
use rolecall_guard::Problem;
use serde_json::Value;

use crate::{
    api::sent::{json, read},
    problem::bad_request,
};

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
        let value = json(&bytes)?;
        objects(&value)?;
        Ok(Self(read(&value)?))
    }
}

/// Refuses what may be anything, and is ignored, but has to be an object (§5).
pub(super) fn objects(value: &Value) -> Result<(), Problem> {
    for (place, member) in
        [("", "context"), ("/subject", "properties"), ("/action", "properties"), ("/resource", "properties")]
    {
        let found = value.pointer(place).and_then(|value| value.get(member));
        if found.is_some_and(|found| !found.is_object()) {
            let place = place.trim_start_matches('/');
            let dot = if place.is_empty() { "" } else { "." };
            return Err(bad_request(format!("In the body: {place}{dot}{member}: must be an object")));
        }
    }
    Ok(())
}
