//! Patterns, by their definitions: a glob by trying every length of every star,
//! a regular expression by another engine, whole.

use claimbound_language::{At, Pattern};
use proptest::prelude::*;
use proptest::sample::select;

use super::simple::glob;
use super::{Tally, for_all};

/// Texts of the characters that mean something, and of some that do not.
const TEXT: &str = "[ab/:@.é%A\\\\*]{0,10}";

#[test]
fn a_glob_matches_what_its_definition_says() {
    let tally = Tally::default();
    let globs = (
        "([ab/:@.é%A]|\\*|\\*\\*|\\\\\\*|\\\\\\\\|\\\\a){1,8}",
        any::<bool>(),
    );
    let values = (globs, prop::collection::vec(TEXT, 20), any::<[bool; 4]>());
    for_all(400, &values, |((text, separates), texts, fills)| {
        let at = if separates { At::Separates } else { At::Plain };
        let Ok(pattern) = Pattern::glob(&text, at) else {
            return Ok(());
        };
        let characters: Vec<char> = text.chars().collect();
        // Texts near the pattern: each star filled with something.
        let near = ["", "a", "a/b", "@"].map(|fill| text.replace('*', fill).replace('\\', ""));
        let near = near
            .into_iter()
            .zip(fills)
            .filter(|one| one.1)
            .map(|one| one.0);
        for one in texts.into_iter().chain(near) {
            let letters: Vec<char> = one.chars().collect();
            let expected = glob(&characters, &letters, false, separates);
            tally.count(if expected { "match" } else { "no match" });
            prop_assert_eq!(pattern.matches(&one), expected, "`{}` `{}`", text, one);
        }
        Ok(())
    });
    tally.check("match", 40);
}

/// Regular expressions of all that a document may say.
fn regex() -> impl Strategy<Value = String> {
    let atoms = vec![
        "a",
        "b",
        "A",
        "é",
        ".",
        "/",
        ":",
        "%",
        "[ab]",
        "[^a]",
        "[a-f0-9]",
        r"\d",
        r"\w",
        r"\.",
        r"\pL",
        r"[[:alpha:]]",
        "(?i:a)",
        "(?s:.)",
        "(?-u:a)",
        r"\x61",
        "[^/]",
        r"\\",
    ];
    let atom = select(atoms).prop_map(str::to_owned);
    atom.prop_recursive(4, 24, 3, |inner| {
        let some = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            3 => some().prop_map(|all| all.concat()),
            2 => some().prop_map(|all| format!("({})", all.join("|"))),
            1 => some().prop_map(|all| all.join("|")),
            2 => (inner.clone(), select(vec!["*", "+", "?", "{0,2}", "{2}", "*?"]))
                .prop_map(|(one, many)| format!("(?:{one}){many}")),
        ]
    })
}

#[test]
fn a_regular_expression_matches_whole_values_as_another_engine_says() {
    let tally = Tally::default();
    let values = regex().prop_flat_map(|text| {
        // Texts that the expression itself makes, and any.
        let near = proptest::string::string_regex(&text)
            .map_or_else(|_| TEXT.prop_map(|text| text).boxed(), Strategy::boxed);
        (
            Just(text),
            prop::collection::vec(near, 8),
            prop::collection::vec(TEXT, 12),
        )
    });
    for_all(300, &values, |(text, near, texts)| {
        let Ok(pattern) = Pattern::regex(&text) else {
            return Ok(());
        };
        let other = regex::Regex::new(&format!("^(?:{text})$")).unwrap();
        for one in near.into_iter().chain(texts) {
            let expected = other.is_match(&one);
            tally.count(if expected { "match" } else { "no match" });
            prop_assert_eq!(pattern.matches(&one), expected, "`{}` `{}`", text, one);
        }
        Ok(())
    });
    tally.check("match", 10);
    tally.check("no match", 10);
}
