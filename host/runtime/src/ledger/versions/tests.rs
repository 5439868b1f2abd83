//! The policy of versions, by examples and beside a model of it.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SAID: Said<'static> = Said {
    at: 7,
    by: "alice",
    reason: "a test",
};

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn name() -> ModuleName {
    "acme".parse().unwrap()
}

fn id(text: &str) -> ModuleId {
    ModuleId::new(name(), version(text)).unwrap()
}

/// A digest for each version, and for whatever else.
fn digest(of: &str) -> Digest {
    Digest::of(of.as_bytes())
}

fn serving(text: &str) -> Served {
    Served::first("deploy", &id(text), digest(text), SAID)
}

fn may(served: &Served, text: &str) -> Result<(), Withheld> {
    served.may_serve(&id(text), digest(text))
}

fn up(served: &Served, text: &str) -> Served {
    let taken = served.take_up(&id(text), digest(text), SAID);
    taken.unwrap().unwrap()
}

fn reject(served: &Served, text: &str) -> Served {
    let said = Said {
        at: 9,
        by: "bob",
        reason: "it lets forks in",
    };
    served.reject(&id(text), said).unwrap()
}

fn back(served: &Served, text: &str) -> Served {
    let back = served.roll_back(&id(text), digest(text), SAID);
    back.unwrap()
}

#[test]
fn no_version_below_what_is_served_is_taken_up() {
    let served = serving("1.4.0");
    may(&served, "1.4.1").unwrap();
    for lower in ["1.3.9", "1.4.0-rc.1", "0.9.0", "1.4.0-0"] {
        let refused = may(&served, lower).unwrap_err();
        let lower = Withheld::Lower {
            module: Box::new(id(lower)),
            served: version("1.4.0"),
        };
        assert_eq!(refused, lower);
    }
}

#[test]
fn what_is_served_may_be_taken_up_again_and_changes_nothing() {
    let served = serving("1.4.0");
    let again = served.take_up(&id("1.4.0"), digest("1.4.0"), SAID);
    assert_eq!(again, Ok(None));
}

#[test]
fn one_version_has_one_digest() {
    let refused = serving("1.4.0").may_serve(&id("1.4.0"), digest("other"));
    let digest = Withheld::Digest {
        module: Box::new(id("1.4.0")),
        known: digest("1.4.0"),
        found: digest("other"),
    };
    assert_eq!(refused, Err(digest));
}

#[test]
fn a_pre_release_comes_before_its_release_and_is_of_its_major_version() {
    let served = serving("1.4.0-rc.2");
    may(&served, "1.4.0-rc.10").unwrap();
    may(&served, "1.4.0").unwrap();
    may(&served, "1.4.0-rc.1").unwrap_err();
    let refused = may(&served, "2.0.0-alpha").unwrap_err();
    assert!(matches!(refused, Withheld::Major { approved: 1, .. }));
}

#[test]
fn a_major_version_waits_until_it_is_approved() {
    let served = serving("1.4.0");
    assert_eq!(served.approved, 1, "that of the first is");
    may(&served, "2.0.0").unwrap_err();
    let approved = served.approve_major(2).unwrap();
    may(&approved, "2.0.0").unwrap();
    may(&approved, "3.0.0").unwrap_err();
    let taken_back = approved.approve_major(1).unwrap();
    may(&taken_back, "2.0.0").unwrap_err();
    let refused = up(&approved, "2.0.0").approve_major(1).unwrap_err();
    assert!(matches!(refused, VersionRefused::Served { major: 1, .. }));
}

#[test]
fn what_was_rolled_back_from_waits_for_a_newer_one() {
    let rolled = back(&serving("1.4.0"), "1.3.0");
    assert_eq!(rolled.version, version("1.3.0"));
    may(&rolled, "1.3.0").unwrap();
    for barred in ["1.4.0", "1.3.1", "1.4.0-rc.1"] {
        let refused = may(&rolled, barred).unwrap_err();
        let withheld = Withheld::RolledBack {
            module: Box::new(id(barred)),
            from: version("1.4.0"),
            reason: "a test".to_owned(),
            by: "alice".to_owned(),
        };
        assert_eq!(refused, withheld);
    }
    may(&rolled, "1.4.1").unwrap();
    may(&rolled, "1.2.0").unwrap_err();
}

#[test]
fn a_second_rollback_keeps_the_higher_bar() {
    let twice = back(&back(&serving("1.5.0"), "1.3.0"), "1.2.0");
    may(&twice, "1.3.0").unwrap_err();
    may(&twice, "1.5.0").unwrap_err();
    may(&twice, "1.5.1").unwrap();
    assert_eq!(twice.rollbacks, 2);
    let later = back(&up(&twice, "1.6.0"), "1.5.5");
    may(&later, "1.6.0").unwrap_err();
}

#[test]
fn what_was_rejected_waits_for_a_newer_one_and_what_is_served_stays() {
    let served = up(&serving("1.3.0"), "1.4.0");
    let rejected = reject(&served, "1.5.0");
    assert_eq!(rejected.version, version("1.4.0"));
    assert_eq!((rejected.since, &rejected.by), (served.since, &served.by));
    may(&rejected, "1.4.0").unwrap();
    for barred in ["1.5.0", "1.4.1", "1.5.0-rc.1"] {
        let withheld = Withheld::Rejected {
            module: Box::new(id(barred)),
            version: version("1.5.0"),
            reason: "it lets forks in".to_owned(),
            by: "bob".to_owned(),
        };
        assert_eq!(may(&rejected, barred), Err(withheld));
    }
    may(&rejected, "1.5.1").unwrap();
    assert_eq!(reject(&rejected, "1.4.5"), rejected, "it says so already");
    let lower = rejected
        .roll_back(&id("1.3.0"), digest("1.3.0"), SAID)
        .unwrap();
    may(&lower, "1.5.0").unwrap_err();
    may(&lower, "1.5.1").unwrap();
}

/// Whichever it was last, it is told as what it was.
#[test]
fn a_rejection_is_told_from_a_rollback() {
    let told = |served: &Served, text| may(served, text).unwrap_err().to_string();
    let rolled = back(&serving("1.4.0"), "1.3.0");
    assert_eq!(
        told(&rolled, "1.4.0"),
        "`acme@1.4.0` is withheld: alice rolled back (a test); a version above 1.4.0 is taken up"
    );
    let rejected = reject(&rolled, "1.5.0");
    assert_eq!(
        told(&rejected, "1.4.0"),
        "`acme@1.4.0` is withheld: version 1.5.0 was rejected by bob (it lets forks in); one above \
         that is taken up"
    );
    assert_eq!(
        told(&back(&rejected, "1.2.0"), "1.4.0"),
        "`acme@1.4.0` is withheld: alice rolled back (a test); a version above 1.5.0 is taken up"
    );
}

#[test]
fn what_is_rejected_is_above_what_is_served_and_of_an_approved_major_version() {
    let served = serving("1.4.0");
    let refused = |text| served.reject(&id(text), SAID).unwrap_err();
    for text in ["1.4.0", "1.3.0", "1.4.0-rc.1"] {
        let not_higher = VersionRefused::NotHigher {
            route: "deploy".to_owned(),
            module: Box::new(id(text)),
            served: version("1.4.0"),
        };
        assert_eq!(refused(text), not_higher);
    }
    let module = Box::new(id("2.0.0"));
    assert_eq!(refused("2.0.0"), VersionRefused::Unapproved { module });
}

#[test]
fn a_rollback_goes_back() {
    let served = serving("1.4.0");
    for higher in ["1.4.0", "1.4.1"] {
        let refused = served.roll_back(&id(higher), digest(higher), SAID);
        assert!(matches!(refused, Err(VersionRefused::NotLower { .. })));
    }
}

#[test]
fn a_promotion_is_of_what_may_be_taken_up_and_ends_with_a_rollback() {
    let served = serving("1.4.0");
    let promoted = served.promote(&id("1.5.0")).unwrap();
    assert!(promoted.promotes(&version("1.5.0")));
    assert!(!promoted.promotes(&version("1.4.0")));
    for withheld in ["1.3.0", "2.0.0"] {
        served.promote(&id(withheld)).unwrap_err();
    }
    let rolled = back(&up(&promoted, "1.5.0"), "1.4.0");
    assert_eq!(rolled.promoted, None);
    rolled.promote(&id("1.5.0")).unwrap_err();
    for (rejected, stays) in [("1.4.5", true), ("1.5.0", false), ("1.6.0", false)] {
        let promoted = reject(&promoted, rejected).promoted;
        assert_eq!(promoted.is_some(), stays, "{rejected}");
    }
    let of_what_is_served = reject(&up(&promoted, "1.5.0"), "1.6.0").promoted;
    assert_eq!(of_what_is_served, Some(version("1.5.0")));
}

/// Versions in their order, which is written down by hand here, each with its
/// major version.
const LADDER: [(&str, u64); 12] = [
    ("0.9.0", 0),
    ("1.0.0-alpha", 1),
    ("1.0.0-alpha.1", 1),
    ("1.0.0-rc.2", 1),
    ("1.0.0-rc.10", 1),
    ("1.0.0", 1),
    ("1.2.0", 1),
    ("1.10.0", 1),
    ("2.0.0-1", 2),
    ("2.0.0-a", 2),
    ("2.0.0", 2),
    ("10.0.0", 10),
];

#[derive(Clone, Copy, Debug)]
enum Step {
    TakeUp(usize),
    RollBack(usize),
    Approve(u64),
    Reject(usize),
    Promote(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let rung = || 0..LADDER.len();
    let step = prop_oneof![
        4 => rung().prop_map(Step::TakeUp),
        2 => rung().prop_map(Step::RollBack),
        1 => prop::sample::select(vec![0, 1, 2, 10]).prop_map(Step::Approve),
        2 => rung().prop_map(Step::Reject),
        1 => rung().prop_map(Step::Promote),
    ];
    prop::collection::vec(step, 0..24)
}

/// The same by places on the ladder: a set of all that was ever rolled back
/// from or rejected, instead of one bar.
struct Model {
    served: usize,
    ruled_out: BTreeSet<usize>,
    approved: u64,
    promoted: Option<usize>,
}

impl Model {
    fn may(&self, rung: usize) -> bool {
        let follows = rung > self.served
            && !self.ruled_out.contains(&rung)
            && LADDER[rung].1 <= self.approved;
        rung == self.served || follows
    }

    fn step(&mut self, step: Step) -> bool {
        match step {
            Step::TakeUp(rung) => {
                let may = self.may(rung);
                if may {
                    self.served = rung;
                }
                may
            }
            Step::RollBack(rung) => {
                let may = rung < self.served;
                if may {
                    self.ruled_out.extend(rung + 1..=self.served);
                    self.served = rung;
                    self.promoted = None;
                }
                may
            }
            Step::Reject(rung) => {
                let may = rung > self.served && LADDER[rung].1 <= self.approved;
                if may {
                    let rejected = self.served + 1..=rung;
                    self.promoted = self.promoted.filter(|one| !rejected.contains(one));
                    self.ruled_out.extend(rejected);
                }
                may
            }
            Step::Promote(rung) => {
                let may = self.may(rung);
                if may {
                    self.promoted = Some(rung);
                }
                may
            }
            Step::Approve(major) => {
                let may = major >= LADDER[self.served].1;
                if may {
                    self.approved = major;
                }
                may
            }
        }
    }
}

fn step(served: &Served, step: Step) -> Option<Served> {
    match step {
        Step::TakeUp(rung) => {
            let text = LADDER[rung].0;
            let taken = served.take_up(&id(text), digest(text), SAID).ok()?;
            Some(taken.unwrap_or_else(|| served.clone()))
        }
        Step::RollBack(rung) => {
            let text = LADDER[rung].0;
            let back = served.roll_back(&id(text), digest(text), SAID);
            back.ok()
        }
        Step::Approve(major) => served.approve_major(major).ok(),
        Step::Reject(rung) => served.reject(&id(LADDER[rung].0), SAID).ok(),
        Step::Promote(rung) => served.promote(&id(LADDER[rung].0)).ok(),
    }
}

/// What of a row decides which versions below the approved major are taken up.
fn places(served: &Served) -> (&Version, Option<&Version>) {
    (&served.version, served.bar.as_ref().map(|bar| &bar.to))
}

proptest! {
    #[test]
    fn whatever_happens_is_as_the_model_has_it(first in 0..LADDER.len(), steps in steps()) {
        let mut served = serving(LADDER[first].0);
        let mut model = Model {
            served: first,
            ruled_out: BTreeSet::new(),
            approved: LADDER[first].1,
            promoted: None,
        };
        for one in steps {
            let after = step(&served, one);
            prop_assert_eq!(after.is_some(), model.step(one), "{:?}", one);
            if let Some(after) = after {
                let (was, is) = (places(&served), places(&after));
                prop_assert!(!after.is_older_than(&served), "{:?}", one);
                prop_assert_eq!(served.is_older_than(&after), was != is, "{:?}", one);
                served = after;
            }
            let promoted = model.promoted.map(|rung| version(LADDER[rung].0));
            prop_assert_eq!(&served.promoted, &promoted, "{:?}", one);
            for (rung, (text, _)) in LADDER.iter().enumerate() {
                prop_assert_eq!(may(&served, text).is_ok(), model.may(rung), "{}", text);
            }
        }
    }
}
