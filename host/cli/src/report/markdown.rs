//! A review as Markdown, for a comment on a pull request.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::markdown::{Room, closing, code, details, json, sentence};
use crate::redact::Quotations;
use crate::report::about::About;
use crate::report::{Remark, Review, path, summary};
use crate::{example, time};

/// A finding: the policy that it is of, by its number, and itself.
type Entry<'a> = (usize, &'a Remark);

/// The whole answer.
pub(crate) fn text(reviews: &[Review]) -> String {
    let head = format!("## claimbound lint\n\n**{}**\n", summary(reviews));
    let (shown, left_out) = fitting(reviews, Room::after(&head));
    let mut text = head;
    let mut current = None;
    for ((policy, _), entry) in &shown {
        if current != Some(policy) {
            text.extend(reviews.get(*policy).map(heading));
            current = Some(policy);
        }
        text.push_str(entry);
    }
    text.push_str(&closing(left_out, "claimbound lint"));
    text
}

/// The findings that there is room for, by policy and by number, and how many there
/// is none for. What matters more has room first.
fn fitting(reviews: &[Review], mut room: Room) -> (BTreeMap<(usize, usize), String>, usize) {
    let quotations: Vec<Quotations> = reviews
        .iter()
        .map(|review| Quotations::of(&review.text))
        .collect();
    let mut shown = BTreeMap::new();
    let entries = by_severity(reviews);
    for (number, (policy, remark)) in &entries {
        let (Some(review), Some(quotations)) = (reviews.get(*policy), quotations.get(*policy))
        else {
            continue;
        };
        let is_first = shown.range((*policy, 0)..(policy + 1, 0)).next().is_none();
        let above = if is_first { heading(review).len() } else { 0 };
        let whole = entry(review, remark, quotations, true);
        // Of one whose token is too long for a comment, the rest is shown.
        let parts = [whole, entry(review, remark, quotations, false)];
        let fits = |entry: &String| room.take(above + entry.len());
        if let Some(entry) = parts.into_iter().find(fits) {
            shown.insert((*policy, *number), entry);
        }
    }
    let left_out = entries.len() - shown.len();
    (shown, left_out)
}

/// The findings that count with their numbers, those first that matter most.
fn by_severity(reviews: &[Review]) -> Vec<(usize, Entry<'_>)> {
    let reviews = reviews.iter().enumerate();
    let entries = reviews.flat_map(|(policy, review)| review.open().map(move |one| (policy, one)));
    let mut entries: Vec<_> = entries.enumerate().collect();
    entries.sort_by_key(|(_, (_, remark))| Reverse(remark.severity));
    entries
}

fn heading(review: &Review) -> String {
    let quotations = Quotations::of("");
    let file = quotations.redacted(&path::relative(&review.file));
    format!("\n### {}\n", code(&file))
}

fn entry(review: &Review, remark: &Remark, quotations: &Quotations, is_whole: bool) -> String {
    let line = review.lines(&remark.place).start.0;
    let statement = remark
        .statement
        .as_deref()
        .map_or_else(String::new, |name| {
            format!(" in {}", code(&quotations.redacted(name)))
        });
    let (severity, rule) = (remark.severity, remark.rule);
    let message = sentence(&quotations.redacted(&remark.message));
    let hint = remark.hint.as_deref().map_or_else(String::new, |hint| {
        format!("\n*What to do:* {}\n", sentence(&quotations.redacted(hint)))
    });
    let summary = About::rule(rule).summary;
    let example = if is_whole {
        example(remark, quotations)
    } else {
        String::new()
    };
    format!(
        "\n**{severity}** `{rule}`{statement}, line {line}: {message}\n{hint}\n`{rule}`: {summary}\n{example}"
    )
}

/// The token that shows it, folded away.
fn example(remark: &Remark, quotations: &Quotations) -> String {
    let Some(token) = &remark.example else {
        return String::new();
    };
    let claims = example::to_json(token);
    let claims = quotations.redacted_json(claims.get("claims").unwrap_or(&claims));
    let at = time::date(token.request.now);
    let title = format!("A token that is accepted, at {at}");
    format!("\n{}", details(&title, &json(&claims)))
}

#[cfg(test)]
mod tests {
    use claimbound_analysis::lint::Severity;

    use super::*;
    use crate::report::tests::{remark, review};

    /// The lines that are no code of one line.
    fn outside_of_code(text: &str) -> String {
        let pieces = text.split('\n').filter(|line| !line.contains("evil"));
        pieces.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn no_text_of_a_policy_is_markup() {
        let evil =
            "evil` @acme/admins [x](https://evil.example) <img src=x> | #1\n\n# y\n</details>";
        let mut found = remark(evil);
        found.statement = Some(format!("{evil}``"));
        found.hint = Some(format!("`{evil}` ![z](https://evil.example)"));
        let text = text(&[review(&format!("{evil}/policy.toml"), "a\n", vec![found])]);
        let code =
            r"evil` @acme/admins [x](https://evil.example) <img src=x> | #1\n\n# y\n</details>";
        assert!(
            text.contains(&format!("\n### ``{code}/policy.toml``\n")),
            "{text}"
        );
        assert!(
            text.contains(&format!(" in ``` {code}`` ```, line 1: ``{code}``\n")),
            "{text}"
        );
        let hint = format!("\n*What to do:* `` `{code}` ![z](https://evil.example) ``\n");
        assert!(text.contains(&hint), "{text}");
        let rest = outside_of_code(&text);
        assert!(!rest.contains(['@', '<', '[', '|']), "{rest}");
    }

    #[test]
    fn a_comment_is_never_too_long_and_says_what_is_left_out() {
        let note = |number: usize| {
            let mut note = remark(&format!("note {number} {}", "é".repeat(400)));
            note.severity = Severity::Note;
            note
        };
        let mut found: Vec<Remark> = (0..200).map(note).collect();
        found.push(remark("the only error"));
        let huge = remark(&"x ".repeat(40_000));
        let reviews = [
            review("a.toml", "a\n", found),
            review("b.toml", "b\n", vec![huge]),
        ];
        let text = text(&reviews);
        assert!(text.len() <= 65_536, "{}", text.len());
        assert!(text.contains("the only error"));
        assert!(
            text.contains("**2 policies: 2 errors, 0 warnings, 200 notes**"),
            "{text}"
        );
        let shown = text.matches("\n**").count() - 1;
        let closing = format!("\n*{} more are left out, for want of room", 202 - shown);
        assert!(shown > 50 && text.contains(&closing), "{shown}");
        assert!(!text.contains("b.toml"));
    }
}
