//! `bench`: what it says, never how long anything took.

use std::collections::BTreeSet;
use std::process::Stdio;

use serde_json::Value;

use super::checks;
use super::program::{POLICY, Program};
use crate::tree::root;

/// Everything that is timed, by its name in JSON.
const TIMES: [&str; 6] = [
    "decision_ns",
    "native_ns",
    "native_json_ns",
    "signature_ns",
    "jsonwebtoken_ns",
    "whole_ns",
];

/// Each ratio: its name, the two times, and its budget.
const RATIOS: [(&str, &str, &str, f64); 2] = [
    (
        "decision_over_native_json",
        "decision_ns",
        "native_json_ns",
        1.5,
    ),
    (
        "whole_over_jsonwebtoken",
        "whole_ns",
        "jsonwebtoken_ns",
        1.0,
    ),
];

fn measured(program: &Program, arguments: &[&str]) -> Vec<Value> {
    let fixed = ["bench", "--iterations", "100", "--format", "json"];
    let ran = program.run(&[&fixed, arguments].concat());
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{arguments:?}");
    ran.json().as_array().unwrap().clone()
}

fn algorithms(reports: &[Value]) -> Vec<&str> {
    let names = reports.iter().map(|one| one["algorithm"].as_str().unwrap());
    names.collect()
}

fn members(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn time(report: &Value, name: &str, percentile: &str) -> f64 {
    let time = report[name][percentile].as_u64();
    let time = u32::try_from(time.unwrap_or_else(|| panic!("{name}: {report}")));
    f64::from(time.unwrap())
}

#[test]
fn the_answer_for_programs_has_one_shape() {
    let reports = measured(&Program::new(), &[]);
    assert_eq!(algorithms(&reports), ["RS256", "ES256", "EdDSA"]);
    for report in &reports {
        let about = ["algorithm", "token_bytes", "iterations", "optimised"];
        let ratios = RATIOS.map(|(name, ..)| name);
        let expected = about.into_iter().chain(TIMES).chain(ratios);
        assert_eq!(members(report), expected.collect());
        assert!(
            report["token_bytes"]
                .as_u64()
                .is_some_and(|most| most > 1_000)
        );
        assert_eq!(report["iterations"], 100);
        assert!(report["optimised"].is_boolean());
        for name in TIMES {
            assert_eq!(members(&report[name]), ["p50", "p99"].into());
            assert!(time(report, name, "p50") <= time(report, name, "p99"));
        }
    }
}

#[test]
fn ratios_are_the_quotients_of_the_times_beside_them() {
    for report in measured(&Program::new(), &[]) {
        for (name, of, over, budget) in RATIOS {
            let ratio = &report[name];
            assert_eq!(members(ratio), ["p50", "p99", "budget"].into());
            assert_eq!(ratio["budget"].as_f64(), Some(budget), "{name}");
            for percentile in ["p50", "p99"] {
                let quotient = time(&report, of, percentile) / time(&report, over, percentile);
                let given = ratio[percentile].as_f64().unwrap();
                // It is given to three decimals.
                assert!((given - quotient).abs() < 0.000_51, "{name}: {report}");
            }
        }
    }
}

#[test]
fn algorithms_are_measured_once_each_and_in_the_order_given() {
    let program = Program::new();
    let asked = ["EdDSA", "ES256", "EdDSA"].map(|name| ["--algorithm", name]);
    let reports = measured(&program, asked.as_flattened());
    assert_eq!(algorithms(&reports), ["EdDSA", "ES256"]);
    for name in ["RS384", "RS512", "PS256", "PS384", "PS512", "ES384"] {
        let reports = measured(&program, &["--algorithm", name]);
        assert_eq!(algorithms(&reports), [name]);
    }
}

const KEYED: &str = r#"
claimbound = 1
policy = { name = "keyed", version = "1.0.0" }

[issuer.staff]
model = "oidc"
url = "https://id.example"

[trust.robot]
issuer = "staff"
audience = "https://api.example"
token_lifetime = "15m"
subject = "robot"

[trust.robot.key]
algorithms = ["ES384", "ES256"]
"#;

#[test]
fn what_a_statement_asks_of_its_key_is_what_signs() {
    let program = Program::new();
    program.write("keyed.toml", KEYED);
    let reports = measured(&program, &["--policy", "keyed.toml"]);
    assert_eq!(algorithms(&reports), ["ES384", "ES256"]);
}

#[test]
fn every_shipped_policy_can_be_measured() {
    let program = Program::new();
    for policy in crate::policies::shipped() {
        let folder = root().join("policies").join(&policy.name);
        let folder = folder.to_str().unwrap();
        for statement in policy.compiled.statements.iter().filter(|one| one.trusts) {
            let one = ["--policy", folder, "--statement", &statement.name];
            let reports = measured(&program, &[&one[..], &["--algorithm", "ES256"]].concat());
            assert_eq!(algorithms(&reports), ["ES256"], "{one:?}");
        }
    }
}

/// Conditions on the whole of a claim and on what is inside it, an attribute, a
/// proof, a window and an obligation.
const MANIFOLD: &str = r#"
[trust.production.claims]
act = { present = true }
run = { attribute = "run" }
labels = { all_of = ["a", "b"] }
weight = { at_least = 1.5 }

[[trust.production.nested]]
path = ["act", "sub"]
equals = "agent"

[[trust.production.nested]]
path = ["labels", "none"]
absent = true

[[trust.production.nested]]
path = ["act", "act", "sub"]
absent = true

[trust.production.window]
days = ["sat"]
hours = "22:00-23:00"
time_zone = "Europe/Berlin"

[trust.production.proof]
method = "mtls"
"#;

#[test]
fn conditions_of_every_kind_are_met_by_the_token_that_is_measured() {
    let program = Program::new();
    let document = POLICY.replace(
        "\n[trust.production.claims]\nref = \"refs/heads/main\"\n",
        MANIFOLD,
    );
    assert_ne!(document, POLICY);
    program.write("manifold.toml", document);
    let ran = program.run(&["build", "manifold.toml"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    for policy in ["manifold.toml", "manifold.wasm"] {
        let reports = measured(&program, &["--policy", policy, "--algorithm", "ES256"]);
        assert_eq!(algorithms(&reports), ["ES256"]);
    }
}

/// A page with its figures replaced, its bars left out.
fn settled(page: &str) -> String {
    let figure = regex::Regex::new(r" *\d+\.\d\d( µs)?").unwrap();
    let is_bar = |line: &&str| {
        line.trim_start()
            .starts_with(|first: char| first.is_ascii_digit())
    };
    let lines = page.lines().filter(|line| !is_bar(line));
    let bare = lines.map(|line| figure.replace_all(line, " #$1").into_owned());
    let bare = bare.map(|line| line.replace(['✓', '✗'], "?"));
    bare.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_page_for_people_is_a_table_and_two_histograms() {
    let fixed = ["bench", "--iterations", "100", "--algorithm", "ES256"];
    let ran = Program::new().run(&fixed);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(!ran.out.contains('\u{1b}'));
    for line in ran.out.lines() {
        assert_eq!(line, line.trim_end());
        assert!(line.chars().count() <= 80, "{line}");
    }
    let page = regex::Regex::new(r"This build is not optimised.*\n")
        .unwrap()
        .replace(&ran.out, "")
        .into_owned();
    insta::assert_snapshot!("bench", settled(&page));
}

#[test]
fn columns_stand_one_below_the_other() {
    let fixed = ["bench", "--iterations", "100", "--algorithm", "EdDSA"];
    let ran = Program::new().run(&fixed);
    let figure = regex::Regex::new(r"\d+\.\d\d( |$)").unwrap();
    let ends = |line: &str| -> Vec<usize> {
        let ends = figure
            .find_iter(line)
            .map(|one| one.start() + one.as_str().trim_end().len());
        ends.map(|end| line[..end].chars().count()).collect()
    };
    let rows = ran.out.lines().skip_while(|line| !line.contains("p50"));
    let mut rows = rows.take_while(|line| !line.is_empty());
    let heading = rows.next().unwrap();
    let below = ["p50", "p99"].map(|title| heading.find(title).unwrap() + 3);
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), TIMES.len() + RATIOS.len());
    for row in rows {
        assert_eq!(ends(row), below, "{}", ran.out);
    }
}

#[test]
fn a_histogram_counts_every_time() {
    let fixed = ["bench", "--iterations", "150", "--algorithm", "ES256"];
    let ran = Program::new().run(&fixed);
    let histograms = ran.out.split(", how often from each time on\n").skip(1);
    let sums: Vec<u32> = histograms
        .map(|histogram| {
            let rows = histogram.lines().take_while(|line| line.contains("µs"));
            let counts = rows.map(|row| row.split(' ').next_back().unwrap());
            counts.map(|count| count.parse::<u32>().unwrap()).sum()
        })
        .collect();
    assert_eq!(sums, [150, 150], "{}", ran.out);
}

#[test]
fn a_component_without_a_document_is_timed_by_its_cases() {
    let program = checks::program();
    let cases = ["--policy", "bare.wasm", "--cases", "written-out.toml"];
    let reports = measured(&program, &cases);
    let outcomes: Vec<_> = reports
        .iter()
        .map(|one| (one["case"].as_str(), one["outcome"].as_str()))
        .collect();
    // What is of another issuer, no policy is asked about.
    let production = (Some("production"), Some("allow"));
    assert_eq!(
        outcomes,
        [production, (Some("another branch"), Some("deny"))]
    );
    for report in &reports {
        let (p50, p99) = (
            time(report, "decision_ns", "p50"),
            time(report, "decision_ns", "p99"),
        );
        assert!(0.0 < p50 && p50 <= p99, "{report}");
    }
    let ran = program.run(&[&["bench", "--iterations", "100"], cases.as_slice()].concat());
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(
        ran.out.contains("1 case is left out: the host decides"),
        "{}",
        ran.out
    );
    for line in ran.out.lines().filter(|line| line.contains("µs")) {
        let says = line.contains("production") && line.ends_with("allow")
            || line.contains("another branch") && line.ends_with("deny");
        assert!(says, "{line}");
    }
}

#[test]
fn cases_that_fail_or_are_not_asked_for_are_not_timed() {
    let program = checks::program();
    let refused = |arguments: &[&str], why: &str| {
        let ran = program.run(&[&["bench", "--iterations", "100"], arguments].concat());
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains(why), "{arguments:?}: {}", ran.err);
    };
    let bare = ["--policy", "bare.wasm"];
    let with = |more: &[&'static str]| [&bare, more].concat();
    refused(&with(&["--cases", "wrong.toml"]), "case `production` fails");
    refused(&with(&["--cases", "like.toml"]), "like");
    refused(&bare, "`bare.wasm` has no cases");
    let document = "needs a policy document";
    refused(&with(&["--statement", "production"]), document);
    refused(&with(&["--algorithm", "ES256"]), document);
    let both = ["--policy", "policy.toml", "--cases", "written-out.toml"];
    refused(&both, "cases are for a component without one");
}

#[test]
fn a_reader_that_leaves_is_no_reason_to_complain() {
    let program = Program::new();
    let mut child = program
        .command(&["bench", "--iterations", "100", "--algorithm", "ES256"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
