//! Subjects by the issuers' own documentation: one regular expression for each
//! shape, and what a token has to repeat.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::super::token::Token;

/// Whom a token speaks of.
#[derive(Debug)]
pub(super) struct Workload {
    /// The shape of its subject; `custom` where an organisation composed it.
    pub(super) form: &'static str,
    /// Parts of the subject, raw.
    pub(super) parts: BTreeMap<String, String>,
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

fn name(
    model: &str,
    kind: &Kind,
    parts: &BTreeMap<String, String>,
    token: &Token,
) -> Result<Option<String>, Refused> {
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

fn id(
    kind: &Kind,
    parts: &BTreeMap<String, String>,
    token: &Token,
) -> Result<Option<String>, Refused> {
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

/// A published shape: its name, how it is written, and a part that it implies.
type Shape = (&'static str, Regex, Option<(&'static str, &'static str)>);

static SHAPES: LazyLock<BTreeMap<&str, Vec<Shape>>> = LazyLock::new(|| {
    let slug = "[A-Za-z0-9._-]+";
    let uuid = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}";
    let value = "[^:\\x00-\\x1f\\x7f]+";
    let any = "[^\\x00-\\x1f\\x7f]+";
    let plain = format!("repo:(?<owner>{slug})/(?<repo>{slug})");
    let with_ids =
        format!("repo:(?<owner>{slug})@(?<owner_id>[0-9]+)/(?<repo>{slug})@(?<repo_id>[0-9]+)");
    let pull_request = Some(("event", "pull_request"));
    let shape = |name, text: String, implies| {
        (name, Regex::new(&format!("^(?:{text})$")).unwrap(), implies)
    };
    let tail = format!("ref_type:(?<ref_type>{slug}):ref:(?<ref>{value})");
    let job =
        format!("org/(?<organization>{uuid})/project/(?<project>{uuid})/user/(?<user>{uuid})");
    BTreeMap::from([
        (
            "github-actions",
            vec![
                shape(
                    "environment",
                    format!("{plain}:environment:(?<environment>{value})"),
                    None,
                ),
                shape("ref", format!("{plain}:ref:(?<ref>{value})"), None),
                shape(
                    "pull-request",
                    format!("{plain}:pull_request"),
                    pull_request,
                ),
                shape(
                    "immutable-environment",
                    format!("{with_ids}:environment:(?<environment>{value})"),
                    None,
                ),
                shape(
                    "immutable-ref",
                    format!("{with_ids}:ref:(?<ref>{value})"),
                    None,
                ),
                shape(
                    "immutable-pull-request",
                    format!("{with_ids}:pull_request"),
                    pull_request,
                ),
            ],
        ),
        (
            "gitlab",
            vec![
                shape(
                    "project-path",
                    format!("project_path:(?<project_path>[^:@ \\x00-\\x1f\\x7f]+):{tail}"),
                    None,
                ),
                shape(
                    "project-id",
                    format!("project_id:(?<project_id>[0-9]+):{tail}"),
                    None,
                ),
            ],
        ),
        (
            "kubernetes",
            vec![shape(
                "service-account",
                format!("system:serviceaccount:(?<namespace>{slug}):(?<name>{slug})"),
                None,
            )],
        ),
        (
            "circleci",
            vec![
                shape("project", job.clone(), None),
                shape(
                    "origin",
                    format!("{job}/vcs-origin/(?<vcs_origin>{any})/vcs-ref/(?<vcs_ref>{any})"),
                    None,
                ),
            ],
        ),
        (
            "buildkite",
            vec![shape(
                "default",
                format!(
                    "organization:(?<organization>{slug}):pipeline:(?<pipeline>{slug}):ref:(?<ref>{value}):commit:(?<commit>{slug}):step:(?<step>[^\\x00-\\x1f\\x7f]*)"
                ),
                None,
            )],
        ),
        (
            "oidc",
            vec![shape("subject", format!("(?<subject>{any})"), None)],
        ),
    ])
});

type Parts = BTreeMap<String, String>;

/// Reads a subject in the one way that it can be read.
fn read(model: &str, subject: &str) -> Option<(&'static str, Parts)> {
    if subject.len() > 4096 {
        return None;
    }
    for (form, regex, implied) in &SHAPES[model] {
        let Some(found) = regex.captures(subject) else {
            continue;
        };
        let mut parts: Parts = regex
            .capture_names()
            .flatten()
            .map(|name| (name.to_owned(), found[name].to_owned()))
            .collect();
        parts.extend(implied.map(|(part, value)| (part.to_owned(), value.to_owned())));
        // A ref may say `/vcs-ref/` itself: then nobody knows where it begins.
        let twofold = parts.get("vcs_origin").is_some_and(|origin| {
            let reading = format!("{origin}/vcs-ref/{}", parts["vcs_ref"]);
            splits(&reading, "/vcs-ref/") > 1
        });
        return (!twofold).then_some((*form, parts));
    }
    composed(model, subject).map(|parts| ("custom", parts))
}

/// In how many ways `text` can be split by `by` with something on both sides.
fn splits(text: &str, by: &str) -> usize {
    (1..text.len())
        .filter(|at| {
            text.get(*at..)
                .is_some_and(|rest| rest.starts_with(by) && rest.len() > by.len())
        })
        .count()
}

/// The claims that an organisation may put into its subjects.
pub(super) fn composable(model: &str) -> &'static [&'static str] {
    match model {
        "github-actions" => &[
            "actor",
            "actor_id",
            "base_ref",
            "enterprise_id",
            "event_name",
            "head_ref",
            "job_workflow_ref",
            "job_workflow_sha",
            "ref_protected",
            "ref_type",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "repository_visibility",
            "run_attempt",
            "run_id",
            "run_number",
            "runner_environment",
            "sha",
            "workflow",
            "workflow_ref",
            "workflow_sha",
        ],
        "gitlab" => &["environment_protected", "deployment_tier"],
        _ => &[],
    }
}

/// Reads a subject that an organisation composed: keys and values between
/// colons, no part twice.
fn composed(model: &str, subject: &str) -> Option<Parts> {
    let mut words = subject.split(':');
    let mut parts = Parts::new();
    while let Some(key) = words.next() {
        let found = match (model, key) {
            ("github-actions", "pull_request") => vec![("event", "pull_request".to_owned())],
            ("github-actions", "repo") => repository(words.next()?)?,
            ("github-actions", "environment" | "ref" | "enterprise")
            | ("gitlab", "project_path" | "project_id" | "ref_type" | "ref") => {
                vec![(key, words.next()?.to_owned())]
            }
            _ if composable(model).contains(&key) => vec![(key, words.next()?.to_owned())],
            _ => return None,
        };
        for (part, value) in found {
            let fits = fits(model, part, &value);
            if !fits || parts.insert(part.to_owned(), value).is_some() {
                return None;
            }
        }
    }
    Some(parts)
}

fn repository(text: &str) -> Option<Vec<(&'static str, String)>> {
    let (owner, repo) = text.split_once('/')?;
    let pair = |text: &str, name, id| match text.split_once('@') {
        None => vec![(name, text.to_owned())],
        Some((plain, number)) => vec![(name, plain.to_owned()), (id, number.to_owned())],
    };
    let owner = pair(owner, "owner", "owner_id");
    let repo = pair(repo, "repo", "repo_id");
    (owner.len() == repo.len()).then(|| [owner, repo].concat())
}

/// Whether a part can have a value.
fn fits(model: &str, part: &str, value: &str) -> bool {
    let slug = |text: &str| {
        text.bytes()
            .all(|one| one.is_ascii_alphanumeric() || b"._-".contains(&one))
    };
    let digits = |text: &str| text.bytes().all(|one| one.is_ascii_digit());
    let well = match (model, part) {
        ("github-actions", "owner" | "repo" | "enterprise" | "event") => slug(value),
        ("github-actions", "owner_id" | "repo_id") => digits(value),
        ("gitlab", "project_id") => digits(value),
        ("gitlab", "ref_type") => slug(value),
        ("gitlab", "project_path") => !value.contains(['@', ' ']),
        _ => true,
    };
    // A branch that a pull request has not is written all the same.
    let empty = matches!(part, "head_ref" | "base_ref");
    well && (empty || !value.is_empty()) && !value.bytes().any(|one| one < 0x20 || one == 0x7f)
}
