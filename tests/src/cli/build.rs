//! `build` and `inspect`.

use super::program::{AT, POLICY, Program, settled};

#[test]
fn a_component_is_built_and_verified_from_its_document() {
    let program = Program::new();
    let ran = program.run(&["build", "policy.toml"]);
    settled(|| insta::assert_snapshot!("build", ran.shown()));
    let ran = program.run(&["inspect", "policy.wasm"]);
    settled(|| insta::assert_snapshot!("inspect", ran.shown()));
    let json = program
        .run(&["inspect", "policy.wasm", "--format", "json"])
        .json();
    assert_eq!(json["document"]["state"], "verified");
    assert_eq!(json["imports"], serde_json::json!([]));
    assert_eq!(json["statements"][0]["first_use"], "enrol");
    assert_eq!(json["statements"][1]["first_use"], serde_json::Value::Null);
    assert_eq!(json["size"], program.read("policy.wasm").len());
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    let (one, other) = (Program::new(), Program::new());
    for program in [&one, &other] {
        assert_eq!(
            program
                .run(&["build", "policy.toml", "-o", "out.wasm"])
                .status,
            0
        );
    }
    assert_eq!(one.read("out.wasm"), other.read("out.wasm"));
}

#[test]
fn a_document_that_is_not_what_was_built_is_unverified() {
    let program = Program::new();
    program.run(&["build", "policy.toml"]);
    let mut bytes = program.read("policy.wasm");
    let comment = b"# production only";
    let at = bytes
        .windows(comment.len())
        .position(|window| window == comment)
        .unwrap();
    bytes[at + 2] = b'P';
    program.write("policy.wasm", bytes);
    let json = program
        .run(&["inspect", "policy.wasm", "--format", "json"])
        .json();
    assert_eq!(json["document"]["state"], "unverified");
    let check = [
        "check",
        "--policy",
        "policy.wasm",
        "--claims",
        "claims.json",
        "--at",
        AT,
    ];
    let ran = program.run(&check);
    assert!(
        ran.status == 2 && ran.err.contains("--issuer URL --model NAME"),
        "{ran:?}"
    );
    let issuer = [
        "--issuer",
        "https://token.actions.githubusercontent.com",
        "--model",
        "github-actions",
    ];
    let ran = program.run(
        &[
            &check[..],
            &issuer,
            &["--audience", "https://deploy.acme.example"],
        ]
        .concat(),
    );
    assert!(ran.status == 0 && ran.err.contains("unverified"), "{ran:?}");
}

#[test]
fn no_input_is_written_over_and_nothing_is_left_behind() {
    let program = Program::new();
    let ran = program.run(&["build", "policy.toml", "-o", "./policy.toml"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
    assert_eq!(program.read("policy.toml"), POLICY.as_bytes());
    program.write("policy.toml", "claimbound = 1\n");
    assert_eq!(
        program
            .run(&["build", "policy.toml", "-o", "out.wasm"])
            .status,
        2
    );
    assert!(!program.path("out.wasm").exists());
    assert_eq!(
        program
            .run(&["build", "policy.toml", "-o", "none/out.wasm"])
            .status,
        2
    );
}

#[test]
fn cases_travel_inside_and_must_fit_the_document() {
    let program = Program::new();
    program.write("cases.toml", "[token.a]\nlike = \"trust.nobody\"\n[[case]]\nname = \"x\"\ntoken = \"a\"\nallow = \"production\"\n");
    let ran = program.run(&["build", "policy.toml"]);
    assert!(ran.status == 2 && ran.err.contains("nobody"), "{ran:?}");
    program.write("cases.toml", "[token.a]\nlike = \"trust.production\"\n[[case]]\nname = \"x\"\ntoken = \"a\"\nallow = \"production\"\n");
    assert_eq!(program.run(&["build", "policy.toml"]).status, 0);
    std::fs::remove_file(program.path("cases.toml")).unwrap();
    let ran = program.run(&["test", "policy.wasm"]);
    assert!(
        ran.status == 0 && ran.out.contains("1 passed, 0 failed"),
        "{ran:?}"
    );
}
