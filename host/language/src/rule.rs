//! The registry of what can be wrong with a document: one code for each kind of
//! finding, stable across releases.

/// A kind of finding about a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// The text is no TOML and no JSON.
    Syntax,
    /// The document is larger than is read.
    Size,
    /// A key that nothing reads.
    UnknownKey,
    /// A key that has to be there.
    MissingKey,
    /// A value of another type.
    Type,
    /// A value that is not one of those that are taken.
    Value,
    /// A name with control characters, or none at all.
    Name,
    /// Two things of one name.
    Duplicate,
    /// An issuer that is not there, or whose model or URL does not fit.
    Issuer,
    /// A statement without issuer, audience, subject or token lifetime.
    NotClaimBound,
    /// A shared issuer without a tenant.
    Tenant,
    /// A subject that the model does not understand, or that leaves something out.
    Subject,
    /// A value that no token of this issuer can have.
    NeverMatches,
    /// A registered claim where it does not belong.
    RegisteredClaim,
    /// A glob or a regular expression that does not compile.
    Pattern,
    /// A window that can't be computed or never opens.
    Window,
    /// A grant that a policy may not give.
    Grant,
    /// More than the program format holds.
    Program,
    /// A case that can't be run.
    Case,
    /// A claim that is nearly one that the model knows.
    UnknownClaim,
    /// A forbidden subject that has other shapes.
    OtherShape,
    /// Names that a host refuses because nothing pins their ids.
    FirstUse,
    /// Tokens that live longer than hosts take.
    Lifetime,
}

impl Rule {
    /// Every kind, in the order of the reference page.
    pub const ALL: [Self; 23] = [
        Self::Syntax,
        Self::Size,
        Self::UnknownKey,
        Self::MissingKey,
        Self::Type,
        Self::Value,
        Self::Name,
        Self::Duplicate,
        Self::Issuer,
        Self::NotClaimBound,
        Self::Tenant,
        Self::Subject,
        Self::NeverMatches,
        Self::RegisteredClaim,
        Self::Pattern,
        Self::Window,
        Self::Grant,
        Self::Program,
        Self::Case,
        Self::UnknownClaim,
        Self::OtherShape,
        Self::FirstUse,
        Self::Lifetime,
    ];

    /// The code, such as `document.unknown-key`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Syntax => "document.syntax",
            Self::Size => "document.size",
            Self::UnknownKey => "document.unknown-key",
            Self::MissingKey => "document.missing-key",
            Self::Type => "document.type",
            Self::Value => "document.value",
            Self::Name => "document.name",
            Self::Duplicate => "document.duplicate",
            Self::Issuer => "document.issuer",
            Self::NotClaimBound => "document.not-claim-bound",
            Self::Tenant => "document.tenant",
            Self::Subject => "document.subject",
            Self::NeverMatches => "document.never-matches",
            Self::RegisteredClaim => "document.registered-claim",
            Self::Pattern => "document.pattern",
            Self::Window => "document.window",
            Self::Grant => "document.grant",
            Self::Program => "document.program",
            Self::Case => "document.case",
            Self::UnknownClaim => "document.unknown-claim",
            Self::OtherShape => "document.other-shape",
            Self::FirstUse => "document.first-use",
            Self::Lifetime => "document.lifetime",
        }
    }

    /// What the code means, in one sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Syntax => "The text is not well-formed TOML or JSON.",
            Self::Size => "The document is larger, deeper or longer than is read.",
            Self::UnknownKey => "Nothing reads this key, so it would silently not count.",
            Self::MissingKey => "A key that has to be there is not.",
            Self::Type => "The value is of another type than the key takes.",
            Self::Value => "The value is not one of those that the key takes.",
            Self::Name => "A name is empty, too long or holds control characters.",
            Self::Duplicate => "Two things of the same kind have one name.",
            Self::Issuer => "The issuer is not defined, or its model or URL does not fit.",
            Self::NotClaimBound => {
                "A trust statement needs an issuer, an audience, a subject and a token lifetime."
            }
            Self::Tenant => {
                "The issuer signs for everyone, and nothing immutable says whose tokens are meant."
            }
            Self::Subject => "The subject is not one that the issuer's model can read.",
            Self::NeverMatches => "No token of this issuer can have this value.",
            Self::RegisteredClaim => "A registered claim has a place of its own in the document.",
            Self::Pattern => "The glob or regular expression can't be compiled.",
            Self::Window => "The window can't be computed, or it never opens.",
            Self::Grant => "No policy may grant this.",
            Self::Program => "The policy is larger than the program format holds.",
            Self::Case => "The case can't be run as it is written.",
            Self::UnknownClaim => {
                "A warning: the model does not know this claim, and knows one that is nearly called so."
            }
            Self::OtherShape => {
                "A warning: one subject is forbidden, and the same job can have another."
            }
            Self::FirstUse => {
                "A warning: hosts will refuse names that are new to them, because an id is not pinned."
            }
            Self::Lifetime => {
                "A warning: hosts refuse tokens of so long a lifetime, unless they are configured to."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_their_meanings_are_sentences() {
        let mut codes: Vec<_> = Rule::ALL.iter().map(|rule| rule.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            assert!(rule.meaning().ends_with('.'), "{}", rule.code());
        }
    }
}
