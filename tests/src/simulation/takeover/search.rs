//! The search: every token that the moves lead to, decided by a policy.

use std::collections::{BTreeMap, BTreeSet};

use claimbound_language::engine::Decision;
use claimbound_language::engine::model::Effect;
use claimbound_language::{Compiled, NativeKey, NativeRequest};
use serde_json::{Map, Value};

use super::names;
use super::world::{Deed, Seat, seats};
use crate::forge::NOW;
use crate::simulation::forge::Flavour;
use crate::simulation::job::AUDIENCE;
use crate::simulation::run::Run;

/// What was found of one statement: the names, as far as they can be registered,
/// whose tokens it accepts.
pub(super) type Roots = BTreeMap<(String, Deed), BTreeSet<String>>;

/// Every repository that moves lead to.
pub(super) struct Search {
    flavour: Flavour,
    seats: Vec<Seat>,
}

/// The statement that accepts a payload, if one does.
pub(super) fn accepted_by(policy: &Compiled, claims: &Map<String, Value>) -> Option<String> {
    let request = NativeRequest {
        now: NOW,
        audience: AUDIENCE.to_owned(),
        attributes: BTreeMap::new(),
    };
    let verdict = policy.decide(claims, &NativeKey::of("RS256"), &request);
    match verdict.ok()?.decision {
        Decision::Allow { statement, .. } => Some(statement),
        Decision::Deny { .. } => None,
    }
}

impl Search {
    pub(super) fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            seats: seats(flavour),
        }
    }

    /// What a policy accepts of all this.
    pub(super) fn found(&self, policy: &Compiled, text: &str) -> Roots {
        let mut found = Roots::new();
        self.try_seats(policy, text, &mut found, |seat| {
            seat.deed != Deed::Registered
        });
        for family in names::families() {
            let before = found.clone();
            let is_in = |names: &[String], seat: &Seat| {
                seat.deed == Deed::Registered && names.contains(&seat.root())
            };
            self.try_seats(policy, text, &mut found, |seat| is_in(&family.first, seat));
            if found != before {
                self.try_seats(policy, text, &mut found, |seat| is_in(&family.rest, seat));
            }
        }
        found
    }

    fn try_seats(
        &self,
        policy: &Compiled,
        text: &str,
        found: &mut Roots,
        is_meant: impl Fn(&Seat) -> bool,
    ) {
        let is_trust = |one: &&claimbound_language::engine::model::Statement| {
            matches!(one.effect, Effect::Trust(_))
        };
        let trusts = policy.program.statements.iter().filter(is_trust).count();
        let mut runs_of = BTreeMap::new();
        for seat in self.seats.iter().filter(|seat| is_meant(seat)) {
            let root = seat.root();
            let runs = || runs(self.flavour, seat.deed, text);
            for run in runs_of.entry(seat.deed).or_insert_with(runs) {
                let has_root = |roots: &&BTreeSet<String>| roots.contains(&root);
                let of_deed = found.iter().filter(|((_, deed), _)| *deed == seat.deed);
                if of_deed.map(|(_, roots)| roots).filter(has_root).count() == trusts {
                    break;
                }
                let claims = run.claims(&seat.forge, seat.repository, NOW);
                if let Some(statement) = accepted_by(policy, &claims) {
                    let roots = found.entry((statement, seat.deed)).or_default();
                    roots.insert(root.clone());
                }
            }
        }
    }
}

/// What starts a run at GitHub as the repository itself, by whoever comments,
/// opens, stars or forks.
const CAUSED_AT_GITHUB: [&str; 8] = [
    "pull_request_target",
    "issue_comment",
    "workflow_run",
    "issues",
    "discussion",
    "discussion_comment",
    "fork",
    "watch",
];
/// At GitLab: a member runs the pipeline of what somebody outside proposed.
const CAUSED_AT_GITLAB: [&str; 2] = ["merge_request_event", "external_pull_request_event"];

pub(super) fn events(flavour: Flavour, deed: Deed) -> Vec<&'static str> {
    match (flavour, deed) {
        (Flavour::GitHub, Deed::Caused) => CAUSED_AT_GITHUB.to_vec(),
        (Flavour::GitLab, Deed::Caused) => CAUSED_AT_GITLAB.to_vec(),
        (Flavour::GitHub, Deed::Registered | Deed::Inherited) => vec![
            "push",
            "pull_request",
            "workflow_dispatch",
            "pull_request_target",
            "issue_comment",
            "schedule",
        ],
        (Flavour::GitLab, Deed::Registered | Deed::Inherited) => {
            vec!["push", "web", "merge_request_event", "schedule"]
        }
    }
}

/// The runs that differ in something of which a policy speaks.
///
/// What is caused is of a branch: whichever the organisation has made its main
/// one at GitHub, and whichever was proposed at GitLab.
pub(super) fn runs(flavour: Flavour, deed: Deed, text: &str) -> Vec<Run> {
    let mut runs = vec![Run::usual()];
    let events = events(flavour, deed);
    vary(&mut runs, &events, |run, event| {
        run.event = (*event).to_owned();
    });
    let environments = [None, Some("production"), Some("staging")];
    vary(&mut runs, &environments, |run, environment| {
        run.environment = environment.map(str::to_owned);
    });
    if flavour == Flavour::GitHub {
        let targets = runs.iter().filter(|run| run.event == "pull_request_target");
        let mut targets: Vec<Run> = targets.cloned().collect();
        for run in &mut targets {
            run.says_pull_request = true;
        }
        runs.extend(targets);
    }
    let references = [("main", false), ("feature", false), ("v1", true)];
    let count = references.len() - usize::from(deed == Deed::Caused);
    vary(&mut runs, &references[..count], |run, (branch, is_tag)| {
        (run.branch, run.is_tag) = ((*branch).to_owned(), *is_tag);
    });
    vary_asked(&mut runs, text);
    if !text.contains("event_name") && !text.contains("pipeline_source") {
        // Then one event serves as well as another, but for what its subject says.
        runs.retain(|run| run.event == events[0] || run.event.starts_with("pull_request"));
    }
    runs
}

/// Varies what only a policy that speaks of it could see.
fn vary_asked(runs: &mut Vec<Run>, text: &str) {
    if text.contains("job_workflow_ref") {
        let workflow = "acme/infra/.github/workflows/deploy.yml@refs/heads/main";
        vary(runs, &[None, Some(workflow)], |run, workflow| {
            run.workflow = workflow.map(str::to_owned);
        });
    }
    if text.contains("visibility") {
        vary(runs, &["private", "public"], |run, visibility| {
            run.visibility = (*visibility).to_owned();
        });
    }
    if text.contains("_protected") {
        vary(runs, &[true, false], |run, is_protected| {
            run.is_protected = *is_protected;
        });
    }
}

fn vary<T>(runs: &mut Vec<Run>, all: &[T], set: impl Fn(&mut Run, &T)) {
    *runs = runs
        .iter()
        .flat_map(|run| {
            all.iter().map(|one| {
                let mut run = run.clone();
                set(&mut run, one);
                run
            })
        })
        .collect();
}
