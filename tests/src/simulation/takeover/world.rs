//! What somebody with an ordinary account can do at a forge, one move at a time.
//!
//! Nothing here knows a naming model: names are free or held, and ids are counted.

use std::collections::{BTreeSet, VecDeque};

use super::names::{self, REPOSITORIES};
use crate::simulation::forge::{Flavour, Forge};

/// How many moves are made at most: somebody leaves, a name is taken, a group is
/// made in it, a repository in that, and it opts in.
const MOVES: usize = 5;

/// The attacker's own account among those of [`Forge::new`].
const OWN: usize = 2;

/// How a repository came to run jobs for somebody outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// Its name was nobody's.
    Registered,
    /// Its name was an organisation's, which left it.
    Inherited,
    /// It is an organisation's, and somebody outside causes its run.
    Caused,
}

/// One move.
#[derive(Clone, Debug)]
enum Move {
    /// An organisation deletes its account.
    Delete(usize),
    /// It takes another name.
    Leave(usize),
    /// The attacker registers an account or a group.
    Register(String),
    /// The attacker's own account takes a name, with its repositories.
    Rename(String),
    Create(usize, &'static str),
    /// A repository's subjects have ids from now on.
    OptIn(usize),
}

/// A repository whose jobs the attacker runs, or causes.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) forge: Forge,
    pub(super) repository: usize,
    pub(super) deed: Deed,
}

impl Seat {
    /// The name that an outsider can register: that of no group inside another.
    pub(super) fn root(&self) -> String {
        let path = self.forge.path(self.repository);
        path.split('/').next().unwrap().to_owned()
    }
}

/// The forge after some moves.
#[derive(Clone)]
struct State {
    forge: Forge,
    made: usize,
    /// The account that the attacker has taken.
    taken: Option<usize>,
}

/// Every repository to which moves lead, each once.
pub(super) fn seats(flavour: Flavour) -> Vec<Seat> {
    let start = start(flavour);
    let mut waiting = VecDeque::from([start.clone()]);
    let mut met = BTreeSet::new();
    let mut seats = Vec::new();
    while let Some(state) = waiting.pop_front() {
        for seat in state.seats(&start.forge) {
            let held = &seat.forge.repositories[seat.repository];
            if met.insert((seat.forge.path(seat.repository), held.immutable, seat.deed)) {
                seats.push(seat);
            }
        }
        if state.made < MOVES {
            waiting.extend(state.moves().iter().filter_map(|one| state.after(one)));
        }
    }
    seats
}

/// Two organisations, and an attacker who has had an account for years.
fn start(flavour: Flavour) -> State {
    let mut forge = Forge::new(flavour);
    for name in REPOSITORIES {
        if forge.vacant(OWN, name) {
            forge.create(OWN, name, None);
        }
    }
    State {
        forge,
        made: 0,
        taken: None,
    }
}

impl State {
    fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        match self.taken {
            None => {
                if self.made == 0 {
                    moves.extend([Move::Delete(0), Move::Leave(0), Move::Delete(1)]);
                }
                let free = names::accounts();
                let free: Vec<_> = free.iter().filter(|one| self.forge.free(one)).collect();
                moves.extend(free.iter().map(|name| Move::Register((*name).clone())));
                moves.extend(free.iter().map(|name| Move::Rename((*name).clone())));
            }
            Some(account) => {
                moves.extend(REPOSITORIES.map(|name| Move::Create(account, name)));
                if self.forge.flavour == Flavour::GitLab {
                    let name = format!("{}/sub", self.forge.accounts[account].name);
                    moves.push(Move::Register(name));
                }
            }
        }
        let own = self.forge.repositories.iter().enumerate();
        let own = own.filter(|(_, one)| !one.immutable && Some(one.account) == self.taken);
        moves.extend(own.map(|(repository, _)| Move::OptIn(repository)));
        moves
    }

    /// None where it can't be done.
    fn after(&self, one: &Move) -> Option<Self> {
        let mut state = self.clone();
        state.made += 1;
        let forge = &mut state.forge;
        match one {
            Move::Delete(account) => {
                forge.delete_account(*account);
            }
            Move::Leave(account) => {
                forge.rename_account(*account, "moved-elsewhere")?;
            }
            Move::Register(name) => state.taken = Some(register(forge, name)?),
            Move::Rename(name) => {
                forge.rename_account(OWN, name)?;
                state.taken = Some(OWN);
            }
            Move::Create(account, name) => {
                create(forge, *account, name)?;
            }
            Move::OptIn(repository) => forge.repositories[*repository].immutable = true,
        }
        Some(state)
    }

    /// The repositories that this state adds.
    fn seats(&self, start: &Forge) -> Vec<Seat> {
        let alive = self.forge.alive().into_iter();
        let seats = alive.flat_map(|repository| {
            let account = self.forge.repositories[repository].account;
            let mut seat = Seat {
                forge: self.forge.clone(),
                repository,
                deed: Deed::Caused,
            };
            if self.forge.is_of_attacker(account) {
                seat.deed = if is_of_organisation(start, &seat.root()) {
                    Deed::Inherited
                } else {
                    Deed::Registered
                };
                return vec![seat];
            }
            let mut opted_in = seat.clone();
            opted_in.forge.repositories[repository].immutable = true;
            vec![seat, opted_in]
        });
        seats.collect()
    }
}

fn is_of_organisation(forge: &Forge, name: &str) -> bool {
    let holder = forge.holder(name);
    holder.is_some_and(|account| !forge.is_of_attacker(account))
}

/// The attacker registers an account or group, and the groups around it that are
/// not there; none where one of them is somebody else's, or is no name.
pub(super) fn register(forge: &mut Forge, name: &str) -> Option<usize> {
    let ends = name.match_indices('/').map(|(end, _)| end);
    for end in ends.chain([name.len()]) {
        let name = &name[..end];
        match forge.holder(name) {
            Some(holder) if forge.is_of_attacker(holder) => {}
            None if names::is_legal(name) => forge.register(name, true),
            Some(_) | None => return None,
        }
    }
    forge.holder(name)
}

/// A repository in an account; what GitHub creates since 2026-07-15 has ids in its
/// subjects.
pub(super) fn create(forge: &mut Forge, account: usize, name: &str) -> Option<usize> {
    if !names::is_legal(name) || !forge.vacant(account, name) {
        return None;
    }
    forge.create(account, name, None);
    let repository = forge.repository(account, name)?;
    forge.repositories[repository].immutable = forge.flavour == Flavour::GitHub;
    Some(repository)
}
