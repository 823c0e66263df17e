use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
};

use poem::{FromRequest, Request, RequestBody};
use poem_openapi::{
    payload::{ParsePayload, Payload},
    registry::{MetaSchemaRef, Registry},
    types::Type,
};

use super::Failure;

/// What a parameter may list at most.
const MOST_WORDS: usize = 500;

/// A form that is documented as a `T`, each parameter at most once (RFC 6749 §3.2).
pub(super) struct Form<T> {
    parameters: BTreeMap<String, String>,
    documented: PhantomData<T>,
}

impl<T: Type> Payload for Form<T> {
    const CONTENT_TYPE: &'static str = "application/x-www-form-urlencoded";

    fn check_content_type(content_type: &str) -> bool {
        content_type.split(';').next().is_some_and(|plain| plain.trim().eq_ignore_ascii_case(Self::CONTENT_TYPE))
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type> ParsePayload for Form<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        if request.uri().query().is_some() {
            let why = "Send the parameters in the body; a URL ends up in logs.";
            return Err(Failure::InvalidRequest(why.into()).into());
        }
        let bytes = Vec::<u8>::from_request(request, body).await?;
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(&bytes)
            .map_err(|_| Failure::InvalidRequest("The body is not a form.".into()))?;
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            if parameters.insert(name, value).is_some() {
                return Err(Failure::InvalidRequest("A parameter is sent twice.".into()).into());
            }
        }
        Ok(Self { parameters, documented: PhantomData })
    }
}

poem_openapi::impl_apirequest_for_payload!(Form<T>, T: Type);

impl<T> Form<T> {
    /// A parameter without a value is one that wasn't sent (RFC 6749 §3.2).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !str::is_empty(value))
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| Failure::InvalidRequest(format!("The parameter {name} is missing.")))
    }

    /// The words of a parameter that lists some, each once; none and empty are the same.
    pub(super) fn words(&self, name: &str) -> Result<Option<Vec<String>>, Failure> {
        let words: BTreeSet<_> = self.get(name).unwrap_or_default().split_ascii_whitespace().collect();
        if words.len() > MOST_WORDS {
            return Err(Failure::InvalidRequest(format!("The parameter {name} lists more than {MOST_WORDS}.")));
        }
        Ok((!words.is_empty()).then(|| words.into_iter().map(str::to_owned).collect()))
    }
}
