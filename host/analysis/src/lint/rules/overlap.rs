//! Tokens that two trusts take, and that the order of the document decides.

use claimbound_language::Example as Token;

use crate::budget::{Budget, Exceeded};
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::takeover::accepted;

pub(super) static RULE: Rule = Rule {
    name: "overlap",
    severity: Severity::Warning,
    summary: "Two trusts take some token both and do not grant the same, so that their order decides.",
    why: "\
The first trust that matches decides: its grant and its obligations are the ones. Where two trusts match \
one token and grant different things, whoever moves a statement changes what is granted, and an obligation \
such as single use can be lost to a looser statement that stands before. A reader of either statement alone \
is wrong about some tokens.

It is decided by sets of tokens: those that one trust decides, and of these the ones that meet every \
condition of a later trust. Statements with equal grants and obligations are left alone, and so is a \
statement that never decides, of which another rule tells. The example is a token that both take.",
    fix: "\
Let the statements exclude each other: give the wider one what tells its tokens from the other's, such as \
an environment, a ref or an audience of its own. If the order is meant, as with an exception that \
stands before the rule, suppress the finding with that reason.",
    controls: &[
        Control::PrAa05,
        Control::Nhi5,
        Control::Nhi9,
        Control::Tenet3,
        Control::CicdSec5,
    ],
    references: &[],
    accepted: &[
        Sample::of(
            r#"
# the environments keep them apart
[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
single_use = true
subject = { owner = { name = "acme", id = "123456" }, repository = { name = "acme/infra", id = "456789" }, environment = "production" }
grant = { roles = ["deployer"] }

[trust.staging]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = { owner = { name = "acme", id = "123456" }, repository = { name = "acme/infra", id = "456789" }, environment = { glob = "staging-*" } }
grant = { roles = ["tester"] }
"#,
        ),
        Sample::of(
            r#"
# both take pushes to `main`, and grant the same
[issuer.forge]
model = "gitlab"
url = "https://git.acme.example"

[trust.branches]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = { glob = "project_id:456789:ref_type:branch:ref:*" }
grant = { roles = ["reader"] }

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = "project_id:456789:ref_type:branch:ref:main"
grant = { roles = ["reader"] }
"#,
        ),
        Sample::of(
            r#"
# what both would take is forbidden
[issuer.production]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.release]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = { namespace = "release", service-account = { glob = "release/*" } }
grant = { scopes = ["images.push"] }

[trust.mirrors]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = { glob = "system:serviceaccount:*:mirror" }
grant = { scopes = ["images.pull"] }

[forbid.both]
issuer = "production"
subject = "system:serviceaccount:release:mirror"
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
# a job of the environment on `main` is of both
[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = { owner = { name = "acme", id = "123456" }, repository = { name = "acme/infra", id = "456789" }, environment = "production" }
grant = { roles = ["deployer"] }

[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = { owner = { name = "acme", id = "123456" }, repository = { name = "acme/infra", id = "456789" }, environment = { glob = "*" } }
claims = { ref = "refs/heads/main" }
grant = { roles = ["reader"] }
"#,
        ),
        Sample::of(
            r#"
# single use is lost for whatever the first takes
[issuer.production]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.release]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = { namespace = "release", service-account = { glob = "release/build-*" } }
grant = { scopes = ["images.push"] }

[trust.push]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "1h"
single_use = true
subject = { namespace = "release", service-account = { glob = "release/*-push" } }
grant = { scopes = ["images.push"] }
"#,
        ),
        Sample::of(
            r#"
[issuer.forge]
model = "gitlab"
url = "https://git.acme.example"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = "project_id:456789:ref_type:branch:ref:main"
grant = { roles = ["deployer"] }

[trust.branches]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = { glob = "project_id:456789:ref_type:branch:ref:*" }
grant = { roles = ["reader"] }
"#,
        ),
    ],
    check: Check::Policy(check),
};

/// How many times the steps of one question all pairs together may take.
const PATIENCE: u64 = 32;

/// The most overlaps of one statement that are told of.
const MOST: usize = 8;

fn check(review: &Review<'_>) -> Vec<Finding> {
    let all = Budget::new(review.steps().saturating_mul(PATIENCE));
    let trusts = review.trusts();
    trusts
        .flat_map(|(first, _)| overlaps(review, first, &all))
        .collect()
}

/// What a trust decides that later ones take as well.
fn overlaps<'p>(review: &Review<'p>, first: &Stated<'p>, all: &Budget) -> Vec<Finding> {
    let neighbours = review.computed(&RULE, first, |_| review.neighbours(first, all));
    let later = neighbours.into_iter().flatten().filter(|other| {
        let grant = other.grant();
        other.place > first.place && grant.is_some() && grant != first.grant()
    });
    let mut found = Vec::new();
    for second in later {
        let question = Budget::new(review.steps().min(all.left()));
        let before = question.left();
        let both = review.computed(&RULE, first, |_| both(review, first, second, &question));
        // Where all are spent, it is not known of the statements that follow.
        let is_left = all.take(before - question.left()).is_ok() && all.left() > 0;
        found.extend(
            both.flatten()
                .and_then(|token| overlap(review, first, second, token)),
        );
        if found.len() == MOST || !is_left {
            break;
        }
    }
    found
}

/// A token that the first of two trusts decides and the second takes as well.
fn both(
    review: &Review<'_>,
    first: &Stated<'_>,
    second: &Stated<'_>,
    budget: &Budget,
) -> Result<Option<Token>, Exceeded> {
    let both = first.decided()?.and(second.spoken_of()?, budget)?;
    if both.is_empty() {
        return Ok(None);
    }
    let (policy, name) = (review.policy, first.name());
    accepted(policy, first.issuer, name, &both, &[], budget)
}

fn overlap<'p>(
    review: &Review<'p>,
    first: &Stated<'p>,
    second: &Stated<'p>,
    token: Token,
) -> Option<Finding> {
    // One that decides nothing is another rule's.
    if review.decides(&RULE, second) == Some(false) {
        return None;
    }
    let (one, other) = (first.name(), second.name());
    let message =
        format!("statements `{one}` and `{other}` take some token both and do not grant the same");
    let finding = Finding::new(&RULE, &first.written.name.place, message)
        .of_statement(one)
        .label(format!("decides it, for it stands before `{other}`"))
        .shown_by(token);
    Some(finding)
}
