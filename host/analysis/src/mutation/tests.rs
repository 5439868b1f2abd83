//! Mutants of small policies and of random ones, on cases that are known.

use claimbound_language::{compile, parse_cases};
use proptest::prelude::*;

use super::*;
use crate::boundary::boundary;
use crate::compare::compare;
use crate::random::{agent, policy, written};

const MORE: &str = r#"max_age = "1m"
[trust.agent.claims]
x = "a"
y = { at_least = 5 }

[forbid.old]
issuer = "mesh"
claims = { generation = [1, 2] }
"#;

/// A case of that name, whose token is changed so, and what is expected of it.
fn case(name: &str, change: &str, expected: &str) -> String {
    format!("[[case]]\nname = \"{name}\"\ntoken = \"t\"\n{change}\n{expected}\n")
}

/// Cases that notice every mutant.
fn cases() -> Vec<String> {
    let aud = |aud: &str| format!("with = {{ aud = {aud} }}");
    let another = r#""https://other.example""#;
    let deny = |code: &str| format!("deny = \"{code}\"");
    [
        ("the agent", "", "allow = \"agent\""),
        (
            "another workload",
            r#"with = { sub = "spiffe://acme.example/other" }"#,
            &deny("subject.mismatch"),
        ),
        (
            "another audience",
            &format!("{}\naudience = {another}", aud(another)),
            &deny("audience.mismatch"),
        ),
        (
            "two audiences",
            &aud(&format!(r#"["https://deploy.acme.example", {another}]"#)),
            &deny("audience.shared"),
        ),
        (
            "a second too long",
            "with = { iat = 1795428000, exp = 1795431601 }",
            &deny("token.lifetime"),
        ),
        (
            "a second too old",
            "with = { iat = 1795427939 }",
            &deny("token.age"),
        ),
        (
            "another x",
            r#"with = { x = "b" }"#,
            &deny("claim.mismatch"),
        ),
        ("no x", r#"without = ["x"]"#, &deny("claim.absent")),
        ("a low y", "with = { y = 4 }", &deny("claim.mismatch")),
        (
            "generation 1",
            "with = { generation = 1 }",
            &deny("forbidden"),
        ),
        (
            "generation 2",
            "with = { generation = 2 }",
            &deny("forbidden"),
        ),
        (
            "no generation",
            r#"without = ["generation"]"#,
            &deny("forbidden"),
        ),
    ]
    .map(|(name, change, expected)| case(name, change, expected))
    .to_vec()
}

fn tried(cases: &[String], compiled: &Compiled) -> Vec<Tried> {
    let text = format!("[token.t]\nlike = \"trust.agent\"\n{}", cases.concat());
    let cases = parse_cases("cases.toml", &text).unwrap_or_else(|error| panic!("{error}"));
    Tried::of(&cases, compiled).unwrap()
}

fn mutate(compiled: &Compiled, cases: &[Tried]) -> Mutation {
    mutation(compiled, cases, MutationLimits::default(), |_, _| ())
}

/// What is said of each survivor, in the order of the document.
fn survivors(mutation: &Mutation) -> Vec<String> {
    let words = |one: &Survivor| {
        let mutant = &one.mutant;
        let condition = mutant.condition.as_deref().unwrap_or(&mutant.statement);
        format!("{condition} {}", mutant.change)
    };
    mutation.survivors.iter().map(words).collect()
}

#[test]
fn cases_that_notice_everything_score_all_of_it() {
    let compiled = agent(MORE);
    let mutation = mutate(&compiled, &tried(&cases(), &compiled));
    assert_eq!(survivors(&mutation), [""; 0]);
    assert_eq!((mutation.score(), mutation.untried), (100, 0));
    assert_eq!(mutation.noticed, mutation.counted());
    assert!(mutation.counted() > 15, "{}", mutation.counted());
}

#[test]
fn a_case_that_is_gone_lets_just_its_mutants_survive() {
    let compiled = agent(MORE);
    for (name, expected) in [
        ("another workload", &["subject dropped"][..]),
        ("another audience", &["audience dropped"]),
        ("two audiences", &["shared_audience dropped"]),
        (
            "a second too long",
            &["token_lifetime dropped", "token_lifetime bounded by 3601 s"],
        ),
        (
            "a second too old",
            &["max_age dropped", "max_age bounded by 61 s"],
        ),
        ("another x", &["claims.x takes any value"]),
        // Who takes any x takes another one, too.
        ("no x", &[]),
        (
            "a low y",
            &[
                "claims.y dropped",
                "claims.y takes any value",
                "claims.y bounded by 4",
            ],
        ),
        ("generation 1", &["claims.generation without `1`"]),
        (
            "no generation",
            &["claims.generation forbids only what is there"],
        ),
    ] {
        let mut cases = cases();
        let before = cases.len();
        cases.retain(|case| !case.contains(&format!("\"{name}\"")));
        assert_eq!(cases.len(), before - 1, "{name}");
        let mutation = mutate(&compiled, &tried(&cases, &compiled));
        assert_eq!(survivors(&mutation), expected, "{name}");
        assert_eq!(mutation.score() < 100, !expected.is_empty(), "{name}");
        for survivor in &mutation.survivors {
            let shown = survivor.shown.as_ref().expect(name);
            assert_eq!(shown.before, None, "{name}");
            assert_eq!(shown.after.as_deref(), Some("agent"), "{name}");
            assert_eq!(shown.relation, Relation::Wider, "{name}");
        }
    }
}

#[test]
fn what_decides_every_token_alike_is_no_mutant() {
    // The owner's name is the beginning of the repository's, and no job of another
    // event than those two is trusted at all.
    let compiled = compile(
        "policy.toml",
        r#"claimbound = 1
policy = { name = "deploy", version = "1.0.0" }
[issuer.github]
model = "github-actions"
[trust.main]
issuer = "github"
audience = "https://deploy.acme.example"
token_lifetime = "15m"
[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = "production"
[trust.main.claims]
event_name = ["push", "workflow_dispatch"]
[forbid.foreign]
issuer = "github"
claims = { event_name = ["issue_comment", "workflow_run"] }
"#,
    )
    .unwrap();
    let nothing = mutate(&compiled, &[]);
    let kept = survivors(&nothing);
    for mutant in [
        "subject.owner.name dropped",
        "foreign dropped",
        "claims.event_name without `issue_comment`",
        "claims.event_name forbids only what is there",
    ] {
        assert!(!kept.contains(&mutant.to_owned()), "{kept:?}");
    }
    // Cases that see no more than another reason make no mutants of them.
    let text = r#"
[token.t]
like = "trust.main"
[[case]]
name = "a comment"
token = "t"
with = { event_name = "issue_comment" }
deny = "forbidden"
"#;
    let cases = parse_cases("cases.toml", text).unwrap();
    let seen = mutate(&compiled, &Tried::of(&cases, &compiled).unwrap());
    assert_eq!(seen.counted(), nothing.counted());
    assert_eq!(seen.equivalent, nothing.equivalent);
    assert_eq!((seen.noticed, nothing.noticed), (0, 0));
}

#[test]
fn bounds_are_told_of() {
    let compiled = agent(MORE);
    let cases = tried(&cases(), &compiled);
    let whole = mutate(&compiled, &cases);
    let limits = |mutants, steps| MutationLimits { mutants, steps };
    let usual = MutationLimits::default();
    let few = mutation(&compiled, &cases, limits(3, usual.steps), |_, total| {
        assert_eq!(total, 3);
    });
    let all = whole.counted() + whole.equivalent;
    assert_eq!(few.counted() + few.equivalent, 3);
    assert_eq!(few.untried, all - 3);
    // What can't be told from the policy for want of steps counts, without an example.
    let poor = mutation(&compiled, &[], limits(usual.mutants, 0), |_, _| ());
    assert_eq!(poor.survivors.len(), all);
    assert!(poor.survivors.iter().all(|one| one.shown.is_none()));
    assert_eq!(poor.score(), 0);
}

#[test]
fn a_token_that_is_too_old_is_shown_before_it_expires() {
    // As tokens usually are, it would have expired before it is too old.
    let compiled = agent("max_age = \"30m\"");
    let mutation = mutate(&compiled, &[]);
    let old = mutation
        .survivors
        .iter()
        .filter(|one| one.mutant.condition.as_deref() == Some("max_age"));
    assert_eq!(old.clone().count(), 2);
    for survivor in old {
        let token = &survivor.shown.as_ref().unwrap().token;
        let time = |claim: &str| token.claims[claim].as_u64().unwrap();
        assert!(token.request.now - time("iat") > 1_800);
        assert!(token.request.now < time("exp"));
    }
}

#[test]
fn a_case_that_fails_anyway_notices_nothing() {
    let compiled = agent(MORE);
    let wrong = case("wrong", r#"with = { x = "b" }"#, "allow = \"agent\"");
    let mutation = mutate(&compiled, &tried(&[wrong], &compiled));
    assert_eq!(mutation.noticed, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_survivor_is_shown_by_a_token_exactly_if_a_comparison_finds_one(
        statements in prop::collection::vec(written(), 1..4),
    ) {
        let compiled = policy(&statements);
        let originals = Originals::new(&compiled);
        for mutant in mutants(&compiled.program) {
            let altered = mutant.of(&compiled).unwrap();
            let budget = Budget::default();
            let found = originals.difference(&mutant, &budget);
            let compared = compare(&compiled, &altered, Budget::USUAL).relation;
            prop_assert_eq!(
                found.as_ref().map(Option::is_none),
                match compared {
                    Relation::Unknown => Err(&Exceeded),
                    Relation::Equivalent => Ok(true),
                    Relation::Narrower | Relation::Wider | Relation::Different => Ok(false),
                },
                "{:?} {:?}", mutant, compared
            );
            if let Ok(Some(shown)) = found {
                let token = &shown.token;
                let by = |policy: &Compiled| crate::random::accepted_by(policy, token);
                prop_assert_eq!(by(&compiled), shown.before.clone());
                prop_assert_eq!(by(&altered), shown.after.clone());
                prop_assert!(shown.before.is_some() != shown.after.is_some()
                    || shown.relation != Relation::Equivalent);
            }
        }
    }

    #[test]
    fn boundary_cases_pass_and_leave_no_more_survivors(
        statements in prop::collection::vec(written(), 1..3),
    ) {
        let compiled = policy(&statements);
        let made = boundary(&compiled, |_, _| ());
        let cases: Vec<Tried> = made.cases().cloned().collect();
        for case in &cases {
            prop_assert!(case.passes(&compiled), "{:?}", case);
        }
        let (without, with) = (mutate(&compiled, &[]), mutate(&compiled, &cases));
        prop_assert_eq!(without.counted(), with.counted());
        prop_assert_eq!(without.equivalent, with.equivalent);
        prop_assert!(with.survivors.len() <= without.survivors.len());
    }
}
