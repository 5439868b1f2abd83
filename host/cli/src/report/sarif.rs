//! A review as SARIF 2.1.0, for code scanning.

use std::collections::BTreeMap;

use claimbound_analysis::lint::Severity;
use serde_json::{Value, json};

use crate::escape::visible;
use crate::example;
use crate::redact::Quotations;
use crate::report::about::About;
use crate::report::{Against, Remark, Review, Standing, path};

/// Where the format's schema is published.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What our fingerprint is called; its version is that of how it is computed.
const FINGERPRINT: &str = "claimbound/v1";

/// Each rule that found something, with its number and how much it matters.
type Rules = BTreeMap<&'static str, (usize, Severity)>;

/// The whole answer: one run.
pub(crate) fn of(reviews: &[Review], against: Against) -> Value {
    let rules = rules(reviews);
    let results = reviews
        .iter()
        .flat_map(|review| results(review, &rules, against));
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver(&rules) },
            "invocations": [{ "executionSuccessful": true }],
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn rules(reviews: &[Review]) -> Rules {
    let remarks = reviews.iter().flat_map(|review| &review.remarks);
    let mut rules = Rules::new();
    for remark in remarks {
        let (_, gravest) = rules.entry(remark.rule).or_insert((0, remark.severity));
        *gravest = remark.severity.max(*gravest);
    }
    for (number, (place, _)) in rules.values_mut().enumerate() {
        *place = number;
    }
    rules
}

fn driver(rules: &Rules) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let rules = rules
        .iter()
        .map(|(name, (_, severity))| rule(name, *severity));
    json!({
        "name": "claimbound",
        "version": version,
        "semanticVersion": version,
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": rules.collect::<Vec<_>>(),
    })
}

fn rule(name: &'static str, severity: Severity) -> Value {
    let about = About::rule(name);
    let controls = about.controls.iter().map(|control| control.id());
    // Only what is tagged so is shown as a matter of security, by its score.
    let tags: Vec<&str> = std::iter::once("security").chain(controls).collect();
    json!({
        "id": name,
        "shortDescription": { "text": about.summary },
        "fullDescription": { "text": first_paragraph(about.why) },
        "help": { "text": about.page, "markdown": about.page },
        "defaultConfiguration": { "level": level(severity) },
        "properties": { "tags": tags, "security-severity": score(severity) },
    })
}

fn first_paragraph(text: &str) -> &str {
    text.split("\n\n").next().unwrap_or_default()
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// The middle of what GitHub calls high (from 7.0), medium (from 4.0) and low.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "8.0",
        Severity::Warning => "5.5",
        Severity::Note => "2.0",
    }
}

fn results(review: &Review, rules: &Rules, against: Against) -> Vec<Value> {
    let quotations = Quotations::of(&review.text);
    let remarks = review.remarks.iter();
    let result = |remark| result(review, remark, &quotations, rules, against);
    remarks.map(result).collect()
}

fn result(
    review: &Review,
    remark: &Remark,
    quotations: &Quotations,
    rules: &Rules,
    against: Against,
) -> Value {
    let mut result = json!({
        "ruleId": remark.rule,
        "ruleIndex": rules.get(remark.rule).map_or(0, |(number, _)| *number),
        "level": level(remark.severity),
        "message": { "text": message(remark, quotations) },
        "locations": [location(review, remark, quotations)],
        "partialFingerprints": { FINGERPRINT: remark.fingerprint },
        "suppressions": suppressions(&remark.standing, quotations),
        "properties": properties(remark, quotations),
    });
    let state = state(&remark.standing, against);
    if let (Some(state), Some(members)) = (state, result.as_object_mut()) {
        members.insert("baselineState".to_owned(), state.into());
    }
    result
}

/// The message and the hint.
fn message(remark: &Remark, quotations: &Quotations) -> String {
    let said = |text: &str| plain(&quotations.redacted(text));
    match &remark.hint {
        Some(hint) => format!("{}\n{}", said(&remark.message), said(hint)),
        None => said(&remark.message),
    }
}

/// Text that is no more than that, §3.11.6: `[words](place)` would be a link.
fn plain(text: &str) -> String {
    visible(text).replace("](", "] (")
}

fn location(review: &Review, remark: &Remark, quotations: &Quotations) -> Value {
    let lines = review.lines(&remark.place);
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": path::uri(&review.file) },
            "region": {
                "startLine": lines.start.0,
                "startColumn": lines.start.1,
                "endLine": lines.end.0,
                "endColumn": lines.end.1,
            },
        },
    });
    if let (Some(statement), Some(members)) = (&remark.statement, location.as_object_mut()) {
        let name = visible(&quotations.redacted(statement));
        members.insert("logicalLocations".to_owned(), json!([{ "name": name }]));
    }
    location
}

fn suppressions(standing: &Standing, quotations: &Quotations) -> Value {
    let one =
        |kind, why: &str| json!([{ "kind": kind, "status": "accepted", "justification": why }]);
    match standing {
        // An empty list says that it was looked for, and that there is none (§3.27.23).
        Standing::Open => json!([]),
        Standing::Suppressed(reason) => one("inSource", &plain(&quotations.redacted(reason))),
        Standing::Known => one("external", "it stands in the baseline"),
    }
}

/// What a comparison with a baseline came to. A suppressed finding is compared with
/// none.
const fn state(standing: &Standing, against: Against) -> Option<&'static str> {
    match (standing, against) {
        (Standing::Open, Against::Baseline) => Some("new"),
        (Standing::Known, Against::Baseline) => Some("unchanged"),
        (Standing::Suppressed(_), Against::Baseline) | (_, Against::Nothing) => None,
    }
}

fn properties(remark: &Remark, quotations: &Quotations) -> Value {
    let example = remark.example.as_ref().map(example::to_json);
    match example {
        Some(example) => json!({ "example": quotations.redacted_json(&example) }),
        None => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_policy_is_a_link() {
        assert_eq!(plain("[x](https://a)\u{202e}"), "[x] (https://a)\\u{202e}");
    }
}
