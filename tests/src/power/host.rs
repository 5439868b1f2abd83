//! The host that gets killed, and the one that looks at what is left.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claimbound::clock::FixedClock;
use claimbound::gate::Gate;
use claimbound::ledger::{Action, Durability, Keeper, Ledger, Name, Sqlite, State, Taking};
use claimbound::models::Registry;
use claimbound::modules::{Digest, ModuleId, ModuleName, Version};
use claimbound::outcome::Outcome;
use claimbound::policy::Request;
use claimbound::record::{self, Body, Entry, Journal, Reader, Text, Verdict, audit, checkpoint};
use claimbound::token::Token;
use serde_json::json;

use crate::forge::{NOW, job, with};
use crate::gate::{SIGNER, ceiling, gate_with, policy};
use crate::standard::standard;

/// The route whose tokens are decided.
const ROUTE: &str = "deploy";
/// The folder of the record, beside the ledger.
const RECORD: &str = "record";
/// Short enough that files change while a host lives.
const ROTATE_AT: u64 = 64 * 1024;

/// Something that a host has answered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The repository that was enrolled.
    name: String,
    /// Its id.
    id: String,
    /// The `jti` of the token that was spent.
    token: String,
}

impl Answer {
    fn new(round: u64, number: u64) -> Self {
        Self {
            name: format!("acme/service-{round}-{number}"),
            id: format!("7{round:03}{number:06}"),
            token: format!("{round}-{number}"),
        }
    }

    /// The version that is taken up with it.
    fn version(&self) -> Version {
        let (round, number) = self.token.split_once('-').unwrap();
        Version::new(1, round.parse().unwrap(), number.parse().unwrap())
    }

    fn line(&self) -> String {
        format!("answered {} {} {}", self.name, self.id, self.token)
    }

    /// What a host's line says; none for any other line.
    pub(super) fn read(line: &str) -> Option<Self> {
        // The test runner's own words may stand before it.
        let (_, rest) = line.split_once("answered ")?;
        let mut words = rest.split(' ').map(str::to_owned);
        let answer = Self {
            name: words.next()?,
            id: words.next()?,
            token: words.next()?,
        };
        (answer.line() == format!("answered {rest}")).then_some(answer)
    }

    fn claims(&self) -> serde_json::Value {
        let changes = json!({
            "sub": format!("repo:{}:environment:production", self.name),
            "repository": self.name,
            "repository_id": self.id,
            "jti": self.token,
        });
        with(job(), &changes)
    }

    fn entry(&self) -> Name {
        let model = Registry::standard().get("github-actions").unwrap();
        let issuer = "https://token.actions.githubusercontent.com";
        Name::of(issuer, model.kind("repository").unwrap(), &self.name)
    }
}

fn module() -> ModuleName {
    "acme-deploy".parse().unwrap()
}

/// A route with a ledger in a folder.
pub(super) struct Host {
    ledger: Arc<Ledger>,
    gate: Gate,
    folder: PathBuf,
}

impl Host {
    pub(super) fn open(folder: &Path, durability: Durability) -> Self {
        let settings = Sqlite::at(folder.join("ledger.db"))
            .or_new()
            .with_durability(durability);
        let ledger = Arc::new(Ledger::sqlite(&settings).unwrap());
        let policy = policy(&standard(), include_str!("policy.toml"));
        let keeper = Keeper::new(Arc::clone(&ledger), ROUTE);
        let options = record::Options {
            durability: match durability {
                Durability::PowerCut => record::Durability::Always,
                Durability::Kill => record::Durability::Never,
            },
            rotate_at: ROTATE_AT,
            ..record::Options::default()
        };
        let journal = Journal::open(&folder.join(RECORD), options, &FixedClock(NOW)).unwrap();
        Self {
            gate: gate_with(&policy, ceiling())
                .with_commit(keeper)
                .with_record(ROUTE, Arc::new(journal)),
            ledger,
            folder: folder.to_owned(),
        }
    }

    fn decide(&self, answer: &Answer) -> Outcome {
        let token = SIGNER.sign(&answer.claims());
        self.gate
            .decide(Token::new(&token), &Request::default(), &FixedClock(NOW))
    }

    /// Takes up a version of a module, higher than all before.
    fn serve(&self, answer: &Answer) {
        let taking = Taking {
            route: ROUTE,
            store: "releases",
            module: &ModuleId::new(module(), answer.version()).unwrap(),
            digest: Digest::of(answer.token.as_bytes()),
            index_serial: Some(1),
            after: None,
            at: NOW,
            by: "host one",
        };
        self.ledger.serve(&taking).unwrap();
    }

    /// Decides token after token, each of a repository of its own, takes a version
    /// of a module up, and says so once it has answered.
    pub(super) fn decide_for_ever(&self, round: u64) {
        let mut out = std::io::stdout().lock();
        for number in 0.. {
            let answer = Answer::new(round, number);
            let outcome = self.decide(&answer);
            assert!(outcome.is_allow(), "{outcome:?}");
            self.serve(&answer);
            writeln!(out, "{}", answer.line()).unwrap();
        }
    }

    /// Everything that was answered for is there: each name bound, by one line
    /// of history, and each token spent.
    pub(super) fn check(&self, answered: &[Answer]) {
        for answer in answered {
            let found = self.ledger.find(&answer.entry()).unwrap();
            assert_eq!(found.len(), 1, "{answer:?} is enrolled once");
            assert_eq!(found[0].id.as_deref(), Some(answer.id.as_str()));
            assert_eq!(found[0].standing.state(), State::Observed);
            let mut enrolled = 0;
            let count = |event: claimbound::ledger::Event| {
                enrolled += usize::from(event.action == Action::Enrol);
            };
            self.ledger.history(Some(&answer.entry()), count).unwrap();
            assert_eq!(enrolled, 1, "{answer:?} has its line of history");
        }
        let highest = answered.iter().map(Answer::version).max();
        let served = self.ledger.served(ROUTE, &module()).unwrap();
        assert!(
            served.map(|served| served.version) >= highest,
            "a version is lost"
        );
        // Signing takes longer than all else: a few of each end are enough.
        let ends = answered
            .iter()
            .take(5)
            .chain(answered.iter().rev().take(15));
        for answer in ends {
            let outcome = self.decide(answer);
            assert_eq!(crate::gate::answer(&outcome), "token.reused", "{answer:?}");
        }
        self.check_whole();
    }

    /// How much of what was answered for is gone.
    pub(super) fn lost(&self, answered: &[Answer]) -> usize {
        let is_lost = |answer: &&Answer| self.ledger.find(&answer.entry()).unwrap().is_empty();
        answered.iter().filter(is_lost).count()
    }

    /// Names and history say the same, also of what was not answered for.
    pub(super) fn check_whole(&self) {
        let (mut names, mut enrolled) = (Vec::new(), Vec::new());
        self.ledger.entries(|entry| names.push(entry.name)).unwrap();
        let enrols = |event: claimbound::ledger::Event| enrolled.extend(event.name);
        self.ledger.history(None, enrols).unwrap();
        enrolled.sort();
        assert_eq!(names, enrolled, "in `{}`", self.folder.display());
        assert!(fs::exists(self.folder.join("ledger.db")).unwrap());
    }
}

/// Everything that was answered for is on record, by one line each, and the
/// record is whole.
pub(super) fn check_record(folder: &Path, answered: &[Answer]) {
    let folder = folder.join(RECORD);
    let expected = audit::Expected {
        checkpoint: checkpoint::read(&checkpoint::beside(&folder)).unwrap(),
        head: None,
    };
    let report = audit::verify(&folder, &expected, |_| ()).unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    let mut allowed = BTreeMap::new();
    let mut reader = Reader::open(&folder).unwrap();
    while let Some(line) = reader.read().unwrap() {
        let Text::Whole(text) = line.text else {
            panic!("{line:?}");
        };
        if let Body::Decision(decision) = Entry::parse(text).unwrap().body
            && decision.outcome == Verdict::Allow
        {
            *allowed.entry(decision.token_id.unwrap()).or_insert(0) += 1;
        }
    }
    for answer in answered {
        assert_eq!(allowed.get(&answer.token), Some(&1), "{answer:?}");
    }
}
