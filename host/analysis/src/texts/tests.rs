//! The algebra against sets that are written out: every text over a small
//! alphabet, up to a length.

use std::collections::BTreeSet;

use claimbound_language::Pattern;
use proptest::prelude::*;

use super::*;

/// A small regular expression, read here in its own way.
#[derive(Clone, Debug)]
enum Small {
    Empty,
    Letter(char),
    Either(Box<Self>, Box<Self>),
    Then(Box<Self>, Box<Self>),
    Any(Box<Self>),
}

const ALPHABET: [char; 3] = ['a', 'B', 'é'];
const LONGEST: usize = 4;

impl Small {
    fn text(&self) -> String {
        match self {
            Self::Empty => "()".to_owned(),
            Self::Letter(letter) => letter.to_string(),
            Self::Either(one, other) => format!("({}|{})", one.text(), other.text()),
            Self::Then(one, other) => format!("({}{})", one.text(), other.text()),
            Self::Any(one) => format!("({})*", one.text()),
        }
    }

    /// Its texts up to the length.
    fn written_out(&self) -> BTreeSet<String> {
        match self {
            Self::Empty => BTreeSet::from([String::new()]),
            Self::Letter(letter) => BTreeSet::from([letter.to_string()]),
            Self::Either(one, other) => &one.written_out() | &other.written_out(),
            Self::Then(one, other) => joined(&one.written_out(), &other.written_out()),
            Self::Any(inner) => {
                let single = inner.written_out();
                let mut all = BTreeSet::from([String::new()]);
                loop {
                    let more = &all | &joined(&all, &single);
                    if more == all {
                        return all;
                    }
                    all = more;
                }
            }
        }
    }

    fn texts(&self) -> Texts {
        let pattern = Pattern::regex(&self.text()).unwrap();
        Texts::accepted(&pattern.automaton, &Budget::default()).unwrap()
    }
}

fn joined(one: &BTreeSet<String>, other: &BTreeSet<String>) -> BTreeSet<String> {
    let pairs = one
        .iter()
        .flat_map(|first| other.iter().map(move |second| format!("{first}{second}")));
    pairs
        .filter(|text| text.chars().count() <= LONGEST)
        .collect()
}

/// Every text of the alphabet up to the length.
fn every_text() -> BTreeSet<String> {
    let letters = ALPHABET.into_iter().map(Small::Letter);
    let either = letters
        .reduce(|one, other| Small::Either(Box::new(one), Box::new(other)))
        .unwrap();
    Small::Any(Box::new(either)).written_out()
}

fn small() -> impl Strategy<Value = Small> {
    let letter = prop::sample::select(&ALPHABET[..]).prop_map(Small::Letter);
    let leaf = prop_oneof![1 => Just(Small::Empty), 5 => letter];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone()
                .prop_map(|(one, other)| Small::Either(Box::new(one), Box::new(other))),
            two.prop_map(|(one, other)| Small::Then(Box::new(one), Box::new(other))),
            inner.prop_map(|one| Small::Any(Box::new(one))),
        ]
    })
}

fn in_set(texts: &Texts) -> BTreeSet<String> {
    let all = every_text().into_iter();
    all.filter(|text| texts.contains(text)).collect()
}

proptest! {
    #[test]
    fn the_algebra_is_that_of_sets(one in small(), other in small()) {
        let budget = Budget::default();
        let (a, b) = (one.texts(), other.texts());
        let (x, y) = (one.written_out(), other.written_out());
        prop_assert_eq!(&in_set(&a), &x);
        prop_assert_eq!(in_set(&a.and(&b, &budget).unwrap()), &x & &y);
        prop_assert_eq!(in_set(&a.or(&b, &budget).unwrap()), &x | &y);
        prop_assert_eq!(in_set(&a.minus(&b, &budget).unwrap()), &x - &y);
        prop_assert_eq!(in_set(&a.complement(&budget).unwrap()), &every_text() - &x);
        prop_assert_eq!(in_set(&a.then(&b, &budget).unwrap()), joined(&x, &y));
        let any = Small::Any(Box::new(one)).written_out();
        prop_assert_eq!(in_set(&a.repeated(&budget).unwrap()), any);
    }

    #[test]
    fn one_set_is_one_automaton_however_it_came_about(one in small(), other in small()) {
        let budget = Budget::default();
        let (a, b) = (one.texts(), other.texts());
        let twice = a.complement(&budget).unwrap().complement(&budget).unwrap();
        prop_assert_eq!(&twice, &a);
        let both = a.and(&b, &budget).unwrap();
        let apart = [a.minus(&b, &budget), b.minus(&a, &budget)].map(Result::unwrap);
        let together = apart.iter().fold(both, |all, one| all.or(one, &budget).unwrap());
        prop_assert_eq!(together, a.or(&b, &budget).unwrap());
        prop_assert_eq!(a.is_within(&a.or(&b, &budget).unwrap(), &budget), Ok(true));
    }

    #[test]
    fn an_example_is_a_shortest_one(one in small(), other in small()) {
        let budget = Budget::default();
        let set = one.texts().minus(&other.texts(), &budget).unwrap();
        match set.example() {
            None => prop_assert!(set.is_empty() && in_set(&set).is_empty()),
            Some(example) => {
                prop_assert!(set.contains(&example) && !set.is_empty());
                let set = in_set(&set);
                let lengths = set.iter().map(String::len).filter(|length| *length > 0);
                let shortest = lengths.min().unwrap_or(0);
                prop_assert!(shortest == 0 || example.len() == shortest);
                prop_assert!(!example.is_empty() || set.iter().all(String::is_empty));
            }
        }
    }

    #[test]
    fn texts_are_those_that_were_given(texts in prop::collection::vec("[a-cA-C]{0,4}", 0..5)) {
        let budget = Budget::default();
        let given = texts.iter().map(String::as_str);
        let set = Texts::of(given.clone(), false, &budget).unwrap();
        let folded = Texts::of(given, true, &budget).unwrap();
        for text in texts.iter().map(String::as_str).chain(["", "a", "A", "abc", "ABCA"]) {
            prop_assert_eq!(set.contains(text), texts.iter().any(|one| one == text));
            let any_case = texts.iter().any(|one| one.eq_ignore_ascii_case(text));
            prop_assert_eq!(folded.contains(text), any_case);
        }
        let distinct: BTreeSet<_> = texts.iter().collect();
        let size = match distinct.first() {
            None => Size::None,
            Some(one) if distinct.len() == 1 => Size::One((*one).clone()),
            Some(_) => Size::More,
        };
        prop_assert_eq!(set.size(), size);
    }
}

proptest! {
    #[test]
    fn a_text_is_made_of_pieces_in_the_ways_that_are_found(
        whole in small(),
        pieces in prop::collection::vec(small(), 1..4),
    ) {
        let budget = Budget::default();
        let sets: Vec<Texts> = pieces.iter().map(Small::texts).collect();
        let ways = whole.texts().split(&sets, &budget).unwrap();
        let joined_all = |sets: Vec<BTreeSet<String>>| {
            let none = BTreeSet::from([String::new()]);
            sets.iter().fold(none, |all, one| joined(&all, one))
        };
        let mut found = BTreeSet::new();
        for way in ways {
            for (part, piece) in way.iter().zip(&sets) {
                prop_assert_eq!(part.is_within(piece, &budget), Ok(true));
            }
            found.extend(joined_all(way.iter().map(in_set).collect()));
        }
        let made = joined_all(pieces.iter().map(Small::written_out).collect());
        prop_assert_eq!(found, &made & &whole.written_out());
    }
}

#[test]
fn no_set_holds_what_is_no_text() {
    let all = Texts::all();
    for text in [
        "", "a", "\0", "\u{7f}", "\u{80}", "\u{7ff}", "\u{800}", "\u{d7ff}",
    ] {
        assert!(all.contains(text), "{text:?}");
    }
    for text in [
        "\u{e000}",
        "\u{ffff}",
        "\u{10000}",
        "\u{fffff}",
        "\u{10ffff}",
    ] {
        assert!(all.contains(text), "{text:?}");
    }
    for bytes in [
        &b"\x80"[..],
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xe2\x82",
        b"a\xff",
    ] {
        assert!(!all.0.accepts(bytes) && std::str::from_utf8(bytes).is_err());
    }
    let outside = Texts::one("a", &Budget::default()).unwrap();
    let outside = outside.complement(&Budget::default()).unwrap();
    assert!(!outside.0.accepts(b"\xff") && outside.contains("é"));
    assert_eq!(outside.example().as_deref(), Some("b"));
}

#[test]
fn examples_read_well() {
    for (regex, example) in [
        ("[0-9a-z]{3}", "aaa"),
        ("[^a-z]", "0"),
        (r"[\x00-\xff]+", "a"),
        ("é|ü", "é"),
        (".*prod.*", "prod"),
        ("(ab)*", "ab"),
        ("a{0}", ""),
        (".*", "a"),
    ] {
        let pattern = Pattern::regex(regex).unwrap();
        let set = Texts::accepted(&pattern.automaton, &Budget::default()).unwrap();
        assert_eq!(set.example().as_deref(), Some(example), "{regex}");
    }
    assert_eq!(Texts::none().example(), None);
    assert_eq!(
        Texts::one("x", &Budget::default()).unwrap().size(),
        Size::One("x".to_owned())
    );
    assert_eq!(
        (Texts::none().size(), Texts::all().size()),
        (Size::None, Size::More)
    );
}

#[test]
fn a_question_ends_where_its_budget_does() {
    // Each asks that the letter so far from the end be another one.
    let pattern = |regex: &str| {
        let pattern = Pattern::regex(regex).unwrap();
        Texts::accepted(&pattern.automaton, &Budget::default()).unwrap()
    };
    let (one, other) = (pattern("(a|b)*a(a|b){9}"), pattern("(a|b)*b(a|b){10}"));
    let budget = Budget::new(100_000);
    assert_eq!(one.and(&other, &budget), Err(Exceeded));
    assert_eq!(budget.left(), 0);
    assert!(one.and(&other, &Budget::default()).is_ok());
    let texts = ["a".repeat(5000)];
    let texts = texts.iter().map(String::as_str);
    assert_eq!(Texts::of(texts, false, &Budget::new(1000)), Err(Exceeded));
}

#[test]
fn a_set_that_is_kept_takes_the_steps_that_it_took() {
    let steps = || {
        let budget = Budget::default();
        let texts = Texts::one("refs/heads/kept", &budget).unwrap();
        assert!(texts.contains("refs/heads/kept"));
        Budget::USUAL - budget.left()
    };
    let first = steps();
    assert!(first > 0);
    assert_eq!(steps(), first);
    let too_few = Budget::new(first - 1);
    assert_eq!(Texts::one("refs/heads/kept", &too_few), Err(Exceeded));
}
