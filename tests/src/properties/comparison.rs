//! What the program signs of two versions, held against what their components
//! decide of many tokens.

use std::collections::BTreeSet;

use claimbound::modules::{
    Authority, Comparison, KeyAlgorithm, Relation, Role, Signature, Signed, SigningKey, TrustedKey,
};
use proptest::prelude::*;
use serde_json::Value;

use super::analysis::pairs;
use super::host::{Host, Said};
use super::token::bases;
use super::{Tally, compiled, for_all};
use crate::cli::program::Program;
use crate::gate::SANDBOX;

/// Whether `one` lets in no more than `other` does, grants no more and asks for no
/// less. Where that is no question of more or less, it does not.
fn is_within(one: &Said, other: &Said) -> bool {
    let (one, other) = match (one, other) {
        (Said::Deny(..), _) => return true,
        (Said::Allow { .. }, Said::Deny(..)) => return false,
        (one, other) => (Terms::of(one), Terms::of(other)),
    };
    one.roles.is_subset(&other.roles)
        && one.scopes.is_subset(&other.scopes)
        && one.claims == other.claims
        && one.longest <= other.longest
        && other.asked.iter().all(|asked| one.meets(asked))
}

/// What is granted and asked for.
struct Terms<'s> {
    roles: BTreeSet<&'s str>,
    scopes: BTreeSet<&'s str>,
    claims: Option<Value>,
    longest: u64,
    asked: BTreeSet<&'s str>,
}

impl<'s> Terms<'s> {
    fn of(said: &'s Said) -> Self {
        let Said::Allow {
            roles,
            scopes,
            claims,
            longest,
            obligations,
            ..
        } = said
        else {
            unreachable!("{said:?}")
        };
        let set = |list: &'s [String]| list.iter().map(String::as_str).collect();
        let claims = claims.as_deref();
        Self {
            roles: set(roles),
            scopes: set(scopes),
            claims: claims.map(|text| serde_json::from_str(text).unwrap()),
            longest: longest.map_or(u64::MAX, u64::from),
            asked: set(obligations),
        }
    }

    /// Whether at least that is asked for: who has to be approved is not enrolled.
    fn meets(&self, asked: &str) -> bool {
        let stricter = asked == "Bind(Enrol)" && self.asked.contains("Bind(Refuse)");
        stricter || self.asked.contains(asked)
    }
}

/// The same document as another version.
fn at_version(mut document: Value, version: &str) -> Value {
    document["policy"]["version"] = version.into();
    document
}

/// What the program says of two documents' components, as a host reads it that trusts
/// the key; none where it says nothing, and then there is no signature.
fn signed(program: &Program, key: &SigningKey, documents: [&Value; 2]) -> Option<Comparison> {
    for (name, document) in ["old", "new"].iter().zip(documents) {
        program.write(&format!("{name}.json"), document.to_string());
        let ran = program.run(&["build", &format!("{name}.json")]);
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    program.write("key.pem", key.to_pem().unwrap().as_bytes());
    let compare = [
        "modules", "compare", "old.wasm", "new.wasm", "--steps", "3000000",
    ];
    let ran = program.run(&[&compare[..], &["--key", "key.pem", "-o", "signed.json"]].concat());
    let signature = program.path("signed.json.sigstore.json");
    if ran.status == 2 {
        assert!(ran.out.starts_with("unknown"), "{ran:?}");
        assert!(!signature.exists(), "nothing is signed that is not known");
        return None;
    }
    let signed = Signed {
        document: program.read("signed.json"),
        signatures: vec![Signature::parse(&std::fs::read(signature).unwrap()).unwrap()],
    };
    let name = "random".parse().unwrap();
    let vouched = authority(key).comparison(&signed, &name).unwrap();
    Some(vouched.document().clone())
}

fn authority(key: &SigningKey) -> Authority {
    let trusted = TrustedKey {
        name: "key".to_owned(),
        key: key.public().clone(),
        modules: vec!["random".parse().unwrap()],
        roles: vec![Role::Comparison, Role::Wider],
    };
    Authority::new([trusted]).unwrap()
}

#[test]
fn no_token_is_decided_against_what_is_signed() {
    let (outcomes, decided) = (Tally::default(), Tally::default());
    let key = SigningKey::generate(KeyAlgorithm::P256).unwrap();
    for_all(24, &pairs(60), |((one, other), rewrite, plans)| {
        let old = at_version(one.clone(), "1.0.0");
        let new = at_version(rewrite.of(&one, &other), "1.1.0");
        let (Some(before), Some(after)) = (compiled(&old), compiled(&new)) else {
            return Ok(());
        };
        let program = Program::new();
        let Some(comparison) = signed(&program, &key, [&old, &new]) else {
            outcomes.count("unknown");
            return Ok(());
        };
        outcomes.count(comparison.outcome.as_str());
        let host =
            |compiled, name: &str| Host::of_component(&SANDBOX, compiled, &program.read(name));
        let (old, new) = (host(&before, "old.wasm"), host(&after, "new.wasm"));
        for bases in [bases(&before), bases(&after)] {
            for token in plans.iter().map(|plan| plan.token(&bases)) {
                let (was, is) = (old.says(&token).0, new.says(&token).0);
                let (less, more) = (is_within(&is, &was), is_within(&was, &is));
                let fits = match comparison.outcome {
                    Relation::Equivalent => less && more,
                    Relation::Narrower => less,
                    Relation::Wider => more,
                    Relation::Different => true,
                };
                prop_assert!(fits, "{}: {was:?} {is:?} {token:#?}", comparison.outcome);
                decided.count(if less && more { "alike" } else { "otherwise" });
            }
        }
        Ok(())
    });
    outcomes.check("wider", 10);
    outcomes.check("narrower", 20);
    outcomes.check("equivalent", 10);
    decided.check("otherwise", 100);
}
