//! The registered claims of RFC 7519 §4.1, of the right types and in bounds.

use super::claims::Claims;
use crate::json::{self, Node, Value};
use crate::reason::{Code, Reason, Refusal};

/// The last second of the year 9999, past which RFC 3339 can't write a date.
const LAST_SECOND: u64 = 253_402_300_799;

/// Where the registered claims stand in a payload, and its dates in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registered {
    pub(crate) issuer: u32,
    pub(crate) subject: u32,
    pub(crate) audience: Option<u32>,
    pub(crate) token_id: Option<u32>,
    pub(crate) confirmation: Option<u32>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) not_before: Option<u64>,
    pub(crate) issued_at: Option<u64>,
}

impl Registered {
    pub(crate) fn read(claims: &Claims) -> Result<Self, Refusal> {
        let (mut issuer, mut subject) = (None, None);
        let (mut audience, mut token_id, mut confirmation) = (None, None, None);
        let (mut expires_at, mut not_before, mut issued_at) = (None, None, None);
        for (name, node) in claims.members() {
            match name {
                "iss" => issuer = Some(text("iss", node)?),
                "sub" => subject = Some(text("sub", node)?),
                "aud" => audience = Some(audiences(node)?),
                "jti" => token_id = Some(text("jti", node)?),
                "cnf" => confirmation = Some(object("cnf", node)?),
                // A date is never taken for later than it is, nor a start for
                // earlier: `exp` rounds down, the others up.
                "exp" => expires_at = Some(date("exp", node, json::floor)?),
                "nbf" => not_before = Some(date("nbf", node, json::ceil)?),
                "iat" => issued_at = Some(date("iat", node, json::ceil)?),
                _ => {}
            }
        }
        let issuer = issuer.ok_or_else(|| absent("iss"))?;
        let subject = subject.ok_or_else(|| absent("sub"))?;
        Ok(Self {
            issuer,
            subject,
            audience,
            token_id,
            confirmation,
            expires_at,
            not_before,
            issued_at,
        })
    }
}

fn text(claim: &str, node: Node<'_>) -> Result<u32, Refusal> {
    match node.text() {
        Some("") => Err(malformed(claim, "is empty")),
        Some(_) => Ok(node.index()),
        None => Err(mistyped(claim, "string", node)),
    }
}

fn object(claim: &str, node: Node<'_>) -> Result<u32, Refusal> {
    let is_object = matches!(node.value(), Value::Object(_));
    if is_object {
        Ok(node.index())
    } else {
        Err(mistyped(claim, "object", node))
    }
}

// RFC 7519 §4.1.3: one string, or a list of them.
fn audiences(node: Node<'_>) -> Result<u32, Refusal> {
    let Value::List(mut items) = node.value() else {
        return if node.text().is_some() {
            text("aud", node)
        } else {
            Err(mistyped("aud", "string or list of strings", node))
        };
    };
    if items.clone().next().is_none() {
        return Err(malformed("aud", "is an empty list"));
    }
    items.try_for_each(|item| text("aud", item).map(|_| ()))?;
    Ok(node.index())
}

fn date(claim: &str, node: Node<'_>, round: fn(&str) -> Option<i64>) -> Result<u64, Refusal> {
    if !matches!(node.value(), Value::Integer(_) | Value::Number(_)) {
        return Err(mistyped(claim, "number", node));
    }
    let seconds = node
        .rounded(round)
        .and_then(|seconds| u64::try_from(seconds).ok())
        .filter(|seconds| *seconds <= LAST_SECOND);
    seconds.ok_or_else(|| {
        let reason = Reason::new(
            Code::TokenMalformed,
            format!("claim `{claim}` is no date in seconds since 1970"),
        );
        reason
            .about([claim])
            .expected(format!("0 to {LAST_SECOND}"))
            .found(node.json())
            .into()
    })
}

fn absent(claim: &str) -> Refusal {
    Reason::new(Code::ClaimAbsent, format!("the token has no `{claim}`"))
        .about([claim])
        .expected("a string")
        .into()
}

fn mistyped(claim: &str, expected: &str, node: Node<'_>) -> Refusal {
    let found = node.value().type_name();
    let reason = Reason::new(
        Code::ClaimType,
        format!("claim `{claim}` is not a {expected}"),
    );
    reason.about([claim]).expected(expected).found(found).into()
}

fn malformed(claim: &str, fault: &str) -> Refusal {
    Reason::new(Code::TokenMalformed, format!("claim `{claim}` {fault}"))
        .about([claim])
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Limits;

    fn read(more: &str) -> Result<Registered, Refusal> {
        let claims =
            Claims::parse(format!(r#"{{"iss":"i","sub":"s"{more}}}"#), &Limits::TOKEN).unwrap();
        Registered::read(&claims)
    }

    fn refused(json: &str) -> (Code, Vec<String>) {
        let refusal = Registered::read(&Claims::parse(json, &Limits::TOKEN).unwrap()).unwrap_err();
        (refusal.code, refusal.claim.clone())
    }

    #[test]
    fn every_registered_claim_has_its_type() {
        for (claim, value) in [
            ("iss", "1"),
            ("sub", "null"),
            ("sub", "[\"s\"]"),
            ("aud", "1"),
            ("aud", "{}"),
            ("aud", "[\"a\",1]"),
            ("aud", "[[\"a\"]]"),
            ("jti", "1"),
            ("cnf", "\"k\""),
            ("exp", "\"1\""),
            ("nbf", "null"),
            ("iat", "true"),
        ] {
            let mut json = format!(r#"{{"{claim}":{value}"#);
            for other in ["iss", "sub"].iter().filter(|other| **other != claim) {
                json.extend([",\"", *other, "\":\"x\""]);
            }
            assert_eq!(
                refused(&format!("{json}}}")),
                (Code::ClaimType, vec![claim.to_owned()]),
                "{json}"
            );
        }
    }

    #[test]
    fn issuer_and_subject_are_there_and_not_empty() {
        assert_eq!(
            refused(r#"{"sub":"s"}"#),
            (Code::ClaimAbsent, vec!["iss".to_owned()])
        );
        assert_eq!(
            refused(r#"{"iss":"i"}"#),
            (Code::ClaimAbsent, vec!["sub".to_owned()])
        );
        assert_eq!(refused(r#"{"iss":"","sub":"s"}"#).0, Code::TokenMalformed);
        assert_eq!(refused(r#"{"iss":"i","sub":""}"#).0, Code::TokenMalformed);
        for audience in ["\"\"", "[]", "[\"\"]"] {
            let json = format!(r#"{{"iss":"i","sub":"s","aud":{audience}}}"#);
            assert_eq!(
                refused(&json),
                (Code::TokenMalformed, vec!["aud".to_owned()])
            );
        }
    }

    #[test]
    fn an_end_rounds_down_and_a_start_up() {
        let read = read(r#","exp":1700000000.9,"nbf":1700000000.1,"iat":17000000001e-1"#).unwrap();
        assert_eq!(read.expires_at, Some(1_700_000_000));
        assert_eq!(
            (read.not_before, read.issued_at),
            (Some(1_700_000_001), Some(1_700_000_001))
        );
    }

    #[test]
    fn a_date_outside_the_calendar_is_refused() {
        for value in [
            "-1",
            "-0.5",
            "253402300800",
            "1e400",
            "1e12",
            "9223372036854775808",
        ] {
            let json = format!(r#","exp":{value}"#);
            assert_eq!(
                read(&json).unwrap_err().code,
                Code::TokenMalformed,
                "{value}"
            );
        }
        assert_eq!(
            read(r#","exp":253402300799"#).unwrap().expires_at,
            Some(LAST_SECOND)
        );
        assert_eq!(read(r#","exp":0"#).unwrap().expires_at, Some(0));
    }
}
