//! What the reader of the configuration takes, found out by asking it: for the schema that editors read.
//!
//! A shape is deserialized over and over, each time with one thing in it or nothing. What it asks its deserializer
//! for, and how it refuses, tells its fields, which of them are required, and the kinds of values. So the schema
//! is what is read, and a new field needs no word of it here.

use std::cell::RefCell;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};

use super::raw::Document;

/// What is read at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What is expected there, in the words of refusals.
    pub expected: String,
    /// What can be there.
    pub content: Content,
}

/// What can be at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// An object with these fields and no others.
    Object(Vec<Field>),
    /// An object with any names, and values of this shape.
    Map(Box<Shape>),
    /// A list of such items.
    List(Box<Shape>),
    /// Values of these kinds, as JSON Schema names them.
    Values(Vec<&'static str>),
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether it has to be there.
    pub required: bool,
    /// What it is.
    pub shape: Shape,
}

/// The whole configuration.
#[must_use]
pub fn shape() -> Shape {
    at::<Document>(&mut Vec::new())
}

/// A step down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Field(&'static str),
    Name,
    Item,
}

/// What is given at the end of the steps.
#[derive(Clone, Copy, Debug)]
enum Given {
    Nothing,
    Truth,
    Number,
    Text,
    List,
    Object,
}

const KINDS: [(Given, &str); 5] = [
    (Given::Truth, "boolean"),
    (Given::Number, "integer"),
    (Given::Text, "string"),
    (Given::List, "array"),
    (Given::Object, "object"),
];

/// What was asked for at the end of the steps.
#[derive(Debug, Default)]
struct Asked {
    expected: String,
    fields: Option<&'static [&'static str]>,
    map: bool,
    list: bool,
}

fn at<'de, T: Deserialize<'de>>(steps: &mut Vec<Step>) -> Shape {
    let asked = RefCell::new(Asked::default());
    let try_with = |steps: &[Step], given, filled: &[(&'static str, Given)]| {
        let asking = Asking { steps, given, filled, asked: &asked };
        T::deserialize(asking).err().unwrap_or(Refusal::Other)
    };
    try_with(steps, Given::Nothing, &[]);
    let Asked { expected, fields, map, list } = asked.take();
    let content = if let Some(fields) = fields {
        // What is not there is told one by one: each is filled with anything that will do, to hear of the next.
        let mut required: Vec<(&'static str, Given)> = Vec::new();
        while let Refusal::Missing(name) = try_with(steps, Given::Object, &required) {
            let fills = |(given, _): &(Given, &str)| {
                let filled: Vec<_> = required.iter().copied().chain([(name, *given)]).collect();
                // A wrong value is told before what is missing, if that is not the last.
                matches!(try_with(steps, Given::Object, &filled), Refusal::Missing(other) if other != name)
            };
            let given = KINDS.iter().find(|kind| fills(kind)).map_or(Given::Nothing, |kind| kind.0);
            required.push((name, given));
            if matches!(given, Given::Nothing) {
                break;
            }
        }
        let mut below = |name: &'static str| {
            steps.push(Step::Field(name));
            let shape = at::<T>(steps);
            steps.pop();
            Field { name, required: required.iter().any(|(it, _)| *it == name), shape }
        };
        Content::Object(fields.iter().map(|name| below(name)).collect())
    } else if map || list {
        steps.push(if map { Step::Name } else { Step::Item });
        let shape = Box::new(at::<T>(steps));
        steps.pop();
        if map { Content::Map(shape) } else { Content::List(shape) }
    } else {
        let taken = |(given, _): &(Given, _)| try_with(steps, *given, &[]) != Refusal::Kind;
        Content::Values(KINDS.iter().filter(|kind| taken(kind)).map(|(_, name)| *name).collect())
    };
    Shape { expected, content }
}

/// Why something was not read.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// It is of another kind.
    Kind,
    /// This field is not there.
    Missing(&'static str),
    /// Anything else.
    Other,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Other
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::Kind
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// Goes the steps, and gives what is to be given.
#[derive(Clone, Copy)]
struct Asking<'a> {
    steps: &'a [Step],
    given: Given,
    /// The fields of the object that is given.
    filled: &'a [(&'static str, Given)],
    asked: &'a RefCell<Asked>,
}

impl Asking<'_> {
    /// Goes a step, or gives something. `None` where nothing is to be given: it was asked for enough.
    fn go<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if let Some((step, steps)) = self.steps.split_first() {
            let below = Self { steps, ..self };
            return match step {
                Step::Field(name) => {
                    visitor.visit_map(MapDeserializer::new([(*name, below)].into_iter()))
                }
                Step::Name => visitor.visit_map(MapDeserializer::new([("x", below)].into_iter())),
                Step::Item => visitor.visit_seq(SeqDeserializer::new([below].into_iter())),
            };
        }
        match self.given {
            Given::Nothing => Err(Refusal::Other),
            Given::Truth => visitor.visit_bool(true),
            Given::Number => visitor.visit_u64(1),
            Given::Text => visitor.visit_string("a".to_owned()),
            Given::List => visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<bool>())),
            Given::Object => {
                let field = |(name, given): &(&'static str, Given)| {
                    (*name, Self { steps: &[], given: *given, filled: &[], ..self })
                };
                visitor.visit_map(MapDeserializer::new(self.filled.iter().map(field)))
            }
        }
    }

    /// Keeps in mind what is asked for.
    fn ask<'de, V: Visitor<'de>>(self, visitor: &V, keep: impl FnOnce(&mut Asked)) {
        if self.steps.is_empty() && matches!(self.given, Given::Nothing) {
            let expected: &dyn Expected = visitor;
            let mut asked = Asked { expected: expected.to_string(), ..Asked::default() };
            keep(&mut asked);
            self.asked.replace(asked);
        }
    }
}

impl<'de> Deserializer<'de> for Asking<'_> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.ask(&visitor, |_| {});
        self.go(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.ask(&visitor, |asked| asked.fields = Some(fields));
        self.go(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.ask(&visitor, |asked| asked.map = true);
        self.go(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.ask(&visitor, |asked| asked.list = true);
        self.go(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct enum identifier ignored_any
    }
}

impl IntoDeserializer<'_, Refusal> for Asking<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<'s>(shape: &'s Shape, name: &str) -> &'s Field {
        let Content::Object(fields) = &shape.content else { panic!("{shape:?}") };
        fields.iter().find(|field| field.name == name).expect("the field")
    }

    #[test]
    fn all_that_is_required_is_found() {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "read and dropped")]
        struct Three {
            a: String,
            b: Option<u8>,
            c: Vec<bool>,
            d: u8,
        }
        let shape = at::<Three>(&mut Vec::new());
        let required = ["a", "b", "c", "d"].map(|name| field(&shape, name).required);
        assert_eq!(required, [true, false, true, true]);
    }

    #[test]
    fn the_shape_is_what_is_read() {
        let document = shape();
        let upstreams = field(&document, "upstreams");
        assert!(upstreams.required && !field(&document, "path").required);
        assert_eq!(field(&document, "path").shape.content, Content::Values(vec!["string"]));
        let Content::List(upstream) = &upstreams.shape.content else { panic!("{upstreams:?}") };
        assert!(field(upstream, "name").required && !field(upstream, "cluster").required);
        assert!(field(upstream, "era").shape.expected.contains("\"stateless\""));
        let headers = &field(upstream, "headers").shape;
        let Content::Map(value) = &field(headers, "set").shape.content else {
            panic!("{headers:?}")
        };
        assert_eq!(value.content, Content::Values(vec!["string"]));
        let limits = &field(&document, "limits").shape;
        let size = Content::Values(vec!["integer", "string"]);
        assert_eq!(field(limits, "request_body").shape.content, size);
    }
}
