//! What a condition looks at: the variables whose values a set of tokens bounds.

use claimbound_language::engine::model::{Program, Source, Test};

use crate::lists::Lists;
use crate::numbers::Numbers;
use crate::texts::Texts;
use crate::values::Values;

/// Something of a token, or of the circumstances in which it is presented, that
/// can have any value by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variable {
    /// `iss`, a text.
    Issuer,
    /// `sub`, a text.
    Subject,
    /// The name of the subject's form, a text.
    Form,
    /// A part of the subject: a text, or absent.
    Part(String),
    /// A claim, by its path.
    Claim(Vec<String>),
    /// The name of a kind: a text, or absent.
    Name(String),
    /// The id behind the name of a kind: a text, or absent.
    Id(String),
    /// The parent of the name of a kind: a text, or absent.
    Parent(String),
    /// `aud`, a list of texts.
    Audience,
    /// Whether `aud` has one element only, a boolean.
    SoleAudience,
    /// The audience of the route, a text.
    AudienceOfRoute,
    /// The `kty` of the key that verified, a text.
    KeyType,
    /// The algorithm that it verified, a text.
    KeyAlgorithm,
    /// Its size in bits, a number.
    KeyBits,
    /// Its thumbprint, a text.
    KeyThumbprint,
    /// An attribute of the request: a text, or absent.
    Attribute(String),
    /// `exp` − `iat` in seconds: a number, or absent without `iat`.
    Lifetime,
    /// now − `iat` in seconds: a number, or absent without `iat`.
    Age,
    /// Now, in seconds since 1970: a number.
    Now,
}

impl Variable {
    /// The values that it can have at all.
    pub(crate) fn domain(&self) -> Values {
        match self {
            Self::Issuer
            | Self::Subject
            | Self::Form
            | Self::AudienceOfRoute
            | Self::KeyType
            | Self::KeyAlgorithm
            | Self::KeyThumbprint => Values::of_texts(Texts::all()),
            Self::Part(_) | Self::Name(_) | Self::Id(_) | Self::Parent(_) | Self::Attribute(_) => {
                Values::text_or_absent()
            }
            Self::Claim(_) => Values::all(),
            Self::Audience => Values::of_lists(Lists::all()),
            Self::SoleAudience => Values::of_booleans(true, true),
            Self::KeyBits | Self::Now => Values::of_numbers(Numbers::natural()),
            Self::Lifetime | Self::Age => Values::of_numbers(Numbers::natural()).or_absent(),
        }
    }

    /// What a source of a program is.
    pub(crate) fn of(source: Source, program: &Program) -> Option<Self> {
        let text = |list: &[String], place: u16| list.get(usize::from(place)).cloned();
        Some(match source {
            Source::Time => return None,
            Source::Issuer => Self::Issuer,
            Source::Subject => Self::Subject,
            Source::Form => Self::Form,
            Source::Audience => Self::Audience,
            Source::Claim(place) => Self::Claim(program.claims.get(usize::from(place))?.clone()),
            Source::Part(place) => Self::Part(text(&program.parts, place)?),
            Source::Name(place) => Self::Name(text(&program.names, place)?),
            Source::NameId(place) => Self::Id(text(&program.names, place)?),
            Source::NameParent(place) => Self::Parent(text(&program.names, place)?),
            Source::KeyType => Self::KeyType,
            Source::KeyAlgorithm => Self::KeyAlgorithm,
            Source::KeyBits => Self::KeyBits,
            Source::KeyThumbprint => Self::KeyThumbprint,
        })
    }

    /// What else a test looks at besides its source, if that is a variable too.
    pub(crate) fn beside(test: &Test, program: &Program) -> Option<Self> {
        match test {
            Test::SameAs(source) => Self::of(*source, program),
            Test::Attribute(place) => {
                let name = program.attributes.get(usize::from(*place))?;
                Some(Self::Attribute(name.clone()))
            }
            Test::Equals(_)
            | Test::AnyOf(_)
            | Test::NoneOf(_)
            | Test::Matches(_)
            | Test::AtLeast(_)
            | Test::AtMost(_)
            | Test::Contains(_)
            | Test::AllOf(_)
            | Test::Present
            | Test::Absent
            | Test::AudienceIs(_)
            | Test::SoleAudience
            | Test::Weekly(_)
            | Test::Between(..)
            | Test::LifetimeAtMost(_)
            | Test::AgeAtMost(_) => None,
        }
    }
}
