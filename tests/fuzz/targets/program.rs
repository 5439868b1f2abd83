//! Programs: bytes that are none are refused, and damaged ones answer or fail;
//! neither panics nor goes on for ever.
//!
//! The first byte says what follows: a program as it is, or which sound one is
//! damaged, and then how often; each damage has a place and a byte. Then facts.

#![no_main]

use std::sync::LazyLock;

use claimbound_engine::{Decision, MOST_REASONS, MOST_STEPS, Program, evaluate, explain};
use claimbound_fuzz::facts::Chosen;
use claimbound_fuzz::input::Bytes;
use libfuzzer_sys::fuzz_target;

const DOCUMENTS: [&str; 4] = [
    claimbound_fuzz::route::DOCUMENT,
    include_str!("../../../policies/deploy-window/policy.toml"),
    include_str!("../../../policies/gitlab-federation/policy.toml"),
    include_str!("../../../policies/kubernetes-service-account/policy.toml"),
];

/// Each document's program, and the first issuer that it knows.
static SOUND: LazyLock<Vec<(Vec<u8>, String)>> = LazyLock::new(|| {
    DOCUMENTS
        .iter()
        .map(|text| {
            let compiled = claimbound_language::compile("policy.toml", text).expect("a policy");
            (compiled.bytes, compiled.issuers[0].url.clone())
        })
        .collect()
});

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let choice = usize::from(bytes.byte());
    match SOUND.get(choice) {
        Some((program, issuer)) => {
            let mut program = program.clone();
            let count = bytes.byte() % 32;
            let sound = count == 0;
            for _ in 0..count {
                let place = usize::from(bytes.short()) % program.len();
                program[place] = bytes.byte();
            }
            let facts = Chosen::read(&mut bytes, issuer);
            ask(&program, &facts, sound);
        }
        None => {
            let facts = Chosen::read(&mut Bytes(&[]), "https://issuer.example");
            ask(bytes.0, &facts, false);
        }
    }
});

fn ask(bytes: &[u8], facts: &Chosen, sound: bool) {
    let program = match Program::open(bytes) {
        Ok(program) => program,
        Err(_) => return assert!(!sound),
    };
    let _manifest = program.manifest();
    let decided = evaluate(program, facts);
    assert!(!sound || decided.is_ok(), "{decided:?}");
    if let Ok(Decision::Deny { reasons, .. }) = &decided {
        assert!(reasons.len() <= MOST_REASONS);
        assert!(!sound || !reasons.is_empty());
    }
    if let Ok((explained, steps)) = explain(program, facts) {
        assert_eq!(Ok(explained), decided);
        assert!(steps.len() <= MOST_STEPS);
    }
}
