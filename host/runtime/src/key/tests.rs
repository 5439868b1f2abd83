//! What a key set may hold, and what each key may then verify.

use serde_json::{Value, json};

use super::*;
use crate::mint::{Signer, key_set, merged};

fn error(jwk: &Value) -> KeyError {
    Key::from_jwk(jwk.to_string()).unwrap_err()
}

fn set_error(json: &Value) -> KeySetError {
    KeySet::parse(json.to_string(), &SetLimits::default()).unwrap_err()
}

fn algorithms(jwk: &Value) -> Vec<&'static str> {
    Key::from_jwk(jwk.to_string())
        .unwrap()
        .algorithms()
        .map(Algorithm::as_str)
        .collect()
}

#[test]
fn type_curve_and_alg_bind_what_a_key_verifies() {
    let (rsa, ec, ed) = (Signer::rsa(), Signer::ec(), Signer::ed());
    assert_eq!(
        algorithms(&rsa.jwk()),
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
    );
    assert_eq!(
        algorithms(&rsa.jwk_with(json!({ "alg": "PS384" }))),
        ["PS384"]
    );
    assert_eq!(algorithms(&ec.jwk()), ["ES256"]);
    assert_eq!(algorithms(&ed.jwk()), ["EdDSA"]);
    for (jwk, alg) in [
        (rsa.jwk(), "ES256"),
        (ec.jwk(), "RS256"),
        (ec.jwk(), "ES384"),
        (ed.jwk(), "ES256"),
        (rsa.jwk(), "HS256"),
        (rsa.jwk(), "RSA-OAEP"),
        (rsa.jwk(), "none"),
    ] {
        assert!(
            matches!(
                error(&merged(jwk, json!({ "alg": alg }))),
                KeyError::Unfit { .. }
            ),
            "{alg}"
        );
    }
}

#[test]
fn a_key_for_something_else_verifies_nothing() {
    let key = Signer::ec();
    for more in [
        json!({ "use": "enc" }),
        json!({ "use": "x509-svid" }),
        json!({ "use": "" }),
        json!({ "key_ops": ["sign"] }),
        json!({ "key_ops": [] }),
    ] {
        assert!(
            matches!(error(&key.jwk_with(more.clone())), KeyError::Unfit { .. }),
            "{more}"
        );
    }
    for more in [
        json!({ "use": "sig" }),
        json!({ "use": "jwt-svid" }),
        json!({ "key_ops": ["verify", "sign"] }),
        json!({ "use": "sig", "key_ops": ["verify"] }),
    ] {
        assert_eq!(algorithms(&key.jwk_with(more)), ["ES256"]);
    }
}

#[test]
fn a_malformed_member_is_named() {
    let (rsa, ec, ed) = (Signer::rsa(), Signer::ec(), Signer::ed());
    for (jwk, member) in [
        (json!({}), "kty"),
        (json!({ "kty": 1 }), "kty"),
        (rsa.jwk_with(json!({ "kid": 1 })), "kid"),
        (rsa.jwk_with(json!({ "kid": "k".repeat(1025) })), "kid"),
        (rsa.jwk_with(json!({ "use": ["sig"] })), "use"),
        (rsa.jwk_with(json!({ "key_ops": "verify" })), "key_ops"),
        (rsa.jwk_with(json!({ "key_ops": [1] })), "key_ops"),
        (rsa.jwk_with(json!({ "alg": null })), "alg"),
        (rsa.jwk_with(json!({ "n": "" })), "n"),
        (rsa.jwk_with(json!({ "n": "AAAB" })), "n"),
        (rsa.jwk_with(json!({ "n": "AQ==" })), "n"),
        (rsa.jwk_with(json!({ "n": 5 })), "n"),
        (rsa.jwk_with(json!({ "e": "" })), "e"),
        (ec.jwk_with(json!({ "x": "AA" })), "x"),
        (
            ec.jwk_with(json!({ "y": crate::base64url::encode(&[1; 32]) })),
            "x",
        ),
        (
            ec.jwk_with(json!({ "y": crate::base64url::encode(&[1; 33]) })),
            "y",
        ),
        (ec.jwk_with(json!({ "crv": "P-384" })), "x"),
        (ec.jwk_with(json!({ "kty": "RSA" })), "n"),
        (ed.jwk_with(json!({ "x": "AA" })), "x"),
    ] {
        let error = error(&jwk);
        assert!(
            matches!(error, KeyError::Malformed { member: found, .. } if found == member),
            "{jwk}: {error}"
        );
    }
}

#[test]
fn weak_rsa_keys_verify_nothing() {
    let odd = |bytes: usize| {
        // Neither prime nor sound, which is not what these checks are about.
        let mut modulus = vec![0xc3; bytes];
        modulus[bytes - 1] = 0x4d;
        crate::base64url::encode(&modulus)
    };
    let key = |n: String, e: &str| json!({ "kty": "RSA", "n": n, "e": e });
    for jwk in [
        key(odd(255), "AQAB"),
        key(odd(128), "AQAB"),
        key(odd(1025), "AQAB"),
        key(odd(256), "AQ"),
        key(odd(256), "Ag"),
        key(odd(256), "AQABAQABAQ"),
    ] {
        assert!(matches!(error(&jwk), KeyError::Unfit { .. }), "{jwk}");
    }
    for jwk in [key(odd(256), "AQAB"), key(odd(1024), "Aw")] {
        assert_eq!(
            Key::from_jwk(jwk.to_string()).unwrap().algorithms().count(),
            6
        );
    }
}

#[test]
fn unknown_and_unfit_keys_are_skipped_and_reported() {
    let set = key_set(&[
        json!({ "kty": "oct", "kid": "secret", "k": "c2VjcmV0" }),
        Signer::ec().jwk_with(json!({ "kid": "good" })),
        Signer::rsa().jwk_with(json!({ "kid": "enc", "use": "enc" })),
        json!({ "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA" }),
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" }),
    ]);
    assert_eq!(set.keys().len(), 1);
    let skipped: Vec<_> = set
        .skipped()
        .iter()
        .map(|skipped| (skipped.index, skipped.id.as_deref()))
        .collect();
    assert_eq!(
        skipped,
        [(0, Some("secret")), (2, Some("enc")), (3, None), (4, None)]
    );
    assert_eq!(
        set.skipped()[0].why.to_string(),
        "kty `oct` verifies nothing here"
    );
    assert!(set.key("good").is_some() && set.key("secret").is_none());
}

#[test]
fn of_a_spiffe_bundle_only_the_keys_of_jwt_svids_count() {
    let key = |id: &str, purpose: Value| {
        let mut jwk = Signer::ec().jwk_with(json!({ "kid": id }));
        jwk["use"] = purpose;
        jwk
    };
    let mut unsaid = key("unsaid", json!(""));
    unsaid.as_object_mut().unwrap().remove("use");
    let bundle = json!({
        "spiffe_sequence": 7,
        "spiffe_refresh_hint": 300,
        "keys": [
            key("token", json!("jwt-svid")),
            key("certificate", json!("x509-svid")),
            key("other", json!("sig")),
            unsaid,
        ],
    });
    let set = KeySet::parse_spiffe(bundle.to_string(), &SetLimits::default()).unwrap();
    let ids: Vec<_> = set.keys().iter().map(|key| key.id()).collect();
    assert_eq!(ids, [Some("token")]);
    assert_eq!(set.skipped().len(), 3);
}

#[test]
fn a_set_that_can_be_doubted_is_refused_whole() {
    let key = Signer::ec();
    let twice = [
        key.jwk_with(json!({ "kid": "a" })),
        json!({ "kty": "oct", "kid": "a" }),
    ];
    assert_eq!(
        set_error(&json!({ "keys": twice })),
        KeySetError::DuplicateId {
            index: 1,
            id: "a".to_owned()
        }
    );
    let broken = [key.jwk(), key.jwk_with(json!({ "kid": "b", "x": "AA" }))];
    assert_eq!(
        set_error(&json!({ "keys": broken })).to_string(),
        "key 1, `kid` `b`: member `x` has not the length of the curve's coordinates"
    );
    assert_eq!(set_error(&json!({})), KeySetError::NoKeys);
    assert_eq!(set_error(&json!({ "keys": {} })), KeySetError::NoKeys);
    assert_eq!(set_error(&json!({ "keys": [1] })), KeySetError::NoKeys);
    assert!(matches!(
        KeySet::parse("[]", &SetLimits::default()),
        Err(KeySetError::Json(_))
    ));
    let many = vec![json!({ "kty": "oct" }); 129];
    assert_eq!(
        set_error(&json!({ "keys": many })),
        KeySetError::TooMany {
            count: 129,
            limit: 128
        }
    );
    let long = json!({ "keys": [], "x": "x".repeat(512 * 1024) });
    assert!(matches!(set_error(&long), KeySetError::Json(_)));
}

#[test]
fn the_private_half_is_neither_kept_nor_printed() {
    let key = Key::from_jwk(
        Signer::ed()
            .jwk_with(json!({ "d": "cHJpdmF0ZQ" }))
            .to_string(),
    )
    .unwrap();
    assert!(!format!("{key:?}").contains("cHJpdmF0ZQ"));
    assert_eq!((key.key_type(), key.bits()), (KeyType::Okp, 256));
}
