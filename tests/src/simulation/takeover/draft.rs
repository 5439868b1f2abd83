//! Random policies about the organisations of [`super::world`].

use std::fmt::Write as _;

use claimbound_language::{Compiled, compile};

use crate::simulation::forge::Flavour;
use crate::simulation::job::AUDIENCE;
use crate::simulation::random::Random;
use crate::simulation::route::model;

/// What people write of one flavour.
struct Vocabulary {
    /// The kinds of names, parents first.
    kinds: [&'static str; 2],
    owners: &'static [&'static str],
    repositories: &'static [&'static str],
    contexts: &'static [&'static str],
    subjects: &'static [&'static str],
    claims: &'static [&'static str],
    forbids: &'static [&'static str],
}

const GITHUB: Vocabulary = Vocabulary {
    kinds: ["owner", "repository"],
    owners: &[
        r#"owner = "acme""#,
        r#"owner = { name = "acme", id = "1" }"#,
        r#"owner = { id = "1" }"#,
        r#"owner = { id = ["1", "2"] }"#,
        r#"owner = ["acme", "globex"]"#,
        r#"owner = { glob = "acme*" }"#,
        r#"owner = { glob = "acme-*" }"#,
        r#"owner = { regex = "(?i:acme)" }"#,
        r#"owner = { regex = "acme(-(a|b))?" }"#,
        r#"owner = { none_of = ["mallory"] }"#,
        "",
    ],
    repositories: &[
        r#"repository = "acme/infra""#,
        r#"repository = { name = "acme/infra", id = "1" }"#,
        r#"repository = { id = "1" }"#,
        r#"repository = ["acme/infra", "acme/web", "globex/infra"]"#,
        r#"repository = { glob = "acme/*" }"#,
        r#"repository = { glob = "*/infra" }"#,
        r#"repository = { glob = "acme-*/infra" }"#,
        r#"repository = { regex = "(?i:acme)/.*" }"#,
        r#"repository = { none_of = ["acme/web"] }"#,
        "",
    ],
    contexts: &[
        r#"environment = "production""#,
        r#"environment = ["production", "staging"]"#,
        r#"ref = "refs/heads/main""#,
        r#"ref = { glob = "refs/heads/**" }"#,
        r#"ref = "refs/tags/v1""#,
        r#"event = "pull_request""#,
        "environment",
        "ref",
    ],
    subjects: &[
        r#""repo:acme/infra:ref:refs/heads/main""#,
        r#""repo:acme@1/infra@1:ref:refs/heads/main""#,
        r#""repo:acme@1/infra@1:environment:production""#,
        r#"{ any_of = ["repo:acme/infra:environment:production", "repo:globex/infra:environment:production"] }"#,
        r#"{ any_of = ["repo:acme/infra:ref:refs/heads/main", "repo:acme@1/infra@1:ref:refs/heads/main"] }"#,
        r#"{ glob = "repo:acme/*:ref:refs/heads/main" }"#,
        r#"{ glob = "repo:acme*/infra:**" }"#,
        r#"{ glob = "repo:*-acme/infra:ref:refs/heads/*" }"#,
        r#"{ glob = "repo:acme@1/*@*:ref:refs/heads/*" }"#,
        r#"{ glob = "repo:acme@*/infra@*:ref:refs/heads/main" }"#,
        r#"{ glob = "repo:acme@1/infra@1:**" }"#,
        r#"{ glob = "repo:*/infra:environment:production" }"#,
        r#"{ glob = "repo:acme/infra:**" }"#,
        r#"{ glob = "**" }"#,
        r#"{ regex = "repo:acme-[a-z]+/infra:ref:refs/heads/main" }"#,
        r#"{ regex = "repo:(?i:acme)/infra:.*" }"#,
        r#"{ regex = "repo:acme-(a|b)/infra:ref:.*" }"#,
        r#"{ regex = "repo:acme(@1)?/infra(@1)?:ref:refs/heads/main" }"#,
    ],
    claims: &[
        r#"repository_owner_id = "1""#,
        r#"repository_owner_id = ["1", "2"]"#,
        r#"repository_id = "1""#,
        r#"repository_id = { glob = "1" }"#,
        r#"repository = "acme/infra""#,
        r#"repository = { glob = "acme*/*" }"#,
        r#"repository = { none_of = ["acme/web"] }"#,
        r#"repository_owner = "acme""#,
        r#"ref = "refs/heads/main""#,
        r#"ref = { none_of = ["refs/heads/feature"] }"#,
        r#"environment = "production""#,
        r#"job_workflow_ref = "acme/infra/.github/workflows/deploy.yml@refs/heads/main""#,
        r#"job_workflow_ref = { glob = "acme/infra/.github/workflows/*@refs/heads/*" }"#,
        r#"event_name = "push""#,
        r#"event_name = ["push", "workflow_dispatch"]"#,
        r#"event_name = ["push", "pull_request_target"]"#,
        r#"event_name = { none_of = ["pull_request_target", "issue_comment"] }"#,
        r#"repository_visibility = "private""#,
        r#"runner_environment = "github-hosted""#,
    ],
    forbids: &[
        r#"claims = { event_name = ["pull_request_target", "issue_comment", "workflow_run", "issues", "discussion", "discussion_comment", "fork", "watch"] }"#,
        r#"claims = { event_name = { none_of = ["push"] } }"#,
        r#"claims = { repository_owner_id = { none_of = ["1", "2"] } }"#,
        r#"claims = { repository_id = { none_of = ["1"] } }"#,
        r#"subject = { owner = "mallory" }"#,
        r#"subject = { owner = { none_of = ["acme"] } }"#,
        r#"subject = { repository = ["acme/web"] }"#,
        r#"subject = { environment = "staging" }"#,
        r#"claims = { repository_visibility = "public" }"#,
    ],
};

const GITLAB: Vocabulary = Vocabulary {
    kinds: ["namespace", "project"],
    owners: &[
        r#"namespace = "acme""#,
        r#"namespace = { name = "acme", id = "1" }"#,
        r#"namespace = { id = "1" }"#,
        r#"namespace = { id = ["1", "2"] }"#,
        r#"namespace = ["acme", "acme/sub", "globex"]"#,
        r#"namespace = { glob = "acme*" }"#,
        r#"namespace = { glob = "acme/**" }"#,
        r#"namespace = { regex = "(?i:acme)" }"#,
        r#"namespace = { regex = "acme(-(a|b))?" }"#,
        "",
    ],
    repositories: &[
        r#"project = "acme/infra""#,
        r#"project = { name = "acme/infra", id = "1" }"#,
        r#"project = { id = "1" }"#,
        r#"project = ["acme/infra", "acme/web", "globex/infra"]"#,
        r#"project = { glob = "acme/*" }"#,
        r#"project = { glob = "acme/**" }"#,
        r#"project = { glob = "**/infra" }"#,
        r#"project = { glob = "acme-*/infra" }"#,
        r#"project = { regex = "(?i:acme)/.*" }"#,
        r#"project = { none_of = ["acme/web"] }"#,
        "",
    ],
    contexts: &[
        r#"ref_type = "branch", ref = "main""#,
        r#"ref_type = "branch", ref = ["main", "feature"]"#,
        r#"ref_type = "tag", ref = { glob = "v*" }"#,
        r#"ref_type = "branch", ref"#,
        "ref_type, ref",
    ],
    subjects: &[
        r#""project_path:acme/infra:ref_type:branch:ref:main""#,
        r#""project_id:1:ref_type:branch:ref:main""#,
        r#"{ any_of = ["project_path:acme/infra:ref_type:branch:ref:main", "project_path:acme/web:ref_type:branch:ref:main"] }"#,
        r#"{ glob = "project_path:acme/*:ref_type:branch:ref:main" }"#,
        r#"{ glob = "project_path:acme/**:ref_type:branch:ref:*" }"#,
        r#"{ glob = "project_path:acme*/infra:**" }"#,
        r#"{ glob = "project_path:*/infra:ref_type:branch:ref:main" }"#,
        r#"{ glob = "project_id:1:**" }"#,
        r#"{ glob = "project_id:*:ref_type:branch:ref:main" }"#,
        r#"{ glob = "**" }"#,
        r#"{ regex = "project_path:acme-[a-z]+/infra:ref_type:branch:ref:main" }"#,
        r#"{ regex = "project_path:(?i:acme)/infra:.*" }"#,
        r#"{ regex = "project_path:acme-(a|b)/infra:ref_type:branch:ref:.*" }"#,
    ],
    claims: &[
        r#"namespace_id = "1""#,
        r#"namespace_id = ["1", "2"]"#,
        r#"project_id = "1""#,
        r#"project_id = { glob = "1" }"#,
        r#"namespace_path = "acme""#,
        r#"namespace_path = { glob = "acme*" }"#,
        r#"project_path = "acme/infra""#,
        r#"project_path = { glob = "acme*/*" }"#,
        r#"ref = "main""#,
        r#"ref_protected = "true""#,
        r#"environment = "production""#,
        r#"environment_protected = "true""#,
        r#"pipeline_source = "push""#,
        r#"pipeline_source = ["push", "web"]"#,
        r#"pipeline_source = { none_of = ["merge_request_event"] }"#,
        r#"project_visibility = "private""#,
        r#"runner_environment = "gitlab-hosted""#,
    ],
    forbids: &[
        r#"claims = { pipeline_source = ["merge_request_event", "external_pull_request_event"] }"#,
        r#"claims = { pipeline_source = { none_of = ["push"] } }"#,
        r#"claims = { namespace_id = { none_of = ["1", "2"] } }"#,
        r#"claims = { project_id = { none_of = ["1"] } }"#,
        r#"subject = { namespace = { none_of = ["acme"] } }"#,
        r#"subject = { project = ["acme/web"] }"#,
        r#"claims = { project_visibility = "public" }"#,
        r#"claims = { ref_protected = "false" }"#,
    ],
};

const fn vocabulary(flavour: Flavour) -> &'static Vocabulary {
    match flavour {
        Flavour::GitHub => &GITHUB,
        Flavour::GitLab => &GITLAB,
    }
}

/// A document that compiles, and what it compiles to.
pub(super) fn policy(flavour: Flavour, random: &mut Random) -> (String, Compiled) {
    loop {
        let text = document(flavour, random);
        if let Ok(policy) = compile("policy.toml", &text) {
            return (text, policy);
        }
        // What contradicts itself does not compile; somebody writes another.
    }
}

fn document(flavour: Flavour, random: &mut Random) -> String {
    let words = vocabulary(flavour);
    let mut text = format!(
        "claimbound = 1\npolicy = {{ name = \"random\", version = \"1.0.0\" }}\n\
         [issuer.forge]\nmodel = \"{}\"\n",
        model(flavour)
    );
    for number in 0..=random.below(2) {
        let _ = write!(
            text,
            "[trust.t{number}]\nissuer = \"forge\"\naudience = \"{AUDIENCE}\"\n\
             token_lifetime = \"15m\"\ndanger = \"drawn by lot\"\nsubject = {}\n\
             [trust.t{number}.claims]\n",
            subject(words, random)
        );
        for claim in some(words.claims, random.below(4), random) {
            let _ = writeln!(text, "{claim}");
        }
    }
    let forbids = random.below(3).saturating_sub(random.below(2));
    for (number, forbid) in some(words.forbids, forbids, random).iter().enumerate() {
        let _ = writeln!(text, "[forbid.f{number}]\nissuer = \"forge\"\n{forbid}");
    }
    text
}

/// So many of them, or fewer: no two begin with the same word.
fn some(all: &[&'static str], count: usize, random: &mut Random) -> Vec<&'static str> {
    let mut some: Vec<&str> = Vec::new();
    for _ in 0..count {
        let one = *random.pick(all);
        let word = |text: &'static str| text.split(" = ").next();
        if some.iter().all(|other| word(other) != word(one)) || one.contains(" = { ") {
            some.push(one);
        }
    }
    some
}

fn subject(words: &Vocabulary, random: &mut Random) -> String {
    if random.chance(45) {
        return (*random.pick(words.subjects)).to_owned();
    }
    let [owner, repository] = words.kinds;
    let mut any = Vec::new();
    let mut asked = Vec::new();
    for (written, name) in [
        (*random.pick(words.owners), owner),
        (*random.pick(words.repositories), repository),
    ] {
        if written.is_empty() {
            any.push(name);
        } else {
            asked.push(written);
        }
    }
    for piece in random.pick(words.contexts).split(", ") {
        if piece.contains(['=', '"', '[']) {
            asked.push(piece);
        } else {
            any.push(piece);
        }
    }
    let any: Vec<String> = any.iter().map(|name| format!("\"{name}\"")).collect();
    if !any.is_empty() {
        return format!("{{ {}, any = [{}] }}", asked.join(", "), any.join(", "))
            .replace("{ , any", "{ any");
    }
    format!("{{ {} }}", asked.join(", "))
}
