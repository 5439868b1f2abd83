//! Comparisons of which people know the answer.

use claimbound_language::compile;
use proptest::prelude::*;

use super::*;
use crate::random::{accepted_by, tokens, written};

/// A policy of a forge's jobs with these statements.
fn policy(statements: &str) -> Compiled {
    let text = format!(
        r#"claimbound = 1
policy = {{ name = "deploy", version = "1.0.0" }}
[issuer.github]
model = "github-actions"
{statements}"#
    );
    compile("policy.toml", &text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// A trust in jobs of a repository, with more to say of it.
fn trust(name: &str, more: &str, claims: &str) -> String {
    format!(
        r#"
[trust.{name}]
issuer = "github"
audience = "https://deploy.acme.example"
token_lifetime = "15m"
{more}
[trust.{name}.subject]
owner = {{ name = "acme", id = "123456" }}
repository = {{ name = "acme/infra", id = "456789" }}
environment = "production"
[trust.{name}.claims]
{claims}
[trust.{name}.grant]
roles = ["deploy"]
"#
    )
}

const MAIN: &str = r#"ref = "refs/heads/main""#;

fn relation(old: &str, new: &str) -> Relation {
    let (old, new) = (policy(old), policy(new));
    let comparison = compare(&old, &new, Budget::USUAL);
    let back = compare(&new, &old, Budget::USUAL).relation;
    let reversed = match comparison.relation {
        Relation::Narrower => Relation::Wider,
        Relation::Wider => Relation::Narrower,
        same @ (Relation::Equivalent | Relation::Different | Relation::Unknown) => same,
    };
    assert_eq!(back, reversed, "{:?}", comparison.differences);
    comparison.relation
}

#[test]
fn a_policy_is_equivalent_to_itself_however_it_is_written() {
    let one = trust("one", "", MAIN);
    assert_eq!(relation(&one, &one), Relation::Equivalent);
    let renamed = trust("another", "", MAIN);
    assert_eq!(relation(&one, &renamed), Relation::Equivalent);
    for (first, second) in [
        (MAIN, r#"ref = { any_of = ["refs/heads/main"] }"#),
        (MAIN, r#"ref = { regex = "refs/heads/(main)" }"#),
        (
            r#"ref = { glob = "refs/heads/*" }"#,
            r#"ref = { regex = "refs/heads/[^/:]*" }"#,
        ),
        (
            r#"sha = { none_of = ["a", "b"] }"#,
            r#"sha = { none_of = ["b", "a", "b"] }"#,
        ),
    ] {
        let (one, other) = (trust("one", "", first), trust("one", "", second));
        assert_eq!(
            relation(&one, &other),
            Relation::Equivalent,
            "{first} {second}"
        );
    }
    // In two statements, in either order, and with one that is never reached.
    let either = trust("one", "", r#"ref = ["refs/heads/main", "refs/heads/next"]"#);
    let (main, next) = (
        trust("one", "", MAIN),
        trust("two", "", r#"ref = "refs/heads/next""#),
    );
    assert_eq!(
        relation(&either, &(main.clone() + &next)),
        Relation::Equivalent
    );
    assert_eq!(relation(&either, &(next + &main)), Relation::Equivalent);
    let shadowed = one.clone() + &trust("later", "single_use = true", MAIN);
    assert_eq!(relation(&one, &shadowed), Relation::Equivalent);
}

#[test]
fn what_accepts_or_grants_more_is_wider() {
    let one = trust("one", "", MAIN);
    for wider in [
        trust("one", "", r#"ref = ["refs/heads/main", "refs/heads/next"]"#),
        trust("one", "", r#"ref = { glob = "refs/heads/*" }"#),
        trust("one", "", ""),
        trust("one", "shared_audience = true", MAIN),
        one.replace("15m", "20m"),
        one.replace(r#"["deploy"]"#, r#"["deploy", "admin"]"#),
        one.clone() + &trust("two", "", r#"ref = "refs/heads/next""#),
    ] {
        assert_eq!(relation(&one, &wider), Relation::Wider, "{wider}");
    }
    let single = trust("one", "single_use = true", MAIN);
    assert_eq!(relation(&single, &one), Relation::Wider);
    let hours =
        r#"window = { days = ["mon"], hours = "08:00-18:00", time_zone = "Europe/Berlin" }"#;
    assert_eq!(relation(&trust("one", hours, MAIN), &one), Relation::Wider);
    let forbid =
        "\n[forbid.night]\nissuer = \"github\"\n[forbid.night.claims]\nactor = \"mallory\"\n";
    assert_eq!(relation(&(one.clone() + forbid), &one), Relation::Wider);
}

#[test]
fn what_does_both_is_different() {
    let one = trust("one", "", MAIN);
    for other in [
        trust("one", "", r#"ref = "refs/heads/next""#),
        one.replace(r#"["deploy"]"#, r#"["admin"]"#),
        one.replace("15m", "20m")
            .replace(MAIN, &format!("{MAIN}\nactor = \"alice\"")),
    ] {
        assert_eq!(relation(&one, &other), Relation::Different, "{other}");
    }
    let comparison = compare(
        &policy(&one),
        &policy(&trust("one", "", r#"ref = "refs/heads/next""#)),
        Budget::USUAL,
    );
    let pairs: Vec<_> = comparison
        .differences
        .iter()
        .map(|one| (one.before.as_deref(), one.after.as_deref(), one.relation))
        .collect();
    assert_eq!(
        pairs,
        [
            (Some("one"), None, Relation::Narrower),
            (None, Some("one"), Relation::Wider),
        ]
    );
    let refs = comparison
        .differences
        .iter()
        .map(|one| one.token.claims["ref"].clone());
    assert_eq!(
        refs.collect::<Vec<_>>(),
        ["refs/heads/main", "refs/heads/next"]
    );
}

#[test]
fn what_no_token_of_the_issuer_can_have_makes_no_difference() {
    let one = trust("one", "", MAIN);
    // Its issuer signs by no other algorithm, and the ref repeats the subject's.
    let key = format!("{one}[trust.one.key]\nalgorithms = [\"RS256\"]\n");
    assert_eq!(relation(&one, &key), Relation::Equivalent);
    let repeated = trust("one", "", &format!("{MAIN}\nrepository_id = \"456789\""));
    assert_eq!(
        relation(&one, &repeated),
        Relation::Narrower,
        "the claim may be absent"
    );
    let bits = format!("{one}[trust.one.key]\nat_least_bits = 3072\n");
    assert_eq!(relation(&one, &bits), Relation::Narrower);
}

#[test]
fn what_takes_too_many_steps_is_unknown() {
    let one = policy(&trust("one", "", MAIN));
    let other = policy(&trust("one", "", r#"ref = { glob = "refs/heads/*" }"#));
    let comparison = compare(&one, &other, 100);
    assert_eq!(comparison.relation, Relation::Unknown);
    assert!(comparison.differences.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Statements of one kind grant the same, so that a policy is a set of tokens.
    #[test]
    fn policies_are_what_their_tokens_say(
        old in prop::collection::vec(written(), 1..3),
        new in prop::collection::vec(written(), 1..3),
    ) {
        let (old, new) = (crate::random::policy(&old), crate::random::policy(&new));
        let comparison = compare(&old, &new, Budget::USUAL);
        // Examples were confirmed; whatever shows on some token has to be found.
        let mut seen = Relation::Equivalent;
        for token in tokens() {
            let pair = (accepted_by(&old, &token).is_some(), accepted_by(&new, &token).is_some());
            seen = with(seen, match pair {
                (false, true) => Relation::Wider,
                (true, false) => Relation::Narrower,
                (false, false) | (true, true) => Relation::Equivalent,
            });
        }
        let told = comparison.relation;
        let is_unknown = told == Relation::Unknown;
        prop_assert!(is_unknown || with(told, seen) == told, "{seen:?} {told:?}");
        for difference in &comparison.differences {
            prop_assert!(difference.relation != Relation::Different);
        }
    }
}

/// What a forge's policy may say of the subject.
const SUBJECTS: [&str; 13] = [
    r#"subject = { owner = { name = "acme", id = "1" }, repository = { name = "acme/infra", id = "2" }, environment = "production" }"#,
    r#"subject = { owner = { name = "acme", id = "1" }, repository = { name = "acme/infra", id = "2" }, ref = "refs/heads/main" }"#,
    r#"subject = { owner = { name = "acme", id = "1" }, any = ["repository", "ref"] }"#,
    r#"subject = { repository = { name = { glob = "acme/*" }, id = "2" }, any = ["owner", "environment"] }"#,
    r#"subject = { repository = { name = "acme/infra", id = "2" }, event = "pull_request", any = ["owner"] }"#,
    r#"subject = "repo:acme@1/infra@2:environment:production""#,
    "danger = \"test\"\nsubject = \"repo:acme/infra:environment:production\"",
    "danger = \"test\"\nsubject = { glob = \"repo:acme/*:ref:refs/heads/*\" }",
    "danger = \"test\"\nsubject = { regex = \"repo:acme(@1)?/infra(@2)?:.*\" }",
    r#"subject = { owner = { name = "acme", id = "1" }, repository = { name = "acme/infra", id = "2" }, environment = "production", any = ["actor"] }"#,
    r#"subject = { owner = { name = "acme", id = "1" }, actor = "alice", any = ["repository", "ref"] }"#,
    r#"subject = "repository_owner_id:1:repository_id:2:ref:refs/heads/main""#,
    "danger = \"test\"\nsubject = { glob = \"repository_owner_id:1:**\" }",
];

/// What it may say of claims.
const ASKED: [&str; 7] = [
    "",
    r#"ref = "refs/heads/main""#,
    r#"environment = "production""#,
    r#"repository = "acme/infra""#,
    r#"repository_id = { any_of = ["2", "3"] }"#,
    "repository_owner_id = { present = true }",
    "ref = { absent = true }",
];

fn forge_policy(statements: &[(usize, usize)]) -> Option<Compiled> {
    let one = |(number, (subject, asked)): (usize, &(usize, usize))| {
        format!(
            r#"
[trust.s{number}]
issuer = "github"
audience = "https://deploy.acme.example"
token_lifetime = "15m"
identity = {{ first_use = "refuse" }}
{}
[trust.s{number}.claims]
{}
[trust.s{number}.grant]
roles = ["deploy"]
"#,
            SUBJECTS[*subject], ASKED[*asked]
        )
    };
    let text: String = statements.iter().enumerate().map(one).collect();
    let text = format!(
        "claimbound = 1\npolicy = {{ name = \"deploy\", version = \"1.0.0\" }}\n\
         [issuer.github]\nmodel = \"github-actions\"\n{text}"
    );
    // Some contradict themselves.
    compile("policy.toml", &text).ok()
}

/// Tokens of jobs in many circumstances, of which some are nobody's.
fn jobs() -> Vec<Token> {
    let plain = policy(&trust("one", "", MAIN)).example("one").unwrap();
    let mut jobs = Vec::new();
    let ends = [
        "environment:production",
        "environment:staging",
        "ref:refs/heads/main",
        "ref:refs/tags/v1",
        "pull_request",
    ];
    for (owner, repository) in [("acme", "infra"), ("acme", "web"), ("evil", "infra")] {
        for (owner_id, id) in [("1", "2"), ("1", "3"), ("9", "2")] {
            for end in ends {
                for front in [
                    format!("repo:{owner}/{repository}"),
                    format!("repo:{owner}@{owner_id}/{repository}@{id}"),
                    format!("repository_owner_id:{owner_id}:repository_id:{id}"),
                    format!("actor:alice:repo:{owner}/{repository}"),
                ] {
                    for (git_ref, environment) in [
                        (Some("refs/heads/main"), Some("production")),
                        (Some("refs/heads/main"), None),
                        (Some("refs/tags/v1"), None),
                        (None, Some("staging")),
                        (None, None),
                    ] {
                        let mut job = plain.clone();
                        let claims = [
                            ("sub", Some(format!("{front}:{end}"))),
                            ("repository_owner", Some(owner.to_owned())),
                            ("repository_owner_id", Some(owner_id.to_owned())),
                            ("repository", Some(format!("{owner}/{repository}"))),
                            ("repository_id", Some(id.to_owned())),
                            ("ref", git_ref.map(str::to_owned)),
                            ("environment", environment.map(str::to_owned)),
                        ];
                        for (name, value) in claims {
                            job.claims.remove(name);
                            if let Some(value) = value {
                                job.claims.insert(name.to_owned(), value.into());
                            }
                        }
                        jobs.push(job);
                    }
                }
            }
        }
    }
    jobs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_said_of_a_forges_policies_holds_for_its_jobs(
        old in prop::collection::vec((0..SUBJECTS.len(), 0..ASKED.len()), 1..3),
        edit in (0..5_u8, 0..SUBJECTS.len(), 0..ASKED.len()),
    ) {
        let mut new = old.clone();
        let (how, subject, asked) = edit;
        match how {
            0 => new[0].0 = subject,
            1 => new[0].1 = asked,
            2 => new[0].1 = 0,
            3 => new.push((subject, asked)),
            _ => new.reverse(),
        }
        let (Some(old), Some(new)) = (forge_policy(&old), forge_policy(&new)) else {
            return Ok(());
        };
        let told = compare(&old, &new, Budget::USUAL).relation;
        for job in jobs() {
            let (was, is) = (accepted_by(&old, &job).is_some(), accepted_by(&new, &job).is_some());
            let is_told = match told {
                Relation::Equivalent => was == is,
                Relation::Narrower => was || !is,
                Relation::Wider => is || !was,
                Relation::Different | Relation::Unknown => true,
            };
            prop_assert!(is_told, "{told:?} {was} {is} {:?}", job.claims);
        }
    }
}

#[test]
fn of_a_forges_policies_it_is_known_how_they_relate() {
    let last = SUBJECTS.len() - 1;
    for (place, asked) in (0..=last).zip((1..ASKED.len()).cycle()) {
        for new in [(place, asked), ((place + 1).min(last), 0)] {
            let policies = (forge_policy(&[(place, 0)]), forge_policy(&[new]));
            let (Some(old), Some(new)) = policies else {
                continue;
            };
            let told = compare(&old, &new, Budget::USUAL).relation;
            assert_ne!(told, Relation::Unknown, "{place} {asked}");
        }
    }
}
