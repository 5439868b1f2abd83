//! Tokens that are for others as well.

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::Review;
use crate::lint::rule::{Check, Rule, Sample};
use crate::values::Values;
use crate::variable::Variable;

pub(super) static RULE: Rule = Rule {
    name: "shared-audience",
    severity: Severity::Warning,
    summary: "A statement accepts tokens that are for others as well, and any of those can present them here.",
    why: "\
Whoever a token is for gets to see it. A token with several audiences is seen by several parties, \
and each of them can present it to the others until it expires: what one service is given opens \
the next. A token that is used once (`single_use`) does not help, for the other party may come \
first.

It is found where `shared_audience = true` lets such tokens in and the statement does not ask the \
caller to prove that the token is its own (`proof`). The example is a token of two audiences.",
    fix: "\
Have the caller ask for a token for this service alone, and take `shared_audience` out. Where the \
issuer always writes several audiences, bind the token to a key and ask for the proof: `proof = { \
method = \"dpop\" }`.",
    controls: &[Control::PrAa04, Control::Fal, Control::Nhi9],
    references: &[
        "RFC 8725 section 3.9 (Use and Validate Audience)",
        "SPIFFE JWT-SVID section 7.2 (a single audience)",
    ],
    accepted: &[
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
        Sample::of(
            r#"
# others see the token, and can't prove that it is theirs
[issuer.mesh]
model = "spiffe"
url = "https://mesh.acme.example"

[trust.writer]
issuer = "mesh"
audience = "spiffe://acme.example/payments/ledger"
shared_audience = true
token_lifetime = "5m"
subject = "spiffe://acme.example/payments/writer"
proof = { method = "dpop" }
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
[issuer.mesh]
model = "spiffe"
url = "https://mesh.acme.example"

[trust.writer]
issuer = "mesh"
audience = "spiffe://acme.example/payments/ledger"
shared_audience = true
token_lifetime = "5m"
subject = "spiffe://acme.example/payments/writer"
"#,
        ),
        Sample::of(
            r#"
# the API server's own tokens, taken by another service
[issuer.cluster]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/eu-1"

[trust.deployer]
issuer = "cluster"
audience = "https://registry.acme.example"
shared_audience = true
single_use = true
token_lifetime = "1h"

[trust.deployer.subject]
namespace = "release"
service-account = { name = "release/deployer", id = "3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718" }
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let open = review
        .trusts()
        .filter(|(_, trust)| trust.shared_audience && trust.proof.is_none());
    let found = open.filter_map(|(stated, trust)| {
        let token = review.token(&RULE, stated, |_| {
            let several = Values::of_booleans(true, false);
            Ok(vec![(Variable::SoleAudience, several)])
        })?;
        let place = trust
            .audience
            .as_ref()
            .map_or(&stated.written.name.place, |one| &one.place);
        let message = format!(
            "statement `{}` accepts tokens that are for others as well",
            stated.name()
        );
        let finding = Finding::new(&RULE, place, message)
            .of_statement(stated.name())
            .label("need not stand alone in `aud`")
            .shown_by(token);
        Some(finding)
    });
    found.collect()
}
