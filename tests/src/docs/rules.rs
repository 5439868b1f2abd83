//! The pages of the linter's rules, made from their registry.

use std::fmt::Write as _;

use claimbound_analysis::lint::{ALL, Rule};

const INTRODUCTION: &str = "\
# Rules

<!-- generated from the linter's rules: run the tests with CLAIMBOUND_UPDATE=1 -->

What `claimbound lint` looks for. Each rule has a page that says why it matters, how it is decided, what \
to do, and which published controls it serves; `claimbound explain RULE` prints it. How the linter is \
used is in [reviewing a policy](../reviewing-a-policy.md).

| rule | severity | finds |
|---|---|---|
";

/// What says, on a page, where it comes from.
const ORIGIN: &str =
    "<!-- generated from the linter's rules: run the tests with CLAIMBOUND_UPDATE=1 -->";

/// Each page with its path below `docs`.
pub(super) fn pages() -> Vec<(String, String)> {
    let mut index = INTRODUCTION.to_owned();
    let mut pages = Vec::new();
    for rule in ALL {
        let (name, severity, summary) = (rule.name, rule.severity, rule.summary);
        writeln!(index, "| [`{name}`]({name}.md) | {severity} | {summary} |").unwrap();
        pages.push((format!("rules/{name}.md"), page(rule)));
    }
    pages.push(("rules/README.md".to_owned(), index));
    pages
}

fn page(rule: &Rule) -> String {
    let page = rule.page();
    let (title, rest) = page.split_once('\n').unwrap();
    format!("{title}\n\n{ORIGIN}\n{rest}")
}
