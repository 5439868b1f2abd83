//! Naming models: what is read is written back, and who is identified has
//! names and ids that the token carries.
//!
//! One line each for the issuer and the subject, and claims as JSON.

#![no_main]

use claimbound::json::{Limits, Value};
use claimbound::token::Claims;
use claimbound_fuzz::input::line;
use claimbound_issuers::{Model, Need, Registry, Workload};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (issuer, rest) = line(text);
    let (subject, rest) = line(rest);
    let Ok(claims) =
        Claims::parse(rest, &Limits::FILE).or_else(|_| Claims::parse("{}", &Limits::FILE))
    else {
        return;
    };
    for model in Registry::standard().iter() {
        if let Ok(read) = model.parse_subject(subject) {
            let parts: Vec<_> = read.parts().collect();
            let printed = model.print_subject(read.form().name(), &parts);
            assert_eq!(printed.as_deref(), Ok(subject), "{}", model.name());
        }
        match model.identify(issuer, subject, &claims) {
            Ok(workload) => holds(model, [issuer, subject], &workload, &claims),
            Err(refusal) => assert!(refusal.found.is_none_or(|found| found.len() <= 260)),
        }
    }
    let _known = Registry::standard().of_issuer(issuer);
});

fn holds(model: &Model, [issuer, subject]: [&str; 2], workload: &Workload, claims: &Claims) {
    let read = model.parse_subject(subject).expect("it was identified");
    for (part, value) in read.parts() {
        assert_eq!(workload.part(part), Some(value), "{}", model.name());
    }
    for name in &workload.names {
        let kind = model.kind(&name.kind).expect("a kind of the model");
        assert!(!name.name.is_empty(), "{}", kind.name());
        assert!(
            kind.id_need() != Need::Promised || name.id.is_some(),
            "{}",
            kind.name()
        );
        if let Some(id) = &name.id {
            assert!(!id.is_empty(), "{}", kind.name());
            let claimed = claims.members().any(|(_, node)| contains(node, id));
            assert!(
                claimed || issuer.contains(&**id) || subject.contains(&**id),
                "{} {id}",
                kind.name()
            );
        }
    }
}

fn contains(node: claimbound::json::Node<'_>, text: &str) -> bool {
    match node.value() {
        Value::Text(found) => found.contains(text),
        Value::Object(members) => members.into_iter().any(|(_, node)| contains(node, text)),
        _ => node.json() == text,
    }
}
