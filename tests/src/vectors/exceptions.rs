//! Where an answer differs from the vectors', each with its reason.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Actual, Case, Expected};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    exception: Vec<Exception>,
}

/// Cases of one file that differ in one way for one reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    file: String,
    ids: Vec<String>,
    expected: String,
    actual: String,
    why: String,
}

/// Compares answers with what the vectors say. What differs must be listed,
/// and what is listed must differ, in just that way.
pub(super) fn score(file: &str, cases: &[Case]) {
    let listed = listed(file);
    let differing: BTreeMap<String, String> = cases.iter().filter_map(differs).collect();
    let unlisted: Vec<_> = differing
        .iter()
        .filter(|(id, actual)| listed.get(*id) != Some(*actual))
        .collect();
    assert!(
        unlisted.is_empty(),
        "{file}: not as the vectors say, and no exception: {unlisted:#?}"
    );
    let stale: Vec<_> = listed
        .iter()
        .filter(|(id, actual)| differing.get(*id) != Some(*actual))
        .collect();
    assert!(
        stale.is_empty(),
        "{file}: exceptions that are not needed: {stale:#?}"
    );
}

fn differs(case: &Case) -> Option<(String, String)> {
    match (case.expected, &case.actual) {
        (Expected::Valid, Actual::Refused(code)) => Some((case.id.clone(), code.clone())),
        (Expected::Invalid, Actual::Accepted) => {
            panic!("case {} is invalid and was accepted", case.id)
        }
        (Expected::Valid, Actual::Accepted)
        | (Expected::Invalid, Actual::Refused(_))
        | (Expected::Either, _) => None,
    }
}

/// The exceptions of a file: case to the code of its refusal.
fn listed(file: &str) -> BTreeMap<String, String> {
    let mut listed = BTreeMap::new();
    for exception in all()
        .exception
        .into_iter()
        .filter(|exception| exception.file == file)
    {
        for id in exception.ids {
            let twice = listed.insert(id.clone(), exception.actual.clone());
            assert_eq!(twice, None, "{file}: case {id} is listed twice");
        }
    }
    listed
}

fn all() -> File {
    toml::from_str(include_str!("exceptions.toml")).expect("the exceptions are well-formed")
}

#[test]
fn every_exception_is_a_refusal_with_a_reason() {
    for exception in all().exception {
        assert_eq!(
            exception.expected, "valid",
            "only a refusal of something valid can be excepted"
        );
        assert_ne!(exception.actual, "accepted");
        assert!(
            exception.why.len() > 20 && !exception.ids.is_empty(),
            "{}: {:?}",
            exception.file,
            exception.ids
        );
    }
}

#[test]
#[should_panic(expected = "is invalid and was accepted")]
fn nothing_invalid_can_be_excepted() {
    score(
        "none",
        &[Case {
            id: "1".to_owned(),
            expected: Expected::Invalid,
            actual: Actual::Accepted,
        }],
    );
}

#[test]
#[should_panic(expected = "not as the vectors say")]
fn an_unlisted_refusal_fails() {
    let actual = Actual::Refused("token.key".to_owned());
    score(
        "none",
        &[Case {
            id: "1".to_owned(),
            expected: Expected::Valid,
            actual,
        }],
    );
}

#[test]
#[should_panic(expected = "exceptions that are not needed")]
fn a_stale_exception_fails() {
    score("rfc-jose/jwk_cases.json", &[]);
}
