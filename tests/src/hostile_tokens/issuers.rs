//! Issuers that take each other for themselves.

use super::{
    HEADER, ISSUER, POLICY, SIGNER, Signer, claims, decide, gate_of, issuer, signed, spelt,
};

const OTHER: &str = "https://ghes.acme.example/_services/token";

fn from(url: &str) -> String {
    spelt(&format!(r#""iss":{}"#, serde_json::Value::from(url)))
}

#[test]
fn keys_of_one_issuer_never_verify_anothers_token() {
    let (ours, theirs) = (Signer::ed25519(), Signer::ed25519());
    let gate = gate_of(
        [
            issuer(ISSUER, &[ours.jwk("k")]),
            issuer(OTHER, &[theirs.jwk("k")]),
        ],
        &POLICY,
    );
    let nameless = r#"{"alg":"EdDSA","typ":"JWT"}"#;
    for header in [HEADER, nameless] {
        for (signer, url, expected) in [
            (&ours, ISSUER, "allow"),
            (&theirs, ISSUER, "token.signature"),
            (&ours, OTHER, "token.signature"),
            // Verified, and of an issuer that no statement names.
            (&theirs, OTHER, "issuer.unknown"),
        ] {
            let token = signer.sign("EdDSA", header, &from(url));
            assert_eq!(decide(&gate, &token), expected, "{url} {header}");
        }
    }
}

#[test]
fn a_key_that_two_issuers_publish_makes_them_no_less_two() {
    let shared = Signer::ed25519();
    for id in ["k", "other"] {
        let gate = gate_of(
            [
                issuer(ISSUER, &[shared.jwk("k")]),
                issuer(OTHER, &[shared.jwk(id)]),
            ],
            &POLICY,
        );
        let token = |url: &str, id: &str| {
            let header = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{id}"}}"#);
            shared.sign("EdDSA", &header, &from(url))
        };
        assert_eq!(decide(&gate, &token(ISSUER, "k")), "allow");
        assert_eq!(decide(&gate, &token(OTHER, id)), "issuer.unknown");
    }
}

#[test]
fn an_issuer_that_is_spelt_otherwise_is_another() {
    let gate = gate_of([issuer(ISSUER, &[SIGNER.jwk("k")])], &POLICY);
    let host = "token.actions.githubusercontent.com";
    for other in [
        format!("{ISSUER}/"),
        format!("{ISSUER}//"),
        format!("{ISSUER}/."),
        format!("{ISSUER}?"),
        format!("{ISSUER}#"),
        format!("{ISSUER}:443"),
        format!("{ISSUER}."),
        format!("{ISSUER} "),
        format!("{ISSUER}\n"),
        format!("{ISSUER}\0"),
        format!("{ISSUER}\0.evil.example"),
        format!("{ISSUER}.evil.example"),
        format!("{ISSUER}@evil.example"),
        format!("\u{feff}{ISSUER}"),
        format!("https://{host}@{host}"),
        format!("https://x:y@{host}"),
        format!("https:/{host}"),
        format!("https:\\\\{host}"),
        format!("http://{host}"),
        format!("HTTPS://{host}"),
        format!("https://{}", host.to_uppercase()),
        format!("https://{}", host.replace('.', "。")),
        format!("https://{}", host.replace('.', "．")),
        format!("https://{}", host.replace('.', "%2e")),
        format!("https://{}", host.replacen('o', "о", 1)),
        format!("https://{}", host.replacen('i', "ı", 1)),
        format!("https://{}", host.replacen('k', "\u{212a}", 1)),
        format!("https://{}", host.replacen("tok", "tok\u{ad}", 1)),
        host.to_owned(),
        "*".to_owned(),
        "https://*.githubusercontent.com".to_owned(),
    ] {
        let token = signed(HEADER, &from(&other));
        assert_eq!(decide(&gate, &token), "issuer.unknown", "{other:?}");
    }
    // Escapes are JSON's own: what they spell is the issuer, byte for byte.
    let escaped = ISSUER.replace('/', "\\/").replace('t', "\\u0074");
    let token = signed(HEADER, &spelt(&format!(r#""iss":"{escaped}""#)));
    assert_eq!(decide(&gate, &token), "allow");
    for (iss, expected) in [
        ("null", "claim.type"),
        (
            r#"["https://token.actions.githubusercontent.com"]"#,
            "claim.type",
        ),
        (r#""""#, "token.malformed"),
    ] {
        let token = signed(HEADER, &spelt(&format!(r#""iss":{iss}"#)));
        assert_eq!(decide(&gate, &token), expected, "{iss}");
    }
}

#[test]
fn a_route_without_issuers_knows_none() {
    let gate = gate_of([], &POLICY);
    assert_eq!(decide(&gate, &signed(HEADER, &claims())), "issuer.unknown");
}
