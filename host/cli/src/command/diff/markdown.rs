//! A comparison as Markdown, for a comment on a pull request.

use claimbound_analysis::{Comparison, Difference};

use crate::markdown::{Room, closing, code, details, json, sentence};
use crate::redact::Quotations;
use crate::sides::{Sides, said, word};
use crate::{example, time};

/// The whole answer.
pub(super) fn text(sides: &Sides, comparison: &Comparison) -> String {
    let quotations = Quotations::of("");
    let clean = |name: &str| code(&quotations.redacted(name));
    let (old, new) = sides.names();
    let relation = word(comparison.relation);
    let (old, new) = (clean(&old), clean(&new));
    let mut text = format!("## claimbound diff\n\n**{relation}**: {new}, compared with {old}\n");
    let mut room = Room::after(&text);
    let mut left_out = 0;
    for difference in &comparison.differences {
        let entry = entry(sides, difference, &quotations);
        if room.take(entry.len()) {
            text.push_str(&entry);
        } else {
            left_out += 1;
        }
    }
    text.push_str(&closing(left_out, "claimbound diff"));
    text
}

fn entry(sides: &Sides, difference: &Difference, quotations: &Quotations) -> String {
    let said = sentence(&quotations.redacted(&said(difference)));
    let changed = sides.changed(difference).into_iter();
    let changed = changed.map(|(label, was, is)| {
        let clean = |text: &str| code(&quotations.redacted(text));
        format!("- {label}: {} → {}\n", clean(&was), clean(&is))
    });
    let changed: String = changed.collect();
    let blank = if changed.is_empty() { "" } else { "\n" };
    let at = time::date(difference.token.request.now);
    let title = format!("A token that is decided otherwise, at {at}");
    let example = quotations.redacted_json(&example::to_json(&difference.token));
    format!(
        "\n**{}**: {said}\n{blank}{changed}\n{}",
        word(difference.relation),
        details(&title, &json(&example))
    )
}
