//! What is wrong with a document, as people and programs read it.

use claimbound_language::{Diagnostic, Diagnostics, Severity};
use serde_json::{Value, json};

use crate::redact::quoting;

/// The findings with their places underlined, and without the secrets of the
/// text that they quote.
pub(crate) fn shown(findings: &Diagnostics) -> String {
    quoting(&findings.to_string(), findings.text())
}

/// The findings for a program, in the order of their places.
pub(crate) fn to_json(findings: &Diagnostics) -> Value {
    let one = |finding: &Diagnostic| {
        let (line, column) = findings.position(finding.place.start);
        let clean = |text: &str| quoting(text, findings.text());
        json!({
            "code": finding.code(),
            "severity": match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            "message": clean(&finding.message),
            "hint": finding.hint.as_deref().map(clean),
            "file": findings.source_name(),
            "line": line,
            "column": column,
        })
    };
    findings.iter().map(one).collect()
}

/// The summary and what each error says, in one sentence.
pub(crate) fn sentence(findings: &Diagnostics) -> String {
    let errors = findings
        .iter()
        .filter(|one| one.severity == Severity::Error);
    let messages: Vec<_> = errors.map(|one| one.message.as_str()).collect();
    let all = format!("{}: {}", summary(findings), messages.join("; "));
    quoting(&all, findings.text())
}

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
