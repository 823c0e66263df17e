//! JSON bodies: read so that each member counts once, and refused by the name of the member that is wrong, never by
//! repeating what was sent.

use std::fmt;

use poem::{FromRequest, Request, RequestBody};
use poem_openapi::{
    payload::{Json, ParsePayload, Payload},
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::ParseFromJSON,
};
use rolecall_guard::Problem;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::problem::bad_request;

/// A longer name is no member's; it isn't repeated.
const LONGEST_NAME: usize = 64;

/// A JSON body.
#[derive(Clone, Debug)]
pub(super) struct Sent<T>(pub(super) T);

impl<T: ParseFromJSON> Payload for Sent<T> {
    const CONTENT_TYPE: &'static str = Json::<T>::CONTENT_TYPE;

    fn check_content_type(content_type: &str) -> bool {
        Json::<T>::check_content_type(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ParseFromJSON> ParsePayload for Sent<T> {
    const IS_REQUIRED: bool = Json::<T>::IS_REQUIRED;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        Ok(Self(parsed(&bytes)?))
    }
}

poem_openapi::impl_apirequest_for_payload!(Sent<T>, T: ParseFromJSON);

/// Reads a body.
fn parsed<T: ParseFromJSON>(bytes: &[u8]) -> Result<T, Problem> {
    read(&json(bytes)?)
}

/// Reads JSON, and no member twice.
pub(super) fn json(bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.trim_ascii().is_empty() {
        return Err(bad_request("The body is missing: send a JSON object."));
    }
    let Single(value) = serde_json::from_slice(bytes).map_err(|error| bad_request(format!("In the body: {error}")))?;
    Ok(value)
}

/// Reads a value of a body.
pub(super) fn read<T: ParseFromJSON>(value: &Value) -> Result<T, Problem> {
    T::parse_from_json(Some(value.clone())).map_err(|error| {
        let fault = misfit_of::<T>(value).unwrap_or_else(|| broken_rule::<T>(value, error.message()));
        bad_request(format!("In the body: {fault}"))
    })
}

/// A JSON value in which no object has two members of one name: which of them counts would be anyone's guess.
struct Single(Value);

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Self)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Single(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if all.contains_key(&name) {
                let name = if name.len() <= LONGEST_NAME { name.as_str() } else { "whose name is long" };
                return Err(A::Error::custom(format_args!("the member {name} stands there twice")));
            }
            let Single(value) = members.next_value()?;
            all.insert(name, value);
        }
        Ok(Value::Object(all))
    }
}

/// What in a value isn't of the kind that `T`'s schema says.
fn misfit_of<T: ParseFromJSON>(value: &Value) -> Option<String> {
    let mut registry = Registry::new();
    T::register(&mut registry);
    misfit(&registry, &T::schema_ref(), value, "")
}

fn resolved<'a>(registry: &'a Registry, schema: &'a MetaSchemaRef) -> Option<&'a MetaSchema> {
    match schema {
        MetaSchemaRef::Inline(schema) => Some(schema),
        MetaSchemaRef::Reference(name) => registry.schemas.get(name),
    }
}

fn misfit(registry: &Registry, schema: &MetaSchemaRef, value: &Value, at: &str) -> Option<String> {
    let schema = resolved(registry, schema)?;
    if let Some(kind) = wanted(schema, value) {
        return Some(if at.is_empty() { format!("it must be {kind}") } else { format!("{at}: must be {kind}") });
    }
    let member = |(name, property): &(&str, MetaSchemaRef)| {
        let at = if at.is_empty() { (*name).to_owned() } else { format!("{at}.{name}") };
        match value.get(name) {
            None | Some(Value::Null) => schema.required.contains(name).then(|| format!("{at}: is missing, or null")),
            Some(value) => misfit(registry, property, value, &at),
        }
    };
    let item =
        |(number, item): (usize, &Value)| misfit(registry, schema.items.as_deref()?, item, &format!("{at}[{number}]"));
    let members = || schema.properties.iter().filter(|_| value.is_object()).find_map(member);
    let items = || value.as_array()?.iter().enumerate().find_map(item);
    let parts = || schema.all_of.iter().find_map(|part| misfit(registry, part, value, at));
    members().or_else(items).or_else(parts)
}

/// What a schema asks for, if the value isn't that.
fn wanted(schema: &MetaSchema, value: &Value) -> Option<String> {
    let (fits, kind) = match schema.ty {
        "string" => (value.is_string(), "a text"),
        "integer" => (value.is_i64() || value.is_u64(), "a whole number"),
        "number" => (value.is_number(), "a number"),
        "boolean" => (value.is_boolean(), "true or false"),
        "array" => (value.is_array(), "a list"),
        "object" => (value.is_object(), "an object"),
        _ => (true, ""),
    };
    if !fits {
        return Some(kind.to_owned());
    }
    let is_one = schema.enum_items.is_empty() || schema.enum_items.contains(value);
    (!is_one).then(|| format!("one of {}", words(&schema.enum_items)))
}

fn words(items: &[Value]) -> String {
    items.iter().map(|item| item.as_str().unwrap_or_default()).collect::<Vec<_>>().join(", ")
}

/// What rule a member breaks, with its name: members are read in the order of the schema, so that it is the last one for
/// which nonsense makes another fault of it.
fn broken_rule<T: ParseFromJSON>(value: &Value, message: &str) -> String {
    let rule = in_words(message);
    let Value::Object(members) = value else { return rule };
    // It is found when all others have been read, and named already.
    if rule.starts_with("unknown field") {
        return rule;
    }
    let mut registry = Registry::new();
    T::register(&mut registry);
    let schema = T::schema_ref();
    let properties = resolved(&registry, &schema).map(|schema| schema.properties.as_slice()).unwrap_or_default();
    let mut members = members.clone();
    for (name, _) in properties.iter().rev().filter(|(name, _)| value.get(name).is_some_and(|value| !value.is_null())) {
        members.insert((*name).to_owned(), Value::from(1.5e-300));
        let same = T::parse_from_json(Some(members.clone().into())).is_err_and(|error| error.message() == message);
        if !same {
            return if rule.contains(name) { rule } else { format!("{name}: {rule}") };
        }
    }
    rule
}

/// poem-openapi says through which types it went, before and after it says what is wrong, and may repeat the value.
pub(super) fn in_words(message: &str) -> String {
    let message = message.split(" (occurred while parsing").next().unwrap_or(message);
    if message.starts_with("Expected input type") {
        return "is not of the kind that it must be".to_owned();
    }
    if message.contains("valid enumeration value") {
        return "must be one of those that the documentation lists".to_owned();
    }
    if let Some(rule) = message.strip_prefix("verification failed. ") {
        return validator(rule);
    }
    let Some((_, last)) = message.rsplit_once("failed to parse \"") else { return message.to_owned() };
    let (kind, why) = last.split_once("\": ").unwrap_or(("", last));
    if let Some((name, rule)) = why.strip_prefix("field `").and_then(|why| why.split_once("` verification failed. ")) {
        return format!("{name}: {}", validator(rule));
    }
    if kind.starts_with("integer") {
        return "must be a whole number that isn't too large".to_owned();
    }
    match kind.strip_prefix("string_") {
        Some("date-time") => "must be a time like 2026-01-31T12:00:00Z".to_owned(),
        Some("uuid") => "must be a UUID".to_owned(),
        _ => why.to_owned(),
    }
}

/// A validator of poem-openapi, as `minItems(1)` or `minimum(0, exclusive: false)`.
fn validator(rule: &str) -> String {
    let (name, numbers) = rule.trim_end_matches(')').split_once('(').unwrap_or((rule, ""));
    let number = numbers.split(',').next().unwrap_or_default();
    match name {
        "minimum" => format!("must be at least {number}"),
        "maximum" => format!("must be at most {number}"),
        "minItems" => format!("must list at least {number}"),
        "maxItems" => format!("must list at most {number}"),
        _ => format!("breaks the rule {rule}"),
    }
}
