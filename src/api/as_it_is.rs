use std::{borrow::Cow, marker::PhantomData};

use poem_openapi::{
    registry::{MetaSchemaRef, Registry},
    types::{ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde_json::Value;

/// JSON as it is, which the document describes as a `T`: what clients are generated from says more than is insisted on.
#[derive(Clone, Debug)]
pub(super) struct AsItIs<T>(pub(super) Value, PhantomData<T>);

impl<T> AsItIs<T> {
    pub(super) fn new(value: Value) -> Self {
        Self(value, PhantomData)
    }
}

impl<T: Type> Type for AsItIs<T> {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl<T: Type> ParseFromJSON for AsItIs<T> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Ok(Self::new(value.unwrap_or_default()))
    }
}

impl<T: Type> ToJSON for AsItIs<T> {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.clone())
    }
}
