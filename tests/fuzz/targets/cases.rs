//! Case files: all that is wrong is said, and what is right runs.

#![no_main]

use std::sync::LazyLock;

use claimbound_fuzz::route::DOCUMENT;
use claimbound_language::{Compiled, compile, parse_cases};
use libfuzzer_sys::fuzz_target;

static COMPILED: LazyLock<Compiled> =
    LazyLock::new(|| compile("route.toml", DOCUMENT).expect("a policy"));

fuzz_target!(|text: &str| {
    let cases = match parse_cases("cases.toml", text) {
        Ok(cases) => cases,
        Err(findings) => {
            assert!(!findings.to_string().is_empty());
            return;
        }
    };
    let checked = cases.check(&COMPILED);
    if let Err(findings) = &checked {
        assert!(!findings.to_string().is_empty());
    }
    for case in cases.cases.iter().take(32) {
        let derived = cases.derive(&COMPILED, case);
        if checked.is_ok() {
            assert!(derived.is_ok(), "{}: {derived:?}", case.name.value);
        }
        assert_eq!(derived, cases.derive(&COMPILED, case));
        assert_eq!(cases.run(&COMPILED, case).is_ok(), derived.is_ok());
    }
});
