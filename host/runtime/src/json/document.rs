//! A parsed JSON object that owns itself: one text and one tape of entries.

use std::fmt;

use super::{JsonError, Limits, parse};
use crate::reason::clip;

/// One value on the tape, in the order of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// First byte of the value in the source.
    pub(super) start: u32,
    /// One past its last byte.
    pub(super) end: u32,
    /// Of a list or an object, the entry after its last; of an escaped text,
    /// its place in `Document::unescaped`; else unused.
    pub(super) link: u32,
}

impl Entry {
    /// Where the entry after this value stands, which itself stands at `index`.
    pub(super) const fn next(self, index: usize) -> usize {
        match self.kind {
            Kind::List | Kind::Object => self.link as usize,
            Kind::Null
            | Kind::True
            | Kind::False
            | Kind::Integer
            | Kind::Number
            | Kind::Text
            | Kind::Escaped => index + 1,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    True,
    False,
    Integer,
    Number,
    /// A string without escapes: its characters are its source.
    Text,
    /// A string with escapes: its characters stand in `Document::unescaped`.
    Escaped,
    List,
    Object,
}

/// A JSON object, parsed strictly, owning its text.
///
/// ```
/// use claimbound::json::{Document, Limits, Value};
///
/// let document = Document::parse(r#"{"a": {"b": 1.50}}"#, &Limits::FILE)?;
/// assert!(matches!(document.value(&["a", "b"]), Value::Number("1.50")));
/// assert!(matches!(document.value(&["a", "c"]), Value::Absent));
/// # Ok::<(), claimbound::json::JsonError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    pub(super) text: String,
    /// The characters of each string that has escapes; few strings do.
    pub(super) unescaped: Vec<Box<str>>,
    pub(super) tape: Vec<Entry>,
}

/// A value inside a [`Document`].
#[derive(Clone, Copy)]
pub struct Node<'a> {
    document: &'a Document,
    index: usize,
}

/// What a [`Node`] holds.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Nothing stands at the path.
    Absent,
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number without fraction or exponent that fits 64 bits.
    Integer(i64),
    /// Any other number, as its own text.
    Number(&'a str),
    /// A string, unescaped.
    Text(&'a str),
    /// A list.
    List(Items<'a>),
    /// An object.
    Object(Members<'a>),
}

impl Value<'_> {
    /// The JSON type, as a person reads it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) | Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Object(_) => "object",
        }
    }
}

impl Document {
    /// Parses one JSON object.
    ///
    /// # Errors
    /// The first fault and its byte offset; see [`Fault`](super::Fault).
    pub fn parse(text: impl Into<Vec<u8>>, limits: &Limits) -> Result<Self, JsonError> {
        parse::parse(text.into(), limits)
    }

    /// An object without members.
    pub(crate) fn empty() -> Self {
        let object = Entry {
            kind: Kind::Object,
            start: 0,
            end: 2,
            link: 1,
        };
        Self {
            text: "{}".to_owned(),
            unescaped: Vec::new(),
            tape: vec![object],
        }
    }

    /// The whole text, as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The object itself.
    pub fn root(&self) -> Node<'_> {
        Node {
            document: self,
            index: 0,
        }
    }

    /// The members of the object, in the order of the text.
    pub fn members(&self) -> Members<'_> {
        self.root().members()
    }

    /// What stands at `path`, member by member; an empty path is the object.
    pub fn get<S: AsRef<str>>(&self, path: &[S]) -> Option<Node<'_>> {
        path.iter()
            .try_fold(self.root(), |node, name| node.get(name.as_ref()))
    }

    /// The value at `path`, [`Value::Absent`] where there is none.
    pub fn value<S: AsRef<str>>(&self, path: &[S]) -> Value<'_> {
        self.get(path).map_or(Value::Absent, Node::value)
    }

    /// The node at an index that [`Node::index`] gave for this document.
    pub(crate) fn node(&self, index: u32) -> Node<'_> {
        Node {
            document: self,
            index: index as usize,
        }
    }

    /// Whether an entry is the text `name`; most others differ in length already.
    fn is_called(&self, entry: Entry, name: &str) -> bool {
        let quoted = (entry.end as usize).saturating_sub(entry.start as usize);
        (entry.kind != Kind::Text || quoted == name.len() + 2) && self.characters(entry) == name
    }

    pub(super) fn characters(&self, entry: Entry) -> &str {
        match entry.kind {
            Kind::Escaped => self
                .unescaped
                .get(entry.link as usize)
                .map_or("", |text| text),
            Kind::Null
            | Kind::True
            | Kind::False
            | Kind::Integer
            | Kind::Number
            | Kind::List
            | Kind::Object => "",
            Kind::Text => {
                let inside = (entry.start as usize + 1)..(entry.end as usize).saturating_sub(1);
                self.text.get(inside).unwrap_or_default()
            }
        }
    }
}

impl fmt::Debug for Document {
    /// Names the size alone: a payload may hold what nobody wants in a log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Document")
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Node<'a> {
    fn entry(self) -> Option<Entry> {
        self.document.tape.get(self.index).copied()
    }

    /// Where this node stands on its document's tape.
    pub(crate) fn index(self) -> u32 {
        u32::try_from(self.index).unwrap_or(u32::MAX)
    }

    /// What the node holds.
    pub fn value(self) -> Value<'a> {
        let Some(entry) = self.entry() else {
            return Value::Absent;
        };
        match entry.kind {
            Kind::Null => Value::Null,
            Kind::True => Value::Boolean(true),
            Kind::False => Value::Boolean(false),
            // INVARIANT: the parser marks as integers only what fits.
            Kind::Integer => Value::Integer(self.json().parse().unwrap_or_default()),
            Kind::Number => Value::Number(self.json()),
            Kind::Text | Kind::Escaped => Value::Text(self.document.characters(entry)),
            Kind::List => Value::List(self.items()),
            Kind::Object => Value::Object(self.members()),
        }
    }

    /// The node's own JSON text, byte for byte as it was read.
    pub fn json(self) -> &'a str {
        let source = self.entry().and_then(|entry| {
            self.document
                .text
                .get(entry.start as usize..entry.end as usize)
        });
        source.unwrap_or_default()
    }

    /// The characters of a string; `None` where the node is none.
    pub fn text(self) -> Option<&'a str> {
        let entry = self.entry()?;
        matches!(entry.kind, Kind::Text | Kind::Escaped).then(|| self.document.characters(entry))
    }

    /// A number as a whole one, which `round` makes of one that is none; `None`
    /// where it gives none, or the node is no number.
    pub(crate) fn rounded(self, round: fn(&str) -> Option<i64>) -> Option<i64> {
        match self.value() {
            Value::Integer(whole) => Some(whole),
            Value::Number(text) => round(text),
            Value::Absent
            | Value::Null
            | Value::Boolean(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Object(_) => None,
        }
    }

    /// The items of a list of strings alone, in order; `None` where the node is
    /// no list, or holds anything else.
    pub fn texts(self) -> Option<impl Iterator<Item = &'a str> + Clone> {
        let items = match self.value() {
            Value::List(items) => items,
            Value::Absent
            | Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::Object(_) => return None,
        };
        let alone = items.clone().all(|item| item.text().is_some());
        alone.then(|| items.filter_map(Node::text))
    }

    /// The member of that name; `None` where the node is no object or has none.
    pub fn get(self, name: &str) -> Option<Node<'a>> {
        let object = self.entry().filter(|entry| entry.kind == Kind::Object)?;
        let mut at = self.index + 1;
        // Straight over the tape: a token is asked for some twenty claims.
        while at < object.link as usize {
            let [member, value] = *self.document.tape.get(at..)?.first_chunk::<2>()?;
            if self.document.is_called(member, name) {
                return Some(Node {
                    document: self.document,
                    index: at + 1,
                });
            }
            at = value.next(at + 1);
        }
        None
    }

    /// The members of an object, in the order of the text; none of anything else.
    pub fn members(self) -> Members<'a> {
        Members {
            inside: self.inside(Kind::Object),
        }
    }

    /// The items of a list, in order; none of anything else.
    pub fn items(self) -> Items<'a> {
        Items {
            inside: self.inside(Kind::List),
        }
    }

    fn inside(self, kind: Kind) -> Inside<'a> {
        let end = match self.entry() {
            Some(entry) if entry.kind == kind => entry.link as usize,
            Some(_) | None => 0,
        };
        Inside {
            document: self.document,
            next: self.index + 1,
            end,
        }
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&clip(self.json()))
    }
}

/// The values directly inside a list or an object, one after the other.
#[derive(Clone)]
struct Inside<'a> {
    document: &'a Document,
    next: usize,
    end: usize,
}

impl<'a> Iterator for Inside<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let entry = self.document.tape.get(self.next)?;
        let node = Node {
            document: self.document,
            index: self.next,
        };
        self.next = entry.next(self.next);
        Some(node)
    }
}

/// The items of a list.
#[derive(Clone)]
pub struct Items<'a> {
    inside: Inside<'a>,
}

impl<'a> Iterator for Items<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.inside.next()
    }
}

/// The members of an object: names, unescaped, with their values.
#[derive(Clone)]
pub struct Members<'a> {
    inside: Inside<'a>,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Node<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.inside.next()?.text()?;
        Some((name, self.inside.next()?))
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.clone()).finish()
    }
}

impl fmt::Debug for Members<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.clone()).finish()
    }
}
