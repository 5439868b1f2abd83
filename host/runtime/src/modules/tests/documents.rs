//! Statements, indexes and comparisons, as they are written and read.

use proptest::prelude::*;

use super::*;
use crate::clock;

#[test]
fn a_statement_is_written_for_people_and_ends_with_a_line_feed() {
    let text = String::from_utf8(statement().to_bytes()).unwrap();
    let digest = Digest::of(b"component");
    assert_eq!(
        text,
        format!(
            r#"{{
  "type": "claimbound.module.v1",
  "name": "acme-deploy",
  "version": "1.4.0",
  "digest": "{digest}",
  "contract": "claimbound:policy@0.1.0",
  "time": "2026-11-27T18:00:00Z"
}}
"#
        )
    );
}

#[test]
fn an_index_stands_one_version_a_line() {
    let mut yanked = listed("1.3.9");
    yanked.yanked = Some("lets \"forks\" in".to_owned());
    let text = String::from_utf8(index(vec![listed("1.4.0"), yanked]).to_bytes()).unwrap();
    assert_eq!(text.lines().count(), 11, "{text}");
    assert!(
        text.contains(r#""yanked": "lets \"forks\" in" },"#)
            || text.contains(r#""yanked": "lets \"forks\" in" }"#)
    );
    assert_eq!(index(Vec::new()).versions(), []);
}

fn spoilt(text: &str, with: &str) -> Vec<u8> {
    let document = String::from_utf8(statement().to_bytes()).unwrap();
    assert!(document.contains(text), "{text}");
    document.replace(text, with).into_bytes()
}

#[test]
fn a_statement_is_read_strictly() {
    let zeros = "0".repeat(64);
    let digest = Digest::of(b"component").to_string();
    for (text, with) in [
        ("\"acme-deploy\"", "\"Acme\""),
        ("\"acme-deploy\"", "7"),
        ("1.4.0\"", "1.4.0+b\""),
        (&digest, &zeros),
        ("claimbound:policy@0.1.0", ""),
        ("2026-11-27T18:00:00Z", "2026-11-27T18:00:00+00:00"),
        ("2026-11-27T18:00:00Z", "2026-11-27T18:00:00.5Z"),
        ("2026-11-27T18:00:00Z", "1795802400"),
        ("\"time\"", "\"times\""),
        ("\"name\"", "\"digest\": \"\", \"name\""),
        ("\"name\"", "\"document\": null, \"name\""),
        ("\"name\"", "\"more\": 1, \"name\""),
        ("claimbound.module.v1", "claimbound.index.v1"),
        ("claimbound.module.v1", "claimbound.module.v2"),
        ("}", "} x"),
    ] {
        let refused = Statement::parse(&spoilt(text, with));
        assert!(refused.is_err(), "{text} as {with}");
    }
    let long = spoilt("}\n", &format!("}}{}", " ".repeat(64 * 1024)));
    assert!(matches!(
        Statement::parse(&long),
        Err(DocumentError::Json(_))
    ));
}

#[test]
fn a_document_of_another_type_is_named_for_what_it_is() {
    let bytes = index(Vec::new()).to_bytes();
    let message = Statement::parse(&bytes).unwrap_err().to_string();
    assert_eq!(
        message,
        "its `type` is `claimbound.index.v1`, not `claimbound.module.v1`"
    );
    assert_eq!(DocumentKind::of(&bytes), Ok(DocumentKind::Index));
    let unknown = DocumentKind::of(br#"{"type":"x"}"#);
    assert_eq!(unknown, Err(DocumentError::UnknownType("x".to_owned())));
}

#[test]
fn an_index_holds_a_version_once_and_ends_after_it_begins() {
    let new = |serial, time, expires, versions| {
        Index::new(name("acme-deploy"), serial, time, expires, versions)
    };
    let twice = vec![listed("1.0.0"), listed("1.0.0")];
    assert_eq!(new(1, 1, 2, twice), Err(IndexError::Twice("1.0.0".into())));
    assert_eq!(new(1, 2, 2, Vec::new()), Err(IndexError::Times));
    assert_eq!(
        new(1, 2, clock::LAST + 1, Vec::new()),
        Err(IndexError::Times)
    );
    assert_eq!(new(u64::MAX, 1, 2, Vec::new()), Err(IndexError::Serial));
    for why in ["", "a\nb", &"x".repeat(1025)] {
        let mut yanked = listed("1.0.0");
        yanked.yanked = Some(why.to_owned());
        let refused = new(1, 1, 2, vec![yanked]);
        assert_eq!(refused, Err(IndexError::Reason("1.0.0".into())));
    }
}

#[test]
fn an_index_takes_as_much_as_can_be_read_and_no_more() {
    let many = |count: u64| {
        (0..count)
            .map(|minor| Listed {
                version: Version::new(1, minor, 0),
                ..listed("1.0.0")
            })
            .collect::<Vec<_>>()
    };
    let full = index(many(8_000));
    assert_eq!(Index::parse(&full.to_bytes()), Ok(full));
    let new = |versions| Index::new(name("acme-deploy"), 1, 1, 2, versions);
    assert_eq!(new(many(9_900)), Err(IndexError::TooLong));
    assert_eq!(new(many(10_001)), Err(IndexError::TooLong));
}

#[test]
fn times_of_an_index_are_those_of_a_half_open_span() {
    let index = index(Vec::new());
    assert!(!index.is_expired_at(TIME + 59));
    assert!(index.is_expired_at(TIME + 60));
}

prop_compose! {
    fn any_version()(
        numbers in any::<(u64, u64, u64)>(), pre in "(-[a-z][a-z0-9]{0,9}(\\.[1-9][0-9]{0,3})?)?"
    ) -> Version {
        parse_version(&format!("{}.{}.{}{pre}", numbers.0, numbers.1, numbers.2)).unwrap()
    }
}

prop_compose! {
    fn any_digest()(bytes in any::<[u8; 32]>()) -> Digest {
        bytes.into()
    }
}

prop_compose! {
    fn any_name()(text in "[a-z0-9][a-z0-9_-]{0,20}(\\.[a-z0-9]{1,9})?") -> ModuleName {
        name(&text)
    }
}

prop_compose! {
    fn any_listed()(
        version in any_version(),
        digest in any_digest(),
        yanked in prop::option::of("[^\\pC]{1,40}"),
    ) -> Listed {
        Listed { version, digest, yanked }
    }
}

prop_compose! {
    fn any_compared()(version in any_version(), digest in any_digest()) -> Compared {
        Compared { version, digest }
    }
}

proptest! {
    #[test]
    fn a_statement_is_read_as_it_was_written(
        name in any_name(),
        version in any_version(),
        digest in any_digest(),
        contract in "[!-~]{1,128}",
        time in 0..=clock::LAST,
        document in prop::option::of(any_digest()),
    ) {
        let statement = Statement {
            id: ModuleId::new(name, version).unwrap(),
            digest,
            contract: contract.parse().unwrap(),
            time,
            document,
        };
        prop_assert_eq!(Statement::parse(&statement.to_bytes()), Ok(statement));
    }

    #[test]
    fn an_index_is_read_as_it_was_written(
        name in any_name(),
        serial in 0..i64::MAX.cast_unsigned(),
        times in (0..clock::LAST, 1..1_000_000_u64),
        versions in prop::collection::vec(any_listed(), 0..8),
    ) {
        let (time, expires) = (times.0, (times.0 + times.1).min(clock::LAST));
        let made = Index::new(name, serial, time, expires, versions);
        prop_assume!(!matches!(made, Err(IndexError::Twice(_))));
        let index = made.unwrap();
        prop_assert_eq!(Index::parse(&index.to_bytes()), Ok(index));
    }

    #[test]
    fn a_comparison_is_read_as_it_was_written(
        name in any_name(),
        old in any_compared(),
        new in any_compared(),
        outcome in prop::sample::select(&Relation::ALL[..]),
        time in 0..=clock::LAST,
        release in any_version(),
    ) {
        let comparison = Comparison { name, old, new, outcome, time, release };
        prop_assert_eq!(Comparison::parse(&comparison.to_bytes()), Ok(comparison));
    }

    #[test]
    fn what_is_read_is_written_as_the_same_document(
        at in 0..400_usize, byte in any::<u8>()
    ) {
        let mut bytes = statement().to_bytes();
        if let Some(there) = bytes.get_mut(at) {
            *there = byte;
        }
        if let Ok(read) = Statement::parse(&bytes) {
            prop_assert_eq!(Statement::parse(&read.to_bytes()), Ok(read));
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (Statement::parse(&bytes), Index::parse(&bytes), Comparison::parse(&bytes));
        let text = String::from_utf8_lossy(&bytes);
        let _ = (PublicKey::from_pem(&text), SigningKey::from_pem(&text));
        let _ = Provenance::verify(&bytes, key().public(), &Digest::of(b""));
        if let Ok(signature) = Signature::parse(&bytes) {
            prop_assert!(!signature.is_by(key().public(), &bytes));
        }
    }
}
