//! Policy documents over the whole language, as JSON values.

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Map, Value, json};

use super::operator::{as_table, glob, operator, regex, texts};
use super::world::{AUDIENCES, Claim, Field, THUMBPRINTS, WORLDS, World};

/// A document of one to three issuers, with up to four trusts and two forbids.
/// Most compile; what does not is for the compiler to refuse.
pub(crate) fn document() -> impl Strategy<Value = Value> {
    subsequence((0..WORLDS.len()).collect::<Vec<_>>(), 1..=3).prop_flat_map(|worlds| {
        let world = select(worlds.clone());
        let trusts = prop::collection::vec(world.clone().prop_flat_map(trust), 1..=4);
        let forbids = prop::collection::vec(world.prop_flat_map(forbid), 0..=2);
        (Just(worlds), trusts, forbids).prop_map(|(worlds, trusts, forbids)| {
            json!({
                "claimbound": 1,
                "policy": { "name": "random", "version": "1.0.0" },
                "issuer": worlds.iter().map(|at| issuer(&WORLDS[*at])).collect::<Map<_, _>>(),
                "trust": named("trust", trusts),
                "forbid": named("forbid", forbids),
            })
        })
    })
}

fn issuer(world: &World) -> (String, Value) {
    let issuer = json!({ "model": world.model, "url": world.url });
    (world.alias.to_owned(), issuer)
}

fn named(kind: &str, statements: Vec<Value>) -> Map<String, Value> {
    let numbered = statements.into_iter().enumerate();
    numbered
        .map(|(number, statement)| (format!("{kind}-{number}"), statement))
        .collect()
}

/// An object of those members that are there.
fn object(members: Vec<(&str, Option<Value>)>) -> Value {
    let there = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect())
}

fn sometimes(
    strategy: impl Strategy<Value = Value> + 'static,
    one_in: u32,
) -> BoxedStrategy<Option<Value>> {
    prop_oneof![
        (one_in - 1) => Just(None),
        1 => strategy.prop_map(Some),
    ]
    .boxed()
}

/// One trust statement of `WORLDS[at]`.
pub(crate) fn trust(at: usize) -> BoxedStrategy<Value> {
    let world = &WORLDS[at];
    let bounds = (
        select(vec!["1h", "15m", "90s", "24h"]),
        prop::bool::weighted(0.3),
        sometimes(select(vec!["5m", "1h"]).prop_map(Value::from), 4),
        sometimes(
            select(vec!["2026-12-01T00:00:00Z", "2027-06-30T00:00:00+02:00"]).prop_map(Value::from),
            4,
        ),
        sometimes(window(), 4),
        sometimes(key(world), 6),
    );
    let asked = (trusted_subject(world), conditions(world));
    let audience = prop_oneof![4 => Just(AUDIENCES[0]), 1 => Just(AUDIENCES[1])];
    (audience, bounds, asked, grant(), prop::bool::weighted(0.2))
        .prop_map(
            move |(audience, bounds, (subject, (claims, nested)), grant, single_use)| {
                let (lifetime, shared, max_age, expires, window, key) = bounds;
                let (grant, identity, proof) = grant;
                object(vec![
                    ("issuer", Some(json!(world.alias))),
                    ("audience", Some(json!(audience))),
                    ("shared_audience", shared.then_some(Value::Bool(true))),
                    ("token_lifetime", Some(json!(lifetime))),
                    ("max_age", max_age),
                    ("single_use", single_use.then_some(Value::Bool(true))),
                    ("expires", expires),
                    ("danger", world.shared.then(|| json!("a test"))),
                    ("subject", Some(subject)),
                    ("claims", claims),
                    ("nested", nested),
                    ("key", key),
                    ("window", window),
                    ("identity", identity),
                    ("proof", proof),
                    ("grant", Some(grant)),
                ])
            },
        )
        .boxed()
}

/// One forbid statement of `WORLDS[at]`.
pub(crate) fn forbid(at: usize) -> BoxedStrategy<Value> {
    let world = &WORLDS[at];
    let subject = sometimes(forbidden_subject(world), 2);
    (subject, conditions(world), sometimes(key(world), 8))
        .prop_map(move |(subject, (claims, nested), key)| {
            object(vec![
                ("issuer", Some(json!(world.alias))),
                ("subject", subject),
                ("claims", claims),
                ("nested", nested),
                ("key", key),
            ])
        })
        .boxed()
}

fn trusted_subject(world: &'static World) -> BoxedStrategy<Value> {
    prop_oneof![
        8 => full_table(world),
        1 => whole_subject(world),
    ]
    .boxed()
}

fn forbidden_subject(world: &'static World) -> BoxedStrategy<Value> {
    let fields: Vec<&'static Field> = all_fields(world).collect();
    let most = fields.len().min(2);
    let some = subsequence(fields, 1..=most).prop_flat_map(|fields| {
        fields
            .into_iter()
            .map(|one| asked(one).prop_map(|value| (one.name.to_owned(), value)))
            .collect::<Vec<_>>()
    });
    let table = some.prop_map(|members| Value::Object(members.into_iter().collect()));
    prop_oneof![
        4 => table,
        1 => whole_subject(world),
    ]
    .boxed()
}

pub(super) fn all_fields(world: &'static World) -> impl Iterator<Item = &'static Field> {
    let groups = world.groups.iter().copied().flatten();
    world.fields.iter().chain(groups).chain(world.chosen)
}

fn whole_subject(world: &'static World) -> BoxedStrategy<Value> {
    let subjects = || select(world.subjects);
    prop_oneof![
        subjects().prop_map(Value::from),
        prop::collection::vec(subjects(), 1..3).prop_map(Value::from),
        glob(world.subjects).prop_map(|glob| json!({ "glob": glob })),
        regex(world.subjects).prop_map(|regex| json!({ "regex": regex })),
    ]
    .boxed()
}

/// What a table says of one field.
#[derive(Clone, Debug)]
enum Said {
    Asked(Value),
    Open,
    Nothing,
}

/// A table that names each part of a subject, or leaves it open.
fn full_table(world: &'static World) -> BoxedStrategy<Value> {
    let said = |field: &'static Field| {
        prop_oneof![
            3 => asked(field).prop_map(Said::Asked),
            1 => Just(Said::Open),
        ]
    };
    let fields: Vec<_> = world.fields.iter().map(said).collect();
    let groups: Vec<_> = world.groups.iter().copied().flatten().map(said).collect();
    let chosen: Vec<_> = world
        .chosen
        .iter()
        .map(|field| {
            prop_oneof![
                12 => Just(Said::Nothing),
                1 => asked(field).prop_map(Said::Asked),
                1 => Just(Said::Open),
            ]
        })
        .collect();
    let group = any::<Index>();
    let others = any::<[bool; 4]>();
    (fields, groups, chosen, group, others)
        .prop_map(move |(fields, groups, chosen, group, others)| {
            let mut said: Vec<(&str, Said)> = Vec::new();
            said.extend(world.fields.iter().map(|one| one.name).zip(fields));
            said.extend(grouped(world, groups, group, others));
            said.extend(world.chosen.iter().map(|one| one.name).zip(chosen));
            table(said)
        })
        .boxed()
}

/// One group as it was said; the others are open or not named.
fn grouped(
    world: &World,
    said: Vec<Said>,
    group: Index,
    others: [bool; 4],
) -> Vec<(&'static str, Said)> {
    let mut said = said.into_iter();
    let mut grouped = Vec::new();
    for (number, fields) in world.groups.iter().enumerate() {
        let chosen = number == group.index(world.groups.len());
        // Subjects of a single group have forms without it.
        let chosen = chosen && (world.groups.len() > 1 || others[3]);
        for field in *fields {
            let own = said.next().unwrap_or(Said::Open);
            grouped.push(match (chosen, others[number]) {
                (true, _) => (field.name, own),
                (false, true) => (field.name, Said::Open),
                (false, false) => (field.name, Said::Nothing),
            });
        }
    }
    grouped
}

fn table(said: Vec<(&str, Said)>) -> Value {
    let mut table = Map::new();
    let mut any: Vec<&str> = Vec::new();
    for (name, said) in said {
        match said {
            Said::Asked(value) => _ = table.insert(name.to_owned(), value),
            // A table asks for something.
            Said::Open if table.is_empty() => {
                table.insert(name.to_owned(), json!({ "present": true }));
            }
            Said::Open => any.push(name),
            Said::Nothing => {}
        }
    }
    if !any.is_empty() {
        table.insert("any".to_owned(), json!(any));
    }
    Value::Object(table)
}

pub(super) fn asked(field: &'static Field) -> BoxedStrategy<Value> {
    let name = texts(field.values);
    if field.ids.is_empty() {
        return name;
    }
    prop_oneof![
        2 => name.clone(),
        2 => texts(field.ids).prop_map(|id| json!({ "id": id })),
        3 => (name, texts(field.ids)).prop_map(|(name, id)| json!({ "name": name, "id": id })),
    ]
    .boxed()
}

/// Conditions under `claims` and under `nested`.
fn conditions(world: &'static World) -> BoxedStrategy<(Option<Value>, Option<Value>)> {
    let claims: Vec<&'static Claim> = world.claims.iter().collect();
    let some = subsequence(claims, 0..=2);
    let again = prop::collection::vec(select(world.claims.iter().collect::<Vec<_>>()), 0..=1);
    (some, again)
        .prop_flat_map(|(some, again)| {
            let asked = |one: &'static Claim| (Just(one), operator(one));
            let some: Vec<_> = some.into_iter().map(asked).collect();
            let again: Vec<_> = again.into_iter().map(asked).collect();
            (some, again)
        })
        .prop_map(|(some, again)| split(some.into_iter().map(|one| (one, false)), again))
        .boxed()
}

type Asked = (&'static Claim, Value);

/// Claims at the top stand under `claims`, others and second ones under `nested`.
fn split(
    some: impl Iterator<Item = (Asked, bool)>,
    again: Vec<Asked>,
) -> (Option<Value>, Option<Value>) {
    let mut claims = Map::new();
    let mut nested = Vec::new();
    for ((claim, operator), again) in some.chain(again.into_iter().map(|one| (one, true))) {
        if let ([name], false) = (claim.path, again) {
            claims.insert((*name).to_owned(), operator);
            continue;
        }
        let mut members = Map::new();
        members.insert("path".to_owned(), json!(claim.path));
        members.extend(as_table(operator));
        nested.push(Value::Object(members));
    }
    (
        (!claims.is_empty()).then_some(Value::Object(claims)),
        (!nested.is_empty()).then_some(Value::Array(nested)),
    )
}

pub(super) fn window() -> impl Strategy<Value = Value> {
    let days = vec!["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let days = sometimes(subsequence(days, 1..=7).prop_map(Value::from), 2);
    let hours = vec![
        "08:00-18:00",
        "22:00-02:00",
        "00:00-24:00",
        "23:30-23:29",
        "00:00-00:01",
    ];
    let zones = vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kathmandu",
        "Pacific/Apia",
    ];
    let weekly = (days, select(hours), select(zones));
    let weekly = prop_oneof![4 => weekly.prop_map(Some), 1 => Just(None)];
    let moments = |all: Vec<&'static str>| sometimes(select(all).prop_map(Value::from), 3);
    let from = moments(vec!["2026-11-23T10:00:00Z", "2020-01-01T00:00:00Z"]);
    let until = moments(vec!["2026-11-24T00:00:00+01:00", "2039-12-31T23:00:00Z"]);
    (weekly, from, until).prop_map(|(weekly, from, until)| {
        let (days, hours, zone) = match weekly {
            Some((days, hours, zone)) => (days, Some(json!(hours)), Some(json!(zone))),
            None => (None, None, None),
        };
        // A window says some time.
        let until = until.or_else(|| hours.is_none().then(|| json!("2026-11-24T00:00:00Z")));
        object(vec![
            ("days", days),
            ("hours", hours),
            ("time_zone", zone),
            ("from", from),
            ("until", until),
        ])
    })
}

pub(super) fn key(world: &'static World) -> impl Strategy<Value = Value> {
    let thumbprints = sometimes(
        subsequence(THUMBPRINTS.to_vec(), 1..=2).prop_map(Value::from),
        2,
    );
    let algorithms = subsequence(world.algorithms.to_vec(), 1..=world.algorithms.len());
    let bits = sometimes(select(vec![256, 2048, 3072]).prop_map(Value::from), 2);
    (
        thumbprints,
        sometimes(algorithms.prop_map(Value::from), 2),
        bits,
    )
        .prop_map(|(thumbprints, algorithms, bits)| {
            // A key is asked for something.
            let none = thumbprints.is_none() && algorithms.is_none();
            let bits = bits.or_else(|| none.then(|| json!(256)));
            object(vec![
                ("thumbprints", thumbprints),
                ("algorithms", algorithms),
                ("at_least_bits", bits),
            ])
        })
}

type Granted = (Value, Option<Value>, Option<Value>);

/// A grant, and what else is asked of the host.
fn grant() -> impl Strategy<Value = Granted> {
    let roles = subsequence(vec!["deploy", "read", "Read"], 0..=3);
    let scopes = sometimes(
        subsequence(vec!["a:b", "c"], 1..=2).prop_map(Value::from),
        3,
    );
    let claims = sometimes(
        Just(json!({ "team": "infra", "level": 3, "deep": { "list": [1, null, "x"] } })),
        3,
    );
    let ttl = sometimes(select(vec!["10m", "1s"]).prop_map(Value::from), 3);
    let obligations = sometimes(
        Just(json!([{ "kind": "notify", "parameters": { "channel": "#a" } }, { "kind": "log" }])),
        4,
    );
    let first_use = select(vec!["refuse", "enrol"]);
    let identity = sometimes(first_use.prop_map(|word| json!({ "first_use": word })), 3);
    let method = select(vec!["any", "dpop", "mtls"]);
    let proof = sometimes(method.prop_map(|word| json!({ "method": word })), 5);
    (roles, scopes, claims, ttl, obligations, identity, proof).prop_map(
        |(roles, scopes, claims, ttl, obligations, identity, proof)| {
            let grant = object(vec![
                ("roles", Some(json!(roles))),
                ("scopes", scopes),
                ("claims", claims),
                ("max_ttl", ttl),
                ("obligations", obligations),
            ]);
            (grant, identity, proof)
        },
    )
}
