//! A part: one variable piece of a subject or of an issuer's URL.

use std::borrow::Cow;
use std::sync::Arc;

use crate::charset::{CharSet, Class};
use crate::claim::{Chooser, Role};

/// One variable piece of a subject or of an issuer's URL, and what is known of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub(crate) name: Arc<str>,
    pub(crate) documentation: Box<str>,
    pub(crate) class: Class,
    pub(crate) set: CharSet,
    pub(crate) empty: bool,
    pub(crate) claim: Option<Box<[Box<str>]>>,
    pub(crate) claim_required: bool,
    pub(crate) encoding: Encoding,
    pub(crate) chooser: Chooser,
    pub(crate) predictable: bool,
    pub(crate) role: Option<Role>,
}

impl Part {
    /// The part's name, unique in its model.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One sentence on what the part says.
    pub fn documentation(&self) -> &str {
        &self.documentation
    }

    /// The shape of its values.
    pub fn class(&self) -> Class {
        self.class
    }

    /// Whether `character` may stand in a value of this part.
    pub fn allows(&self, character: char) -> bool {
        self.set.holds_all(character.encode_utf8(&mut [0; 4]))
    }

    /// Whether `value`, as the subject spells it, can be a value of this part.
    pub fn accepts(&self, value: &str) -> bool {
        self.set.holds_all(value) && self.has_shape(value)
    }

    /// Whether `value`, whose characters are known to be allowed, is one.
    pub(crate) fn has_shape(&self, value: &str) -> bool {
        if value.is_empty() {
            self.empty
        } else {
            self.class.has_shape(value)
        }
    }

    /// The claim that repeats the value, if one does.
    pub fn claim(&self) -> Option<&[Box<str>]> {
        self.claim.as_deref()
    }

    /// Whether a token without that claim is refused.
    pub fn is_claim_required(&self) -> bool {
        self.claim_required
    }

    /// Who can choose the value.
    pub fn chooser(&self) -> Chooser {
        self.chooser
    }

    /// Whether somebody who has not seen a token can tell the value beforehand.
    pub fn is_predictable(&self) -> bool {
        self.predictable
    }

    /// The characters that the issuer writes otherwise inside a subject.
    pub fn encoded_characters(&self) -> impl Iterator<Item = char> {
        self.encoding.0.iter().map(|(character, _)| *character)
    }

    /// The value as the issuer writes it inside a subject.
    pub fn encode<'v>(&self, value: &'v str) -> Cow<'v, str> {
        self.encoding.encode(value)
    }
}

/// How an issuer writes some characters of a value inside a subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Encoding(pub(crate) Box<[(char, Box<str>)]>);

impl Encoding {
    fn replacement(&self, character: char) -> Option<&str> {
        self.0
            .iter()
            .find(|(from, _)| *from == character)
            .map(|(_, to)| &**to)
    }

    pub(crate) fn encode<'v>(&self, value: &'v str) -> Cow<'v, str> {
        if !value
            .chars()
            .any(|character| self.replacement(character).is_some())
        {
            return Cow::Borrowed(value);
        }
        let mut encoded = String::with_capacity(value.len() + 8);
        for character in value.chars() {
            match self.replacement(character) {
                Some(replacement) => encoded.push_str(replacement),
                None => encoded.push(character),
            }
        }
        Cow::Owned(encoded)
    }

    /// Whether `plain` holds what another value's encoding would look like: then
    /// nobody can say which of the two a subject means.
    pub(crate) fn is_ambiguous(&self, plain: &str) -> bool {
        self.0
            .iter()
            .any(|(_, replacement)| plain.contains(&**replacement))
    }

    /// Takes from `plain` the prefix whose encoding is `encoded`, and returns the rest.
    pub(crate) fn strip<'v>(&self, plain: &'v str, encoded: &str) -> Option<&'v str> {
        if self.0.is_empty() {
            return plain.strip_prefix(encoded);
        }
        let mut encoded = encoded;
        let mut characters = plain.chars();
        while !encoded.is_empty() {
            let character = characters.next()?;
            encoded = match self.replacement(character) {
                Some(replacement) => encoded.strip_prefix(replacement)?,
                None => encoded.strip_prefix(character)?,
            };
        }
        Some(characters.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colon() -> Encoding {
        Encoding(Box::new([(':', "%3A".into())]))
    }

    #[test]
    fn only_the_listed_characters_are_encoded() {
        assert_eq!(colon().encode("Production:V1/ü%"), "Production%3AV1/ü%");
        assert!(matches!(colon().encode("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn stripping_compares_encoded_with_plain() {
        assert_eq!(colon().strip("a:b/c", "a%3Ab"), Some("/c"));
        assert!(colon().is_ambiguous("a%3Ab"), "it may mean `a:b`");
        assert!(!colon().is_ambiguous("a:b%"));
        assert_eq!(
            colon().strip("a:b", "a:b"),
            None,
            "a raw colon is never an encoded one"
        );
        assert_eq!(colon().strip("a", "ab"), None);
        assert_eq!(Encoding::default().strip("ab", "a"), Some("b"));
    }
}
