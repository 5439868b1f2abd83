//! The published shapes of subjects, each by a regular expression, and those
//! that an organisation composes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

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

pub(super) type Parts = BTreeMap<String, String>;

/// Reads a subject in the one way that it can be read.
pub(super) fn read(model: &str, subject: &str) -> Option<(&'static str, Parts)> {
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
        ("github-actions", "owner" | "repo" | "enterprise" | "event") | ("gitlab", "ref_type") => {
            slug(value)
        }
        ("github-actions", "owner_id" | "repo_id") | ("gitlab", "project_id") => digits(value),
        ("gitlab", "project_path") => !value.contains(['@', ' ']),
        _ => true,
    };
    // A branch that a pull request has not is written all the same.
    let empty = matches!(part, "head_ref" | "base_ref");
    well && (empty || !value.is_empty()) && !value.bytes().any(|one| one < 0x20 || one == 0x7f)
}
