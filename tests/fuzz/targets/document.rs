//! Policy documents: all that is wrong is said, and what compiles is a program
//! that decides and explains, the same each time.

#![no_main]

use claimbound_engine::{Decision, Program};
use claimbound_language::{Compiled, Severity, compile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match compile("policy.toml", text) {
        Ok(compiled) => holds(&compiled, text),
        Err(findings) => {
            let shown = findings.to_string();
            assert!(!shown.is_empty());
            let errors = findings
                .iter()
                .filter(|one| one.severity == Severity::Error);
            assert_ne!(errors.count(), 0, "{shown}");
        }
    }
});

fn holds(compiled: &Compiled, text: &str) {
    let again = compile("policy.toml", text).expect("what compiled once");
    assert_eq!(compiled.bytes, again.bytes);
    let program = Program::open(&compiled.bytes).expect("a program");
    let manifest = program.manifest().expect("a manifest");
    let names: Vec<_> = compiled.statements.iter().map(|one| &one.name).collect();
    assert!(manifest.statements.iter().eq(names));
    for statement in compiled.statements.iter().filter(|one| one.trusts).take(8) {
        // Not every statement can be met; what is derived has been accepted.
        let Ok(example) = compiled.example(&statement.name) else {
            continue;
        };
        let verdict = compiled.explain(&example.claims, &example.key, &example.request);
        let verdict = verdict.expect("a sound program");
        let allowed = matches!(&verdict.decision, Decision::Allow { statement: by, .. } if *by == statement.name);
        assert!(allowed, "{} {:?}", statement.name, verdict.decision);
        let own = verdict
            .steps
            .iter()
            .filter(|step| step.statement == statement.name);
        assert!(own.into_iter().all(|step| step.held == Some(true)));
        tenant_is_bound(compiled, &statement.name, &example);
    }
}

/// Another issuer's token, and one for another audience, are never accepted.
fn tenant_is_bound(compiled: &Compiled, name: &str, example: &claimbound_language::Example) {
    for claim in ["iss", "aud"] {
        let mut claims = example.claims.clone();
        claims.insert(claim.to_owned(), "https://nobody.example/\u{1f}".into());
        let verdict = compiled.decide(&claims, &example.key, &example.request);
        let decision = verdict.expect("a sound program").decision;
        assert!(
            !matches!(decision, Decision::Allow { .. }),
            "{name} without its {claim}"
        );
    }
}
