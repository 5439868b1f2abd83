//! The strict JSON reader against another one: what it takes the other takes
//! too and reads the same, and what it refuses for its form the other refuses.

#![no_main]

use claimbound::json::{DEEPEST, Document, Fault, Limits, Node, Value};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;

fuzz_target!(|data: &[u8]| {
    let theirs = serde_json::from_slice::<Json>(data);
    match Document::parse(data, &Limits::FILE) {
        Ok(ours) => {
            assert_eq!(ours.text().as_bytes(), data);
            assert!(depth(ours.root()) <= DEEPEST);
            match theirs {
                Ok(theirs) => same(ours.root(), &theirs),
                // It has no room for numbers that no float can hold.
                Err(error) => assert!(
                    error.to_string().starts_with("number out of range"),
                    "{error}"
                ),
            }
        }
        Err(error) => {
            assert!(error.offset <= data.len(), "{error}");
            let stricter = matches!(
                error.fault,
                Fault::DuplicateMember { .. } | Fault::TooDeep { .. } | Fault::TooLong { .. }
            );
            assert!(
                stricter || !matches!(theirs, Ok(Json::Object(_))),
                "{error}"
            );
        }
    }
});

fn depth(node: Node<'_>) -> usize {
    let inside = node.members().map(|(_, node)| node).chain(node.items());
    let below = inside.map(depth).max().unwrap_or(0);
    usize::from(matches!(node.value(), Value::Object(_) | Value::List(_))) + below
}

fn same(ours: Node<'_>, theirs: &Json) {
    let equal = match (ours.value(), theirs) {
        (Value::Null, Json::Null) => true,
        (Value::Boolean(ours), Json::Bool(theirs)) => ours == *theirs,
        (Value::Text(ours), Json::String(theirs)) => ours == theirs,
        (Value::Integer(ours), Json::Number(theirs)) => match theirs.as_i64() {
            Some(theirs) => ours == theirs,
            // `-0` is a float to the other reader.
            None => ours == 0 && theirs.as_f64() == Some(0.0),
        },
        (Value::Number(ours), Json::Number(theirs)) => serde_json::from_str::<Json>(ours)
            .is_ok_and(|ours| ours == Json::Number(theirs.clone())),
        (Value::List(ours), Json::Array(theirs)) => {
            assert_eq!(ours.clone().count(), theirs.len());
            ours.zip(theirs)
                .for_each(|(ours, theirs)| same(ours, theirs));
            true
        }
        (Value::Object(ours), Json::Object(theirs)) => {
            assert_eq!(ours.clone().count(), theirs.len());
            for ((name, ours), (other, theirs)) in ours.zip(theirs) {
                assert_eq!(name, other);
                same(ours, theirs);
            }
            true
        }
        _ => false,
    };
    assert!(equal, "{} is not {theirs}", ours.json());
    // A value's own text is a value of its own.
    if let Value::Object(_) = ours.value() {
        assert!(Document::parse(ours.json(), &Limits::FILE).is_ok());
    }
}
