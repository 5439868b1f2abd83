//! What a small answer could make the host allocate: lists of a million entries
//! that all lie in the same megabyte.
//!
//! Memory is measured as the peak of the resident set of a process that does
//! nothing else: this test's own executable, started again. A counting
//! allocator would need `unsafe`, and would not see what is mapped.

use std::process::Command;

use claimbound::policy::Policy;
use claimbound::sandbox::Sandbox;
use serde_json::{Value, json};

use super::guest::{Guest, allow, deny, reason};
use super::{Asked, Victim, load, sandbox};

/// What one guest may add to the peak, in KiB: its own memory (16 MiB), the
/// compiled code and its image, and an answer of 256 KiB in a few copies. Taken
/// over, most of the lists would have 100 GB and more.
const MOST: u64 = 48 * 1024;

/// What an answer may cost to take over, in bytes.
const ALLOWANCE: usize = 256 * 1024;

/// Names the attack to the process that measures it.
const ATTACK: &str = "CLAIMBOUND_ATTACK";

/// Each attack with its guest. The bytes that are repeated lie in the image
/// once; pointers are repeated, not what they point to.
fn attacks() -> Vec<(&'static str, Guest)> {
    let long = || json!("x".repeat(1 << 20));
    let many = |entry: Value| json!({ "$repeat": [100_000, entry] });
    let million = |entry: Value| json!({ "$repeat": [1_000_000, entry] });
    let deciding = |decision: Value| Guest::honest().evaluating(&json!({ "ok": decision }));
    let granting = |grant: Value| deciding(allow(&grant));
    let denying = |reasons: Value| deciding(deny(&reasons));
    let step = json!({
        "statement": long(), "condition": long(), "held": null, "expected": "", "found": null,
    });
    let other = json!({ "other": { "kind": "page-the-boss", "json": long() } });
    let about = |path: Value| reason(&json!({ "claim": path }));
    vec![
        (
            "a million roles",
            granting(json!({ "roles": million(long()) })),
        ),
        (
            "a million empty roles",
            granting(json!({ "roles": million(json!("")) })),
        ),
        (
            "a million scopes",
            granting(json!({ "scopes": million(long()) })),
        ),
        (
            "obligations of a megabyte each",
            granting(json!({ "obligations": many(other) })),
        ),
        (
            "claims of a megabyte",
            granting(json!({ "claims": long() })),
        ),
        (
            "reasons of a megabyte each",
            denying(many(reason(&json!({ "message": long() })))),
        ),
        (
            "reasons about paths of megabytes",
            denying(many(about(json!({ "$repeat": [1_000, long()] })))),
        ),
        (
            "a path of a million names",
            denying(json!([about(million(long()))])),
        ),
        (
            "a message of a megabyte",
            denying(json!([reason(&json!({ "message": long() }))])),
        ),
        (
            "steps of a megabyte each",
            Guest::honest().explaining(&json!({ "ok": [allow(&json!({})), many(step)] })),
        ),
    ]
}

#[test]
fn an_answer_larger_than_answers_are_is_refused_before_it_is_taken_over() {
    let victim = Victim::new();
    for (row, guest) in attacks() {
        let asked = victim.ask(row, &guest);
        assert_eq!(asked.explained.code(), "host.memory", "{row}: {asked:?}");
        assert_eq!(asked.shown.code(), "host.memory", "{row}: {asked:?}");
        let decides = row.starts_with("steps");
        let expected = if decides { "allow" } else { "host.memory" };
        assert_eq!(asked.decided.code(), expected, "{row}: {asked:?}");
    }
}

#[test]
fn a_text_is_taken_over_up_to_the_allowance_and_no_further() {
    let victim = Victim::new();
    let message = |length: usize| {
        let text = json!({ "message": "x".repeat(length) });
        Guest::honest().deciding(&deny(&json!([reason(&text)])))
    };
    for (length, expected) in [
        (ALLOWANCE - 1024, "deny"),
        (ALLOWANCE - 1, "host.memory"),
        (ALLOWANCE, "host.memory"),
        (ALLOWANCE + 1, "host.memory"),
    ] {
        let row = format!("a message of {length} bytes");
        victim.ask(&row, &message(length)).expect(&row, expected);
    }
}

/// The peak of this process's resident set, in KiB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn no_answer_takes_more_memory_than_its_guest_and_an_allowance() {
    if peak().is_none() {
        eprintln!("skipped: this system does not say what a process has resident");
        return;
    }
    for (row, _) in attacks() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "hostile::memory::one_attack_in_a_process_of_its_own",
            ])
            .arg("--nocapture")
            .env(ATTACK, row)
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        let grown = out
            .lines()
            .find_map(|line| line.split_once("grown by ")?.1.parse().ok());
        let grown: u64 = grown.unwrap_or_else(|| panic!("{row}: {output:?}"));
        assert!(grown < MOST, "{row}: {grown} KiB");
    }
}

/// What the test above starts for each attack; by itself it takes the first.
#[test]
#[expect(clippy::print_stdout, reason = "the answer to the process that asked")]
fn one_attack_in_a_process_of_its_own() {
    let attack = std::env::var(ATTACK).ok();
    let mut attacks = attacks().into_iter();
    let asked_for = |row: &str| attack.as_deref().is_none_or(|attack| attack == row);
    let (row, guest) = attacks.find(|(row, _)| asked_for(row)).unwrap();
    // Building the guest takes memory of its own, which counts for nothing.
    let component = guest.build();
    let sandbox: Sandbox = sandbox();
    let honest = load(&sandbox, &Guest::honest()).unwrap();
    Asked::of(&honest).expect("before", "allow");
    let policy = std::sync::Arc::new(Policy::load(&sandbox, &component).unwrap());
    // proc(5): 5 sets the peak back to what is resident now. Where that may not
    // be written, the peak of building the guest hides as much.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = peak().unwrap();
    let asked = Asked::of(&policy);
    assert_eq!(asked.explained.code(), "host.memory", "{row}: {asked:?}");
    println!("\ngrown by {}", peak().unwrap() - before);
}
