//! The token that everybody is asked about, and the ways in which it is changed.

use serde_json::{Map, Value, json};

use crate::Fault;

/// When every token is judged, in seconds since 1970: 2026-11-23T10:00:00Z.
pub(crate) const NOW: u64 = 1_795_428_000;

/// The issuer that every policy here trusts.
pub(crate) const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The audience that every policy here asks for.
pub(crate) const AUDIENCE: &str = "https://deploy.acme-platform.example";

/// The claims of a job, all that the forge writes.
const CLAIMS: &str = include_str!("../claims.json");

/// A header as the forge writes it.
const HEADER: &str = r#"{"alg":"RS256","kid":"38826B17-6A30-5F9B-B169-8BEB8202F723","typ":"JWT","x5t":"ykNaY4qM_ta4k2TgZOCEYLkcYlA"}"#;

/// The bytes of an RS256 signature by a key of 2048 bits (RFC 7518 §3.3).
const SIGNATURE: usize = 256;

/// A claim set and what has to be decided about it.
pub(crate) struct Token {
    /// What is changed in it, for people.
    pub(crate) name: String,
    /// The claims, as the bytes of a token's payload.
    pub(crate) payload: Vec<u8>,
    /// Whether all ten conditions hold.
    pub(crate) allowed: bool,
}

/// The two tokens that are timed.
pub(crate) struct Timed {
    /// Every condition holds.
    pub(crate) allowed: Vec<u8>,
    /// The sixth condition does not: another branch.
    pub(crate) denied: Vec<u8>,
}

/// The tokens that are timed.
///
/// # Errors
/// The claims are no JSON object.
pub(crate) fn timed() -> Result<Timed, Fault> {
    let claims = claims()?;
    let denied = changed(&claims, "ref", Some(&json!("refs/heads/main")));
    Ok(Timed {
        allowed: payload(&claims),
        denied: payload(&denied),
    })
}

/// The length in bytes of a compact token with that payload.
pub(crate) fn length(payload: &[u8]) -> usize {
    let encoded = |bytes: usize| (bytes * 4).div_ceil(3);
    encoded(HEADER.len()) + 1 + encoded(payload.len()) + 1 + encoded(SIGNATURE)
}

/// The tokens that everybody has to agree about: the claims as they are, others
/// that hold every condition, and each condition violated in several ways.
///
/// # Errors
/// The claims are no JSON object.
pub(crate) fn table() -> Result<Vec<Token>, Fault> {
    let claims = claims()?;
    let mut tokens = vec![token("as it is", &claims, true)];
    for (claim, values, allowed) in [(holding(), true), (violating(), false)]
        .into_iter()
        .flat_map(|(rows, allowed)| rows.into_iter().map(move |(name, to)| (name, to, allowed)))
    {
        for value in values {
            let name = format!("{claim} = {value}");
            tokens.push(token(
                &name,
                &changed(&claims, claim, Some(&value)),
                allowed,
            ));
        }
        if !allowed {
            let name = format!("{claim} absent");
            tokens.push(token(&name, &changed(&claims, claim, None), false));
        }
    }
    Ok(tokens)
}

/// Values with which a condition holds.
fn holding() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        (
            "ref",
            vec![
                json!("refs/heads/release/2026.12"),
                json!("refs/heads/release/team/2026.12"),
            ],
        ),
        (
            "workflow",
            vec![json!("Deploy now"), json!("Deploy eu/west: 2")],
        ),
        (
            "workflow_ref",
            vec![json!(
                "acme-platform/payments-infrastructure/.github/workflows/rollback.yml@refs/heads/release/2026.11"
            )],
        ),
        ("event_name", vec![json!("workflow_dispatch")]),
        (
            "job_workflow_ref",
            vec![json!(
                "acme-platform/shared-workflows/.github/workflows/deploy.yml@refs/tags/v10.20.30"
            )],
        ),
    ]
}

/// Values with which a condition does not hold. What Cedar's `like` can't tell
/// from a match is left out; see the page of benchmarks.
fn violating() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        (
            "iss",
            vec![
                json!("https://token.actions.githubusercontent.com/"),
                json!("https://tokens.example"),
                json!(7),
            ],
        ),
        (
            "aud",
            vec![
                json!("https://deploy.acme-platform.example/"),
                json!("https://other.example"),
                json!(["https://other.example"]),
            ],
        ),
        (
            "sub",
            vec![
                json!("repo:acme-platform/payments-infrastructure:environment:staging"),
                json!("repo:acme-platform/payments-infrastructure:environment:production2"),
                json!("repo:stranger/payments-infrastructure:environment:production"),
                json!(7),
            ],
        ),
        (
            "repository_owner_id",
            vec![json!("999999"), json!("1234567"), json!(123_456)],
        ),
        (
            "repository_id",
            vec![json!("888888"), json!("45678"), json!(456_789)],
        ),
        (
            "ref",
            vec![
                json!("refs/heads/main"),
                json!("refs/heads/release"),
                json!("refs/heads/releases/1"),
                json!("refs/tags/release/1"),
                json!(["refs/heads/release/2026.11"]),
            ],
        ),
        (
            "workflow",
            vec![
                json!("Test"),
                json!("deploy to production"),
                json!("Re-Deploy to production"),
                json!(true),
            ],
        ),
        (
            "workflow_ref",
            vec![
                json!("stranger/infra/.github/workflows/deploy.yml@refs/heads/release/2026.11"),
                json!(
                    "acme-platform/payments-infrastructure/.github/workflows/test.yml@refs/heads/release/2026.11"
                ),
                json!(
                    "acme-platform/payments-infrastructure/.github/workflows/deploy.yml@refs/heads/main"
                ),
                json!(
                    "acme-platform/payments-infrastructure/.github/workflows/deploy-yml@refs/heads/release/1"
                ),
                json!(1),
            ],
        ),
        (
            "event_name",
            vec![
                json!("pull_request_target"),
                json!("pushed"),
                json!("a push"),
                json!(""),
                json!(false),
            ],
        ),
        (
            "job_workflow_ref",
            vec![
                json!(
                    "acme-platform/shared-workflows/.github/workflows/deploy.yml@refs/heads/main"
                ),
                json!("acme-platform/shared-workflows/.github/workflows/deploy.yml@refs/tags/v3"),
                json!("acme-platform/shared-workflows/.github/workflows/test.yml@refs/tags/v3.1.0"),
                json!("stranger/shared-workflows/.github/workflows/deploy.yml@refs/tags/v3.1.0"),
                json!({ "name": "deploy" }),
            ],
        ),
    ]
}

fn claims() -> Result<Map<String, Value>, Fault> {
    Ok(serde_json::from_str(CLAIMS)?)
}

/// The claims with another value of one, or without it.
fn changed(claims: &Map<String, Value>, claim: &str, value: Option<&Value>) -> Map<String, Value> {
    let mut claims = claims.clone();
    match value {
        Some(value) => claims.insert(claim.to_owned(), value.clone()),
        None => claims.shift_remove(claim),
    };
    claims
}

fn payload(claims: &Map<String, Value>) -> Vec<u8> {
    Value::Object(claims.clone()).to_string().into_bytes()
}

fn token(name: &str, claims: &Map<String, Value>, allowed: bool) -> Token {
    Token {
        name: name.to_owned(),
        payload: payload(claims),
        allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_ten_conditions_is_violated_in_several_ways() {
        let denied = violating();
        assert_eq!(denied.len(), 10);
        assert!(denied.iter().all(|(_, values)| values.len() >= 3));
        let tokens = table().unwrap();
        assert!(tokens.iter().filter(|token| !token.allowed).count() >= 40);
        assert!(tokens.iter().filter(|token| token.allowed).count() >= 5);
    }

    #[test]
    fn the_token_has_the_size_of_a_real_one() {
        let payload = timed().unwrap().allowed;
        assert!(
            (1_200..=1_500).contains(&payload.len()),
            "{}",
            payload.len()
        );
        assert!((2_000..=2_500).contains(&length(&payload)));
    }
}
