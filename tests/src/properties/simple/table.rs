//! What a statement says of the subject.

use serde_json::{Map, Value};

use super::Facts;
use super::shape::composable;
use super::subject::{encoded, folds, is_encoded, repeating};
use super::value::{Held, holds};

/// The parts of each published shape.
fn shapes(model: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let all: &[(&str, &[&str])] = match model {
        "github-actions" => &[
            ("environment", &["owner", "repo", "environment"]),
            ("ref", &["owner", "repo", "ref"]),
            ("pull-request", &["owner", "repo", "event"]),
            (
                "immutable-environment",
                &["owner", "owner_id", "repo", "repo_id", "environment"],
            ),
            (
                "immutable-ref",
                &["owner", "owner_id", "repo", "repo_id", "ref"],
            ),
            (
                "immutable-pull-request",
                &["owner", "owner_id", "repo", "repo_id", "event"],
            ),
        ],
        "gitlab" => &[
            ("project-path", &["project_path", "ref_type", "ref"]),
            ("project-id", &["project_id", "ref_type", "ref"]),
        ],
        "kubernetes" => &[("service-account", &["namespace", "name"])],
        "circleci" => &[
            ("project", &["organization", "project", "user"]),
            (
                "origin",
                &["organization", "project", "user", "vcs_origin", "vcs_ref"],
            ),
        ],
        "buildkite" => &[(
            "default",
            &["organization", "pipeline", "ref", "commit", "step"],
        )],
        _ => &[("subject", &["subject"])],
    };
    all.iter()
        .map(|(form, parts)| (*form, parts.to_vec()))
        .collect()
}

/// What a composed subject is made of.
fn segments(model: &str) -> Vec<Vec<&'static str>> {
    let own: &[&[&str]] = match model {
        "github-actions" => &[
            &["owner", "repo"],
            &["owner", "owner_id", "repo", "repo_id"],
            &["environment"],
            &["ref"],
            &["event"],
            &["enterprise"],
        ],
        "gitlab" => &[&["project_path"], &["project_id"], &["ref_type"], &["ref"]],
        _ => &[],
    };
    let claims = composable(model).iter().map(|claim| vec![*claim]);
    own.iter().map(|one| one.to_vec()).chain(claims).collect()
}

/// The parts of a subject that a field says all about.
fn covers(model: &str, field: &str) -> Vec<String> {
    let parts: &[&str] = match (model, field) {
        ("github-actions", "owner") => &[
            "owner",
            "repository_owner",
            "owner_id",
            "repository_owner_id",
        ],
        ("github-actions", "repository") => &[
            "owner",
            "repo",
            "repository",
            "repo_id",
            "repository_id",
            "owner_id",
            "repository_owner_id",
        ],
        ("gitlab", "namespace") => &[],
        ("gitlab", "project") => &["project_path", "project_id"],
        ("kubernetes", "service-account") => &["namespace", "name"],
        ("buildkite", "pipeline") => &["organization", "pipeline"],
        (_, part) => return vec![part.to_owned()],
    };
    parts.iter().map(|part| (*part).to_owned()).collect()
}

fn is_name(model: &str, field: &str) -> bool {
    matches!(
        (model, field),
        ("github-actions", "owner" | "repository")
            | ("gitlab", "namespace" | "project")
            | ("kubernetes", "namespace" | "service-account")
            | ("circleci", "organization" | "project")
            | ("buildkite", "organization" | "pipeline")
            | ("oidc", "subject")
    )
}

/// How the subject of a statement is met.
pub(super) fn subject(subject: &Value, facts: &Facts<'_>) -> Vec<Held> {
    let whole = match subject {
        Value::Object(table) => {
            let patterns = ["glob", "regex", "any_of", "equals"];
            table.len() == 1 && table.keys().all(|key| patterns.contains(&key.as_str()))
        }
        _ => true,
    };
    if whole {
        let value = facts.token.claims.get("sub");
        // GitHub writes `name@id`.
        let at = facts.model == "github-actions";
        return vec![holds(subject, value, folds(facts.model), at, facts)];
    }
    let table = subject.as_object().unwrap();
    let shape = if facts.trusts {
        accepted(table, facts)
    } else {
        spoken_of(table, facts)
    };
    let mut held = vec![Some(shape)];
    for (field, asked) in table.iter().filter(|(key, _)| *key != "any") {
        held.extend(self::field(field, asked, facts));
    }
    held
}

/// Whether every part of the token's subject is named by a trust's table, and
/// its shape has all that the table asks for.
fn accepted(table: &Map<String, Value>, facts: &Facts<'_>) -> bool {
    let model = facts.model;
    let fields: Vec<&str> = table
        .keys()
        .map(String::as_str)
        .filter(|key| *key != "any")
        .collect();
    let any = table
        .get("any")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let any: Vec<&str> = any.filter_map(Value::as_str).collect();
    let covered: Vec<String> = fields
        .iter()
        .chain(&any)
        .flat_map(|name| covers(model, name))
        .collect();
    let is_covered = |part: &str| covered.iter().any(|one| one == part);
    let has = |parts: &[&str], field: &str| {
        covers(model, field)
            .iter()
            .any(|part| parts.contains(&part.as_str()))
    };
    let segments = segments(model);
    let everything: Vec<&str> = segments.iter().flatten().copied().collect();
    let in_fixed = |field: &str| shapes(model).iter().any(|(_, parts)| has(parts, field));
    // What is in no subject at all is read from a claim.
    let required: Vec<&str> = fields
        .iter()
        .copied()
        .filter(|field| in_fixed(field) || has(&everything, field))
        .collect();
    if !facts.workload.parts.keys().all(|part| is_covered(part)) {
        return false;
    }
    if facts.workload.form != "custom" {
        let shapes = shapes(model);
        let (_, parts) = shapes
            .iter()
            .find(|(form, _)| *form == facts.workload.form)
            .unwrap();
        return required.iter().all(|field| has(parts, field));
    }
    let chosen = |name: &&str| has(&everything, name) && !in_fixed(name);
    let usable: Vec<&str> = segments
        .iter()
        .filter(|parts| parts.iter().all(|part| is_covered(part)))
        .flatten()
        .copied()
        .collect();
    fields.iter().chain(&any).any(chosen) && required.iter().all(|field| has(&usable, field))
}

/// Whether the token's subject can have every plain part that a forbid names.
fn spoken_of(table: &Map<String, Value>, facts: &Facts<'_>) -> bool {
    let model = facts.model;
    let mut parts = table
        .keys()
        .filter(|key| *key != "any" && !is_name(model, key));
    let shapes = shapes(model);
    let own = shapes.iter().find(|(form, _)| *form == facts.workload.form);
    parts.all(|part| match own {
        Some((_, parts)) => parts.contains(&part.as_str()),
        None => segments(model).iter().flatten().any(|one| one == part),
    })
}

fn field(field: &str, asked: &Value, facts: &Facts<'_>) -> Vec<Held> {
    if !is_name(facts.model, field) {
        return part(field, asked, facts);
    }
    let (name, id) = match asked {
        Value::Object(table) if table.contains_key("name") || table.contains_key("id") => {
            (table.get("name"), table.get("id"))
        }
        bare => (Some(bare), None),
    };
    let known = facts.workload.names.get(field);
    let mut held = Vec::new();
    if let Some(operator) = name {
        let value = known.map(|(name, _)| Value::from(name.clone()));
        // A name of Kubernetes, CircleCI or Buildkite is compared as it is.
        let folds = folds(facts.model);
        held.push(holds(operator, value.as_ref(), folds, false, facts));
    }
    if let Some(operator) = id {
        let value = known.and_then(|(_, id)| id.clone()).map(Value::from);
        held.push(holds(operator, value.as_ref(), false, false, facts));
    }
    held
}

fn part(part: &str, asked: &Value, facts: &Facts<'_>) -> Vec<Held> {
    let value = facts.workload.parts.get(part).cloned().map(Value::from);
    let patterns = ["glob", "regex", "same_as", "attribute"];
    let looks_inside = asked
        .as_object()
        .is_some_and(|table| table.keys().any(|key| patterns.contains(&key.as_str())));
    if looks_inside && is_encoded(facts.model, part) {
        // Only the claim says it as people write it.
        let plain = repeating(facts.model, part).and_then(|path| facts.claim(&path).cloned());
        let there = (facts.trusts && value.is_none()).then_some(Some(false));
        let held = holds(asked, plain.as_ref(), false, false, facts);
        return there.into_iter().chain([held]).collect();
    }
    let asked = spelled(asked, facts.model);
    vec![holds(&asked, value.as_ref(), false, false, facts)]
}

/// An operator with its values as the subject spells them.
fn spelled(asked: &Value, model: &str) -> Value {
    match asked {
        Value::String(text) => Value::from(encoded(model, text)),
        Value::Array(list) => list.iter().map(|one| spelled(one, model)).collect(),
        Value::Object(table) => {
            let spelled = |(name, value): (&String, &Value)| {
                let literal = ["equals", "any_of", "none_of"].contains(&name.as_str());
                let value = if literal {
                    spelled(value, model)
                } else {
                    value.clone()
                };
                (name.clone(), value)
            };
            table.iter().map(spelled).collect()
        }
        other => other.clone(),
    }
}
