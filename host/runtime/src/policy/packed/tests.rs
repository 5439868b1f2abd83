//! What the standard component makes of marks that this host would not write.
//!
//! It has no program here, which it looks for once it has read its input: what
//! it has read ends in `policy.empty`, what it can't read in `policy.input`.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use wasmtime::component::{Component, InstancePre, Linker, TypedFunc};

use crate::bake;
use crate::contract::claimbound::policy::types as wire;
use crate::policy::{AskPacked, PACKED};
use crate::sandbox::{Limits, Meter, Sandbox};

type Answer = (Result<wire::Decision, wire::Failure>,);

/// The component of this release, in which every question gets an instance.
struct Standard {
    sandbox: Sandbox,
    component: InstancePre<Meter>,
}

impl Standard {
    fn new() -> Self {
        let patient = Limits::default().with_deadline(Duration::from_secs(10));
        let sandbox = Sandbox::new(patient.unwrap()).unwrap();
        let component = Component::new(sandbox.engine(), bake::STANDARD);
        let linker = Linker::new(sandbox.engine());
        Self {
            component: linker.instantiate_pre(&component.unwrap()).unwrap(),
            sandbox,
        }
    }

    /// The code of the failure.
    fn says(&self, texts: &str, marks: &[u32]) -> String {
        let mut store = self.sandbox.store();
        let instance = self.component.instantiate(&mut store).unwrap();
        let interface = instance.get_export_index(&mut store, None, PACKED).unwrap();
        let evaluate = instance.get_export_index(&mut store, Some(&interface), "evaluate");
        let evaluate: TypedFunc<AskPacked<'_>, Answer> = instance
            .get_typed_func(&mut store, evaluate.unwrap())
            .unwrap();
        let (answer,) = evaluate
            .call(&mut store, (texts, marks))
            .unwrap_or_else(|trap| panic!("{trap:?}: {texts:?} {marks:?}"));
        answer.expect_err("it has no program").code
    }
}

/// An input that fits: every text is one letter or character, every list has
/// one item or more, every value is there.
struct Fits {
    texts: String,
    marks: Vec<u32>,
    /// Where marks say how long a text or a list is.
    lengths: Vec<usize>,
    /// Where marks are the case of a value.
    cases: Vec<usize>,
    /// Where marks say whether a date is there.
    dates: Vec<usize>,
}

impl Fits {
    fn new() -> Self {
        let mut fits = Self {
            texts: String::new(),
            marks: vec![100, 0, 200, 0],
            lengths: Vec::new(),
            cases: Vec::new(),
            dates: Vec::new(),
        };
        for date in [[90, 0], [0, 1]] {
            fits.dates.push(fits.marks.len());
            fits.marks.push(1);
            fits.marks.extend(date);
        }
        fits.text("é").text("s").maybe("t").text("a").maybe("🦀");
        fits.text("m").text("f");
        fits.count(2).text("x").text("日");
        fits.count(2).maybe("p").none();
        fits.count(2).maybe("n").maybe("é").maybe("o").none();
        fits.count(9);
        fits.case(0).case(1).case(2).case(3).case(4);
        fits.marks.extend([u32::MAX, u32::MAX]);
        fits.case(5).text("1").case(6).text("é");
        fits.case(7).count(2).text("").text("é");
        fits.case(8).text("é");
        fits.none();
        fits.key();
        fits.text("r").count(1).text("k").text("é");
        fits.count(1).key();
        fits
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.texts.push_str(text);
        self.count(u32::try_from(text.len()).unwrap())
    }

    fn maybe(&mut self, text: &str) -> &mut Self {
        self.texts.push_str(text);
        self.count(u32::try_from(text.len() + 1).unwrap())
    }

    fn none(&mut self) -> &mut Self {
        self.marks.push(0);
        self
    }

    fn count(&mut self, count: u32) -> &mut Self {
        self.lengths.push(self.marks.len());
        self.marks.push(count);
        self
    }

    fn case(&mut self, case: u32) -> &mut Self {
        self.cases.push(self.marks.len());
        self.marks.push(case);
        self
    }

    fn key(&mut self) {
        self.maybe("i").text("k").text("a");
        self.marks.push(2048);
        self.text("h");
    }

    /// Where the published keys begin, which no program asks for.
    fn end(&self) -> usize {
        // A count; an id, a type, an algorithm, a size and a thumbprint.
        self.marks.len() - 6
    }
}

#[test]
fn marks_that_fit_are_read() {
    let (standard, fits) = (Standard::new(), Fits::new());
    assert_eq!(standard.says(&fits.texts, &fits.marks), "policy.empty");
    // What comes behind all that a program asks for is left unread.
    let read = &fits.marks[..fits.end()];
    assert_eq!(standard.says(&fits.texts, read), "policy.empty");
}

#[test]
fn marks_that_end_early_are_refused() {
    let (standard, fits) = (Standard::new(), Fits::new());
    for end in 0..fits.end() {
        let said = standard.says(&fits.texts, &fits.marks[..end]);
        assert_eq!(said, "policy.input", "{end}");
    }
    assert_eq!(standard.says("", &[]), "policy.input");
}

#[test]
fn lengths_and_counts_past_what_is_there_are_refused() {
    let (standard, fits) = (Standard::new(), Fits::new());
    for &place in fits.lengths.iter().filter(|place| **place < fits.end()) {
        for length in [1 << 16, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX] {
            let mut marks = fits.marks.clone();
            marks[place] = length;
            let said = standard.says(&fits.texts, &marks);
            assert_eq!(said, "policy.input", "{place}: {length}");
        }
    }
    let texts = &fits.texts[..fits.texts.len() / 2];
    let end = texts.len();
    assert!(texts.is_char_boundary(end));
    assert_eq!(standard.says(texts, &fits.marks), "policy.input");
    assert_eq!(standard.says("", &fits.marks), "policy.input");
}

#[test]
fn a_length_that_ends_inside_a_character_is_refused() {
    let (standard, fits) = (Standard::new(), Fits::new());
    // The issuer `é`, of which one byte is no text.
    let place = fits.lengths[0];
    assert_eq!(fits.marks[place], 2);
    for length in [1, 3] {
        let mut marks = fits.marks.clone();
        marks[place] = length;
        // The next text begins a byte earlier or later, with all behind it.
        let texts = fits.texts.replacen("és", "éé", 1);
        let said = standard.says(&texts, &marks);
        assert_eq!(said, "policy.input", "{length}");
    }
}

#[test]
fn cases_that_no_value_has_and_dates_that_are_neither_there_nor_not_are_refused() {
    let (standard, fits) = (Standard::new(), Fits::new());
    for &place in &fits.cases {
        for case in [9, 10, 255, 256, 0x100_0000, u32::MAX] {
            let mut marks = fits.marks.clone();
            marks[place] = case;
            let said = standard.says(&fits.texts, &marks);
            assert_eq!(said, "policy.input", "{place}: {case}");
        }
    }
    for &place in &fits.dates {
        for other in [2, 3, u32::MAX] {
            let mut marks = fits.marks.clone();
            marks[place] = other;
            let said = standard.says(&fits.texts, &marks);
            assert_eq!(said, "policy.input", "{place}: {other}");
        }
    }
}

#[test]
fn whatever_the_marks_are_they_are_read_or_refused() {
    let standard = Standard::new();
    let fits = Fits::new();
    let mark = prop_oneof![
        4 => 0_u32..10,
        1 => any::<u32>(),
        1 => Just(u32::MAX),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), mark), 0..6);
    let ends = (0..=fits.marks.len(), 0..4_usize);
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_123),
        ..ProptestConfig::with_cases(500)
    });
    let run = runner.run(&(changes, ends), |(changes, (end, texts))| {
        let mut marks = fits.marks.clone();
        for (place, mark) in changes {
            let place = place.index(marks.len());
            marks[place] = mark;
        }
        marks.truncate(end);
        let said = standard.says(&fits.texts.repeat(texts), &marks);
        prop_assert!(
            matches!(&*said, "policy.input" | "policy.empty"),
            "{}",
            said
        );
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}
