//! Components that mean harm. Whatever one does ends in an error of its own
//! kind or in a denial, takes bounded time and memory, never allows what its
//! route does not, and leaves the sandbox as it was: each is asked in a pool of
//! one instance, and an honest one is asked after it.

mod answer;
pub(crate) mod behaviour;
mod checks;
mod explanation;
mod grant;
mod guest;
mod image;
mod interface;
mod late;
mod manifest;
mod memory;
mod packed;
mod packing;
mod section;
mod shape;
mod unfolding;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use claimbound::clock::FixedClock;
use claimbound::floor::{Admissible, Floor};
use claimbound::gate::Gate;
use claimbound::grant::Ceiling;
use claimbound::outcome::{HostError, Outcome};
use claimbound::policy::{Answer, Policy, PolicyError, Request};
use claimbound::sandbox::{Limits, Sandbox};
use claimbound::token::Token;

use crate::forge::{NOW, job};
use crate::gate::{Host, SIGNER, issuers};
use guest::Guest;

const AUDIENCE: &str = "https://deploy.acme.example";

static TOKEN: LazyLock<String> = LazyLock::new(|| SIGNER.sign(&job()));

/// A component that says what it is, and never ends when it is asked.
pub(crate) fn looping() -> Vec<u8> {
    let code = "(loop $on (br $on))";
    Guest::honest()
        .running(guest::Place::Evaluate, code)
        .build()
}

/// A pool of one instance, and time enough for a machine that is busy.
fn sandbox() -> Sandbox {
    let limits = Limits::default().with_concurrent(1).unwrap();
    Sandbox::new(limits.with_deadline(Duration::from_millis(100)).unwrap()).unwrap()
}

/// The test's token, past the floor.
fn admissible() -> Admissible {
    let decoded = Token::new(TOKEN.as_str())
        .decode(&claimbound::json::Limits::TOKEN)
        .unwrap();
    let identified = decoded.verify(&issuers(), NOW).unwrap().identify().unwrap();
    Floor::new(AUDIENCE)
        .unwrap()
        .admit(identified, NOW)
        .unwrap()
}

/// A route on which role `deploy` may be granted, and nothing else.
fn ceiling() -> Ceiling {
    Ceiling {
        roles: BTreeSet::from(["deploy".to_owned()]),
        longest_lifetime: Some(600),
        ..Ceiling::default()
    }
}

fn gate(policy: &Arc<Policy>, ceiling: Ceiling) -> Gate {
    let floor = Floor::new(AUDIENCE).unwrap();
    Gate::new(issuers(), floor, Arc::clone(policy), ceiling).with_commit(Host)
}

fn load(sandbox: &Sandbox, guest: &Guest) -> Result<Arc<Policy>, PolicyError> {
    Policy::load(sandbox, &guest.build()).map(Arc::new)
}

/// What came of one question: `allow`, `deny`, or the error.
#[derive(Debug)]
enum Came {
    Allow,
    Deny,
    Error(HostError),
}

impl Came {
    /// `allow`, `deny`, or the error's code.
    fn code(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Error(error) => error.code.as_str(),
        }
    }
}

impl From<Result<Answer, HostError>> for Came {
    fn from(answer: Result<Answer, HostError>) -> Self {
        match answer {
            Ok(Answer::Allow { .. }) => Self::Allow,
            Ok(Answer::Deny(_)) => Self::Deny,
            Err(error) => Self::Error(error),
        }
    }
}

impl From<Outcome> for Came {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allow(_) => Self::Allow,
            Outcome::Deny(_) => Self::Deny,
            Outcome::Error(error) => Self::Error(error),
        }
    }
}

/// A policy asked in every way: by itself, and through a gate.
#[derive(Debug)]
struct Asked {
    evaluated: Came,
    explained: Came,
    decided: Came,
    shown: Came,
}

impl Asked {
    fn of(policy: &Arc<Policy>) -> Self {
        Self::with(policy, ceiling())
    }

    fn with(policy: &Arc<Policy>, ceiling: Ceiling) -> Self {
        let (token, request) = (admissible(), Request::default());
        let (gate, clock) = (gate(policy, ceiling), FixedClock(NOW));
        let explained = policy.explain(&token, &request);
        let verified = gate.verify(Token::new(TOKEN.as_str()), NOW).unwrap();
        Self {
            evaluated: policy.evaluate(&token, &request).into(),
            explained: explained.map(|(answer, _)| answer).into(),
            decided: gate
                .decide(Token::new(TOKEN.as_str()), &request, &clock)
                .into(),
            shown: gate.explain(verified, &request, &clock).outcome.into(),
        }
    }

    /// Every way of asking, named.
    fn all(&self) -> [(&'static str, &Came); 4] {
        [
            ("evaluate", &self.evaluated),
            ("explain", &self.explained),
            ("gate.decide", &self.decided),
            ("gate.explain", &self.shown),
        ]
    }

    /// Fails where some way of asking did not come out as expected.
    fn expect(&self, row: &str, expected: &str) {
        for (way, came) in self.all() {
            assert_eq!(came.code(), expected, "{row}: {way}: {came:?}");
            told(row, came);
        }
    }
}

/// An error is one bounded sentence about the policy.
fn told(row: &str, came: &Came) {
    if let Came::Error(error) = came {
        let message = &error.message;
        assert!(message.len() < 1024, "{row}: {} bytes", message.len());
        let subjects = [
            "the policy ",
            "policy `mallory` ",
            "nothing attached to this host ",
        ];
        let says = subjects.iter().any(|subject| message.starts_with(subject));
        assert!(says, "{row}: {message}");
    }
}

/// A sandbox and an honest policy in it, which is asked after each attack.
struct Victim {
    sandbox: Sandbox,
    honest: Arc<Policy>,
}

impl Victim {
    fn new() -> Self {
        let sandbox = sandbox();
        let honest = load(&sandbox, &Guest::honest()).unwrap();
        Self { sandbox, honest }
    }

    /// Loads a guest and asks it in every way.
    fn ask(&self, row: &str, guest: &Guest) -> Asked {
        let policy = load(&self.sandbox, guest).unwrap_or_else(|error| panic!("{row}: {error}"));
        let asked = Asked::of(&policy);
        self.unharmed(row);
        asked
    }

    /// Why a guest is not loaded.
    fn refused(&self, row: &str, component: &[u8]) -> PolicyError {
        let refused = Policy::load(&self.sandbox, component);
        let error = refused.err().unwrap_or_else(|| panic!("{row}: it loads"));
        let message = error.to_string();
        assert!(message.len() < 4096, "{row}: {} bytes", message.len());
        self.unharmed(row);
        error
    }

    /// Fails where the honest policy no longer decides.
    fn unharmed(&self, row: &str) {
        Asked::of(&self.honest).expect(&format!("after {row}"), "allow");
    }
}
