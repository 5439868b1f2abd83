//! The shipped policies: each is built into a component, and each of its cases
//! comes out alike from the document and from the component in its sandbox.

mod checks;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use claimbound::bake::bake;
use claimbound::clock::FixedClock;
use claimbound::danger;
use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::json::Limits;
use claimbound::key::KeySet;
use claimbound::outcome::{Allowed, Outcome};
use claimbound::policy::{Policy, Request};
use claimbound::sandbox::{self, Sandbox};
use claimbound::token::Claims;
use claimbound::verify::Verified;
use claimbound_analysis::{MutationLimits, Tried, boundary, coverage, mutation};
use claimbound_engine::{Decision, FirstUse, Grant, Obligation};
use claimbound_language::{
    Case, CaseOutcome, Cases, Compiled, DerivedToken, Expected, compile, parse_cases,
};

use crate::standard::standard;
use crate::tree::root;

/// The folder of naming models, which holds no policy.
const MODELS: &str = "issuers";

/// A policy as it stands in its folder.
pub(crate) struct Shipped {
    /// The folder's name.
    pub(crate) name: String,
    /// The document, compiled.
    pub(crate) compiled: Compiled,
    /// The cases beside it.
    pub(crate) cases: Cases,
}

impl Shipped {
    fn read(folder: &Path) -> Self {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
        let place = |file: &str| format!("policies/{name}/{file}");
        let compiled = compile(&place("policy.toml"), &text("policy.toml"))
            .unwrap_or_else(|findings| panic!("{findings}"));
        let cases = parse_cases(&place("cases.toml"), &text("cases.toml"))
            .unwrap_or_else(|findings| panic!("{findings}"));
        cases
            .check(&compiled)
            .unwrap_or_else(|findings| panic!("{findings}"));
        Self {
            name,
            compiled,
            cases,
        }
    }

    /// How a case is named where it fails.
    fn place(&self, case: &Case) -> String {
        format!("{}: {}", self.name, case.name.value)
    }
}

/// Every shipped policy, by name.
pub(crate) fn shipped() -> Vec<Shipped> {
    let mut folders: Vec<PathBuf> = fs::read_dir(root().join("policies"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && !path.ends_with(MODELS))
        .collect();
    folders.sort_unstable();
    folders.iter().map(|folder| Shipped::read(folder)).collect()
}

/// A decision, as both sides can say it.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Allow {
        statement: String,
        roles: Vec<String>,
        scopes: Vec<String>,
        claims: Option<String>,
        max_lifetime: Option<u32>,
        obligations: Vec<String>,
    },
    /// The code, statement and claim of each reason, and whether there are more.
    Deny(Vec<(String, Option<String>, Vec<String>)>, bool),
}

fn native(decision: Decision) -> Answer {
    match decision {
        Decision::Allow { statement, grant } => {
            let Grant {
                roles,
                scopes,
                claims,
                max_lifetime,
                obligations,
            } = grant;
            Answer::Allow {
                statement,
                roles,
                scopes,
                claims,
                max_lifetime,
                obligations: obligations.iter().map(shown).collect(),
            }
        }
        Decision::Deny { reasons, truncated } => {
            let reasons = reasons
                .into_iter()
                .map(|reason| (reason.code.to_owned(), reason.statement, reason.claim));
            Answer::Deny(reasons.collect(), truncated)
        }
    }
}

/// An obligation in the words that the host has for it.
fn shown(obligation: &Obligation) -> String {
    match obligation {
        Obligation::Bind(FirstUse::Refuse) => "bind (first use refused)".to_owned(),
        Obligation::Bind(FirstUse::Enrol) => "bind (first use enrols)".to_owned(),
        Obligation::UseOnce => "use-once".to_owned(),
        Obligation::Prove(method) => format!("prove ({method})"),
        Obligation::Other { kind, .. } => kind.clone(),
    }
}

fn sandboxed(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Allow(allowed) => {
            let Allowed {
                statement,
                grant,
                obligations,
                ..
            } = *allowed;
            Answer::Allow {
                statement,
                roles: grant.roles,
                scopes: grant.scopes,
                claims: grant.claims,
                max_lifetime: grant.max_lifetime,
                obligations: obligations.iter().map(ToString::to_string).collect(),
            }
        }
        Outcome::Deny(denied) => {
            let reasons = denied.reasons.into_iter().map(|reason| {
                let code = reason.code.as_str().to_owned();
                (code, reason.statement, reason.claim)
            });
            Answer::Deny(reasons.collect(), denied.truncated)
        }
        Outcome::Error(error) => panic!("no answer could be given: {error}"),
    }
}

/// A policy in its sandbox, as a host of its own would have it.
struct Host {
    issuers: Issuers,
    policy: Arc<Policy>,
    ceiling: Ceiling,
    /// A gate for each audience that a case asks about.
    gates: BTreeMap<String, Gate>,
}

impl Host {
    fn of(sandbox: &Sandbox, compiled: &Compiled) -> Self {
        let component = bake(&standard(), &compiled.bytes, &[]).unwrap();
        let issuers = compiled.issuers.iter().map(|issuer| {
            let model = Arc::clone(&issuer.model);
            let settings = Settings::default();
            let issuer = Issuer::new(&*issuer.url, model, KeySet::default(), settings);
            Arc::new(issuer.unwrap())
        });
        Self {
            issuers: Issuers::new(issuers).unwrap(),
            policy: Arc::new(Policy::load(sandbox, &component).unwrap()),
            ceiling: ceiling(compiled),
            gates: BTreeMap::new(),
        }
    }

    /// What the gate of the token's route says, had the issuer signed it. It
    /// is asked twice: packed, and for an explanation as well, which its policy
    /// is asked for by typed input. Both have to come to the same.
    fn decide(&mut self, token: &DerivedToken) -> Outcome {
        let verified = match self.verified(token) {
            Ok(verified) => verified,
            Err(refused) => return refused,
        };
        let again = self.verified(token).unwrap();
        let request = Request::with_attributes(token.request.attributes.clone());
        let clock = FixedClock(token.request.now);
        let gate = self.gate(&token.request.audience);
        let outcome = gate.preview(verified, &request, &clock);
        let explained = gate.explain(again, &request, &clock);
        assert_eq!(explained.outcome, outcome);
        outcome
    }

    fn verified(&self, token: &DerivedToken) -> Result<Verified, Outcome> {
        let text = serde_json::to_string(&token.claims).unwrap();
        let claims = Claims::parse(text, &Limits::TOKEN).unwrap();
        let url = token.claims.get("iss").and_then(|iss| iss.as_str());
        // Types are read before the issuer is looked up, so claims of nobody's
        // are assumed from anybody: they are refused in the order of a token.
        let known = self.issuers.find(url.unwrap_or_default());
        let issuer = known.unwrap_or_else(|_| self.issuers.iter().next().unwrap());
        Ok(danger::assume_verified(claims, issuer)?)
    }

    fn gate(&mut self, audience: &str) -> &Gate {
        self.gates.entry(audience.to_owned()).or_insert_with(|| {
            Gate::new(
                self.issuers.clone(),
                Floor::new(audience).unwrap(),
                Arc::clone(&self.policy),
                self.ceiling.clone(),
            )
        })
    }
}

/// The ceiling that the document's own grants name, and no more.
fn ceiling(compiled: &Compiled) -> Ceiling {
    let mut ceiling = Ceiling {
        enrolment: true,
        ..Ceiling::default()
    };
    for grant in compiled
        .statements
        .iter()
        .filter_map(|one| one.grant.as_ref())
    {
        ceiling.roles.extend(grant.roles.iter().cloned());
        ceiling.scopes.extend(grant.scopes.iter().cloned());
        if let Some(claims) = &grant.claims {
            let claims: BTreeMap<String, serde_json::Value> = serde_json::from_str(claims).unwrap();
            ceiling.claims.extend(claims.into_keys());
        }
    }
    ceiling
}

// A busy machine is no reason to fail: this is not about the deadline.
fn patient() -> Sandbox {
    let limits = sandbox::Limits::default().with_deadline(Duration::from_secs(5));
    Sandbox::new(limits.unwrap()).unwrap()
}

/// Decides each case by the document and in the sandbox: both say what the case
/// expects, and the same.
fn agree(policy: &Shipped, sandbox: &Sandbox) {
    let mut host = Host::of(sandbox, &policy.compiled);
    for case in &policy.cases.cases {
        let place = policy.place(case);
        let token = policy.cases.derive(&policy.compiled, case).unwrap();
        let verdict = policy
            .compiled
            .decide(&token.claims, &token.key, &token.request)
            .unwrap();
        assert_eq!(
            CaseOutcome::of(&case.expected, &verdict.decision),
            CaseOutcome::Passed,
            "{place}"
        );
        let answer = sandboxed(host.decide(&token));
        assert_eq!(answer, native(verdict.decision), "{place}");
    }
}

#[test]
fn every_case_passes_and_the_component_agrees() {
    let sandbox = patient();
    for policy in shipped() {
        agree(&policy, &sandbox);
    }
}

#[test]
fn a_document_is_decided_on_the_floor_of_a_host() {
    let cases = parse_cases("floor.toml", include_str!("policies/floor.toml"));
    let mut policy = Shipped::read(&root().join("policies/ci-cloud-branch"));
    policy.cases = cases.unwrap_or_else(|findings| panic!("{findings}"));
    agree(&policy, &patient());
}

#[test]
fn every_policy_has_an_allow_and_a_deny_and_hits_every_statement() {
    for policy in shipped() {
        let mut hit = BTreeSet::new();
        let mut denies = 0;
        for case in &policy.cases.cases {
            match &case.expected {
                Expected::Allow { statement, .. } => {
                    hit.insert(statement.value.as_str());
                }
                Expected::Deny {
                    code, statement, ..
                } => {
                    denies += 1;
                    if code.value == "forbidden" {
                        let place = policy.place(case);
                        let statement = statement.as_deref();
                        hit.insert(statement.unwrap_or_else(|| panic!("{place}: which forbid?")));
                    }
                }
            }
        }
        assert!(denies > 0, "{} denies nothing", policy.name);
        let statements = policy.compiled.statements.iter();
        let all: BTreeSet<&str> = statements
            .map(|statement| statement.name.as_str())
            .collect();
        assert_eq!(hit, all, "{}", policy.name);
    }
}

/// What every policy has to say no to, whatever it is for.
const ALWAYS: [&str; 6] = [
    "audience.mismatch",
    "audience.shared",
    "issuer.unknown",
    "subject.mismatch",
    "token.expired",
    "token.lifetime",
];

#[test]
fn every_policy_has_a_case_for_each_way_that_all_of_them_say_no() {
    for policy in shipped() {
        let codes: BTreeSet<&str> = policy
            .cases
            .cases
            .iter()
            .filter_map(|case| match &case.expected {
                Expected::Deny { code, .. } => Some(code.value.as_str()),
                Expected::Allow { .. } => None,
            })
            .collect();
        for code in ALWAYS {
            assert!(
                codes.contains(code),
                "{} has no case of {code}",
                policy.name
            );
        }
    }
}

#[test]
fn every_statement_decides_a_case_and_every_condition_is_seen_both_ways() {
    for policy in shipped() {
        let tried = Tried::of(&policy.cases, &policy.compiled).unwrap();
        let coverage = coverage(&policy.compiled, &tried).unwrap();
        let statements = coverage.statements.len();
        assert_eq!(coverage.decided(), statements, "{}", policy.name);
        let (seen, all) = coverage.conditions();
        assert_eq!(seen, all, "{}: {coverage:#?}", policy.name);
    }
}

#[test]
fn no_condition_can_be_dropped_or_loosened_without_a_case_that_notices() {
    for policy in shipped() {
        let tried = Tried::of(&policy.cases, &policy.compiled).unwrap();
        let limits = MutationLimits::default();
        let mutation = mutation(&policy.compiled, &tried, limits, |_, _| ());
        let survivors = mutation.survivors.iter().map(|one| &one.mutant);
        let survivors = survivors.map(|one| (&one.statement, &one.condition, &one.change));
        assert_eq!(survivors.collect::<Vec<_>>(), [], "{}", policy.name);
        assert!(
            mutation.noticed > 0 && mutation.untried == 0,
            "{}",
            policy.name
        );
    }
}

#[test]
fn boundary_cases_of_every_policy_pass_and_the_component_agrees() {
    let sandbox = patient();
    for mut policy in shipped() {
        let made = boundary(&policy.compiled, |_, _| ());
        let text = made.case_file(&policy.compiled);
        policy.cases = parse_cases("boundary.toml", &text).unwrap();
        // Each trust has a token, and each a near miss.
        for one in policy.compiled.statements.iter().filter(|one| one.trusts) {
            let name = Some(one.name.as_str());
            let sides = policy.cases.cases.iter().map(|case| match &case.expected {
                Expected::Allow { statement, .. } => (true, Some(statement.value.as_str())),
                Expected::Deny { statement, .. } => (false, statement.as_deref()),
            });
            let sides: Vec<_> = sides.collect();
            assert!(sides.contains(&(true, name)), "{}", policy.name);
            assert!(sides.contains(&(false, name)), "{}", policy.name);
        }
        agree(&policy, &sandbox);
    }
}

#[test]
fn every_form_that_a_statement_accepts_has_an_allow() {
    for policy in shipped() {
        let mut allowed: BTreeSet<(String, String)> = BTreeSet::new();
        for case in &policy.cases.cases {
            if let Expected::Allow { statement, .. } = &case.expected {
                let token = policy.cases.derive(&policy.compiled, case).unwrap();
                let verdict = policy
                    .compiled
                    .decide(&token.claims, &token.key, &token.request)
                    .unwrap();
                let form = verdict.workload.unwrap().form.to_string();
                allowed.insert((statement.value.clone(), form));
            }
        }
        for statement in policy.compiled.statements.iter().filter(|one| one.trusts) {
            for form in policy.compiled.example_forms(&statement.name).unwrap() {
                // A pattern or a literal may fit fewer forms than the model has.
                if policy.compiled.example_in(&statement.name, &form).is_ok() {
                    let pair = (statement.name.clone(), form);
                    assert!(
                        allowed.contains(&pair),
                        "{}: no allow of {pair:?}",
                        policy.name
                    );
                }
            }
        }
    }
}

#[test]
fn the_policies_carry_the_names_of_their_folders_and_no_warnings() {
    for policy in shipped() {
        assert_eq!(policy.compiled.document.name.value, policy.name);
        let warnings = policy.compiled.warnings.to_string();
        assert!(warnings.trim().is_empty(), "{warnings}");
    }
}
