//! `modules` on a ledger: what routes serve, and what an operator says of it.

use claimbound::ledger::{Ledger, Sqlite, Taking};
use claimbound::modules::Digest;
use serde_json::json;

use super::operator::{Operator, timeless};
use crate::forge::NOW;

/// A ledger on whose route `deploy` a host has served these versions.
fn operator(versions: &[&str]) -> Operator {
    let operator = Operator::new();
    let file = operator.program.path("ledger.db");
    let ledger = Ledger::sqlite(&Sqlite::at(file)).unwrap();
    for version in versions {
        let taking = Taking {
            route: "deploy",
            store: "releases",
            module: &format!("acme-deploy@{version}").parse().unwrap(),
            digest: Digest::of(version.as_bytes()),
            index_serial: Some(1),
            after: None,
            at: NOW,
            by: "host one",
        };
        ledger.serve(&taking).unwrap();
    }
    operator
}

#[test]
fn an_operator_rolls_back_approves_and_promotes() {
    let operator = operator(&["1.3.0", "1.4.0"]);
    let before = operator.export();
    let back = "modules rollback acme-deploy --route deploy --to 1.3.0";
    let tried = operator.change(&format!("{back} --dry-run"));
    assert_eq!(tried.status, 0, "{tried:?}");
    assert_eq!(operator.export(), before, "a dry run writes nothing");
    let rolled = operator.change(back);
    assert_eq!(rolled.status, 0, "{rolled:?}");
    let bound = "a host follows only where its route's `version` takes 1.3.0";
    assert!(rolled.err.contains(bound), "{rolled:?}");
    let approved = operator.change("modules approve acme-deploy --route deploy --major 2");
    assert_eq!(approved.status, 0, "{approved:?}");
    let promoted = operator.change("modules promote acme-deploy@2.0.0 --route deploy --unseen");
    assert_eq!(promoted.status, 0, "{promoted:?}");
    let shown = operator.done("modules served");
    let history = operator.done("subject history --last 5");
    timeless(|| {
        insta::assert_snapshot!("modules-rollback", rolled.out);
        insta::assert_snapshot!("modules-approve", approved.out);
        insta::assert_snapshot!("modules-promote", promoted.out);
        insta::assert_snapshot!("modules-served", shown.out);
        insta::assert_snapshot!("modules-history", history.out);
    });
    let json = operator.done("modules served acme-deploy --route deploy --format json");
    let served = &json.json()["served"][0];
    assert_eq!(served["version"], "1.3.0");
    assert_eq!(served["barred_to"], "1.4.0");
    assert_eq!(served["promoted"], "2.0.0");
    assert_eq!(served["approved"], "2");
    assert_eq!(served["digest"], Digest::of(b"1.3.0").to_string());
    let none = operator.done("modules served --route another --format json");
    assert_eq!(none.json(), json!({ "served": [] }));
}

#[test]
fn an_operator_rejects_a_version_that_is_not_served_yet() {
    let operator = operator(&["1.3.0", "1.4.0"]);
    operator.change("modules promote acme-deploy@1.5.0 --route deploy --unseen");
    let before = operator.export();
    let slip = operator.change("modules reject acme-deploy@1.50.0 --route deploy");
    assert_eq!(slip.status, 1, "{slip:?}");
    let told = "no host on this ledger has looked at `acme-deploy@1.50.0`";
    assert!(
        slip.out.contains(told) && slip.out.contains("`--unseen`"),
        "{slip:?}"
    );
    let reject = "modules reject acme-deploy@1.5.0 --route deploy --unseen";
    let tried = operator.change(&format!("{reject} --dry-run"));
    assert_eq!(tried.status, 0, "{tried:?}");
    assert_eq!(operator.export(), before, "a dry run writes nothing");
    let rejected = operator.change(reject);
    assert_eq!(rejected.status, 0, "{rejected:?}");
    let again = operator.change("modules reject acme-deploy@1.4.1 --route deploy");
    assert!(
        again.out.contains("the ledger says so already"),
        "{again:?}"
    );
    let promoted = operator.change("modules promote acme-deploy@1.5.0 --route deploy");
    assert_eq!(promoted.status, 1, "{promoted:?}");
    let told = "version 1.5.0 was rejected by alice (a test)";
    assert!(promoted.out.contains(told), "{promoted:?}");
    let history = operator.done("subject history --last 1");
    timeless(|| {
        insta::assert_snapshot!("modules-reject", rejected.out);
        insta::assert_snapshot!("modules-reject-history", history.out);
    });
}

#[test]
fn a_promoted_version_that_no_host_has_looked_at_is_said_to_be_one() {
    let operator = operator(&["1.4.0"]);
    let promote = "modules promote acme-deploy@1.5.0 --route deploy";
    let ran = operator.change(promote);
    assert_eq!(ran.status, 1, "{ran:?}");
    let ran = operator.change(&format!("{promote} --unseen"));
    assert_eq!(ran.status, 0, "{ran:?}");
    let said = "no host on this ledger has looked at `acme-deploy@1.5.0` yet";
    assert!(ran.err.contains(said), "{ran:?}");
    let ledger = Ledger::sqlite(&Sqlite::at(operator.program.path("ledger.db"))).unwrap();
    let module = "acme-deploy@1.5.0".parse().unwrap();
    let known = ledger.know(&module, Digest::of(b"1.5.0"), NOW, "host one");
    known.unwrap();
    let ran = operator.change(&format!("{promote} --dry-run"));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{ran:?}");
}

#[test]
fn a_mistyped_name_or_route_is_told_what_may_be_meant() {
    let operator = operator(&["1.4.0"]);
    for (asked, told) in [
        ("acme-deply", " (did you mean `acme-deploy`?)\n"),
        ("acme-deploy --route deplyo", " (did you mean `deploy`?)\n"),
        ("another --route elsewhere", "serves such a module\n"),
    ] {
        let ran = operator.done(&format!("modules served {asked}"));
        assert!(ran.out.ends_with(told), "{asked}: {ran:?}");
    }
}

#[test]
fn what_is_only_tried_needs_nobody_s_name() {
    let operator = operator(&["1.4.0"]);
    let reject = "modules reject acme-deploy@1.5.0 --route deploy --unseen --reason why";
    let nobody = [
        ("USER", ""),
        ("LOGNAME", ""),
        ("CLAIMBOUND_LEDGER", "ledger.db"),
    ];
    let run = |call: &str| {
        let words: Vec<_> = call.split(' ').collect();
        operator.program.run_with(&words, b"", &nobody)
    };
    let tried = run(&format!("{reject} --dry-run"));
    assert_eq!(tried.status, 0, "{tried:?}");
    let done = run(reject);
    assert_eq!(
        (done.status, done.err.contains("--by NAME")),
        (2, true),
        "{done:?}"
    );
}

#[test]
fn what_is_tried_or_refused_is_called_as_its_command_is() {
    let operator = operator(&["1.4.0"]);
    for (call, told) in [
        (
            "approve acme-deploy --route deploy --major 2 --dry-run",
            "would approve  by",
        ),
        (
            "rollback acme-deploy --route deploy --to 1.3.0",
            "✗ rollback refused",
        ),
    ] {
        let ran = operator.change(&format!("modules {call}"));
        assert!(ran.out.contains(told), "{call}: {ran:?}");
    }
}

#[test]
fn what_the_ledger_refuses_of_modules_is_an_answer_and_changes_nothing() {
    let operator = operator(&["1.4.0"]);
    let before = operator.export();
    for (call, said) in [
        (
            "rollback acme-deploy --route deploy --to 1.3.0",
            "`claimbound subject history` shows which versions were served",
        ),
        (
            "rollback acme-deploy --route deploy --to 1.4.0",
            "route `deploy` serves version 1.4.0",
        ),
        (
            "rollback acme-deploy --route another --to 1.3.0",
            "route `another` has never served a module `acme-deploy`",
        ),
        (
            "approve acme-deploy --route deploy --major 0",
            "is of a higher major version than 0",
        ),
        (
            "promote acme-deploy@2.0.0 --route deploy",
            "`acme-deploy@2.0.0` is of a major version that nobody approved",
        ),
        (
            "promote acme-deploy@1.3.0 --route deploy",
            "`acme-deploy@1.3.0` is below version 1.4.0",
        ),
        (
            "reject acme-deploy@1.4.0 --route deploy",
            "`claimbound modules rollback` goes back to a lower version",
        ),
        (
            "reject acme-deploy@2.0.0 --route deploy",
            "`acme-deploy@2.0.0` is of a major version that nobody approved",
        ),
        (
            "reject acme-deploy@1.5.0 --route another",
            "route `another` has never served a module `acme-deploy`",
        ),
    ] {
        let ran = operator.change(&format!("modules {call}"));
        assert_eq!(ran.status, 1, "{call}: {ran:?}");
        assert!(ran.out.contains(said), "{call}: {ran:?}");
    }
    for (call, said) in [
        (
            "rollback acme-deploy --route deploy --to 1.3",
            "`1.3` is not a version",
        ),
        (
            "rollback Acme --route deploy --to 1.3.0",
            "`Acme` is no name of a module",
        ),
        (
            "rollback acme-deploy@1.5.0 --route deploy --to 1.3.0",
            "here goes the name alone: `acme-deploy`",
        ),
        (
            "promote acme-deploy --route deploy",
            "`acme-deploy` has no version: it is written `acme-deploy@1.4.0`",
        ),
        (
            "approve acme-deploy --route deploy --major 1.5.0",
            "`1.5.0` is no major version alone, such as `2`",
        ),
    ] {
        let ran = operator.change(&format!("modules {call}"));
        assert_eq!(ran.status, 2, "{call}: {ran:?}");
        assert!(ran.err.contains(said), "{call}: {ran:?}");
    }
    assert_eq!(operator.export(), before);
}
