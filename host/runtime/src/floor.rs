//! The floor: what holds of every token before a policy sees it.
//!
//! A policy can only narrow what passes here. [`Identified`] and
//! [`Admissible`] are made by the step before and by nothing else, so who
//! holds one need not check again.
//!
//! ```
//! use claimbound::floor::{Admissible, Floor};
//! use claimbound::issuer::Issuers;
//! use claimbound::json::Limits;
//! use claimbound::outcome::Outcome;
//! use claimbound::reason::Code;
//! use claimbound::token::Token;
//!
//! fn admit(token: &str, issuers: &Issuers, floor: &Floor, now: u64) -> Result<Admissible, Outcome> {
//!     let verified = Token::new(token).decode(&Limits::TOKEN)?.verify(issuers, now)?;
//!     Ok(floor.admit(verified.identify()?, now)?)
//! }
//!
//! let floor = Floor::new("https://deploy.example")?;
//! // RFC 7519 §6.1: an unsecured token.
//! let token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UifQ.";
//! let outcome = admit(token, &Issuers::default(), &floor, 1_790_000_000).unwrap_err();
//! let Outcome::Deny(denied) = outcome else { panic!() };
//! assert_eq!(denied.reasons[0].code, Code::TokenAlgorithm);
//! # Ok::<(), claimbound::floor::FloorError>(())
//! ```

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use claimbound_issuers::Workload;

use crate::clock::date;
use crate::issuer::Issuer;
use crate::reason::{Code, Reason, Refusal, clip};
use crate::token::TokenTypes;
use crate::verify::Verified;

/// Leeway for clocks that differ, in seconds, unless a floor says another.
pub const LEEWAY: u64 = 60;

/// Most leeway that may be configured, in seconds, inclusive: past a few
/// minutes it is a longer lifetime by another name (RFC 7519 §4.1.4).
pub const MOST_LEEWAY: u64 = 300;

/// A verified token whose subject says, in one way, which workload it is.
pub struct Identified {
    verified: Verified,
    workload: Workload,
}

impl Verified {
    /// Derives the workload by the issuer's naming model.
    ///
    /// # Errors
    /// A refusal: `subject.mismatch`, `subject.ambiguous`, `subject.drift` or
    /// `identity.absent`.
    pub fn identify(self) -> Result<Identified, Refusal> {
        let issuer = self.issuer();
        match issuer
            .model()
            .identify(issuer.url(), self.subject(), self.claims())
        {
            Ok(workload) => Ok(Identified {
                verified: self,
                workload,
            }),
            Err(refusal) => Err(translate(refusal)),
        }
    }
}

fn translate(refusal: claimbound_issuers::Refusal) -> Refusal {
    let claimbound_issuers::Refusal {
        code,
        claim,
        expected,
        found,
        message,
    } = refusal;
    let code = Code::parse(code).unwrap_or(Code::SubjectMismatch);
    let found = found.as_deref().map(clip);
    Reason {
        code,
        statement: None,
        claim,
        expected,
        found,
        message,
    }
    .into()
}

impl Identified {
    /// The verified token.
    pub fn token(&self) -> &Verified {
        &self.verified
    }

    /// The workload.
    pub fn workload(&self) -> &Workload {
        &self.workload
    }
}

/// What a route asks of every token, whatever its policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Floor {
    audience: Arc<str>,
    leeway: u64,
    token_types: Option<TokenTypes>,
}

/// A floor that can't be configured so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FloorError {
    /// The audience is empty.
    #[error("the audience is empty")]
    NoAudience,
    /// The leeway is longer than [`MOST_LEEWAY`].
    #[error("a leeway of {leeway} seconds is longer than {MOST_LEEWAY}")]
    Leeway {
        /// The leeway asked for, in seconds.
        leeway: u64,
    },
}

impl Floor {
    /// A floor for tokens that name `audience`, with a leeway of [`LEEWAY`]
    /// seconds and the token types of each issuer.
    pub fn new(audience: impl Into<Arc<str>>) -> Result<Self, FloorError> {
        let audience = audience.into();
        if audience.is_empty() {
            return Err(FloorError::NoAudience);
        }
        Ok(Self {
            audience,
            leeway: LEEWAY,
            token_types: None,
        })
    }

    /// The same floor with another leeway, in seconds, at most [`MOST_LEEWAY`].
    pub fn with_leeway(self, leeway: u64) -> Result<Self, FloorError> {
        if leeway > MOST_LEEWAY {
            return Err(FloorError::Leeway { leeway });
        }
        Ok(Self { leeway, ..self })
    }

    /// The same floor taking these token types in place of each issuer's.
    #[must_use]
    pub fn with_token_types(self, token_types: TokenTypes) -> Self {
        Self {
            token_types: Some(token_types),
            ..self
        }
    }

    /// The audience that a token must name.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The leeway in seconds.
    pub fn leeway(&self) -> u64 {
        self.leeway
    }

    /// Admits a token to the policy at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// A refusal: `token.type`, `claim.absent`, `token.expired`,
    /// `token.lifetime`, `token.not-yet-valid` or `audience.mismatch`.
    pub fn admit(&self, identified: Identified, now: u64) -> Result<Admissible, Refusal> {
        let token = identified.token();
        self.check_type(token)?;
        let expires_at = token.expires_at().ok_or_else(no_end)?;
        let times = Times {
            expires_at,
            leeway: self.leeway,
        };
        times.check_end(now)?;
        check_lifetime(token, expires_at, now)?;
        self.check_start("nbf", token.not_before(), now)?;
        self.check_start("iat", token.issued_at(), now)?;
        self.check_audience(token)?;
        Ok(Admissible {
            identified,
            times,
            audience: Arc::clone(&self.audience),
            now,
        })
    }

    /// The token types that are taken from an issuer.
    pub(crate) fn token_types_of<'a>(&'a self, issuer: &'a Issuer) -> &'a TokenTypes {
        let own = self.token_types.as_ref();
        own.unwrap_or_else(|| issuer.token_types())
    }

    fn check_type(&self, token: &Verified) -> Result<(), Refusal> {
        let types = self.token_types_of(token.issuer());
        let found = token.header().token_type();
        if types.allows(found) {
            return Ok(());
        }
        let message = match found {
            Some(found) => format!("token type `{}` is not taken here", clip(found)),
            None => "a token without a type is not taken here".to_owned(),
        };
        let mut reason = Reason::new(Code::TokenType, message).expected(types.to_string());
        reason.found = found.map(clip);
        Err(reason.into())
    }

    fn check_start(&self, claim: &str, start: Option<u64>, now: u64) -> Result<(), Refusal> {
        match start {
            Some(start) if start > now.saturating_add(self.leeway) => {
                let message = format!(
                    "the token's `{claim}` is {} seconds in the future",
                    start - now
                );
                let reason = Reason::new(Code::TokenNotYetValid, message).about([claim]);
                Err(reason
                    .expected(format!("at most {} s after {}", self.leeway, date(now)))
                    .found(&date(start))
                    .into())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_audience(&self, token: &Verified) -> Result<(), Refusal> {
        if token.audience().any(|audience| audience == &*self.audience) {
            return Ok(());
        }
        let message = format!("the token is not for audience `{}`", clip(&self.audience));
        let mut reason = Reason::new(Code::AudienceMismatch, message)
            .about(["aud"])
            .expected(&*self.audience);
        let found: Vec<_> = token.audience().take(8).collect();
        reason.found = (!found.is_empty()).then(|| clip(&found.join(", ")));
        Err(reason.into())
    }
}

fn no_end() -> Refusal {
    Reason::new(
        Code::ClaimAbsent,
        "the token has no `exp`, so it would never end",
    )
    .about(["exp"])
    .expected("a number")
    .into()
}

/// The cap on `exp` − `iat`, or on what is left where `iat` is absent.
fn check_lifetime(token: &Verified, expires_at: u64, now: u64) -> Result<(), Refusal> {
    let longest = token.issuer().longest_lifetime();
    let lifetime = expires_at.saturating_sub(token.issued_at().unwrap_or(now));
    if lifetime <= longest {
        return Ok(());
    }
    let message = format!("the token lives for {lifetime} seconds, longer than {longest}");
    let reason = Reason::new(Code::TokenLifetime, message).about(["exp"]);
    Err(reason
        .expected(format!("at most {longest} seconds"))
        .found(&format!("{lifetime} seconds"))
        .into())
}

#[derive(Clone, Copy)]
struct Times {
    expires_at: u64,
    leeway: u64,
}

impl Times {
    // RFC 7519 §4.1.4: `exp` is exclusive. It gets no leeway, though the RFC
    // would let it have some: a clock that is behind refuses a little early,
    // and never lets a token live past its end.
    fn check_end(self, now: u64) -> Result<(), Refusal> {
        if now < self.expires_at {
            return Ok(());
        }
        let message = format!(
            "the token expired {} seconds ago",
            now.saturating_sub(self.expires_at)
        );
        let reason = Reason::new(Code::TokenExpired, message).about(["exp"]);
        Err(reason
            .expected(format!("after {}", date(now)))
            .found(&date(self.expires_at))
            .into())
    }
}

/// A token that a policy may judge. Only [`Floor::admit`] makes one.
pub struct Admissible {
    identified: Identified,
    times: Times,
    audience: Arc<str>,
    now: u64,
}

impl Admissible {
    /// The verified token.
    pub fn token(&self) -> &Verified {
        self.identified.token()
    }

    /// The workload.
    pub fn workload(&self) -> &Workload {
        self.identified.workload()
    }

    /// The workload, where nothing else of the token is needed any more.
    pub(crate) fn into_workload(self) -> Workload {
        self.identified.workload
    }

    /// The `exp` in seconds since 1970, exclusive.
    pub fn expires_at(&self) -> u64 {
        self.times.expires_at
    }

    /// Until when a single use must be remembered, in seconds since 1970,
    /// exclusive: a replica's clock may be behind by the leeway.
    pub fn remembered_until(&self) -> u64 {
        self.times.expires_at.saturating_add(self.times.leeway)
    }

    /// By how much clocks may differ, in seconds.
    pub(crate) fn leeway(&self) -> u64 {
        self.times.leeway
    }

    /// The audience that the token was admitted for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The time that it was admitted at, in seconds since 1970.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Checks the end once more, by a fresh clock.
    ///
    /// # Errors
    /// A refusal: `token.expired`.
    pub fn recheck(&self, now: u64) -> Result<(), Refusal> {
        self.times.check_end(now)
    }
}

impl fmt::Debug for Identified {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Identified")
            .field("token", &self.verified)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Admissible {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Admissible")
            .field("token", self.token())
            .finish_non_exhaustive()
    }
}
