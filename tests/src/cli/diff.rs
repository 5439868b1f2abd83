//! `diff`: two policies, and tokens that they decide otherwise.

use super::program::{AT, POLICY, Program, settled};

/// A policy with some text replaced.
fn changed(changes: &[(&str, &str)]) -> String {
    let mut text = POLICY.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

#[test]
fn each_difference_has_a_token_that_check_decides_so_too() {
    let program = Program::new();
    program.write(
        "new.toml",
        changed(&[
            ("single_use = true\n", ""),
            (
                r#"environment = "production""#,
                r#"environment = ["production", "staging"]"#,
            ),
        ]),
    );
    let ran = program.run(&["diff", "policy.toml", "new.toml"]);
    assert_eq!(ran.status, 1);
    settled(|| insta::assert_snapshot!("diff", ran.shown()));
    let json = program.run(&["diff", "policy.toml", "new.toml", "--format", "json"]);
    let json = json.json();
    assert_eq!(json["relation"], "wider");
    let differences = json["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 2);
    for difference in differences {
        program.write("example.json", difference["example"]["claims"].to_string());
        for (policy, side) in [("policy.toml", "before"), ("new.toml", "after")] {
            let check = ["check", "--policy", policy, "--claims", "example.json"];
            let decided = program.run(&[&check[..], &["--at", AT, "--format", "json"]].concat());
            assert_eq!(decided.json()["statement"], difference[side], "{policy}");
        }
    }
}

#[test]
fn the_status_says_what_ci_asks_for() {
    let program = Program::new();
    program.write(
        "new.toml",
        changed(&[(
            r#"environment = "production""#,
            r#"environment = { glob = "prod*" }"#,
        )]),
    );
    program.write("terms.toml", changed(&[("single_use = true\n", "")]));
    for (old, new, relation, any, wider, never) in [
        ("policy.toml", "policy.toml", "equivalent", 0, 0, 0),
        ("policy.toml", "terms.toml", "wider", 1, 1, 0),
        ("terms.toml", "policy.toml", "narrower", 1, 0, 0),
    ] {
        for (fail_on, expected) in [("any", any), ("wider", wider), ("never", never)] {
            let ran = program.run(&["diff", old, new, "--fail-on", fail_on]);
            assert_eq!(ran.status, expected, "{old} {new} {fail_on}");
            assert!(ran.out.starts_with(relation), "{}", ran.out);
        }
    }
    let few = ["diff", "policy.toml", "new.toml", "--steps", "10"];
    for (fail_on, expected) in [("any", 2), ("wider", 2), ("never", 0)] {
        let ran = program.run(&[&few[..], &["--fail-on", fail_on]].concat());
        assert_eq!(ran.status, expected, "{fail_on}");
        assert!(ran.out.starts_with("unknown"), "{}", ran.out);
    }
}

#[test]
fn components_are_compared_by_the_documents_that_they_carry() {
    let program = Program::new();
    program.write("new.toml", changed(&[("single_use = true\n", "")]));
    for document in ["policy.toml", "new.toml"] {
        assert_eq!(program.run(&["build", document]).status, 0);
    }
    let ran = program.run(&["diff", "policy.wasm", "new.wasm"]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.starts_with("wider"), "{}", ran.out);
    // One letter of the document inside is another.
    let mut bytes = program.read("new.wasm");
    let comment = b"# production only";
    let mut places = bytes.windows(comment.len());
    let at = places.position(|window| window == comment).unwrap();
    bytes[at + 2] = b'P';
    program.write("new.wasm", bytes);
    let ran = program.run(&["diff", "policy.wasm", "new.wasm"]);
    assert_eq!(ran.status, 2);
    assert!(
        ran.err.contains("its document is unverified"),
        "{}",
        ran.err
    );
    let ran = program.run(&["diff", "policy.wasm", "nowhere.wasm"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
}
