use poem::{Body, FromRequest, Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions,
    payload::Json,
    registry::{MetaRequest, Registry},
    types::{ParseFromJSON, ToJSON},
};
use rolecall_guard::Problem;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{sent::Sent, text::etag};
use crate::problem::bad_request;

/// What a parameter is by default.
pub(super) fn yes() -> bool {
    true
}

/// 200 with the representation and its `ETag`.
#[derive(ApiResponse)]
pub(super) enum Found<T: ParseFromJSON + ToJSON + Send + Sync> {
    /// Here it is.
    #[oai(status = 200)]
    Ok(
        Json<T>,
        /// Its state; send it back as If-Match to change only what you have seen.
        #[oai(header = "ETag")]
        String,
    ),
}

/// 201 with `Location`, the representation and its `ETag`.
#[derive(ApiResponse)]
pub(super) enum Created<T: ParseFromJSON + ToJSON + Send + Sync> {
    /// Made.
    #[oai(status = 201)]
    Ok(
        Json<T>,
        /// Where it is from now on.
        #[oai(header = "Location")]
        String,
        /// Its state.
        #[oai(header = "ETag")]
        String,
    ),
}

/// 204: it is as asked.
#[derive(ApiResponse)]
pub(super) enum Done {
    /// It is as you asked.
    #[oai(status = 204)]
    Ok,
}

pub(super) fn found<T: ParseFromJSON + ToJSON + Send + Sync>(revision: i64, item: impl Into<T>) -> Found<T> {
    Found::Ok(Json(item.into()), etag(revision))
}

pub(super) fn created<T: ParseFromJSON + ToJSON + Send + Sync>(
    location: String,
    revision: i64,
    item: impl Into<T>,
) -> Created<T> {
    Created::Ok(Json(item.into()), location, etag(revision))
}

/// Microseconds since 1970 as a time that is shown to people (RFC 3339, UTC).
pub(super) fn shown(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A time that someone sent, in microseconds since 1970; what is beyond counting is as good as never.
pub(super) fn micros(time: OffsetDateTime) -> i64 {
    let micros = time.unix_timestamp_nanos() / 1000;
    i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}

/// A page of a list: `items`, and `next` for `cursor` if there are more.
macro_rules! page {
    ($(#[$about:meta])* $name:ident of $item:ty) => {
        $(#[$about])*
        #[derive(Debug, poem_openapi::Object)]
        #[oai(skip_serializing_if_is_none)]
        pub(super) struct $name {
            /// This page's items.
            items: Vec<$item>,
            /// Send it as `cursor` for the next page; absent on the last.
            next: Option<String>,
        }

        impl<T: Into<$item>> From<(Vec<T>, Option<String>)> for $name {
            fn from((items, next): (Vec<T>, Option<String>)) -> Self {
                Self { items: items.into_iter().map(Into::into).collect(), next }
            }
        }
    };
}
pub(super) use page;

/// A request whose body says nothing: none, or `{}`. Anything else would be ignored, so it is refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoMembers;

impl<'a> FromRequest<'a> for NoMembers {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        if says_nothing(&bytes) {
            return Ok(Self);
        }
        Err(Problem::into(bad_request("This request takes no members; send no body, or {}.")))
    }
}

/// Whether a body is left out, or an object without members, whatever its `Content-Type`.
fn says_nothing(bytes: &[u8]) -> bool {
    let members = serde_json::from_slice::<Map<String, Value>>(bytes);
    bytes.trim_ascii().is_empty() || members.is_ok_and(|members| members.is_empty())
}

/// A JSON body that may be left out, with its `Content-Type`.
#[derive(Clone, Debug)]
pub(super) struct Optional<T>(pub(super) Option<T>);

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for Optional<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest { required: false, ..<Json<T> as ApiExtractor>::request_meta()? })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        // Some clients send `null` for what they leave out.
        if matches!(bytes.trim_ascii(), b"" | b"null") {
            return Ok(Self(None));
        }
        if request.content_type().is_none()
            && says_nothing(&bytes)
            && let Ok(value) = T::parse_from_json(Some(Value::Object(Map::new())))
        {
            return Ok(Self(Some(value)));
        }
        let mut body = RequestBody::new(Body::from(bytes));
        let Sent(value) = <Sent<T> as ApiExtractor>::from_request(request, &mut body, options).await?;
        Ok(Self(Some(value)))
    }
}
