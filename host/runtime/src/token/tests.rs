//! Hostile tokens: whatever the bytes, an answer and never a panic.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::base64url;
use crate::mint::{Signer, claims};
use crate::reason::Code;

fn code(header: &str, payload: &[u8]) -> &'static str {
    let token = format!(
        "{}.{}.AA",
        base64url::encode(header.as_bytes()),
        base64url::encode(payload)
    );
    Token::new(&token)
        .decode(&Limits::TOKEN)
        .unwrap_err()
        .code
        .as_str()
}

#[test]
fn a_token_is_never_printed() {
    assert_eq!(format!("{:?}", Token::new("secret")), "Token(6 bytes)");
    let token = Signer::ed().sign(
        &json!({ "alg": "EdDSA" }),
        &claims(json!({ "actor": "secret" })),
    );
    let decoded = Token::new(&token).decode(&Limits::TOKEN).unwrap();
    let printed = format!("{decoded:?}");
    assert!(
        !printed.contains("secret") && !printed.contains("octocat"),
        "{printed}"
    );
}

#[test]
fn a_payload_that_is_no_strict_object_is_malformed() {
    const HEADER: &str = r#"{"alg":"RS256"}"#;
    for payload in [
        &b""[..],
        b"[]",
        b"null",
        b"\"{}\"",
        b"{\"iss\":\"i\",\"iss\":\"i\",\"sub\":\"s\"}",
        b"{\"iss\":\"i\",\"sub\":\"s\",\"x\":{\"a\":1,\"a\":1}}",
        b"{\"iss\":\"i\",\"sub\":\"\\ud800\"}",
        b"{\"iss\":\"i\",\"sub\":\"s\"}\n{}",
        b"\xef\xbb\xbf{\"iss\":\"i\",\"sub\":\"s\"}",
        b"{\"iss\":\"i\",\"sub\":\"\xc0\x80\"}",
    ] {
        assert_eq!(
            code(HEADER, payload),
            "token.malformed",
            "{}",
            payload.escape_ascii()
        );
    }
    let deep = format!(
        r#"{{"iss":"i","sub":"s","x":{}{}}}"#,
        "[".repeat(32),
        "]".repeat(32)
    );
    assert_eq!(code(HEADER, deep.as_bytes()), "token.malformed");
}

#[test]
fn no_part_may_be_longer_than_the_token() {
    let long = "x".repeat(20_000);
    let payload = claims(json!({})).to_string();
    let header = json!({ "alg": "RS256", "kid": long }).to_string();
    assert_eq!(code(&header, payload.as_bytes()), "token.malformed");
    let padded = claims(json!({ "x": long })).to_string();
    assert_eq!(
        code(r#"{"alg":"RS256"}"#, padded.as_bytes()),
        "token.malformed"
    );
    let short = format!(
        "{}.{}.",
        base64url::encode(br#"{"alg":"RS256"}"#),
        base64url::encode(payload.as_bytes())
    );
    let signed = format!("{short}{}", "A".repeat(20_000));
    assert_eq!(
        Token::new(&signed).decode(&Limits::TOKEN).unwrap_err().code,
        Code::TokenMalformed
    );
    let generous = Limits {
        bytes: 64 * 1024,
        ..Limits::TOKEN
    };
    assert!(
        Token::new(&signed).decode(&generous).is_ok(),
        "the limit is the caller's"
    );
}

#[test]
fn many_members_and_many_escapes_are_read_once() {
    let members: Vec<String> = (0..900)
        .map(|index| format!(r#""\u0061{index}":"\u0062\n""#))
        .collect();
    let payload = format!(r#"{{"iss":"i","sub":"s",{}}}"#, members.join(","));
    let generous = Limits {
        bytes: 64 * 1024,
        ..Limits::TOKEN
    };
    let token = format!(
        "{}.{}.AA",
        base64url::encode(br#"{"alg":"RS256"}"#),
        base64url::encode(payload.as_bytes())
    );
    let decoded = Token::new(&token).decode(&generous).unwrap();
    assert_eq!(decoded.unverified_claims().members().count(), 902);
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _answer = Token::new(&bytes).decode(&Limits::TOKEN);
    }

    #[test]
    fn any_three_parts_are_answered(header in any::<String>(), payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>()) {
        let token = [header.as_bytes(), &payload, &signature].map(base64url::encode).join(".");
        let _answer = Token::new(&token).decode(&Limits::TOKEN);
    }

    #[test]
    fn any_value_of_a_registered_claim_is_answered(
        claim in prop::sample::select(&["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf"][..]),
        value in "-?[0-9]{1,25}(\\.[0-9]{1,30})?(e[+-]?[0-9]{1,22})?|\\[.{0,9}\\]|\\{.{0,9}\\}|\".{0,9}\"",
    ) {
        let payload = format!(r#"{{"iss":"i","sub":"s","{claim}":{value}}}"#).replacen(&format!(r#""{claim}":"{}","#, &claim[..1]), "", 1);
        let token = format!("{}.{}.AA", base64url::encode(br#"{"alg":"RS256"}"#), base64url::encode(payload.as_bytes()));
        let _answer = Token::new(&token).decode(&Limits::TOKEN);
    }
}
