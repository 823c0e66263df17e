use poem::{
    Request, Result,
    http::{HeaderValue, header},
};

/// A tag that no state has.
const NO_STATE: HeaderValue = HeaderValue::from_static("\"?\"");

/// Puts in place of an `If-Match` that is no text, which handlers would take for none, one that matches nothing: a tag may
/// be of any bytes (RFC 9110 §8.8.3), but those of ours are text.
pub async fn legible_if_match(mut request: Request) -> Result<Request> {
    let mut tags = request.headers().get_all(header::IF_MATCH).iter();
    if tags.any(|tags| tags.to_str().is_err()) {
        request.headers_mut().insert(header::IF_MATCH, NO_STATE);
    }
    Ok(request)
}
