//! Bounds on lifetime and age that bound nothing.

use claimbound_language::{Placed, Trust};

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};

pub(super) static RULE: Rule = Rule {
    name: "long-lifetime",
    severity: Severity::Warning,
    summary: "A bound on a token's lifetime or age is longer than any token gets.",
    why: "\
A stolen token is worth something for as long as it is accepted. `token_lifetime` is the longest that a token may live, \
`max_age` the longest since it was issued. An issuer whose tokens never live longer than five minutes \
meets a bound of an hour without looking; on the day that it signs one of an hour, by a change or by a \
mistake, the policy takes it. A `max_age` beyond `token_lifetime` is never reached: the token has expired \
before.

It is decided from the naming model, which says how long tokens are seen to live where that is known, and \
from the two bounds themselves.",
    fix: "\
Set `token_lifetime` to what the issuer's tokens live (`\"5m\"` at GitHub, `\"1h\"` at Google), and \
`max_age` below it.",
    controls: &[
        Control::Nhi7,
        Control::PrAa01,
        Control::Tenet3,
        Control::Tenet6,
    ],
    references: &[],
    accepted: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
max_age = "5m"
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# nobody says how long these live: as long as the job may take
[issuer.gitlab]
model = "gitlab"

[trust.infra]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "3h"
max_age = "10m"

[trust.infra.subject]
namespace = { name = "acme/platform", id = "123456" }
project = { name = "acme/platform/infra", id = "456789" }
ref_type = "branch"
ref = "main"
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "15m"
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
[issuer.google]
model = "google"

[trust.batch]
issuer = "google"
audience = "https://ledger.acme.example"
token_lifetime = "12h"
subject = "108204268033311374519"
"#,
        ),
        Sample::of(
            r#"
# the token has expired before
[issuer.cluster]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.deployer]
issuer = "cluster"
audience = "https://registry.acme.example"
token_lifetime = "10m"
max_age = "1h"

[trust.deployer.subject]
namespace = "release"
service-account = { name = "release/deployer", id = "3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718" }
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let found = review.trusts().flat_map(|(stated, trust)| {
        let lifetime = trust.token_lifetime.as_ref();
        [
            lifetime.and_then(|lifetime| past_the_issuers(stated, lifetime)),
            past_the_lifetime(stated, trust),
        ]
    });
    found.flatten().collect()
}

fn past_the_issuers(stated: &Stated<'_>, lifetime: &Placed<u64>) -> Option<Finding> {
    let model = &stated.issuer.model;
    let longest = u64::from(model.usual_lifetime()?);
    if lifetime.value <= longest {
        return None;
    }
    let message = format!(
        "statement `{}` accepts tokens of {} s, and those of `{}` live {longest} s at most",
        stated.name(),
        lifetime.value,
        stated.issuer.alias
    );
    let finding = Finding::new(&RULE, &lifetime.place, message)
        .of_statement(stated.name())
        .label("longer than any token lives")
        .hint(format!(
            "`token_lifetime = \"{}\"` is enough",
            written(longest)
        ));
    Some(finding)
}

/// Seconds as a document has them.
fn written(seconds: u64) -> String {
    match (seconds % 3600, seconds % 60) {
        (0, _) => format!("{}h", seconds / 3600),
        (_, 0) => format!("{}m", seconds / 60),
        (_, _) => format!("{seconds}s"),
    }
}

fn past_the_lifetime(stated: &Stated<'_>, trust: &Trust) -> Option<Finding> {
    let (age, lifetime) = (trust.max_age.as_ref()?, trust.token_lifetime.as_ref()?);
    if age.value <= lifetime.value {
        return None;
    }
    let message = format!(
        "`max_age` of statement `{}` is {} s, and a token of {} s has expired before",
        stated.name(),
        age.value,
        lifetime.value
    );
    let finding = Finding::new(&RULE, &age.place, message)
        .of_statement(stated.name())
        .label("never reached");
    Some(finding)
}
