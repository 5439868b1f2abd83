//! `revoke`: each kind of thing, until its end or until it is lifted.

use std::time::SystemTime;

use super::operator::{ISSUER, Operator, outcome, timeless};

const SUBJECT: &str = "repo:acme/infra:environment:production";

/// The thumbprint of the only key that verified the token.
fn thumbprint(operator: &Operator) -> String {
    let verified = operator.done("token verify --format json --jwks keys.json token.jwt");
    verified.json()["key"]["thumbprint"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn each_kind_of_revocation_denies_until_it_is_lifted() {
    let operator = Operator::new();
    operator.token("acme/infra", "456789");
    let decide = || outcome(&operator.check("--format json"));
    assert_eq!(decide(), "allow");
    let thumbprint = thumbprint(&operator);
    for (target, code) in [
        ("token --file token.jwt".to_owned(), "revoked.token"),
        ("token token-of-456789".to_owned(), "revoked.token"),
        (format!("subject {SUBJECT}"), "revoked.subject"),
        // The same subject in the shape with ids.
        (
            "subject repo:acme@123456/infra@456789:environment:production".to_owned(),
            "revoked.subject",
        ),
        (format!("key {thumbprint}"), "revoked.key"),
        (
            format!("key --jwk keys.json --issuer {ISSUER}"),
            "revoked.key",
        ),
        (format!("issuer {ISSUER}"), "revoked.issuer"),
    ] {
        let ran = operator.change(&format!("revoke {target}"));
        assert_eq!(ran.status, 0, "{target}: {ran:?}");
        assert_eq!(decide(), code, "{target}");
        let ran = operator.change(&format!("revoke lift {target}"));
        assert_eq!(ran.status, 0, "{target}: {ran:?}");
        assert_eq!(decide(), "allow", "{target}");
        let ran = operator.change(&format!("revoke lift {target}"));
        assert!(ran.status == 1 && ran.out.contains("is revoked"), "{ran:?}");
    }
}

#[test]
fn a_thumbprint_may_begin_with_a_hyphen() {
    let operator = Operator::new();
    for begin in ["-s", "-h", "--", "-V"] {
        let thumbprint = format!("{begin}M2YpmDUZ3hsFRaazZ12_s7RgRNHtFig-5BBysodE0");
        for verb in ["revoke key", "revoke lift key"] {
            let ran = operator.change(&format!("{verb} {thumbprint}"));
            assert_eq!(ran.status, 0, "{verb} {thumbprint}: {ran:?}");
        }
    }
}

#[test]
fn a_subject_is_lifted_in_whatever_shape_it_was_revoked() {
    let operator = Operator::new();
    operator.token("acme/infra", "456789");
    let with_ids = "repo:acme@123456/infra@456789:environment:production";
    for (revoked, lifted) in [
        (vec![SUBJECT], with_ids),
        (vec![with_ids], SUBJECT),
        (vec![SUBJECT, with_ids], SUBJECT),
    ] {
        for subject in revoked {
            let ran = operator.change(&format!(
                "revoke subject {subject} --issuer {ISSUER} --for 2h"
            ));
            assert_eq!(ran.status, 0, "{ran:?}");
        }
        let other = "repo:acme/infra:ref:refs/heads/main";
        let ran = operator.change(&format!("revoke lift subject {other} --issuer {ISSUER}"));
        assert!(ran.status == 1 && ran.out.contains("is revoked"), "{ran:?}");
        let ran = operator.change(&format!("revoke lift subject {lifted} --issuer {ISSUER}"));
        assert_eq!(ran.status, 0, "{ran:?}");
        assert_eq!(operator.done("revoke list").out, "nothing is revoked\n");
        assert_eq!(outcome(&operator.check("--format json")), "allow");
    }
}

#[test]
fn what_is_revoked_is_listed_with_who_and_why() {
    let operator = Operator::with_names();
    let ran = operator.done("revoke list");
    assert_eq!(ran.out, "nothing is revoked\n");
    let mut shown = String::new();
    for target in [
        format!("subject {SUBJECT} --for 2h"),
        "token 0b51c2 --until 2096-01-01T00:00:00Z".to_owned(),
        "issuer https://id.example".to_owned(),
        "key kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k --dry-run".to_owned(),
    ] {
        shown += &operator.change(&format!("revoke {target}")).out;
    }
    shown += &operator.done("revoke list").out;
    timeless(|| insta::assert_snapshot!("revoke", shown));
    let ran = operator.change("revoke lift token 0b51c2 --format json");
    timeless(|| insta::assert_snapshot!("lift-json", ran.shown()));
}

#[test]
fn a_revocation_ends_when_it_was_said_to() {
    let operator = Operator::new();
    let epoch = SystemTime::UNIX_EPOCH;
    let now = SystemTime::now().duration_since(epoch).unwrap().as_secs();
    let later = now + 10 * 60 * 60;
    operator.program.claims(
        "later.json",
        &serde_json::json!({ "iat": later, "exp": later + 300 }),
    );
    let decide = || {
        outcome(&operator.run(&format!(
            "check --policy policy.toml --claims later.json --at {later} --ledger ledger.db \
             --format json"
        )))
    };
    for (end, expected) in [("--for 1h", "allow"), ("--for 20h", "revoked.issuer")] {
        let ran = operator.change(&format!("revoke issuer {ISSUER} {end}"));
        assert_eq!(ran.status, 0, "{ran:?}");
        assert_eq!(decide(), expected, "{end}");
    }
    for (end, said) in [
        (
            "--until 2001-01-01T00:00:00Z",
            "that ends at 2001-01-01T00:00:00Z would have ended already",
        ),
        ("--until tomorrow", "is no time such as"),
        ("--for ever", "is no duration such as"),
        ("--for 3000000d", "past the year 9999"),
        (
            "--for 1h --until 2096-01-01T00:00:00Z",
            "cannot be used with",
        ),
    ] {
        let ran = operator.change(&format!("revoke issuer {ISSUER} {end}"));
        assert!(ran.status == 2 && ran.err.contains(said), "{end}: {ran:?}");
    }
}

#[test]
fn what_no_token_could_have_is_not_revoked() {
    let operator = Operator::with_names();
    operator.token("acme/infra", "456789");
    operator.program.write("none.jwt", "x.y");
    operator.program.write("empty.json", r#"{"keys":[]}"#);
    for (target, said) in [
        ("token", "required arguments"),
        (
            "token --file none.jwt",
            "is no token that any host would take",
        ),
        (
            "token --file token.jwt --issuer https://x.example",
            "cannot be used with",
        ),
        ("token --digest abc", "`abc` is no digest: 64 hexadecimal"),
        ("token --digest sha256:0g", "with or without `sha256:`"),
        (
            "subject nonsense",
            "is no subject by naming model `github-actions`",
        ),
        ("key abc", "is no thumbprint"),
        ("key --jwk empty.json", "holds no key"),
        ("issuer ''", "is no issuer"),
        ("issuer id.example", "is no issuer: one is a URL such as"),
        ("issuer 'https://id.example/ x'", "is no issuer"),
        ("issuer token.actions.githubusercontent.com", "is no issuer"),
    ] {
        let before = operator.export();
        let ran = operator.change(&format!("revoke {target}"));
        assert!(
            ran.status == 2 && ran.err.contains(said),
            "{target}: {ran:?}"
        );
        assert_eq!(operator.export(), before, "{target}");
    }
    let ran = operator.change("revoke issuer https://id.example --dry-run");
    let known = format!(
        "note: the ledger knows no name of `https://id.example`; the issuers that it knows: `{ISSUER}`\n"
    );
    assert!(ran.status == 0 && ran.err == known, "{ran:?}");
    let ran = operator.change(&format!("revoke issuer {ISSUER} --dry-run"));
    assert!(ran.status == 0 && ran.err.is_empty(), "{ran:?}");
    let ran = Operator::new().change("revoke token abc");
    assert!(ran.err.contains("knows no issuer yet"), "{ran:?}");
}

#[test]
fn a_token_need_not_be_verified_to_be_revoked_and_is_never_shown() {
    let operator = Operator::new();
    operator.token("acme/infra", "456789");
    let token = String::from_utf8(operator.program.read("token.jwt")).unwrap();
    let (signed, signature) = token.trim().rsplit_once('.').unwrap();
    // Whatever is written as its signature.
    operator
        .program
        .write("unsigned.jwt", format!("{signed}.AAAA"));
    for format in ["human", "json"] {
        let ran = operator.change(&format!(
            "revoke token --file unsigned.jwt --format {format}"
        ));
        assert_eq!(ran.status, 0, "{ran:?}");
        for secret in [signed, signature] {
            assert!(
                !ran.out.contains(secret) && !ran.err.contains(secret),
                "{ran:?}"
            );
        }
    }
    assert_eq!(outcome(&operator.check("--format json")), "revoked.token");
}
