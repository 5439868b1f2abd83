//! Every wrong file, flag and token gets one message that names it, nothing on
//! standard output, and status 2.

use std::fmt::Write as _;

use super::program::{POLICY, Program};

/// One call a line; `''` stands for an empty argument.
const CALLS: &str = "
chekc
list
keygen
sign empty --statement
check
demo --format xml
check --claims claims.json --policy none.toml
check --claims claims.json --policy empty
check --claims claims.json --policy utf16.toml
check --claims claims.json --policy latin.toml
check --claims claims.json --policy bad.toml
check --claims claims.json --policy module.wasm
check --claims claims.json --policy broken.wasm
check --claims claims.json --policy huge
check --claims claims.json --policy two.toml
check --claims claims.json --policy policy.toml --at yesterday
check --claims claims.json --policy policy.toml --attr novalue
check --claims claims.json --policy policy.toml --attr a=1 --attr a=2
check --claims claims.json --policy policy.toml --audience ''
check --claims claims.json --policy policy.toml --issuer https://x.example
check --claims claims.json --policy policy.toml --issuer https://x.example --model oidc
check --claims claims.json --policy policy.toml --jwks keys.json
check --policy policy.toml --claims list.json
check --policy policy.toml --claims twice.json
check --policy policy.toml --token token.jwt
check --policy policy.toml --token huge --jwks keys.json
check --policy policy.toml --token env:NOT_SET_HERE --jwks keys.json
check --policy policy.toml --token token.jwt --jwks list.json
check --policy policy.toml --token token.jwt --jwks keys.json --jwks github=keys.json
check --policy policy.toml --token token.jwt --jwks gitub=keys.json
check --policy policy.toml --token token.jwt --jwks https://id.example/jwks
check --policy policy.toml --token token.jwt --jwks token.jwt
check policy.toml token.jwt
explain policy.toml
build module.wasm
build module.wasm -o out.wasm
build policy.toml -o empty
build none.toml
build policy.wasm
build empty
inspect empty
inspect broken.wasm
inspect module.wasm
test policy.toml
test empty
test --cases none.toml policy.toml
new ..
new x --model gitlub
new x --model github
new NotAName
new x --from-token list.json
token verify --jwks none.json token.jwt
token verify --jwks keys.json --algorithm HS256 token.jwt
token mint --set sub=a
token mint --like policy.toml
token mint --like policy.toml:production
token mint --like policy.toml:trust.produktion
token mint --like empty:trust.main
token mint --claims claims.json --jwks-out policy.toml
token mint --claims claims.json --key list.json
token mint --claims claims.json --lifetime ever
bench --iterations 0
bench --iterations 1000001
bench --algorithm HS256
bench --algorithm ES512
bench --statement production
bench --policy none.toml
bench --policy bad.toml
bench --policy module.wasm
bench --policy bare.wasm
bench --policy policy.toml --statement produktion
bench --policy policy.toml --statement self-hosted
bench --policy forbids.toml
bench --policy keyed.toml --algorithm ES256
bench --policy pinned.toml
completions tcsh
";

/// The policy with its trust a second time, for another audience.
fn two_audiences() -> String {
    let (before, rest) = POLICY.split_once("[trust.production]").unwrap();
    let (trust, forbid) = rest.split_once("[forbid").unwrap();
    let second = trust
        .replace("trust.production", "trust.second")
        .replace("https://deploy", "https://billing");
    format!("{before}[trust.production]{trust}[trust.second]{second}[forbid{forbid}")
}

/// The policy without its trust.
fn forbids() -> String {
    let (before, rest) = POLICY.split_once("[trust.production]").unwrap();
    let (_, forbid) = rest.split_once("[forbid").unwrap();
    format!("{before}[forbid{forbid}")
}

/// A component that carries no document.
fn bare() -> Vec<u8> {
    let compiled = claimbound_language::compile("policy.toml", POLICY).unwrap();
    claimbound::bake::bake(claimbound::bake::STANDARD, &compiled.bytes, &[]).unwrap()
}

fn with_wrong_files() -> Program {
    let program = Program::with_token();
    program.write("utf16.toml", b"\xff\xfec\0l\0");
    program.write("latin.toml", b"claimbound = 1 # \xe4\n");
    program.write(
        "bad.toml",
        "claimbound = 1\npolicy = { name = \"x\", version = \"1.0.0\" }\n[trust.a]\nisuer = \"gh\"\n",
    );
    program.write("module.wasm", b"\0asm\x01\0\0\0");
    program.write("broken.wasm", b"\0asm\x0d\0\x01\0rest");
    program.write("huge", vec![b' '; 1024 * 1024 + 1]);
    program.write("list.json", "[]");
    program.write("twice.json", r#"{"a": 1, "a": 2}"#);
    program.write("two.toml", two_audiences());
    program.write("forbids.toml", forbids());
    let key = |condition: &str| format!("{POLICY}[trust.production.key]\n{condition}\n");
    program.write("keyed.toml", key("algorithms = [\"RS256\"]"));
    program.write("pinned.toml", key("at_least_bits = 8192"));
    program.write("bare.wasm", bare());
    std::fs::create_dir(program.path("empty")).unwrap();
    assert_eq!(program.run(&["build", "policy.toml"]).status, 0);
    program
}

#[test]
fn what_is_wrong_is_named() {
    let program = with_wrong_files();
    let mut all = String::new();
    for call in CALLS.trim().lines() {
        let words: Vec<_> = call
            .split(' ')
            .map(|word| if word == "''" { "" } else { word })
            .collect();
        let ran = program.run(&words);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{call}: {ran:?}");
        writeln!(all, "$ claimbound {call}\n{}", ran.err).unwrap();
    }
    insta::assert_snapshot!("bad-input", all);
}

#[test]
fn programs_are_told_as_well() {
    let program = with_wrong_files();
    for call in CALLS.trim().lines() {
        let words: Vec<_> = call
            .split(' ')
            .map(|word| if word == "''" { "" } else { word })
            .chain(["--format", "json"])
            .collect();
        let ran = program.run(&words);
        assert_eq!(ran.status, 2, "{call}: {ran:?}");
        assert!(!ran.err.is_empty(), "{call}");
        // Arguments that can't be used have no format yet.
        if ran.err.contains("For more information, try '--help'") {
            assert_eq!(ran.out, "", "{call}");
            continue;
        }
        let json = ran.json();
        let message = json["error"]["message"].as_str().unwrap();
        assert!(!message.is_empty(), "{call}: {json}");
        let shaped = call.starts_with("check") || call.starts_with("explain");
        assert_eq!(json["outcome"] == "error", shaped, "{call}: {json}");
        if shaped {
            assert_eq!(json["error"]["code"], "host.configuration", "{call}");
        }
    }
}

#[test]
fn an_error_has_the_members_of_an_answer() {
    let program = with_wrong_files();
    for command in ["check", "explain"] {
        let members = |policy: &str| {
            let claims = ["--claims", "claims.json", "--format", "json"];
            let ran = program.run(&[&[command, "--policy", policy], &claims[..]].concat());
            let json = ran.json();
            let members = json.as_object().unwrap();
            members.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(members("bad.toml"), members("policy.toml"));
    }
    let json = program
        .run(&["build", "bad.toml", "--format", "json"])
        .json();
    let finding = &json["error"]["findings"][1];
    assert_eq!(
        (&finding["code"], &finding["line"]),
        (&"document.unknown-key".into(), &4.into())
    );
}

#[test]
fn arguments_that_a_terminal_would_obey_are_escaped() {
    let program = Program::new();
    for call in [
        vec!["\u{1b}[2J"],
        vec!["inspect", "\u{202e}x\u{1b}[2J"],
        vec!["check", "--at", "\u{1b}]0;x\u{7}"],
    ] {
        let ran = program.run(&call);
        assert_eq!(ran.status, 2);
        assert!(
            !ran.err.contains(['\u{1b}', '\u{202e}', '\u{7}']),
            "{ran:?}"
        );
    }
}

#[test]
fn a_token_in_the_place_of_a_file_is_shown_without_its_signature() {
    let program = Program::with_token();
    let token = String::from_utf8(program.read("token.jwt")).unwrap();
    let token = token.trim();
    let signature = token.rsplit('.').next().unwrap();
    for call in [
        vec!["token", "decode", token],
        vec![
            "check",
            "--policy",
            "policy.toml",
            "--token",
            token,
            "--jwks",
            "keys.json",
        ],
        vec!["token", "decode", "token.jwt", token],
        vec!["check", "--at", token],
    ] {
        let ran = program.run(&call);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""));
        assert!(!ran.err.contains(signature), "{ran:?}");
    }
}

#[test]
fn a_full_disk_is_no_success() {
    let program = Program::new();
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else {
        return;
    };
    let output = program.command(&["demo"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("can't be written")
    );
}
