//! The checks that a built component carries say what its case file says.

use std::process::Command;
use std::sync::Arc;

use claimbound::checks::{Check, Checks, Draft, Expected as Checked};
use claimbound::policy::Policy;
use claimbound::reason::Code;
use claimbound_language::{Case, CaseOutcome, Expected, Placed};

use super::{Shipped, patient, shipped};
use crate::program::program;
use crate::tree::root;

/// The component that the program builds of a shipped policy.
fn built(name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("policy.wasm");
    let built = Command::new(program())
        .arg("build")
        .arg(root().join("policies").join(name))
        .arg("--output")
        .arg(&component)
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    std::fs::read(component).unwrap()
}

/// The case with the opposite expectation.
fn flipped(case: &Case) -> Case {
    let placed = |value: &str| Placed {
        value: value.to_owned(),
        place: 0..0,
    };
    let expected = match &case.expected {
        Expected::Allow { .. } => Expected::Deny {
            code: placed("forbidden"),
            claim: None,
            statement: None,
        },
        Expected::Deny { .. } => Expected::Allow {
            statement: placed("anyone"),
            grant: None,
        },
    };
    Case {
        expected,
        ..case.clone()
    }
}

/// The check with the opposite expectation.
fn turned(check: &Check) -> Draft {
    let expected = match check.expected() {
        Checked::Allow { .. } => Checked::Deny {
            code: Code::Forbidden,
            claim: None,
            statement: None,
        },
        Checked::Deny { .. } => Checked::Allow {
            statement: "anyone".to_owned(),
            grant: None,
        },
    };
    Draft {
        expected,
        ..check.draft()
    }
}

fn passes(policy: &Shipped, case: &Case) -> bool {
    policy.cases.run(&policy.compiled, case).unwrap() == CaseOutcome::Passed
}

#[test]
fn the_checks_inside_say_what_the_case_file_says() {
    let sandbox = patient();
    for shipped in shipped() {
        let component = built(&shipped.name);
        let policy = Arc::new(Policy::load(&sandbox, &component).unwrap());
        let checks = Checks::of(&component).unwrap().unwrap();
        assert_eq!(checks.len(), shipped.cases.cases.len());
        for (check, case) in checks.iter().zip(&shipped.cases.cases) {
            let place = shipped.place(case);
            assert_eq!(check.name(), case.name.value);
            assert!(passes(&shipped, case), "{place}");
            let verdict = check.verdict(&policy);
            assert!(verdict.holds(), "{place}: {verdict:?}");
            assert!(!passes(&shipped, &flipped(case)), "{place}");
            let turned = Check::new(turned(check)).unwrap();
            assert!(!turned.verdict(&policy).holds(), "{place}");
        }
    }
}
