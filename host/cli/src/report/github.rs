//! A review as annotations of a run of GitHub Actions: a command a line.

use claimbound_analysis::lint::Severity;

use crate::escape::visible;
use crate::redact::Quotations;
use crate::report::{Remark, Review, path, summary};

/// The whole answer.
pub(crate) fn text(reviews: &[Review]) -> String {
    let commands = reviews.iter().flat_map(commands);
    let lines = commands
        .chain([summary(reviews)])
        .map(|line| format!("{line}\n"));
    lines.collect()
}

fn commands(review: &Review) -> Vec<String> {
    let quotations = Quotations::of(&review.text);
    let open = review.open();
    open.map(|remark| command(review, remark, &quotations))
        .collect()
}

/// The command of one finding: `::error file=…,line=…,title=…::message`.
fn command(review: &Review, remark: &Remark, quotations: &Quotations) -> String {
    let lines = review.lines(&remark.place);
    let mut properties = vec![
        ("file", path::relative(&review.file)),
        ("line", lines.start.0.to_string()),
        ("endLine", lines.end.0.to_string()),
    ];
    // Columns of several lines are refused.
    if lines.start.0 == lines.end.0 {
        properties.push(("col", lines.start.1.to_string()));
    }
    properties.push(("title", format!("claimbound: {}", remark.rule)));
    let properties: Vec<String> = properties
        .iter()
        .map(|(name, value)| format!("{name}={}", property(value)))
        .collect();
    let said = |text: &str| data(&visible(&quotations.redacted(text)));
    let hint = remark.hint.as_deref().map_or_else(String::new, |hint| {
        // A line feed, as the runner reads it.
        format!("%0A{}", said(hint))
    });
    format!(
        "::{} {}::{}{hint}",
        word(remark.severity),
        properties.join(","),
        said(&remark.message)
    )
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    }
}

/// The text of a message, in the runner's escapes. Every control character is
/// written as words before that, line feeds among them.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property: what ends one is escaped as well.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use claimbound_analysis::lint::Severity;

    use super::*;
    use crate::report::tests::{remark, review};

    #[test]
    fn a_finding_is_one_command_whatever_it_says() {
        let mut found = remark("x::y %0A\n::set-env name=PATH::/tmp\r\u{1b}[31m");
        found.hint = Some("##[add-path]/tmp\n::stop-commands::x".to_owned());
        found.severity = Severity::Note;
        let file = "./a,line=9::b%2C\nc.toml";
        let text = text(&[review(file, "a = 1\n", vec![found])]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "::notice file=a%2Cline=9%3A%3Ab%252C%0Ac.toml,line=1,endLine=1,col=1,\
                 title=claimbound%3A takeover::x::y %250A\\n::set-env name=PATH::/tmp\\r\\u{1b}[31m\
                 %0A##[add-path]/tmp\\n::stop-commands::x",
                "1 policy: 0 errors, 0 warnings, 1 note",
            ]
        );
    }

    #[test]
    fn a_place_of_several_lines_has_no_column() {
        let mut found = remark("x");
        found.place = 0..8;
        let text = text(&[review("p.toml", "a = 1\nb = 2\n", vec![found])]);
        let place = "::error file=p.toml,line=1,endLine=2,title=";
        assert!(text.starts_with(place), "{text}");
    }
}
