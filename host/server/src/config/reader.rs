//! TOML into typed values. What is wrong is told with its place, as line, column
//! and the whole path of its key, and never with the value that stands there: a
//! secret may have been written at the wrong place.
//!
//! That is why the values are handed to serde here and not by the TOML library,
//! whose errors repeat them: an error begins as a [`Fault`], and a fault has
//! nowhere to hold a value.

use std::fmt::{self, Write as _};
use std::ops::Range;

use claimbound::reason::clip;
use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer as _, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::nearest::{did_you_mean, listed};

/// Reads a text.
///
/// # Errors
/// What is wrong, and where, in one line.
pub(super) fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    let table = DeTable::parse(text).map_err(|error| {
        let fault = Fault::new(error.message().replace('\n', "; "));
        Fault {
            place: error.span(),
            ..fault
        }
        .told(text)
    })?;
    let root = DeValue::Table(table.into_inner());
    T::deserialize(Node(&root)).map_err(|fault: Fault| fault.told(text))
}

/// What is wrong, and where.
#[derive(Debug)]
struct Fault {
    what: String,
    /// The bytes at which it stands; none where that is everywhere.
    place: Option<Range<usize>>,
    /// The way to it, the innermost step first.
    path: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

impl Fault {
    fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            place: None,
            path: Vec::new(),
        }
    }

    /// Another kind of value stands here than is wanted.
    fn kind(found: &DeValue<'_>, wanted: &str) -> Self {
        let found = kind(found);
        Self::new(format!("{found} stands here, and {wanted} is wanted"))
    }

    fn within(mut self, step: Step, place: Range<usize>) -> Self {
        self.path.push(step);
        self.at(place)
    }

    fn at(mut self, place: Range<usize>) -> Self {
        self.place.get_or_insert(place);
        self
    }

    fn told(self, text: &str) -> String {
        let mut told = Vec::new();
        if let Some(before) = self.place.and_then(|place| text.get(..place.start)) {
            let last = before.rsplit('\n').next().unwrap_or_default();
            told.push(format!("line {}", before.matches('\n').count() + 1));
            told.push(format!("column {}", last.chars().count() + 1));
        }
        if !self.path.is_empty() {
            told.push(format!("`{}`", path(&self.path)));
        }
        told.push(self.what);
        let what = told.pop().unwrap_or_default();
        if told.is_empty() {
            what
        } else {
            format!("{}: {what}", told.join(", "))
        }
    }
}

/// A path as TOML writes it: `route.deploy.issuers[0]`.
fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps.iter().rev() {
        match step {
            Step::Index(index) => {
                let _ = write!(path, "[{index}]");
            }
            Step::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&shown(key));
            }
        }
    }
    path
}

fn shown(key: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !key.is_empty() && key.bytes().all(bare) {
        clip(key)
    } else {
        format!("\"{}\"", clip(key).escape_debug())
    }
}

/// What a value is, as the page on serving calls it.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl std::error::Error for Fault {}

/// None of these repeats what was found.
impl de::Error for Fault {
    /// What a type of ours says of its value, which it does not show.
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self::new(what.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::new("another kind of value is wanted here")
    }

    fn invalid_value(found: Unexpected<'_>, _: &dyn Expected) -> Self {
        let is_number = matches!(found, Unexpected::Signed(_) | Unexpected::Unsigned(_));
        Self::new(if is_number {
            "the number is too small or too large"
        } else {
            "this value can't stand here"
        })
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::new("the list is too short or too long")
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        let near = did_you_mean(found, known.iter().copied());
        let known = listed(known);
        Self::new(format!("what stands here is none of {known}{near}"))
    }

    /// The key itself is the last step of the path.
    fn unknown_field(found: &str, known: &'static [&'static str]) -> Self {
        let near = did_you_mean(found, known.iter().copied());
        Self::new(if near.is_empty() {
            let known = listed(known);
            format!("there is no such key; there are {known}")
        } else {
            format!("there is no such key{near}")
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            path: vec![Step::Key(field.to_owned())],
            ..Self::new("it is missing")
        }
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self::new("a key stands here twice")
    }
}

/// A value of the file, and all below it.
#[derive(Clone, Copy)]
struct Node<'t>(&'t DeValue<'t>);

impl<'t> Node<'t> {
    fn number<'de, V: Visitor<'de>>(number: &DeInteger<'_>, visitor: V) -> Result<V::Value, Fault> {
        let (digits, radix) = (number.as_str(), number.radix());
        if let Ok(number) = u64::from_str_radix(digits, radix) {
            return visitor.visit_u64(number);
        }
        match i64::from_str_radix(digits, radix) {
            Ok(number) => visitor.visit_i64(number),
            Err(_) => Err(Fault::new("the number is too small or too large")),
        }
    }

    fn list<'de, V: Visitor<'de>>(
        list: &'t [Spanned<DeValue<'t>>],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_seq(Elements(list.iter().enumerate()))
    }

    /// The key that the type names first comes first: what the rest may be can
    /// depend on it.
    fn table<'de, V: Visitor<'de>>(
        table: &'t DeTable<'t>,
        first: Option<&str>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| Some(&**key.get_ref()) != first);
        visitor.visit_map(Entries {
            entries: entries.into_iter(),
            value: None,
        })
    }
}

/// The integers that serde knows.
macro_rules! numbers {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.0.as_integer() {
                Some(number) => Self::number(number, visitor),
                None => Err(Fault::kind(self.0, "a number")),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Integer(number) => Self::number(number, visitor),
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => visitor.visit_f64(number),
                Err(_) => Err(Fault::new("the number is too small or too large")),
            },
            DeValue::Boolean(flag) => visitor.visit_bool(*flag),
            DeValue::Datetime(date) => visitor.visit_string(date.to_string()),
            DeValue::Array(list) => Self::list(list, visitor),
            DeValue::Table(table) => Self::table(table, None, visitor),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.as_bool() {
            Some(flag) => visitor.visit_bool(flag),
            None => Err(Fault::kind(self.0, "`true` or `false`")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.as_str() {
            Some(text) => visitor.visit_str(text),
            None => Err(Fault::kind(self.0, "text in quotes")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.as_array() {
            Some(list) => Self::list(list, visitor),
            None => Err(Fault::kind(self.0, "a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0.as_table() {
            Some(table) => Self::table(table, fields.first().copied(), visitor),
            None => Err(Fault::kind(self.0, "a table")),
        }
    }

    /// A word, or a table whose one key is the word.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if let Some(word) = self.0.as_str() {
            return visitor.visit_enum(Choice { word, value: None });
        }
        let known = listed(variants);
        let Some(table) = self.0.as_table() else {
            return Err(Fault::kind(self.0, &format!("one of {known}")));
        };
        let mut entries = table.iter();
        let (Some((key, value)), None) = (entries.next(), entries.next()) else {
            return Err(Fault::new(format!(
                "one of {known} is wanted, and no other"
            )));
        };
        let choice = visitor.visit_enum(Choice {
            word: key.get_ref(),
            value: Some(value),
        });
        choice.map_err(|fault| fault.within(Step::Key(key.get_ref().to_string()), key.span()))
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
        ignored_any
    }
}

/// What is left of a list.
struct Elements<'t>(std::iter::Enumerate<std::slice::Iter<'t, Spanned<DeValue<'t>>>>);

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let Some((index, value)) = self.0.next() else {
            return Ok(None);
        };
        let element = seed.deserialize(Node(value.get_ref()));
        element
            .map(Some)
            .map_err(|fault| fault.within(Step::Index(index), value.span()))
    }
}

type Key<'t> = Spanned<toml::de::DeString<'t>>;

/// What is left of a table.
struct Entries<'t> {
    entries: std::vec::IntoIter<(&'t Key<'t>, &'t Spanned<DeValue<'t>>)>,
    /// The entry whose key was read last.
    value: Option<(&'t Key<'t>, &'t Spanned<DeValue<'t>>)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else {
            return Ok(None);
        };
        let read: StrDeserializer<'_, Fault> = (&**key.get_ref()).into_deserializer();
        seed.deserialize(read)
            .map(Some)
            .map_err(|fault| fault.within(Step::Key(key.get_ref().to_string()), key.span()))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let Some((key, value)) = self.value.take() else {
            return Err(Fault::new("a key has no value"));
        };
        seed.deserialize(Node(value.get_ref()))
            .map_err(|fault| fault.within(Step::Key(key.get_ref().to_string()), value.span()))
    }
}

/// One of several, with its value where it has one.
struct Choice<'t> {
    word: &'t str,
    value: Option<&'t Spanned<DeValue<'t>>>,
}

impl<'de, 't> EnumAccess<'de> for Choice<'t> {
    type Error = Fault;
    type Variant = Chosen<'t>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Chosen<'t>), Fault> {
        let word: StrDeserializer<'_, Fault> = self.word.into_deserializer();
        Ok((seed.deserialize(word)?, Chosen(self.value)))
    }
}

/// The value of one of several.
struct Chosen<'t>(Option<&'t Spanned<DeValue<'t>>>);

impl<'t> Chosen<'t> {
    fn value(self) -> Result<Node<'t>, Fault> {
        let value = self.0.map(|value| Node(value.get_ref()));
        value.ok_or_else(|| Fault::new("it stands with a value, as `{ … = … }`"))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(Fault::new("it stands alone, as text, without a value")),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        let place = self.0.map(Spanned::span);
        seed.deserialize(self.value()?)
            .map_err(|fault| match place {
                Some(place) => fault.at(place),
                None => fault,
            })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.value()?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.value()?.deserialize_struct("", fields, visitor)
    }
}
