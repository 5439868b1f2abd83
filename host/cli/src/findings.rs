//! What is wrong with a document, summed up in one sentence.

use claimbound_language::{Diagnostics, Severity};

/// How many errors and warnings there are, and in which file.
pub(crate) fn summary(findings: &Diagnostics) -> String {
    let count = |severity| {
        findings
            .iter()
            .filter(|one| one.severity == severity)
            .count()
    };
    let errors = counted(count(Severity::Error), "error");
    let warnings = match count(Severity::Warning) {
        0 => String::new(),
        many => format!(" and {}", counted(many, "warning")),
    };
    format!("`{}` has {errors}{warnings}", findings.source_name())
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_the_file_and_counts() {
        let findings = claimbound_language::compile("p.toml", "claimbound = 1\n").unwrap_err();
        assert!(
            summary(&findings).starts_with("`p.toml` has "),
            "{}",
            summary(&findings)
        );
        assert_eq!(counted(1, "error"), "1 error");
        assert_eq!(counted(0, "error"), "0 errors");
    }
}
