//! What the host writes for a policy that is asked packed: a guest says its
//! texts and marks back, and a reader of its own reads them.

use std::fmt::Write as _;
use std::sync::Arc;

use claimbound::danger::{self, AssumedKey};
use claimbound::floor::{Admissible, Floor};
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::json::Limits;
use claimbound::key::{Algorithm, KeySet};
use claimbound::policy::{Answer, Policy, Request};
use claimbound::token::{Claims, Token};
use claimbound_issuers::Registry;
use serde_json::{Value, json};

use super::super::guest::{Guest, Place, allow};
use super::reader::read;
use crate::forge::{NOW, job, with};
use crate::gate::{SANDBOX, SIGNER, issuers};

/// Where the guest writes what it was told, in the middle of its memory.
const PLACE: usize = 0x0080_0000;
/// How many bytes of it are said back: unused ones are zero.
const ROOM: usize = 64 * 1024;

/// Writes both lengths and every mark as eight letters from `a` to `p`, the
/// highest four bits first, and then the texts.
const ECHO: &str = "
    (func $letters (param $at i32) (param $number i32) (local $left i32)
      (local.set $left (i32.const 8))
      (loop $next
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (i32.store8
          (i32.add (local.get $at) (local.get $left))
          (i32.add (i32.const 97) (i32.and (local.get $number) (i32.const 15))))
        (local.set $number (i32.shr_u (local.get $number) (i32.const 4)))
        (br_if $next (local.get $left))))
    (func $echo (param $texts i32) (param $bytes i32) (param $marks i32) (param $count i32)
      (local $at i32)
      (local.set $at (i32.const {place}))
      (call $letters (local.get $at) (local.get $count))
      (call $letters (i32.add (local.get $at) (i32.const 8)) (local.get $bytes))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $count)))
          (call $letters (local.get $at) (i32.load (local.get $marks)))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (local.set $marks (i32.add (local.get $marks) (i32.const 4)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next)))
      (memory.copy (local.get $at) (local.get $texts) (local.get $bytes)))";

/// A policy that grants, as its extra claims, what it was told.
fn echo(manifest: &Value) -> Policy {
    let said = allow(&json!({ "claims": { "$at": [PLACE, ROOM] } }));
    let call = "(call $echo
        (local.get $texts) (local.get $bytes) (local.get $marks) (local.get $count))";
    let guest = Guest::honest()
        .describing(manifest)
        .packing(&json!({ "ok": said }))
        .with(&ECHO.replace("{place}", &PLACE.to_string()))
        .running(Place::Packed, call);
    Policy::load(&SANDBOX, &guest.build()).unwrap()
}

fn number(letters: &str) -> u32 {
    let nibbles = letters.bytes().map(|letter| u32::from(letter - b'a'));
    nibbles.fold(0, |number, nibble| number << 4 | nibble)
}

/// What the policy is told of a token, as the reader reads it.
fn told(policy: &Policy, token: &Admissible, request: &Request) -> Value {
    let answer = policy.evaluate(token, request).unwrap();
    let Answer::Allow { grant, .. } = answer else {
        panic!("it allows");
    };
    let said = grant.claims.unwrap();
    let words = |from: usize, many: usize| {
        let letters = &said[from..from + 8 * many];
        let chunks = (0..many).map(|at| number(&letters[8 * at..8 * at + 8]));
        chunks.collect::<Vec<_>>()
    };
    let [count, bytes] = words(0, 2)[..] else {
        panic!("two lengths");
    };
    let (count, bytes) = (count as usize, bytes as usize);
    let texts = 16 + 8 * count;
    assert!(texts + bytes < ROOM, "{count} marks, {bytes} bytes");
    read(&said[texts..texts + bytes], &words(16, count))
}

/// What the manifest declares, of everything that a record of the contract
/// lists by it.
#[derive(Default)]
struct Declared {
    parts: Vec<String>,
    names: Vec<String>,
    attributes: Vec<(String, String)>,
    published: bool,
}

/// The typed input, by what the host says of the token; `claims` and `payload`
/// are for whoever asks to know.
fn typed(token: &Admissible, declared: &Declared, claims: &Value, payload: &Value) -> Value {
    let (verified, workload) = (token.token(), token.workload());
    let name = |kind: &String| {
        let name = workload.name(kind);
        name.map(|one| json!({ "name": one.name, "id": one.id, "parent": one.parent }))
    };
    let key = verified.verified_by();
    let keys = verified.issuer().keys();
    let published = keys.keys().iter().filter(|_| declared.published);
    let published = published.map(|key| {
        json!({
            "id": key.id(), "key-type": key.key_type().as_str(),
            "algorithm": key.algorithms().next().unwrap().as_str(),
            "bits": key.bits(), "thumbprint": key.thumbprint(),
        })
    });
    json!({
        "token": {
            "issuer": verified.issuer().url(), "subject": verified.subject(),
            "audience": verified.audience().collect::<Vec<_>>(),
            "token-type": verified.header().token_type(),
            "algorithm": verified.header().algorithm().as_str(),
            "token-id": verified.token_id(), "issued-at": verified.issued_at(),
            "not-before": verified.not_before(), "expires-at": token.expires_at(),
            "workload": {
                "model": &*workload.model, "form": &*workload.form,
                "parts": declared.parts.iter().map(|one| workload.part(one)).collect::<Vec<_>>(),
                "names": declared.names.iter().map(name).collect::<Vec<_>>(),
            },
            "claims": claims, "payload": payload,
        },
        "verified-by": {
            "id": key.id(), "key-type": key.key_type(), "algorithm": key.algorithm().as_str(),
            "bits": key.bits(), "thumbprint": key.thumbprint(),
        },
        "published": published.collect::<Vec<_>>(),
        "request": {
            "now": token.now(), "audience": token.audience(),
            "attributes": declared.attributes,
        },
    })
}

/// A token of the forge, signed and past the floor.
fn signed(claims: &Value) -> Admissible {
    let token = SIGNER.sign(claims);
    let decoded = Token::new(&token).decode(&Limits::TOKEN).unwrap();
    let identified = decoded.verify(&issuers(), NOW).unwrap().identify().unwrap();
    let floor = Floor::new("https://deploy.acme.example").unwrap();
    floor.admit(identified, NOW).unwrap()
}

/// A claim as its JSON text, empty where there is none, and as a policy is told
/// of it.
fn values() -> Vec<(String, Value)> {
    let long = "é".repeat(3000);
    let many = vec![""; 300];
    let mut values = vec![
        (String::new(), json!("absent")),
        ("null".to_owned(), json!("null")),
        ("true".to_owned(), json!({ "boolean": true })),
        ("false".to_owned(), json!({ "boolean": false })),
        (json!(long).to_string(), json!({ "text": long })),
        (json!(many).to_string(), json!({ "texts": many })),
    ];
    for integer in [0, 1, -1, 4_294_967_296, -4_294_967_296, i64::MAX, i64::MIN] {
        values.push((integer.to_string(), json!({ "integer": integer })));
    }
    for number in [
        "9223372036854775808",
        "-9223372036854775809",
        "1.50",
        "1e400",
    ] {
        values.push((number.to_owned(), json!({ "number": number })));
    }
    for text in ["", "main", "é", "日本語", "🦀", "a\u{0}b", "\"\\\n"] {
        values.push((json!(text).to_string(), json!({ "text": text })));
    }
    for texts in [vec![], vec!["a"], vec![""], vec!["é", "", "🦀"]] {
        values.push((json!(texts).to_string(), json!({ "texts": texts })));
    }
    for text in [
        "{}",
        r#"{"a": {"b":[1,  2]}}"#,
        r#"["a",1]"#,
        "[[]]",
        r#"{"é":"\u00e9"}"#,
    ] {
        values.push((text.to_owned(), json!({ "json": text })));
    }
    values
}

/// Payloads, each with every value but in other places, so that each stands
/// before and behind each kind once.
#[test]
fn claims_of_every_kind_arrive_as_they_are() {
    let values = values();
    let paths: Vec<_> = (0..values.len())
        .map(|at| json!([format!("c{at}")]))
        .collect();
    let policy = echo(&json!({ "claims": paths }));
    let issuer = issuers().iter().next().unwrap().clone();
    for turn in 0..values.len() {
        let mut values = values.clone();
        values.rotate_left(turn);
        if turn % 2 == 1 {
            values.reverse();
        }
        let registered = job().to_string();
        let mut payload = registered.strip_suffix('}').unwrap().to_owned();
        for (at, (text, _)) in values
            .iter()
            .enumerate()
            .filter(|(_, (text, _))| !text.is_empty())
        {
            write!(payload, ", \"c{at}\": {text}").unwrap();
        }
        payload.push('}');
        let claims = Claims::parse(payload, &Limits::TOKEN).unwrap();
        let verified = danger::assume_verified(claims, &issuer).unwrap();
        let floor = Floor::new("https://deploy.acme.example").unwrap();
        let token = floor.admit(verified.identify().unwrap(), NOW).unwrap();
        let claims = values.iter().map(|(_, told)| told.clone()).collect();
        let expected = typed(&token, &Declared::default(), &claims, &Value::Null);
        assert_eq!(
            told(&policy, &token, &Request::default()),
            expected,
            "{turn}"
        );
    }
}

#[test]
fn a_path_leads_into_objects_alone() {
    let paths = json!([
        ["a", "b", "c"],
        ["a", "b"],
        ["a"],
        ["a", "b", "c", "d"],
        ["l", "0"],
        [""]
    ]);
    let policy = echo(&json!({ "claims": paths }));
    let token = signed(&with(
        job(),
        &json!({ "a": { "b": { "c": "x" } }, "l": ["y"], "": 1 }),
    ));
    let expected = json!([
        { "text": "x" }, { "json": r#"{"c":"x"}"# }, { "json": r#"{"b":{"c":"x"}}"# },
        "absent", "absent", { "integer": 1 },
    ]);
    let expected = typed(&token, &Declared::default(), &expected, &Value::Null);
    assert_eq!(told(&policy, &token, &Request::default()), expected);
}

#[test]
fn dates_and_the_token_id_may_be_absent_and_audiences_many() {
    let policy = echo(&json!({ "claims": [] }));
    let audience = "https://deploy.acme.example";
    for changes in [
        json!({}),
        json!({ "jti": null, "nbf": null }),
        json!({ "iat": null }),
        json!({ "aud": [audience] }),
        json!({ "aud": ["https://é.example", audience, "x"] }),
    ] {
        let token = signed(&with(job(), &changes));
        let expected = typed(&token, &Declared::default(), &json!([]), &Value::Null);
        assert_eq!(
            told(&policy, &token, &Request::default()),
            expected,
            "{changes}"
        );
    }
}

#[test]
fn only_declared_attributes_arrive_in_the_requests_order_and_keys_where_they_are_asked_for() {
    let policy = echo(&json!({ "attributes": ["run", "other", "branch"], "published-keys": true }));
    let request = Request {
        attributes: [("branch", "é"), ("secret", "x"), ("run", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Request::default()
    };
    let declared = Declared {
        attributes: vec![request.attributes[0].clone(), request.attributes[2].clone()],
        published: true,
        ..Declared::default()
    };
    let token = signed(&job());
    let expected = typed(&token, &declared, &json!([]), &Value::Null);
    assert_eq!(expected["published"].as_array().unwrap().len(), 1);
    assert_eq!(told(&policy, &token, &request), expected);
}

/// Every part and every name that any model has, many of which no one subject
/// has, and the whole payload in place of claims.
#[test]
fn tokens_of_the_shipped_policies_arrive_whole() {
    let mut declared = Declared::default();
    for model in Registry::standard().iter() {
        declared
            .parts
            .extend(model.parts().iter().map(|one| one.name().to_owned()));
        declared
            .names
            .extend(model.names().iter().map(|one| one.name().to_owned()));
    }
    for list in [&mut declared.parts, &mut declared.names] {
        list.sort_unstable();
        list.dedup();
    }
    let policy = echo(&json!({
        "claims": null, "parts": declared.parts, "names": declared.names,
    }));
    let (mut told_of, mut nameless) = (0, 0);
    for shipped in crate::policies::shipped() {
        let compiled = &shipped.compiled;
        let issuers = compiled.issuers.iter().map(|one| {
            let (model, keys) = (Arc::clone(&one.model), KeySet::default());
            Arc::new(Issuer::new(&*one.url, model, keys, Settings::default()).unwrap())
        });
        let issuers = Issuers::new(issuers).unwrap();
        for case in &shipped.cases.cases {
            let token = shipped.cases.derive(compiled, case).unwrap();
            let payload = Value::Object(token.claims).to_string();
            let Some(admitted) = admitted(&issuers, &payload, &token.key, &token.request) else {
                continue;
            };
            let expected = typed(&admitted, &declared, &json!([]), &json!(payload));
            assert_eq!(told(&policy, &admitted, &Request::default()), expected);
            told_of += 1;
            let names = expected["token"]["workload"]["names"].as_array().unwrap();
            let without = |one: &&Value| one["name"].is_string() && one["id"].is_null();
            nameless += names.iter().filter(without).count();
        }
    }
    assert!(told_of > 50 && nameless > 5, "{told_of}, {nameless}");
}

/// A token past the floor, if it gets there.
fn admitted(
    issuers: &Issuers,
    payload: &str,
    key: &claimbound_language::NativeKey,
    request: &claimbound_language::NativeRequest,
) -> Option<Admissible> {
    let claims = Claims::parse(payload.to_owned(), &Limits::TOKEN).ok()?;
    let url = claims.get(&["iss"])?.text()?.to_owned();
    let key_of = AssumedKey {
        key_type: key.key_type.clone(),
        bits: key.bits,
        thumbprint: key.thumbprint.clone(),
    };
    let algorithm = Algorithm::parse(&key.algorithm)?;
    let issuer = issuers.find(&url).ok()?;
    let verified = danger::assume_verified_by(claims, issuer, algorithm, key_of).ok()?;
    let floor = Floor::new(&*request.audience).unwrap();
    floor.admit(verified.identify().ok()?, request.now).ok()
}
