//! A review for a person: each finding with its place underlined.

use claimbound_analysis::lint::Severity;
use claimbound_language::Excerpt;

use crate::findings::counted;
use crate::page::{Ink, Page};
use crate::redact::quoting;
use crate::report::{Counts, Remark, Review};
use crate::{example, time};

/// The whole answer.
pub(crate) fn page(reviews: &[Review]) -> Page {
    let mut page = Page::default();
    for review in reviews {
        for remark in review.open() {
            show(&mut page, review, remark);
        }
    }
    summary(&mut page, reviews);
    page
}

fn show(page: &mut Page, review: &Review, remark: &Remark) {
    let clean = |text: &str| quoting(text, &review.text);
    let ink = match remark.severity {
        Severity::Error => Ink::Bad,
        Severity::Warning => Ink::Warn,
        Severity::Note => Ink::Strong,
    };
    page.put(ink, format!("{}[{}]", remark.severity, remark.rule));
    page.text(": ").text(clean(&remark.message)).end();
    let excerpt = Excerpt {
        source_name: &review.file,
        text: &review.text,
        place: remark.place.clone(),
        label: &remark.label,
        hint: remark.hint.as_deref(),
    };
    page.lines(clean(&excerpt.to_string()));
    if let Some(token) = &remark.example {
        page.put(Ink::Faint, "  accepted, for example:").end();
        page.field("at", time::date(token.request.now));
        example::claims(page, &token.claims);
    }
    page.end();
}

fn summary(page: &mut Page, reviews: &[Review]) {
    let counts = Counts::of(reviews);
    let policies = match reviews.len() {
        1 => "1 policy".to_owned(),
        many => format!("{many} policies"),
    };
    let ink = if counts.errors > 0 {
        Ink::Bad
    } else if counts.warnings > 0 {
        Ink::Warn
    } else {
        Ink::Good
    };
    let mut parts = vec![
        counted(counts.errors, "error"),
        counted(counts.warnings, "warning"),
        counted(counts.notes, "note"),
    ];
    if counts.suppressed > 0 {
        parts.push(format!("{} suppressed", counts.suppressed));
    }
    if counts.known > 0 {
        parts.push(format!("{} known from the baseline", counts.known));
    }
    page.put(ink, format!("{policies}: {}", parts.join(", ")));
    page.end();
    let open = reviews.iter().flat_map(Review::open);
    if let Some(first) = open.map(|remark| remark.rule).next() {
        let text = format!("`claimbound explain {first}` says more about a rule");
        page.put(Ink::Faint, text).end();
    }
}
