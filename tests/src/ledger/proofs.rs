//! Tokens that are bound to a key or a certificate, and proofs that count once.

use std::sync::Arc;
use std::thread;

use claimbound::clock::FixedClock;
use claimbound::floor::Floor;
use claimbound::gate::{Gate, Judged};
use claimbound::key::Algorithm;
use claimbound::ledger::{Change, Keeper, Target};
use claimbound::obligation::{Commit, CommitError, Committed, Obligation};
use claimbound::outcome::Outcome;
use claimbound::policy::Request;
use claimbound::proof::{Certificates, DpopRules, Possession, Scheme};
use claimbound::token::Token;
use serde_json::json;

use super::prover::{Holder, bound, certificate, shown, thumbprint};
use super::world::{ISSUER, World, elsewhere, marks, on_each_store};
use crate::forge::{NOW, job};
use crate::gate::{SIGNER, answer, ceiling, issuers};

const GITHUB: (&str, &str) = (ISSUER, "github-actions");
const ENROL: &str = "identity = { first_use = \"enrol\" }";
const REPLAYED: &str = "the proof was used before: each counts once, by its key and `jti`";

fn outcome_at(gate: &Gate, token: &str, possession: Possession, now: u64) -> Outcome {
    let request = Request {
        possession,
        ..Request::default()
    };
    gate.decide(Token::new(token), &request, &FixedClock(now))
}

fn outcome(gate: &Gate, token: &str, possession: Possession) -> Outcome {
    outcome_at(gate, token, possession, NOW)
}

/// The code of what becomes of a token, and what is said of it.
fn decide(gate: &Gate, token: &str, possession: Possession) -> (String, String) {
    let outcome = outcome(gate, token, possession);
    let message = match &outcome {
        Outcome::Allow(_) => String::new(),
        Outcome::Deny(denied) => denied.reasons[0].message.clone(),
        Outcome::Error(error) => error.message.clone(),
    };
    (answer(&outcome), message)
}

fn code(gate: &Gate, token: &str, possession: Possession) -> String {
    decide(gate, token, possession).0
}

fn entries(world: &World) -> usize {
    let mut entries = 0;
    world.ledger.entries(|_| entries += 1).unwrap();
    entries
}

/// A gate on which nobody but this meets obligations.
fn without_ledger(asks: &str) -> Gate {
    let floor = Floor::new("https://deploy.acme.example").unwrap();
    Gate::new(issuers(), floor, elsewhere(GITHUB, asks), ceiling())
}

on_each_store! {
fn each_proof_lets_its_holder_in_once(world: &World) {
    let gate = world.gate_at("bound", GITHUB, ENROL);
    let holder = Holder::new();
    let token = holder.token();
    let Outcome::Allow(allowed) = outcome(&gate, &token, holder.shows(&token, "one")) else {
        panic!("a proof that fits");
    };
    assert!(!allowed.spent, "the token may be used again");
    assert_eq!(allowed.confirmation, Some(format!(r#"{{"jkt":"{}"}}"#, holder.thumbprint())));
    let again = decide(&gate, &token, holder.shows(&token, "one"));
    assert_eq!(again, ("proof.invalid".to_owned(), REPLAYED.to_owned()));
    assert_eq!(code(&gate, &token, holder.shows(&token, "two")), "allow");
    let elsewhere = world.gate_at("another", GITHUB, ENROL);
    assert_eq!(decide(&elsewhere, &token, holder.shows(&token, "one")).1, REPLAYED, "on every route");
    // A `jti` is its key's: nobody uses up another's.
    let other = Holder::new();
    let others = other.token();
    assert_eq!(code(&gate, &others, other.shows(&others, "one")), "allow");
    assert_eq!(marks(world), 3);
}

fn a_proof_counts_once_across_restarts_and_for_as_long_as_it_could_be_taken(world: &World) {
    let gate = || {
        let keeper = Keeper::new(world.again(), "bound");
        world.gate_at("bound", GITHUB, ENROL).with_commit(keeper)
    };
    let holder = Holder::new();
    let token = holder.token();
    // From as far in the future as leeway goes, it is good for two minutes.
    let proof = || shown(Some(holder.proof(&token, "one", NOW + 60)));
    let at = |now| match outcome_at(&gate(), &token, proof(), now) {
        Outcome::Deny(denied) => denied.reasons[0].message.clone(),
        outcome @ (Outcome::Allow(_) | Outcome::Error(_)) => answer(&outcome),
    };
    assert_eq!(at(NOW - 1), "the proof's `iat` is 61 seconds in the future");
    assert_eq!(at(NOW), "allow");
    assert_eq!(at(NOW), REPLAYED);
    assert_eq!(at(NOW + 120), REPLAYED);
    assert_eq!(at(NOW + 121), "the proof was made 61 seconds ago");
    let mut out = Vec::new();
    world.ledger.export(&mut out).unwrap();
    let until = format!("\"until\":{}", NOW + 60 + 60 + 60 + 1);
    assert!(String::from_utf8(out).unwrap().contains(&until), "{until}");
}

fn of_a_thousand_uses_of_one_proof_at_once_one_is_allowed(world: &World) {
    let gate = world.gate_at("bound", GITHUB, ENROL);
    let holder = Holder::new();
    let token = holder.token();
    let possession = holder.shows(&token, "one");
    let allowed: usize = thread::scope(|scope| {
        let one = || {
            let answers = (0..63).map(|_| decide(&gate, &token, possession.clone()));
            let allowed = |(code, message): &(String, String)| {
                assert!(code == "allow" || message == REPLAYED, "{code}: {message}");
                code == "allow"
            };
            answers.filter(allowed).count()
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(allowed, 1);
}

fn a_token_with_a_key_is_never_a_bearers(world: &World) {
    let gate = world.gate_at("bound", GITHUB, ENROL);
    let (holder, thief) = (Holder::new(), Holder::new());
    let token = holder.token();
    let bearer = |possession| Possession { scheme: Scheme::Bearer, ..possession };
    let other_token = bound(&json!({ "jkt": holder.thumbprint(), "x": 1 }));
    let made_for_another = shown(Some(holder.proof(&other_token, "one", NOW)));
    let mut other_request = holder.proof(&token, "one", NOW);
    other_request.method = "GET".to_owned();
    let as_bearer = "the token is bound to a key, and came as a bearer token";
    for (possession, expected, message) in [
        (Possession::default(), "proof.absent", as_bearer),
        (bearer(holder.shows(&token, "one")), "proof.absent", as_bearer),
        (certificate(7), "proof.absent", as_bearer),
        (shown(None), "proof.absent", "the token is bound to a key, and no proof by it was sent"),
        (
            thief.shows(&token, "one"),
            "proof.invalid",
            "the proof was made by another key than the token is bound to",
        ),
        (made_for_another, "proof.invalid", "the proof's `ath` is not the SHA-256 of this token"),
        (
            shown(Some(other_request)),
            "proof.invalid",
            "the proof's `htm` is not the request's method",
        ),
        (
            shown(Some(holder.proof(&token, "one", NOW - 61))),
            "proof.invalid",
            "the proof was made 61 seconds ago",
        ),
    ] {
        let decided = decide(&gate, &token, possession.clone());
        assert_eq!(decided, (expected.to_owned(), message.to_owned()), "{possession:?}");
    }
    assert_eq!((marks(world), entries(world)), (0, 0), "nothing was spent, nobody enrolled");
    assert_eq!(code(&gate, &token, holder.shows(&token, "one")), "allow");
}

fn a_reason_says_what_was_expected_and_never_shows_the_proof(world: &World) {
    let gate = world.gate_at("bound", GITHUB, ENROL);
    let (holder, thief) = (Holder::new(), Holder::new());
    let token = holder.token();
    let Outcome::Deny(denied) = outcome(&gate, &token, thief.shows(&token, "one")) else {
        panic!("another key");
    };
    let reason = &denied.reasons[0];
    assert_eq!(reason.claim, ["cnf", "jkt"]);
    assert_eq!(reason.statement.as_deref(), Some("any"));
    assert_eq!(reason.expected, holder.thumbprint());
    assert_eq!(reason.found, Some(thief.thumbprint()));
    let proof = thief.shows(&token, "one").dpop.unwrap().jwt;
    let said = serde_json::to_string(&denied).unwrap();
    assert!(proof.split('.').all(|part| !said.contains(part)), "{said}");
}

fn a_scheme_is_not_believed(world: &World) {
    let gate = world.gate_at("bound", GITHUB, ENROL);
    let holder = Holder::new();
    let token = SIGNER.sign(&job());
    let unbound = "the token came with the scheme `DPoP` and is bound to no key";
    for bare in [&gate, &without_ledger("identity = { first_use = \"enrol\" }")] {
        for possession in [shown(None), holder.shows(&token, "one")] {
            let decided = decide(bare, &token, possession);
            assert_eq!(decided, ("proof.invalid".to_owned(), unbound.to_owned()));
        }
    }
    let by_certificate = bound(&json!({ "x5t#S256": thumbprint(7) }));
    let scheme = Possession { scheme: Scheme::Dpop, ..certificate(7) };
    assert_eq!(decide(&gate, &by_certificate, scheme).1, unbound);
    // A proof that nobody asked for is not looked at.
    let beside = Possession { scheme: Scheme::Bearer, ..holder.shows("another token", "one") };
    assert_eq!(code(&gate, &token, beside), "allow");
}

fn a_certificate_is_the_one_that_the_token_names(world: &World) {
    let gate = world.gate_at("bound", GITHUB, ENROL);
    let token = bound(&json!({ "x5t#S256": thumbprint(7) }));
    let absent = "the token is bound to a certificate, and none was shown";
    let other = "another certificate was shown than the token is bound to";
    let (missing, wrong) = (("proof.absent".to_owned(), absent.to_owned()), ("proof.invalid".to_owned(), other.to_owned()));
    assert_eq!(decide(&gate, &token, Possession::default()), missing);
    assert_eq!(decide(&gate, &token, certificate(8)), wrong);
    assert_eq!((marks(world), entries(world)), (0, 0));
    for _ in 0..2 {
        assert_eq!(code(&gate, &token, certificate(7)), "allow", "as often as it is shown");
    }
    assert_eq!(marks(world), 0);
}

fn all_that_a_token_is_bound_to_has_to_be_shown(world: &World) {
    let gate = world.gate_at("bound", GITHUB, ENROL);
    let holder = Holder::new();
    let token = bound(&json!({ "jkt": holder.thumbprint(), "x5t#S256": thumbprint(7), "kid": "x" }));
    let both = |id: &str, byte| Possession {
        certificate: Some([byte; 32]),
        ..holder.shows(&token, id)
    };
    assert_eq!(code(&gate, &token, holder.shows(&token, "one")), "proof.absent");
    assert_eq!(code(&gate, &token, certificate(7)), "proof.absent");
    assert_eq!(code(&gate, &token, both("one", 8)), "proof.invalid");
    assert_eq!(code(&gate, &token, both("one", 7)), "allow");
    assert_eq!(decide(&gate, &token, both("one", 7)).1, REPLAYED);
}

fn what_nobody_can_prove_lets_nobody_in(world: &World) {
    let gate = world.gate_at("bound", GITHUB, ENROL);
    let holder = Holder::new();
    let possession = |token: &str| Possession {
        certificate: Some([7; 32]),
        ..holder.shows(token, "one")
    };
    for confirmation in [
        json!({}),
        json!({ "jwk": { "kty": "OKP" } }),
        json!({ "jwe": "x" }),
        json!({ "jku": "https://a.example", "kid": "x" }),
        json!({ "JKT": holder.thumbprint() }),
        json!({ "x5t#s256": thumbprint(7) }),
    ] {
        let token = bound(&confirmation);
        let bearer = Possession { scheme: Scheme::Bearer, ..possession(&token) };
        assert_eq!(code(&gate, &token, bearer), "host.obligation", "{confirmation}");
    }
    for confirmation in [
        json!({ "jkt": null }),
        json!({ "jkt": "" }),
        json!({ "jkt": [holder.thumbprint()] }),
        json!({ "jkt": format!("{}=", holder.thumbprint()) }),
        json!({ "jkt": holder.thumbprint(), "x5t#S256": 7 }),
        json!({ "jkt": holder.thumbprint(), "x5t#S256": "07".repeat(32) }),
    ] {
        let token = bound(&confirmation);
        let decided = decide(&gate, &token, possession(&token));
        assert_eq!(decided.0, "proof.invalid", "{confirmation}");
        assert!(decided.1.ends_with("is no SHA-256 thumbprint"), "{decided:?}");
    }
}

fn a_statement_asks_for_the_proof_that_it_names(world: &World) {
    let asks = |method: &str| format!("{ENROL}\nproof = {{ method = \"{method}\" }}");
    let holder = Holder::new();
    let by_key = holder.token();
    let by_certificate = bound(&json!({ "x5t#S256": thumbprint(7) }));
    let neither = SIGNER.sign(&job());
    let mut turn = 0;
    for (method, of_key, of_certificate) in [
        ("any", "allow", "allow"),
        ("dpop", "allow", "proof.absent"),
        ("mtls", "proof.absent", "allow"),
    ] {
        turn += 1;
        let gate = world.gate_at("bound", GITHUB, &asks(method));
        let shows = holder.shows(&by_key, &turn.to_string());
        assert_eq!(code(&gate, &by_key, shows), of_key, "{method}");
        assert_eq!(code(&gate, &by_certificate, certificate(7)), of_certificate, "{method}");
        assert_eq!(code(&gate, &neither, certificate(7)), "proof.absent", "{method}");
    }
}

fn a_denied_decision_spends_no_proof(world: &World) {
    let once = format!("single_use = true\n{ENROL}");
    let gate = world.gate_at("bound", GITHUB, &once);
    let holder = Holder::new();
    let token = holder.token();
    assert_eq!(code(&gate, &token, holder.shows(&token, "one")), "allow");
    let before = marks(world);
    assert_eq!(before, 3, "a digest, a `jti`, and that of the proof");
    assert_eq!(code(&gate, &token, holder.shows(&token, "two")), "token.reused");
    let strict = world.gate_at("strict", GITHUB, "identity = { first_use = \"refuse\" }");
    assert_eq!(code(&strict, &token, holder.shows(&token, "two")), "identity.unknown");
    assert_eq!(marks(world), before);
    let lax = world.gate_at("lax", GITHUB, ENROL);
    assert_eq!(code(&lax, &token, holder.shows(&token, "two")), "allow");
}

fn what_is_revoked_is_said_before_a_proof_is_looked_at(world: &World) {
    let gate = world.gate_at("bound", GITHUB, ENROL);
    let (holder, thief) = (Holder::new(), Holder::new());
    let token = holder.token();
    let issuer = Target::Issuer { issuer: ISSUER.to_owned() };
    world.order(Change::Revoke { target: issuer, until: None }).unwrap();
    for possession in [Possession::default(), thief.shows(&token, "one"), holder.shows(&token, "one")] {
        assert_eq!(code(&gate, &token, possession), "revoked.issuer");
    }
    assert_eq!(marks(world), 0);
}

fn a_dry_run_remembers_no_proof(world: &World) {
    let keeper = Keeper::new(Arc::clone(&world.ledger), "bound").dry();
    let gate = world.gate_at("bound", GITHUB, ENROL).with_commit(keeper);
    let holder = Holder::new();
    let token = holder.token();
    for _ in 0..2 {
        let Outcome::Allow(allowed) = outcome(&gate, &token, holder.shows(&token, "one")) else {
            panic!("a proof that fits");
        };
        let expected = "proof: its `jti` was not used before, and would be remembered";
        assert!(allowed.assumed.iter().any(|one| one == expected), "{:?}", allowed.assumed);
    }
    assert_eq!(marks(world), 0);
}

fn a_host_says_which_proofs_it_takes(world: &World) {
    let with_rules = |rules| {
        let keeper = Keeper::new(Arc::clone(&world.ledger), "bound").with_proofs(rules);
        world.gate_at("bound", GITHUB, ENROL).with_commit(keeper)
    };
    let holder = Holder::new();
    let token = holder.token();
    let strict = with_rules(DpopRules::default().with_algorithms([Algorithm::Es256]));
    assert_eq!(code(&strict, &token, holder.shows(&token, "one")), "proof.invalid");
    let patient = with_rules(DpopRules::default().with_longest_age(100));
    let old = |age| shown(Some(holder.proof(&token, "one", NOW - age)));
    assert_eq!(code(&patient, &token, old(101)), "proof.invalid");
    assert_eq!(code(&patient, &token, old(100)), "allow");
    let keeper = Keeper::new(Arc::clone(&world.ledger), "bound").without_proofs();
    let without = world.gate_at("bound", GITHUB, ENROL).with_commit(keeper);
    assert_eq!(code(&without, &token, holder.shows(&token, "two")), "host.obligation");
}
}

/// A host without a ledger, which takes every name as it comes.
struct NoLedger;

impl Commit for NoLedger {
    fn can_meet(&self, obligation: &Obligation) -> bool {
        matches!(obligation, Obligation::Bind(_)) || Certificates.can_meet(obligation)
    }

    fn commit(&self, judged: &Judged) -> Result<Committed, CommitError> {
        Certificates.commit(judged)
    }
}

#[test]
fn without_a_ledger_certificates_are_all_that_can_be_shown() {
    let gate = |asks: &str| without_ledger(asks).with_commit(NoLedger);
    let holder = Holder::new();
    let by_key = holder.token();
    let by_certificate = bound(&json!({ "x5t#S256": thumbprint(7) }));
    let by_both = bound(&json!({ "jkt": holder.thumbprint(), "x5t#S256": thumbprint(7) }));
    let both = Possession {
        certificate: Some([7; 32]),
        ..holder.shows(&by_both, "one")
    };
    let usual = gate(ENROL);
    for (token, possession, expected) in [
        (&by_certificate, certificate(7), "allow"),
        (&by_certificate, certificate(8), "proof.invalid"),
        (&by_certificate, Possession::default(), "proof.absent"),
        (&by_key, holder.shows(&by_key, "one"), "host.obligation"),
        (&by_key, Possession::default(), "host.obligation"),
        (&by_both, both, "host.obligation"),
        (&SIGNER.sign(&job()), Possession::default(), "allow"),
    ] {
        assert_eq!(
            code(&usual, token, possession.clone()),
            expected,
            "{possession:?}"
        );
    }
    let by_certificate_alone = gate(&format!("{ENROL}\nproof = {{ method = \"mtls\" }}"));
    assert_eq!(
        code(&by_certificate_alone, &by_certificate, certificate(7)),
        "allow"
    );
    let by_key_alone = gate(&format!("{ENROL}\nproof = {{ method = \"dpop\" }}"));
    let possession = holder.shows(&by_key, "one");
    assert_eq!(code(&by_key_alone, &by_key, possession), "host.obligation");
    let nothing = without_ledger(ENROL).with_commit(Certificates);
    let decided = decide(&nothing, &by_certificate, certificate(7));
    assert_eq!(decided.0, "host.obligation", "nobody here binds names");
}
