//! Issuers that only look like one that is known.

use claimbound_issuers::{IssuerForm, Registry};
use claimbound_language::{IssuerSummary, Placed};

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::Review;
use crate::lint::rule::{Check, Rule, Sample};

pub(super) static RULE: Rule = Rule {
    name: "issuer-boundary",
    severity: Severity::Error,
    summary: "An issuer's URL looks like that of a known issuer, and is another's or is read as a private one.",
    why: "\
Whoever signs under the issuer's URL decides who gets in. Two kinds of URLs look right and are \
not.

A **host** that begins with, ends with or holds the host of a known issuer belongs to somebody \
else: `https://gitlab.com.evil.example` is a host of `evil.example`, and `https://notgitlab.com` \
of whoever registered it. A port or other letter case makes another issuer too, for `iss` is \
compared byte for byte.

A **path** on the host of an issuer that signs for everyone is not an issuer of one's own: \
`https://gitlab.com/acme` reads like a tenant, and is taken for a private instance, of which no \
tenant is asked for.

It is decided from the naming models: the hosts that are known are those that some model writes \
out; a path is found where such a host signs for everyone and the URL is read by a template that \
has any host. A path that a model knows of that very host, such as that of an enterprise, passes, \
and so does every private host.",
    fix: "\
Give the URL as the issuer writes it in `iss`, byte for byte, or leave `url` out where the model \
has an issuer of its own, and name the tenant in the subject.",
    controls: &[
        Control::Nhi6,
        Control::PrAa03,
        Control::PrAa04,
        Control::TrustAgreement,
    ],
    references: &[
        "RFC 7519 section 4.1.1 (`iss`)",
        "RFC 8725 section 3.8 (Validate Issuer and Subject)",
    ],
    accepted: &[
        Sample::of(
            r#"
# an enterprise's own issuer on the shared host, which the model knows
[issuer.github]
model = "github-actions"
url = "https://token.actions.githubusercontent.com/acme"

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
# a private instance
[issuer.forge]
model = "gitlab"
url = "https://gitlab.acme.example"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
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
# one organisation's issuer
[issuer.circle]
model = "circleci"
url = "https://oidc.circleci.com/org/3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718"

[trust.main]
issuer = "circle"
audience = "3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718"
token_lifetime = "1h"

[trust.main.subject]
organization = "3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718"
project = "51b6e0c4-93a7-4c1f-b0de-8d6a2f7e4410"
vcs_origin = "github.com/acme/infra"
vcs_ref = "refs/heads/main"
any = ["user"]
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
# a host of evil.example
[issuer.forge]
model = "gitlab"
url = "https://gitlab.com.evil.example"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"

[trust.main.subject]
namespace = { name = "acme", id = "12" }
project = { name = "acme/infra", id = "345" }
ref_type = "branch"
ref = "main"
"#,
        ),
        Sample::of(
            r#"
# a host of its own, and no path
[issuer.sso]
model = "oidc"
url = "https://token.actions.githubusercontent.com-evil.example"

[trust.main]
issuer = "sso"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# ends alike
[issuer.sso]
model = "oidc"
url = "https://my-accounts.google.com"

[trust.main]
issuer = "sso"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "110169484474386276334"
"#,
        ),
        Sample::of(
            r#"
# a port makes another issuer
[issuer.terraform]
model = "hcp-terraform"
url = "https://app.terraform.io:443"

[trust.main]
issuer = "terraform"
audience = "https://cloud.acme.example"
token_lifetime = "1h"

[trust.main.subject]
organization = { name = "acme", id = "org-123" }
project = { name = "acme/network", id = "prj-456" }
workspace = { name = "acme/production", id = "ws-789" }
run_phase = "apply"
"#,
        ),
        Sample::of(
            r#"
# taken for a private instance
[issuer.forge]
model = "gitlab"
url = "https://gitlab.com/acme"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = "project_path:acme/infra:ref_type:branch:ref:main"
"#,
        ),
        Sample::of(
            r#"
# a path of the shared host that no model knows
[issuer.builds]
model = "oidc"
url = "https://agent.buildkite.com/acme"

[trust.main]
issuer = "builds"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "organization:acme:pipeline:app:ref:refs/heads/main:commit:abc:step:deploy"
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let known = KnownHost::all();
    let written = review.policy.document.issuers.iter();
    let found = written
        .zip(&review.policy.issuers)
        .filter_map(|(issuer, summary)| {
            // Without a URL of its own it is one that its model lists.
            let url = issuer.url.as_ref()?;
            let fault = known.iter().find_map(|host| host.fault(summary))?;
            Some(finding(url, &fault))
        });
    found.collect()
}

fn finding(url: &Placed<String>, fault: &Fault<'_>) -> Finding {
    let written = &url.value;
    match fault {
        Fault::Host(host) => {
            let message =
                format!("`{written}` is not an issuer of `{host}`, it only looks like one");
            Finding::new(&RULE, &url.place, message)
                .label(format!("crosses the boundary of the host `{host}`"))
        }
        Fault::Path(host, model) => {
            let message = format!(
                "`{host}` signs for everyone, and `{written}` is read as a private issuer of its own"
            );
            Finding::new(&RULE, &url.place, message)
                .label("crosses the boundary of the host's path")
                .hint(format!(
                    "the naming model that knows this host is `{model}`"
                ))
        }
    }
}

/// What is wrong with a URL.
enum Fault<'h> {
    /// It only looks like one of this host.
    Host(&'h str),
    /// It stands on this host, which signs for everyone and which this model
    /// knows, and is read as anybody's own.
    Path(&'h str, &'h str),
}

/// A host that some naming model writes out.
struct KnownHost {
    host: String,
    /// The model.
    model: String,
    /// Whether an issuer on it signs for everyone.
    is_shared: bool,
}

impl KnownHost {
    fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for model in Registry::standard().iter() {
            for form in model.issuers() {
                let Some(host) = written_host(form) else {
                    continue;
                };
                all.push(Self {
                    host: host.to_owned(),
                    model: model.name().to_owned(),
                    is_shared: form.is_shared(),
                });
            }
        }
        // A host that signs for everyone is looked at first.
        all.sort_by_key(|one| !one.is_shared);
        all
    }

    fn fault(&self, issuer: &IssuerSummary) -> Option<Fault<'_>> {
        let host = host_of(&issuer.url)?;
        if host != self.host {
            let looks_alike = host.to_ascii_lowercase().contains(&self.host);
            return looks_alike.then_some(Fault::Host(&self.host));
        }
        // Its own form is one of this host, or one for whichever host.
        let is_own = read_by_host(issuer).is_some();
        (self.is_shared && !is_own).then_some(Fault::Path(&self.host, &self.model))
    }
}

/// The host that a form of the issuer's model writes out and by which its URL is
/// read; none where it is read by one that takes any host.
fn read_by_host(issuer: &IssuerSummary) -> Option<&str> {
    let found = issuer.model.issuer(&issuer.url).ok()?;
    let host = host_of(&issuer.url)?;
    let mut forms = issuer.model.issuers().iter();
    // A part that the URL gives is as long as its text, so that a template with
    // these parts filled in is the URL.
    let form = forms.find(|form| filled(form, found.parts()) == issuer.url)?;
    written_host(form).filter(|written| *written == host)
}

fn filled(form: &IssuerForm, parts: &[(&str, &str)]) -> String {
    let mut url = form.url().to_owned();
    for (name, value) in parts {
        url = url.replace(&format!("{{{name}}}"), value);
    }
    url
}

/// The host that a form writes out; none where it has parts there.
fn written_host(form: &IssuerForm) -> Option<&str> {
    host_of(form.url()).filter(|host| !host.contains('{'))
}

/// What stands between scheme and path, the port included.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    Some(rest.split_once('/').map_or(rest, |(host, _)| host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_issuer_that_a_model_lists_is_its_own() {
        let known = KnownHost::all();
        for model in Registry::standard().iter() {
            for form in model.issuers().iter().filter(|form| form.is_exact()) {
                let issuer = IssuerSummary {
                    alias: "one".to_owned(),
                    url: form.url().to_owned(),
                    shared: form.is_shared(),
                    model: std::sync::Arc::clone(model),
                };
                let fault = known.iter().find_map(|host| host.fault(&issuer));
                assert!(fault.is_none(), "{}", form.url());
            }
        }
    }

    #[test]
    fn a_host_ends_where_the_path_begins() {
        assert_eq!(host_of("https://a.example:8443/b"), Some("a.example:8443"));
        assert_eq!(host_of("https://a.example"), Some("a.example"));
        assert_eq!(host_of("a.example"), None);
    }
}
