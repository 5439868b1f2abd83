//! Demands that are added to a trust statement.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::document::{all_fields, asked, key, window};
use super::operator::{as_table, operator};
use super::world::{Field, WORLDS};

/// A demand that is added to a trust statement.
#[derive(Clone, Debug)]
pub(crate) enum Addition {
    /// Another condition on a claim.
    Condition(Value),
    /// What a field of the subject is asked that was left open.
    Pin(&'static str, Value),
    /// A key of the statement, unless it has it already.
    Key(&'static str, Value),
}

pub(crate) fn addition(at: usize) -> BoxedStrategy<Addition> {
    let world = &WORLDS[at];
    let claim = select(world.claims.iter().collect::<Vec<_>>());
    let condition = claim.prop_flat_map(|claim| {
        operator(claim).prop_map(|operator| {
            let mut members = Map::from_iter([("path".to_owned(), json!(claim.path))]);
            members.extend(as_table(operator));
            Addition::Condition(Value::Object(members))
        })
    });
    let fields: Vec<&'static Field> = all_fields(world).collect();
    let pin = select(fields)
        .prop_flat_map(|field| asked(field).prop_map(|value| Addition::Pin(field.name, value)));
    let bound = prop_oneof![
        window().prop_map(|window| ("window", window)),
        key(world).prop_map(|key| ("key", key)),
        Just(("max_age", json!("2m"))),
        Just(("expires", json!("2026-11-23T10:00:30Z"))),
    ];
    prop_oneof![
        4 => condition,
        2 => pin,
        2 => bound.prop_map(|(key, value)| Addition::Key(key, value)),
    ]
    .boxed()
}

impl Addition {
    pub(crate) fn apply(&self, statement: &mut Value) {
        match self {
            Self::Condition(condition) => {
                let nested = &mut statement["nested"];
                match nested.as_array_mut() {
                    Some(list) => list.push(condition.clone()),
                    None => *nested = json!([condition]),
                }
            }
            Self::Pin(name, asked) => {
                let any = statement["subject"]
                    .get_mut("any")
                    .and_then(Value::as_array_mut);
                let Some(any) = any else { return };
                let before = any.len();
                any.retain(|one| one != name);
                if any.len() < before {
                    statement["subject"][*name] = asked.clone();
                }
            }
            Self::Key(key, value) => {
                if statement.get(*key).is_none() {
                    statement[*key] = value.clone();
                }
            }
        }
    }
}
