//! Patterns: globs and regular expressions, compiled to automata that match
//! whole strings in linear time.

use std::collections::{HashMap, VecDeque};

use claimbound_engine::Automaton;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, Repetition};

use crate::automaton::{Excess, Steps, compile};

/// The longest pattern, in bytes.
const LONGEST: usize = 4096;
/// How deep a regular expression's groups may stand in each other.
const DEEPEST: u32 = 64;
/// What reading a class of many characters takes, in steps, and what it takes
/// where case is folded.
const CLASS: (u64, u64) = (4000, 500_000);

/// A pattern that is compiled, and with it whole-string: nothing has to anchor
/// it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As its author wrote it.
    pub text: String,
    /// What it accepts.
    pub automaton: Automaton,
}

/// What a glob's `*` does not cross, besides `/` and `:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// `@` is a character like others.
    Plain,
    /// `@` separates a name from an id, so `*` does not cross it.
    Separates,
}

/// One piece of a glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(String),
    /// `*`
    Segment,
    /// `**`
    Anything,
}

/// Splits a glob into its pieces.
///
/// # Errors
/// A lone `\` at the end.
pub(crate) fn pieces(glob: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut characters = glob.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let lone = || "the glob ends in a lone `\\`, which escapes nothing".to_owned();
                literal.push(characters.next().ok_or_else(lone)?);
            }
            '*' => {
                let mut stars = 1;
                while characters.next_if_eq(&'*').is_some() {
                    stars += 1;
                }
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(core::mem::take(&mut literal)));
                }
                pieces.push(if stars == 1 {
                    Piece::Segment
                } else {
                    Piece::Anything
                });
            }
            other => literal.push(other),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

impl Pattern {
    /// Compiles a glob: `*` stays inside a segment, `**` crosses, and only `\`
    /// escapes.
    ///
    /// # Errors
    /// A lone `\` at the end, or a pattern past the limits, in one sentence.
    pub fn glob(text: &str, at: At) -> Result<Self, String> {
        Self::encoded_glob(text, at, false, str::to_owned, &mut Steps::default())
    }

    /// Compiles a glob whose literal pieces are spelt as `encode` says; with
    /// `fold` letters match in either case.
    pub(crate) fn encoded_glob(
        text: &str,
        at: At,
        fold: bool,
        encode: impl Fn(&str) -> String,
        steps: &mut Steps,
    ) -> Result<Self, String> {
        check_length(text)?;
        steps.begin();
        let pieces = pieces(text)?
            .into_iter()
            .map(|piece| match piece {
                Piece::Literal(literal) if fold => folded(&encode(&literal)),
                Piece::Literal(literal) => Hir::literal(encode(&literal).into_bytes()),
                Piece::Segment => repeated(segment(at)),
                Piece::Anything => repeated(Class::Unicode(ClassUnicode::new([anything()]))),
            })
            .collect();
        Ok(Self {
            text: text.to_owned(),
            automaton: compile(&Hir::concat(pieces), steps).map_err(Excess::message)?,
        })
    }

    /// Compiles a regular expression, on its own and only then whole-string, so
    /// that the `|` of `a|b` can't escape.
    ///
    /// # Errors
    /// What is no regular expression, looks around itself or is past the
    /// limits, in one sentence.
    pub fn regex(text: &str) -> Result<Self, String> {
        Self::cased_regex(text, false, &mut Steps::default())
    }

    pub(crate) fn cased_regex(text: &str, fold: bool, steps: &mut Steps) -> Result<Self, String> {
        check_length(text)?;
        steps.begin();
        steps.take(reading(text, fold)).map_err(Excess::message)?;
        let hir = regex_syntax::ParserBuilder::new()
            .nest_limit(DEEPEST)
            .case_insensitive(fold)
            .build()
            .parse(text)
            .map_err(|error| syntax(&error))?;
        if !hir.properties().look_set().is_empty() {
            return Err(
                "the pattern looks around itself; it always matches the whole value, so `^`, `$` and `\\b` have no place in it"
                    .to_owned(),
            );
        }
        Ok(Self {
            text: text.to_owned(),
            automaton: compile(&hir, steps).map_err(Excess::message)?,
        })
    }

    /// How much of the program it takes, in bytes and roughly.
    pub(crate) fn size(&self) -> usize {
        let classes = self.automaton.classes().iter().max();
        let width = usize::from(classes.copied().unwrap_or(0)) + 1;
        256 + self.automaton.states() * width * 2
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.automaton.accepts(text.as_bytes())
    }
}

fn check_length(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("the pattern is empty".to_owned());
    }
    if text.len() > LONGEST {
        return Err(format!("the pattern is longer than {LONGEST} bytes"));
    }
    Ok(())
}

/// How many steps it takes to read a regular expression, at the most: classes
/// such as `\pL` and `[^a]` are lists of hundreds of ranges, and where case is
/// folded each of their characters is looked up.
fn reading(text: &str, fold: bool) -> u64 {
    let flags = text.contains("(?");
    let of_a_class = if fold || flags { CLASS.1 } else { CLASS.0 };
    // What is negated is not folded, but where it stands in another class.
    // Where brackets can't be counted so simply, it counts as if it did.
    let nests = flags || text.contains("[]") || text.contains("[^]");
    let mut depth = 0_usize;
    let mut escaped = false;
    let mut steps = 0_u64;
    for character in text.chars() {
        match character {
            '[' if !escaped => depth += 1,
            ']' if !escaped => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_class = if escaped {
            matches!(character, 'p' | 'P' | 'w' | 'W' | 'd' | 'D' | 's' | 'S')
                || matches!(character, 'x' | 'u' | 'U')
        } else {
            character == '^' && (nests || depth > 1) || !character.is_ascii()
        };
        escaped = !escaped && character == '\\';
        steps = steps.saturating_add(if is_class { of_a_class } else { 10 });
    }
    steps
}

/// The first line of the parser's report that says what is wrong.
fn syntax(error: &regex_syntax::Error) -> String {
    let kind = match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        _ => "it can't be read".to_owned(),
    };
    format!("the regular expression does not compile: {kind}")
}

fn anything() -> ClassUnicodeRange {
    ClassUnicodeRange::new('\0', char::MAX)
}

/// What `*` repeats.
fn segment(at: At) -> Class {
    let mut outside = vec!['/', ':'];
    if at == At::Separates {
        outside.push('@');
    }
    let crossed = outside.into_iter().map(|c| ClassUnicodeRange::new(c, c));
    let mut class = ClassUnicode::new(crossed);
    class.negate();
    Class::Unicode(class)
}

fn repeated(class: Class) -> Hir {
    Hir::repetition(Repetition {
        min: 0,
        max: None,
        greedy: true,
        sub: Box::new(Hir::class(class)),
    })
}

/// A literal whose ASCII letters match in either case.
fn folded(literal: &str) -> Hir {
    let letters = literal.chars().map(|character| {
        let (lower, upper) = (
            character.to_ascii_lowercase(),
            character.to_ascii_uppercase(),
        );
        Hir::class(Class::Unicode(ClassUnicode::new([
            ClassUnicodeRange::new(lower, lower),
            ClassUnicodeRange::new(upper, upper),
        ])))
    });
    Hir::concat(letters.collect())
}

/// How many words are looked at before giving up on an example.
const MOST_WORDS: usize = 20_000;

/// A short text that `automaton` accepts and `wanted` too, in readable
/// characters where it can be; none where none was found.
pub(crate) fn example(automaton: &Automaton, wanted: impl Fn(&str) -> bool) -> Option<String> {
    let steps = steps(automaton);
    let alive = alive(automaton, &steps);
    let mut waiting = VecDeque::from([(automaton.start(), Vec::new())]);
    let mut visits: HashMap<u16, usize> = HashMap::new();
    for _ in 0..MOST_WORDS {
        let (state, word) = waiting.pop_front()?;
        if automaton.is_accepting(state)
            && let Ok(text) = core::str::from_utf8(&word)
            && wanted(text)
        {
            return Some(text.to_owned());
        }
        // A few ways to each state are enough to find a value that fits.
        let visited = visits.entry(state).or_default();
        *visited += 1;
        if *visited > 24 {
            continue;
        }
        for (byte, next) in steps.get(usize::from(state)).into_iter().flatten() {
            if alive.get(usize::from(*next)).copied().unwrap_or(false) {
                let mut word = word.clone();
                word.push(*byte);
                waiting.push_back((*next, word));
            }
        }
    }
    None
}

/// For each state, the states that it leads to, each by its most readable byte.
fn steps(automaton: &Automaton) -> Vec<Vec<(u8, u16)>> {
    let readable = (b'a'..=b'z')
        .chain(b'0'..=b'9')
        .chain(b'A'..=b'Z')
        .chain(b"-_./ ".iter().copied())
        .chain(b'!'..=b'~')
        .chain(0x80..=0xff)
        .chain(0..=0x20);
    let bytes: Vec<u8> = readable.collect();
    let states = u16::try_from(automaton.states()).unwrap_or(u16::MAX);
    (0..states)
        .map(|state| {
            let mut found: Vec<(u8, u16)> = Vec::new();
            for byte in &bytes {
                let next = automaton.next(state, *byte);
                if !found.iter().any(|(_, known)| *known == next) {
                    found.push((*byte, next));
                }
            }
            found
        })
        .collect()
}

/// The states from which an accepting one can be reached.
fn alive(automaton: &Automaton, steps: &[Vec<(u8, u16)>]) -> Vec<bool> {
    let accepts = |state: usize| u16::try_from(state).is_ok_and(|one| automaton.is_accepting(one));
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (state, row) in steps.iter().enumerate() {
        for (_, next) in row {
            if let Some(list) = before.get_mut(usize::from(*next)) {
                list.push(state);
            }
        }
    }
    let mut alive: Vec<bool> = (0..steps.len()).map(accepts).collect();
    let mut waiting: Vec<usize> = (0..steps.len()).filter(|one| accepts(*one)).collect();
    while let Some(state) = waiting.pop() {
        for one in before.get(state).into_iter().flatten() {
            if let Some(known) = alive.get_mut(*one).filter(|known| !**known) {
                *known = true;
                waiting.push(*one);
            }
        }
    }
    alive
}

/// Whether nothing at all matches. Automata are the smallest of their language,
/// and that of nothing has one state.
pub(crate) fn is_empty(automaton: &Automaton) -> bool {
    automaton.states() == 1 && !automaton.is_accepting(automaton.start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn glob(text: &str) -> Pattern {
        Pattern::glob(text, At::Plain).unwrap()
    }

    #[test]
    fn a_star_stays_inside_its_segment() {
        let pattern = glob("acme/*/x");
        assert!(pattern.matches("acme/infra/x"));
        assert!(pattern.matches("acme//x"));
        assert!(pattern.matches("acme/größe@1/x"));
        for text in ["acme/a/b/x", "acme/a:b/x", "acme/infra/xy", "zacme/infra/x"] {
            assert!(!pattern.matches(text), "{text}");
        }
        assert!(
            !Pattern::glob("acme/*", At::Separates)
                .unwrap()
                .matches("acme/a@1")
        );
        assert!(glob("acme/**").matches("acme/a/b:c\nd"));
    }

    #[test]
    fn classes_of_many_characters_are_counted_before_they_are_read() {
        for text in [
            format!("(?i){}", r"\pL".repeat(1300)),
            format!("(?i){}", r"[\x{0}-\x{10FFFF}]".repeat(200)),
            format!("(?i){}", "[a-\u{10ffff}]".repeat(200)),
        ] {
            assert!(reading(&text, false) > 50_000_000, "{text}");
            assert!(Pattern::regex(&text).is_err());
        }
        assert!(reading("acme/[^/]+/[a-z]{3}", true) < 1000);
        assert!(reading("acme/[[^/]x]+", true) > 100_000);
        assert!(reading("acme/[]a[^]]]+", true) > 100_000);
    }

    #[test]
    fn nothing_but_the_backslash_escapes_and_nothing_else_is_special() {
        assert!(glob(r"a\*b").matches("a*b"));
        assert!(!glob(r"a\*b").matches("axb"));
        assert!(glob(r"\a.b[c]?{d}").matches("a.b[c]?{d}"));
        assert!(!glob("a.b").matches("axb"));
        assert!(Pattern::glob(r"a\", At::Plain).is_err());
        assert!(glob(r"a\\").matches(r"a\"));
    }

    #[test]
    fn an_alternation_can_not_escape_its_anchors() {
        let pattern = Pattern::regex("a|ab|b").unwrap();
        for (text, expected) in [
            ("a", true),
            ("ab", true),
            ("b", true),
            ("ax", false),
            ("xb", false),
            ("", false),
        ] {
            assert_eq!(pattern.matches(text), expected, "{text}");
        }
    }

    #[test]
    fn regular_expressions_know_unicode_and_refuse_to_look_around() {
        assert!(Pattern::regex(r"\p{Greek}+").unwrap().matches("λόγος"));
        assert!(Pattern::regex(r"(?i)prod").unwrap().matches("PROD"));
        for text in ["^a$", r"\bword", "(?=a)b", r"(a)\1", "(", "", "a**?+{"] {
            assert!(Pattern::regex(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_needs_too_many_states_is_refused_quickly() {
        for text in [
            "(a|b)*a(a|b){30}",
            "(((a{100}){100}){100}){100}",
            r"\w{200}\w{200}",
        ] {
            assert!(Pattern::regex(text).is_err(), "{text}");
        }
        assert!(Pattern::regex(&"(".repeat(4000)).is_err());
        assert!(Pattern::glob(&"a".repeat(5000), At::Plain).is_err());
    }

    #[test]
    fn patterns_of_some_size_compile_and_larger_ones_are_refused() {
        for (text, compiles) in [
            (r"(\p{L}|-)+/(\p{N}+|x){2,5}", true),
            ("(a|b)*a(a|b){10}", true),
            (r"(?i)[a-zé]{3,60}@\w+", true),
            (r"\w{1,100}", false),
            (r".*\p{L}.{6}", false),
        ] {
            assert_eq!(Pattern::regex(text).is_ok(), compiles, "{text}");
        }
    }

    #[test]
    fn folded_patterns_take_either_case() {
        let pattern = Pattern::encoded_glob(
            "Acme/*",
            At::Plain,
            true,
            str::to_owned,
            &mut Steps::default(),
        )
        .unwrap();
        assert!(pattern.matches("aCME/x"));
        assert!(!pattern.matches("bCME/x"));
    }

    #[test]
    fn examples_are_short_and_readable() {
        let of = |pattern: &Pattern| example(&pattern.automaton, |_| true).unwrap();
        assert_eq!(of(&glob("refs/heads/*")), "refs/heads/");
        assert_eq!(of(&Pattern::regex("v[0-9]+|release-.*").unwrap()), "v0");
        assert_eq!(
            of(&Pattern::regex(r"\p{Greek}").unwrap()).chars().count(),
            1
        );
        let long = example(&glob("a*").automaton, |word| word.len() > 2).unwrap();
        assert!(glob("a*").matches(&long));
        assert!(is_empty(&Pattern::regex(r"[a&&b]").unwrap().automaton));
    }

    /// A glob by its definition, one character at a time.
    fn model(pieces: &[Piece], text: &str) -> bool {
        match pieces {
            [] => text.is_empty(),
            [Piece::Literal(literal), rest @ ..] => text
                .strip_prefix(literal.as_str())
                .is_some_and(|text| model(rest, text)),
            [star, rest @ ..] => (0..=text.len())
                .filter(|end| text.is_char_boundary(*end))
                .take_while(|end| *star == Piece::Anything || !text[..*end].contains(['/', ':']))
                .any(|end| model(rest, &text[end..])),
        }
    }

    /// A regular expression small enough to be decided by its definition.
    #[derive(Clone, Debug)]
    enum Small {
        Letter(char),
        Both(Box<Small>, Box<Small>),
        Either(Box<Small>, Box<Small>),
        Many(Box<Small>),
    }

    impl Small {
        fn text(&self) -> String {
            match self {
                Self::Letter(letter) => letter.to_string(),
                Self::Both(a, b) => format!("(?:{})(?:{})", a.text(), b.text()),
                Self::Either(a, b) => format!("{}|{}", a.text(), b.text()),
                Self::Many(a) => format!("(?:{})*", a.text()),
            }
        }

        /// Every place where a match that begins at `from` can end.
        fn ends(&self, text: &[char], from: usize) -> Vec<usize> {
            let mut ends = match self {
                Self::Letter(letter) if text.get(from) == Some(letter) => vec![from + 1],
                Self::Letter(_) => vec![],
                Self::Both(a, b) => a
                    .ends(text, from)
                    .into_iter()
                    .flat_map(|end| b.ends(text, end))
                    .collect(),
                Self::Either(a, b) => [a.ends(text, from), b.ends(text, from)].concat(),
                Self::Many(a) => {
                    let mut all = vec![from];
                    let mut index = 0;
                    while index < all.len() {
                        for end in a.ends(text, all[index]) {
                            if !all.contains(&end) {
                                all.push(end);
                            }
                        }
                        index += 1;
                    }
                    all
                }
            };
            ends.sort_unstable();
            ends.dedup();
            ends
        }
    }

    fn small() -> impl Strategy<Value = Small> {
        let letter = prop::sample::select(vec!['a', 'b', 'é']).prop_map(Small::Letter);
        letter.prop_recursive(4, 12, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone())
                    .prop_map(|(a, b)| Small::Both(Box::new(a), Box::new(b))),
                (inner.clone(), inner.clone())
                    .prop_map(|(a, b)| Small::Either(Box::new(a), Box::new(b))),
                inner.prop_map(|a| Small::Many(Box::new(a))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn globs_match_as_their_definition_says(
            glob in r"[ab/:@*\\é]{1,8}",
            text in "[ab/:@é*]{0,8}",
        ) {
            if let Ok(pieces) = pieces(&glob) {
                let pattern = Pattern::glob(&glob, At::Plain).unwrap();
                prop_assert_eq!(pattern.matches(&text), model(&pieces, &text));
                let word = example(&pattern.automaton, |_| true).unwrap();
                prop_assert!(model(&pieces, &word));
            }
        }

        #[test]
        fn regular_expressions_match_as_their_definition_says(
            regex in small(),
            text in "[abé]{0,6}",
        ) {
            let pattern = Pattern::regex(&regex.text()).unwrap();
            let letters: Vec<char> = text.chars().collect();
            prop_assert_eq!(pattern.matches(&text), regex.ends(&letters, 0).contains(&letters.len()));
        }
    }
}
