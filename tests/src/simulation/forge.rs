//! A forge: accounts and repositories that are created, renamed, deleted and
//! transferred, and names that somebody else may take afterwards.
//!
//! Whoever is behind a name is told by ids that are never given twice. Nobody
//! but the simulator sees this world; the product sees tokens alone.

use super::random::Random;

/// Names that accounts go by. They are few, so that they are taken again. On
/// GitLab one of them is a group inside another.
const ACCOUNTS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];
const GROUPS: [&str; 4] = ["acme", "globex", "initech", "acme/sub"];
pub(super) const REPOSITORIES: [&str; 3] = ["infra", "web", "docs"];

/// Whose tokens it issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Flavour {
    GitHub,
    GitLab,
}

impl Flavour {
    pub(super) const ALL: [Self; 2] = [Self::GitHub, Self::GitLab];

    pub(super) const fn accounts(self) -> [&'static str; 4] {
        match self {
            Self::GitHub => ACCOUNTS,
            Self::GitLab => GROUPS,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: u64,
    /// As it was typed; the forge compares without case.
    pub(super) name: String,
    /// Takes names that others leave.
    attacker: bool,
    alive: bool,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "settings, each by itself")]
pub(super) struct Repository {
    pub(super) id: u64,
    /// Of [`Forge::accounts`].
    pub(super) account: usize,
    /// Without its account.
    name: String,
    alive: bool,
    /// Opted in to subjects with ids.
    pub(super) immutable: bool,
    pub(super) has_environment: bool,
    pub(super) protected: bool,
    /// Of [`Forge::repositories`].
    pub(super) fork_of: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Forge {
    pub(super) flavour: Flavour,
    pub(super) accounts: Vec<Account>,
    pub(super) repositories: Vec<Repository>,
    /// Names that were left: of an account, and of a repository in it.
    left: Vec<(String, Option<String>)>,
}

impl Forge {
    /// `acme` and `globex` with a few repositories, and somebody who waits.
    pub(super) fn new(flavour: Flavour) -> Self {
        let mut forge = Self {
            flavour,
            accounts: Vec::new(),
            repositories: Vec::new(),
            left: Vec::new(),
        };
        for (name, attacker) in [("acme", false), ("globex", false), ("mallory", true)] {
            forge.register(name, attacker);
        }
        for (account, name) in [(0, "infra"), (0, "web"), (1, "infra"), (2, "infra")] {
            forge.create(account, name, None);
        }
        forge
    }

    pub(super) fn path(&self, repository: usize) -> String {
        let repository = &self.repositories[repository];
        format!(
            "{}/{}",
            self.accounts[repository.account].name, repository.name
        )
    }

    /// Whether the account of this id takes names that others leave.
    pub(super) fn is_attacker(&self, account: u64) -> bool {
        let mut all = self.accounts.iter();
        all.any(|one| one.id == account && one.attacker)
    }

    /// The place of an account's repository of this name.
    pub(super) fn repository(&self, account: usize, name: &str) -> Option<usize> {
        let is_it = |one: &Repository| one.alive && one.account == account && one.name == name;
        self.repositories.iter().position(is_it)
    }

    /// Whether one of [`Self::accounts`] is of somebody who takes names.
    pub(super) fn is_of_attacker(&self, account: usize) -> bool {
        self.accounts[account].attacker && self.accounts[account].alive
    }

    /// An organisation with these ids and one repository, and nobody else.
    pub(super) fn of_one(flavour: Flavour, account: (u64, &str), repository: (u64, &str)) -> Self {
        let mut forge = Self {
            flavour,
            accounts: Vec::new(),
            repositories: Vec::new(),
            left: Vec::new(),
        };
        forge.register(account.1, false);
        forge.accounts[0].id = account.0;
        forge.create(0, repository.1, None);
        forge.repositories[0].id = repository.0;
        forge
    }

    /// Repositories whose jobs run.
    pub(super) fn alive(&self) -> Vec<usize> {
        let all = self.repositories.iter().enumerate();
        all.filter(|(_, repository)| repository.alive && self.accounts[repository.account].alive)
            .map(|(index, _)| index)
            .collect()
    }

    /// Something happens, and is told in words; or nothing, where it can't.
    pub(super) fn happen(&mut self, random: &mut Random) -> Option<String> {
        if random.chance(45)
            && let Some(taken) = self.take(random)
        {
            return Some(taken);
        }
        let account = self.some_account(random)?;
        let repository = self.some_repository(random)?;
        let names = self.flavour.accounts();
        match random.below(12) {
            0 => {
                let name = (*random.pick(&names)).to_owned();
                self.free(&name).then(|| self.register(&name, false))?;
                Some(format!("account {name} is registered"))
            }
            1 | 2 => {
                let name = *random.pick(&names);
                self.rename_account(account, name)
            }
            3 => Some(self.delete_account(account)),
            4 => {
                let name = *random.pick(&REPOSITORIES);
                self.vacant(account, name)
                    .then(|| self.create(account, name, None))?;
                Some(format!("{}/{name} is created", self.accounts[account].name))
            }
            5 => {
                let name = *random.pick(&REPOSITORIES);
                self.rename_repository(repository, name)
            }
            6 => Some(self.delete_repository(repository)),
            7 | 8 => self.transfer(repository, account),
            9 => self.fork(repository, account),
            10 => Some(self.respell(account)),
            _ => Some(self.configure(repository, random)),
        }
    }

    /// Somebody takes a name that was left.
    fn take(&mut self, random: &mut Random) -> Option<String> {
        if self.left.is_empty() {
            return None;
        }
        let (account, repository) = self.left.swap_remove(random.below(self.left.len()));
        if self.free(&account) {
            self.register(&account, true);
        }
        let holder = self.holder(&account)?;
        if !self.accounts[holder].attacker {
            return None;
        }
        let name = repository.unwrap_or_else(|| (*random.pick(&REPOSITORIES)).to_owned());
        if self.vacant(holder, &name) {
            self.create(holder, &name, None);
        }
        let id = self.accounts[holder].id;
        Some(format!("an attacker, {id}, has {account} and in it {name}"))
    }

    /// An account and its first repository are deleted, and somebody else takes
    /// both names.
    pub(super) fn hand_over(&mut self, account: usize) {
        let name = self.accounts[account].name.clone();
        for one in &mut self.accounts {
            one.alive &= !one.name.eq_ignore_ascii_case(&name);
        }
        self.register(&name, true);
        self.create(self.accounts.len() - 1, "infra", None);
    }

    pub(super) fn register(&mut self, name: &str, attacker: bool) {
        self.accounts.push(Account {
            id: 1 + u64::try_from(self.accounts.len()).unwrap(),
            name: name.to_owned(),
            attacker,
            alive: true,
        });
    }

    pub(super) fn create(&mut self, account: usize, name: &str, fork_of: Option<usize>) {
        self.repositories.push(Repository {
            id: 1 + u64::try_from(self.repositories.len()).unwrap(),
            account,
            name: name.to_owned(),
            alive: true,
            immutable: false,
            has_environment: true,
            protected: true,
            fork_of,
        });
    }

    pub(super) fn rename_account(&mut self, account: usize, name: &str) -> Option<String> {
        if !self.free(name) {
            return None;
        }
        self.leave_account(account);
        let old = std::mem::replace(&mut self.accounts[account].name, name.to_owned());
        Some(format!("account {old} is renamed to {name}"))
    }

    pub(super) fn delete_account(&mut self, account: usize) -> String {
        self.leave_account(account);
        self.accounts[account].alive = false;
        format!("account {} is deleted", self.accounts[account].name)
    }

    fn rename_repository(&mut self, repository: usize, name: &str) -> Option<String> {
        let account = self.repositories[repository].account;
        if !self.vacant(account, name) {
            return None;
        }
        let old = self.leave(repository);
        name.clone_into(&mut self.repositories[repository].name);
        Some(format!("{old} is renamed to {}", self.path(repository)))
    }

    fn delete_repository(&mut self, repository: usize) -> String {
        self.repositories[repository].alive = false;
        format!("{} is deleted", self.leave(repository))
    }

    fn transfer(&mut self, repository: usize, account: usize) -> Option<String> {
        let name = self.repositories[repository].name.clone();
        if !self.vacant(account, &name) {
            return None;
        }
        let old = self.leave(repository);
        self.repositories[repository].account = account;
        Some(format!("{old} is transferred to {}", self.path(repository)))
    }

    fn fork(&mut self, repository: usize, account: usize) -> Option<String> {
        let name = self.repositories[repository].name.clone();
        if !self.vacant(account, &name) {
            return None;
        }
        self.create(account, &name, Some(repository));
        Some(format!(
            "{} is forked by {}",
            self.path(repository),
            self.accounts[account].name
        ))
    }

    /// The account's name in other letters, which is the same name.
    fn respell(&mut self, account: usize) -> String {
        let name = &mut self.accounts[account].name;
        *name = if name.chars().any(char::is_uppercase) {
            name.to_lowercase()
        } else {
            name[..1].to_uppercase() + &name[1..]
        };
        format!("an account is spelled {name}")
    }

    fn configure(&mut self, repository: usize, random: &mut Random) -> String {
        let path = self.path(repository);
        let repository = &mut self.repositories[repository];
        match random.below(3) {
            0 => repository.has_environment = !repository.has_environment,
            1 => repository.protected = !repository.protected,
            _ => repository.immutable = true,
        }
        format!("{path} has other settings")
    }

    fn leave_account(&mut self, account: usize) {
        let name = self.accounts[account].name.clone();
        for repository in self
            .repositories
            .iter()
            .filter(|one| one.account == account)
        {
            self.left
                .push((name.clone(), Some(repository.name.clone())));
        }
        self.left.push((name, None));
    }

    fn leave(&mut self, repository: usize) -> String {
        let Repository { account, name, .. } = self.repositories[repository].clone();
        self.left
            .push((self.accounts[account].name.clone(), Some(name)));
        self.path(repository)
    }

    pub(super) fn holder(&self, name: &str) -> Option<usize> {
        let holds = |account: &Account| account.alive && account.name.eq_ignore_ascii_case(name);
        self.accounts.iter().position(holds)
    }

    /// The id of the account that has a name.
    pub(super) fn holder_of(&self, name: &str) -> Option<u64> {
        Some(self.accounts[self.holder(name)?].id)
    }

    pub(super) fn free(&self, name: &str) -> bool {
        self.holder(name).is_none()
    }

    pub(super) fn vacant(&self, account: usize, name: &str) -> bool {
        let mut all = self.repositories.iter();
        self.accounts[account].alive
            && !all.any(|one| one.alive && one.account == account && one.name == name)
    }

    fn some_account(&self, random: &mut Random) -> Option<usize> {
        let alive: Vec<_> = (0..self.accounts.len())
            .filter(|index| self.accounts[*index].alive)
            .collect();
        (!alive.is_empty()).then(|| *random.pick(&alive))
    }

    fn some_repository(&self, random: &mut Random) -> Option<usize> {
        let alive = self.alive();
        (!alive.is_empty()).then(|| *random.pick(&alive))
    }
}
