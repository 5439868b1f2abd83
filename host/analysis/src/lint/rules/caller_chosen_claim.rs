//! Conditions on what the caller chooses.

use std::ops::Range;

use claimbound_issuers::{Chooser, Need, Role};
use claimbound_language::Subject;

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::openness::left_open;
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::lint::rules::open_branch::narrowing;

pub(super) static RULE: Rule = Rule {
    name: "caller-chosen-claim",
    severity: Severity::Warning,
    summary: "A condition asks for what the caller chooses, so it looks like a check and is none.",
    why: "\
The source branch of a pull request (`head_ref`), the display name of a workflow (`workflow`) and whoever \
caused the run (`actor`) are what somebody outside makes them: a fork's branch may be called `release`, its \
workflow `deploy`. To ask that they be something, or that they be not, keeps nobody out who knows the \
policy. Names of people (`user_login`, `email`, `preferred_username`) can change and be given to others; as \
the only thing that narrows a statement they are no boundary either.

It is decided from the naming model, which says who can choose each claim and each part: a condition on \
one that anybody can choose is found, whatever it asks. What started a run, which branch it is of and where \
its code comes from are left to other rules. A condition on a claim that names people is found where the \
statement goes on accepting tokens while all else that narrows it takes ever new values.",
    fix: "\
Take the condition out, and ask for what the caller can't choose: ids, a protected branch, a restricted \
environment, the file at a guarded ref (`job_workflow_ref` in place of `workflow`).",
    controls: &[
        Control::Nhi6,
        Control::PrAa04,
        Control::Tenet4,
        Control::CicdSec4,
    ],
    references: &[],
    accepted: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { event_name = "push", job_workflow_ref = "acme/infra/.github/workflows/deploy.yml@refs/heads/main" }

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# a person beside a protected branch
[issuer.gitlab]
model = "gitlab"

[trust.infra]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
claims = { user_login = "release-bot", ref_protected = "true" }

[trust.infra.subject]
namespace = { name = "acme/platform", id = "123456" }
project = { name = "acme/platform/infra", id = "456789" }
ref_type = "branch"
ref = "main"
"#,
        ),
        Sample::of(
            r#"
# the subject says who it is, and the address is shown to people
[issuer.sso]
model = "oidc"
url = "https://sso.acme.example/realms/workloads"

[trust.batch]
issuer = "sso"
audience = "https://ledger.acme.example"
token_lifetime = "5m"
subject = "b7e6d0f2-4c1a-4e7b-8f35-90d2c6a1e548"
claims = { email = "batch@acme.example" }
"#,
        ),
        Sample::of(
            r#"
# the branch is the fork's own where forks are built, which other rules speak of
[issuer.buildkite]
model = "buildkite"

[trust.deploy]
issuer = "buildkite"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { build_branch = "main" }

[trust.deploy.subject]
organization = { name = "acme", id = "0184990a-4c19-4a7c-8c5a-4a3c7b0e8f01" }
pipeline = { name = "acme/deploy", id = "0184990a-4c19-4a7c-8c5a-4a3c7b0e8f02" }
ref = "refs/heads/main"
any = ["commit", "step"]
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { workflow = "deploy", actor = ["alice", "bob"] }
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# keeps nobody out
[trust.review]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { head_ref = { none_of = ["main"] }, base_ref = { absent = true } }
subject = "repo:acme@123456/infra@456789:pull_request"
"#,
        ),
        Sample::of(
            r#"
# whoever started the job, in the subject
[issuer.circleci]
model = "circleci"
url = "https://oidc.circleci.com/org/3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"

[trust.main]
issuer = "circleci"
audience = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"
token_lifetime = "1h"
claims = { "oidc.circleci.com/vcs-origin" = "github.com/acme/infra" }

[trust.main.subject]
organization = { name = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90", id = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90" }
project = { name = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607", id = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607" }
user = "9b0c1d2e-3f40-4a5b-8c6d-7e8f90a1b2c3"
"#,
        ),
        Sample::of(
            r#"
# a person and nothing else
[issuer.gitlab]
model = "gitlab"

[trust.infra]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
claims = { user_login = "release-bot" }

[trust.infra.subject]
namespace = { name = "acme/platform", id = "123456" }
project = { name = "acme/platform/infra", id = "456789" }
any = ["ref_type", "ref"]
"#,
        ),
        Sample::of(
            r#"
# an address can be given to somebody else
[issuer.sso]
model = "oidc"
url = "https://sso.acme.example/realms/people"

[trust.operators]
issuer = "sso"
audience = "https://ledger.acme.example"
token_lifetime = "5m"
subject = { glob = "**" }
claims = { email = "operator@acme.example" }
"#,
        ),
    ],
    check: Check::Policy(check),
};

/// A condition as it was written.
struct Asked<'p> {
    /// How its author would name it.
    label: String,
    place: &'p Range<usize>,
    chooser: Chooser,
    role: Option<Role>,
}

/// What is said of a condition by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Anybody can choose it.
    Anybodys,
    /// It names people.
    People,
}

impl Asked<'_> {
    fn fault(&self) -> Option<Fault> {
        match (self.chooser, self.role) {
            (_, Some(Role::Trigger | Role::Branch | Role::Origin)) => None,
            (Chooser::Outsider, _) => Some(Fault::Anybodys),
            (Chooser::Insider, Some(Role::Person)) => Some(Fault::People),
            (Chooser::Insider | Chooser::Issuer, _) => None,
        }
    }

    fn finding(&self, stated: &Stated<'_>, fault: Fault) -> Finding {
        let (name, label) = (stated.name(), &self.label);
        let (message, label) = match fault {
            Fault::Anybodys => (
                format!("anybody chooses `{label}`, so statement `{name}` checks nothing by it"),
                "the caller's own choice",
            ),
            Fault::People => (
                format!("`{label}` names people, and nothing else narrows statement `{name}`"),
                "can change, and be given to others",
            ),
        };
        Finding::new(&RULE, self.place, message)
            .of_statement(name)
            .label(label)
    }
}

fn check(review: &Review<'_>) -> Vec<Finding> {
    let trusts = review.trusts();
    trusts.flat_map(|(stated, _)| of(review, stated)).collect()
}

fn of<'p>(review: &Review<'p>, stated: &Stated<'p>) -> Vec<Finding> {
    let asked = claims(stated).chain(fields(stated));
    let faults = asked.filter_map(|one| Some((one.fault()?, one)));
    let mut faults: Vec<(Fault, Asked<'_>)> = faults.collect();
    let names_people = faults.iter().any(|(fault, _)| *fault == Fault::People);
    if names_people && !is_alone(review, stated) {
        faults.retain(|(fault, _)| *fault != Fault::People);
    }
    let found = faults
        .iter()
        .map(|(fault, one)| one.finding(stated, *fault));
    found.collect()
}

/// What a statement asks of claims that its model knows.
fn claims<'p>(stated: &Stated<'p>) -> impl Iterator<Item = Asked<'p>> {
    let (model, conditions) = (&stated.issuer.model, stated.written.claims.iter());
    conditions.filter_map(|condition| {
        let claim = model.claim(&condition.path.value)?;
        Some(Asked {
            label: condition.label(),
            place: &condition.path.place,
            chooser: claim.chooser(),
            role: claim.role(),
        })
    })
}

/// What a table asks of parts of the subject that are no names.
fn fields<'p>(stated: &Stated<'p>) -> impl Iterator<Item = Asked<'p>> {
    let model = &stated.issuer.model;
    let table = match stated.written.subject.as_ref().map(|one| &one.value) {
        Some(Subject::Table(table)) => Some(table),
        Some(Subject::Literal(_) | Subject::Whole(_)) | None => None,
    };
    let fields = table.into_iter().flat_map(|table| &table.fields);
    let fields = fields.filter(|field| model.kind(&field.name.value).is_none());
    fields.filter_map(|field| {
        let part = model.part(&field.name.value)?;
        Some(Asked {
            label: format!("subject.{}", part.name()),
            place: &field.name.place,
            chooser: part.chooser(),
            role: model.role_of_part(part),
        })
    })
}

/// Whether nothing else narrows a statement: neither what says which run it is, nor,
/// where the model knows nothing of runs, an id.
fn is_alone<'p>(review: &Review<'p>, stated: &Stated<'p>) -> bool {
    let model = &stated.issuer.model;
    let all = narrowing(model);
    if !all.is_empty() {
        return left_open(review, &RULE, stated, &all, &[]).is_some();
    }
    let mut kinds = model.names().iter();
    if kinds.all(|kind| kind.id_need() == Need::None) {
        return false;
    }
    let token = review.token(&RULE, stated, |budget| {
        stated.known.other_ids(model, budget.left()).cloned()
    });
    token.is_some()
}
