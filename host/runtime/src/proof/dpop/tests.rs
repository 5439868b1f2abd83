//! Each check of RFC 9449 §4.3 fails by itself, and says so.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::mint::{Signer, merged};
use crate::sha256::sha256;

const NOW: u64 = 1_790_000_000;
const URL: &str = "https://api.example/deploy";
const TOKEN: &[u8] = b"a.b.c";

fn header(signer: &Signer, more: Value) -> Value {
    let algorithm = match signer {
        Signer::Rsa(_) => "RS256",
        Signer::Ec(_) => "ES256",
        Signer::Ed(_) => "EdDSA",
    };
    let header = json!({ "typ": "dpop+jwt", "alg": algorithm, "jwk": signer.jwk() });
    merged(header, more)
}

fn payload(more: Value) -> Value {
    let payload = json!({
        "jti": "e1j3V_bKic8-LAEB", "htm": "POST", "htu": URL, "iat": NOW,
        "ath": base64url::encode(&sha256(TOKEN)),
    });
    let mut payload = merged(payload, more);
    // What is null is left out.
    payload
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    payload
}

fn proof(jwt: impl Into<String>) -> DpopProof {
    DpopProof {
        jwt: jwt.into(),
        method: "POST".to_owned(),
        url: URL.to_owned(),
    }
}

fn check(signer: &Signer, proof: &DpopProof, rules: &DpopRules) -> Result<Proved, Refusal> {
    let key = Key::from_jwk(signer.jwk().to_string()).unwrap();
    let bound = Bound {
        thumbprint: key.thumbprint(),
        token: sha256(TOKEN),
        now: NOW,
        leeway: 60,
    };
    proof.check(&bound, rules)
}

/// The message against a proof of that header and payload.
fn refused(signer: &Signer, header: &Value, payload: &Value) -> String {
    let proof = proof(signer.sign(header, payload));
    let refusal = check(signer, &proof, &DpopRules::default()).unwrap_err();
    assert_eq!(refusal.code, Code::ProofInvalid);
    refusal.message.clone()
}

#[test]
fn the_example_of_the_rfc_is_taken() {
    // RFC 9449 §7.1, figure 12
    let example = DpopProof {
        jwt: "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA".to_owned(),
        method: "GET".to_owned(),
        url: "https://resource.example.org/protectedresource".to_owned(),
    };
    let bound = Bound {
        thumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
        token: sha256(b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
        now: 1_562_262_618,
        leeway: 60,
    };
    let proved = example.check(&bound, &DpopRules::default()).unwrap();
    assert_eq!(proved.id, "e1j3V_bKic8-LAEB");
    assert_eq!(proved.until, 1_562_262_618 + 60 + 60 + 1);
    assert_eq!(proved.thumbprint, bound.thumbprint);
    let other = Bound {
        token: sha256(b"another"),
        ..bound
    };
    let refusal = example.check(&other, &DpopRules::default()).unwrap_err();
    assert_eq!(
        refusal.message,
        "the proof's `ath` is not the SHA-256 of this token"
    );
    // RFC 9449 §4.2, figure 2: one for a token endpoint has no `ath`.
    let first = DpopProof {
        jwt: "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg".to_owned(),
        method: "POST".to_owned(),
        url: "https://server.example.com/token".to_owned(),
    };
    let refusal = first.check(&bound, &DpopRules::default()).unwrap_err();
    assert_eq!(refusal.message, "the proof has no `ath`");
}

#[test]
fn a_key_of_each_kind_proves() {
    for signer in [Signer::rsa(), Signer::ec(), Signer::ed()] {
        let proof = proof(signer.sign(&header(&signer, json!({})), &payload(json!({}))));
        let _proved = check(&signer, &proof, &DpopRules::default()).unwrap();
        let none = DpopRules::default().with_algorithms([Algorithm::Es384]);
        let refusal = check(&signer, &proof, &none).unwrap_err();
        assert!(
            refusal.message.ends_with("is not taken for proofs"),
            "{refusal}"
        );
        assert_eq!(refusal.expected, "ES384");
    }
    let signer = Signer::rsa();
    let pss = header(&signer, json!({ "alg": "PS256" }));
    let proof = proof(signer.sign(&pss, &payload(json!({}))));
    let _proved = check(&signer, &proof, &DpopRules::default()).unwrap();
    // What is published is what is taken, no more.
    let taken = ["ES256", "EdDSA", "RS256", "PS256"];
    assert_eq!(ALGORITHMS.map(Algorithm::as_str), taken);
}

#[test]
fn every_fault_of_a_header_is_told() {
    let signer = Signer::ec();
    let private = |member: &str| json!({ "jwk": signer.jwk_with(json!({ member: "AA" })) });
    for (more, expected) in [
        (
            json!({ "typ": "JWT" }),
            "the proof's `typ` is not `dpop+jwt`",
        ),
        (
            json!({ "typ": "DPoP+JWT" }),
            "the proof's `typ` is not `dpop+jwt`",
        ),
        (
            json!({ "typ": "application/dpop+jwt" }),
            "the proof's `typ` is not `dpop+jwt`",
        ),
        (json!({ "typ": 1 }), "the header's `typ` is not a string"),
        (
            json!({ "alg": "none" }),
            "the proof's algorithm is not one that is ever taken",
        ),
        (
            json!({ "alg": "HS256" }),
            "the proof's algorithm is not one that is ever taken",
        ),
        (
            json!({ "alg": "ES512" }),
            "algorithm `ES512` is not taken for proofs",
        ),
        (
            json!({ "alg": "RS256" }),
            "the proof's algorithm is not one of its key",
        ),
        (
            json!({ "crit": ["jwk"] }),
            "the proof's header has `crit`, which is not supported",
        ),
        (
            json!({ "b64": false }),
            "the proof's header has `b64`, which is not supported",
        ),
        (
            json!({ "jwk": null }),
            "the proof's header has no `jwk`, or one that is no object",
        ),
        (
            json!({ "jwk": [] }),
            "the proof's header has no `jwk`, or one that is no object",
        ),
        (
            json!({ "jwk": "{}" }),
            "the proof's header has no `jwk`, or one that is no object",
        ),
        (
            json!({ "jwk": {} }),
            "the proof's `jwk` can't be used: member `kty` is missing",
        ),
        (
            json!({ "jwk": { "kty": "oct", "n": "AA" } }),
            "the proof's `jwk` can't be used: kty `oct` verifies nothing here",
        ),
        (
            private("d"),
            "the proof's `jwk` has `d`: its private key is known",
        ),
        (
            private("p"),
            "the proof's `jwk` has `p`: its private key is known",
        ),
        (
            private("oth"),
            "the proof's `jwk` has `oth`: its private key is known",
        ),
        (
            private("k"),
            "the proof's `jwk` has `k`: its private key is known",
        ),
        (
            json!({ "jwk": signer.jwk_with(json!({ "use": "enc" })) }),
            "the proof's `jwk` can't be used: its `use` is `enc`, not `sig`",
        ),
        (
            json!({ "jwk": Signer::ec().jwk() }),
            "the proof was made by another key than the token is bound to",
        ),
    ] {
        assert_eq!(
            refused(&signer, &header(&signer, more.clone()), &payload(json!({}))),
            expected,
            "{more}"
        );
    }
}

#[test]
fn every_fault_of_a_payload_is_told() {
    let signer = Signer::ed();
    let is_no_url = "the proof's `htu` is no `http` or `https` URL";
    let other_url = "the proof's `htu` is not the request's URL";
    let no_date = "the proof's `iat` is no date in seconds since 1970";
    let no_id = "the proof's `jti` has not 1 to 256 bytes";
    let other_token = "the proof's `ath` is not the SHA-256 of this token";
    for (more, expected) in [
        (json!({ "htm": null }), "the proof has no `htm`"),
        (json!({ "htm": 1 }), "the proof's `htm` is not a string"),
        (
            json!({ "htm": "post" }),
            "the proof's `htm` is not the request's method",
        ),
        (
            json!({ "htm": "POST " }),
            "the proof's `htm` is not the request's method",
        ),
        (
            json!({ "htm": "GET" }),
            "the proof's `htm` is not the request's method",
        ),
        (json!({ "htu": null }), "the proof has no `htu`"),
        (json!({ "htu": "" }), is_no_url),
        (json!({ "htu": "/deploy" }), is_no_url),
        (json!({ "htu": "https://api.example/Deploy" }), other_url),
        (json!({ "htu": "https://api.example/deploy/" }), other_url),
        (json!({ "htu": "http://api.example/deploy" }), other_url),
        (
            json!({ "htu": "https://api.example:444/deploy" }),
            other_url,
        ),
        (
            json!({ "htu": "https://api.example.evil.example/deploy" }),
            other_url,
        ),
        (
            json!({ "htu": "https://api.example@evil.example/deploy" }),
            "the proof's `htu` holds user information",
        ),
        (
            json!({ "htu": "https://api.example/x/../deploy" }),
            "the proof's `htu` has a `.` or `..` segment",
        ),
        (
            json!({ "htu": "https://api.example\\deploy" }),
            "the proof's `htu` holds characters that no URL has",
        ),
        (json!({ "iat": null }), "the proof has no `iat`"),
        (json!({ "iat": "1" }), no_date),
        (json!({ "iat": -1 }), no_date),
        (json!({ "iat": [NOW] }), no_date),
        (
            json!({ "iat": NOW - 61 }),
            "the proof was made 61 seconds ago",
        ),
        (
            json!({ "iat": 0 }),
            "the proof was made 1790000000 seconds ago",
        ),
        (
            json!({ "iat": NOW + 61 }),
            "the proof's `iat` is 61 seconds in the future",
        ),
        (
            json!({ "iat": i64::MAX }),
            "the proof's `iat` is 9223372035064775807 seconds in the future",
        ),
        (
            json!({ "exp": NOW }),
            "the proof has expired by its own `exp`",
        ),
        (
            json!({ "exp": "x" }),
            "the proof's `exp` is no date in seconds since 1970",
        ),
        (
            json!({ "nbf": NOW + 61 }),
            "the proof is not valid yet by its own `nbf`",
        ),
        (json!({ "jti": null }), "the proof has no `jti`"),
        (json!({ "jti": 7 }), "the proof's `jti` is not a string"),
        (json!({ "jti": "" }), no_id),
        (json!({ "jti": "x".repeat(257) }), no_id),
        (json!({ "ath": null }), "the proof has no `ath`"),
        (json!({ "ath": "" }), other_token),
        (
            json!({ "ath": base64url::encode(&sha256(b"other")) }),
            other_token,
        ),
        (
            json!({ "ath": format!("{}=", base64url::encode(&sha256(TOKEN))) }),
            other_token,
        ),
    ] {
        assert_eq!(
            refused(&signer, &header(&signer, json!({})), &payload(more.clone())),
            expected,
            "{more}"
        );
    }
}

#[test]
fn what_differs_in_form_alone_is_taken() {
    let signer = Signer::ed();
    for more in [
        json!({ "htu": "HTTPS://API.example:443/%64eploy?x=1#y" }),
        json!({ "iat": NOW - 60 }),
        json!({ "iat": NOW + 60 }),
        json!({ "exp": NOW + 1, "nbf": NOW }),
        json!({ "nonce": "nobody asked", "more": [1] }),
        json!({ "jti": "x".repeat(256) }),
    ] {
        let proof = proof(signer.sign(&header(&signer, json!({})), &payload(more.clone())));
        let proved = check(&signer, &proof, &DpopRules::default());
        assert!(proved.is_ok(), "{more}: {proved:?}");
    }
}

#[test]
fn a_proof_is_one_signed_text() {
    let signer = Signer::ec();
    let whole = signer.sign(&header(&signer, json!({})), &payload(json!({})));
    let (message, signature) = whole.rsplit_once('.').unwrap();
    let other = signer.sign(
        &header(&signer, json!({})),
        &payload(json!({ "jti": "other" })),
    );
    let (_, others) = other.rsplit_once('.').unwrap();
    let doubled = signer.sign_bytes(
        header(&signer, json!({})).to_string().as_bytes(),
        payload(json!({}))
            .to_string()
            .replacen('{', "{\"htm\":\"POST\",", 1)
            .as_bytes(),
        false,
    );
    for (jwt, expected) in [
        (String::new(), "the proof has 1 part instead of three"),
        (format!("{whole}, {whole}"), "more than one proof was sent"),
        (format!("{whole},"), "more than one proof was sent"),
        (
            format!("{whole}.."),
            "the proof has five parts: it is encrypted, not signed",
        ),
        (format!("{whole}="), "canonical base64url"),
        (format!(" {whole}"), "canonical base64url"),
        (format!("{message}."), "the proof has no signature"),
        (
            format!("{message}.AA"),
            "the proof's signature was not made by its key",
        ),
        (
            format!("{message}.{others}"),
            "the proof's signature was not made by its key",
        ),
        (format!("x{message}.{signature}"), "the proof's header"),
        (
            "a".repeat(8 * 1024 + 1),
            "the proof is longer than 8192 bytes",
        ),
        (
            doubled,
            "the proof's payload is not strict JSON: a second member `htm`",
        ),
    ] {
        let refusal = check(&signer, &proof(&*jwt), &DpopRules::default()).unwrap_err();
        assert_eq!(refusal.code, Code::ProofInvalid);
        assert!(refusal.message.contains(expected), "{refusal}");
        let shown = format!("{refusal:?}");
        assert!(!shown.contains(signature), "{shown}");
    }
}

#[test]
fn a_request_whose_url_is_no_url_is_nobodys() {
    let signer = Signer::ed();
    let jwt = signer.sign(&header(&signer, json!({})), &payload(json!({})));
    for url in [
        "",
        "/deploy",
        "https://a.example\\/",
        "https://u@api.example/deploy",
    ] {
        let proof = DpopProof {
            url: url.to_owned(),
            ..proof(&*jwt)
        };
        let refusal = check(&signer, &proof, &DpopRules::default()).unwrap_err();
        assert!(
            refusal.message.starts_with("the request's URL "),
            "{refusal}"
        );
    }
}

#[test]
fn a_proof_is_never_printed() {
    let signer = Signer::ed();
    let jwt = signer.sign(
        &header(&signer, json!({})),
        &payload(json!({ "jti": "secret" })),
    );
    let proof = proof(&*jwt);
    let proved = check(&signer, &proof, &DpopRules::default()).unwrap();
    for shown in [format!("{proof:?}"), format!("{proved:?}")] {
        assert!(
            !shown.contains(&jwt) && !shown.contains("secret"),
            "{shown}"
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(jwt in any::<String>()) {
        let _answer = check(&Signer::ed(), &proof(jwt), &DpopRules::default());
    }
}
