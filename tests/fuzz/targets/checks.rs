//! Checks: what is read is written, and read again as the same.

#![no_main]

use claimbound::checks::{Check, Checks};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let checks = match Checks::parse(bytes) {
        Ok(checks) => checks,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    // A number of an expected grant may become longer than a line takes.
    let Ok(written) = checks.to_bytes() else {
        return;
    };
    let again = Checks::parse(&written).expect("what was written is read");
    assert_eq!(again.len(), checks.len());
    for (one, other) in checks
        .iter()
        .map(Check::draft)
        .zip(again.iter().map(Check::draft))
    {
        assert_eq!(one.name, other.name);
        assert_eq!(one.issuer, other.issuer);
        assert_eq!(one.claims, other.claims);
        assert_eq!(one.now, other.now);
        assert_eq!(one.attributes, other.attributes);
    }
});
