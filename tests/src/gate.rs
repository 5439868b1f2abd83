//! Tokens with real signatures through a gate with a real sandbox.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use claimbound::bake;
use claimbound::clock::{Clock, FixedClock};
use claimbound::floor::Floor;
use claimbound::gate::{Gate, Judged};
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{KeySet, SetLimits};
use claimbound::obligation::{Commit, CommitError, Committed, Obligation};
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::sandbox::{Limits, Sandbox};
use claimbound::token::Token;
use claimbound_issuers::Registry;
use serde_json::{Value, json};

use crate::forge::{NOW, Signer, job, with};
use crate::standard::standard;

/// The policy of these tests: the design's own example.
pub(crate) const DOCUMENT: &str = include_str!("gate/policy.toml");

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const AUDIENCE: &str = "https://deploy.acme.example";

pub(crate) static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    // A test says what is decided, not how fast: this machine may be busy.
    let patient = Limits::default().with_deadline(Duration::from_secs(10));
    Sandbox::new(patient.unwrap()).unwrap()
});
pub(crate) static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new("2026-11"));
static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| policy(&standard(), DOCUMENT));

/// The policy of a document, baked into `component`.
pub(crate) fn policy(component: &[u8], document: &str) -> Arc<Policy> {
    let compiled = claimbound_language::compile("policy.toml", document)
        .unwrap_or_else(|findings| panic!("{findings}"));
    let baked = bake::bake(component, &compiled.bytes, &[]).unwrap();
    Arc::new(Policy::load(&SANDBOX, &baked).unwrap())
}

pub(crate) fn issuers() -> Issuers {
    let model = Registry::standard().get("github-actions").unwrap();
    let keys = KeySet::parse(SIGNER.key_set(), &SetLimits::default()).unwrap();
    let issuer = Issuer::new(ISSUER, Arc::clone(model), keys, Settings::default()).unwrap();
    Issuers::new([Arc::new(issuer)]).unwrap()
}

pub(crate) fn ceiling() -> Ceiling {
    Ceiling {
        roles: BTreeSet::from(["deploy".to_owned()]),
        longest_lifetime: Some(600),
        enrolment: true,
        ..Ceiling::default()
    }
}

/// A host that meets what a ledger and a store would meet.
pub(crate) struct Host;

impl Commit for Host {
    fn can_meet(&self, obligation: &Obligation) -> bool {
        matches!(obligation, Obligation::Bind(_) | Obligation::UseOnce)
    }

    fn commit(&self, _: &Judged) -> Result<Committed, CommitError> {
        Ok(Committed::default())
    }
}

pub(crate) fn gate_with(policy: &Arc<Policy>, ceiling: Ceiling) -> Gate {
    let floor = Floor::new(AUDIENCE).unwrap();
    Gate::new(issuers(), floor, Arc::clone(policy), ceiling)
}

fn gate() -> Gate {
    gate_with(&POLICY, ceiling()).with_commit(Host)
}

pub(crate) fn decide(gate: &Gate, claims: &Value) -> Outcome {
    let token = SIGNER.sign(claims);
    gate.decide(Token::new(&token), &Request::default(), &FixedClock(NOW))
}

/// `allow`, the first reason's code, or the failure's.
pub(crate) fn answer(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Allow(_) => "allow".to_owned(),
        Outcome::Deny(denied) => denied.reasons[0].code.to_string(),
        Outcome::Error(error) => error.code.to_string(),
    }
}

#[test]
fn a_token_in_both_shapes_of_its_subject_is_allowed_and_granted() {
    let immutable = "repo:acme@123456/infra@456789:environment:production";
    for subject in ["repo:acme/infra:environment:production", immutable] {
        let outcome = decide(&gate(), &with(job(), &json!({ "sub": subject })));
        let Outcome::Allow(allowed) = outcome else {
            panic!("{subject}: {outcome:?}");
        };
        assert_eq!(allowed.statement, "production");
        assert_eq!(allowed.grant.roles, ["deploy"]);
        assert_eq!(allowed.ends_at, NOW + 290, "the token ends first");
        assert_eq!(allowed.policy.name, "acme-deploy");
        let repository = allowed.workload.name("repository").unwrap();
        assert_eq!(repository.name, "acme/infra");
        assert_eq!(repository.id.as_deref(), Some("456789"));
        let kinds: Vec<_> = allowed.obligations.iter().map(Obligation::kind).collect();
        assert_eq!(kinds, ["bind", "use-once"]);
    }
}

#[test]
fn every_way_in_which_a_token_is_wrong_has_its_own_reason() {
    let gate = gate();
    for (changes, expected) in [
        (
            json!({ "aud": "https://other.example" }),
            "audience.mismatch",
        ),
        (
            json!({ "aud": [AUDIENCE, "https://other.example"] }),
            "audience.shared",
        ),
        (json!({ "ref": "refs/heads/feature" }), "claim.mismatch"),
        (json!({ "ref": null }), "claim.absent"),
        (json!({ "ref": 5 }), "claim.type"),
        (
            json!({ "runner_environment": "self-hosted" }),
            "claim.mismatch",
        ),
        (
            json!({ "job_workflow_ref": "acme/infra/.github/workflows/a/b.yml@refs/heads/main" }),
            "claim.mismatch",
        ),
        (
            json!({ "sub": "repo:acme/infra:environment:staging", "environment": "staging" }),
            "subject.mismatch",
        ),
        (json!({ "repository_id": "999" }), "subject.mismatch"),
        (json!({ "repository_owner_id": "999" }), "subject.mismatch"),
        (json!({ "repository_id": null }), "identity.absent"),
        (json!({ "environment": "staging" }), "subject.drift"),
        (
            json!({ "sub": "repo:acme@1/infra@456789:environment:production" }),
            "subject.drift",
        ),
        (
            json!({ "sub": "repo:acme-123456/infra-456789:environment:production" }),
            "subject.drift",
        ),
        (json!({ "sub": "anything" }), "subject.mismatch"),
        (
            json!({ "iss": "https://token.actions.githubusercontent.com/" }),
            "issuer.unknown",
        ),
        (json!({ "exp": NOW }), "token.expired"),
        (json!({ "exp": NOW + 86_400 }), "token.lifetime"),
        (json!({ "exp": NOW + 1_000 }), "token.lifetime"),
        (json!({ "nbf": NOW + 61 }), "token.not-yet-valid"),
        (json!({ "iat": NOW + 61 }), "token.not-yet-valid"),
        (json!({ "exp": null }), "claim.absent"),
        (json!({ "iat": null, "nbf": null }), "token.lifetime"),
    ] {
        let outcome = decide(&gate, &with(job(), &changes));
        assert_eq!(answer(&outcome), expected, "{changes} {outcome:?}");
    }
}

#[test]
fn the_window_is_the_zones_working_week() {
    let gate = gate();
    for (shift, expected) in [
        (0, "allow"),
        // 08:00 in Berlin is 07:00 UTC in November.
        (-3 * 3600, "allow"),
        (-3 * 3600 - 1, "window.closed"),
        (7 * 3600 - 1, "allow"),
        (7 * 3600, "window.closed"),
        (5 * 86_400, "window.closed"),
    ] {
        let now = NOW.checked_add_signed(shift).unwrap();
        let claims = json!({ "iat": now - 5, "nbf": now - 5, "exp": now + 300 });
        let token = SIGNER.sign(&with(job(), &claims));
        let clock = FixedClock(now);
        let outcome = gate.decide(Token::new(&token), &Request::default(), &clock);
        assert_eq!(answer(&outcome), expected, "{shift}");
    }
}

#[test]
fn a_forged_token_is_refused_before_any_policy_runs() {
    let gate = gate();
    let token = SIGNER.sign(&job());
    let stranger = Signer::new("2026-11").sign(&job());
    let unknown_key = Signer::new("other").sign(&job());
    let mut parts: Vec<&str> = token.split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let unsigned = format!("{none}.{}.", parts[1]);
    let other_payload = stranger_payload(&token);
    parts[1] = &other_payload;
    for (token, expected) in [
        (stranger, "token.signature"),
        (unknown_key, "token.key"),
        (unsigned, "token.algorithm"),
        (parts.join("."), "token.signature"),
        ("not a token".to_owned(), "token.malformed"),
        (String::new(), "token.malformed"),
    ] {
        let outcome = gate.decide(Token::new(&token), &Request::default(), &FixedClock(NOW));
        assert_eq!(answer(&outcome), expected, "{outcome:?}");
    }
}

/// The payload of another token by the same signer.
fn stranger_payload(token: &str) -> String {
    let other = SIGNER.sign(&with(job(), &json!({ "actor": "mallory" })));
    assert_ne!(token, other);
    other.split('.').nth(1).unwrap().to_owned()
}

#[test]
fn an_obligation_that_nothing_attached_can_meet_never_allows() {
    let alone = gate_with(&POLICY, ceiling());
    assert_eq!(answer(&decide(&alone, &job())), "host.obligation");
    // RFC 7800: a token bound to a key is never a bearer token.
    let bound = with(job(), &json!({ "cnf": { "jkt": "abc" } }));
    assert_eq!(answer(&decide(&gate(), &bound)), "host.obligation");
}

#[test]
fn past_the_ceiling_is_an_error_and_no_clip() {
    let lower = |change: fn(&mut Ceiling)| {
        let mut ceiling = ceiling();
        change(&mut ceiling);
        let gate = gate_with(&POLICY, ceiling).with_commit(Host);
        answer(&decide(&gate, &job()))
    };
    assert_eq!(lower(|_| {}), "allow");
    assert_eq!(lower(|ceiling| ceiling.roles.clear()), "host.ceiling");
    assert_eq!(
        lower(|ceiling| ceiling.longest_lifetime = Some(599)),
        "host.ceiling"
    );
    assert_eq!(lower(|ceiling| ceiling.enrolment = false), "host.ceiling");
    let demand = |ceiling: &mut Ceiling| {
        ceiling.obligations.insert("prove".to_owned());
    };
    assert_eq!(lower(demand), "host.ceiling");
}

/// A clock that is a given number of seconds later whenever it is asked again.
struct Ticking(AtomicU64, u64);

impl Clock for Ticking {
    fn now(&self) -> u64 {
        self.0.fetch_add(self.1, Ordering::Relaxed)
    }
}

#[test]
fn a_token_that_expires_while_its_obligations_are_met_is_an_error() {
    let token = SIGNER.sign(&job());
    let decide = |step| {
        let clock = Ticking(AtomicU64::new(NOW), step);
        answer(&gate().decide(Token::new(&token), &Request::default(), &clock))
    };
    assert_eq!(decide(1), "allow");
    assert_eq!(decide(290), "host.deadline");
    assert_eq!(decide(8 * 3600), "host.deadline", "the window closed");
}

#[test]
fn an_explanation_names_every_condition_and_commits_nothing() {
    let gate = gate_with(&POLICY, ceiling());
    let token = SIGNER.sign(&with(job(), &json!({ "ref": "refs/heads/x" })));
    let verified = gate.verify(Token::new(&token), NOW).unwrap();
    let explained = gate.explain(verified, &Request::default(), &FixedClock(NOW));
    assert_eq!(answer(&explained.outcome), "claim.mismatch");
    let failed: Vec<_> = explained
        .steps
        .iter()
        .filter(|step| step.held != Some(true))
        .map(|step| step.condition.as_str())
        .collect();
    assert_eq!(failed, ["claims.ref"]);
}

#[test]
fn several_policies_share_a_sandbox_and_many_threads_a_gate() {
    let other = DOCUMENT.replace("refs/heads/main\"", "refs/heads/next\"");
    let other = other.replace("acme-deploy", "acme-next");
    let gates = [
        gate(),
        gate_with(&policy(&standard(), &other), ceiling()).with_commit(Host),
    ];
    let next = json!({
        "ref": "refs/heads/next",
        "job_workflow_ref": "acme/infra/.github/workflows/deploy.yml@refs/heads/next",
    });
    let tokens = [SIGNER.sign(&job()), SIGNER.sign(&with(job(), &next))];
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let (gates, tokens) = (&gates, &tokens);
            scope.spawn(move || {
                for round in 0..200 {
                    let (policy, token) = (round % 2, (round / 2 + worker) % 2);
                    let outcome = gates[policy].decide(
                        Token::new(&tokens[token]),
                        &Request::default(),
                        &FixedClock(NOW),
                    );
                    let expected = if policy == token {
                        "allow"
                    } else {
                        "claim.mismatch"
                    };
                    assert_eq!(answer(&outcome), expected);
                }
            });
        }
    });
}
