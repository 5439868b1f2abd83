//! What a header may say, and what it may never do.

use claimbound::gate::Judged;
use claimbound::obligation::{Commit, CommitError, Committed, Obligation};
use claimbound::outcome::Outcome;
use serde_json::{Value, json};

use super::keys::encode;
use super::{HEADER, POLICY, SIGNER, Signer, claims, decide, gate, gate_of, issuer, signed, spelt};

fn header(more: &Value) -> String {
    let mut header: Value = serde_json::from_str(HEADER).unwrap();
    for (name, value) in more.as_object().unwrap() {
        header[name] = value.clone();
    }
    header.to_string()
}

#[test]
fn extensions_that_change_the_reading_are_refused() {
    let gate = gate();
    for more in [
        json!({ "crit": ["b64"], "b64": false }),
        json!({ "crit": ["exp"], "exp": 1 }),
        json!({ "crit": [] }),
        json!({ "crit": ["alg"] }),
        json!({ "crit": "x" }),
        json!({ "crit": null }),
        json!({ "b64": true }),
        json!({ "b64": false }),
        json!({ "zip": "DEF" }),
        json!({ "zip": null }),
    ] {
        assert_eq!(
            decide(&gate, &signed(&header(&more), &claims())),
            "token.malformed",
            "{more}"
        );
    }
    // RFC 7515 §4: parameter names are compared byte for byte.
    let other = json!({ "Crit": ["b64"], "B64": false, "enc": "A128GCM" });
    assert_eq!(decide(&gate, &signed(&header(&other), &claims())), "allow");
}

#[test]
fn a_key_in_the_header_neither_helps_nor_hinders() {
    let (gate, theirs) = (gate(), Signer::ed25519());
    let certificate =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, theirs.der());
    for more in [
        json!({ "jwk": theirs.jwk("k") }),
        json!({ "jwk": theirs.jwk("k"), "kid": "theirs" }),
        json!({ "jku": "https://evil.example/keys" }),
        json!({ "x5u": "https://evil.example/certificate" }),
        json!({ "x5c": [certificate], "x5t": "AA", "x5t#S256": encode([0; 32]) }),
        json!({ "jwk": { "kty": "oct", "k": encode(b"secret") } }),
        json!({ "jwk": 1, "jku": [], "x5u": {}, "x5c": "x" }),
    ] {
        let header = header(&more);
        let forged = theirs.sign("EdDSA", &header, &claims());
        let known = more.get("kid").is_none();
        let expected = if known {
            "token.signature"
        } else {
            "token.key"
        };
        assert_eq!(decide(&gate, &forged), expected, "{more}");
        if known {
            assert_eq!(
                decide(&gate, &signed(&header, &claims())),
                "allow",
                "{more}"
            );
        }
    }
}

#[test]
fn a_token_of_another_type_is_refused() {
    let gate = gate();
    for (typ, expected) in [
        (json!("JWT"), "allow"),
        (json!("jwt"), "allow"),
        (json!("application/jwt"), "allow"),
        (json!("APPLICATION/JWT"), "allow"),
        (json!("at+jwt"), "token.type"),
        (json!("dpop+jwt"), "token.type"),
        (json!("application/dpop+jwt"), "token.type"),
        (json!("logout+jwt"), "token.type"),
        (json!("secevent+jwt"), "token.type"),
        (json!("kb+jwt"), "token.type"),
        (json!("JOSE"), "token.type"),
        (json!("JWE"), "token.type"),
        (json!("JWT\u{0}"), "token.type"),
        (json!("JWT "), "token.type"),
        (json!("ＪＷＴ"), "token.type"),
        (json!("application/x/jwt"), "token.type"),
        (json!("application/"), "token.type"),
        (json!(""), "token.type"),
        (json!(null), "token.malformed"),
        (json!(1), "token.malformed"),
        (json!(["JWT"]), "token.malformed"),
    ] {
        let token = signed(&header(&json!({ "typ": typ })), &claims());
        assert_eq!(decide(&gate, &token), expected, "{typ}");
    }
}

#[test]
fn a_key_id_is_a_text_and_nothing_else() {
    let gate = gate();
    for (kid, expected) in [
        (json!(""), "token.key"),
        (json!("K"), "token.key"),
        (json!("k\u{0}"), "token.key"),
        (json!("../k"), "token.key"),
        (json!("k' OR '1'='1"), "token.key"),
        (json!("к"), "token.key"),
        (json!("x".repeat(4000)), "token.key"),
        (json!(null), "token.malformed"),
        (json!(0), "token.malformed"),
        (json!(["k"]), "token.malformed"),
    ] {
        let token = signed(&header(&json!({ "kid": kid })), &claims());
        assert_eq!(decide(&gate, &token), expected, "{kid}");
    }
}

/// A host that can prove possession too, and does.
struct Prover;

impl Commit for Prover {
    fn can_meet(&self, _: &Obligation) -> bool {
        true
    }

    fn commit(&self, judged: &Judged) -> Result<Committed, CommitError> {
        assert!(judged.token().token().confirmation().is_some());
        Ok(Committed::default())
    }
}

#[test]
fn a_token_that_is_bound_to_a_key_is_never_a_bearers() {
    let bearer = gate();
    let prover = gate_of([issuer(super::ISSUER, &[SIGNER.jwk("k")])], &POLICY).with_commit(Prover);
    for members in [
        r#""cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#,
        r#""\u0063nf":{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}"#,
        r#""cnf":{}"#,
        r#""cnf":{"unknown":null}"#,
    ] {
        let token = signed(HEADER, &spelt(members));
        assert_eq!(decide(&bearer, &token), "host.obligation", "{members}");
        let Outcome::Allow(allowed) = super::outcome(&prover, &token) else {
            panic!("{members}");
        };
        let kinds: Vec<_> = allowed.obligations.iter().map(Obligation::kind).collect();
        assert!(kinds.contains(&"prove"), "{members}: {kinds:?}");
    }
    for members in [
        r#""cnf":null"#,
        r#""cnf":[]"#,
        r#""cnf":"x""#,
        r#""cnf":false"#,
    ] {
        let token = signed(HEADER, &spelt(members));
        assert_eq!(decide(&bearer, &token), "claim.type", "{members}");
    }
}
