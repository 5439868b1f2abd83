//! Conditions on values, by every operator.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use super::world::{ATTRIBUTES, Claim, NUMBERS, Type};

/// A condition on a text.
pub(super) fn texts(values: &'static [&'static str]) -> BoxedStrategy<Value> {
    let value = || select(values);
    let list = || prop::collection::vec(select(values), 1..4);
    prop_oneof![
        8 => value().prop_map(Value::from),
        3 => list().prop_map(Value::from),
        1 => value().prop_map(|one| json!({ "equals": one })),
        1 => list().prop_map(|all| json!({ "any_of": all })),
        2 => list().prop_map(|all| json!({ "none_of": all })),
        3 => glob(values).prop_map(|glob| json!({ "glob": glob })),
        3 => regex(values).prop_map(|regex| json!({ "regex": regex })),
        2 => Just(json!({ "present": true })),
        1 => same_as(),
        1 => attribute(),
    ]
    .boxed()
}

fn same_as() -> impl Strategy<Value = Value> {
    let claims = vec![
        json!("team"),
        json!("ref"),
        json!("repository"),
        json!(["act", "sub"]),
        json!("build_number"),
    ];
    select(claims).prop_map(|path| json!({ "same_as": path }))
}

fn attribute() -> impl Strategy<Value = Value> {
    select(&ATTRIBUTES[..]).prop_map(|name| json!({ "attribute": name }))
}

/// One of the values with a piece of it, or nothing, in place of a star.
pub(crate) fn glob(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    let stars = select(vec!["*", "**", "***", "*/*", ""]);
    (select(values), any::<[Index; 2]>(), stars).prop_map(|(value, cuts, star)| {
        let (before, after) = around(value, cuts);
        let plain = |text: &str| text.replace('\\', r"\\").replace('*', r"\*");
        format!("{}{star}{}", plain(&before), plain(&after))
    })
}

/// One of the values with a piece of it said more loosely, or several.
pub(crate) fn regex(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    let loose = select(vec![
        ".*",
        "[a-z]+",
        "[^a]*",
        "(?i:a)?",
        "",
        r"\d",
        "(x|a|[:/])*",
    ]);
    let one = (select(values), any::<[Index; 2]>(), loose).prop_map(|(value, cuts, loose)| {
        let (before, after) = around(value, cuts);
        format!("{}{loose}{}", regex::escape(&before), regex::escape(&after))
    });
    prop::collection::vec(one, 1..=2).prop_map(|all| all.join("|"))
}

/// What stands before and after two cuts of `value`.
fn around(value: &str, cuts: [Index; 2]) -> (String, String) {
    let characters: Vec<char> = value.chars().collect();
    let mut cuts = cuts.map(|cut| cut.index(characters.len() + 1));
    cuts.sort_unstable();
    let text = |characters: &[char]| characters.iter().collect();
    (text(&characters[..cuts[0]]), text(&characters[cuts[1]..]))
}

fn number() -> impl Strategy<Value = Value> {
    select(&NUMBERS[..]).prop_map(|text| serde_json::from_str(text).unwrap())
}

/// A bare value or list, in the words of `nested`.
pub(super) fn as_table(operator: Value) -> Map<String, Value> {
    match operator {
        Value::Object(table) => table,
        list @ Value::Array(_) => Map::from_iter([("any_of".to_owned(), list)]),
        value => Map::from_iter([("equals".to_owned(), value)]),
    }
}

/// A condition on a claim that compiles, as far as types go.
pub(super) fn operator(claim: &'static Claim) -> BoxedStrategy<Value> {
    let there = select(vec![json!({ "present": true }), json!({ "absent": true })]);
    let lists = || {
        prop_oneof![
            select(claim.values).prop_map(|one| json!({ "contains": one })),
            prop::collection::vec(select(claim.values), 1..3)
                .prop_map(|all| json!({ "all_of": all })),
        ]
    };
    let numbers = || {
        prop_oneof![
            2 => number(),
            1 => prop::collection::vec(number(), 1..4).prop_map(Value::from),
            1 => prop::collection::vec(number(), 1..4).prop_map(|all| json!({ "none_of": all })),
            2 => number().prop_map(|bound| json!({ "at_least": bound })),
            2 => number().prop_map(|bound| json!({ "at_most": bound })),
        ]
    };
    let booleans = || {
        prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<bool>().prop_map(|one| json!({ "none_of": [one] })),
        ]
    };
    match claim.json {
        Type::Text => prop_oneof![8 => texts(claim.values), 1 => there, 1 => same_as()].boxed(),
        Type::Texts => prop_oneof![6 => lists(), 1 => there].boxed(),
        Type::Number => prop_oneof![8 => numbers(), 1 => there, 1 => same_as()].boxed(),
        Type::Boolean => prop_oneof![6 => booleans(), 1 => there].boxed(),
        Type::Any => prop_oneof![
            3 => texts(claim.values),
            1 => lists(),
            1 => numbers(),
            1 => booleans(),
            1 => Just(json!([null, "infra", 1])),
            1 => Just(Value::Null),
            2 => there,
        ]
        .boxed(),
    }
}
