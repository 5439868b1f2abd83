//! Regular expressions as they were written: their alternatives, and what in them
//! stands for more than it seems to.

use std::ops::Range;

use regex_syntax::ast::{Ast, Flag, Flags, FlagsItemKind, GroupKind, parse::Parser};
use regex_syntax::hir::literal::Extractor;

/// How many beginnings are looked at.
const MOST_BEGINNINGS: usize = 16;

/// The alternatives of an expression that stand in no group, each with the flags
/// that the whole begins with; none where there are not several.
pub(crate) fn alternatives(text: &str) -> Vec<String> {
    let parsed = Parser::new().parse(text);
    let Ok(Ast::Alternation(alternation)) = &parsed else {
        return Vec::new();
    };
    let first = alternation.asts.first();
    let flags = first.map_or("", |ast| leading_flags(ast, text));
    let asts = alternation.asts.iter().enumerate();
    let alternative = |(number, ast): (usize, &Ast)| {
        let written = text.get(span(ast)).unwrap_or_default();
        // Flags of the first are in force in those after it.
        let flags = if number == 0 { "" } else { flags };
        format!("{flags}{written}")
    };
    asts.map(alternative).collect()
}

fn leading_flags<'t>(ast: &Ast, text: &'t str) -> &'t str {
    let Ast::Concat(concat) = ast else { return "" };
    match concat.asts.first() {
        Some(Ast::Flags(flags)) => text
            .get(flags.span.start.offset..flags.span.end.offset)
            .unwrap_or_default(),
        Some(_) | None => "",
    }
}

/// The dots before a letter or a digit: they read like themselves, and stand for
/// any character.
pub(crate) fn dots(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    walk(text, &mut |ast| {
        let Ast::Concat(concat) = ast else { return };
        for pair in concat.asts.windows(2) {
            if let [Ast::Dot(dot), Ast::Literal(next)] = pair
                && next.c.is_alphanumeric()
            {
                found.push(dot.start.offset..dot.end.offset);
            }
        }
    });
    found
}

/// What of an expression has letters match in either case: taken out, they match
/// in their own.
pub(crate) fn case_flags(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    walk(text, &mut |ast| match ast {
        Ast::Flags(set) => {
            let whole = set.span.start.offset..set.span.end.offset;
            let alone = set.flags.items.len() == 1;
            found.extend(case_flag(&set.flags).map(|flag| if alone { whole } else { flag }));
        }
        Ast::Group(group) => {
            if let GroupKind::NonCapturing(flags) = &group.kind {
                found.extend(case_flag(flags));
            }
        }
        Ast::Empty(_)
        | Ast::Literal(_)
        | Ast::Dot(_)
        | Ast::Assertion(_)
        | Ast::ClassUnicode(_)
        | Ast::ClassPerl(_)
        | Ast::ClassBracketed(_)
        | Ast::Repetition(_)
        | Ast::Alternation(_)
        | Ast::Concat(_) => {}
    });
    found
}

fn case_flag(flags: &Flags) -> Option<Range<usize>> {
    let set = flags
        .items
        .iter()
        .take_while(|item| item.kind != FlagsItemKind::Negation);
    let mut set = set.filter(|item| item.kind == FlagsItemKind::Flag(Flag::CaseInsensitive));
    set.next()
        .map(|item| item.span.start.offset..item.span.end.offset)
}

/// The texts that whatever an expression matches begins with one of, and goes on,
/// as they are spelt in it; none where they are too many, or where it begins with
/// a class.
pub(crate) fn beginnings(text: &str) -> Vec<String> {
    let cased = replaced(text, &case_flags(text), "");
    let Ok(hir) = regex_syntax::Parser::new().parse(&cased) else {
        return Vec::new();
    };
    // The members of a class are not what its author fixed.
    let found = Extractor::new().limit_class(1).extract(&hir);
    let literals = found.literals().unwrap_or_default().iter();
    let open = literals.filter(|literal| !literal.is_exact());
    let texts = open.filter_map(|literal| std::str::from_utf8(literal.as_bytes()).ok());
    texts
        .filter(|text| !text.is_empty())
        .take(MOST_BEGINNINGS)
        .map(str::to_owned)
        .collect()
}

/// Replaces what stands at these places.
pub(crate) fn replaced(text: &str, places: &[Range<usize>], by: &str) -> String {
    let mut places = places.to_vec();
    places.sort_by_key(|place| place.start);
    let mut out = String::with_capacity(text.len() + places.len());
    let mut at = 0;
    for place in places {
        out.push_str(text.get(at..place.start).unwrap_or_default());
        out.push_str(by);
        at = place.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Visits every node of an expression. Groups nest as deep as the parser lets them.
fn walk(text: &str, visit: &mut dyn FnMut(&Ast)) {
    if let Ok(ast) = Parser::new().parse(text) {
        walk_from(&ast, visit);
    }
}

fn walk_from(ast: &Ast, visit: &mut dyn FnMut(&Ast)) {
    visit(ast);
    match ast {
        Ast::Repetition(repetition) => walk_from(&repetition.ast, visit),
        Ast::Group(group) => walk_from(&group.ast, visit),
        Ast::Alternation(alternation) => {
            for ast in &alternation.asts {
                walk_from(ast, visit);
            }
        }
        Ast::Concat(concat) => {
            for ast in &concat.asts {
                walk_from(ast, visit);
            }
        }
        Ast::Empty(_)
        | Ast::Flags(_)
        | Ast::Literal(_)
        | Ast::Dot(_)
        | Ast::Assertion(_)
        | Ast::ClassUnicode(_)
        | Ast::ClassPerl(_)
        | Ast::ClassBracketed(_) => {}
    }
}

fn span(ast: &Ast) -> Range<usize> {
    let span = ast.span();
    span.start.offset..span.end.offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_those_of_no_group() {
        assert_eq!(alternatives("a|b(c|d)"), ["a", "b(c|d)"]);
        assert_eq!(alternatives("(?i)a|b"), ["(?i)a", "(?i)b"]);
        assert!(alternatives("(a|b)c").is_empty());
        assert!(alternatives(r"a\|b[|]").is_empty());
    }

    #[test]
    fn a_dot_that_reads_like_itself_is_found_wherever_it_stands() {
        let found = |text| dots(text).len();
        assert_eq!(found("github.com"), 1);
        assert_eq!(found("(a.b|c.d)+x.y"), 3);
        assert_eq!(found(r"github\.com"), 0);
        assert_eq!(found("a.*b.+c.{2}d.?e[.]f"), 0);
        assert_eq!(replaced("a.b.c", &dots("a.b.c"), r"\."), r"a\.b\.c");
    }

    #[test]
    fn what_ignores_case_can_be_taken_out() {
        let without = |text: &str| replaced(text, &case_flags(text), "");
        assert_eq!(without("(?i)prod"), "prod");
        assert_eq!(without("(?is)prod"), "(?s)prod");
        assert_eq!(without("a(?i:prod)"), "a(?:prod)");
        assert_eq!(without("(?-i)prod(?s:x)"), "(?-i)prod(?s:x)");
    }

    #[test]
    fn beginnings_are_what_an_open_end_follows() {
        assert_eq!(beginnings("acme.*"), ["acme"]);
        assert_eq!(beginnings("(acme|beta).*"), ["acme", "beta"]);
        assert!(beginnings("acme|beta").is_empty());
        assert_eq!(beginnings("(?i)acme-[0-9]+"), ["acme-"]);
        assert!(beginnings(".*").is_empty());
        assert!(beginnings("[0-9]+").is_empty());
    }
}
