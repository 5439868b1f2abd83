//! Statements whose tokens others take.

use crate::budget::{Budget, Exceeded};
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity, listed};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::naming::{self, Found};
use crate::region::Region;

pub(super) static RULE: Rule = Rule {
    name: "shadowed",
    severity: Severity::Error,
    summary: "A statement could match, but others take all its tokens before it.",
    why: "\
The first trust that matches decides, and a forbid decides before any trust. A trust all of whose tokens \
are taken so grants nothing: its grant, its obligations and its window are read by people and by nobody \
else. If it was written to be stricter than the one before it, the policy is looser than it looks. A \
forbid all of whose tokens another forbid refuses as well changes nothing either, and whoever takes that \
other one out because this one is still there is right only by luck.

It is decided by sets of tokens and the naming model: of what the statement speaks of, everything is \
taken away that earlier trusts and forbids take; if nothing is left that the issuer can sign, it is found. \
The message names those that take its tokens. A forbid is held against each other forbid by itself; of two that forbid the \
same, the later is found.",
    fix: "\
Put the narrower statement before the wider one, let the two exclude each other, or take out the one that \
decides nothing.",
    controls: &[Control::PrAa05, Control::Nhi5, Control::Tenet4, Control::IdRa01],
    references: &[],
    accepted: &[
        Sample::of(
            r#"
# the narrower one stands first
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
single_use = true
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"

[trust.branches]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = { owner = { name = "acme", id = "123456" }, repository = { name = "acme/infra", id = "456789" }, ref = { glob = "refs/heads/*" } }
"#,
        ),
        Sample::of(
            r#"
# some of it is taken, and not all
[issuer.production]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.builders]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = { namespace = "release", service-account = { glob = "release/build-*" } }

[trust.release]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = { namespace = "release", service-account = { glob = "release/*" } }

[forbid.tests]
issuer = "production"
subject = { glob = "system:serviceaccount:release:*-test" }
"#,
        ),
        Sample::of(
            r#"
# each forbids what the other does not
[issuer.forge]
model = "gitlab"
url = "https://git.acme.example"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = "project_id:456789:ref_type:branch:ref:main"

[forbid.merge-requests]
issuer = "forge"
claims = { pipeline_source = ["merge_request_event", "external_pull_request_event"] }

[forbid.triggers]
issuer = "forge"
claims = { pipeline_source = ["external_pull_request_event", "trigger"] }
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
# the stricter one never decides
[issuer.production]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.release]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = { namespace = "release", service-account = { glob = "release/*" } }

[trust.deployer]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "10m"
single_use = true
subject = "system:serviceaccount:release:deployer"
"#,
        ),
        Sample::of(
            r#"
# two together take it all
[issuer.buildkite]
model = "buildkite"

[trust.main]
issuer = "buildkite"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = { organization = { name = "acme-inc", id = "0186c5a1-2f10-4a44-9c2b-7d1e6b0d5a11" }, pipeline = "acme-inc/infra", ref = "refs/heads/main", any = ["commit", "step"] }
claims = { step_key = { glob = "deploy-*" } }

[trust.others]
issuer = "buildkite"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = { organization = { name = "acme-inc", id = "0186c5a1-2f10-4a44-9c2b-7d1e6b0d5a11" }, pipeline = "acme-inc/infra", ref = "refs/heads/main", any = ["commit", "step"] }
claims = { step_key = { glob = "test-*" } }

[trust.steps]
issuer = "buildkite"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = { organization = { name = "acme-inc", id = "0186c5a1-2f10-4a44-9c2b-7d1e6b0d5a11" }, pipeline = "acme-inc/infra", ref = "refs/heads/main", any = ["commit", "step"] }
claims = { step_key = ["deploy-eu", "test-eu"] }
"#,
        ),
        Sample::of(
            r#"
# what is trusted is forbidden
[trust.comments]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"
claims = { event_name = "issue_comment" }

[forbid.foreign-content]
issuer = "github"
claims = { event_name = ["pull_request_target", "issue_comment", "workflow_run"] }
"#,
        ),
        Sample::of(
            r#"
# one forbid within another
[issuer.forge]
model = "gitlab"
url = "https://git.acme.example"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = "project_id:456789:ref_type:branch:ref:main"

[forbid.forks]
issuer = "forge"
claims = { pipeline_source = "external_pull_request_event" }

[forbid.merge-requests]
issuer = "forge"
claims = { pipeline_source = ["merge_request_event", "external_pull_request_event"] }
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let all = review.statements.iter();
    let possible = all.filter(|stated| review.is_possible(&RULE, stated) == Some(true));
    let found = possible.filter_map(|stated| match stated.grant() {
        Some(_) => shadowed_trust(review, stated),
        None => shadowed_forbid(review, stated),
    });
    found.collect()
}

/// A trust that decides no token, with those that take its tokens.
fn shadowed_trust<'p>(review: &Review<'p>, stated: &Stated<'p>) -> Option<Finding> {
    if review.decides(&RULE, stated)? {
        return None;
    }
    let takers = review.ask_alone(&RULE, stated, |region, steps| {
        let budget = Budget::new(steps);
        let mut takers = Vec::new();
        for other in review.neighbours(stated, &budget)? {
            let comes_first = other.grant().is_none() || other.place < stated.place;
            if comes_first && shares(region, other, &budget)? {
                takers.push(other.name());
            }
        }
        Ok(takers)
    });
    let takers = takers?;
    let take = if takers.len() == 1 { "takes" } else { "take" };
    let message = format!(
        "statement `{}` decides no token, for {} {take} them all",
        stated.name(),
        listed(takers)
    );
    let finding = Finding::new(&RULE, &stated.written.name.place, message)
        .of_statement(stated.name())
        .label("grants nothing");
    Some(finding)
}

/// Whether the issuer can sign a token of a region that another statement speaks of.
fn shares(region: &Region, other: &Stated<'_>, budget: &Budget) -> Result<bool, Exceeded> {
    let both = region.and(other.spoken_of()?, budget)?;
    can_be_signed(&both, other, budget)
}

fn can_be_signed(region: &Region, of: &Stated<'_>, budget: &Budget) -> Result<bool, Exceeded> {
    Ok(signed(region, of, budget)?.is_some())
}

fn signed(region: &Region, of: &Stated<'_>, budget: &Budget) -> Result<Option<Found>, Exceeded> {
    naming::example(region, &of.issuer.url, &of.issuer.model, budget)
}

/// The most forbids with tokens in common that one is compared with.
const MOST_FORBIDS: usize = 32;

/// A forbid whose tokens another forbids as well.
fn shadowed_forbid<'p>(review: &Review<'p>, stated: &Stated<'p>) -> Option<Finding> {
    let other = review.ask_alone(&RULE, stated, |region, steps| {
        let budget = Budget::new(steps);
        // One that does not take this token of it does not take them all.
        let token = signed(region, stated, &budget)?.unwrap_or_default();
        let mut compared = 0;
        for other in review.neighbours(stated, &budget)? {
            if other.grant().is_some() || !other.spoken_of()?.may_contain(&token) {
                continue;
            }
            compared += 1;
            if compared > MOST_FORBIDS {
                return Err(Exceeded);
            }
            if takes_all(region, stated, other, &budget)? {
                return Ok(Some(other.name()));
            }
        }
        Ok(None)
    });
    let message = format!(
        "statement `{}` forbids nothing that `{}` does not forbid as well",
        stated.name(),
        other??
    );
    let finding = Finding::new(&RULE, &stated.written.name.place, message)
        .of_statement(stated.name())
        .label("changes nothing");
    Some(finding)
}

/// Whether another forbid takes all of a region, and is not the later of two that
/// forbid the same.
fn takes_all(
    region: &Region,
    stated: &Stated<'_>,
    other: &Stated<'_>,
    budget: &Budget,
) -> Result<bool, Exceeded> {
    let taken = other.spoken_of()?;
    let is_left = can_be_signed(&region.minus(taken, budget)?, stated, budget)?;
    if is_left || other.place < stated.place {
        return Ok(!is_left);
    }
    can_be_signed(&taken.minus(region, budget)?, stated, budget)
}
