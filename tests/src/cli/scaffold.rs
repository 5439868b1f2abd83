//! `new` and `test`.

use super::program::{POLICY, Program, settled};

#[test]
fn a_new_policy_passes_its_cases_at_once() {
    let program = Program::new();
    let ran = program.run(&["new", "deploy"]);
    settled(|| insta::assert_snapshot!("new", ran.shown()));
    let ran = program.run(&["test", "deploy"]);
    settled(|| insta::assert_snapshot!("test-new", ran.shown()));
    let again = program.run(&["new", "deploy"]);
    assert!(
        again.status == 2 && again.err.contains("is there already"),
        "{again:?}"
    );
}

#[test]
fn what_is_scaffolded_for_any_model_accepts_its_own_token() {
    let program = Program::new();
    for model in claimbound::models::Registry::standard().iter() {
        let name = model.name();
        let ran = program.run(&["new", name, "--model", name]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let like = format!("{name}:trust.main");
        let mint = ["token", "mint", "--jwks-out", "keys.json", "--like", &like];
        program.write("token.jwt", program.run(&mint).out);
        let check = [
            "check",
            "--token",
            "token.jwt",
            "--jwks",
            "keys.json",
            "--policy",
            name,
        ];
        let ran = program.run(&check);
        assert_eq!(ran.status, 0, "{name}: {ran:?}");
    }
}

#[test]
fn a_folder_stands_for_its_policy() {
    let program = Program::new();
    assert_eq!(program.run(&["new", "deploy"]).status, 0);
    for call in [&["inspect", "deploy"][..], &["build", "deploy"]] {
        assert_eq!(program.run(call).status, 0, "{call:?}");
    }
    assert!(program.path("deploy/policy.wasm").is_file());
}

#[test]
fn a_policy_from_a_token_accepts_that_token() {
    let program = Program::with_token();
    let minted = program.run(&[
        "token",
        "mint",
        "--claims",
        "claims.json",
        "--jwks-out",
        "keys.json",
    ]);
    program.write("token.jwt", minted.out);
    let ran = program.run(&["new", "proposed", "--from-token", "token.jwt"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    insta::assert_snapshot!(
        "new-from-token",
        String::from_utf8(program.read("proposed/policy.toml")).unwrap()
    );
    let check = [
        "check",
        "--policy",
        "proposed/policy.toml",
        "--token",
        "token.jwt",
        "--jwks",
        "keys.json",
    ];
    let ran = program.run(&[&check[..], &["--at", super::program::AT]].concat());
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn a_case_that_fails_says_what_was_expected_and_found() {
    let program = Program::new();
    program.write(
        "cases.toml",
        "[token.a]\nlike = \"trust.production\"\n\
         [[case]]\nname = \"passes\"\ntoken = \"a\"\nallow = \"production\"\n\
         [[case]]\nname = \"fails\"\ntoken = \"a\"\nwith = { ref = \"x\" }\nallow = \"production\"\n\
         [[case]]\nname = \"fails too\"\ntoken = \"a\"\ndeny = \"forbidden\"\n",
    );
    let ran = program.run(&["test"]);
    settled(|| insta::assert_snapshot!("test-failing", ran.shown()));
    let ran = program.run(&["test", "--format", "json"]);
    assert_eq!((ran.status, &ran.json()["failed"]), (1, &2.into()));
}

#[test]
fn a_key_that_a_statement_pins_is_tried_in_the_sandbox_too() {
    let program = Program::new();
    let key = "[trust.production.key]\nalgorithms = [\"RS256\"]\nat_least_bits = 2048\n\n[trust.production.grant]";
    program.write(
        "policy.toml",
        POLICY.replace("[trust.production.grant]", key),
    );
    program.write(
        "cases.toml",
        "[token.a]\nlike = \"trust.production\"\n\
         [[case]]\nname = \"its key\"\ntoken = \"a\"\nallow = \"production\"\n\
         [[case]]\nname = \"a shorter key\"\ntoken = \"a\"\nkey = { bits = 1024 }\ndeny = \"key.refused\"\n",
    );
    let ran = program.run(&["test", "policy.toml"]);
    assert_eq!(ran.status, 0, "{ran:?}");
}
