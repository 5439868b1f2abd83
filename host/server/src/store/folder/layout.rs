//! What files of a store are called.

use claimbound::modules::{Form, Version, parse_version};

pub(super) const COMPONENT: &str = "module.wasm";
pub(super) const STATEMENT: &str = "statement.json";
pub(super) const INDEX: &str = "index.json";
pub(super) const PROVENANCE: &str = "provenance.json";
/// Held by whoever writes.
pub(super) const LOCK: &str = ".lock";
/// What begins so is not written to its end.
pub(super) const UNFINISHED: &str = ".unfinished-";

/// What the file of a comparison with an older version is called.
pub(super) fn comparison(old: &Version) -> String {
    format!("comparison-from-{old}.json")
}

/// The older version that a file is a comparison with; none of other files. A
/// version may end like the name of a signature, which is one all the same.
pub(super) fn compared(name: &str) -> Option<Version> {
    let is_signature = |form: Form| name.ends_with(&format!(".{}", form.extension()));
    let old = name
        .strip_prefix("comparison-from-")?
        .strip_suffix(".json")?;
    let signs = Form::ALL.into_iter().any(is_signature);
    parse_version(old).ok().filter(|_| !signs)
}

/// What the file of a signature on a document is called: the first is
/// `DOCUMENT.sig`, others are `DOCUMENT.1.sig` and on.
pub(super) fn signature(document: &str, number: usize, form: Form) -> String {
    let end = form.extension();
    match number {
        0 => format!("{document}.{end}"),
        number => format!("{document}.{number}.{end}"),
    }
}

/// Whether a file is a signature on a document, by its name.
pub(super) fn is_signature(document: &str, name: &str) -> bool {
    let Some(rest) = name.strip_prefix(document) else {
        return false;
    };
    Form::ALL.into_iter().any(|form| {
        let number = rest
            .strip_suffix(form.extension())
            .and_then(|rest| rest.strip_suffix('.'));
        let digits = |text: &str| {
            let digits = text.strip_prefix('.').unwrap_or_default();
            (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        number.is_some_and(|number| number.is_empty() || digits(number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_belongs_to_one_document() {
        for (number, form, name) in [
            (0, Form::Detached, "index.json.sig"),
            (1, Form::Detached, "index.json.1.sig"),
            (0, Form::Bundle, "index.json.sigstore.json"),
            (12, Form::Bundle, "index.json.12.sigstore.json"),
        ] {
            assert_eq!(signature(INDEX, number, form), name);
            assert!(is_signature(INDEX, name), "{name}");
            assert!(!is_signature(STATEMENT, name), "{name}");
        }
        for name in [
            "index.json",
            "index.jsonsig",
            "index.json.x.sig",
            "index.json.1000.sig",
            "index.json..sig",
        ] {
            assert!(!is_signature(INDEX, name), "{name}");
        }
    }

    #[test]
    fn a_comparison_is_told_from_its_signatures() {
        let old = parse_version("1.3.0-rc.1").unwrap();
        assert_eq!(compared(&comparison(&old)), Some(old));
        for name in [
            "comparison-from-1.3.0-rc.1.json.sigstore.json",
            "comparison-from-1.3.json",
            "comparison-from-../1.3.0.json",
            "statement.json",
        ] {
            assert_eq!(compared(name), None, "{name}");
        }
    }
}
