//! The floor: what a host holds of every token before any program sees it, in
//! the host's order and by its reason codes, with the leeway and the longest
//! lifetime that a host has unless it is configured.
//!
//! What a header would say (type, algorithm) is not asked: a claim set has none.

use claimbound_engine::Reason;
use claimbound_issuers::{Model, Refusal, Workload};
use serde_json::{Map, Number, Value as Json};

use crate::compile::Compiled;
use crate::native::{DecodedClaims, NativeRequest};
use crate::time;

/// The longest lifetime that a host takes by default: 24 hours, in seconds.
const LONGEST_LIFETIME: u64 = 86_400;
/// Leeway for clocks that differ, in seconds, that a host has by default.
const LEEWAY: u64 = 60;
/// The last second of the year 9999, past which RFC 3339 can't write a date.
const LAST_SECOND: u64 = 253_402_300_799;

/// Admits a claim set to the program of `compiled`: the workload that its
/// issuer's model reads.
pub(crate) fn admit(
    compiled: &Compiled,
    claims: &Map<String, Json>,
    request: &NativeRequest,
) -> Result<Workload, Box<Reason>> {
    let registered = Registered::read(claims)?;
    let url = registered.issuer;
    let issuer = compiled.issuer(url).ok_or_else(|| unknown(url))?;
    let workload = issuer
        .model
        .identify(url, registered.subject, &DecodedClaims(claims))
        .map_err(translate)?;
    let longest = longest_lifetime(&issuer.model);
    registered.check_times(request.now, longest)?;
    registered.check_audience(&request.audience)?;
    Ok(workload)
}

/// The registered claims of RFC 7519 §4.1, of the right types and in bounds.
#[derive(Debug)]
struct Registered<'c> {
    issuer: &'c str,
    subject: &'c str,
    audience: Vec<&'c str>,
    expires_at: Option<u64>,
    not_before: Option<u64>,
    issued_at: Option<u64>,
}

impl<'c> Registered<'c> {
    /// Reads the claims in the order in which they stand: the first that is
    /// wrong is the one that is spoken of.
    fn read(claims: &'c Map<String, Json>) -> Result<Self, Box<Reason>> {
        let (mut issuer, mut subject, mut audience) = (None, None, Vec::new());
        let (mut expires_at, mut not_before, mut issued_at) = (None, None, None);
        for (name, value) in claims {
            match name.as_str() {
                "iss" => issuer = Some(text(name, value)?),
                "sub" => subject = Some(text(name, value)?),
                "aud" => audience = audiences(value)?,
                "jti" => _ = text(name, value)?,
                "cnf" => check_object(name, value)?,
                "exp" => expires_at = Some(date(name, value, Rounding::Down)?),
                "nbf" => not_before = Some(date(name, value, Rounding::Up)?),
                "iat" => issued_at = Some(date(name, value, Rounding::Up)?),
                _ => {}
            }
        }
        Ok(Self {
            issuer: issuer.ok_or_else(|| absent("iss", "a string"))?,
            subject: subject.ok_or_else(|| absent("sub", "a string"))?,
            audience,
            expires_at,
            not_before,
            issued_at,
        })
    }

    fn check_times(&self, now: u64, longest: u64) -> Result<(), Box<Reason>> {
        let expires_at = self.expires_at.ok_or_else(|| absent("exp", "a number"))?;
        check_end(expires_at, now)?;
        let lifetime = expires_at.saturating_sub(self.issued_at.unwrap_or(now));
        check_lifetime(lifetime, longest)?;
        check_start("nbf", self.not_before, now)?;
        check_start("iat", self.issued_at, now)
    }

    fn check_audience(&self, audience: &str) -> Result<(), Box<Reason>> {
        if self.audience.contains(&audience) {
            return Ok(());
        }
        let message = format!("the token is not for audience `{audience}`");
        let found = (!self.audience.is_empty()).then(|| self.audience.join(", "));
        Err(reason("audience.mismatch", "aud", message)
            .expected(audience)
            .found(found)
            .into())
    }
}

/// A string that is not empty.
fn text<'c>(claim: &str, value: &'c Json) -> Result<&'c str, Box<Reason>> {
    match value {
        Json::String(text) if text.is_empty() => Err(malformed(claim, "is empty")),
        Json::String(text) => Ok(text),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
            Err(mistyped(claim, "string", value))
        }
    }
}

fn check_object(claim: &str, value: &Json) -> Result<(), Box<Reason>> {
    if value.is_object() {
        return Ok(());
    }
    Err(mistyped(claim, "object", value))
}

// RFC 7519 §4.1.3: one string, or a list of them.
fn audiences(value: &Json) -> Result<Vec<&str>, Box<Reason>> {
    match value {
        Json::String(_) => Ok(vec![text("aud", value)?]),
        Json::Array(list) if list.is_empty() => Err(malformed("aud", "is an empty list")),
        Json::Array(list) => list.iter().map(|one| text("aud", one)).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => {
            Err(mistyped("aud", "string or list of strings", value))
        }
    }
}

/// Which way a moment with a fraction is rounded; always against the token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    Down,
    Up,
}

fn date(claim: &str, value: &Json, rounding: Rounding) -> Result<u64, Box<Reason>> {
    let Json::Number(number) = value else {
        return Err(mistyped(claim, "number", value));
    };
    seconds(number, rounding).ok_or_else(|| {
        let message = format!("claim `{claim}` is no date in seconds since 1970");
        reason("token.malformed", claim, message)
            .expected(format!("0 to {LAST_SECOND}"))
            .found(Some(number.to_string()))
            .into()
    })
}

/// Whole seconds since 1970; none where no calendar has them.
fn seconds(number: &Number, rounding: Rounding) -> Option<u64> {
    let whole = number.as_u64().or_else(|| {
        let exact = number.as_f64()?;
        let rounded = match rounding {
            Rounding::Down => exact.floor(),
            Rounding::Up => exact.ceil(),
        };
        match format!("{rounded:.0}").as_str() {
            // What rounds up to nothing keeps its sign.
            "-0" => Some(0),
            digits => digits.parse().ok(),
        }
    });
    whole.filter(|seconds| *seconds <= LAST_SECOND)
}

/// The `iat` of a claim set; none where it is no date.
pub(crate) fn issued_at(claims: &Map<String, Json>) -> Option<u64> {
    seconds(claims.get("iat")?.as_number()?, Rounding::Up)
}

/// The `exp` of a claim set; none where it is no date.
pub(crate) fn expires_at(claims: &Map<String, Json>) -> Option<u64> {
    seconds(claims.get("exp")?.as_number()?, Rounding::Down)
}

/// The values of `aud` in their order; none where they are no audiences.
pub(crate) fn audience_of(claims: &Map<String, Json>) -> Vec<String> {
    let values = claims.get("aud").map(audiences);
    let values = values.and_then(Result::ok).unwrap_or_default();
    values.into_iter().map(str::to_owned).collect()
}

// RFC 7519 §4.1.4: `exp` is exclusive, and no leeway prolongs it.
fn check_end(expires_at: u64, now: u64) -> Result<(), Box<Reason>> {
    if now < expires_at {
        return Ok(());
    }
    let message = format!("the token expired {} seconds ago", now - expires_at);
    Err(reason("token.expired", "exp", message)
        .expected(format!("after {}", time::words(now)))
        .found(Some(time::words(expires_at)))
        .into())
}

/// The longest lifetime that a host takes of an issuer's tokens unless it is
/// configured, in seconds.
fn longest_lifetime(model: &Model) -> u64 {
    let published = model.longest_lifetime().map_or(u64::MAX, u64::from);
    published.min(LONGEST_LIFETIME)
}

fn check_lifetime(lifetime: u64, longest: u64) -> Result<(), Box<Reason>> {
    if lifetime <= longest {
        return Ok(());
    }
    let message = format!("the token lives for {lifetime} seconds, longer than {longest}");
    Err(reason("token.lifetime", "exp", message)
        .expected(format!("at most {longest} seconds"))
        .found(Some(format!("{lifetime} seconds")))
        .into())
}

fn check_start(claim: &str, start: Option<u64>, now: u64) -> Result<(), Box<Reason>> {
    let Some(start) = start.filter(|start| *start > now.saturating_add(LEEWAY)) else {
        return Ok(());
    };
    let message = format!(
        "the token's `{claim}` is {} seconds in the future",
        start - now
    );
    Err(reason("token.not-yet-valid", claim, message)
        .expected(format!("at most {LEEWAY} s after {}", time::words(now)))
        .found(Some(time::words(start)))
        .into())
}

fn unknown(url: &str) -> Box<Reason> {
    let message = format!("issuer `{url}` is not one of the document's");
    reason("issuer.unknown", "iss", message)
        .expected("an issuer of the document")
        .found(Some(url.to_owned()))
        .into()
}

fn absent(claim: &str, expected: &str) -> Box<Reason> {
    reason("claim.absent", claim, format!("the token has no `{claim}`"))
        .expected(expected)
        .into()
}

fn mistyped(claim: &str, expected: &str, value: &Json) -> Box<Reason> {
    let message = format!("claim `{claim}` is not a {expected}");
    reason("claim.type", claim, message)
        .expected(expected)
        .found(Some(type_name(value).to_owned()))
        .into()
}

fn malformed(claim: &str, fault: &str) -> Box<Reason> {
    reason("token.malformed", claim, format!("claim `{claim}` {fault}")).into()
}

const fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "list",
        Json::Object(_) => "object",
    }
}

/// A reason about one claim, while it is written.
struct Draft(Reason);

fn reason(code: &'static str, claim: &str, message: String) -> Draft {
    Draft(Reason {
        code,
        statement: None,
        claim: vec![claim.to_owned()],
        expected: String::new(),
        found: None,
        message,
    })
}

impl Draft {
    fn expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = expected.into();
        self
    }

    fn found(mut self, found: Option<String>) -> Self {
        self.0.found = found;
        self
    }
}

impl From<Draft> for Box<Reason> {
    fn from(draft: Draft) -> Self {
        Self::new(draft.0)
    }
}

fn translate(refusal: Refusal) -> Box<Reason> {
    let Refusal {
        code,
        claim,
        expected,
        found,
        message,
    } = refusal;
    Box::new(Reason {
        code,
        statement: None,
        claim,
        expected,
        found,
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Map<String, Json> {
        serde_json::from_str(json).unwrap()
    }

    /// The code and the claim of the first thing that is wrong with `json`.
    fn refused(json: &str) -> (&'static str, String) {
        let claims = parsed(json);
        let reason = Registered::read(&claims).unwrap_err();
        (reason.code, reason.claim.join("."))
    }

    #[test]
    fn every_registered_claim_has_its_type() {
        for (claim, value) in [
            ("iss", "1"),
            ("sub", "null"),
            ("aud", "1"),
            ("aud", "{}"),
            ("aud", "[\"a\",1]"),
            ("jti", "1"),
            ("cnf", "\"k\""),
            ("exp", "\"1\""),
            ("nbf", "null"),
            ("iat", "true"),
        ] {
            let json = format!(r#"{{"{claim}":{value}}}"#);
            assert_eq!(refused(&json), ("claim.type", claim.to_owned()), "{json}");
        }
    }

    #[test]
    fn what_is_empty_is_malformed_and_the_first_fault_is_told() {
        for audience in ["\"\"", "[]", "[\"\"]"] {
            let json = format!(r#"{{"iss":"i","sub":"s","aud":{audience}}}"#);
            assert_eq!(refused(&json), ("token.malformed", "aud".to_owned()));
        }
        assert_eq!(refused(r#"{"sub":""}"#).0, "token.malformed");
        let both = refused(r#"{"iss":"i","jti":4,"exp":"1"}"#);
        assert_eq!(both, ("claim.type", "jti".to_owned()));
        assert_eq!(refused("{}"), ("claim.absent", "iss".to_owned()));
        assert_eq!(
            refused(r#"{"iss":"i"}"#),
            ("claim.absent", "sub".to_owned())
        );
    }

    #[test]
    fn moments_are_rounded_against_the_token_and_stand_in_the_calendar() {
        let of = |text: &str, rounding| seconds(&serde_json::from_str(text).unwrap(), rounding);
        for (text, down, up) in [
            ("10.25", Some(10), Some(11)),
            ("7", Some(7), Some(7)),
            ("3.0", Some(3), Some(3)),
            ("17000000001e-1", Some(1_700_000_000), Some(1_700_000_001)),
            ("-0.5", None, Some(0)),
            ("-1", None, None),
            ("253402300799", Some(LAST_SECOND), Some(LAST_SECOND)),
            ("253402300800", None, None),
            ("1e12", None, None),
            ("1e300", None, None),
            ("18446744073709551615", None, None),
        ] {
            assert_eq!(of(text, Rounding::Down), down, "{text}");
            assert_eq!(of(text, Rounding::Up), up, "{text}");
        }
    }

    #[test]
    fn a_model_shortens_the_longest_lifetime_and_never_prolongs_it() {
        let registry = claimbound_issuers::Registry::standard();
        for model in registry.iter() {
            let published = model.longest_lifetime().map_or(u64::MAX, u64::from);
            let longest = longest_lifetime(model);
            assert_eq!(longest, published.min(86_400), "{}", model.name());
        }
        let google = registry.get("google").unwrap();
        assert_eq!(longest_lifetime(google), 3600);
        let long = check_lifetime(3601, longest_lifetime(google)).unwrap_err();
        assert_eq!(long.expected, "at most 3600 seconds");
    }

    #[test]
    fn a_start_has_leeway_and_an_end_has_none() {
        assert!(check_start("nbf", Some(160), 100).is_ok());
        let early = check_start("nbf", Some(161), 100).unwrap_err();
        assert_eq!(early.code, "token.not-yet-valid");
        assert_eq!(early.expected, "at most 60 s after 1970-01-01T00:01:40Z");
        assert_eq!(early.found.as_deref(), Some("1970-01-01T00:02:41Z"));
        assert!(check_end(101, 100).is_ok());
        assert_eq!(check_end(100, 100).unwrap_err().code, "token.expired");
        assert!(check_lifetime(LONGEST_LIFETIME, LONGEST_LIFETIME).is_ok());
        let long = check_lifetime(LONGEST_LIFETIME + 1, LONGEST_LIFETIME).unwrap_err();
        assert_eq!(long.code, "token.lifetime");
    }
}
