//! A document before it means anything: values with their places, the same for
//! TOML and for JSON.

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Sink;
use crate::rule::Rule;

/// The largest document that is read: 1 MiB.
pub const LARGEST: usize = 1 << 20;
/// How deep tables and lists may stand in each other.
const DEEPEST: usize = 32;

/// A part of the text, in bytes.
pub(crate) type Place = Range<usize>;

/// A value of the document with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// A value of the document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    /// A JSON number's text.
    Number(String),
    Text(String),
    /// A date or time of TOML, as it is written.
    Datetime(String),
    List(Vec<Node>),
    Table(Table),
}

/// Names and values, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
}

/// One name with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) node: Node,
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }
}

impl Node {
    /// What the value is, in words.
    pub(crate) const fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Boolean(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::Datetime(_) => "a date or time",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// Reads `text`: JSON if it begins with `{`, else TOML.
pub(crate) fn parse(text: &str, sink: &mut Sink) -> Option<Table> {
    if text.len() > LARGEST {
        let message = format!("the document is {} bytes long", text.len());
        sink.error(Rule::Size, &(0..1), message)
            .expected(format!("at most {LARGEST} bytes"));
        return None;
    }
    if text.trim_start().starts_with('{') {
        parse_json(text, sink)
    } else {
        parse_toml(text, sink)
    }
}

fn too_deep(place: &Place, sink: &mut Sink) {
    let message = format!("values stand more than {DEEPEST} levels deep in each other");
    sink.error(Rule::Size, place, message);
}

fn parse_toml(text: &str, sink: &mut Sink) -> Option<Table> {
    // INVARIANT: the parser bounds the depth of brackets and of dotted keys by
    // itself, so that neither it nor dropping its tables overflows the stack.
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = error.span().unwrap_or(0..0);
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        sink.error(Rule::Syntax, &place, lower_first(&message));
    }
    if !errors.is_empty() {
        return None;
    }
    toml_table(text, table.into_inner(), 0, sink)
}

/// Messages of parsers begin as theirs do; ours begin in lower case.
fn lower_first(message: &str) -> String {
    let mut characters = message.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}

fn toml_table(text: &str, table: DeTable<'_>, depth: usize, sink: &mut Sink) -> Option<Table> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let key_place = key.span();
        entries.push(Entry {
            key: key.into_inner().into_owned(),
            key_place,
            node: toml_node(text, value, depth + 1, sink)?,
        });
    }
    // The parser's map is in the order of the names; ours is the document's.
    entries.sort_by_key(|entry| entry.key_place.start);
    Some(Table { entries })
}

fn toml_node(
    text: &str,
    value: Spanned<DeValue<'_>>,
    depth: usize,
    sink: &mut Sink,
) -> Option<Node> {
    let place = value.span();
    if depth > DEEPEST {
        too_deep(&place, sink);
        return None;
    }
    let value = match value.into_inner() {
        DeValue::String(string) => Value::Text(string.into_owned()),
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Integer(integer) => {
            let sign_free = integer.as_str().trim_start_matches('+');
            match i128::from_str_radix(sign_free, integer.radix()) {
                Ok(number) => Value::Number(number.to_string()),
                Err(_) => Value::Number(sign_free.to_owned()),
            }
        }
        DeValue::Float(float) => {
            let number = float.as_str().trim_start_matches('+');
            if claimbound_engine::Decimal::parse(number).is_err() {
                sink.error(
                    Rule::Value,
                    &place,
                    format!("`{number}` is no finite number"),
                );
            }
            Value::Number(number.to_owned())
        }
        DeValue::Datetime(_) => {
            Value::Datetime(text.get(place.clone()).unwrap_or_default().to_owned())
        }
        DeValue::Array(array) => Value::List(
            array
                .into_iter()
                .map(|element| toml_node(text, element, depth + 1, sink))
                .collect::<Option<_>>()?,
        ),
        DeValue::Table(table) => Value::Table(toml_table(text, table, depth, sink)?),
    };
    Some(Node { place, value })
}

fn parse_json(text: &str, sink: &mut Sink) -> Option<Table> {
    let strict = jsonc_parser::ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match jsonc_parser::parse_to_ast(text, &jsonc_parser::CollectOptions::default(), &strict) {
        Err(error) => {
            let range = error.range();
            let message = lower_first(&error.kind().to_string());
            sink.error(Rule::Syntax, &(range.start..range.end), message);
            None
        }
        Ok(parsed) => {
            check_strict(text, sink)?;
            if let Some(ast::Value::Object(object)) = parsed.value {
                return json_table(object, 0, sink);
            }
            sink.error(Rule::Syntax, &(0..1), "a document is an object");
            None
        }
    }
}

/// RFC 8259 §2 and §7: the parser takes bare control characters in strings, and
/// any white space between values, which others refuse.
fn check_strict(text: &str, sink: &mut Sink) -> Option<()> {
    let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) else {
        return Some(());
    };
    let before = error.line().saturating_sub(1);
    let lines: usize = text.split_inclusive('\n').take(before).map(str::len).sum();
    let start = text.floor_char_boundary(lines + error.column().saturating_sub(1));
    let end = text.ceil_char_boundary((start + 1).min(text.len()));
    sink.error(
        Rule::Syntax,
        &(start..end),
        "JSON has no such character here, unescaped",
    )
    .hint("in a string it is escaped, such as `\\u000b`; elsewhere it can't be");
    None
}

fn json_table(object: ast::Object<'_>, depth: usize, sink: &mut Sink) -> Option<Table> {
    let mut entries: Vec<Entry> = Vec::with_capacity(object.properties.len());
    let mut seen = std::collections::HashSet::new();
    for property in object.properties {
        let range = property.name.range();
        let key_place = range.start..range.end;
        let key = property.name.into_string();
        if !seen.insert(key.clone()) {
            sink.error(
                Rule::Syntax,
                &key_place,
                format!("`{key}` stands here twice"),
            );
            return None;
        }
        entries.push(Entry {
            key,
            key_place,
            node: json_node(property.value, depth + 1, sink)?,
        });
    }
    Some(Table { entries })
}

fn json_node(value: ast::Value<'_>, depth: usize, sink: &mut Sink) -> Option<Node> {
    let range = value.range();
    let place = range.start..range.end;
    if depth > DEEPEST {
        too_deep(&place, sink);
        return None;
    }
    let value = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(literal) => Value::Boolean(literal.value),
        ast::Value::NumberLit(literal) => {
            if claimbound_engine::Decimal::parse(literal.value).is_err() {
                let message = format!("`{}` is no JSON number", literal.value);
                sink.error(Rule::Syntax, &place, message);
                return None;
            }
            Value::Number(literal.value.to_owned())
        }
        ast::Value::StringLit(literal) => Value::Text(literal.value.into_owned()),
        ast::Value::Array(array) => Value::List(
            array
                .elements
                .into_iter()
                .map(|element| json_node(element, depth + 1, sink))
                .collect::<Option<_>>()?,
        ),
        ast::Value::Object(object) => Value::Table(json_table(object, depth, sink)?),
    };
    Some(Node { place, value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_read_as_json_another_parser_reads_alike(pieces in pieces()) {
            let text = format!("{{\"a\":{}}}", pieces.concat());
            if let (Some(table), findings) = read(&text) {
                let other: Result<serde_json::Value, _> = serde_json::from_str(&text);
                prop_assert!(other.is_ok() && findings.is_empty(), "{}", text);
                prop_assert_eq!(plain(&Value::Table(table)), other.unwrap(), "{}", text);
            }
        }
    }

    /// Pieces of JSON and of what is nearly JSON.
    fn pieces() -> impl Strategy<Value = Vec<&'static str>> {
        let all = vec![
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            "\"",
            "\"a\"",
            "\"b\":",
            "1",
            "0",
            "-",
            ".5",
            "e3",
            "E+2",
            " ",
            "\n",
            "\t",
            "\u{0}",
            "\u{b}",
            "\u{a0}",
            "\u{feff}",
            "null",
            "true",
            "false",
            "\\n",
            "\\u00e9",
            "\\ud83d",
            "\\ude00",
            "\\x41",
            "\\'",
            "\"\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\q\"",
            "\"\n\"",
            "\"\u{1}\"",
            "\"\u{7f}\"",
            "/**/",
            "//\n",
            "NaN",
            "'a'",
            "é",
            "a",
            "0x1",
            "+1",
            "01",
        ];
        prop::collection::vec(prop::sample::select(all), 0..6)
    }

    /// The tree as JSON.
    fn plain(value: &Value) -> serde_json::Value {
        match value {
            Value::Null => serde_json::Value::Null,
            Value::Boolean(boolean) => (*boolean).into(),
            Value::Number(text) => serde_json::from_str(text).unwrap(),
            Value::Text(text) | Value::Datetime(text) => text.clone().into(),
            Value::List(list) => list.iter().map(|one| plain(&one.value)).collect(),
            Value::Table(table) => table
                .entries
                .iter()
                .map(|one| (one.key.clone(), plain(&one.node.value)))
                .collect(),
        }
    }

    fn read(text: &str) -> (Option<Table>, Vec<String>) {
        let mut sink = Sink::default();
        let table = parse(text, &mut sink);
        let findings = sink.finish("t", text);
        (
            table,
            findings.iter().map(|one| one.message.clone()).collect(),
        )
    }

    /// The tree without its places.
    fn shape(node: &Value) -> String {
        match node {
            Value::List(list) => {
                let inner: Vec<_> = list.iter().map(|one| shape(&one.value)).collect();
                format!("[{}]", inner.join(","))
            }
            Value::Table(table) => {
                let inner: Vec<_> = table
                    .entries
                    .iter()
                    .map(|entry| format!("{}={}", entry.key, shape(&entry.node.value)))
                    .collect();
                format!("{{{}}}", inner.join(","))
            }
            scalar @ (Value::Null
            | Value::Boolean(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::Datetime(_)) => format!("{scalar:?}"),
        }
    }

    #[test]
    fn toml_and_json_give_one_tree_in_the_order_of_the_text() {
        let (toml, none) = read("z = 1\na = [true, \"x\"]\n[t.u]\nn = 1.50\n");
        assert!(none.is_empty());
        let (json, none) = read(r#" {"z":1,"a":[true,"x"],"t":{"u":{"n":1.50}}}"#);
        assert!(none.is_empty());
        let (toml, json) = (Value::Table(toml.unwrap()), Value::Table(json.unwrap()));
        assert_eq!(shape(&toml), shape(&json));
        assert!(shape(&toml).starts_with("{z=Number(\"1\"),a="));
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "name = \"größe\"\n";
        let table = read(text).0.unwrap();
        let entry = table.get("name").unwrap();
        assert_eq!(&text[entry.key_place.clone()], "name");
        assert_eq!(&text[entry.node.place.clone()], "\"größe\"");
    }

    #[test]
    fn numbers_keep_their_text_and_integers_of_any_base_are_decimal() {
        let table = read("a = 0x1F\nb = 1_000\nc = +2.50\n").0.unwrap();
        let number = |key| table.get(key).unwrap().node.value.clone();
        assert_eq!(number("a"), Value::Number("31".into()));
        assert_eq!(number("b"), Value::Number("1000".into()));
        assert_eq!(number("c"), Value::Number("2.50".into()));
    }

    #[test]
    fn what_is_not_strict_json_is_refused() {
        for text in [
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":1 /* */}",
            "{\"a\":01}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":1} x",
            "{\"a\":\"\n\"}",
            "{\"a\u{1}\":1}",
            "{\"a\":\u{b}1}",
            "{\"a\":\u{a0}1}",
            "{\"a\":+1}",
            "{",
        ] {
            let (table, findings) = read(text);
            assert!(table.is_none() && !findings.is_empty(), "{text}");
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        for text in [
            format!("a = {}1{}", "[".repeat(60), "]".repeat(60)),
            format!("a = {}1{}", "[".repeat(9000), "]".repeat(9000)),
            format!("{}a = 1", "a.".repeat(50)),
            format!("{}a = 1", "a.".repeat(400_000)),
            format!("[{}a]", "a.".repeat(400_000)),
            format!("a = {{ {}a = 1 }}", "a . ".repeat(200_000)),
            format!("{{\"a\":{}", "[".repeat(500_000)),
            format!("{}1{}", "{\"a\":".repeat(60), "}".repeat(60)),
            " ".repeat(LARGEST + 1),
        ] {
            assert!(read(&text).0.is_none(), "{}", &text[..20]);
        }
    }
}
