//! The numbers that operators and sources have in the format: written by
//! [`encode`](crate::encode), read by [`Program`](crate::Program).

use crate::model::Source;

/// What a condition does with its value; the tests of [`crate::model::Test`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Operator {
    Equals = 0,
    AnyOf = 1,
    NoneOf = 2,
    Matches = 3,
    AtLeast = 4,
    AtMost = 5,
    Contains = 6,
    AllOf = 7,
    Present = 8,
    Absent = 9,
    SameAs = 10,
    Attribute = 11,
    AudienceIs = 12,
    SoleAudience = 13,
    Weekly = 14,
    Between = 15,
    LifetimeAtMost = 16,
    AgeAtMost = 17,
}

impl Operator {
    const ALL: [Self; 18] = [
        Self::Equals,
        Self::AnyOf,
        Self::NoneOf,
        Self::Matches,
        Self::AtLeast,
        Self::AtMost,
        Self::Contains,
        Self::AllOf,
        Self::Present,
        Self::Absent,
        Self::SameAs,
        Self::Attribute,
        Self::AudienceIs,
        Self::SoleAudience,
        Self::Weekly,
        Self::Between,
        Self::LifetimeAtMost,
        Self::AgeAtMost,
    ];

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// The type of a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum Tag {
    Null = 0,
    False = 1,
    True = 2,
    Number = 3,
    /// INVARIANT: the highest, so that sorted literals end with their texts.
    Text = 4,
}

impl Tag {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        [
            Self::Null,
            Self::False,
            Self::True,
            Self::Number,
            Self::Text,
        ]
        .into_iter()
        .find(|tag| *tag as u32 == number)
    }
}

/// The kind and the place of a source.
pub(crate) const fn of_source(source: Source) -> (u8, u16) {
    match source {
        Source::Time => (0, 0),
        Source::Issuer => (1, 0),
        Source::Subject => (2, 0),
        Source::Form => (3, 0),
        Source::Audience => (4, 0),
        Source::Claim(index) => (5, index),
        Source::Part(index) => (6, index),
        Source::Name(index) => (7, index),
        Source::NameId(index) => (8, index),
        Source::NameParent(index) => (9, index),
        Source::KeyType => (10, 0),
        Source::KeyAlgorithm => (11, 0),
        Source::KeyBits => (12, 0),
        Source::KeyThumbprint => (13, 0),
    }
}

/// The source of this kind and place.
pub(crate) const fn to_source(kind: u8, index: u16) -> Option<Source> {
    Some(match kind {
        0 => Source::Time,
        1 => Source::Issuer,
        2 => Source::Subject,
        3 => Source::Form,
        4 => Source::Audience,
        5 => Source::Claim(index),
        6 => Source::Part(index),
        7 => Source::Name(index),
        8 => Source::NameId(index),
        9 => Source::NameParent(index),
        10 => Source::KeyType,
        11 => Source::KeyAlgorithm,
        12 => Source::KeyBits,
        13 => Source::KeyThumbprint,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_stand_at_their_own_number() {
        for (number, operator) in Operator::ALL.into_iter().enumerate() {
            assert_eq!(operator as usize, number, "{operator:?}");
        }
    }

    #[test]
    fn sources_read_back_as_written() {
        for kind in 0..=u8::MAX {
            if let Some(source) = to_source(kind, 7) {
                let (written, index) = of_source(source);
                assert_eq!(written, kind);
                assert!(index == 0 || index == 7);
            }
        }
    }
}
