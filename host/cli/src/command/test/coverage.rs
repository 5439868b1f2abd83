//! What the cases have seen of a policy, shown.

use claimbound_analysis::{Coverage, Seen, SeenCondition};
use serde_json::{Value, json};

use crate::page::{Cell, Ink, Page};

/// Adds how much was seen and, line by line, what was not.
pub(super) fn show(page: &mut Page, coverage: &Coverage) {
    let (conditions, all) = coverage.conditions();
    let (decided, statements) = (coverage.decided(), coverage.statements.len());
    let is_whole = (decided, conditions) == (statements, all);
    let ink = if is_whole { Ink::Good } else { Ink::Warn };
    page.put(Ink::Strong, "  coverage  ")
        .put(ink, format!("{decided} of {statements} statements"))
        .text(" decided a case, ")
        .put(ink, format!("{conditions} of {all} conditions"))
        .text(" were seen to hold and not to")
        .end();
    let rows = coverage.statements.iter().flat_map(gaps);
    page.table(4, &rows.collect::<Vec<_>>());
}

/// What was not seen of a statement.
fn gaps(seen: &Seen) -> Vec<Vec<Cell>> {
    let row = |label: &str, gap: &str| {
        vec![
            Cell::new(Ink::Warn, "?"),
            Cell::plain(&seen.name),
            Cell::plain(label),
            Cell::new(Ink::Faint, gap),
        ]
    };
    let undecided = seen.decided.is_none();
    let undecided = undecided.then(|| row(kind(seen), "decided no case"));
    let conditions = seen.conditions.iter();
    let conditions = conditions.filter_map(|one| Some(row(&one.label, gap(one)?)));
    undecided.into_iter().chain(conditions).collect()
}

const fn kind(seen: &Seen) -> &'static str {
    if seen.trusts { "trust" } else { "forbid" }
}

const fn gap(condition: &SeenCondition) -> Option<&'static str> {
    match (condition.held, condition.failed) {
        (true, true) => None,
        (true, false) => Some("held in every case"),
        (false, true) => Some("held in no case"),
        (false, false) => Some("no case came so far"),
    }
}

pub(super) fn to_json(coverage: &Coverage) -> Value {
    let (conditions, all) = coverage.conditions();
    let condition = |one: &SeenCondition| {
        json!({
            "condition": one.label,
            "expected": one.expected,
            "held": one.held,
            "failed": one.failed,
        })
    };
    let statement = |one: &Seen| {
        json!({
            "statement": one.name,
            "kind": kind(one),
            "decided": one.decided,
            "conditions": one.conditions.iter().map(condition).collect::<Vec<_>>(),
        })
    };
    json!({
        "statements": { "covered": coverage.decided(), "total": coverage.statements.len() },
        "conditions": { "covered": conditions, "total": all },
        "seen": coverage.statements.iter().map(statement).collect::<Vec<_>>(),
    })
}
