//! The ledger as a whole: where it is, what decisions do to it, and how it is
//! carried elsewhere.

use std::os::unix::fs::MetadataExt as _;

use super::operator::{ISSUER, Operator, POLICY, outcome, timeless};
use super::program::Program;
use crate::ledger::older::{contents, make_file};

#[test]
fn a_name_is_bound_to_its_identity_whatever_becomes_of_it() {
    let operator = Operator::new();
    operator.token("acme/infra", "456789");
    let first = operator.check("");
    timeless(|| insta::assert_snapshot!("first-use", first.shown()));
    let known = operator.check("");
    timeless(|| insta::assert_snapshot!("known", known.shown()));

    operator.token("acme/platform", "456789");
    let renamed = operator.check("");
    timeless(|| insta::assert_snapshot!("renamed", renamed.shown()));
    operator.changed("migrate acme/infra acme/platform");
    assert_eq!(operator.decide("acme/platform", "456789"), "allow");
    // An old token, from before the rename, is the same identity's.
    assert_eq!(operator.decide("acme/infra", "456789"), "allow");

    operator.token("acme/infra", "999999");
    let stranger = operator.check("");
    timeless(|| insta::assert_snapshot!("reassigned", stranger.shown()));

    operator.changed("suspend repository acme/platform");
    assert_eq!(
        operator.decide("acme/platform", "456789"),
        "identity.suspended"
    );
    operator.changed("resume repository acme/platform");
    assert_eq!(operator.decide("acme/platform", "456789"), "allow");
    operator.changed("retire repository acme/platform --confirm acme/platform");
    assert_eq!(
        operator.decide("acme/platform", "456789"),
        "identity.retired"
    );
    assert_eq!(
        operator.decide("acme/platform", "777777"),
        "identity.retired"
    );
}

#[test]
fn another_route_and_a_refused_first_use_wait_for_an_operator() {
    let operator = Operator::new();
    assert_eq!(operator.decide("acme/infra", "456789"), "allow");
    operator
        .program
        .write("policy.toml", POLICY.replace("enrol", "refuse"));
    let strict = || operator.check("--route strict --format json");
    operator.token("acme/infra", "456789");
    assert_eq!(outcome(&strict()), "identity.unknown");
    let words = operator.check("--route strict");
    timeless(|| insta::assert_snapshot!("unknown", words.shown()));
    operator.changed("approve --token token.jwt --jwks keys.json");
    let ran = strict();
    assert_eq!(
        (outcome(&ran).as_str(), &ran.json()["ledger"]["bound"]),
        ("allow", &"known".into())
    );
}

#[test]
fn a_token_is_spent_once() {
    let operator = Operator::new();
    let once = POLICY.replace("token_lifetime", "single_use = true\ntoken_lifetime");
    operator.program.write("policy.toml", once);
    operator.token("acme/infra", "456789");
    let foreseen = operator.run(
        "explain --policy policy.toml --token token.jwt --jwks keys.json --ledger ledger.db \
         --format json",
    );
    assert_eq!(outcome(&foreseen), "allow");
    assert_eq!(foreseen.json()["ledger"]["spent"], false);
    let ran = operator.check("--format json");
    assert_eq!(
        (outcome(&ran).as_str(), &ran.json()["ledger"]["spent"]),
        ("allow", &true.into())
    );
    assert_eq!(outcome(&operator.check("--format json")), "token.reused");
}

#[test]
fn what_if_looks_at_the_ledger_and_never_writes() {
    let operator = Operator::new();
    let once = POLICY.replace("token_lifetime", "single_use = true\ntoken_lifetime");
    operator.program.write("policy.toml", once);
    operator.token("acme/infra", "456789");
    let before = operator.export();
    let now = "--at 1795428060";
    let token = "--token token.jwt --jwks keys.json";
    for call in [
        format!("check --claims claims.json {now}"),
        format!("explain --claims claims.json {now}"),
        format!("explain {token}"),
    ] {
        let ran = operator.run(&format!("{call} --policy policy.toml --ledger ledger.db"));
        assert_eq!(ran.status, 0, "{call}: {ran:?}");
        for line in [
            "assumed     ledger: would enrol owner acme as 123456",
            "assumed     ledger: would enrol repository acme/infra as 456789",
            "assumed     single use: the token was not used before, and would be spent",
        ] {
            assert!(ran.out.contains(line), "{call}: {ran:?}");
        }
        assert_eq!(operator.export(), before, "{call}");
    }
    operator.changed(&format!("approve owner acme --id 7 --issuer {ISSUER}"));
    let ran = operator.run(&format!(
        "check --claims claims.json {now} --policy policy.toml --ledger ledger.db --format json"
    ));
    assert_eq!(outcome(&ran), "identity.reassigned");
}

#[test]
fn a_proof_that_nobody_checks_is_an_error_also_with_a_ledger() {
    let operator = Operator::new();
    let proving = POLICY.replace(
        "[trust.production.grant]",
        "[trust.production.proof]\nmethod = \"dpop\"\n\n[trust.production.grant]",
    );
    operator.program.write("policy.toml", proving);
    operator.token("acme/infra", "456789");
    let before = operator.export();
    let ran = operator.check("--format json");
    assert_eq!(ran.status, 2, "{ran:?}");
    assert_eq!(ran.json()["error"]["code"], "host.obligation");
    assert_eq!(operator.export(), before);
}

/// An export without the line of the import itself.
fn without_imports(export: &str) -> Vec<&str> {
    let lines = export.lines();
    lines
        .filter(|line| !line.contains(r#""action":"import""#))
        .collect()
}

#[test]
fn an_export_is_the_same_ledger_elsewhere() {
    let operator = Operator::with_names();
    assert_eq!(operator.decide("acme/seen", "9"), "allow");
    operator.changed("suspend repository acme/barred");
    operator.change(&format!("revoke issuer {ISSUER} --for 1d"));
    let export = operator.export();
    operator.done("subject export backup.jsonl");
    assert_eq!(operator.program.read("backup.jsonl"), export.as_bytes());
    // It replaces itself, and nothing else.
    operator.done("subject export backup.jsonl");
    for file in ["ledger.db", "policy.toml"] {
        let ran = operator.run(&format!("subject export {file}"));
        assert!(
            ran.status == 2 && ran.err.contains("is no export"),
            "{ran:?}"
        );
    }

    let other = Operator::new();
    other.program.write("backup.jsonl", &export);
    other.changed("import backup.jsonl");
    assert_eq!(without_imports(&other.export()), without_imports(&export));
    let again = other.changed("import backup.jsonl --format json");
    assert_eq!(again.json()["imported"]["names"], 0);
    // It decides alike.
    assert_eq!(other.decide("acme/seen", "8"), "revoked.issuer");
    let words = [
        "subject",
        "import",
        "-",
        "--ledger",
        "ledger.db",
        "--reason",
        "x",
        "--by",
        "a",
    ];
    let ran = other.program.run_with(&words, export.as_bytes(), &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn an_import_that_can_not_be_taken_is_named_by_its_line_and_changes_nothing() {
    let operator = Operator::with_names();
    let export = operator.export();
    let conflicting = export.replace("456789", "456780");
    let huge = format!("{export}{{\"type\":\"{}\"}}\n", "x".repeat(300_000));
    let truncated = &export[..export.len() - 40];
    let last = export.lines().count();
    for (name, text, said) in [
        ("empty", "", "line 1: there is nothing to import".to_owned()),
        (
            "garbage",
            "garbage\n",
            "line 1: it is no line of an export".to_owned(),
        ),
        (
            "binary",
            "\u{0}\u{1}\u{2}",
            "line 1: it is no line of an export".to_owned(),
        ),
        (
            "truncated",
            truncated,
            format!("line {last}: it is no line of an export"),
        ),
        (
            "version",
            r#"{"type":"ledger","version":3}"#,
            "line 1: version 3 of the format is not known here".to_owned(),
        ),
        (
            "headless",
            r#"{"type":"spent","digest":"00","until":1}"#,
            "line 1: an export begins with its version".to_owned(),
        ),
        (
            "conflicting",
            &conflicting,
            "line 3: the ledger has another entry".to_owned(),
        ),
        (
            "huge",
            &huge,
            format!("line {}: it is longer than", last + 1),
        ),
    ] {
        operator.program.write(name, text);
        let ran = operator.change(&format!("subject import {name}"));
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{name}: {ran:?}");
        let begin = format!("error: nothing was imported from `{name}`: {said}");
        assert!(ran.err.starts_with(&begin), "{name}: {ran:?}");
        assert_eq!(operator.export(), export, "{name}");
    }
    for (file, said) in [
        ("none", "can't be read"),
        (".", "is a folder"),
        ("env:X", "no place"),
    ] {
        let ran = operator.change(&format!("subject import {file}"));
        assert!(ran.status == 2 && ran.err.contains(said), "{ran:?}");
    }
}

#[test]
fn only_init_makes_a_ledger() {
    let program = Program::new();
    program.write("blank.db", "");
    for call in [
        "subject list --ledger none.db",
        "subject list --ledger sqlite:blank.db",
        "subject import policy.toml --ledger none.db --reason x --by a",
        "revoke list --ledger none.db",
        "check --policy policy.toml --claims claims.json --ledger none.db",
    ] {
        let words: Vec<_> = call.split(' ').collect();
        let ran = program.run(&words);
        assert_eq!(ran.status, 2, "{call}: {ran:?}");
        assert!(
            ran.err.contains("`claimbound subject init --ledger"),
            "{call}: {ran:?}"
        );
        assert!(!program.path("none.db").exists(), "{call}");
        assert_eq!(program.read("blank.db"), b"", "{call}");
    }
    let ran = program.run(&["subject", "list"]);
    assert!(
        ran.status == 2 && ran.err.contains("--ledger <URL>"),
        "{ran:?}"
    );
    let ran = program.run(&["subject", "init", "--ledger", "sqlite:a ledger.db"]);
    assert_eq!(ran.out, "✓ made  sqlite:a ledger.db\n");
    let ran = program.run(&["subject", "init", "--ledger", "a ledger.db"]);
    assert_eq!(ran.out, "✓ there already  sqlite:a ledger.db\n");
    let ran = program.run(&["subject", "init", "--ledger", "new/folder/ledger.db"]);
    assert_eq!(ran.out, "✓ made  sqlite:new/folder/ledger.db\n");
    let mode = std::fs::metadata(program.path("new/folder"))
        .unwrap()
        .mode();
    assert_eq!(mode & 0o777, 0o700, "for this user alone");
    let ran = program.run(&["subject", "init", "--ledger", "blank.db/ledger.db"]);
    let said = "folder `blank.db` can't be made";
    assert!(ran.status == 2 && ran.err.contains(said), "{ran:?}");
    let words = ["subject", "list", "--ledger", "env:MINE"];
    let ran = program.run_with(&words, b"", &[("MINE", "a ledger.db")]);
    assert_eq!(ran.out, "the ledger is empty: it knows no name yet\n");
    let ran = program.run(&["subject", "init", "--ledger", "."]);
    let said = "`.` is a folder, not a ledger; name a file in it, such as `./ledger.db`";
    assert!(ran.status == 2 && ran.err.contains(said), "{ran:?}");
}

#[test]
fn what_only_looks_at_an_older_ledger_or_tries_something_leaves_it_as_it_is() {
    let operator = Operator::new();
    operator.token("acme/infra", "456789");
    let program = &operator.program;
    for file in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let _ = std::fs::remove_file(program.path(file));
    }
    make_file(&program.path("ledger.db"));
    let before = contents(&program.path(""));
    let token = "--policy policy.toml --token token.jwt --jwks keys.json --ledger ledger.db";
    let tried = "--by alice --reason 'a test' --dry-run";
    let owner = format!("--issuer {ISSUER}");
    for (call, status) in [
        ("modules served".to_owned(), 0),
        ("revoke list".to_owned(), 0),
        (format!("subject list {owner}"), 0),
        (format!("subject show owner acme {owner}"), 1),
        ("subject history".to_owned(), 0),
        ("subject export".to_owned(), 0),
        (format!("explain {token}"), 0),
        (format!("subject suspend owner acme {owner} {tried}"), 0),
        (
            format!("modules rollback acme --route r --to 1.3.0 {tried}"),
            1,
        ),
        (
            format!("revoke lift token lost --issuer https://id.example {tried}"),
            0,
        ),
    ] {
        let ran = operator.run(&call);
        assert_eq!(ran.status, status, "{call}: {ran:?}");
        let told = "note: the ledger's tables are of version 1; they are brought to version 2 by";
        assert!(ran.err.contains(told), "{call}: {ran:?}");
        assert_eq!(contents(&program.path("")), before, "{call}");
    }
    let renewed = operator.done("subject init");
    assert!(
        renewed.out.starts_with("✓ brought up to this release"),
        "{renewed:?}"
    );
    let again = operator.done("subject init");
    assert!(again.out.starts_with("✓ there already"), "{again:?}");
    assert_eq!(operator.done("modules served").err, "");
}

#[test]
fn what_is_no_ledger_is_told_and_left_alone() {
    let operator = Operator::new();
    let ledger = operator.program.read("ledger.db");
    // SQLite's header has the version at byte 60 and the application at 68.
    let with = |at: usize, value: u32| {
        let mut bytes = ledger.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        bytes
    };
    operator
        .program
        .write("text.db", "no ledger at all\n".repeat(100));
    operator.program.write("later.db", with(60, 99));
    operator.program.write("other.db", with(68, 7));
    for (file, said) in [
        ("text.db", "`text.db`"),
        ("later.db", "its tables are of version 99"),
        ("other.db", "it is a database of something else"),
        (".", "is a folder, not a ledger"),
    ] {
        let words = ["subject", "list", "--ledger", file, "--format", "json"];
        let ran = operator.program.run(&words);
        assert!(ran.status == 2 && ran.err.contains(said), "{file}: {ran:?}");
        let words = ["subject", "init", "--ledger", file];
        assert_eq!(operator.program.run(&words).status, 2, "{file}");
    }
    let words = [
        "check",
        "--policy",
        "policy.toml",
        "--claims",
        "claims.json",
    ];
    let words = [&words[..], &["--ledger", "text.db", "--format", "json"]].concat();
    let ran = operator.program.run(&words);
    assert_eq!(ran.json()["error"]["code"], "host.store", "{ran:?}");
}

#[test]
fn a_password_in_a_url_is_never_shown() {
    let program = Program::new();
    for url in [
        "postgres://alice:s3cret@127.0.0.1:1/ledger",
        "postgresql://alice@127.0.0.1:1/ledger?password=s3cret",
        "mysql://alice:s3cret@127.0.0.1:1/ledger",
        "postgres://alice:it's s3cret@127.0.0.1:1/ledger",
        "host=127.0.0.1 password='it is s3cret'",
    ] {
        for command in ["subject list", "subject init", "revoke list", "subject lst"] {
            for format in ["human", "json"] {
                let words: Vec<_> = command.split(' ').collect();
                let words = [&words[..], &["--format", format]].concat();
                let given = [&words[..], &["--ledger", url]].concat();
                let variables = [("CLAIMBOUND_LEDGER", url)];
                for ran in [
                    program.run(&given),
                    program.run_with(&words, b"", &variables),
                ] {
                    assert_eq!(ran.status, 2, "{command}: {ran:?}");
                    assert!(!ran.out.contains("s3cret"), "{command}: {ran:?}");
                    assert!(!ran.err.contains("s3cret"), "{command}: {ran:?}");
                }
            }
        }
    }
    let words = ["subject", "list", "--help"];
    let variables = [("CLAIMBOUND_LEDGER", "postgres://a:s3cret@h/d")];
    assert!(
        !program
            .run_with(&words, b"", &variables)
            .out
            .contains("s3cret")
    );
}
