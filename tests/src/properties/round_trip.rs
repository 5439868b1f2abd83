//! What is written reads back the same, and is always written alike.

use std::cmp::Ordering;

use claimbound::sandbox::Sandbox;
use claimbound_engine::encode::encode;
use claimbound_engine::{Decimal, Program};
use claimbound_language::Compiled;
use proptest::prelude::*;
use serde_json::Value;

use super::document::document;
use super::host::Host;
use super::simple::numbers;
use super::{Tally, compiled, for_all, planned, ready};
use crate::gate::SANDBOX;

/// A JSON value in TOML, its tables inline and in their order; none where it
/// holds a null, which TOML has not.
fn toml(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Array(list) => {
            let all: Vec<String> = list.iter().map(toml).collect::<Option<_>>()?;
            format!("[{}]", all.join(", "))
        }
        Value::Object(members) => {
            let all = members.iter().map(|(name, value)| {
                Some(format!("{} = {}", Value::from(name.clone()), toml(value)?))
            });
            format!("{{ {} }}", all.collect::<Option<Vec<_>>>()?.join(", "))
        }
        scalar => scalar.to_string(),
    })
}

/// The program without the digest of the text that it was made of.
fn bytes(compiled: &Compiled) -> Vec<u8> {
    let mut program = compiled.program.clone();
    program.document = None;
    encode(&program).unwrap()
}

#[test]
fn a_document_means_the_same_in_toml_and_in_json() {
    let tally = Tally::default();
    for_all(80, &document(), |document| {
        let members = document.as_object().unwrap().iter();
        let lines = members.map(|(name, value)| Some(format!("{name} = {}\n", toml(value)?)));
        let Some(text) = lines.collect::<Option<String>>() else {
            return Ok(());
        };
        let json = compiled(&document);
        let toml = claimbound_language::compile("policy.toml", &text).ok();
        tally.count(if json.is_some() {
            "compiled"
        } else {
            "refused"
        });
        prop_assert_eq!(
            json.as_ref().map(bytes),
            toml.as_ref().map(bytes),
            "{}",
            text
        );
        Ok(())
    });
}

#[test]
fn a_document_is_always_compiled_to_the_same_bytes() {
    for_all(60, &document(), |document| {
        // Tables of the compiler are hashed with other keys each time.
        let (one, other) = (compiled(&document), compiled(&document));
        prop_assert_eq!(one.map(|one| one.bytes), other.map(|other| other.bytes));
        Ok(())
    });
}

#[test]
fn programs_that_differ_have_different_bytes_and_say_who_they_are() {
    for_all(60, &(document(), document()), |(one, other)| {
        let (Some(one), Some(other)) = (compiled(&one), compiled(&other)) else {
            return Ok(());
        };
        let same = one.program.statements == other.program.statements;
        prop_assert!(same || bytes(&one) != bytes(&other));
        let manifest = Program::open(&one.bytes).unwrap().manifest().unwrap();
        prop_assert_eq!(&manifest.claims, &one.program.claims);
        let names: Vec<&str> = one
            .program
            .statements
            .iter()
            .map(|one| &*one.name)
            .collect();
        prop_assert_eq!(&manifest.statements, &names);
        // Taking anything out of a program shows in its bytes.
        for at in 0..one.program.statements.len() {
            for index in 0..one.program.statements[at].conditions.len() {
                let mut less = one.program.clone();
                less.statements[at].conditions.remove(index);
                prop_assert!(encode(&less).unwrap() != one.bytes);
            }
        }
        Ok(())
    });
}

#[test]
fn two_sandboxes_and_two_threads_say_the_same() {
    let patient = claimbound::sandbox::Limits::default();
    let patient = patient.with_deadline(std::time::Duration::from_secs(10));
    let second = Sandbox::new(patient.unwrap()).unwrap();
    for_all(4, &planned(30), |planned| {
        let Some((compiled, tokens)) = ready(&planned) else {
            return Ok(());
        };
        let hosts = [Host::of(&SANDBOX, &compiled), Host::of(&second, &compiled)];
        let say = |host: &Host| -> Vec<_> { tokens.iter().map(|token| host.says(token)).collect() };
        let first = say(&hosts[0]);
        std::thread::scope(|scope| {
            for host in [&hosts[0], &hosts[1], &hosts[1]] {
                let (say, first) = (&say, &first);
                scope.spawn(move || assert_eq!(say(host), *first));
            }
        });
        Ok(())
    });
}

/// JSON numbers of few digits, in every way of writing them.
fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,12})(\\.[0-9]{1,12})?([eE][+-]?(0?[0-9]|1[0-9]))?"
}

#[test]
fn decimals_compare_by_their_digits() {
    // A second number near the first one, so that equal ones occur.
    let near = (number(), number(), 0..4_usize).prop_map(|(one, other, how)| {
        let near = match how {
            0 => other,
            1 if one.contains(['.', 'e', 'E']) => one.clone(),
            1 => format!("{one}.000"),
            2 if one.contains(['e', 'E']) => one.to_uppercase(),
            2 => format!("{one}E+0"),
            _ => one
                .strip_prefix('-')
                .map_or_else(|| format!("-{one}"), str::to_owned),
        };
        (one, near)
    });
    for_all(2_000, &near, |(one, other)| {
        let (left, right) = (
            Decimal::parse(&one).unwrap(),
            Decimal::parse(&other).unwrap(),
        );
        prop_assert_eq!(
            left.compare(&right),
            numbers(&one, &other),
            "{} {}",
            one,
            other
        );
        prop_assert_eq!(
            right.compare(&left),
            numbers(&other, &one),
            "{} {}",
            other,
            one
        );
        prop_assert_eq!(left.compare(&left), Ordering::Equal);
        Ok(())
    });
}

#[test]
fn what_is_no_json_number_is_no_decimal() {
    for_all(1_000, &"[-+0-9.eE]{0,6}", |text| {
        let json = serde_json::from_str::<serde_json::Number>(&text).is_ok();
        prop_assert_eq!(Decimal::parse(&text).is_ok(), json, "`{}`", text);
        Ok(())
    });
}
