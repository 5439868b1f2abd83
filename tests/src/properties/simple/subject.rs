//! Whom a token speaks of, by the issuers' own documentation: the names in its
//! subject, the ids behind them, and the claims that repeat them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::token::Token;
use super::shape::{Parts, read};

/// Whom a token speaks of.
#[derive(Debug)]
pub(super) struct Workload {
    /// The shape of its subject; `custom` where an organisation composed it.
    pub(super) form: &'static str,
    /// Parts of the subject, raw.
    pub(super) parts: Parts,
    /// Names with the ids behind them, by their kinds.
    pub(super) names: BTreeMap<&'static str, (String, Option<String>)>,
}

/// A name of a workload: where it stands, and where its id does.
struct Kind {
    name: &'static str,
    /// How it is made of parts of the subject; all that can be made must agree.
    made_of: &'static [&'static [&'static str]],
    claim: &'static [&'static str],
    id_parts: &'static [&'static str],
    id_claim: &'static [&'static str],
    promised: bool,
}

const fn kind(name: &'static str, made_of: &'static [&'static [&'static str]]) -> Kind {
    Kind {
        name,
        made_of,
        claim: &[],
        id_parts: &[],
        id_claim: &[],
        promised: true,
    }
}

fn kinds(model: &str) -> &'static [Kind] {
    const GITHUB: &[Kind] = &[
        Kind {
            claim: &["repository_owner"],
            id_parts: &["owner_id", "repository_owner_id"],
            id_claim: &["repository_owner_id"],
            ..kind("owner", &[&["owner"], &["repository_owner"]])
        },
        Kind {
            claim: &["repository"],
            id_parts: &["repo_id", "repository_id"],
            id_claim: &["repository_id"],
            ..kind("repository", &[&["owner", "repo"], &["repository"]])
        },
    ];
    const GITLAB: &[Kind] = &[
        Kind {
            claim: &["namespace_path"],
            id_claim: &["namespace_id"],
            ..kind("namespace", &[])
        },
        Kind {
            claim: &["project_path"],
            id_parts: &["project_id"],
            id_claim: &["project_id"],
            ..kind("project", &[&["project_path"]])
        },
    ];
    const KUBERNETES: &[Kind] = &[
        Kind {
            claim: &["kubernetes.io", "namespace"],
            promised: false,
            ..kind("namespace", &[&["namespace"]])
        },
        Kind {
            id_claim: &["kubernetes.io", "serviceaccount", "uid"],
            ..kind("service-account", &[&["namespace", "name"]])
        },
    ];
    const CIRCLECI: &[Kind] = &[
        Kind {
            id_parts: &["organization"],
            id_claim: &["oidc.circleci.com/org-id"],
            ..kind("organization", &[&["organization"]])
        },
        Kind {
            id_parts: &["project"],
            id_claim: &["oidc.circleci.com/project-id"],
            ..kind("project", &[&["project"]])
        },
    ];
    const BUILDKITE: &[Kind] = &[
        Kind {
            claim: &["organization_slug"],
            id_claim: &["organization_id"],
            promised: false,
            ..kind("organization", &[&["organization"]])
        },
        Kind {
            id_claim: &["pipeline_id"],
            promised: false,
            ..kind("pipeline", &[&["organization", "pipeline"]])
        },
    ];
    const OIDC: &[Kind] = &[Kind {
        id_parts: &["subject"],
        ..kind("subject", &[&["subject"]])
    }];
    match model {
        "github-actions" => GITHUB,
        "gitlab" => GITLAB,
        "kubernetes" => KUBERNETES,
        "circleci" => CIRCLECI,
        "buildkite" => BUILDKITE,
        "oidc" => OIDC,
        other => panic!("`{other}` is not among the simple models"),
    }
}

/// Whether the issuer compares what stands in the claim at `path` in any case.
pub(super) fn folding_claim(model: &str, path: &[String]) -> bool {
    folds(model)
        && kinds(model)
            .iter()
            .any(|kind| kind.claim.iter().eq(path.iter()))
}

/// Whether an issuer compares names in any case.
pub(super) fn folds(model: &str) -> bool {
    matches!(model, "github-actions" | "gitlab")
}

/// A value as the issuer writes it in a subject.
pub(super) fn encoded(model: &str, value: &str) -> String {
    if model == "github-actions" {
        value.replace(':', "%3A")
    } else {
        value.to_owned()
    }
}

/// What of a GitHub subject is a login, a name or an id, and never encoded.
pub(super) fn is_encoded(model: &str, part: &str) -> bool {
    let slugs = [
        "owner",
        "owner_id",
        "repo",
        "repo_id",
        "enterprise",
        "event",
    ];
    model == "github-actions" && !slugs.contains(&part)
}

/// The claim that repeats a part of the subject.
pub(super) fn repeating(model: &str, part: &str) -> Option<Vec<String>> {
    let names: &[&str] = match (model, part) {
        ("github-actions", "owner" | "owner_id" | "repo" | "repo_id" | "event") => return None,
        ("github-actions" | "gitlab", claim) => return Some(vec![claim.to_owned()]),
        ("kubernetes", "namespace") => &["kubernetes.io", "namespace"],
        ("kubernetes", "name") => &["kubernetes.io", "serviceaccount", "name"],
        ("circleci", "organization") => &["oidc.circleci.com/org-id"],
        ("circleci", "project") => &["oidc.circleci.com/project-id"],
        ("circleci", "vcs_origin") => &["oidc.circleci.com/vcs-origin"],
        ("circleci", "vcs_ref") => &["oidc.circleci.com/vcs-ref"],
        ("buildkite", "organization") => &["organization_slug"],
        ("buildkite", "pipeline") => &["pipeline_slug"],
        ("buildkite", "commit") => &["build_commit"],
        ("buildkite", "step") => &["step_key"],
        _ => return None,
    };
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

/// Reads whom a token speaks of; none where host and model refuse it.
pub(super) fn identify(model: &str, token: &Token) -> Option<Workload> {
    let subject = token.claims.get("sub")?.as_str()?;
    let (form, parts) = read(model, subject)?;
    let agreed = parts
        .iter()
        .all(|(part, value)| agrees(model, part, value, token));
    let mut names = BTreeMap::new();
    for kind in kinds(model) {
        let name = name(model, kind, &parts, token).ok()?;
        let id = id(kind, &parts, token).ok()?;
        if kind.promised && (name.is_none() || id.is_none()) {
            return None;
        }
        if let Some(name) = name {
            names.insert(kind.name, (name, id));
        }
    }
    let url = token.claims.get("iss")?.as_str()?;
    // Each organisation of CircleCI has an issuer of its own.
    let own = url.strip_prefix("https://oidc.circleci.com/org/");
    let ours = own.is_none_or(|own| parts.get("organization").is_some_and(|one| one == own));
    (agreed && ours).then_some(Workload { form, parts, names })
}

/// A text claim: none where it is absent.
struct Refused;

fn text<'t>(path: &[impl AsRef<str>], token: &'t Token) -> Result<Option<&'t str>, Refused> {
    let mut names = path.iter();
    let mut value = names
        .next()
        .and_then(|name| token.claims.get(name.as_ref()));
    for name in names {
        value = value.and_then(|value| value.get(name.as_ref()));
    }
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refused),
    }
}

/// Whether the claim that repeats a part says the same.
fn agrees(model: &str, part: &str, value: &str, token: &Token) -> bool {
    let Some(path) = repeating(model, part) else {
        return true;
    };
    match text(&path, token) {
        Err(Refused) => false,
        Ok(None) => model != "kubernetes",
        Ok(Some(claim)) => !twofold(model, claim) && encoded(model, claim) == value,
    }
}

/// Whether a plain value looks like another one's encoding.
fn twofold(model: &str, claim: &str) -> bool {
    model == "github-actions" && claim.contains("%3A")
}

fn name(model: &str, kind: &Kind, parts: &Parts, token: &Token) -> Result<Option<String>, Refused> {
    let made = kind.made_of.iter().filter_map(|names| {
        let values: Option<Vec<&str>> = names
            .iter()
            .map(|name| {
                parts
                    .get(*name)
                    .map(String::as_str)
                    .filter(|one| !one.is_empty())
            })
            .collect();
        Some(values?.join("/"))
    });
    let mut names: Vec<String> = made.collect();
    if !kind.claim.is_empty()
        && let Some(claim) = text(kind.claim, token)?
    {
        if twofold(model, claim) {
            return Err(Refused);
        }
        names.insert(0, encoded(model, claim));
    }
    match names.split_first() {
        None => Ok(None),
        Some((first, rest)) if rest.iter().all(|one| one == first) => {
            Ok(Some(first.clone()).filter(|name| !name.is_empty()))
        }
        Some(_) => Err(Refused),
    }
}

fn id(kind: &Kind, parts: &Parts, token: &Token) -> Result<Option<String>, Refused> {
    let in_subject = kind.id_parts.iter().filter_map(|part| parts.get(*part));
    let mut ids: Vec<String> = in_subject.filter(|id| !id.is_empty()).cloned().collect();
    if !kind.id_claim.is_empty()
        && let Some(claim) = text(kind.id_claim, token)?
        && (!claim.is_empty() || !ids.is_empty())
    {
        ids.push(claim.to_owned());
    }
    match ids.split_first() {
        None => Ok(None),
        Some((first, rest)) if rest.iter().all(|one| one == first) => Ok(Some(first.clone())),
        Some(_) => Err(Refused),
    }
}
