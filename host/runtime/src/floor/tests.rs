//! The edges of the floor, one second to each side.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::danger::assume_verified;
use crate::issuer::Settings;
use crate::json::Limits;
use crate::mint::{ISSUED, Signer, claims, issuer_with, issuers, merged};
use crate::token::{Claims, Token};

const AUDIENCE: &str = "https://deploy.example";

fn floor() -> Floor {
    Floor::new(AUDIENCE).unwrap().with_leeway(10).unwrap()
}

fn identify(claims: &Value, settings: Settings) -> Result<Identified, Refusal> {
    let claims = Claims::parse(claims.to_string(), &Limits::FILE).unwrap();
    assume_verified(claims, &issuer_with(&[], settings))?.identify()
}

fn admit(claims: &Value, now: u64) -> Result<Admissible, Refusal> {
    floor().admit(identify(claims, Settings::default())?, now)
}

fn code(claims: &Value, now: u64) -> &'static str {
    admit(claims, now).unwrap_err().code.as_str()
}

fn without(name: &str) -> Value {
    let mut claims = claims(json!({}));
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[test]
fn a_token_goes_all_the_way_from_its_bytes() {
    let signer = Signer::rsa();
    let issuers = issuers(&[signer.jwk_with(json!({ "kid": "k" }))]);
    let token = signer.sign(
        &json!({ "alg": "RS256", "kid": "k", "typ": "JWT" }),
        &claims(json!({})),
    );
    let identified = Token::new(&token)
        .decode(&Limits::TOKEN)
        .unwrap()
        .verify(&issuers, ISSUED)
        .unwrap()
        .identify()
        .unwrap();
    let admissible = floor().admit(identified, ISSUED).unwrap();
    assert_eq!(&*admissible.workload().model, "github-actions");
    let names: Vec<_> = admissible
        .workload()
        .names
        .iter()
        .map(|name| (&*name.kind, &*name.name, name.id.as_deref()))
        .collect();
    assert!(
        names.contains(&("owner", "acme", Some("123456"))),
        "{names:?}"
    );
    assert!(
        names.contains(&("repository", "acme/infra", Some("456789"))),
        "{names:?}"
    );
    assert_eq!(
        (admissible.expires_at(), admissible.remembered_until()),
        (ISSUED + 300, ISSUED + 310)
    );
}

#[test]
fn the_end_is_exclusive_and_has_no_leeway() {
    let claims = claims(json!({}));
    assert!(admit(&claims, ISSUED + 299).is_ok());
    assert_eq!(code(&claims, ISSUED + 300), "token.expired");
    assert_eq!(code(&claims, u64::MAX), "token.expired");
    let admitted = admit(&claims, ISSUED).unwrap();
    assert!(admitted.recheck(ISSUED + 299).is_ok());
    assert_eq!(
        admitted.recheck(ISSUED + 300).unwrap_err().code,
        Code::TokenExpired
    );
}

#[test]
fn a_token_without_an_end_is_refused() {
    let refusal = admit(&without("exp"), ISSUED).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.claim.as_slice()),
        (Code::ClaimAbsent, ["exp".to_owned()].as_slice())
    );
}

#[test]
fn a_start_in_the_future_is_refused() {
    assert!(admit(&claims(json!({})), ISSUED - 10).is_ok());
    let refusal = admit(&claims(json!({})), ISSUED - 11).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.claim.as_slice()),
        (Code::TokenNotYetValid, ["nbf".to_owned()].as_slice())
    );
    let refusal = admit(&without("nbf"), ISSUED - 11).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.claim.as_slice()),
        (Code::TokenNotYetValid, ["iat".to_owned()].as_slice())
    );
    // 9.5 seconds ahead, rounded up to 10
    assert!(admit(&claims(json!({ "nbf": 1_790_000_009.5 })), ISSUED).is_ok());
    assert_eq!(
        code(&claims(json!({ "nbf": 1_790_000_010.5 })), ISSUED),
        "token.not-yet-valid"
    );
}

#[test]
fn a_token_lives_for_a_day_at_most_unless_its_issuer_may() {
    let day = 24 * 60 * 60;
    assert!(admit(&claims(json!({ "exp": ISSUED + day })), ISSUED).is_ok());
    assert_eq!(
        code(&claims(json!({ "exp": ISSUED + day + 1 })), ISSUED),
        "token.lifetime"
    );
    let endless = merged(without("iat"), json!({ "exp": ISSUED + day + 1 }));
    assert_eq!(code(&endless, ISSUED), "token.lifetime");
    assert!(admit(&endless, ISSUED + 1).is_ok());
    let settings = Settings {
        longest_lifetime: Some(2 * day),
        ..Settings::default()
    };
    let identified = identify(&claims(json!({ "exp": ISSUED + 2 * day })), settings).unwrap();
    assert!(floor().admit(identified, ISSUED).is_ok());
    assert_eq!(
        code(&claims(json!({ "exp": 253_402_300_799_u64 })), ISSUED),
        "token.lifetime"
    );
}

#[test]
fn the_audience_is_this_route_byte_for_byte() {
    for same in [
        json!(AUDIENCE),
        json!([AUDIENCE]),
        json!(["https://other.example", AUDIENCE]),
    ] {
        assert!(
            admit(&claims(json!({ "aud": same })), ISSUED).is_ok(),
            "{same}"
        );
    }
    for other in [
        "https://deploy.example/",
        "HTTPS://deploy.example",
        "https://deploy.exampl",
        "*",
    ] {
        assert_eq!(
            code(&claims(json!({ "aud": other })), ISSUED),
            "audience.mismatch",
            "{other}"
        );
    }
    let refusal = admit(&without("aud"), ISSUED).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.found.as_deref()),
        (Code::AudienceMismatch, None)
    );
}

#[test]
fn the_subject_agrees_with_its_claims() {
    let refused = |more: Value| {
        identify(&claims(more), Settings::default())
            .unwrap_err()
            .code
            .as_str()
    };
    assert_eq!(refused(json!({ "sub": "somebody" })), "subject.mismatch");
    assert_eq!(
        refused(json!({ "repository": "acme/other" })),
        "subject.drift"
    );
    assert_eq!(refused(json!({ "repository_owner": 1 })), "subject.drift");
    let nameless = identify(&without("repository_id"), Settings::default()).unwrap_err();
    assert_eq!(nameless.code, Code::IdentityAbsent);
}

#[test]
fn a_token_for_something_else_is_refused() {
    let signer = Signer::ed();
    let issuers = issuers(&[signer.jwk()]);
    let admit = |typ: Value, floor: &Floor| {
        let mut header = json!({ "alg": "EdDSA" });
        if !typ.is_null() {
            header["typ"] = typ;
        }
        let token = signer.sign(&header, &claims(json!({})));
        let identified = Token::new(&token)
            .decode(&Limits::TOKEN)?
            .verify(&issuers, ISSUED)
            .unwrap()
            .identify()?;
        floor.admit(identified, ISSUED)
    };
    for typ in [json!("JWT"), json!("jwt"), json!("application/JWT")] {
        assert!(admit(typ, &floor()).is_ok());
    }
    let absent_too = floor().with_token_types(TokenTypes::default());
    assert!(admit(Value::Null, &absent_too).is_ok() && admit(json!("JWT"), &absent_too).is_ok());
    for typ in [
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "at+jwt",
        "JOSE",
        "",
    ] {
        assert_eq!(
            admit(json!(typ), &floor()).unwrap_err().code,
            Code::TokenType,
            "{typ}"
        );
    }
    let access = floor().with_token_types(TokenTypes::new(false, ["at+jwt"]).unwrap());
    assert!(admit(json!("AT+JWT"), &access).is_ok());
    assert_eq!(
        admit(Value::Null, &access).unwrap_err().code,
        Code::TokenType
    );
}

#[test]
fn a_floor_has_an_audience_and_little_leeway() {
    assert_eq!(Floor::new(""), Err(FloorError::NoAudience));
    assert_eq!(
        floor().with_leeway(301),
        Err(FloorError::Leeway { leeway: 301 })
    );
    assert_eq!(floor().with_leeway(300).unwrap().leeway(), 300);
}

proptest! {
    #[test]
    fn later_is_never_more_valid_after_the_start(
        exp in 0_u64..2_000_000, now in 1_000_000_u64..2_000_000, later in 0_u64..1_000_000,
    ) {
        let claims = claims(json!({ "iat": 1_000_000, "nbf": 1_000_000, "exp": exp }));
        if admit(&claims, now).is_err() {
            prop_assert!(admit(&claims, now + later).is_err());
        }
    }

    #[test]
    fn an_unrelated_claim_changes_nothing(name in "x_[a-z]{1,8}", value in "[ -~]{0,20}", now in ISSUED - 400..ISSUED + 400) {
        let before = admit(&claims(json!({})), now).map_err(Refusal::into_reason);
        let after = admit(&claims(json!({ name: value })), now).map_err(Refusal::into_reason);
        prop_assert_eq!(before.map(|_| ()), after.map(|_| ()));
    }
}

#[test]
fn what_is_found_is_bounded_in_every_reason() {
    let long = "x".repeat(8000);
    for claims in [
        claims(json!({ "sub": long })),
        claims(json!({ "aud": long })),
        claims(json!({ "repository": long })),
    ] {
        let refusal = admit(&claims, ISSUED).unwrap_err();
        assert!(
            refusal
                .found
                .as_ref()
                .is_some_and(|found| found.len() <= 256 + '…'.len_utf8()),
            "{}",
            refusal.code
        );
        assert!(
            refusal.message.len() + refusal.expected.len() < 2000,
            "{}",
            refusal.code
        );
    }
}
