//! Statements that no token can match.

use claimbound_language::engine::model::Condition;

use crate::budget::{Budget, Exceeded};
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity, listed};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::naming;
use crate::statement::meant;

pub(super) static RULE: Rule = Rule {
    name: "never-matches",
    severity: Severity::Error,
    summary: "No token of its issuer is one that the statement speaks of.",
    why: "\
A trust that no token can match lets nobody in, and a forbid that no token can match keeps nobody out: \
the policy does not do what it says, and a reader who counts on the statement is misled. Most come of two \
conditions that exclude each other, one of them forgotten.

It is decided for the statement alone, whatever the others say. All its conditions are taken together, \
those on time and key included, with what the naming model says of subjects: which form they have, and \
which claim repeats which part. If no token of the issuer is left, the statement is found. The hint names \
conditions that can't be met together, and leaves out those that have no part in it. A forbid also \
applies where a claim is missing, so it is only found where that does not help either.",
    fix: "\
Take out the condition that was left behind, or loosen the one that is too narrow. A statement that is \
not needed any more goes as a whole: nothing that it says is enforced.",
    controls: &[Control::PrAa05, Control::IdRa01, Control::Tenet4],
    references: &[],
    accepted: &[
        Sample::of(
            r#"
# two conditions on one claim that leave something over
[trust.release]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { ref = { glob = "refs/heads/release-*" } }

[trust.release.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = "production"

[[trust.release.nested]]
path = ["ref"]
none_of = ["refs/heads/release-test"]
"#,
        ),
        Sample::of(
            r#"
# no claim has both values, but the forbid applies where there is none
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { event_name = "push" }

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"

[forbid.without-event]
issuer = "github"
claims = { event_name = "issue_comment" }

[[forbid.without-event.nested]]
path = ["event_name"]
equals = "workflow_run"
"#,
        ),
        Sample::of(
            r#"
[issuer.production]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.deployers]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "1h"

[trust.deployers.subject]
namespace = { glob = "team-*" }
service-account = { glob = "*/deployer" }
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
# a branch that is a tag
[trust.release]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { ref = { glob = "refs/heads/*" } }

[trust.release.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = "production"

[[trust.release.nested]]
path = ["ref"]
glob = "refs/tags/v*"
"#,
        ),
        Sample::of(
            r#"
# the subject says one step, and the claim that repeats it another
[issuer.buildkite]
model = "buildkite"

[trust.deploy]
issuer = "buildkite"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { organization_id = "0186c5a1-2f10-4a44-9c2b-7d1e6b0d5a11", step_key = "deploy" }

[trust.deploy.subject]
organization = "acme-inc"
pipeline = "acme-inc/infra"
ref = "refs/heads/main"
step = { glob = "test-*" }
any = ["commit"]
"#,
        ),
        Sample::of(
            r#"
# service accounts of one namespace, asked for in another
[issuer.production]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.deployers]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "1h"

[trust.deployers.subject]
namespace = { glob = "team-*" }
service-account = { glob = "release/*" }
"#,
        ),
        Sample::of(
            r#"
# over before it begins
[issuer.sso]
model = "oidc"
url = "https://sso.acme.example/realms/workloads"

[trust.change]
issuer = "sso"
audience = "https://ledger.acme.example"
token_lifetime = "5m"
subject = "b7e6d0f2-4c1a-4e7b-8f35-90d2c6a1e548"
expires = 2026-11-01T00:00:00Z
window = { from = 2026-11-28T22:00:00Z, until = 2026-11-29T02:00:00Z }
"#,
        ),
        Sample::of(
            r#"
# a forbid that asks for a claim to be there and not to be there
[issuer.sso]
model = "oidc"
url = "https://sso.acme.example/realms/workloads"

[trust.batch]
issuer = "sso"
audience = "https://ledger.acme.example"
token_lifetime = "5m"
subject = "b7e6d0f2-4c1a-4e7b-8f35-90d2c6a1e548"

[forbid.delegated]
issuer = "sso"
claims = { act = { present = true } }

[[forbid.delegated.nested]]
path = ["act"]
absent = true
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let all = review.statements.iter();
    let never = all.filter(|stated| review.is_possible(&RULE, stated) == Some(false));
    never.map(|stated| finding(review, stated)).collect()
}

fn finding(review: &Review<'_>, stated: &Stated<'_>) -> Finding {
    let message = format!(
        "no token of `{}` is one that statement `{}` speaks of",
        stated.issuer.url,
        stated.name()
    );
    let finding = Finding::new(&RULE, &stated.written.name.place, message)
        .of_statement(stated.name())
        .label("asks for what no token has");
    match exclusive(review, stated) {
        Some(labels) => finding.hint(hint(&labels)),
        None => finding,
    }
}

fn hint(labels: &[&str]) -> String {
    match labels {
        [one] => format!("what is asked of `{one}` can't be met"),
        several => format!("{} exclude each other", listed(several)),
    }
}

/// The most conditions among which those that exclude each other are looked for.
const MOST: usize = 32;

/// Conditions that can't be met together, each of which it takes for that; none
/// where they are not found.
fn exclusive<'p>(review: &Review<'_>, stated: &Stated<'p>) -> Option<Vec<&'p str>> {
    let mut kept: Vec<&Condition> = stated.compiled.conditions.iter().collect();
    if kept.len() > MOST {
        return None;
    }
    let budget = Budget::new(review.steps());
    let mut at = 0;
    while at < kept.len() {
        let mut without = kept.clone();
        without.remove(at);
        match is_met(review, stated, &without, &budget) {
            Ok(false) => kept = without,
            Ok(true) => at += 1,
            Err(Exceeded) => return None,
        }
    }
    let mut labels: Vec<&str> = kept.iter().map(|one| one.label.as_str()).collect();
    labels.dedup();
    (!labels.is_empty()).then_some(labels)
}

/// Whether some token meets these conditions of a statement.
fn is_met(
    review: &Review<'_>,
    stated: &Stated<'_>,
    conditions: &[&Condition],
    budget: &Budget,
) -> Result<bool, Exceeded> {
    let (effect, program) = (&stated.compiled.effect, &review.policy.program);
    let region = meant(effect, conditions.iter().copied(), program, budget)?;
    let issuer = stated.issuer;
    let found = naming::example(&region, &issuer.url, &issuer.model, budget)?;
    Ok(found.is_some())
}
