//! An invented forge whose tokens can all be counted, as long as they are small.

use std::rc::Rc;

use claimbound_issuers::Workload;
use claimbound_language::{DecodedClaims, Example as Token, Pattern};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::block::Relation;

const TOY: &str = r#"
name = "toy"
title = "Toy"
documentation = "An invented forge."
[tokens]
algorithms = ["ES256"]
types = ["JWT"]
[encode]
":" = "%3A"
[[issuer]]
url = "https://id.toy.example"
shared = true
default = true
[[part]]
name = "owner"
documentation = "The owner."
class = "slug"
chooser = "issuer"
[[part]]
name = "owner_id"
documentation = "Its id."
class = "digits"
chooser = "issuer"
[[part]]
name = "place"
documentation = "A place."
excludes = ":"
claim = ["place"]
chooser = "insider"
[[part]]
name = "shift"
documentation = "When."
class = "slug"
chooser = "insider"
[[form]]
name = "plain"
documentation = "Usual."
subject = "o:{owner}:p:{place}"
[[form]]
name = "custom"
documentation = "Chosen."
separator = ":"
segments = [
    { subject = "o:{owner}" },
    { subject = "o:{owner}@{owner_id}" },
    { subject = "p:{place}" },
    { subject = "night", fixed = { shift = "night" } },
]
claims = ["actor", "login"]
[[kind]]
name = "owner"
documentation = "The owner."
templates = ["{owner}", "{login}"]
claim = ["login"]
id = { need = "optional", claim = ["login_id"], parts = ["owner_id"] }
tenant = true
[[kind]]
name = "team"
documentation = "A team."
claim = ["team"]
id = { need = "none" }
parent = "owner"
[[claim]]
path = ["place"]
type = "text"
chooser = "insider"
documentation = "A place."
[[claim]]
path = ["actor"]
type = "text"
chooser = "insider"
documentation = "Who."
[[claim]]
path = ["login"]
type = "text"
chooser = "issuer"
documentation = "The owner."
[[claim]]
path = ["login_id"]
type = "text"
immutable = true
chooser = "issuer"
documentation = "Its id."
[[claim]]
path = ["team"]
type = "text"
chooser = "issuer"
documentation = "The team."
"#;

const URL: &str = "https://id.toy.example";
const SEGMENTS: [&[&str]; 6] = [
    &["o:1", "o:a"],
    &["o:1@1", "o:1@2", "o:a@1"],
    &["p:1", "p:1%3A2"],
    &["night"],
    &["actor:a"],
    &["login:1", "login:a"],
];
const CLAIMS: [(&str, &[&str]); 5] = [
    ("place", &["1", "1:2"]),
    ("actor", &["a", "b"]),
    ("login", &["1", "a"]),
    ("login_id", &["1", "2"]),
    ("team", &["t"]),
];

fn model() -> &'static Model {
    Box::leak(Box::new(Model::parse(TOY).unwrap()))
}

/// Every subject of at most three small segments, of which some are nobody's.
fn subjects() -> Vec<String> {
    let one: Vec<String> = SEGMENTS.concat().into_iter().map(str::to_owned).collect();
    let longer = |subjects: &[String]| -> Vec<String> {
        let all = subjects.iter().flat_map(|subject| {
            let ends = one.iter().map(move |end| format!("{subject}:{end}"));
            ends.collect::<Vec<_>>()
        });
        all.collect()
    };
    let two = longer(&one);
    let three = longer(&two);
    let all = [one, two, three].concat().into_iter();
    all.filter(|subject| model().parse_subject(subject).is_ok())
        .collect()
}

/// Every set of small claims.
fn claim_sets() -> Vec<Found> {
    let mut sets = vec![Vec::new()];
    for (name, values) in CLAIMS {
        let mut longer = sets.clone();
        for value in values {
            for set in &sets {
                let mut set: Found = set.clone();
                let claim = Variable::Claim(vec![name.to_owned()]);
                set.push((claim, Example::Value(Json::from(*value))));
                longer.push(set);
            }
        }
        sets = longer;
    }
    sets
}

/// Every small token that the model reads.
fn tokens() -> Rc<Vec<(Token, Workload)>> {
    thread_local! {
        static ALL: Rc<Vec<(Token, Workload)>> = Rc::new(counted());
    }
    ALL.with(Rc::clone)
}

fn counted() -> Vec<(Token, Workload)> {
    let (model, sets) = (model(), claim_sets());
    let mut tokens = Vec::new();
    for subject in subjects() {
        for set in &sets {
            let mut found = set.clone();
            found.push((
                Variable::Subject,
                Example::Value(Json::from(subject.clone())),
            ));
            let token = token(&found, URL, model).unwrap();
            let claims = DecodedClaims(&token.claims);
            if let Ok(workload) = model.identify(URL, &subject, &claims) {
                tokens.push((token, workload));
            }
        }
    }
    assert!(tokens.len() > 1000);
    tokens
}

/// What may be asked of a variable: a regex that a text is to match or not, or
/// that there be none.
#[derive(Clone, Debug)]
enum Asked {
    Matches(&'static str),
    Other(&'static str),
    Absent,
    Either(&'static str),
}

const SUBJECT_TEXTS: [&str; 8] = [
    "o:1:.*",
    ".*p:1.*",
    "night:.*",
    "(actor:a:)?o:1@1(:p:.*)?",
    "o:1:p:1",
    "[^:]*(:[^:]*)?",
    "login:1:.*:night",
    ".*:.*:.*:.*",
];
const FORM_TEXTS: [&str; 8] = [
    "custom", "plain", ".*", "custom", "c.*", "x", "custom", "plain",
];
const TEXTS: [&str; 8] = ["1", "a", "1|2", "1:2", "1%3A2", "[a-z]+", "night", "t"];

fn asked() -> impl Strategy<Value = (Variable, Asked)> {
    let part = |name: &str| Variable::Part(name.to_owned());
    let claim = |name: &str| Variable::Claim(vec![name.to_owned()]);
    let variables = vec![
        Variable::Subject,
        Variable::Subject,
        Variable::Form,
        part("owner"),
        part("owner_id"),
        part("place"),
        part("shift"),
        part("actor"),
        part("login"),
        Variable::Name("owner".to_owned()),
        Variable::Id("owner".to_owned()),
        Variable::Name("team".to_owned()),
        Variable::Parent("team".to_owned()),
        Variable::Parent("owner".to_owned()),
        claim("place"),
        claim("actor"),
        claim("login"),
        claim("login_id"),
        claim("team"),
    ];
    (prop::sample::select(variables), 0..4_u8, 0..8_usize).prop_map(|(variable, how, which)| {
        let texts = if variable == Variable::Subject {
            SUBJECT_TEXTS
        } else if variable == Variable::Form {
            FORM_TEXTS
        } else {
            TEXTS
        };
        let how = match how {
            0 => Asked::Matches(texts[which]),
            1 => Asked::Other(texts[which]),
            2 => Asked::Either(texts[which]),
            _ => Asked::Absent,
        };
        (variable, how)
    })
}

fn values(asked: &Asked, budget: &Budget) -> Values {
    let matching = |regex: &str| {
        let pattern = Pattern::regex(regex).unwrap();
        Texts::accepted(&pattern.automaton, budget).unwrap()
    };
    match asked {
        Asked::Matches(regex) => Values::of_texts(matching(regex)),
        Asked::Other(regex) => Values::of_texts(matching(regex).complement(budget).unwrap()),
        Asked::Either(regex) => Values::of_texts(matching(regex)).or_absent(),
        Asked::Absent => Values::none().or_absent(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn what_is_not_found_is_no_small_token(
        all in prop::collection::vec(asked(), 1..5),
        same in prop::option::weighted(0.2, (asked(), asked(), any::<bool>())),
    ) {
        let budget = Budget::default();
        let mut block = Some(Block::default());
        for (variable, asked) in &all {
            let next = Block::of(variable.clone(), values(asked, &budget));
            block = block.and_then(|block| block.and(&next, &budget).unwrap());
        }
        let has_relation = same.is_some();
        if let Some(((one, _), (other, _), is_equal)) = same {
            let related = Block::related(Relation { one, other, folds: false, is_equal });
            block = block.and_then(|block| block.and(&related, &budget).unwrap());
        }
        let Some(block) = block else { return Ok(()) };
        let is_in = |(token, workload): &&(Token, Workload)| {
            block.contains(&|one| proof::value_of(one, token, workload))
        };
        let region = Region::of(vec![block.clone()]);
        let tokens = tokens();
        let small = tokens.iter().find(is_in);
        match example(&region, URL, model(), &budget) {
            Ok(None) => prop_assert!(small.is_none(), "{all:?} {block:?} {:?}", small.unwrap().0.claims),
            // Of what was found it is proved that it is in the block.
            Ok(Some(_)) => {}
            // Of one value among several that are related, not all are tried.
            Err(Exceeded) => prop_assert!(has_relation, "{all:?} {}", small.is_some()),
        }
    }
}
