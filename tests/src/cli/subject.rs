//! `subject`: what it shows, what it changes, and what it refuses.

use serde_json::{Value, json};

use super::operator::{ISSUER, Operator, timeless};

#[test]
fn names_are_approved_listed_and_shown() {
    let operator = Operator::new();
    let approve = format!("subject approve owner acme --id 123456 --issuer {ISSUER}");
    let tried = operator.change(&format!("{approve} --dry-run"));
    timeless(|| insta::assert_snapshot!("approve-dry-run", tried.shown()));
    let made = operator.change(&approve);
    timeless(|| insta::assert_snapshot!("approve", made.shown()));
    operator.changed("approve repository acme/infra --id 456789 --parent acme");
    operator.changed("migrate acme/infra acme/platform");
    assert_eq!(operator.done("subject export -").out, operator.export());
    for (name, call) in [
        ("list", "subject list"),
        ("list-json", "subject list acme --format json"),
        ("show", "subject show repository acme/platform"),
        ("show-parent", "subject show owner acme"),
        ("show-id", "subject show repository --id 456789"),
        ("show-json", "subject show owner acme --format json"),
        ("show-unknown", "subject show owner nobody"),
        ("history", "subject history"),
        ("history-json", "subject history owner acme --format json"),
    ] {
        let ran = operator.run(call);
        timeless(|| insta::assert_snapshot!(name, ran.shown()));
    }
}

#[test]
fn each_change_shows_what_was_and_what_is() {
    let operator = Operator::with_names();
    let mut shown = String::new();
    for call in [
        "suspend repository acme/infra",
        "resume repository acme/infra",
        "migrate acme acme-corp --kind owner --children",
        "approve repository acme/other --id 7 --parent acme-corp",
        "approve repository acme/other --id 8 --parent acme-corp --replacing 7",
        "retire repository acme/other --confirm acme/other",
    ] {
        shown += &operator.changed(call).out;
    }
    timeless(|| insta::assert_snapshot!("changes", shown));
    let ran = operator.change("subject suspend owner acme-corp --format json");
    timeless(|| insta::assert_snapshot!("change-json", ran.shown()));
}

/// One change a line, each on what the ones before it left.
const CHANGES: [&str; 9] = [
    "subject approve repository acme/web --id 7 --parent acme",
    "subject suspend repository acme/web",
    "subject resume repository acme/web",
    "subject migrate acme/web acme/site",
    "subject retire repository acme/site --confirm acme/site",
    "revoke subject repo:acme/infra:environment:production --for 1d",
    "revoke lift subject repo:acme/infra:environment:production",
    "subject forget repository acme/seen --route check --statement production",
    "subject import other.jsonl",
];

#[test]
fn a_dry_run_shows_what_a_real_run_does_and_writes_nothing() {
    let operator = Operator::with_names();
    assert_eq!(operator.decide("acme/seen", "9"), "allow");
    let other = Operator::new();
    other.changed(&format!("approve owner other --id 1 --issuer {ISSUER}"));
    operator.program.write("other.jsonl", other.export());
    for call in CHANGES {
        let before = operator.export();
        let tried = operator.change(&format!("{call} --dry-run"));
        assert_eq!(tried.status, 0, "{call}: {tried:?}");
        assert_eq!(operator.export(), before, "{call}");
        let made = operator.change(call);
        assert_eq!(made.status, 0, "{call}: {made:?}");
        assert_ne!(operator.export(), before, "{call}");
        let (first, tried) = tried.out.split_once('\n').unwrap();
        let (_, made) = made.out.split_once('\n').unwrap();
        assert!(first.starts_with("would "), "{first}");
        let tried = tried.strip_suffix("  a dry run: nothing was written\n");
        // The end of what is revoked for a while moves with the clock.
        if !call.contains("--for") {
            assert_eq!(tried, Some(made), "{call}");
        }
    }
}

#[test]
fn what_the_ledger_refuses_has_status_one_and_what_is_no_question_two() {
    let operator = Operator::with_names();
    operator.changed("suspend repository acme/barred");
    for (call, status, said) in [
        (
            "approve owner acme --id 9",
            1,
            "the owner `acme` is bound to id `123456`",
        ),
        (
            "approve owner acme --id 9 --replacing 8",
            1,
            "not to what you are replacing",
        ),
        (
            "approve owner beta --id 123456",
            1,
            "that owner is known as `acme`",
        ),
        ("suspend repository acme/barred", 1, "is suspended already"),
        (
            "resume repository acme/infra",
            1,
            "is approved, not suspended",
        ),
        (
            "resume repository acme/none",
            1,
            "the ledger knows no repository `acme/none`",
        ),
        (
            "migrate acme/none acme/x --kind repository",
            1,
            "the ledger knows no repository",
        ),
        ("migrate acme/infra acme/barred", 1, "is suspended"),
        (
            "forget owner acme --route r --statement s",
            1,
            "the ledger knows no owner `acme`",
        ),
        (
            "migrate acme/none acme/x",
            2,
            "the ledger knows no `acme/none`",
        ),
        ("migrate acme/infra acme/infra", 2, "have to be two names"),
        (
            "approve owner acme",
            2,
            "each owner of this issuer has an immutable id; give it by `--id ID`",
        ),
        (
            "approve owner acme --id 123456 --parent x",
            2,
            "no owner of this issuer belongs to anything",
        ),
        (
            "approve repository acme/x --id 3",
            2,
            "each repository belongs to some owner; say which by `--parent NAME`",
        ),
        (
            "approve repository x/x --id 3 --parent x",
            2,
            "approve it first, or give `--parent-id`",
        ),
        ("approve ownr acme --id 3", 2, "(did you mean `owner`?)"),
        (
            "approve owner acme --id 3 --model gitlub",
            2,
            "(did you mean `gitlab`?)",
        ),
        (
            "approve owner acme --id 3 --issuer https://id.example/x",
            2,
            "`--model`",
        ),
        ("retire owner acme", 2, "do it by `--confirm acme`"),
        (
            "retire owner acme --confirm beta",
            2,
            "is not the name to retire",
        ),
        ("approve owner '' --id 3", 2, "1 to"),
    ] {
        let before = operator.export();
        let ran = operator.change(&format!("subject {call}"));
        assert_eq!(ran.status, status, "{call}: {ran:?}");
        let place = if status == 1 { &ran.out } else { &ran.err };
        assert!(place.contains(said), "{call}: {ran:?}");
        assert_eq!(operator.export(), before, "{call}");
    }
    let ran = operator.run("subject list --state aproved");
    assert!(ran.err.contains("did you mean `approved`?"), "{ran:?}");
}

#[test]
fn a_name_that_nobody_has_seen_is_barred_with_a_note() {
    let operator = Operator::with_names();
    let known = operator.changed("suspend repository acme/infra --dry-run");
    assert_eq!(known.err, "");
    for (call, note) in [
        (
            "suspend repository acme/infar",
            "note: the ledger knows no repository `acme/infar` (did you mean `acme/infra`?): the \
             name alone is barred, and no id\n",
        ),
        (
            "retire owner zeta --id 5 --confirm zeta",
            "note: the ledger knows no owner `zeta`: the name is barred, and id `5` under every \
             name\n",
        ),
    ] {
        assert_eq!(operator.changed(call).err, note, "{call}");
    }
}

#[test]
fn a_migration_says_what_stays_behind() {
    let operator = Operator::with_names();
    operator.changed("approve repository acme/web --id 7 --parent acme");
    let ran = operator.change("subject migrate acme/infra ops/infra");
    let hint = "say what it belongs to now by `--parent ops`";
    assert!(ran.status == 2 && ran.err.contains(hint), "{ran:?}");
    let migrate = "migrate acme globex --kind owner";
    assert_eq!(
        operator
            .changed(&format!("{migrate} --children --dry-run"))
            .err,
        ""
    );
    let stay = "note: 2 names that belong to it, such as `acme/infra`, stay named after `acme`; `--children`";
    let tried = operator.changed(&format!("{migrate} --dry-run")).err;
    assert_eq!(tried, format!("{stay} takes them along\n"));
    let made = operator.changed(migrate).err;
    assert!(made.starts_with(stay), "{made}");
    assert!(made.ends_with("with `--parent globex` now\n"), "{made}");
    let ran = operator.change("subject migrate acme/infra globex/infra");
    assert!(ran.err.contains("`--parent globex`"), "{ran:?}");
    operator.changed("migrate acme/infra globex/infra --parent globex");
}

#[test]
fn a_change_has_a_reason_and_somebody_who_makes_it() {
    let operator = Operator::with_names();
    let suspend = "subject suspend owner acme";
    let ran = operator.run(&format!("{suspend} --by alice"));
    assert!(ran.status == 2 && ran.err.contains("--reason"), "{ran:?}");
    let ran = operator.run(&format!("{suspend} --by alice --reason ' '"));
    assert!(
        ran.status == 2 && ran.err.contains("the reason has to be"),
        "{ran:?}"
    );
    let ran = operator.run(&format!("{suspend} --reason x"));
    assert!(
        ran.status == 2 && ran.err.contains("give `--by NAME`"),
        "{ran:?}"
    );
    let words = [
        "subject",
        "suspend",
        "owner",
        "acme",
        "--reason",
        "x",
        "--dry-run",
    ];
    let words = [&words[..], &["--ledger", "ledger.db"]].concat();
    for variables in [
        [("USER", ""), ("LOGNAME", "bob")],
        [("USER", "bob"), ("LOGNAME", "x")],
    ] {
        let ran = operator.program.run_with(&words, b"", &variables);
        assert!(
            ran.out.starts_with("would suspend  by bob\n  reason: x\n"),
            "{ran:?}"
        );
    }
}

#[test]
fn the_kind_the_issuer_and_the_parent_are_found_where_there_is_one_alone() {
    let operator = Operator::with_names();
    let two = operator.change("subject approve namespace acme --id 5 --issuer https://gitlab.com");
    assert_eq!(two.status, 0, "{two:?}");
    let ran = operator.change("subject suspend owner acme");
    assert!(
        ran.status == 2 && ran.err.contains("knows 2 issuers"),
        "{ran:?}"
    );
    let github = format!("--issuer {ISSUER}");
    assert_eq!(operator.decide("acme/seen", "9"), "allow");
    operator.changed(&format!("migrate acme/seen acme/sought {github}"));
    // An owner and a repository of one name need the kind to be said.
    operator.changed(&format!("suspend repository acme {github}"));
    let ran = operator.change(&format!("subject migrate acme beta {github}"));
    assert!(
        ran.err
            .contains("choose one by `--kind`: `owner`, `repository`"),
        "{ran:?}"
    );
    operator.changed(&format!("migrate acme beta --kind owner {github}"));
    let approve = "subject approve repository x/x --id 3";
    let ran = operator.change(&format!("{approve} --parent acme {github}"));
    assert!(ran.err.contains("was left for `beta`"), "{ran:?}");
    operator.changed(&format!(
        "approve repository x/x --id 3 --parent x --parent-id 4 {github}"
    ));
}

#[test]
fn a_tokens_names_are_approved_all_or_none() {
    let operator = Operator::new();
    operator.token("acme/infra", "456789");
    let approve = "subject approve --token token.jwt --jwks keys.json";
    let tried = operator.change(&format!("{approve} --dry-run"));
    timeless(|| insta::assert_snapshot!("approve-token", tried.shown()));
    assert_eq!(operator.change(approve).status, 0);
    let again = operator.change(approve);
    assert!(
        again.out.contains("the ledger says so already"),
        "{again:?}"
    );
    let ran = operator.change(&format!("{approve} --replacing 5"));
    let said = "`--replacing` goes with KIND and NAME, not with `--token`";
    assert!(ran.status == 2 && ran.err.contains(said), "{ran:?}");
    // One name that somebody else holds keeps the others out as well.
    operator.token("acme/fresh", "456789");
    let before = operator.export();
    let ran = operator.change(approve);
    assert!(
        ran.status == 1 && ran.out.contains("known as `acme/infra`"),
        "{ran:?}"
    );
    assert_eq!(operator.export(), before);
}

#[test]
fn a_token_that_check_would_not_take_approves_nothing() {
    let operator = Operator::new();
    operator.token("acme/infra", "456789");
    let token = String::from_utf8(operator.program.read("token.jwt")).unwrap();
    let (signed, _) = token.trim().rsplit_once('.').unwrap();
    operator
        .program
        .write("forged.jwt", format!("{signed}.AAAA"));
    operator.program.write("none.jwt", "x.y");
    operator.done("token mint --claims claims.json --jwks-out old.json");
    let old = operator.done("token mint --claims claims.json --jwks-out old.json");
    operator.program.write("old.jwt", old.out);
    let before = operator.export();
    for (files, code) in [
        ("forged.jwt --jwks keys.json", "token.signature"),
        ("none.jwt --jwks keys.json", "token.malformed"),
        ("old.jwt --jwks old.json", "token.expired"),
    ] {
        let ran = operator.change(&format!("subject approve --format json --token {files}"));
        assert_eq!(ran.status, 1, "{files}: {ran:?}");
        assert_eq!(ran.json()["refused"]["code"], code, "{files}");
        assert!(!ran.out.contains(signed), "{ran:?}");
    }
    assert_eq!(operator.export(), before);
    // What nobody has signed is approved on the operator's word.
    assert_eq!(operator.changed("approve --claims claims.json").status, 0);
    let ran = operator.change("subject approve --claims claims.json --issuer https://x.example");
    assert!(
        ran.status == 2 && ran.err.contains("not from `--issuer"),
        "{ran:?}"
    );
}

#[test]
fn a_list_is_narrowed_by_kind_state_issuer_and_name() {
    let operator = Operator::with_names();
    operator.changed("suspend repository acme/barred");
    let count = |more: &str| {
        let ran = operator.done(&format!("subject list --format json {more}"));
        ran.json()["entries"].as_array().unwrap().len()
    };
    for (call, status, said) in [
        ("list nobody", 0, "no name that the ledger knows fits"),
        (
            "list --kind repositroy",
            2,
            "`repositroy` is no kind of name by any naming model (did you mean `repository`?)",
        ),
        (
            "show acme/infra",
            2,
            "give KIND before NAME, as in `repository acme/infra`; naming model `github-actions` has \
             `owner`, `repository`",
        ),
        ("history acme/infra", 2, "give KIND before NAME"),
        ("show owner", 2, "`owner NAME`"),
    ] {
        let ran = operator.run(&format!("subject {call}"));
        assert_eq!(ran.status, status, "{call}: {ran:?}");
        let place = if status == 0 { &ran.out } else { &ran.err };
        assert!(place.contains(said), "{call}: {ran:?}");
    }
    for (more, expected) in [
        ("", 3),
        ("--kind namespace", 0),
        ("--kind owner", 1),
        ("--state suspended", 1),
        ("acme/*", 2),
        ("'*infra'", 1),
        ("--issuer https://x.example", 0),
        ("nobody", 0),
    ] {
        assert_eq!(count(more), expected, "{more}");
    }
}

#[test]
fn programs_get_the_members_that_are_documented() {
    let operator = Operator::with_names();
    operator.done(&format!("revoke issuer {ISSUER} --by alice --reason x"));
    let members =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let entry = [
        "issuer",
        "kind",
        "name",
        "spelling",
        "id",
        "parent_kind",
        "parent_name",
        "parent_id",
        "state",
        "was_approved",
        "moved_to",
        "route",
        "statement",
        "since",
        "by",
        "reason",
    ];
    let json = |call: &str| operator.done(&format!("{call} --format json")).json();
    assert_eq!(members(&json("subject list")["entries"][0]), entry);
    let shown = json("subject show repository acme/infra");
    assert_eq!(
        members(&shown),
        ["issuer", "entries", "others", "children", "history"]
    );
    assert_eq!(members(&shown["history"][0]["after"]), entry);
    let event = [
        "at", "by", "action", "issuer", "kind", "name", "before", "after", "reason",
    ];
    assert_eq!(members(&json("subject history")["events"][0]), event);
    let revocation = [
        "kind", "issuer", "value", "key", "at", "until", "by", "reason", "holds",
    ];
    assert_eq!(members(&json("revoke list")["revocations"][0]), revocation);
    let change = operator
        .change("subject suspend owner acme --format json")
        .json();
    let answer = ["action", "dry_run", "by", "reason", "effects", "refused"];
    assert_eq!(members(&change), answer);
    assert_eq!(members(&change["effects"][0]), ["type", "before", "after"]);
    let refused = operator
        .change("subject suspend owner acme --format json")
        .json();
    assert_eq!(members(&refused["refused"]), ["code", "message"]);
    let failed = operator.run("subject show nokind x --format json");
    assert_eq!(failed.json()["error"]["findings"], json!([]));
}

#[test]
fn history_tells_revocations_and_imports_apart() {
    let operator = Operator::new();
    let other = Operator::with_names();
    operator.program.write("other.jsonl", other.export());
    operator.changed("import other.jsonl");
    operator.change(&format!("revoke issuer {ISSUER}"));
    let digest = "0a".repeat(32);
    operator.change(&format!("revoke token --digest sha256:{digest}"));
    let history = operator.done("subject history --last 3").out;
    for said in [
        "2 names, 2 lines of history".to_owned(),
        format!("issuer {ISSUER}"),
        format!("token sha256:{digest}"),
    ] {
        assert!(history.contains(&said), "{history}");
    }
    let listed = operator.done("revoke list").out;
    assert!(listed.contains(&format!("sha256:{digest}")), "{listed}");
    let ran = operator.change(&format!("revoke lift token --digest {digest}"));
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn what_a_name_holds_is_shown_and_never_obeyed() {
    let operator = Operator::with_names();
    operator.changed("suspend repository acme/\u{202e}x");
    for call in [
        "subject list",
        "subject list --format json",
        "subject show repository acme/\u{202e}x",
        "subject history",
    ] {
        let ran = operator.done(call);
        assert!(!ran.out.contains('\u{202e}'), "{ran:?}");
        assert!(ran.out.contains("202e"), "{ran:?}");
    }
}
