//! Dates at their edges, and what is almost a date.

use std::sync::Arc;

use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{Algorithm, KeySet, SetLimits};
use claimbound_issuers::Registry;
use serde_json::json;

use super::{AUDIENCE, HEADER, ISSUER, POLICY, SIGNER, decide, gate, signed, spelt};
use crate::forge::NOW;
use crate::gate::Host;

#[test]
fn an_end_is_a_whole_second_that_has_not_come() {
    let gate = gate();
    let at = |offset: u64| (NOW + offset).to_string();
    for (exp, expected) in [
        (at(1), "allow"),
        (at(0), "token.expired"),
        (format!("{NOW}.999999999999999999999"), "token.expired"),
        (format!("{}.0", NOW + 1), "allow"),
        ("1.7954283e9".to_owned(), "allow"),
        ("17954283000e-1".to_owned(), "allow"),
        ("1.9e9".to_owned(), "token.lifetime"),
        ("1900000000.5".to_owned(), "token.lifetime"),
        ("253402300799".to_owned(), "token.lifetime"),
        ("253402300799.9".to_owned(), "token.lifetime"),
        ("253402300800".to_owned(), "token.malformed"),
        ("9223372036854775807".to_owned(), "token.malformed"),
        ("9223372036854775808".to_owned(), "token.malformed"),
        ("18446744073709551615".to_owned(), "token.malformed"),
        // 2^64 more than a date that would be accepted.
        ("18446744075505136716".to_owned(), "token.malformed"),
        ("1e309".to_owned(), "token.malformed"),
        ("1e99999999999999999999".to_owned(), "token.malformed"),
        ("-1".to_owned(), "token.malformed"),
        ("-1e-400".to_owned(), "token.malformed"),
        ("-0".to_owned(), "token.expired"),
        ("0".to_owned(), "token.expired"),
        ("1e-400".to_owned(), "token.expired"),
        (format!("\"{}\"", NOW + 290), "claim.type"),
        (r#""2026-11-23T10:05:00Z""#.to_owned(), "claim.type"),
        (format!("[{}]", NOW + 290), "claim.type"),
        ("true".to_owned(), "claim.type"),
        ("null".to_owned(), "claim.type"),
    ] {
        let token = signed(HEADER, &spelt(&format!(r#""exp":{exp}"#)));
        assert_eq!(decide(&gate, &token), expected, "exp {exp}");
    }
}

#[test]
fn a_start_may_be_ahead_by_the_leeway_and_no_more() {
    let gate = gate();
    for claim in ["nbf", "iat"] {
        for (value, expected) in [
            ((NOW + 60).to_string(), "allow"),
            ((NOW + 61).to_string(), "token.not-yet-valid"),
            (
                format!("{}.0000000000000000001", NOW + 60),
                "token.not-yet-valid",
            ),
            (format!("{}.9", NOW + 59), "allow"),
            ("253402300799".to_owned(), "token.not-yet-valid"),
            ("253402300799.1".to_owned(), "token.malformed"),
            ("9223372036854775808".to_owned(), "token.malformed"),
            ("18446744073709551615".to_owned(), "token.malformed"),
            ("-1".to_owned(), "token.malformed"),
            ("1e400".to_owned(), "token.malformed"),
            (format!("\"{NOW}\""), "claim.type"),
            ("null".to_owned(), "claim.type"),
        ] {
            let token = signed(HEADER, &spelt(&format!(r#""{claim}":{value}"#)));
            assert_eq!(decide(&gate, &token), expected, "{claim} {value}");
        }
    }
    // The oldest dates say that a token has lived for long, never that it is new.
    for issued in ["0", "-0", "1e-400"] {
        let token = signed(HEADER, &spelt(&format!(r#""iat":{issued}"#)));
        assert_eq!(decide(&gate, &token), "token.lifetime", "iat {issued}");
    }
}

/// A gate whose issuer's tokens live for at most this many seconds.
fn capped(longest: u64) -> Gate {
    let keys = json!({ "keys": [SIGNER.jwk("k")] }).to_string();
    let settings = Settings {
        algorithms: Some(vec![Algorithm::EdDsa]),
        longest_lifetime: Some(longest),
        ..Settings::default()
    };
    let model = Arc::clone(Registry::standard().get("github-actions").unwrap());
    let keys = KeySet::parse(keys, &SetLimits::default()).unwrap();
    let issuer = Issuer::new(ISSUER, model, keys, settings).unwrap();
    let ceiling = Ceiling {
        roles: ["deploy".to_owned()].into(),
        enrolment: true,
        ..Ceiling::default()
    };
    let floor = Floor::new(AUDIENCE).unwrap();
    let issuers = Issuers::new([Arc::new(issuer)]).unwrap();
    Gate::new(issuers, floor, Arc::clone(&POLICY), ceiling).with_commit(Host)
}

#[test]
fn a_lifetime_is_the_hosts_and_the_statements_to_the_second() {
    // The host's cap alone, then the statement's fifteen minutes alone.
    for (cap, longest) in [(200, 200), (86_400, 900)] {
        let gate = capped(cap);
        for (lifetime, expected) in [
            (longest.to_string(), "allow"),
            (format!("{longest}.9"), "allow"),
            ((longest + 1).to_string(), "token.lifetime"),
        ] {
            let (whole, fraction) = lifetime.split_once('.').unwrap_or((&lifetime, "0"));
            let issued = NOW - 100;
            let end = issued + whole.parse::<u64>().unwrap();
            let members = format!(r#""iat":{issued},"nbf":{issued},"exp":{end}.{fraction}"#);
            let token = signed(HEADER, &spelt(&members));
            assert_eq!(decide(&gate, &token), expected, "{cap}: {lifetime}");
        }
    }
}
