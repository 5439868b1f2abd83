//! The reason codes that a case may expect: the contract's registry, of which
//! this crate carries a copy.

use std::sync::LazyLock;

use serde::Deserialize;

const REGISTRY: &str = include_str!("../reasons.toml");

/// One code of the contract's registry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ReasonCode {
    /// The code, such as `claim.mismatch`.
    pub code: String,
    /// `reason` for a code of a denial, `host` for one of a failure.
    pub kind: String,
    /// What it means, in one sentence.
    pub meaning: String,
    /// What to do about it.
    pub action: String,
}

#[derive(Deserialize)]
struct Registry {
    code: Vec<ReasonCode>,
}

static CODES: LazyLock<Vec<ReasonCode>> = LazyLock::new(|| {
    // A registry that can't be read has no codes, so every case is refused; a
    // test reads it.
    toml::from_str::<Registry>(REGISTRY).map_or_else(|_| Vec::new(), |registry| registry.code)
});

/// The codes of the registry, in its order.
pub fn reason_codes() -> &'static [ReasonCode] {
    &CODES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_evaluator_is_in_the_registry() {
        assert!(reason_codes().len() > 30);
        for code in claimbound_engine::Code::ALL {
            let found = reason_codes().iter().find(|one| one.code == code.as_str());
            assert_eq!(
                found.map(|one| one.kind.as_str()),
                Some("reason"),
                "{}",
                code.as_str()
            );
        }
    }

    #[test]
    fn the_copy_is_the_contracts() {
        let original = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/reasons.toml");
        // A packaged crate stands alone, and then there is nothing to compare.
        if let Ok(text) = std::fs::read_to_string(original) {
            assert_eq!(text, REGISTRY, "copy wit/reasons.toml to host/language");
        }
    }
}
