//! A review for a person: each finding with its place underlined.

use claimbound_analysis::lint::Severity;
use claimbound_language::Excerpt;

use crate::example;
use crate::page::{Ink, Page};
use crate::redact::quoting;
use crate::report::{self, Counts, Remark, Review};

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
        example::show(page, token);
    }
    page.end();
}

fn summary(page: &mut Page, reviews: &[Review]) {
    let counts = Counts::of(reviews);
    let ink = if counts.errors > 0 {
        Ink::Bad
    } else if counts.warnings > 0 {
        Ink::Warn
    } else {
        Ink::Good
    };
    page.put(ink, report::summary(reviews));
    page.end();
    let open = reviews.iter().flat_map(Review::open);
    if let Some(first) = open.map(|remark| remark.rule).next() {
        let text = format!("`claimbound explain {first}` says more about a rule");
        page.put(Ink::Faint, text).end();
    }
}
