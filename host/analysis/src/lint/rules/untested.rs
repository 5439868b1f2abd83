//! Statements that no case tries.

use std::collections::HashSet;

use claimbound_language::engine::Decision;
use claimbound_language::{Cases, Compiled};

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};

pub(super) static RULE: Rule = Rule {
    name: "untested",
    severity: Severity::Warning,
    summary: "No case that stands beside the policy is decided by the statement.",
    why: "\
A case says what its author meant by a statement. Where none is decided by it, nobody has written down \
what it is for, and a later change can widen it, break it, or put another statement before it without \
any case failing.

It is decided by the cases themselves: the token of each is made and decided as the policy decides it. A \
trust is tried by a case whose token it allows, a forbid by one whose token it denies. A denial that \
comes of no forbid tries no statement, nor does a token that an earlier statement allows. Nothing is said of a policy \
that has no cases beside it.",
    fix: "\
Add a case. `like = \"trust.NAME\"` derives a token that a trust accepts, so that an allow is three lines; \
for a forbid, change such a token until the forbid applies and expect `deny = \"forbidden\"`. If no case \
can be found, the statement may not be needed.",
    controls: &[Control::PrAa05, Control::IdRa01],
    references: &[],
    accepted: &[
        Sample::of(POLICY),
        Sample::with_cases(
            POLICY,
            r#"
[token.main]
like = "trust.main"

[[case]]
name = "a push to main is let in"
token = "main"
allow = "main"

[[case]]
name = "a comment is not"
token = "main"
with = { event_name = "issue_comment" }
deny = "forbidden"
"#,
        ),
    ],
    refused: &[
        Sample::with_cases(
            POLICY,
            r#"
# the forbid is not tried: another branch is denied without it
[token.main]
like = "trust.main"

[[case]]
name = "a push to main is let in"
token = "main"
allow = "main"

[[case]]
name = "another branch is not"
token = "main"
subject = { ref = "refs/heads/other" }
deny = "subject.mismatch"
"#,
        ),
        Sample::with_cases(
            r#"
[issuer.production]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.deployer]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = { namespace = "release", service-account = { name = "release/deployer", id = "3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718" } }

[trust.mirror]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = { namespace = "mirror", service-account = { name = "mirror/puller", id = "7b0c2d41-9f1e-4c66-8a3b-52f6d0e9c314" } }
"#,
            r#"
[token.deployer]
like = "trust.deployer"

[[case]]
name = "the deployer is let in"
token = "deployer"
allow = "deployer"

[[case]]
name = "a puller under another id is not"
token = "deployer"
subject = { namespace = "mirror", service-account = { name = "mirror/puller", id = "00000000-0000-4000-8000-000000000000" } }
deny = "subject.mismatch"
"#,
        ),
    ],
    check: Check::Policy(check),
};

const POLICY: &str = r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"

[forbid.comments]
issuer = "github"
claims = { event_name = ["issue_comment", "pull_request_target"] }
"#;

fn check(review: &Review<'_>) -> Vec<Finding> {
    let Some(cases) = review.cases else {
        return Vec::new();
    };
    let tried = tried(review.policy, cases);
    let all = review.statements.iter();
    let untried = all.filter(|stated| !tried.contains(stated.name()));
    untried.map(finding).collect()
}

fn finding(stated: &Stated<'_>) -> Finding {
    let does = match stated.grant() {
        Some(_) => "allowed",
        None => "denied",
    };
    let message = format!("no case is {does} by statement `{}`", stated.name());
    Finding::new(&RULE, &stated.written.name.place, message)
        .of_statement(stated.name())
        .label("is not tried")
}

/// The statements that decide the token of some case. A case whose token can't be
/// made tries none.
fn tried(policy: &Compiled, cases: &Cases) -> HashSet<String> {
    let decide = |case| {
        let token = cases.derive(policy, case).ok()?;
        let verdict = policy.decide(&token.claims, &token.key, &token.request);
        Some(verdict.ok()?.decision)
    };
    let decisions = cases.cases.iter().filter_map(decide);
    decisions.flat_map(by).collect()
}

/// The statements that made a decision.
fn by(decision: Decision) -> Vec<String> {
    match decision {
        Decision::Allow { statement, .. } => vec![statement],
        Decision::Deny { reasons, .. } => {
            let forbids = reasons.into_iter().filter(|one| one.code == "forbidden");
            forbids.filter_map(|one| one.statement).collect()
        }
    }
}
