//! Runs that somebody outside the organisation can cause.

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::Review;
use crate::lint::rule::{Check, Rule, Sample};

pub(super) static RULE: Rule = Rule {
    name: "foreign-trigger",
    severity: Severity::Warning,
    summary: "A statement accepts tokens of runs that somebody outside has caused.",
    why: "\
`pull_request_target`, `issue_comment`, `workflow_run` and their like run with the identity of the base \
repository, on its default branch, because a stranger opened, commented, starred or forked. The subject \
reads like that of a push to the branch. Where such a workflow touches what the stranger sent (checks it \
out, runs a script of it, prints its title into a shell), the stranger has the token. At GitLab, a member \
who runs the pipeline of a fork's merge request runs the fork's code in the project.

It is decided from the naming model, which lists the causes that are open to outsiders. The example is a \
token of such a run that the statement accepts.",
    fix: "\
Say which events may have started the run: `event_name = [\"push\", \"workflow_dispatch\"]` at GitHub, \
`pipeline_source = [\"push\", \"web\"]` at GitLab; or forbid the others for every statement.",
    controls: &[
        Control::Nhi3,
        Control::Nhi6,
        Control::CicdSec1,
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
claims = { event_name = ["push", "workflow_dispatch"] }

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"
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

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"
"#,
        ),
    ],
    check: Check::Policy(check),
};

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is of one lifetime, and the question is asked of any"
)]
fn check(review: &Review<'_>) -> Vec<Finding> {
    let found = review.trusts().filter_map(|(stated, _)| {
        let token = review.outsider(&RULE, stated, |outsider, steps| outsider.triggers(steps))?;
        let message = format!(
            "statement `{}` accepts runs that somebody outside has caused",
            stated.name()
        );
        let finding = Finding::new(&RULE, &stated.written.name.place, message)
            .of_statement(stated.name())
            .label("says nothing of what may have started the run")
            .shown_by(token);
        Some(finding)
    });
    found.collect()
}
