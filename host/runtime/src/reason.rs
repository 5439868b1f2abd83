//! Why a token was denied: stable codes, and reasons that name the claim.
//!
//! Every code is documented in one registry, `reasons.toml`; [`registry`]
//! reads it, and whatever explains a code is made from it.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Longest text taken from a token into a reason, in bytes, the mark excluded.
pub const LONGEST_FOUND: usize = 256;

/// The registry of codes, as it is published.
const REGISTRY: &str = include_str!("../reasons.toml");

macro_rules! codes {
    ($(#[$docs:meta])* $name:ident { $($variant:ident = $code:literal,)+ }) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $code, "`")] $variant,)+
        }

        impl $name {
            /// Every code, in the registry's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code as it is written.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The code that is written so, if there is one.
            pub fn parse(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let code = String::deserialize(deserializer)?;
                Self::parse(&code).ok_or_else(|| {
                    serde::de::Error::custom(format!("`{}` is no code", clip(&code)))
                })
            }
        }
    };
}

codes! {
    /// The code of a denial's reason. The registry says what each means.
    Code {
        TokenMalformed = "token.malformed",
        TokenType = "token.type",
        TokenAlgorithm = "token.algorithm",
        TokenKey = "token.key",
        TokenSignature = "token.signature",
        TokenExpired = "token.expired",
        TokenNotYetValid = "token.not-yet-valid",
        TokenLifetime = "token.lifetime",
        TokenAge = "token.age",
        TokenReused = "token.reused",
        IssuerUnknown = "issuer.unknown",
        AudienceMismatch = "audience.mismatch",
        AudienceShared = "audience.shared",
        SubjectMismatch = "subject.mismatch",
        SubjectAmbiguous = "subject.ambiguous",
        SubjectDrift = "subject.drift",
        ClaimAbsent = "claim.absent",
        ClaimType = "claim.type",
        ClaimMismatch = "claim.mismatch",
        WindowClosed = "window.closed",
        StatementExpired = "statement.expired",
        KeyRefused = "key.refused",
        Forbidden = "forbidden",
        IdentityAbsent = "identity.absent",
        IdentityUnknown = "identity.unknown",
        IdentityReassigned = "identity.reassigned",
        IdentityRenamed = "identity.renamed",
        IdentitySuspended = "identity.suspended",
        IdentityRetired = "identity.retired",
        RevokedToken = "revoked.token",
        RevokedSubject = "revoked.subject",
        RevokedKey = "revoked.key",
        RevokedIssuer = "revoked.issuer",
        ProofAbsent = "proof.absent",
        ProofInvalid = "proof.invalid",
    }
}

codes! {
    /// The code of a failure of the host: an error, never a denial.
    HostCode {
        Trap = "host.trap",
        Deadline = "host.deadline",
        Memory = "host.memory",
        Policy = "host.policy",
        Contract = "host.contract",
        Obligation = "host.obligation",
        Ceiling = "host.ceiling",
        Store = "host.store",
        Record = "host.record",
        Keys = "host.keys",
        Busy = "host.busy",
        Configuration = "host.configuration",
    }
}

/// One reason of a denial, for the operator; the caller never sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What kind of reason.
    pub code: Code,
    /// The policy's statement that gave it; `None` where the host did.
    pub statement: Option<String>,
    /// The claim it is about, as a path; empty where it is about the token.
    pub claim: Vec<String>,
    /// What would have been accepted.
    pub expected: String,
    /// What stood there, cut to [`LONGEST_FOUND`] bytes; `None` for nothing.
    pub found: Option<String>,
    /// One sentence for a person.
    pub message: String,
}

impl Reason {
    /// A reason of the host about the token as a whole.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            statement: None,
            claim: Vec::new(),
            expected: String::new(),
            found: None,
            message: message.into(),
        }
    }

    /// The same reason, about the claim at `path`.
    #[must_use]
    pub fn about<S: Into<String>>(mut self, path: impl IntoIterator<Item = S>) -> Self {
        self.claim = path.into_iter().map(Into::into).collect();
        self
    }

    /// The same reason, saying what would have been accepted.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// The same reason, saying what stood there, cut to a bounded length.
    #[must_use]
    pub fn found(mut self, found: &str) -> Self {
        self.found = Some(clip(found));
        self
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

/// A token refused: an answer, not an error.
///
/// Derefs to its [`Reason`]; boxed, so that the way of an accepted token
/// stays narrow.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal(Box<Reason>);

impl Refusal {
    /// The reason, owned.
    pub fn into_reason(self) -> Reason {
        *self.0
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self(Box::new(reason))
    }
}

impl std::ops::Deref for Refusal {
    type Target = Reason;

    fn deref(&self) -> &Reason {
        &self.0
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What the registry says about one code.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The code as it is written.
    pub code: String,
    /// Whether it stands in a denial or in an error.
    pub kind: Kind,
    /// What it means, in one sentence.
    pub meaning: String,
    /// What an operator does about it.
    pub action: String,
}

/// Where a code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// In a denial: see [`Code`].
    Reason,
    /// In an error of the host: see [`HostCode`].
    Host,
}

/// Every code with its documentation, in the published order.
pub fn registry() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            code: Vec<Entry>,
        }
        // INVARIANT: the file is a part of this crate, and a test reads it.
        toml::from_str::<File>(REGISTRY)
            .map(|file| file.code)
            .unwrap_or_default()
    });
    &ENTRIES
}

/// `text` cut at a character boundary to [`LONGEST_FOUND`] bytes, marked with `…`.
pub fn clip(text: &str) -> String {
    if text.len() <= LONGEST_FOUND {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(LONGEST_FOUND);
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_and_the_codes_are_the_same_list() {
        let of = |kind| {
            registry()
                .iter()
                .filter(move |entry| entry.kind == kind)
                .map(|entry| entry.code.as_str())
        };
        assert!(of(Kind::Reason).eq(Code::ALL.iter().map(|code| code.as_str())));
        assert!(of(Kind::Host).eq(HostCode::ALL.iter().map(|code| code.as_str())));
    }

    #[test]
    fn every_code_says_what_it_means_and_what_to_do() {
        for entry in registry() {
            assert!(
                entry.meaning.ends_with('.') && entry.action.ends_with('.'),
                "{}",
                entry.code
            );
            assert_eq!(
                entry.kind == Kind::Host,
                entry.code.starts_with("host."),
                "{}",
                entry.code
            );
        }
    }

    #[test]
    fn codes_are_read_as_they_are_written() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
        }
        assert_eq!(
            Code::parse("host.trap"),
            None,
            "an error's code is no reason"
        );
        assert_eq!(HostCode::parse("forbidden"), None);
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    fn the_copy_in_this_crate_is_the_published_registry() {
        let published = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/reasons.toml");
        match std::fs::read_to_string(published) {
            Ok(published) => assert_eq!(published, REGISTRY),
            Err(error) => {
                eprintln!("skipped: the published registry is not beside this crate ({error})");
            }
        }
    }

    #[test]
    fn what_was_found_is_cut_between_characters() {
        let long = "ä".repeat(200);
        let cut = clip(&format!("x{long}"));
        assert_eq!(cut, format!("x{}…", "ä".repeat(127)));
        assert_eq!(clip(&"y".repeat(256)), "y".repeat(256));
    }

    #[test]
    fn a_reason_is_written_as_the_record_has_it() {
        let reason = Reason::new(Code::AudienceMismatch, "no")
            .about(["aud"])
            .expected("a")
            .found("b");
        assert_eq!(
            serde_json::to_string(&reason).unwrap(),
            r#"{"code":"audience.mismatch","statement":null,"claim":["aud"],"expected":"a","found":"b","message":"no"}"#
        );
    }
}
