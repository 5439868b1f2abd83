//! Numbers that a float can't hold, against conditions on numbers.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use claimbound::policy::Policy;

use super::{HEADER, ISSUER, SIGNER, decide, gate_of, issuer, signed, spelt};
use crate::gate::policy;
use crate::standard::standard;

/// One statement for each condition on the claim `value`.
const CONDITIONS: [(&str, &str); 8] = [
    ("one", "1"),
    ("zero", "0"),
    ("past-2-53", "9007199254740993"),
    ("last-64", "9223372036854775807"),
    ("tenths", "0.3"),
    ("at-most-2-53", "{ at_most = 9007199254740992 }"),
    ("at-least-one", "{ at_least = 1 }"),
    ("not-one", "{ none_of = [1] }"),
];

static NUMBERS: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let mut document = String::from(
        "claimbound = 1\npolicy = { name = \"numbers\", version = \"1.0.0\" }\n[issuer.github]\nmodel = \"github-actions\"\n",
    );
    for (name, condition) in CONDITIONS {
        write!(
            document,
            r#"
[trust.{name}]
issuer = "github"
audience = "https://deploy.acme.example"
token_lifetime = "15m"
subject = {{ owner = {{ name = "acme", id = "123456" }}, repository = {{ name = "acme/infra", id = "456789" }}, environment = "production" }}
claims = {{ case = "{name}", value = {condition} }}
grant = {{ roles = ["deploy"] }}
"#
        )
        .unwrap();
    }
    policy(&standard(), &document)
});

#[test]
fn numbers_are_compared_by_their_exact_decimal_value() {
    let gate = gate_of([issuer(ISSUER, &[SIGNER.jwk("k")])], &NUMBERS);
    for (case, value, expected) in [
        ("one", "1", "allow"),
        ("one", "1.0", "allow"),
        ("one", "10e-1", "allow"),
        ("one", "0.00001E+5", "allow"),
        (
            "one",
            "1.00000000000000000000000000000000001",
            "claim.mismatch",
        ),
        (
            "one",
            "0.99999999999999999999999999999999999",
            "claim.mismatch",
        ),
        ("one", "-1", "claim.mismatch"),
        ("one", "1e400", "claim.mismatch"),
        ("one", "1e99999999999999999999", "claim.mismatch"),
        ("one", r#""1""#, "claim.type"),
        ("one", "true", "claim.type"),
        ("one", "[1]", "claim.type"),
        ("one", "null", "claim.type"),
        ("zero", "-0", "allow"),
        ("zero", "-0.0", "allow"),
        ("zero", "0e400", "allow"),
        ("zero", "1e-400", "claim.mismatch"),
        ("zero", "-1e-400", "claim.mismatch"),
        ("past-2-53", "9007199254740993", "allow"),
        ("past-2-53", "9007199254740993.0", "allow"),
        ("past-2-53", "9007199254740992", "claim.mismatch"),
        ("past-2-53", "9007199254740994", "claim.mismatch"),
        ("last-64", "9223372036854775807", "allow"),
        ("last-64", "9223372036854775807.00", "allow"),
        ("last-64", "9223372036854775808", "claim.mismatch"),
        ("last-64", "-9223372036854775809", "claim.mismatch"),
        ("last-64", "18446744073709551615", "claim.mismatch"),
        ("tenths", "0.3", "allow"),
        ("tenths", "3e-1", "allow"),
        ("tenths", "0.30000000000000004", "claim.mismatch"),
        ("tenths", "0.1+0.2", "token.malformed"),
        ("at-most-2-53", "9007199254740992", "allow"),
        (
            "at-most-2-53",
            "9007199254740992.0000000000000001",
            "claim.mismatch",
        ),
        ("at-most-2-53", "9007199254740993", "claim.mismatch"),
        ("at-most-2-53", "-1e400", "allow"),
        ("at-most-2-53", "1e400", "claim.mismatch"),
        ("at-least-one", "0.9999999999999999999999", "claim.mismatch"),
        ("at-least-one", "1e400", "allow"),
        ("at-least-one", "-1e400", "claim.mismatch"),
        ("at-least-one", r#""2""#, "claim.type"),
        ("not-one", "1.0", "claim.mismatch"),
        ("not-one", "1e0", "claim.mismatch"),
        ("not-one", "1.0000000000000000000001", "allow"),
        // Unknown is not unequal: another type satisfies no trust.
        ("not-one", r#""1""#, "claim.type"),
    ] {
        let payload = spelt(&format!(r#""case":"{case}","value":{value}"#));
        assert_eq!(
            decide(&gate, &signed(HEADER, &payload)),
            expected,
            "{case}: {value}"
        );
    }
}
