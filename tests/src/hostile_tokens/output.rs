//! Texts of a token that reach a terminal or a log: whatever they hold, they
//! forge no line and turn no direction.

use std::process::{Command, Output};

use claimbound::outcome::Outcome;
use claimbound::reason::LONGEST_FOUND;
use serde_json::{Value, json};

use super::{Signer, claims, gate_with, outcome, spelt};
use crate::gate::DOCUMENT;
use crate::program::program;

/// What must never reach a terminal: it would begin a line, move the cursor,
/// change the direction of what follows, or hide.
const HOSTILE: [&str; 7] = [
    "\u{1b}[2J\u{1b}[1;1Hallowed",
    "x\r\nallowed\r\n",
    "\u{85}allowed\u{2028}allowed\u{2029}allowed",
    "\u{202e}detcejer\u{202c}\u{2066}x\u{2069}",
    "\u{0}\u{7}\u{8}\u{c}\u{7f}\u{9b}31m",
    "\u{200f}\u{200e}\u{61c}\u{feff}",
    "\u{1b}]8;;https://evil.example\u{1b}\\allowed\u{1b}]8;;\u{1b}\\",
];

fn is_hostile(character: char) -> bool {
    character.is_control() && character != '\n'
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{61c}')
        || matches!(character, '\u{200e}' | '\u{200f}')
        || ('\u{202a}'..='\u{202e}').contains(&character)
        || ('\u{2066}'..='\u{2069}').contains(&character)
}

/// Tokens that carry `text` wherever a reason might repeat it.
fn carriers(signer: &Signer, text: &str) -> Vec<(&'static str, String)> {
    const USUAL: &str = r#"{"alg":"RS256","typ":"JWT","kid":"k"}"#;
    let value = Value::from(text);
    let token = |header: &str, payload: &str| signer.sign("RS256", header, payload);
    let mut tokens = Vec::new();
    for claim in [
        "iss",
        "sub",
        "aud",
        "ref",
        "repository",
        "repository_id",
        "environment",
        "runner_environment",
        "job_workflow_ref",
        "exp",
    ] {
        tokens.push((claim, token(USUAL, &spelt(&format!("\"{claim}\":{value}")))));
    }
    let several = format!("\"aud\":{}", json!([text, text]));
    tokens.push(("audiences", token(USUAL, &spelt(&several))));
    let twice = claims();
    let twice = format!("{},{value}:1,{value}:2}}", twice.strip_suffix('}').unwrap());
    tokens.push(("a name twice", token(USUAL, &twice)));
    for (parameter, others) in [
        ("alg", r#""typ":"JWT","kid":"k""#),
        ("typ", r#""alg":"RS256","kid":"k""#),
        ("kid", r#""alg":"RS256","typ":"JWT""#),
    ] {
        let header = format!("{{\"{parameter}\":{value},{others}}}");
        tokens.push((parameter, token(&header, &claims())));
    }
    tokens
}

#[test]
fn a_reason_carries_what_was_found_and_stays_short() {
    let signer = Signer::rsa();
    let gate = gate_with(&[signer.jwk("k")]);
    for text in HOSTILE {
        for (carrier, token) in carriers(&signer, text) {
            let Outcome::Deny(denied) = outcome(&gate, &token) else {
                panic!("{carrier} {text:?}");
            };
            // The record is JSON, one line for each decision.
            let line = serde_json::to_string(&denied).unwrap();
            assert!(
                line.bytes().all(|byte| byte >= b' ') && line.len() < 8_000,
                "{carrier} {line}"
            );
        }
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(signer: &Signer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = json!({ "keys": [signer.jwk("k")] });
        std::fs::write(folder.path().join("policy.toml"), DOCUMENT).unwrap();
        std::fs::write(folder.path().join("keys.json"), keys.to_string()).unwrap();
        Self(folder)
    }

    fn run(&self, token: &str, arguments: &[&str]) -> Output {
        std::fs::write(self.0.path().join("token.jwt"), token).unwrap();
        Command::new(program())
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("CLICOLOR_FORCE")
            .env_remove("RUST_BACKTRACE")
            .output()
            .unwrap()
    }
}

const COMMANDS: [&[&str]; 4] = [
    &["check"],
    &["explain", "--format", "json"],
    &["token", "verify"],
    &["token", "decode"],
];

#[test]
fn the_program_prints_nothing_that_a_terminal_obeys() {
    let signer = Signer::rsa();
    let folder = Folder::new(&signer);
    let deciding = [
        "--policy",
        "policy.toml",
        "--jwks",
        "keys.json",
        "--token",
        "token.jwt",
    ];
    let at = ["--at", "2026-11-23T10:00:00Z"];
    let text = HOSTILE.concat();
    assert!(text.len() < LONGEST_FOUND, "none of it is cut off");
    for (carrier, token) in carriers(&signer, &text) {
        for command in COMMANDS {
            let mut arguments = command.to_vec();
            match command {
                ["token", "decode"] => arguments.push("token.jwt"),
                ["token", ..] => arguments.extend(["--jwks", "keys.json", "token.jwt"]),
                _ => arguments.extend(deciding.iter().chain(&at)),
            }
            let output = folder.run(&token, &arguments);
            let shown = [output.stdout.clone(), output.stderr.clone()].concat();
            let shown = String::from_utf8(shown).unwrap();
            let place = format!("{command:?} {carrier}: {shown:?}");
            assert!(!shown.is_empty() && !shown.contains("panicked"), "{place}");
            assert!(!shown.chars().any(is_hostile), "{place}");
            assert!(
                !shown.lines().any(|line| line.starts_with("allowed")),
                "{place}"
            );
            if command[0] != "token" {
                assert_eq!(output.status.code(), Some(1), "{place}");
            }
            if command.contains(&"json") {
                let parsed: Result<Value, _> = serde_json::from_slice(&output.stdout);
                assert!(parsed.is_ok(), "{place}");
            }
        }
    }
}
