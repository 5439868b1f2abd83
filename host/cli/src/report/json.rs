//! A review as one JSON value.

use serde_json::{Value, json};

use crate::example;
use crate::redact::quoting;
use crate::report::{Counts, Remark, Review, Standing};

/// The whole answer.
pub(crate) fn of(reviews: &[Review]) -> Value {
    let counts = Counts::of(reviews);
    json!({
        "errors": counts.errors,
        "warnings": counts.warnings,
        "notes": counts.notes,
        "suppressed": counts.suppressed,
        "known": counts.known,
        "policies": reviews.iter().map(policy).collect::<Vec<_>>(),
    })
}

fn policy(review: &Review) -> Value {
    let findings = review.remarks.iter();
    let findings: Vec<Value> = findings.map(|remark| finding(review, remark)).collect();
    json!({ "policy": review.file, "findings": findings })
}

fn finding(review: &Review, remark: &Remark) -> Value {
    let clean = |text: &str| quoting(text, &review.text);
    let lines = review.lines(&remark.place);
    let (standing, reason) = match &remark.standing {
        Standing::Open => ("open", None),
        Standing::Suppressed(reason) => ("suppressed", Some(reason)),
        Standing::Known => ("known", None),
    };
    json!({
        "rule": remark.rule,
        "severity": remark.severity.to_string(),
        "message": clean(&remark.message),
        "hint": remark.hint.as_deref().map(clean),
        "statement": remark.statement,
        "file": review.file,
        "line": lines.start.0,
        "column": lines.start.1,
        "end_line": lines.end.0,
        "end_column": lines.end.1,
        "example": remark.example.as_ref().map(example::to_json),
        "fingerprint": remark.fingerprint,
        "standing": standing,
        "reason": reason,
    })
}
