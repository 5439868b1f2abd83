//! Audiences that are everybody's.

use std::collections::HashSet;

use claimbound_issuers::{IssuerForm, Registry};

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::Review;
use crate::lint::rule::{Check, Rule, Sample};

/// The audiences that widespread clients and issuers ask for unless they are told
/// otherwise, without `https://` and in lower case.
const DEFAULTS: &[&str] = &[
    "api://azureadtokenexchange",
    "api://azureadtokenexchangechina",
    "api://azureadtokenexchangeusgov",
    "aws.workload.identity",
    "pypi",
    "sigstore",
    "sts.amazonaws.com",
    "vault",
    "vault.workload.identity",
];

/// Words that say nothing of who is meant, in lower case.
const WORDS: &[&str] = &[
    "access",
    "account",
    "admin",
    "api",
    "app",
    "application",
    "audience",
    "auth",
    "aws",
    "azure",
    "backend",
    "ci",
    "client",
    "cloud",
    "default",
    "deploy",
    "deployment",
    "dev",
    "development",
    "example",
    "gateway",
    "gcp",
    "github",
    "gitlab",
    "internal",
    "jwt",
    "k8s",
    "kubernetes",
    "live",
    "main",
    "me",
    "my-api",
    "my-app",
    "oauth",
    "oidc",
    "platform",
    "prod",
    "production",
    "public",
    "resource",
    "self",
    "server",
    "service",
    "services",
    "staging",
    "sts",
    "test",
    "testing",
    "token",
    "user",
    "users",
    "web",
    "workload",
    "www",
];

pub(super) static RULE: Rule = Rule {
    name: "generic-audience",
    severity: Severity::Warning,
    summary: "A statement's audience is one that many relying parties share.",
    why: "\
The audience says whom a token is for, and that is what keeps a token that somebody else was given \
from being used here. A default such as `sts.amazonaws.com`, a word such as `api`, or the issuer's \
own URL is the audience of thousands of services: each of them that is sent a token of this \
subject can present it here.

Found are well-known defaults of clouds, secret stores and signing services, the addresses of a \
cluster's own API server, the owner's page on GitHub (which its tokens have for an audience unless \
the job asks for another), URLs of issuers, single common words, and names of the machine itself. \
A URL of one's own, a SPIFFE ID and the id of a client or of an application are fine.",
    fix: "\
Have the workload ask for a token for this service, by a URL of its own: `audience = \
\"https://deploy.acme.example\"`. Where a client can't ask for another audience, give this service \
an issuer or an application of its own.",
    controls: &[Control::PrAa04, Control::Nhi6, Control::Fal],
    references: &["RFC 8725 section 3.9 (Use and Validate Audience)"],
    accepted: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://api.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# the id of an application
[issuer.entra]
model = "entra"
url = "https://login.microsoftonline.com/7d1c5a3e-0b42-4f6a-9a57-2c8e41b0d9f3/v2.0"

[trust.agent]
issuer = "entra"
audience = "c0a8f1de-5b7e-4d0c-8e11-6f2a93b4d755"
token_lifetime = "90m"
subject = "Q2x1c3Rlci1hZ2VudC1hY21lLXBhaXJ3aXNlLTAwMDE"
"#,
        ),
        Sample::of(
            r#"
[issuer.mesh]
model = "spiffe"
url = "https://mesh.acme.example"

[trust.writer]
issuer = "mesh"
audience = "spiffe://acme.example/payments/api"
token_lifetime = "5m"
subject = "spiffe://acme.example/payments/writer"
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "sts.amazonaws.com"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# what a token is for whose job asks for nothing
[trust.main]
issuer = "github"
audience = "https://github.com/acme"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
[issuer.cluster]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/eu-1"

[trust.deployer]
issuer = "cluster"
audience = "https://kubernetes.default.svc.cluster.local"
token_lifetime = "1h"

[trust.deployer.subject]
namespace = "release"
service-account = { name = "release/deployer", id = "3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718" }
"#,
        ),
        Sample::of(
            r#"
# the issuer itself
[issuer.forge]
model = "gitlab"
url = "https://gitlab.acme.example"

[trust.main]
issuer = "forge"
audience = "https://gitlab.acme.example/"
token_lifetime = "1h"

[trust.main.subject]
namespace = { name = "platform", id = "12" }
project = { name = "platform/infra", id = "345" }
ref_type = "branch"
ref = "main"
"#,
        ),
        Sample::of(
            r#"
[issuer.mesh]
model = "spiffe"
url = "https://mesh.acme.example"

[trust.reader]
issuer = "mesh"
audience = "api"
token_lifetime = "5m"
subject = "spiffe://acme.example/payments/reader"

[trust.writer]
issuer = "mesh"
audience = "http://localhost:8080"
token_lifetime = "5m"
subject = "spiffe://acme.example/payments/writer"
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let issuers = issuers(review);
    let found = review.trusts().filter_map(|(stated, trust)| {
        let audience = trust.audience.as_ref()?;
        let what = Shared::of(&audience.value, &issuers)?;
        let message = format!(
            "audience `{}` is shared by many relying parties",
            audience.value
        );
        let finding = Finding::new(&RULE, &audience.place, message)
            .of_statement(stated.name())
            .label(what.words());
        Some(finding)
    });
    found.collect()
}

/// The URLs of issuers, plain: the document's, and those that a model lists in full.
fn issuers(review: &Review<'_>) -> HashSet<String> {
    let own = review
        .policy
        .issuers
        .iter()
        .map(|issuer| issuer.url.as_str());
    let forms = Registry::standard()
        .iter()
        .flat_map(|model| model.issuers());
    let known = forms.filter(|form| form.is_exact()).map(IssuerForm::url);
    own.chain(known).map(plain).collect()
}

/// A text without `https://` and the last slash, in lower case.
fn plain(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    let text = text.strip_prefix("https://").unwrap_or(&text);
    text.strip_suffix('/').unwrap_or(text).to_owned()
}

/// What an audience is that many share.
#[derive(Clone, Copy)]
enum Shared {
    Default,
    Cluster,
    Owner,
    Issuer,
    Word,
    Machine,
}

impl Shared {
    fn of(audience: &str, issuers: &HashSet<String>) -> Option<Self> {
        let plain = plain(audience);
        let text = plain.as_str();
        // What GitHub's tokens are for where the job asks for nothing.
        let is_owner = |text: &str| {
            text.strip_prefix("github.com/")
                .is_some_and(|owner| !owner.contains('/'))
        };
        let found = [
            (DEFAULTS.contains(&text), Self::Default),
            (text.starts_with("kubernetes.default"), Self::Cluster),
            (is_owner(text), Self::Owner),
            (issuers.contains(text), Self::Issuer),
            (WORDS.contains(&text), Self::Word),
            (is_machine(text), Self::Machine),
        ];
        let mut found = found.into_iter();
        found.find(|(is_so, _)| *is_so).map(|(_, what)| what)
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Default => "the default of a widespread client",
            Self::Cluster => "the API server of every cluster",
            Self::Owner => "what every job of this owner gets that asks for nothing",
            Self::Issuer => "the URL of an issuer, not of whom its tokens are for",
            Self::Word => "a word that says nothing of who is meant",
            Self::Machine => "whichever machine it is read on",
        }
    }
}

/// Whether it is a name of the machine itself, with or without a port and a path.
fn is_machine(text: &str) -> bool {
    let text = text.strip_prefix("http://").unwrap_or(text);
    let (host, _) = text.split_once('/').unwrap_or((text, ""));
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => host.split_once(':').map_or(host, |(host, _)| host),
    };
    matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0" | "::1") || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_shared(audience: &str) -> bool {
        let issuers = HashSet::from(["sso.acme.example/realms/one".to_owned()]);
        Shared::of(audience, &issuers).is_some()
    }

    #[test]
    fn audiences_of_everybody_are_told_from_ones_own() {
        for audience in [
            "STS.amazonaws.com",
            "https://sts.amazonaws.com/",
            "api://AzureADTokenExchange",
            "https://kubernetes.default.svc",
            "https://github.com/acme",
            "https://sso.acme.example/realms/one",
            "Prod",
            "localhost",
            "https://[::1]:8443/x",
            "http://api.localhost/",
        ] {
            assert!(is_shared(audience), "{audience}");
        }
        for audience in [
            "https://sts.acme.example",
            "api://deploy.acme.example",
            "https://github.com/acme/infra",
            "https://sso.acme.example/realms/one/service",
            "prod-deploy-acme",
            "https://localhost.acme.example",
            "c0a8f1de-5b7e-4d0c-8e11-6f2a93b4d755",
            "spiffe://acme.example/payments/api",
        ] {
            assert!(!is_shared(audience), "{audience}");
        }
    }

    #[test]
    fn lists_are_spelt_as_they_are_compared() {
        for text in DEFAULTS.iter().chain(WORDS) {
            assert_eq!(plain(text), *text);
        }
    }
}
