//! Automata: from a pattern's states to the smallest deterministic automaton
//! of the same language, in a counted number of steps.

use std::collections::HashMap;
use std::rc::Rc;

use claimbound_engine::Automaton;
use regex_automata::nfa::thompson::{NFA, State, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_syntax::hir::Hir;

use crate::partition::Partition;

/// The memory of a pattern before it is made deterministic, in bytes.
const MEMORY: usize = 1 << 20;
/// The most states of one automaton, before it is made smallest.
const MOST_STATES: usize = 4096;
/// The most cells, states by classes of bytes, of one automaton.
const MOST_CELLS: usize = 1 << 20;
/// What the classes and states of a pattern take at the least, in steps.
const BASE: u64 = 2000;
/// What it takes to fill [`MEMORY`], in steps.
const MEMORY_STEPS: u64 = 500_000;

/// The steps that one pattern may take: about a fifth of a second.
const OF_A_PATTERN: u64 = 20_000_000;
/// The steps that all patterns of a document may take: less than two
/// seconds on a slow machine.
const OF_A_DOCUMENT: u64 = 160_000_000;

/// Why a pattern has no automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    /// It alone is too large.
    Pattern,
    /// It is too large together with those before it.
    Document,
}

impl Excess {
    /// What an author reads.
    pub(crate) fn message(self) -> String {
        match self {
            Self::Pattern => "the pattern is too large: it needs too many states",
            Self::Document => "the document's patterns are too large together",
        }
        .to_owned()
    }
}

/// How much work is left, counted and not timed, so that a document compiles on
/// every machine or on none.
#[derive(Debug)]
pub(crate) struct Steps {
    document: u64,
    pattern: u64,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            document: OF_A_DOCUMENT,
            pattern: OF_A_PATTERN,
        }
    }
}

impl Steps {
    /// Begins the next pattern.
    pub(crate) const fn begin(&mut self) {
        self.pattern = OF_A_PATTERN;
    }

    /// Takes `steps` from what is left.
    ///
    /// # Errors
    /// So many are not left.
    pub(crate) fn take(&mut self, steps: u64) -> Result<(), Excess> {
        let most = steps.min(self.pattern);
        let within = self.document >= most;
        self.document = self.document.saturating_sub(most);
        self.pattern -= most;
        match (within, most == steps) {
            (true, true) => Ok(()),
            (true, false) => Err(Excess::Pattern),
            (false, _) => Err(Excess::Document),
        }
    }
}

/// A number of things as steps.
pub(crate) fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}

/// The smallest automaton that accepts exactly the texts that `hir` matches as
/// a whole.
///
/// # Errors
/// It would take more states or steps than there may be.
pub(crate) fn compile(hir: &Hir, steps: &mut Steps) -> Result<Automaton, Excess> {
    steps.take(BASE)?;
    let config = NFA::config()
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(MEMORY));
    let built = NFA::compiler().configure(config).build_from_hir(hir);
    let Ok(nfa) = built else {
        steps.take(MEMORY_STEPS)?;
        return Err(Excess::Pattern);
    };
    steps.take(count(nfa.states().len()).saturating_mul(16))?;
    let table = Table::determined(&nfa, steps)?.minimised(steps)?;
    Automaton::new(0, table.classes, &table.rows, &table.accepting).map_err(|_| Excess::Pattern)
}

/// A complete deterministic automaton as rows, before it is numbered for the
/// format. It starts in state 0.
pub(crate) struct Table {
    classes: Box<[u8; 256]>,
    /// Where each state goes on each class.
    pub(crate) rows: Vec<Vec<usize>>,
    /// Whether each state accepts.
    pub(crate) accepting: Vec<bool>,
}

impl Table {
    /// Follows all states of `nfa` at once (the subset construction), in the
    /// order of their distance.
    fn determined(nfa: &NFA, steps: &mut Steps) -> Result<Self, Excess> {
        let (classes, representatives) = classes(nfa);
        let mut reached = Reached::new(nfa);
        reached.add(nfa.start_anchored(), steps)?;
        let first: Rc<[StateID]> = reached.ordered().into();
        let mut sets = vec![Rc::clone(&first)];
        let mut numbers = HashMap::from([(first, 0)]);
        let (mut rows, mut accepting) = (Vec::new(), Vec::new());
        while let Some(set) = sets.get(rows.len()).map(Rc::clone) {
            let mut row = Vec::with_capacity(representatives.len());
            for byte in &representatives {
                steps.take(count(set.len()) + 1)?;
                reached.begin();
                for state in set.iter() {
                    if let Some(next) = after(nfa.state(*state), *byte) {
                        reached.add(next, steps)?;
                    }
                }
                let next = reached.ordered();
                let known = numbers.get(next).copied();
                row.push(known.unwrap_or_else(|| {
                    let (next, number): (Rc<[StateID]>, _) = (next.into(), sets.len());
                    sets.push(Rc::clone(&next));
                    numbers.insert(next, number);
                    number
                }));
            }
            let is_match = |state: &StateID| matches!(nfa.state(*state), State::Match { .. });
            accepting.push(set.iter().any(is_match));
            rows.push(row);
            if sets.len() > MOST_STATES || sets.len() * representatives.len() > MOST_CELLS {
                return Err(Excess::Pattern);
            }
        }
        Ok(Self {
            classes,
            rows,
            accepting,
        })
    }

    /// The smallest automaton of the same language, its states in the order of
    /// their distance.
    fn minimised(self, steps: &mut Steps) -> Result<Self, Excess> {
        let groups = Partition::of(&self, steps)?.groups();
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        let mut first: Vec<usize> = Vec::new();
        // Groups are numbered by their first state, so the order stays.
        for (state, group) in groups.iter().enumerate() {
            numbers.entry(*group).or_insert_with(|| {
                first.push(state);
                first.len() - 1
            });
        }
        let number = |state: &usize| {
            let group = groups.get(*state);
            group.and_then(|group| numbers.get(group)).copied()
        };
        let row = |state: &usize| {
            let row = self.rows.get(*state).map(Vec::as_slice).unwrap_or_default();
            row.iter().filter_map(number).collect()
        };
        let accepts = |state: &usize| self.accepting.get(*state).copied().unwrap_or(false);
        Ok(Self {
            rows: first.iter().map(row).collect(),
            accepting: first.iter().map(accepts).collect(),
            classes: self.classes,
        })
    }
}

/// Where a state goes on `byte`.
fn after(state: &State, byte: u8) -> Option<StateID> {
    match state {
        State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
        State::Sparse(sparse) => sparse.matches_byte(byte),
        State::Dense(dense) => dense.matches_byte(byte),
        State::Look { .. }
        | State::Union { .. }
        | State::BinaryUnion { .. }
        | State::Capture { .. }
        | State::Fail
        | State::Match { .. } => None,
    }
}

/// The states that are reached without a byte, while they are gathered.
struct Reached<'n> {
    nfa: &'n NFA,
    /// When each state was gathered last.
    seen: Vec<u32>,
    now: u32,
    set: Vec<StateID>,
    waiting: Vec<StateID>,
}

impl<'n> Reached<'n> {
    fn new(nfa: &'n NFA) -> Self {
        Self {
            nfa,
            seen: vec![0; nfa.states().len()],
            now: 1,
            set: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Adds `state` and all that it leads to without a byte.
    fn add(&mut self, state: StateID, steps: &mut Steps) -> Result<(), Excess> {
        self.waiting.push(state);
        while let Some(state) = self.waiting.pop() {
            steps.take(1)?;
            match self.seen.get_mut(state.as_usize()) {
                Some(seen) if *seen != self.now => *seen = self.now,
                Some(_) | None => continue,
            }
            match self.nfa.state(state) {
                State::Union { alternates } => {
                    steps.take(count(alternates.len()))?;
                    self.waiting.extend(alternates.iter());
                }
                State::BinaryUnion { alt1, alt2 } => self.waiting.extend([*alt1, *alt2]),
                // Looking around is refused before, and nothing is captured.
                State::Capture { next, .. } => self.waiting.push(*next),
                State::Look { .. } | State::Fail => {}
                State::ByteRange { .. }
                | State::Sparse(_)
                | State::Dense(_)
                | State::Match { .. } => self.set.push(state),
            }
        }
        Ok(())
    }

    /// Forgets what was gathered.
    fn begin(&mut self) {
        // INVARIANT: there are fewer sets than 2^32, for each takes a step.
        self.now = self.now.wrapping_add(1);
        self.set.clear();
    }

    /// What was gathered, in order.
    fn ordered(&mut self) -> &[StateID] {
        self.set.sort_unstable();
        &self.set
    }
}

/// The class of each byte, and one byte of each class.
fn classes(nfa: &NFA) -> (Box<[u8; 256]>, Vec<u8>) {
    let known = nfa.byte_classes();
    let mut classes = Box::new([0; 256]);
    let mut representatives: Vec<u8> = Vec::new();
    for (byte, place) in (0..=u8::MAX).zip(classes.iter_mut()) {
        *place = known.get(byte);
        if usize::from(*place) == representatives.len() {
            representatives.push(byte);
        }
    }
    (classes, representatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn automaton(regex: &str) -> Result<Automaton, Excess> {
        compile(&regex_syntax::parse(regex).unwrap(), &mut Steps::default())
    }

    #[test]
    fn one_language_takes_as_many_states_however_it_is_written() {
        for (one, other) in [
            ("a|ab|abc", "a(b(c)?)?"),
            ("(a|b)*", "(a*b*)*"),
            ("a+", "aa*"),
            ("(a|b)*abb", "((a|b)*a)(bb)"),
            ("[0-9]{2}|[0-9]{3}", "[0-9][0-9][0-9]?"),
            ("[a&&b]", "[b&&a]x"),
            ("000|001|010|011|1..", "(0[01]|1.)[01]|1.[^01]"),
        ] {
            let (first, second) = (automaton(one).unwrap(), automaton(other).unwrap());
            assert_eq!(first.states(), second.states(), "{one} {other}");
        }
        assert_eq!(automaton("a{1000}").unwrap().states(), 1002);
        assert_eq!(automaton("(a|b)*a(a|b){3}").unwrap().states(), 17);
    }

    #[test]
    fn what_needs_too_many_states_is_refused_in_few_steps() {
        for regex in [
            "a{5000}",
            "a{20000}",
            "((a{100}){100}){100}",
            "(a|b)*a(a|b){14}",
            ".*a.{500}",
            r".*a\w{9}",
            r"\w{1,1000}",
        ] {
            let mut steps = Steps::default();
            let hir = regex_syntax::parse(regex).unwrap();
            assert_eq!(compile(&hir, &mut steps), Err(Excess::Pattern), "{regex}");
            assert!(OF_A_DOCUMENT - steps.document <= OF_A_PATTERN, "{regex}");
        }
    }

    #[test]
    fn a_pattern_leaves_fewer_steps_to_those_after_it() {
        let hir = regex_syntax::parse("(a|b)*a(a|b){10}").unwrap();
        let mut steps = Steps::default();
        let first = compile(&hir, &mut steps).unwrap();
        steps.document = 1000;
        assert_eq!(compile(&hir, &mut steps), Err(Excess::Document));
        let mut steps = Steps::default();
        assert_eq!(compile(&hir, &mut steps), Ok(first));
    }
}
