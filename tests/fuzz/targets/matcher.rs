//! Patterns: globs against their definition, regular expressions against
//! another engine.
//!
//! The first byte is `g`, `@` (a glob whose star crosses no `@`) or `r`; then a
//! line with the pattern, then the text.

#![no_main]

use claimbound_fuzz::glob;
use claimbound_fuzz::input::line;
use claimbound_language::{At, Pattern};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &str| -> Corpus {
    let Some((kind, rest)) = data.split_at_checked(1) else {
        return Corpus::Reject;
    };
    let (pattern, text) = line(rest);
    match kind {
        "g" => globs(pattern, text, At::Plain, &['/', ':']),
        "@" => globs(pattern, text, At::Separates, &['/', ':', '@']),
        "r" => regexes(pattern, text),
        _ => return Corpus::Reject,
    }
    Corpus::Keep
});

fn globs(pattern: &str, text: &str, at: At, outside: &[char]) {
    match Pattern::glob(pattern, at) {
        Ok(compiled) => {
            let expected = glob::matches(pattern, text, outside).expect("it compiled");
            assert_eq!(compiled.matches(text), expected, "{pattern:?} {text:?}");
        }
        Err(error) => assert!(!error.is_empty()),
    }
}

fn regexes(pattern: &str, text: &str) {
    let compiled = match Pattern::regex(pattern) {
        Ok(compiled) => compiled,
        Err(error) => return assert!(!error.is_empty()),
    };
    // Where `x` is set, a comment would swallow what the other is anchored by.
    if pattern.contains('#') {
        return;
    }
    let other = regex::RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
        .nest_limit(80)
        .build();
    if let Ok(other) = other {
        assert_eq!(
            compiled.matches(text),
            other.is_match(text),
            "{pattern:?} {text:?}"
        );
    }
}
