//! A gate with a record: every decision on a verified token has its line
//! before it is given, and what has none is not given.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use claimbound::clock::{Clock, FixedClock};
use claimbound::gate::{Gate, Judged};
use claimbound::obligation::{Bound, Commit, CommitError, Committed, Obligation};
use claimbound::outcome::{HostError, Outcome};
use claimbound::policy::{Policy, Request};
use claimbound::reason::{Code, HostCode, Reason, Refusal};
use claimbound::record::{Body, Decision, Options, Record, Refused, Stage, Verdict};
use claimbound::token::Token;
use serde_json::json;

use super::{Place, entries, keeping};
use crate::forge::{NOW, Signer, job, with};
use crate::gate::{DOCUMENT, Host, SIGNER, answer, ceiling, decide, gate_with, policy};
use crate::standard::standard;

pub(super) static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| policy(&standard(), DOCUMENT));

fn gate(record: Arc<dyn Record>) -> Gate {
    gate_with(&POLICY, ceiling())
        .with_commit(Host)
        .with_record("deploy", record)
}

#[test]
fn every_decision_on_a_verified_token_has_its_line() {
    let place = Place::new();
    let journal = place.open(Options::default());
    let gate = gate(Arc::clone(&journal) as Arc<dyn Record>);
    let changes = [
        (json!({}), "allow", Stage::Commit),
        (
            json!({ "ref": "refs/heads/x" }),
            "claim.mismatch",
            Stage::Policy,
        ),
        (json!({ "exp": NOW }), "token.expired", Stage::Floor),
        (
            json!({ "environment": "staging" }),
            "subject.drift",
            Stage::Identify,
        ),
        (
            json!({ "cnf": { "jkt": "a" } }),
            "host.obligation",
            Stage::Commit,
        ),
    ];
    for (changes, expected, _) in &changes {
        assert_eq!(answer(&decide(&gate, &with(job(), changes))), *expected);
    }
    drop((gate, journal));
    let decisions = place.decisions();
    assert_eq!(decisions.len(), changes.len());
    for (decision, (_, expected, stage)) in decisions.iter().zip(&changes) {
        let found = match decision.outcome {
            Verdict::Allow => "allow",
            Verdict::Deny => decision.reasons[0].code.as_str(),
            Verdict::Error => decision.error.as_ref().unwrap().code.as_str(),
        };
        assert_eq!((found, decision.stage), (*expected, *stage));
        assert_eq!(decision.time, NOW);
        assert_eq!(decision.route, "deploy");
        assert_eq!(decision.policy, **POLICY.id());
        assert_eq!(
            decision.issuer,
            "https://token.actions.githubusercontent.com"
        );
        assert_eq!(decision.token_id.as_deref(), job()["jti"].as_str());
        assert!(decision.kept.is_none(), "claims are kept by choice");
    }
    let digests: HashSet<_> = decisions.iter().map(|one| &one.token_digest).collect();
    assert_eq!(digests.len(), decisions.len());
    // Where an obligation was not met, the statement that asked for it.
    assert_eq!(decisions[4].statement.as_deref(), Some("production"));
    assert!(place.audit().is_clean());
}

/// A ledger that says what it did, and refuses who asks for it.
struct Teller(fn() -> Result<Committed, CommitError>);

impl Commit for Teller {
    fn can_meet(&self, _: &Obligation) -> bool {
        true
    }

    fn commit(&self, _: &Judged) -> Result<Committed, CommitError> {
        (self.0)()
    }
}

#[test]
fn what_the_ledger_said_is_on_record() {
    let place = Place::new();
    let journal = place.open(Options::default());
    let tellers: [fn() -> Result<Committed, CommitError>; 4] = [
        || {
            Ok(Committed {
                bound: Some(Bound::Known),
                spent: true,
                ..Committed::default()
            })
        },
        || {
            Ok(Committed {
                bound: Some(Bound::Enrolled(vec!["owner acme".to_owned()])),
                ..Committed::default()
            })
        },
        || {
            let reason = Reason::new(Code::IdentityReassigned, "somebody else's");
            Err(Refusal::from(reason).into())
        },
        || Err(HostError::new(HostCode::Store, "gone").into()),
    ];
    for teller in tellers {
        let gate = gate_with(&POLICY, ceiling())
            .with_commit(Teller(teller))
            .with_record("deploy", Arc::clone(&journal) as Arc<dyn Record>);
        decide(&gate, &job());
    }
    drop(journal);
    let decisions = place.decisions();
    assert_eq!(decisions[0].ledger.bound, Some(Bound::Known));
    assert!(decisions[0].ledger.spent && !decisions[1].ledger.spent);
    let enrolled = Bound::Enrolled(vec!["owner acme".to_owned()]);
    assert_eq!(decisions[1].ledger.bound, Some(enrolled));
    assert_eq!(decisions[2].reasons[0].code, Code::IdentityReassigned);
    assert_eq!(decisions[3].error.as_ref().unwrap().code, HostCode::Store);
    assert!(decisions[2..].iter().all(|one| one.stage == Stage::Commit));
}

/// A clock that is a day later whenever it is asked again.
struct Leaping(AtomicU64);

impl Clock for Leaping {
    fn now(&self) -> u64 {
        self.0.fetch_add(86_400, Ordering::Relaxed)
    }
}

#[test]
fn a_token_that_was_spent_in_vain_is_spent_on_record() {
    let place = Place::new();
    let journal = place.open(Options::default());
    let spends = || {
        Ok(Committed {
            spent: true,
            ..Committed::default()
        })
    };
    let gate = gate_with(&POLICY, ceiling())
        .with_commit(Teller(spends))
        .with_record("deploy", Arc::clone(&journal) as Arc<dyn Record>);
    let token = SIGNER.sign(&job());
    let clock = Leaping(AtomicU64::new(NOW));
    let outcome = gate.decide(Token::new(&token), &Request::default(), &clock);
    assert_eq!(answer(&outcome), "host.deadline");
    drop((gate, journal));
    let decision = &place.decisions()[0];
    assert_eq!((decision.stage, decision.time), (Stage::Recheck, NOW));
    assert!(decision.ledger.spent);
}

/// A clock of which a test says how fast it goes.
struct Going(AtomicU64);

impl Clock for Going {
    fn now(&self) -> u64 {
        NOW
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(7, Ordering::Relaxed))
    }
}

#[test]
fn latency_is_the_clocks() {
    let place = Place::new();
    let journal = place.open(Options::default());
    let gate = gate(Arc::clone(&journal) as Arc<dyn Record>);
    let token = SIGNER.sign(&job());
    let clock = Going(AtomicU64::new(1));
    gate.decide(Token::new(&token), &Request::default(), &clock);
    drop((gate, journal));
    assert_eq!(place.decisions()[0].latency_us, 7_000);
}

/// A record whose disk is full.
#[derive(Default)]
struct Full(Mutex<Vec<Decision>>);

impl Record for Full {
    fn write(&self, decision: &Decision) -> Result<(), HostError> {
        self.0.lock().unwrap().push(decision.clone());
        Err(HostError::new(HostCode::Record, "no space left"))
    }

    fn note(&self, _: &Refused) {}
}

#[test]
fn what_can_not_be_recorded_is_not_given_whatever_it_was() {
    let full = Arc::new(Full::default());
    let gate = gate(Arc::clone(&full) as Arc<dyn Record>);
    for changes in [
        json!({}),
        json!({ "ref": "refs/heads/x" }),
        json!({ "exp": NOW }),
        json!({ "cnf": { "jkt": "a" } }),
    ] {
        assert_eq!(
            answer(&decide(&gate, &with(job(), &changes))),
            "host.record"
        );
    }
    assert_eq!(full.0.lock().unwrap().len(), 4);
    // A denial before verification depends on no record.
    let forged = Signer::new("2026-11").sign(&job());
    let outcome = gate.decide(Token::new(&forged), &Request::default(), &FixedClock(NOW));
    assert_eq!(answer(&outcome), "token.signature");
}

#[cfg(unix)]
#[test]
fn a_record_that_was_taken_away_allows_nothing() {
    let place = Place::new();
    let journal = place.open(Options::default());
    let gate = gate(Arc::clone(&journal) as Arc<dyn Record>);
    assert_eq!(answer(&decide(&gate, &job())), "allow");
    std::fs::remove_dir_all(place.folder()).unwrap();
    for _ in 0..3 {
        assert_eq!(answer(&decide(&gate, &job())), "host.record");
    }
}

#[test]
fn explaining_and_previewing_write_nothing() {
    let full = Arc::new(Full::default());
    let gate = gate(Arc::clone(&full) as Arc<dyn Record>);
    let token = SIGNER.sign(&job());
    let verified = || gate.verify(Token::new(&token), NOW).unwrap();
    let (request, clock) = (Request::default(), FixedClock(NOW));
    assert!(
        gate.explain(verified(), &request, &clock)
            .outcome
            .is_allow()
    );
    assert!(gate.preview(verified(), &request, &clock).is_allow());
    assert!(full.0.lock().unwrap().is_empty());
}

#[test]
fn what_fails_before_verification_is_counted_and_sampled_and_tells_no_claims() {
    let place = Place::new();
    let journal = place.open(keeping());
    let gate = gate(Arc::clone(&journal) as Arc<dyn Record>);
    let forged = Signer::new("2026-11").sign(&with(job(), &json!({ "actor": "mallory" })));
    let send = |token: &str, now: u64| {
        let outcome = gate.decide(Token::new(token), &Request::default(), &FixedClock(now));
        assert!(matches!(outcome, Outcome::Deny(_)), "{outcome:?}");
    };
    for _ in 0..500 {
        send(&forged, NOW);
        send("garbage", NOW);
    }
    drop((gate, journal));
    let entries = entries(&place.folder());
    assert!(entries.len() <= 10, "{}", entries.len());
    for entry in &entries {
        let Body::Unverified(unverified) = &entry.body else {
            panic!("{entry:?}");
        };
        assert!(unverified.unverified && unverified.route == "deploy");
    }
    assert_eq!(place.audit().unverified, 1_000);
    let text = std::fs::read_to_string(&super::files(&place.folder())[0]).unwrap();
    for secret in ["mallory", "octocat", "acme/infra"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn no_line_holds_a_token_or_a_signature() {
    let place = Place::new();
    let journal = place.open(keeping());
    let gate = gate(Arc::clone(&journal) as Arc<dyn Record>);
    let token = SIGNER.sign(&job());
    gate.decide(Token::new(&token), &Request::default(), &FixedClock(NOW));
    drop((gate, journal));
    let text = std::fs::read_to_string(&super::files(&place.folder())[0]).unwrap();
    for part in token.split('.') {
        assert!(!text.contains(part));
    }
    let kept = place.decisions()[0].kept.clone().unwrap();
    assert!(kept.claims.contains("refs/heads/main"));
    assert!(!kept.claims.contains("octocat"), "nobody reads the actor");
}

#[test]
fn many_threads_write_one_chain() {
    let place = Place::new();
    let journal = place.open(Options {
        rotate_at: 40_000,
        ..keeping()
    });
    let gate = gate(Arc::clone(&journal) as Arc<dyn Record>);
    let tokens: Vec<_> = (0..8)
        .map(|run| SIGNER.sign(&with(job(), &json!({ "jti": format!("run-{run}") }))))
        .collect();
    std::thread::scope(|scope| {
        for token in &tokens {
            scope.spawn(|| {
                for _ in 0..25 {
                    let outcome =
                        gate.decide(Token::new(token), &Request::default(), &FixedClock(NOW));
                    assert_eq!(answer(&outcome), "allow");
                }
            });
        }
    });
    drop((gate, journal));
    let entries = entries(&place.folder());
    let numbers: Vec<_> = entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    let report = place.audit();
    assert!(report.is_clean() && report.files > 3, "{report:?}");
    for run in 0..8 {
        let id = format!("run-{run}");
        let decisions = place.decisions();
        let own = decisions
            .iter()
            .filter(|one| one.token_id.as_deref() == Some(&id));
        assert_eq!(own.count(), 25, "{id}");
    }
}
