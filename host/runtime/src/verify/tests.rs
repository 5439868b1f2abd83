//! Which key verifies which token, and what else is refused with which code.

use serde_json::json;

use super::*;
use crate::issuer::Settings;
use crate::json::Limits;
use crate::key::SetLimits;
use crate::mint::{ISSUED, Signer, URL, claims, issuer_with, issuers, key_set, model};
use crate::reason::HostCode;
use crate::token::Token;

fn verify(token: &str, issuers: &Issuers) -> Result<Verified, Refusal> {
    let decoded = Token::new(token).decode(&Limits::TOKEN)?;
    decoded
        .verify(issuers, ISSUED)
        .map_err(|unverified| match unverified {
            Unverified::Refused { refusal, .. } => refusal,
            Unverified::Failed(error) => panic!("{error}"),
        })
}

fn code(token: &str, issuers: &Issuers) -> &'static str {
    verify(token, issuers).unwrap_err().code.as_str()
}

#[test]
fn a_set_past_its_end_of_trust_and_one_that_never_came_give_no_answer() {
    let signer = Signer::ed();
    let token = signer.sign(&json!({ "alg": "EdDSA" }), &claims(json!({})));
    let settings = || Settings {
        algorithms: Some(Algorithm::ALL.to_vec()),
        ..Settings::default()
    };
    let of = |keys: KeySet| Issuer::new(URL, model(), keys, settings()).unwrap();
    let trusted = || of(key_set(&[signer.jwk()]).trusted_until(ISSUED));
    let asked = |issuer: Issuer, now| {
        let issuers = Issuers::new([Arc::new(issuer)]).unwrap();
        let decoded = Token::new(&token).decode(&Limits::TOKEN).unwrap();
        decoded.verify(&issuers, now)
    };
    let verified = asked(trusted(), ISSUED - 1).unwrap();
    assert_eq!(verified.verified_by().trusted_until(), Some(ISSUED));
    assert!(verified.recheck(ISSUED - 1).is_ok());
    assert_eq!(verified.recheck(ISSUED).unwrap_err().code, HostCode::Keys);
    let awaiting = Issuer::awaiting_keys(URL, model(), settings()).unwrap();
    for issuer in [trusted(), awaiting] {
        let Err(Unverified::Failed(error)) = asked(issuer, ISSUED) else {
            panic!("an answer was given")
        };
        assert_eq!(error.code, HostCode::Keys);
    }
    // An empty set is an answer.
    let Err(Unverified::Refused { refusal, issuer }) = asked(of(KeySet::default()), ISSUED) else {
        panic!("no refusal was given")
    };
    assert_eq!(refusal.code, Code::TokenKey);
    assert_eq!(issuer.unwrap().url(), URL);
}

#[test]
fn every_family_verifies() {
    for (signer, alg, kind) in [
        (Signer::rsa(), "RS256", "RSA"),
        (Signer::rsa(), "PS256", "RSA"),
        (Signer::ec(), "ES256", "EC"),
        (Signer::ed(), "EdDSA", "OKP"),
    ] {
        let issuers = issuers(&[signer.jwk_with(json!({ "kid": "k" }))]);
        let token = signer.sign(
            &json!({ "alg": alg, "kid": "k" }),
            &claims(json!({ "cnf": { "jkt": "x" } })),
        );
        let verified = verify(&token, &issuers).unwrap();
        assert_eq!(verified.subject(), "repo:acme/infra:ref:refs/heads/main");
        assert_eq!(
            verified.audience().collect::<Vec<_>>(),
            ["https://deploy.example"]
        );
        assert_eq!(
            verified.token_id(),
            Some("0b6b1c8e-2f0e-4e0b-9b1b-1f8f0b0c7a11")
        );
        assert_eq!(
            (verified.expires_at(), verified.issued_at()),
            (Some(ISSUED + 300), Some(ISSUED))
        );
        assert_eq!(verified.confirmation().unwrap().json(), r#"{"jkt":"x"}"#);
        let by = verified.verified_by();
        assert_eq!(
            (by.id(), by.key_type(), by.algorithm().as_str()),
            (Some("k"), kind, alg)
        );
        assert_eq!(by.thumbprint().len(), 43);
        assert!(!by.is_assumed());
    }
}

#[test]
fn one_changed_byte_anywhere_is_refused() {
    let signer = Signer::ed();
    let issuers = issuers(&[signer.jwk()]);
    let token = signer.sign(&json!({ "alg": "EdDSA" }), &claims(json!({})));
    for at in (0..token.len()).step_by(7) {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(
            verify(std::str::from_utf8(&changed).unwrap(), &issuers).is_err(),
            "byte {at}"
        );
    }
}

#[test]
fn an_issuer_is_itself_byte_for_byte() {
    let signer = Signer::ed();
    let issuers = issuers(&[signer.jwk()]);
    for other in [
        format!("{URL}/"),
        URL.to_uppercase(),
        URL.replace("https", "http"),
        format!(" {URL}"),
        URL[1..].to_owned(),
    ] {
        let token = signer.sign(&json!({ "alg": "EdDSA" }), &claims(json!({ "iss": other })));
        assert_eq!(code(&token, &issuers), "issuer.unknown", "{other}");
    }
}

#[test]
fn the_named_key_alone_is_asked() {
    let (one, other) = (Signer::ed(), Signer::ed());
    let issuers = issuers(&[
        one.jwk_with(json!({ "kid": "one" })),
        other.jwk_with(json!({ "kid": "other" })),
    ]);
    let signed = |kid: &str| one.sign(&json!({ "alg": "EdDSA", "kid": kid }), &claims(json!({})));
    assert!(verify(&signed("one"), &issuers).is_ok());
    assert_eq!(code(&signed("other"), &issuers), "token.signature");
    assert_eq!(code(&signed("none"), &issuers), "token.key");
    assert_eq!(code(&signed("ONE"), &issuers), "token.key");
}

#[test]
fn a_key_never_verifies_another_algorithm() {
    let (rsa, ec) = (Signer::rsa(), Signer::ec());
    let issuers = issuers(&[
        rsa.jwk_with(json!({ "kid": "rs", "alg": "RS256" })),
        ec.jwk_with(json!({ "kid": "ec" })),
    ]);
    let pss = rsa.sign(&json!({ "alg": "PS256", "kid": "rs" }), &claims(json!({})));
    assert_eq!(code(&pss, &issuers), "token.algorithm");
    let crossed = rsa.sign(&json!({ "alg": "RS256", "kid": "ec" }), &claims(json!({})));
    assert_eq!(code(&crossed, &issuers), "token.algorithm");
    let unnamed = rsa.sign(&json!({ "alg": "PS256" }), &claims(json!({})));
    assert_eq!(code(&unnamed, &issuers), "token.key");
}

#[test]
fn a_public_key_is_no_shared_secret_and_none_is_no_signature() {
    let signer = Signer::rsa();
    let issuers = issuers(&[signer.jwk_with(json!({ "kid": "k" }))]);
    for alg in ["HS256", "HS384", "none", "NONE", "None"] {
        let token = signer.sign(&json!({ "alg": alg, "kid": "k" }), &claims(json!({})));
        assert_eq!(code(&token, &issuers), "token.algorithm", "{alg}");
    }
}

#[test]
fn a_key_in_the_token_is_not_believed() {
    let (theirs, ours) = (Signer::ed(), Signer::ed());
    let issuers = issuers(&[ours.jwk()]);
    let header = json!({ "alg": "EdDSA", "jwk": theirs.jwk(), "jku": "https://evil.example", "x5c": ["AA"] });
    assert_eq!(
        code(&theirs.sign(&header, &claims(json!({}))), &issuers),
        "token.signature"
    );
}

#[test]
fn an_algorithm_that_the_issuer_does_not_use_is_refused() {
    let signer = Signer::ed();
    let only_rsa = Settings {
        algorithms: Some(vec![Algorithm::Rs256]),
        ..Default::default()
    };
    let issuers = Issuers::new([issuer_with(&[signer.jwk()], only_rsa)]).unwrap();
    let refusal = verify(
        &signer.sign(&json!({ "alg": "EdDSA" }), &claims(json!({}))),
        &issuers,
    )
    .unwrap_err();
    assert_eq!(
        (refusal.code, refusal.expected.as_str()),
        (Code::TokenAlgorithm, "RS256")
    );
}

#[test]
fn at_most_eight_keys_are_tried_without_a_name() {
    let signer = Signer::ed();
    let token = signer.sign(&json!({ "alg": "EdDSA" }), &claims(json!({})));
    let others = |count: usize| (0..count).map(|_| Signer::ed().jwk()).collect::<Vec<_>>();
    let with_last = |count: usize| issuers(&[others(count), vec![signer.jwk()]].concat());
    assert!(verify(&token, &with_last(7)).is_ok());
    assert_eq!(code(&token, &with_last(8)), "token.signature");
    let mut incompatible: Vec<_> = (0..9).map(|_| Signer::ec().jwk()).collect();
    incompatible.push(signer.jwk());
    assert!(
        verify(&token, &issuers(&incompatible)).is_ok(),
        "keys for other algorithms don't count"
    );
}

#[test]
fn a_skipped_key_is_named_with_its_reason() {
    let signer = Signer::ed();
    let issuers = issuers(&[signer.jwk_with(json!({ "kid": "k", "use": "enc" }))]);
    let token = signer.sign(&json!({ "alg": "EdDSA", "kid": "k" }), &claims(json!({})));
    let refusal = verify(&token, &issuers).unwrap_err();
    assert_eq!(refusal.code, Code::TokenKey);
    assert_eq!(
        refusal.message,
        "key `k` of the issuer can't be used: its `use` is `enc`, not `sig`"
    );
}

#[test]
fn keys_are_replaced_whole_and_counted() {
    let (old, new) = (Signer::ed(), Signer::ed());
    let issuer = issuer_with(
        &[old.jwk()],
        Settings {
            algorithms: Some(vec![Algorithm::EdDsa]),
            ..Default::default()
        },
    );
    let issuers = Issuers::new([Arc::clone(&issuer)]).unwrap();
    let token = old.sign(&json!({ "alg": "EdDSA" }), &claims(json!({})));
    assert_eq!(
        verify(&token, &issuers).unwrap().verified_by().generation(),
        0
    );
    assert_eq!(issuer.replace_keys(key_set(&[new.jwk()])), 1);
    assert_eq!(code(&token, &issuers), "token.signature");
    assert_eq!(issuer.keys().generation(), 1);
}

#[test]
fn the_raw_layer_gives_any_payload_and_asks_no_name() {
    let signer = Signer::ec();
    let token = signer.sign_bytes(
        br#"{"alg":"ES256","kid":"elsewhere"}"#,
        b"\xff not JSON",
        false,
    );
    let jws = || Token::new(&token).decode_raw(&Limits::TOKEN).unwrap();
    let verified = jws()
        .verify(&key_set(&[signer.jwk()]), Algorithm::ALL)
        .unwrap();
    assert_eq!(verified.payload, b"\xff not JSON");
    let code = |keys: &KeySet, allowed: &[Algorithm]| {
        jws().verify(keys, allowed).unwrap_err().code.as_str()
    };
    assert_eq!(
        code(&key_set(&[Signer::ec().jwk()]), Algorithm::ALL),
        "token.signature"
    );
    assert_eq!(
        code(&key_set(&[Signer::ed().jwk()]), Algorithm::ALL),
        "token.key"
    );
    assert_eq!(
        code(&key_set(&[signer.jwk()]), &[Algorithm::Rs256]),
        "token.algorithm"
    );
    let none = KeySet::parse(r#"{"keys":[]}"#, &SetLimits::default()).unwrap();
    assert_eq!(code(&none, Algorithm::ALL), "token.key");
}

#[test]
fn assumed_claims_say_so() {
    let issuer = issuer_with(&[], Settings::default());
    let assume = |more| {
        let claims = Claims::parse(claims(more).to_string(), &Limits::FILE).unwrap();
        crate::danger::assume_verified(claims, &issuer)
    };
    let verified = assume(json!({})).unwrap();
    let by = verified.verified_by();
    assert!(by.is_assumed());
    assert_eq!(
        (by.id(), by.key_type(), by.bits(), by.thumbprint()),
        (None, "assumed", 0, "")
    );
    assert_eq!(
        assume(json!({ "iss": "https://other.example" }))
            .unwrap_err()
            .code,
        Code::IssuerUnknown
    );
    assert_eq!(
        assume(json!({ "sub": 1 })).unwrap_err().code,
        Code::ClaimType
    );
}

#[test]
fn an_issuer_that_could_accept_nothing_or_anything_is_refused() {
    use crate::issuer::{IssuerError, Settings};
    let new =
        |url: &str, settings| Issuer::new(url, model(), KeySet::default(), settings).unwrap_err();
    for url in [
        "",
        "https://a.example /",
        "https://a.example\n",
        "\u{7}",
        &"a".repeat(2049),
    ] {
        assert!(
            matches!(new(url, Settings::default()), IssuerError::Url { .. }),
            "{url:?}"
        );
    }
    let none = Settings {
        algorithms: Some(Vec::new()),
        ..Settings::default()
    };
    assert!(matches!(new(URL, none), IssuerError::NoAlgorithm { .. }));
    let short = Settings {
        longest_lifetime: Some(0),
        ..Settings::default()
    };
    assert!(matches!(new(URL, short), IssuerError::NoLifetime { .. }));
    let twice = [
        issuer_with(&[], Settings::default()),
        issuer_with(&[], Settings::default()),
    ];
    assert!(matches!(
        Issuers::new(twice),
        Err(IssuerError::Duplicate { .. })
    ));
}

#[test]
fn an_unknown_issuer_is_answered_with_a_few_known_ones() {
    let issuer = |index: usize| {
        let settings = Settings::default();
        let url = format!("https://issuer-{index}.example");
        Arc::new(Issuer::new(url, model(), KeySet::default(), settings).unwrap())
    };
    let expected = |count: usize| {
        let issuers = Issuers::new((0..count).map(issuer)).unwrap();
        let refusal = issuers.find("https://other.example").unwrap_err();
        assert_eq!(refusal.found.as_deref(), Some("https://other.example"));
        refusal.expected.clone()
    };
    assert_eq!(
        expected(2),
        "https://issuer-0.example, https://issuer-1.example"
    );
    assert_eq!(expected(9).matches("https://").count(), 8);
    assert!(expected(9).ends_with("https://issuer-7.example, …"));
}
