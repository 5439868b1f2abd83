//! Who decides: gates of a configuration, and threads.
//!
//! Everything that this module knows of routes, issuers and statuses is here; the
//! filter knows [`Decide`] alone.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

use claimbound::clock::SystemClock;
use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{KeySet, SetLimits};
use claimbound::ledger::{Keeper, Ledger, Sqlite};
use claimbound::outcome::{Allowed, Outcome};
use claimbound::policy::{Policy, Request};
use claimbound::proof::Possession;
use claimbound::sandbox::{Limits, Sandbox};
use claimbound::token::Token;
use claimbound_issuers::Registry;
use claimbound_server::config::{self, Config, Keys, LedgerConfig};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::filter::{Answer, Decide, Presented};

/// How many decisions may wait for a thread, unless it is said.
const QUEUE: usize = 1024;

/// How many threads decide, unless it is said.
const THREADS: usize = 16;

/// The decider of a configuration. Filters of one file share it for as long as
/// one of them is there, whatever listener they are in: a ledger and a record are
/// of one process.
pub(crate) fn of(config: &Path) -> Result<Arc<dyn Decide>, String> {
    static KNOWN: Mutex<Option<HashMap<PathBuf, Weak<Pool>>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(pool) = known.get(config).and_then(Weak::upgrade) {
        return Ok(pool);
    }
    let pool = Arc::new(Pool::start(config)?);
    known.insert(config.to_owned(), Arc::downgrade(&pool));
    Ok(pool)
}

type Job = (Arc<Gate>, Presented, Box<dyn FnOnce(Answer) + Send>);

/// Gates, and threads that ask them. The threads end with it.
struct Pool {
    gates: BTreeMap<String, Arc<Gate>>,
    jobs: Sender<Job>,
}

impl Decide for Pool {
    fn decide(&self, route: &str, request: Presented, then: Box<dyn FnOnce(Answer) + Send>) {
        let Some(gate) = self.gates.get(route) else {
            return then(Answer::unavailable("there is no such route"));
        };
        match self.jobs.try_send((Arc::clone(gate), request, then)) {
            Ok(()) => {}
            Err(TrySendError::Full((.., then))) => {
                then(Answer::unavailable("too many decisions are waiting"));
            }
            Err(TrySendError::Disconnected((.., then))) => {
                then(Answer::unavailable("nobody decides any more"));
            }
        }
    }

    fn has_route(&self, route: &str) -> bool {
        self.gates.contains_key(route)
    }
}

impl Pool {
    fn start(path: &Path) -> Result<Self, String> {
        let config = Config::read(path).map_err(|error| error.to_string())?;
        let gates = gates(path, &config)?;
        let (jobs, queue) = bounded(config.sandbox.queue.unwrap_or(QUEUE));
        for number in 0..config.sandbox.threads.unwrap_or(THREADS).max(1) {
            let queue = queue.clone();
            thread::Builder::new()
                .name(format!("claimbound-{number}"))
                .spawn(move || work(&queue))
                .map_err(|error| format!("no thread can be started: {error}"))?;
        }
        Ok(Self { gates, jobs })
    }
}

/// Decides until nobody asks. A decision that panics is given up, and answered as
/// such; the thread goes on.
fn work(queue: &Receiver<Job>) {
    for (gate, request, then) in queue {
        let decided =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| decide(&gate, &request)));
        match decided {
            Ok(answer) => then(answer),
            Err(panic) => {
                std::mem::forget(panic);
                drop(then);
            }
        }
    }
}

fn decide(gate: &Gate, request: &Presented) -> Answer {
    // RFC 6750 §2.1; the scheme is compared without case (RFC 9110 §11.1).
    let token = match request.authorization.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) | None => return Answer::unauthenticated("`authorization` is no bearer token"),
    };
    let request = Request {
        possession: Possession {
            certificate: request.certificate,
            ..Possession::default()
        },
        ..Request::default()
    };
    match gate.decide(Token::new(token), &request, &SystemClock) {
        Outcome::Allow(allowed) => Answer::Allow {
            identity: identity(&allowed),
            statement: allowed.statement,
        },
        Outcome::Deny(denied) => {
            let reasons: Vec<_> = denied.reasons.iter().map(ToString::to_string).collect();
            Answer::Refuse {
                status: 403,
                challenge: None,
                body: "the token is not accepted here\n",
                reason: reasons.join("; "),
            }
        }
        Outcome::Error(error) => Answer::unavailable(error.to_string()),
    }
}

/// What an upstream learns of the caller.
fn identity(allowed: &Allowed) -> Vec<(&'static str, String)> {
    let join = |values: &mut dyn Iterator<Item = &String>| -> String {
        values.map(String::as_str).collect::<Vec<_>>().join(",")
    };
    vec![
        ("x-claimbound-issuer", allowed.issuer.clone()),
        ("x-claimbound-subject", allowed.subject.clone()),
        ("x-claimbound-statement", allowed.statement.clone()),
        ("x-claimbound-roles", join(&mut allowed.grant.roles.iter())),
    ]
}

fn gates(path: &Path, config: &Config) -> Result<BTreeMap<String, Arc<Gate>>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let beside = |file: &Path| path.parent().unwrap_or(Path::new(".")).join(file);
    let sandbox = Sandbox::new(Limits::default()).map_err(|error| text(&error))?;
    let ledger = match &config.ledger {
        None => None,
        Some(LedgerConfig::Sqlite(file)) => {
            let ledger = Ledger::sqlite(&Sqlite::at(beside(file)).or_new());
            Some(Arc::new(ledger.map_err(|error| text(&error))?))
        }
        Some(LedgerConfig::Postgres(_)) => return Err("no such ledger here yet".to_owned()),
    };
    let mut issuers = BTreeMap::new();
    for (name, issuer) in &config.issuer {
        issuers.insert(name, Arc::new(read_issuer(issuer, &beside)?));
    }
    let gate = |(name, route): (&String, &config::Route)| {
        let of_route = route.issuers.iter().map(|issuer| {
            let known = issuers.get(issuer).map(Arc::clone);
            known.ok_or_else(|| format!("there is no issuer `{issuer}`"))
        });
        let of_route = of_route.collect::<Result<Vec<_>, _>>()?;
        let component = std::fs::read(beside(&route.policy)).map_err(|error| text(&error))?;
        let policy = Policy::load(&sandbox, &component).map_err(|error| text(&error))?;
        let gate = Gate::new(
            Issuers::new(of_route).map_err(|error| text(&error))?,
            Floor::new(route.audience.as_str()).map_err(|error| text(&error))?,
            Arc::new(policy),
            Ceiling {
                roles: route.ceiling.roles.clone(),
                scopes: route.ceiling.scopes.clone(),
                claims: route.ceiling.claims.clone(),
                enrolment: route.ceiling.enrolment,
                ..Ceiling::default()
            },
        );
        let gate = match &ledger {
            None => gate,
            Some(ledger) => gate.with_commit(Keeper::new(Arc::clone(ledger), name.as_str())),
        };
        Ok((name.clone(), Arc::new(gate)))
    };
    config.route.iter().map(gate).collect()
}

fn read_issuer(
    issuer: &config::Issuer,
    beside: &dyn Fn(&Path) -> PathBuf,
) -> Result<Issuer, String> {
    let model = Registry::standard()
        .get(&issuer.model)
        .ok_or_else(|| format!("there is no model `{}`", issuer.model))?;
    let Keys::File(file) = &issuer.keys else {
        return Err("keys are taken from files here yet".to_owned());
    };
    let keys = std::fs::read(beside(&file.path)).map_err(|error| error.to_string())?;
    let keys = KeySet::parse(keys, &SetLimits::default()).map_err(|error| error.to_string())?;
    let url = issuer.url.as_deref().ok_or("an issuer needs its `url`")?;
    Issuer::new(url, Arc::clone(model), keys, Settings::default())
        .map_err(|error| error.to_string())
}
