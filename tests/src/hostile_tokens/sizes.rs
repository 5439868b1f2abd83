//! Parts of every size, up to their limits and past them.

use std::fmt::Write as _;

use claimbound::gate::Gate;
use claimbound::json::Limits;
use claimbound::outcome::Outcome;
use serde_json::json;

use super::keys::encode;
use super::{HEADER, claims, decide, gate, outcome, signed, spelt};

/// A gate for tokens of up to a mebibyte.
pub(super) fn generous() -> Gate {
    gate().with_limits(Limits {
        bytes: 1024 * 1024,
        ..Limits::TOKEN
    })
}

/// The usual token, of this length: white space, which JSON lets stand behind
/// a value, fills the header or the payload up. Some lengths are none that
/// base64 without padding has.
fn of_length(length: usize, in_header: bool) -> Option<String> {
    let encoded = |bytes: usize| (bytes * 4).div_ceil(3);
    let (header, payload) = (HEADER.len(), claims().len());
    let rest = 2 + encoded(64);
    let whole = |spaces: usize| {
        let (header, payload) = if in_header {
            (header + spaces, payload)
        } else {
            (header, payload + spaces)
        };
        encoded(header) + encoded(payload) + rest
    };
    let spaces = (0..length).find(|spaces| whole(*spaces) == length)?;
    let spaces = " ".repeat(spaces);
    let token = if in_header {
        signed(&format!("{HEADER}{spaces}"), &claims())
    } else {
        signed(HEADER, &format!("{}{spaces}", claims()))
    };
    assert_eq!(token.len(), length);
    Some(token)
}

#[test]
fn a_token_is_as_long_as_its_limit_and_not_a_byte_longer() {
    let gate = gate();
    for in_header in [false, true] {
        let within = (16_381..=16_384)
            .rev()
            .find_map(|length| of_length(length, in_header));
        assert_eq!(decide(&gate, &within.unwrap()), "allow");
        let past = (16_385..16_388).find_map(|length| of_length(length, in_header));
        assert_eq!(decide(&gate, &past.unwrap()), "token.malformed");
    }
    // To the byte, whatever can be written.
    for (limit, expected) in [(0, "token.malformed"), (1, "allow")] {
        let token = signed(HEADER, &claims());
        let limits = Limits {
            bytes: token.len() - 1 + limit,
            ..Limits::TOKEN
        };
        let gate = super::gate().with_limits(limits);
        assert_eq!(decide(&gate, &token), expected);
    }
}

#[test]
fn a_signature_of_any_length_is_looked_at_once() {
    let token = signed(HEADER, &claims());
    let (input, _) = token.rsplit_once('.').unwrap();
    for (bytes, expected) in [
        (1, "token.signature"),
        (63, "token.signature"),
        (65, "token.signature"),
        (8_192, "token.signature"),
        (100_000, "token.malformed"),
    ] {
        let token = format!("{input}.{}", encode(vec![1; bytes]));
        assert_eq!(decide(&gate(), &token), expected, "{bytes}");
    }
    let token = format!("{input}.{}", encode(vec![1; 700_000]));
    assert_eq!(decide(&generous(), &token), "token.signature");
}

#[test]
fn many_audiences_are_read_and_none_of_them_passes() {
    let gate = generous();
    let others = |last: &str| {
        let mut list: Vec<String> = (0..9_999)
            .map(|index| format!("https://{index}.example"))
            .collect();
        list.push(last.to_owned());
        spelt(&format!(r#""aud":{}"#, json!(list)))
    };
    let token = signed(HEADER, &others("https://last.example"));
    assert_eq!(decide(&gate, &token), "audience.mismatch");
    let Outcome::Deny(denied) = outcome(&gate, &token) else {
        panic!("denied above");
    };
    assert!(denied.reasons[0].found.as_ref().unwrap().len() < 300);
    // With ours among them the policy is asked. It may deny, and may run out of
    // what it is given to read them; it never allows.
    let found = decide(
        &gate,
        &signed(HEADER, &others("https://deploy.acme.example")),
    );
    assert!(
        matches!(&*found, "audience.shared" | "host.memory"),
        "{found}"
    );
    let repeated = json!(vec!["https://deploy.acme.example"; 10_000]);
    let found = decide(
        &gate,
        &signed(HEADER, &spelt(&format!(r#""aud":{repeated}"#))),
    );
    assert!(
        matches!(&*found, "audience.shared" | "host.memory"),
        "{found}"
    );
}

#[test]
fn many_claims_change_nothing() {
    let gate = generous();
    let mut members = String::from(r#""x0":0"#);
    for index in 1..10_000 {
        write!(members, r#","x{index}":{index}"#).unwrap();
    }
    assert_eq!(decide(&gate, &signed(HEADER, &spelt(&members))), "allow");
    // The ten thousandth repeats the first, which is looked for among all.
    let twice = format!(r#"{members},"\u0078\u0030":1"#);
    assert_eq!(
        decide(&gate, &signed(HEADER, &spelt(&twice))),
        "token.malformed"
    );
    // Names that differ in their middle alone.
    let mut alike = String::from(r#""y":0"#);
    for index in 0..10_000 {
        write!(alike, r#","abcdefgh{index:05}abcdefgh":0"#).unwrap();
    }
    assert_eq!(decide(&gate, &signed(HEADER, &spelt(&alike))), "allow");
}

#[test]
fn long_values_are_denied_in_few_words() {
    let gate = generous();
    let long = "ß".repeat(100_000);
    for members in [
        format!(r#""sub":"{long}""#),
        format!(r#""iss":"{long}""#),
        format!(r#""aud":"{long}""#),
        format!(r#""ref":"{long}""#),
        format!(r#""repository":"{long}""#),
        format!(r#""repository_id":"{long}""#),
        format!(r#""environment":"{long}""#),
        format!(r#""runner_environment":["{long}"]"#),
        format!(r#""exp":1{}"#, "0".repeat(100_000)),
        format!(r#""exp":0.{}1"#, "0".repeat(100_000)),
        format!(r#""iat":1e{}"#, "9".repeat(100_000)),
        format!(r#""{long}":0,"{long}":1"#),
    ] {
        let Outcome::Deny(denied) = outcome(&gate, &signed(HEADER, &spelt(&members))) else {
            panic!("{}", &members[..24]);
        };
        for reason in &denied.reasons {
            let text = serde_json::to_string(reason).unwrap();
            assert!(text.len() < 4_000, "{} {}", reason.code, text.len());
        }
    }
    let header = format!(r#"{{"alg":"EdDSA","typ":"{long}","kid":"k"}}"#);
    assert_eq!(decide(&gate, &signed(&header, &claims())), "token.type");
    let header = format!(r#"{{"alg":"{long}","typ":"JWT","kid":"k"}}"#);
    assert_eq!(
        decide(&gate, &signed(&header, &claims())),
        "token.algorithm"
    );
    let header = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{long}"}}"#);
    assert_eq!(decide(&gate, &signed(&header, &claims())), "token.key");
}
