//! The evaluator on programs that are built by hand.

use crate::model::{Condition, Effect, Literal, Program as Model, Source, Statement, Test};
use crate::{
    Code, Decision, Facts, Grant, Key, MOST_REASONS, Name, Obligation, Program, Value,
    encode::encode, evaluate, explain,
};

/// A token with two claims, a part and a name.
struct Token {
    issuer: &'static str,
    claims: Vec<Value<'static>>,
    audience: Vec<String>,
    repository: Option<Name<'static>>,
    issued_at: Option<u64>,
    now: u64,
}

impl Default for Token {
    fn default() -> Self {
        Self {
            issuer: "https://issuer.example",
            claims: vec![Value::Text("refs/heads/main"), Value::Integer(3)],
            audience: vec!["https://deploy.example".to_owned()],
            repository: Some(Name {
                name: "acme/infra",
                id: Some("456789"),
                parent: Some("123456"),
            }),
            issued_at: Some(1_000),
            now: 1_100,
        }
    }
}

impl Facts for Token {
    fn issuer(&self) -> &str {
        self.issuer
    }
    fn subject(&self) -> &'static str {
        "repo:acme/infra:ref:refs/heads/main"
    }
    fn form(&self) -> &'static str {
        "ref"
    }
    fn audience(&self) -> &[String] {
        &self.audience
    }
    fn issued_at(&self) -> Option<u64> {
        self.issued_at
    }
    fn expires_at(&self) -> u64 {
        1_600
    }
    fn claim(&self, index: usize) -> Value<'_> {
        self.claims.get(index).copied().unwrap_or(Value::Absent)
    }
    fn part(&self, _: usize) -> Option<&str> {
        None
    }
    fn name(&self, _: usize) -> Option<Name<'_>> {
        self.repository
    }
    fn attribute(&self, name: &str) -> Option<&str> {
        (name == "branch").then_some("refs/heads/main")
    }
    fn key(&self) -> Key<'_> {
        Key {
            key_type: "RSA",
            algorithm: "RS256",
            bits: 2048,
            thumbprint: "t",
        }
    }
    fn now(&self) -> u64 {
        self.now
    }
    fn route_audience(&self) -> &'static str {
        "https://deploy.example"
    }
}

fn condition(source: Source, test: Test) -> Condition {
    Condition {
        label: "claims.ref".to_owned(),
        claim: vec!["ref".to_owned()],
        source,
        test,
        fold: false,
        code: Code::ClaimMismatch,
        expected: "something".to_owned(),
    }
}

fn text(text: &str) -> Literal {
    Literal::Text(text.to_owned())
}

fn trust(name: &str, conditions: Vec<Condition>) -> Statement {
    Statement {
        name: name.to_owned(),
        issuer: "https://issuer.example".to_owned(),
        effect: Effect::Trust(Grant {
            roles: vec![name.to_owned()],
            obligations: vec![Obligation::UseOnce],
            max_lifetime: Some(600),
            ..Grant::default()
        }),
        conditions,
    }
}

fn program(statements: Vec<Statement>) -> Vec<u8> {
    encode(&Model {
        name: "test".to_owned(),
        version: "1.0.0".to_owned(),
        claims: vec![vec!["ref".to_owned()], vec!["attempt".to_owned()]],
        names: vec!["repository".to_owned()],
        attributes: vec!["branch".to_owned(), "unknown".to_owned()],
        statements,
        ..Model::default()
    })
    .unwrap()
}

fn decide(statements: Vec<Statement>, token: &Token) -> Decision {
    let bytes = program(statements);
    evaluate(Program::open(&bytes).unwrap(), token).unwrap()
}

fn codes(decision: &Decision) -> Vec<&'static str> {
    match decision {
        Decision::Allow { .. } => vec![],
        Decision::Deny { reasons, .. } => reasons.iter().map(|reason| reason.code).collect(),
    }
}

/// What one condition says: allowed, or the code of the denial.
fn outcome(condition: Condition, token: &Token) -> &'static str {
    match decide(vec![trust("only", vec![condition])], token) {
        Decision::Allow { .. } => "allow",
        denied @ Decision::Deny { .. } => codes(&denied)[0],
    }
}

#[test]
fn the_first_statement_that_matches_decides_and_grants() {
    let main = || condition(Source::Claim(0), Test::Equals(text("refs/heads/main")));
    let other = condition(Source::Claim(0), Test::Equals(text("refs/heads/x")));
    let decision = decide(
        vec![
            trust("other", vec![other]),
            trust("first", vec![main()]),
            trust("second", vec![main()]),
        ],
        &Token::default(),
    );
    let Decision::Allow { statement, grant } = decision else {
        panic!("{decision:?}");
    };
    assert_eq!(statement, "first");
    assert_eq!(grant.roles, ["first"]);
    assert_eq!(grant.max_lifetime, Some(600));
    assert_eq!(grant.obligations, [Obligation::UseOnce]);
}

#[test]
fn a_statement_grants_nothing_past_its_own_end() {
    let token = Token::default();
    let (now, end) = (token.now(), token.expires_at());
    let longest = |ends: &[u64], own: Option<u32>| {
        let until = |end: &u64| condition(Source::Time, Test::Between(0, *end));
        let mut statement = trust("only", ends.iter().map(until).collect());
        if let Effect::Trust(grant) = &mut statement.effect {
            grant.max_lifetime = own;
        }
        match decide(vec![statement], &token) {
            Decision::Allow { grant, .. } => grant.max_lifetime,
            denied @ Decision::Deny { .. } => panic!("{denied:?}"),
        }
    };
    assert_eq!(
        longest(&[end, u64::MAX], None),
        None,
        "the token ends no later"
    );
    assert_eq!(longest(&[end - 1], None), u32::try_from(end - 1 - now).ok());
    assert_eq!(longest(&[now + 9, now + 1, now + 5], None), Some(1));
    assert_eq!(longest(&[now + 9], Some(8)), Some(8));
    assert_eq!(longest(&[now + 9], Some(10)), Some(9));
    assert_eq!(longest(&[end], Some(10)), Some(10));
}

#[test]
fn every_operator_holds_fails_or_is_unknown_with_its_code() {
    let claim = Source::Claim;
    let absent = Source::Claim(9);
    let cases = [
        (claim(0), Test::Equals(text("refs/heads/main")), "allow"),
        (claim(0), Test::Equals(text("x")), "claim.mismatch"),
        (
            claim(0),
            Test::Equals(Literal::Number("3".into())),
            "claim.type",
        ),
        (absent, Test::Equals(text("x")), "claim.absent"),
        (
            claim(1),
            Test::Equals(Literal::Number("3.0".into())),
            "allow",
        ),
        (claim(1), Test::Equals(text("3")), "claim.type"),
        (
            claim(0),
            Test::AnyOf(vec![text("z"), text("refs/heads/main"), text("a")]),
            "allow",
        ),
        (claim(0), Test::NoneOf(vec![text("z"), text("a")]), "allow"),
        (
            claim(0),
            Test::NoneOf(vec![text("refs/heads/main")]),
            "claim.mismatch",
        ),
        (absent, Test::NoneOf(vec![text("a")]), "claim.absent"),
        (claim(1), Test::AtLeast("3".into()), "allow"),
        (claim(1), Test::AtLeast("3.0001".into()), "claim.mismatch"),
        (claim(1), Test::AtMost("2".into()), "claim.mismatch"),
        (claim(0), Test::AtMost("2".into()), "claim.type"),
        (absent, Test::AtMost("2".into()), "claim.absent"),
        (claim(0), Test::Present, "allow"),
        (absent, Test::Present, "claim.absent"),
        (absent, Test::Absent, "allow"),
        (claim(0), Test::Absent, "claim.mismatch"),
        (claim(0), Test::SameAs(claim(0)), "allow"),
        (claim(0), Test::SameAs(claim(1)), "claim.type"),
        (claim(0), Test::SameAs(absent), "claim.absent"),
        (claim(0), Test::Attribute(0), "allow"),
        (claim(0), Test::Attribute(1), "claim.mismatch"),
        (absent, Test::Attribute(1), "claim.absent"),
        (claim(1), Test::Attribute(0), "claim.type"),
        (
            Source::Audience,
            Test::Contains("https://deploy.example".into()),
            "allow",
        ),
        (
            Source::Audience,
            Test::AllOf(vec!["a".into()]),
            "claim.mismatch",
        ),
        (claim(0), Test::Contains("a".into()), "claim.type"),
        (Source::NameId(0), Test::Equals(text("456789")), "allow"),
        (
            Source::NameParent(0),
            Test::Equals(text("1")),
            "claim.mismatch",
        ),
        (Source::KeyBits, Test::AtLeast("2048".into()), "allow"),
        (
            Source::Time,
            Test::AudienceIs("https://deploy.example".into()),
            "allow",
        ),
        (
            Source::Time,
            Test::AudienceIs("https://x.example".into()),
            "claim.mismatch",
        ),
        (Source::Time, Test::SoleAudience, "allow"),
        (Source::Time, Test::Between(1_100, 1_101), "allow"),
        (Source::Time, Test::Between(0, 1_100), "claim.mismatch"),
        (Source::Time, Test::LifetimeAtMost(600), "allow"),
        (Source::Time, Test::LifetimeAtMost(599), "claim.mismatch"),
        (Source::Time, Test::AgeAtMost(99), "claim.mismatch"),
    ];
    for (source, test, expected) in cases {
        let shown = format!("{source:?} {test:?}");
        let found = outcome(condition(source, test), &Token::default());
        assert_eq!(found, expected, "{shown}");
    }
}

#[test]
fn folding_compares_texts_without_ascii_case() {
    let mut folded = condition(Source::Name(0), Test::Equals(text("ACME/Infra")));
    assert_eq!(outcome(folded.clone(), &Token::default()), "claim.mismatch");
    folded.fold = true;
    assert_eq!(outcome(folded, &Token::default()), "allow");
}

#[test]
fn a_forbid_wins_and_an_unknown_condition_triggers_it() {
    let statements = |source, value: &str| {
        vec![
            trust("anything", vec![]),
            Statement {
                effect: Effect::Forbid,
                ..trust("never", vec![condition(source, Test::Equals(text(value)))])
            },
        ]
    };
    let token = Token::default();
    let forbidden = ["forbidden"];
    let found = decide(statements(Source::Claim(0), "refs/heads/main"), &token);
    assert_eq!(codes(&found), forbidden);
    let found = decide(statements(Source::Claim(9), "x"), &token);
    assert_eq!(codes(&found), forbidden, "absent");
    let found = decide(statements(Source::Claim(1), "x"), &token);
    assert_eq!(codes(&found), forbidden, "mistyped");
    let found = decide(statements(Source::Claim(0), "x"), &token);
    assert_eq!(codes(&found), [""; 0], "known not to hold");
}

#[test]
fn reasons_are_those_of_the_closest_statements() {
    let good = || condition(Source::Claim(0), Test::Equals(text("refs/heads/main")));
    let bad = |value: &str| condition(Source::Claim(0), Test::Equals(text(value)));
    let found = decide(
        vec![
            trust("far", vec![bad("a"), bad("b")]),
            trust("near", vec![good(), bad("c")]),
        ],
        &Token::default(),
    );
    let Decision::Deny { reasons, truncated } = found else {
        panic!("allowed");
    };
    assert!(!truncated);
    assert_eq!(reasons.len(), 1);
    assert_eq!(reasons[0].statement.as_deref(), Some("near"));
    assert_eq!(reasons[0].found.as_deref(), Some("refs/heads/main"));
}

#[test]
fn a_denial_lists_no_more_reasons_than_it_may() {
    let many = (0..40)
        .map(|n| condition(Source::Claim(0), Test::Equals(text(&n.to_string()))))
        .collect();
    let Decision::Deny { reasons, truncated } =
        decide(vec![trust("many", many)], &Token::default())
    else {
        panic!("allowed");
    };
    assert_eq!(reasons.len(), MOST_REASONS);
    assert!(truncated);
}

#[test]
fn a_statement_is_found_among_many_by_its_index() {
    let id = |id: &str| condition(Source::NameId(0), Test::Equals(text(id)));
    let mut statements: Vec<_> = (0..1_000)
        .map(|n| trust(&n.to_string(), vec![id(&n.to_string())]))
        .collect();
    statements.push(trust("ours", vec![id("456789")]));
    statements.push(trust(
        "two ids",
        vec![condition(
            Source::NameId(0),
            Test::AnyOf(vec![text("777"), text("456789")]),
        )],
    ));
    let bytes = program(statements);
    let program = Program::open(&bytes).unwrap();
    let named = |id| {
        let token = Token {
            repository: Some(Name {
                name: "acme/infra",
                id: Some(id),
                parent: None,
            }),
            ..Token::default()
        };
        match evaluate(program, &token).unwrap() {
            Decision::Allow { statement, .. } => statement,
            denied @ Decision::Deny { .. } => codes(&denied).join(","),
        }
    };
    assert_eq!(named("456789"), "ours");
    assert_eq!(named("0"), "0");
    assert_eq!(named("777"), "777");
    assert_eq!(named("1000"), "subject.mismatch");
}

#[test]
fn an_issuer_of_no_statement_is_unknown() {
    let token = Token {
        issuer: "https://other.example",
        ..Token::default()
    };
    let found = decide(vec![trust("any", vec![])], &token);
    assert_eq!(codes(&found), ["issuer.unknown"]);
}

#[test]
fn an_explanation_agrees_and_lists_every_condition() {
    let bytes = program(vec![trust(
        "one",
        vec![
            condition(Source::Claim(0), Test::Equals(text("x"))),
            condition(Source::Claim(9), Test::Present),
            condition(Source::Claim(9), Test::Equals(text("x"))),
        ],
    )]);
    let program = Program::open(&bytes).unwrap();
    let (decision, steps) = explain(program, &Token::default()).unwrap();
    assert_eq!(decision, evaluate(program, &Token::default()).unwrap());
    let held: Vec<_> = steps.iter().map(|step| step.held).collect();
    assert_eq!(held, [Some(false), Some(false), None]);
}

#[test]
fn the_manifest_reads_back_as_written() {
    let bytes = program(vec![trust("one", vec![])]);
    let manifest = Program::open(&bytes).unwrap().manifest().unwrap();
    assert_eq!(manifest.claims, [["ref"], ["attempt"]]);
    assert_eq!(manifest.obligations, ["use-once"]);
    assert_eq!(manifest.statements, ["one"]);
}

#[test]
fn a_damaged_program_never_panics_and_a_cut_one_does_not_open() {
    let conditions = vec![
        condition(Source::Claim(0), Test::AnyOf(vec![text("a"), text("b")])),
        condition(Source::Claim(1), Test::AtLeast("2".into())),
    ];
    let bytes = program(
        (0..8)
            .map(|n| trust(&n.to_string(), conditions.clone()))
            .collect(),
    );
    assert!(Program::open(&bytes[..bytes.len() - 1]).is_err());
    for place in 16..bytes.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut damaged = bytes.clone();
            damaged[place] = value;
            let program = Program::open(&damaged).unwrap();
            let _ = program.manifest();
            let _ = explain(program, &Token::default());
        }
    }
}

/// Statements that differ in the value of a claim alone.
fn by_claim(count: usize) -> Vec<Statement> {
    (0..count)
        .map(|n| {
            let other = condition(Source::Claim(0), Test::Equals(text(&n.to_string())));
            let ours = condition(Source::NameId(0), Test::Equals(text("456789")));
            trust(&n.to_string(), vec![ours, other])
        })
        .collect()
}

#[test]
fn an_index_over_a_claim_does_not_change_the_reasons() {
    for count in [4, 5, 9, 64, 100] {
        let found = decide(by_claim(count), &Token::default());
        assert_eq!(codes(&found)[0], "claim.mismatch", "{count} statements");
    }
}

#[test]
fn an_explanation_shows_the_statement_that_accepts_however_many_there_are() {
    let mut statements = by_claim(600);
    statements.push(trust(
        "ours",
        vec![condition(Source::Claim(0), Test::Present)],
    ));
    let bytes = program(statements);
    let (decision, steps) = explain(Program::open(&bytes).unwrap(), &Token::default()).unwrap();
    assert!(matches!(decision, Decision::Allow { statement, .. } if statement == "ours"));
    assert_eq!(steps[0].statement, "ours");
    assert!(steps.len() <= crate::MOST_STEPS);
}

#[test]
fn a_reason_repeats_no_more_of_a_policy_than_of_a_token() {
    let mut long = condition(Source::Claim(0), Test::Equals(text("x")));
    long.expected = "ä".repeat(100_000);
    let Decision::Deny { reasons, .. } = decide(vec![trust("long", vec![long])], &Token::default())
    else {
        panic!("allowed");
    };
    assert!(reasons[0].expected.len() < 300 && reasons[0].message.len() < 700);
}
