//! The claims of a token: its payload, parsed once.

use claimbound_issuers::Found;

use crate::json::{Document, JsonError, Limits, Members, Node, Value};

/// The claims of a token, or of a file that says what a token would claim.
///
/// ```
/// use claimbound::json::{Limits, Value};
/// use claimbound::token::Claims;
///
/// let claims = Claims::parse(r#"{"sub": "a", "kubernetes.io": {"namespace": "b"}}"#, &Limits::FILE)?;
/// assert!(matches!(claims.value(&["kubernetes.io", "namespace"]), Value::Text("b")));
/// # Ok::<(), claimbound::json::JsonError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims(Document);

impl Claims {
    /// Parses a JSON object of claims.
    ///
    /// # Errors
    /// The first fault and its byte offset.
    pub fn parse(text: impl Into<Vec<u8>>, limits: &Limits) -> Result<Self, JsonError> {
        Document::parse(text, limits).map(Self)
    }

    /// The claim at `path`, member by member.
    pub fn get<S: AsRef<str>>(&self, path: &[S]) -> Option<Node<'_>> {
        self.0.get(path)
    }

    /// The value of the claim at `path`, [`Value::Absent`] where there is none.
    pub fn value<S: AsRef<str>>(&self, path: &[S]) -> Value<'_> {
        self.0.value(path)
    }

    /// The claims, in the order of the payload.
    pub fn members(&self) -> Members<'_> {
        self.0.members()
    }

    /// The whole payload as it was signed.
    pub fn text(&self) -> &str {
        self.0.text()
    }

    pub(crate) fn node(&self, index: u32) -> Node<'_> {
        self.0.node(index)
    }
}

impl claimbound_issuers::Claims for Claims {
    fn claim(&self, path: &[Box<str>]) -> Found<'_> {
        match self.value(path) {
            Value::Absent => Found::Absent,
            Value::Text(text) => Found::Text(text),
            other @ (Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Number(_)
            | Value::List(_)
            | Value::Object(_)) => Found::Other(other.type_name()),
        }
    }
}
