//! How somebody outside gets an accepted token: what the linter says agrees with a
//! search over what can be done at a forge.
//!
//! The two share nothing but the policy. The linter computes with the sets of
//! tokens that a naming model describes; the search registers, inherits and runs,
//! one move after another, and has each token decided.

mod deed;
mod draft;
mod names;
mod search;
mod world;

use std::collections::BTreeMap;

use claimbound_analysis::{Budget, Takeover, Way, takeovers};
use claimbound_language::Compiled;

use self::deed::Wanted;
use self::search::{Roots, Search, accepted_by, runs};
use self::world::Deed;
use super::forge::Flavour;
use super::random::Random;
use super::seeds;
use crate::forge::NOW;

/// How many steps each question of the linter may take, as in the command line.
const STEPS: u64 = Budget::USUAL;

/// How many names a pattern takes at most without being open to names that nobody
/// wrote. The linter has the same number, each for itself.
const FEW: usize = 8;

/// What was compared.
#[derive(Debug, Default)]
struct Tally(BTreeMap<&'static str, usize>);

impl Tally {
    fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    #[expect(clippy::print_stderr, reason = "a long run says what it has seen")]
    fn tell(&self, flavour: Flavour) {
        eprintln!("{flavour:?}: {:?}", self.0);
    }

    fn of(&self, what: &str) -> usize {
        self.0.get(what).copied().unwrap_or_default()
    }
}

const fn deed(way: Way) -> Deed {
    match way {
        Way::Registers => Deed::Registered,
        Way::Inherits => Deed::Inherited,
        Way::Triggers => Deed::Caused,
    }
}

/// Does what the linter says, and has the token that comes of it decided.
fn carry_out(
    flavour: Flavour,
    takeover: &Takeover,
    (text, policy): (&str, &Compiled),
    tally: &mut Tally,
) -> Result<(), String> {
    if takeover.token.form == "custom" {
        // The simulator's forges compose none.
        tally.count("composed");
        return Ok(());
    }
    let deed = deed(takeover.way);
    let claims = &takeover.token.claims;
    let wanted = Wanted::new(flavour, deed, claims).ok_or("no job has such a token")?;
    let seat = wanted.seat(deed).ok_or("such names can't be had")?;
    let accepts = |run: &super::run::Run| {
        let claims = run.claims(&seat.forge, seat.repository, NOW);
        accepted_by(policy, &claims).as_ref() == Some(&takeover.statement)
    };
    if accepts(&wanted.run) {
        tally.count("as said");
        return Ok(());
    }
    // What the example does not say of its run is the attacker's to choose.
    let mut others = runs(flavour, deed, text).into_iter().flat_map(|run| {
        let mut said = run.clone();
        said.branch.clone_from(&wanted.run.branch);
        said.environment.clone_from(&wanted.run.environment);
        [run, said]
    });
    if others.any(|run| accepts(&run)) {
        tally.count("by another run");
        return Ok(());
    }
    Err("what comes of it is not accepted".to_owned())
}

/// Holds what the search found to what the linter said.
fn hold(found: &Roots, said: &[Takeover]) -> Result<(), String> {
    for ((statement, deed), roots) in found {
        let says = |way| {
            let mut said = said.iter().filter(|one| one.statement == *statement);
            said.any(|one| one.way == way)
        };
        let is_said = match deed {
            Deed::Registered if roots.len() > FEW => says(Way::Registers),
            Deed::Registered | Deed::Inherited => says(Way::Registers) || says(Way::Inherits),
            Deed::Caused => says(Way::Triggers),
        };
        if !is_said {
            return Err(format!("`{statement}`: {deed:?} by {roots:?} is not said"));
        }
    }
    Ok(())
}

fn compare(flavour: Flavour, search: &Search, seed: u64, tally: &mut Tally) -> Result<(), String> {
    let random = &mut Random::new(seed);
    let (text, policy) = draft::policy(flavour, random);
    tally.count("policies");
    let Ok(said) = takeovers(&policy, STEPS) else {
        tally.count("not followed");
        return Ok(());
    };
    let found = search.found(&policy, &text);
    let told = |error: String| format!("seed {seed}: {error}\n{text}\n{found:#?}\n{said:#?}");
    for takeover in &said {
        tally.count(match takeover.way {
            Way::Registers => "registers",
            Way::Inherits => "inherits",
            Way::Triggers => "triggers",
        });
        carry_out(flavour, takeover, (&text, &policy), tally).map_err(|error| {
            told(format!(
                "`{}`, {:?}: {error}",
                takeover.statement, takeover.way
            ))
        })?;
    }
    if said.is_empty() {
        tally.count("nothing said");
    }
    if found.is_empty() {
        tally.count("nothing found");
    }
    hold(&found, &said).map_err(told)
}

/// Compares so many random policies.
fn agree(flavour: Flavour, policies: u64) {
    let search = Search::new(flavour);
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    for seed in seeds(policies) {
        wrong.extend(compare(flavour, &search, seed, &mut tally).err());
    }
    tally.tell(flavour);
    if !wrong.is_empty() {
        let first = wrong.iter().take(3).cloned().collect::<Vec<_>>().join("\n");
        panic!("{} of them:\n{first}", wrong.len());
    }
    for what in [
        "registers",
        "inherits",
        "triggers",
        "nothing said",
        "nothing found",
    ] {
        assert!(tally.of(what) > 0, "no {what}: {tally:?}");
    }
    // Few are only of subjects that somebody composes, are not followed, or show a run
    // that the forge has in another way.
    for what in ["composed", "not followed", "by another run"] {
        assert!(
            4 * tally.of(what) < tally.of("policies"),
            "{what}: {tally:?}"
        );
    }
}

#[test]
fn what_the_linter_says_of_takeovers_at_github_is_what_can_be_done_there() {
    agree(Flavour::GitHub, 100);
}

#[test]
fn what_the_linter_says_of_takeovers_at_gitlab_is_what_can_be_done_there() {
    agree(Flavour::GitLab, 100);
}
