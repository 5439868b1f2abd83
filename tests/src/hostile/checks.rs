//! Checks that are run on components that mean harm: what gives no answer holds
//! of nothing, and who wants no more asks no more.

use claimbound::checks::{Check, Checks, Draft, Expected, ExpectedGrant, Fault};
use claimbound::danger::AssumedKey;
use claimbound::reason::{Code, HostCode};
use serde_json::json;

use super::guest::{Guest, Place, allow, deny, reason};
use super::{AUDIENCE, load, sandbox};
use crate::forge::{NOW, job, with};

/// A check of the test's token that expects this.
fn check(name: &str, expected: Expected) -> Draft {
    Draft {
        name: name.to_owned(),
        issuer: "https://token.actions.githubusercontent.com".to_owned(),
        model: "github-actions".to_owned(),
        published: None,
        claims: job().to_string(),
        algorithm: "RS256".to_owned(),
        key: AssumedKey::default(),
        audience: AUDIENCE.to_owned(),
        now: NOW,
        attributes: std::collections::BTreeMap::new(),
        expected,
    }
}

fn allowed(grant: Option<ExpectedGrant>) -> Expected {
    Expected::Allow {
        statement: "honest".to_owned(),
        grant,
    }
}

fn denied(code: Code) -> Expected {
    Expected::Deny {
        code,
        claim: None,
        statement: None,
    }
}

fn checks(drafts: impl IntoIterator<Item = Draft>) -> Checks {
    Checks::new(drafts.into_iter().map(|one| Check::new(one).unwrap())).unwrap()
}

/// What is said of each check, `None` where it holds.
fn said(checks: &Checks, guest: &Guest) -> Vec<Option<String>> {
    let policy = load(&sandbox(), guest).unwrap();
    let verdicts = checks.run(&policy);
    verdicts
        .map(|one| one.fault.map(|fault| fault.to_string()))
        .collect()
}

#[test]
fn a_check_holds_where_the_policy_says_what_it_expects_and_only_there() {
    let roles = |role: &str| ExpectedGrant {
        roles: Some(vec![role.to_owned()]),
        ..ExpectedGrant::default()
    };
    let all = checks([
        check("any grant", allowed(None)),
        check("this grant", allowed(Some(roles("deploy")))),
        check("another grant", allowed(Some(roles("admin")))),
        check("a denial", denied(Code::ClaimMismatch)),
        Draft {
            claims: with(job(), &json!({ "aud": "https://other.example" })).to_string(),
            ..check("the floor", denied(Code::AudienceMismatch))
        },
        Draft {
            claims: with(job(), &json!({ "iss": "https://other.example" })).to_string(),
            ..check("another issuer", denied(Code::IssuerUnknown))
        },
        Draft {
            now: NOW + 3600,
            ..check("later", denied(Code::TokenExpired))
        },
    ]);
    let found = said(&all, &Guest::honest());
    assert_eq!(found[..2], [None, None]);
    assert_eq!(
        found[2].as_deref(),
        Some(r#"expected roles ["admin"], found ["deploy"]"#)
    );
    let told = found[3].as_deref().unwrap();
    assert!(told.ends_with("found an allow by `honest`"), "{told}");
    assert_eq!(found[4..], [None, None, None]);

    let refuses = Guest::honest().deciding(&deny(&json!([reason(&json!({}))])));
    let found = said(&all, &refuses);
    assert!(found[0].as_deref().unwrap().contains("found a denial"));
    assert_eq!(found[3], None);
}

#[test]
fn no_answer_is_no_answer_that_a_check_expects() {
    let all = checks([
        check("allow", allowed(None)),
        check("deny", denied(Code::Forbidden)),
    ]);
    for (code, expected) in [
        ("(unreachable)", HostCode::Trap),
        ("(loop (br 0))", HostCode::Deadline),
    ] {
        let guest = Guest::honest().running(Place::Evaluate, code);
        let policy = load(&sandbox(), &guest).unwrap();
        for verdict in all.run(&policy) {
            let Some(Fault::NoAnswer(error)) = verdict.fault else {
                panic!("{verdict:?}");
            };
            assert_eq!(error.code, expected);
        }
    }
    let registered = Guest::honest().deciding(&allow(&json!({ "claims": "{\"sub\":\"x\"}" })));
    let found = said(&all, &registered);
    assert!(
        found[0]
            .as_deref()
            .unwrap()
            .contains("registered claim `sub`")
    );
}

#[test]
fn what_is_not_asked_for_is_not_decided() {
    let all = checks([
        check("holds", allowed(None)),
        check("fails", denied(Code::Forbidden)),
        check("fails too", denied(Code::Forbidden)),
    ]);
    let policy = load(&sandbox(), &Guest::honest()).unwrap();
    let (name, _) = all.first_failure(&policy).unwrap();
    assert_eq!(name, "fails");
    let begun = all.run(&policy).take(1).collect::<Vec<_>>();
    assert!(begun.iter().all(claimbound::checks::Verdict::holds));
}
