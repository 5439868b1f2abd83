//! What can be wrong with a model, a subject or an issuer's URL.

use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;

/// A naming model that can't be taken: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ModelError {
    /// The bytes of the text that are wrong; empty at the start where it is all of it.
    pub span: Range<usize>,
    /// The line of the first byte, from 1.
    pub line: usize,
    /// The column of the first byte in characters, from 1.
    pub column: usize,
    /// What is wrong and why, in one sentence.
    pub message: String,
}

impl ModelError {
    pub(crate) fn new(text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        let before = text.get(..span.start).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Self {
            span,
            line,
            column,
            message: message.into(),
        }
    }
}

/// A subject that a model can't read in exactly one way.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SubjectError {
    /// No form of the model fits.
    #[error("the subject has no form that `{model}` knows")]
    Unrecognised {
        /// The model's name.
        model: Arc<str>,
    },
    /// The subject is longer than [`MAX_SUBJECT`](crate::MAX_SUBJECT).
    #[error("the subject is {length} bytes long, more than {longest}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The longest that is read, in bytes, inclusive.
        longest: usize,
    },
    /// It reads in several ways.
    #[error("the subject reads in more than one way, as `{}`", forms.join("` and `"))]
    Ambiguous {
        /// The forms that fit; one alone if it fits in several ways by itself.
        forms: Vec<Arc<str>>,
    },
}

/// Parts that don't make a subject.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PrintError {
    /// The model has no such form.
    #[error("`{model}` has no form `{form}`")]
    UnknownForm {
        /// The model's name.
        model: Arc<str>,
        /// The form asked for.
        form: String,
    },
    /// The form has no such part.
    #[error("form `{form}` has no part `{part}`")]
    UnknownPart {
        /// The form.
        form: Arc<str>,
        /// The part given.
        part: String,
    },
    /// A value can't stand in its part.
    #[error("`{value}` can't be a value of part `{part}`")]
    Value {
        /// The part.
        part: Arc<str>,
        /// The value given.
        value: String,
    },
    /// The parts are too few, too many or, for a custom form, make no segments.
    #[error("the parts given are not those of form `{form}`")]
    Parts {
        /// The form.
        form: Arc<str>,
    },
    /// What they make would not be read back as the same parts.
    #[error("these parts make a subject of form `{form}` that can't be read back: {source}")]
    Unreadable {
        /// The form.
        form: Arc<str>,
        /// What reading it says.
        source: SubjectError,
    },
    /// What they make is read back as other parts.
    #[error("these parts make a subject of form `{form}` that reads as other parts")]
    ReadsOtherwise {
        /// The form.
        form: Arc<str>,
    },
}

/// A URL that is no issuer of a model.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{url}` is no issuer of `{model}`, whose issuers are `{}`", forms.join("`, `"))]
pub struct IssuerError {
    /// The model's name.
    pub model: Arc<str>,
    /// The URL given.
    pub url: String,
    /// The URLs and templates that the model knows.
    pub forms: Vec<String>,
}
