//! Which `typ` a token may carry (RFC 7515 §4.1.9, RFC 8725 §3.11).

use serde::{Deserialize, Serialize};

/// Types of tokens that are for something else and are never taken.
const NEVER: [&str; 3] = ["dpop+jwt", "logout+jwt", "secevent+jwt"];

/// The values of `typ` that are taken, and whether it may be absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenTypes {
    absent: bool,
    named: Vec<Box<str>>,
}

/// A list of token types that can't be configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenTypesError {
    /// The list takes nothing.
    #[error("the list of token types is empty")]
    Empty,
    /// A type is empty; absence is said apart.
    #[error("a token type is empty")]
    Blank,
    /// The type is that of tokens for something else.
    #[error("token type `{0}` is never taken as a credential")]
    Never(String),
}

impl TokenTypes {
    /// Takes the types in `named`, compared without case and with or without
    /// their `application/`, and tokens without one if `absent`.
    pub fn new<S: AsRef<str>>(
        absent: bool,
        named: impl IntoIterator<Item = S>,
    ) -> Result<Self, TokenTypesError> {
        let named: Vec<Box<str>> = named
            .into_iter()
            .map(|name| bare(name.as_ref()).into())
            .collect();
        if named.iter().any(|name| name.is_empty()) {
            return Err(TokenTypesError::Blank);
        }
        if let Some(never) = named.iter().find(|name| is_never(name)) {
            return Err(TokenTypesError::Never(never.to_string()));
        }
        if named.is_empty() && !absent {
            return Err(TokenTypesError::Empty);
        }
        Ok(Self { absent, named })
    }

    /// Whether a token with this `typ` is taken.
    pub fn allows(&self, token_type: Option<&str>) -> bool {
        let Some(token_type) = token_type.map(bare) else {
            return self.absent;
        };
        !is_never(token_type)
            && self
                .named
                .iter()
                .any(|name| name.eq_ignore_ascii_case(token_type))
    }

    /// The first type on the list; `None` where tokens without one come first.
    pub(crate) fn usual(&self) -> Option<&str> {
        if self.absent {
            None
        } else {
            self.named.first().map(|name| &**name)
        }
    }
}

impl Default for TokenTypes {
    /// Absent, or `JWT` (RFC 7519 §5.1).
    fn default() -> Self {
        Self {
            absent: true,
            named: vec!["JWT".into()],
        }
    }
}

impl std::fmt::Display for TokenTypes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let absent = self.absent.then(|| "no type".to_owned());
        let all: Vec<_> = absent
            .into_iter()
            .chain(self.named.iter().map(ToString::to_string))
            .collect();
        formatter.write_str(&all.join(", "))
    }
}

fn is_never(bare: &str) -> bool {
    NEVER.iter().any(|never| never.eq_ignore_ascii_case(bare))
}

/// The type without the `application/` that may be left out where no other
/// slash follows (RFC 7515 §4.1.9).
fn bare(token_type: &str) -> &str {
    const PREFIX: &str = "application/";
    let prefixed = token_type
        .get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    match token_type.get(PREFIX.len()..) {
        Some(rest) if prefixed && !rest.contains('/') => rest,
        Some(_) | None => token_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_without_case_and_prefix() {
        let types = TokenTypes::new(false, ["at+jwt"]).unwrap();
        for same in [
            "at+jwt",
            "AT+JWT",
            "application/at+jwt",
            "Application/AT+jwt",
        ] {
            assert!(types.allows(Some(same)), "{same}");
        }
        for other in [
            "jwt",
            "",
            "application/",
            "application/at+jwt/x",
            "text/at+jwt",
            "at+jwt ",
        ] {
            assert!(!types.allows(Some(other)), "{other}");
        }
        assert!(!types.allows(None));
        assert!(TokenTypes::default().allows(None) && TokenTypes::default().allows(Some("jwt")));
    }

    #[test]
    fn tokens_for_something_else_are_never_taken() {
        for never in ["dpop+jwt", "Logout+JWT", "application/secevent+jwt"] {
            assert!(
                matches!(
                    TokenTypes::new(true, [never]),
                    Err(TokenTypesError::Never(_))
                ),
                "{never}"
            );
        }
    }

    #[test]
    fn a_list_that_takes_nothing_is_refused() {
        assert_eq!(TokenTypes::new(false, [""; 0]), Err(TokenTypesError::Empty));
        assert_eq!(TokenTypes::new(true, [""]), Err(TokenTypesError::Blank));
        assert_eq!(
            TokenTypes::new(true, ["application/"]),
            Err(TokenTypesError::Blank)
        );
    }
}
