//! Texts with rules: what a caller may send, checked as it is read and documented from the same place.

use std::{borrow::Cow, str::FromStr};

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde_json::Value;

use crate::{
    policy::{ClientId, PermissionName, RoleName, SetName, Username, is_line},
    store::{IfMatch, SetRef, UserRef},
};

/// A text that reads as `$type`, and what says so in the document.
macro_rules! text {
    ([$($generics:tt)*] $type:ty, $name:literal, $($schema:item)+) => {
        impl<$($generics)*> Type for $type {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                $name.into()
            }

            $($schema)+

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl<$($generics)*> ParseFromParameter for $type {
            fn parse_from_parameter(value: &str) -> ParseResult<Self> {
                value.parse().map_err(ParseError::custom)
            }
        }

        impl<$($generics)*> ParseFromJSON for $type {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                match value {
                    Some(Value::String(text)) => text.parse().map_err(ParseError::custom),
                    other => Err(ParseError::expected_type(other.unwrap_or_default())),
                }
            }
        }
    };
}

/// A text whose schema stands wherever it is taken.
macro_rules! inline {
    ([$($generics:tt)*] $type:ty, $name:literal, $describe:expr) => {
        text!([$($generics)*] $type, $name,
            fn schema_ref() -> MetaSchemaRef {
                let mut schema = MetaSchema::new("string");
                let describe: fn(&mut MetaSchema) = $describe;
                describe(&mut schema);
                MetaSchemaRef::Inline(Box::new(schema))
            }
        );
    };
}

/// A text whose schema has a name: generated clients have one type for all places that take it. Its example is the same
/// everywhere, so that what one operation makes another finds.
macro_rules! named {
    ($type:ty, $name:literal, $schema:literal, $pattern:expr, $example:literal, $about:literal) => {
        text!([] $type, $name,
            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Reference($schema.into())
            }

            fn register(registry: &mut Registry) {
                registry.create_schema::<Self, _>($schema.into(), |_| MetaSchema {
                    description: Some($about),
                    pattern: Some($pattern.into()),
                    example: Some($example.into()),
                    ..MetaSchema::new("string")
                });
            }
        );
    };
}

macro_rules! shown_as_text {
    ($($type:ty),+) => {$(
        impl ToJSON for $type {
            fn to_json(&self) -> Option<Value> {
                Some(Value::String(self.to_string()))
            }
        }
    )+};
}

const NAME: &str = "^[a-zA-Z0-9][a-zA-Z0-9._@+-]{0,127}$";
const PERMISSION: &str = "^[a-z0-9][a-z0-9_.-]{0,63}:[a-z0-9][a-z0-9_.-]{0,63}$";

named!(
    Username,
    "string_username",
    "Username",
    NAME,
    "alice",
    "A username. It is folded to lower case, and does not look like an id."
);
named!(RoleName, "string_role", "RoleName", NAME, "editor", "A role's name. It is folded to lower case.");
named!(SetName, "string_set", "SetName", NAME, "payments", "A separation set's name. It is folded to lower case.");
named!(SetRef, "string_set", "SetNameOrId", NAME, "payments", "A separation set's name or id.");
named!(
    ClientId,
    "string_client_id",
    "ClientId",
    NAME,
    "billing",
    "A client's `client_id`. It is folded to lower case."
);
named!(PermissionName, "string_permission", "PermissionName", PERMISSION, "articles:update", "`resource:action`");
named!(UserRef, "string_user", "UsernameOrId", NAME, "alice", "A username or an id.");
inline!([] IfMatch, "string_If-Match", |_| {});
inline!([] Email, "string_email", |schema| {
    schema.format = Some("email");
    schema.max_length = Some(Email::LONGEST);
});
inline!([] Audience, "string_audience", |schema| schema.pattern = Some("^[!-~]{1,500}$".into()));
inline!([const LONGEST: usize] Line<LONGEST>, "string_text", |schema| {
    schema.max_length = Some(LONGEST);
    schema.pattern = Some(r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$".into());
});
shown_as_text!(Username, RoleName, SetName, ClientId, PermissionName, Email, Audience);

impl<const LONGEST: usize> ToJSON for Line<LONGEST> {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.clone()))
    }
}

/// An example text that is known to be valid.
#[expect(clippy::expect_used, reason = "examples are fixed, and a test reads every one")]
pub(super) fn known<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a valid example")
}

/// Text without control characters, of at most so many characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line<const LONGEST: usize>(pub(super) String);

impl<const LONGEST: usize> FromStr for Line<LONGEST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_line(text, LONGEST) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("must be at most {LONGEST} characters, without control characters or line breaks"))
    }
}

/// An e-mail address; whether it reaches anyone is not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Email(pub(super) String);

impl Email {
    /// RFC 5321 §4.5.3.1.3, without the angle brackets.
    const LONGEST: usize = 254;
}

impl FromStr for Email {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let plain = text.len() <= Self::LONGEST && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        match text.split_once('@') {
            Some((local, domain)) if plain && !local.is_empty() && !domain.is_empty() && !domain.contains('@') => {
                Ok(Self(text.to_owned()))
            }
            _ => Err("must be an e-mail address of at most 254 bytes"),
        }
    }
}

impl std::fmt::Display for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whom tokens are for: often a URL, but any visible ASCII will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Audience(pub(super) String);

impl FromStr for Audience {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if (1..=500).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.to_owned()));
        }
        Err("must be 1 to 500 visible ASCII characters")
    }
}

impl std::fmt::Display for Audience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The tag of a state, as it stands in `ETag`.
pub(super) fn etag(revision: i64) -> String {
    etag_of(revision)
}

/// A tag, as it stands in `ETag`.
pub(super) fn etag_of(tag: impl std::fmt::Display) -> String {
    format!("\"{tag}\"")
}

impl IfMatch {
    const LONGEST: usize = 1000;
}

impl FromStr for IfMatch {
    type Err = String;

    /// A tag that isn't one of ours (weak ones neither: RFC 9110 §13.1.1) matches nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > Self::LONGEST {
            return Err(format!("must be at most {} bytes", Self::LONGEST));
        }
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let revision = |tag: &str| tag.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok();
        Ok(Self::OneOf(text.split(',').filter_map(revision).collect()))
    }
}

/// How many items a page has: 1 to 500, by default 50.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit(pub(super) u64);

impl Limit {
    const MOST: u64 = 500;

    /// So many, or as many as there are at most.
    pub(super) fn at_most(limit: u64) -> Self {
        Self(limit.min(Self::MOST))
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.parse() {
            Ok(limit @ 1..=Self::MOST) => Ok(Self(limit)),
            _ => Err("must be a number from 1 to 500"),
        }
    }
}

inline!([] Limit, "string_limit", |schema| {
    schema.ty = "integer";
    schema.minimum = Some(1.0);
    schema.maximum = Some(500.0);
});

impl ToJSON for Limit {
    fn to_json(&self) -> Option<Value> {
        Some(Value::from(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_takes_any_a_list_or_nothing_known() {
        let parse = |text: &str| text.parse::<IfMatch>().unwrap();
        assert_eq!(parse("*"), IfMatch::Any);
        assert_eq!(parse(&etag(7)), IfMatch::OneOf(vec![7]));
        assert_eq!(parse("\"7\", \"8\", \"else\", W/\"9\", 10"), IfMatch::OneOf(vec![7, 8]));
        assert_eq!(parse(""), IfMatch::OneOf(vec![]));
        assert!("x".repeat(1001).parse::<IfMatch>().is_err());
    }

    #[test]
    fn a_line_is_counted_in_characters_whatever_the_script() {
        for good in ["", "a", "\u{a0}", "李小龙", "🦀🦀🦀"] {
            assert!(good.parse::<Line<3>>().is_ok(), "{good}");
        }
        for bad in ["abcd", "李小龙a", "a\n", "\u{0}", "\u{7f}", "\u{9f}"] {
            assert!(bad.parse::<Line<3>>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_email_has_two_parts_and_no_space() {
        for good in ["a@b", "Ada.Lovelace+x@example.com"] {
            assert!(good.parse::<Email>().is_ok(), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n", &format!("{}@b", "a".repeat(253))] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_audience_is_visible_ascii_of_a_bounded_length() {
        for good in ["a", "https://billing.example/?a=1#~", &"a".repeat(500)] {
            assert!(good.parse::<Audience>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "ä", "a\n", "\u{7f}", &"a".repeat(501)] {
            assert!(bad.parse::<Audience>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_limit_is_1_to_500() {
        for good in ["1", "500"] {
            assert!(good.parse::<Limit>().is_ok());
        }
        for bad in ["", "0", "501", "-1", "1.5", "x"] {
            assert!(bad.parse::<Limit>().is_err(), "{bad}");
        }
    }
}
