//! A token read by another JSON reader, as plainly as it can be done.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::route::{AUDIENCE, ISSUER, NOW};

/// Header and payload of a token in three parts, if another reader can read it.
pub fn read(token: &[u8]) -> Option<(Value, Value)> {
    let text = std::str::from_utf8(token).ok()?;
    let mut parts = text.split('.');
    let (header, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let json = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    };
    parts
        .next()
        .is_none()
        .then_some((json(header)?, json(payload)?))
}

/// What has to hold of every token that the route's policy allows: each line
/// is a line of the policy, or of the floor.
pub fn is_allowable(header: &Value, payload: &Value) -> bool {
    let text = |name: &str| payload[name].as_str().unwrap_or_default();
    let number = |name: &str| payload[name].as_f64();
    let now = NOW as f64;
    let subjects = [
        "repo:acme/infra:environment:production",
        "repo:acme@123456/infra@456789:environment:production",
    ];
    let immutable = text("sub") == subjects[1];
    // What the subject says a claim need not repeat, but it may not differ.
    let repeats = |name: &str, value: &str| payload.get(name).is_none_or(|found| found == value);
    let audience = &payload["aud"];
    let own = |one: &Value| one == AUDIENCE;
    let kind = header["typ"].as_str().unwrap_or("jwt").to_ascii_lowercase();
    let workflow = text("job_workflow_ref")
        .strip_prefix("acme/infra/.github/workflows/")
        .and_then(|rest| rest.strip_suffix(".yml@refs/heads/main"));
    let lifetime = number("exp")
        .zip(number("iat"))
        .map(|(end, start)| end - start);
    [
        header["alg"] == "EdDSA",
        kind == "jwt" || kind == "application/jwt",
        header.get("kid").is_none_or(|kid| kid == "k"),
        ["crit", "b64", "zip"]
            .iter()
            .all(|name| header.get(name).is_none()),
        text("iss") == ISSUER,
        subjects.contains(&text("sub")),
        own(audience)
            || audience
                .as_array()
                .is_some_and(|list| list.len() == 1 && own(&list[0])),
        number("exp").is_some_and(|end| end > now),
        number("nbf").is_none_or(|start| start <= now + 60.0),
        number("iat").is_some_and(|start| start <= now + 60.0),
        // Starts round up and ends down, by less than a second each.
        lifetime.is_some_and(|lifetime| lifetime < 902.0),
        repeats("repository", "acme/infra"),
        repeats("repository_id", "456789") && (immutable || !text("repository_id").is_empty()),
        repeats("repository_owner", "acme"),
        repeats("repository_owner_id", "123456")
            && (immutable || !text("repository_owner_id").is_empty()),
        repeats("environment", "production"),
        text("ref") == "refs/heads/main",
        workflow.is_some_and(|name| !name.contains(['/', ':'])),
        text("runner_environment") == "github-hosted",
        ["1", "2", "3"].contains(&text("run_attempt")),
        number("score").is_some_and(|score| (1.0..=9_007_199_254_740_992.0).contains(&score)),
        // A star crosses no separator, so a robot's name has none.
        payload["actor"].as_str().is_some_and(|actor| {
            let robot = actor.strip_suffix("-bot");
            robot.is_none_or(|name| name.contains(['/', ':', '@']))
        }),
    ]
    .iter()
    .all(|holds| *holds)
}
