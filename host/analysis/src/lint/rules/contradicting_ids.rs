//! Ids that contradict each other.

use std::collections::HashMap;

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::mention::{Identity, Mention, What, identities, kinds_of_part, mentions};

pub(super) static RULE: Rule = Rule {
    name: "contradicting-ids",
    severity: Severity::Error,
    summary: "One name stands with two ids, or one id with two names, and one of them is wrong.",
    why: "\
An id is what a name is bound to: it is never given twice, and at one moment one name has one id. Where a \
policy writes two, one is a slip of the pen, an id copied from another line, or what was left of a \
repository that was deleted. The wrong one lets nobody in, at best. At worst it is the id of somebody else, \
who gets in as soon as they hold the name.

It is decided from what is written out. In one statement, every place that gives the id of a kind has to \
leave one in common: the subject, a claim that holds the id, and the issuer's own URL where that has it. In \
one document, a name that trusts of one issuer write with its id has the same id in all of them, and an id \
the same name; names that the issuer compares without case are taken so. Forbids may well speak of the id \
that a name had before, and are held against no other statement.",
    fix: "\
`claimbound token decode` shows the ids of a real token. Correct the one that is wrong. While a rename goes \
on, an id may be trusted under the old name and the new one: suppress the finding with that reason, and take \
the old name out afterwards.",
    controls: &[
        Control::PrAa01,
        Control::PrAa02,
        Control::FederatedIdentifier,
        Control::Nhi1,
    ],
    references: &["RFC 8725 section 3.8 (Validate Issuer and Subject)"],
    accepted: &[
        Sample::of(
            r#"
# one name and one id, in either shape and in either case
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { repository_id = "456789" }
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"

[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.production.subject]
owner = { name = "Acme", id = "123456" }
repository = { name = "Acme/infra", id = "456789" }
environment = "production"
"#,
        ),
        Sample::of(
            r#"
# a list of ids, of which a claim leaves one
[issuer.forge]
model = "gitlab"
url = "https://git.acme.example"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = { any_of = ["project_id:456789:ref_type:branch:ref:main", "project_id:456790:ref_type:branch:ref:main"] }
claims = { project_id = "456790" }
"#,
        ),
        Sample::of(
            r#"
# a service account that was made again: the old one is forbidden
[issuer.production]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.deployer]
issuer = "production"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = { namespace = "release", service-account = { name = "release/deployer", id = "3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718" } }

[forbid.deleted]
issuer = "production"
subject = { service-account = { name = "release/deployer", id = "7b0c2d41-9f1e-4c66-8a3b-52f6d0e9c314" } }
"#,
        ),
        Sample::of(
            r#"
# one name at two issuers
[issuer.gitlab]
model = "gitlab"

[issuer.forge]
model = "gitlab"
url = "https://git.acme.example"

[trust.saas]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = { namespace = { name = "acme", id = "123456" }, project = { name = "acme/infra", id = "456789" }, ref_type = "branch", ref = "main" }

[trust.own]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = { namespace = { name = "acme", id = "7" }, project = { name = "acme/infra", id = "12" }, ref_type = "branch", ref = "main" }
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
# the subject has one id and the claim another
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { repository_id = "456788" }
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# the URL has the id of one organisation and the claim that of another
[issuer.circleci]
model = "circleci"
url = "https://oidc.circleci.com/org/2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411"

[trust.deploy]
issuer = "circleci"
audience = "2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411"
token_lifetime = "1h"
subject = { project = "9d4e2b70-13ac-4f68-b1d7-6e8c0a5f2233", any = ["organization", "user", "vcs_origin", "vcs_ref"] }
claims = { "oidc.circleci.com/org-id" = "00000000-0000-4000-8000-000000000000" }
"#,
        ),
        Sample::of(
            r#"
# one repository under two ids
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"

[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.production.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/Infra", id = "456780" }
environment = "production"
"#,
        ),
        Sample::of(
            r#"
# one id for two projects, copied from the line before
[issuer.gitlab]
model = "gitlab"

[trust.infra]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = { namespace = { name = "acme", id = "123456" }, project = { name = "acme/infra", id = "456789" }, ref_type = "branch", ref = "main" }

[trust.web]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = { namespace = { name = "acme", id = "123456" }, project = { name = "acme/web", id = "456789" }, ref_type = "branch", ref = "main" }
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = review.statements.iter().flat_map(within).collect();
    let mut known = KnownBefore::default();
    for (stated, _) in review.trusts() {
        for identity in identities(stated.written, &stated.issuer.model) {
            found.extend(known.contradicted(stated, &identity));
            known.add(stated, identity);
        }
    }
    found
}

/// Ids of one kind in one statement that no token has together.
fn within(stated: &Stated<'_>) -> Vec<Finding> {
    let model = &stated.issuer.model;
    let mut ids: Vec<Mention<'_>> = of_url(stated);
    ids.extend(mentions(stated.written, model));
    ids.retain(|one| one.is_pinned && one.what == What::Id);
    let mut found = Vec::new();
    for (at, one) in ids.iter().enumerate() {
        let mut before = ids.iter().take(at);
        if let Some(other) = before.find(|other| contradict(one, other)) {
            found.extend(contradiction(stated, one, other));
        }
    }
    found
}

/// The ids that the issuer's URL says.
fn of_url<'p>(stated: &Stated<'p>) -> Vec<Mention<'p>> {
    let Ok(url) = stated.issuer.model.issuer(&stated.issuer.url) else {
        return Vec::new();
    };
    let parts = url.parts().iter();
    let mentions = parts.flat_map(|(part, value)| {
        let kinds = kinds_of_part(&stated.issuer.model, part);
        kinds.map(|(kind, what)| Mention {
            kind,
            what,
            label: "issuer.url".to_owned(),
            texts: vec![((*value).to_owned(), &stated.written.name.place)],
            is_pinned: true,
        })
    });
    mentions.collect()
}

fn contradict(one: &Mention<'_>, other: &Mention<'_>) -> bool {
    let others: std::collections::HashSet<&str> =
        other.texts.iter().map(|(text, _)| text.as_str()).collect();
    let mut texts = one.texts.iter();
    one.kind.name() == other.kind.name() && !texts.any(|(text, _)| others.contains(text.as_str()))
}

fn contradiction(stated: &Stated<'_>, one: &Mention<'_>, other: &Mention<'_>) -> Option<Finding> {
    let ((text, place), (before, _)) = (one.texts.first()?, other.texts.first()?);
    let message = format!(
        "statement `{}` asks for two ids of one `{}`: `{before}` in `{}` and `{text}` in `{}`",
        stated.name(),
        one.kind.name(),
        other.label,
        one.label
    );
    let finding = Finding::new(&RULE, place, message)
        .of_statement(stated.name())
        .label("no token has both");
    Some(finding)
}

/// The names and ids of earlier statements, each under the URL of its issuer and
/// its kind.
#[derive(Default)]
struct KnownBefore {
    by_name: HashMap<(String, String, String), Before>,
    by_id: HashMap<(String, String, String), Before>,
}

/// A name and its id, as a statement has them.
#[derive(Clone)]
struct Before {
    statement: String,
    name: String,
    id: String,
}

impl KnownBefore {
    fn keys(stated: &Stated<'_>, identity: &Identity<'_>) -> [(String, String, String); 2] {
        let of = |text: &str| {
            let (url, kind) = (stated.issuer.url.clone(), identity.kind.name());
            (url, kind.to_owned(), text.to_owned())
        };
        [of(&identity.kind.fold(&identity.name)), of(&identity.id)]
    }

    fn add(&mut self, stated: &Stated<'_>, identity: Identity<'_>) {
        let [by_name, by_id] = Self::keys(stated, &identity);
        let before = Before {
            statement: stated.name().to_owned(),
            name: identity.name,
            id: identity.id,
        };
        self.by_name
            .entry(by_name)
            .or_insert_with(|| before.clone());
        self.by_id.entry(by_id).or_insert(before);
    }

    /// What an earlier statement says otherwise.
    fn contradicted(&self, stated: &Stated<'_>, identity: &Identity<'_>) -> Option<Finding> {
        let [by_name, by_id] = Self::keys(stated, identity);
        let (kind, name, id) = (identity.kind, &identity.name, &identity.id);
        let other_id = self.by_name.get(&by_name).filter(|before| before.id != *id);
        let is_other = |before: &&Before| kind.fold(&before.name) != kind.fold(name);
        let other_name = self.by_id.get(&by_id).filter(is_other);
        let (before, message) = match (other_id, other_name) {
            (Some(before), _) => (
                before,
                format!(
                    "`{name}` has the id `{id}` here and `{}` in statement `{}`",
                    before.id, before.statement
                ),
            ),
            (None, Some(before)) => (
                before,
                format!(
                    "the id `{id}` is that of `{name}` here and of `{}` in statement `{}`",
                    before.name, before.statement
                ),
            ),
            (None, None) => return None,
        };
        let finding = Finding::new(&RULE, identity.place, message)
            .of_statement(stated.name())
            .label(format!("contradicts `{}`", before.statement));
        Some(finding)
    }
}
