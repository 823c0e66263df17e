use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use poem::{
    FromRequest, Request, RequestBody,
    http::{HeaderValue, header},
};
use secrecy::SecretString;

use super::{Failure, form::Form};
use crate::{api::State, http::ClientAddress, policy::BUILT_IN_CLIENT, tokens::Asking};

/// What the request's head says of the client: `Authorization`, as an OAuth endpoint reads it, and the address.
pub(super) struct Presented {
    basic: Option<(String, String)>,
    address: Option<IpAddr>,
}

impl<'a> FromRequest<'a> for Presented {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        let address = request.data::<ClientAddress>().map(|address| address.0);
        let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
        let basic = match (values.next(), values.next()) {
            (None, _) => None,
            (Some(value), None) => Some(basic(value).ok_or(Failure::InvalidClient)?),
            _ => return Err(Failure::InvalidClient.into()),
        };
        // Swagger UI sends an empty one for no client.
        let basic = basic.filter(|(id, secret)| !(id.is_empty() && secret.is_empty()));
        Ok(Self { basic, address })
    }
}

/// RFC 6749 §2.3.1: each half form-encoded, then RFC 7617.
fn basic(value: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let plain = |text: &str| {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(&format!("x={}", text.replace('&', "%26"))).ok()?;
        pairs.into_iter().next().map(|(_, value)| value)
    };
    Some((plain(id)?, plain(secret)?))
}

impl State {
    /// Finds out which client asks (RFC 6749 §2.3): by the header or the body, never both.
    pub(super) async fn asking<T>(&self, presented: Presented, form: &Form<T>) -> Result<Asking, Failure> {
        let (named, secret) = (form.get("client_id"), form.get("client_secret"));
        let (id, secret) = match presented.basic {
            None => (named.unwrap_or(BUILT_IN_CLIENT).to_owned(), secret.unwrap_or_default().to_owned()),
            Some(_) if secret.is_some() => {
                let why = "Send the client's secret once: in the header or in the body.";
                return Err(Failure::InvalidRequest(why.into()));
            }
            Some((id, _)) if named.is_some_and(|named| named != id) => return Err(Failure::InvalidClient),
            Some(basic) => basic,
        };
        Ok(self.tokens.asking(&id, &SecretString::from(secret), presented.address).await?)
    }
}
