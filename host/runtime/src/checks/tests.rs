//! Reading and writing of checks; `tests/src/hostile/checks.rs` runs them.

use super::*;
use crate::json::Fault as JsonFault;
use crate::reason::Code;

const URL: &str = "https://token.actions.githubusercontent.com";

fn draft(name: &str) -> Draft {
    Draft {
        name: name.to_owned(),
        issuer: URL.to_owned(),
        model: "github-actions".to_owned(),
        published: None,
        claims: format!(r#"{{"iss": "{URL}", "n": 1.50}}"#),
        algorithm: "RS256".to_owned(),
        key: crate::danger::AssumedKey {
            key_type: "RSA".to_owned(),
            bits: 2048,
            thumbprint: "A".repeat(43),
        },
        audience: "https://deploy.acme.example".to_owned(),
        now: 1_795_428_000,
        attributes: [("team".to_owned(), "a\nb".to_owned())].into(),
        expected: Expected::Deny {
            code: Code::ClaimMismatch,
            claim: Some(vec!["ref".to_owned()]),
            statement: None,
        },
    }
}

fn allow(name: &str) -> Draft {
    let grant = ExpectedGrant {
        roles: Some(vec!["deploy".to_owned()]),
        claims: serde_json::from_str(r#"{"tier": 2}"#).unwrap(),
        ..ExpectedGrant::default()
    };
    Draft {
        published: Some("{\n\"keys\": []\r\n}".to_owned()),
        expected: Expected::Allow {
            statement: "production".to_owned(),
            grant: Some(grant),
        },
        ..draft(name)
    }
}

fn checks(drafts: impl IntoIterator<Item = Draft>) -> Checks {
    let checks = drafts.into_iter().map(|one| Check::new(one).unwrap());
    Checks::new(checks).unwrap()
}

/// Both checks as they are written.
fn text() -> String {
    let bytes = checks([draft("a"), allow("b")]).to_bytes().unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_line_that_others_wrote_is_read_as_it_would_be_written() {
    let text = text();
    assert!(text.contains("\"claims\":{"), "{text}");
    let odd = text.replacen("\"claims\":{", "\"claims\":{\r\t", 1);
    let read = Checks::parse(odd.as_bytes()).unwrap();
    let claims = read.iter().next().unwrap().draft().claims;
    assert!(claims.starts_with("{ \t"), "{claims}");
    let again = Checks::parse(&read.to_bytes().unwrap()).unwrap();
    assert_eq!(again.iter().next().unwrap().draft().claims, claims);
}

fn refusal(text: &str) -> String {
    Checks::parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn what_was_written_is_read_again_and_written_alike() {
    let text = text();
    assert_eq!(text.lines().count(), 3, "{text}");
    let read = Checks::parse(text.as_bytes()).unwrap();
    let drafts: Vec<_> = read.iter().map(Check::draft).collect();
    assert_eq!(drafts.first(), Some(&draft("a")));
    let second = allow("b");
    let published = Some("{ \"keys\": []  }".to_owned());
    assert_eq!(
        drafts.last(),
        Some(&Draft {
            published,
            ..second
        })
    );
    assert_eq!(read.to_bytes().unwrap(), text.as_bytes());
    assert!(text.contains(r#""n": 1.50"#), "no claim passes a float");
}

#[test]
fn no_checks_are_a_header_alone() {
    let none = Checks::default();
    let bytes = none.to_bytes().unwrap();
    assert_eq!(bytes, b"{\"type\":\"claimbound.checks.v1\",\"count\":0}\n");
    assert!(Checks::parse(&bytes).unwrap().is_empty());
}

#[test]
fn checks_that_are_cut_off_anywhere_are_refused() {
    let text = text();
    for end in 0..text.len() {
        let cut = text.as_bytes().get(..end).unwrap();
        assert!(Checks::parse(cut).is_err(), "cut at byte {end}");
    }
    let more = format!("{text}{}", text.lines().last().unwrap());
    assert!(refusal(&more).contains("says 2, and 3 follow"));
}

#[test]
fn another_header_is_refused() {
    for other in [
        "",
        "{}\n",
        "{\"type\":\"claimbound.checks.v2\",\"count\":0}\n",
        "{\"type\":\"claimbound.checks.v1\",\"count\":0,\"count\":0}\n",
        "{\"type\":\"claimbound.checks.v1\",\"count\":0,\"more\":0}\n",
        "{\"type\":\"claimbound.checks.v1\",\"count\":-1}\n",
    ] {
        assert!(refusal(other).contains("no header"), "{other}");
    }
}

#[test]
fn every_member_is_read_strictly() {
    let text = text();
    for (from, to, told) in [
        (
            r#"{"name":"#,
            r#"{"more":1,"name":"#,
            "unknown field `more`",
        ),
        (
            r#"{"name":"#,
            r#"{"name":"c","name":"#,
            "a second member `name`",
        ),
        (
            r#""name":"b""#,
            r#""name":"a""#,
            "two checks are called `a`",
        ),
        (r#""name":"a""#, r#""name":"""#, "1 to 256 bytes"),
        (r#""name":"a""#, r#""name":"\u0007""#, "1 to 256 bytes"),
        ("github-actions", "gitlub", "`gitlub` is no naming model"),
        ("RS256", "none", "`none` is no algorithm"),
        (
            "claim.mismatch",
            "host.trap",
            "`host.trap` is no reason code",
        ),
        (r#""deny":"#, r#""allow":"x","deny":"#, "exactly one of"),
        (r#""deny":"claim.mismatch","#, "", "exactly one of"),
        (r#""now":1795428000"#, r#""now":1.5"#, "invalid type"),
        (
            r#""audience":"https://deploy.acme.example""#,
            r#""audience":"""#,
            "audience is empty",
        ),
        (r#""claims":{"iss""#, r#""claims":[{"iss""#, "no "),
        (r#"{ "keys": []  }"#, "null", "published keys"),
    ] {
        assert!(text.contains(from), "{from}");
        let refused = refusal(&text.replacen(from, to, 1));
        assert!(refused.contains(told), "{from}: {refused}");
    }
    let without = text.replacen(",\"claims\":{\"iss\"", ",\"other\":{\"iss\"", 1);
    assert!(refusal(&without).contains("unknown field `other`"));
}

#[test]
fn what_is_too_much_is_refused_before_it_is_read() {
    let huge = vec![b' '; LARGEST + 1];
    let refused = Checks::parse(&huge).unwrap_err();
    assert!(matches!(refused, ChecksError::TooLarge { .. }));
    let many = format!("{}{}", line::header(MOST + 1), "\n".repeat(MOST + 1));
    let refused = Checks::parse(many.as_bytes()).unwrap_err();
    assert!(matches!(refused, ChecksError::TooMany));
    let long = format!("{}{}\n", line::header(1), " ".repeat(LONGEST_LINE));
    assert!(refusal(&long).contains("at most 65536 bytes"));
    let deep = text().replacen("1.50", &format!("{}1{}", "[".repeat(40), "]".repeat(40)), 1);
    assert!(refusal(&deep).contains("nesting deeper than 32"));
    let wide = text().replacen("1.50", &format!("\"{}\"", "a".repeat(17_000)), 1);
    assert!(refusal(&wide).contains("longer than 16384 bytes"));
    let not_text = Checks::parse(b"\xff\n").unwrap_err();
    assert!(matches!(not_text, ChecksError::NotUtf8));
}

#[test]
fn claims_too_deep_for_a_line_are_not_written() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(31), "]".repeat(31));
    let check = Check::new(Draft {
        claims: deep,
        ..draft("deep")
    });
    let refused = checks([check.unwrap().draft()]).to_bytes().unwrap_err();
    let ChecksError::Line { line: 2, error } = refused else {
        panic!("{refused}");
    };
    let CheckError::Json(error) = *error else {
        panic!("{error}");
    };
    assert!(matches!(error.fault, JsonFault::TooDeep { .. }));
}

#[test]
fn a_component_carries_its_checks_once_or_not_at_all() {
    let section = |name: &'static str, data: Vec<u8>| wasm_encoder::CustomSection {
        name: name.into(),
        data: data.into(),
    };
    let component = |sections: &[wasm_encoder::CustomSection<'_>]| {
        let mut component = wasm_encoder::Component::new();
        for one in sections {
            component.section(one);
        }
        component.finish()
    };
    let own = section(SECTION, text().into_bytes());
    let found = Checks::of(&component(std::slice::from_ref(&own)))
        .unwrap()
        .unwrap();
    assert_eq!(found.len(), 2);
    let other = section("claimbound:cases", b"anything".to_vec());
    assert!(Checks::of(&component(&[other])).unwrap().is_none());
    let twice = Checks::of(&component(&[own.clone(), own])).unwrap_err();
    assert!(matches!(twice, ChecksError::Twice));
    let broken = Checks::of(&component(&[section(SECTION, b"{}".to_vec())]));
    assert!(matches!(broken, Err(ChecksError::Header)));
    assert!(matches!(Checks::of(b"no"), Err(ChecksError::Component(_))));
}
