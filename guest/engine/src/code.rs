//! The reason codes that an evaluator can give.

/// Why a condition did not hold. The texts are those of the contract's registry
/// (`wit/reasons.toml`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    /// The lifetime `exp` − `iat` is longer than the statement allows.
    TokenLifetime = 0,
    /// The token was issued too long ago.
    TokenAge = 1,
    /// No statement speaks of this issuer.
    IssuerUnknown = 2,
    /// The statement's audience is not the one that was asked for.
    AudienceMismatch = 3,
    /// The token names other audiences too.
    AudienceShared = 4,
    /// The subject, or a name or part of it, is another.
    SubjectMismatch = 5,
    /// A claim that the statement asks for is not there.
    ClaimAbsent = 6,
    /// A claim has another JSON type than the statement asks for.
    ClaimType = 7,
    /// A claim has another value.
    ClaimMismatch = 8,
    /// The statement's window is not open now.
    WindowClosed = 9,
    /// The statement itself has come to its end.
    StatementExpired = 10,
    /// The key that verified is not one that the statement takes.
    KeyRefused = 11,
    /// A forbidding statement applies.
    Forbidden = 12,
    /// The statement pins an immutable id that the token does not carry.
    IdentityAbsent = 13,
}

impl Code {
    /// Every code, in the order of its number.
    pub const ALL: [Self; 14] = [
        Self::TokenLifetime,
        Self::TokenAge,
        Self::IssuerUnknown,
        Self::AudienceMismatch,
        Self::AudienceShared,
        Self::SubjectMismatch,
        Self::ClaimAbsent,
        Self::ClaimType,
        Self::ClaimMismatch,
        Self::WindowClosed,
        Self::StatementExpired,
        Self::KeyRefused,
        Self::Forbidden,
        Self::IdentityAbsent,
    ];

    /// The code as people and programs read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenLifetime => "token.lifetime",
            Self::TokenAge => "token.age",
            Self::IssuerUnknown => "issuer.unknown",
            Self::AudienceMismatch => "audience.mismatch",
            Self::AudienceShared => "audience.shared",
            Self::SubjectMismatch => "subject.mismatch",
            Self::ClaimAbsent => "claim.absent",
            Self::ClaimType => "claim.type",
            Self::ClaimMismatch => "claim.mismatch",
            Self::WindowClosed => "window.closed",
            Self::StatementExpired => "statement.expired",
            Self::KeyRefused => "key.refused",
            Self::Forbidden => "forbidden",
            Self::IdentityAbsent => "identity.absent",
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}
