//! `lint`, and the formats in which its findings are written where people read.

use serde_json::Value;

use super::program::{POLICY, Program, Ran, settled};

/// A policy that anybody can get a token for.
pub(crate) const OPEN: &str = r#"claimbound = 1
policy = { name = "acme-open", version = "1.0.0" }

[issuer.github]
model = "github-actions"

[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "all of our organisations begin with acme"
subject = { glob = "repo:acme*/infra:ref:refs/heads/main" }
"#;

/// What a name may be that wants to be more than one.
const HOSTILE: &str = "x`@acme/admins [y](https://evil.example) <b>|::error::";

/// A folder with policies of every standing: open, suppressed, and one that does not
/// compile.
fn policies() -> Program {
    let program = Program::new();
    let suppression = "\n[[suppress]]\nrule = \"takeover\"\nreason = \"the vendor has no ids\"\n";
    let hostile = OPEN.replace("[trust.main]", &format!("[trust.\"{HOSTILE}\"]"));
    for (folder, document) in [
        ("a open", OPEN.to_owned()),
        ("b,line=1::c", hostile),
        ("suppressed", format!("{OPEN}{suppression}")),
        ("broken", OPEN.replace("[trust.main]", "[trust.main\n")),
        ("sound", POLICY.to_owned()),
    ] {
        std::fs::create_dir_all(program.path(&format!("all/{folder}"))).unwrap();
        program.write(&format!("all/{folder}/policy.toml"), document);
    }
    program
}

/// What `lint` says of all of them in this format.
fn written(program: &Program, format: &str, more: &[&str]) -> Ran {
    let ran = program.run(&[&["lint", "all", "--format", format][..], more].concat());
    assert_eq!((ran.status, ran.err.as_str()), (1, ""), "{format}");
    ran
}

/// Holds a value to the schema that OASIS publishes for SARIF 2.1.0
/// (`sarif-2.1.0.json`, from the repository oasis-tcs/sarif-spec as the crate
/// serde-sarif 0.8.0 carries it under the MIT licence).
fn assert_sarif(value: &Value) {
    // A bracket that closes nothing is no regular expression here.
    let schema = include_str!("sarif-2.1.0.json").replace("{2}]?$", r"{2}\\]?$");
    let schema = serde_json::from_str(&schema).unwrap();
    let options = jsonschema::draft7::options().should_validate_formats(true);
    let validator = options.build(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// The results of a rule at a policy.
fn result<'a>(sarif: &'a Value, rule: &str, uri: &str) -> &'a Value {
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let found = results.iter().find(|result| {
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        result["ruleId"] == rule && place["uri"] == uri
    });
    found.unwrap_or_else(|| panic!("no {rule} at {uri}: {results:#?}"))
}

#[test]
fn sarif_is_what_its_schema_asks_for() {
    let program = policies();
    let sarif = written(&program, "sarif", &[]).json();
    assert_sarif(&sarif);
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let index = result["ruleIndex"].as_u64().unwrap();
        let rule = &rules[usize::try_from(index).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert_eq!(rule["defaultConfiguration"]["level"], result["level"]);
        let print = result["partialFingerprints"]["claimbound/v1"].as_str();
        assert!(print.is_some_and(|print| print.len() > 32), "{result:#}");
        assert!(result.get("baselineState").is_none());
    }
    let takeover = rules.iter().find(|rule| rule["id"] == "takeover").unwrap();
    let page = takeover["help"]["markdown"].as_str().unwrap();
    assert!(page.starts_with("# `takeover`\n"), "{page}");
    let properties = &takeover["properties"];
    assert_eq!(properties["security-severity"], "8.0");
    let tags = properties["tags"].as_array().unwrap();
    assert!(tags.contains(&"security".into()) && tags.contains(&"NHI6:2025".into()));
    result(&sarif, "document.syntax", "all/broken/policy.toml");
}

#[test]
fn sarif_says_where_it_is_and_what_shows_it() {
    let sarif = written(&policies(), "sarif", &[]).json();
    let open = result(&sarif, "takeover", "all/a%20open/policy.toml");
    let place = &open["locations"][0]["physicalLocation"]["region"];
    let line = OPEN
        .lines()
        .position(|line| line.starts_with("subject"))
        .unwrap()
        + 1;
    assert_eq!(place["startLine"], line);
    assert_eq!(place["endLine"], line);
    let text = OPEN.lines().nth(line - 1).unwrap();
    let column = |name: &str| usize::try_from(place[name].as_u64().unwrap()).unwrap() - 1;
    let marked = &text[column("startColumn")..column("endColumn")];
    assert!(marked.contains("repo:acme*/infra"), "{marked}");
    let claims = &open["properties"]["example"]["claims"];
    assert!(claims["sub"].as_str().unwrap().starts_with("repo:acme"));
    assert_eq!(open["suppressions"], serde_json::json!([]));
    let hostile = result(&sarif, "takeover", "all/b%2Cline%3D1%3A%3Ac/policy.toml");
    let text = hostile["message"]["text"].as_str().unwrap();
    assert!(text.contains("[y] (https://evil.example)"), "{text}");
}

#[test]
fn sarif_says_what_does_not_count_and_why() {
    let program = policies();
    let suppressed = "all/suppressed/policy.toml";
    let sarif = written(&program, "sarif", &[]).json();
    let one = &result(&sarif, "takeover", suppressed)["suppressions"][0];
    assert_eq!(one["kind"], "inSource");
    assert_eq!(one["justification"], "the vendor has no ids");
    let baseline = ["lint", "all/a open", "--write-baseline", "known.json"];
    assert_eq!(program.run(&baseline).status, 0);
    let sarif = written(&program, "sarif", &["--baseline", "known.json"]).json();
    assert_sarif(&sarif);
    let known = result(&sarif, "takeover", "all/a%20open/policy.toml");
    assert_eq!(known["baselineState"], "unchanged");
    assert_eq!(known["suppressions"][0]["kind"], "external");
    let new = result(&sarif, "document.syntax", "all/broken/policy.toml");
    assert_eq!(new["baselineState"], "new");
    let suppressed = result(&sarif, "takeover", suppressed);
    assert!(suppressed.get("baselineState").is_none());
}

#[test]
fn annotations_are_a_command_a_finding() {
    let ran = written(&policies(), "github", &["--rule", "takeover"]);
    settled(|| insta::assert_snapshot!("lint-github", ran.shown()));
}

#[test]
fn a_comment_tells_what_was_found_and_nothing_in_it_is_markup() {
    let ran = written(&policies(), "markdown", &["--rule", "takeover"]);
    settled(|| insta::assert_snapshot!("lint-markdown", ran.shown()));
}

#[test]
fn every_format_has_the_same_exit_status() {
    let program = policies();
    for format in ["human", "json", "sarif", "github", "markdown"] {
        let run = |more: &[&str]| program.run(&[&["lint", "--format", format][..], more].concat());
        assert_eq!(run(&["all"]).status, 1, "{format}");
        assert_eq!(run(&["all", "--fail-on", "never"]).status, 0, "{format}");
        let sound = run(&["all/sound", "--fail-on", "error"]);
        assert_eq!(sound.status, 0, "{format}");
        assert!(!sound.out.is_empty());
        let absent = run(&["nowhere.toml"]);
        assert_eq!(absent.status, 2, "{format}");
    }
}

#[test]
fn no_format_repeats_a_secret_or_is_cut_short_by_one() {
    let program = Program::new();
    let key = "-----BEGIN PRIVATE KEY-----SECRET";
    program.write(
        "a.toml",
        OPEN.replace("[trust.main]", &format!("[trust.\"{key}\"]")),
    );
    program.write("b.toml", OPEN);
    let lint = ["lint", "a.toml", "b.toml", "--rule", "takeover", "--format"];
    for format in ["sarif", "github", "markdown"] {
        let ran = program.run(&[&lint[..], &[format]].concat());
        assert_eq!(ran.status, 1, "{}", ran.err);
        assert!(!ran.out.contains("SECRET"), "{format}: {}", ran.out);
        assert!(ran.out.contains("`main`"), "{format}: {}", ran.out);
    }
}

#[test]
fn a_comparison_is_a_comment_as_well() {
    let program = Program::new();
    program.write("new.toml", POLICY.replace("single_use = true\n", ""));
    let ran = program.run(&["diff", "policy.toml", "new.toml", "--format", "markdown"]);
    assert_eq!(ran.status, 1);
    for part in [
        "## claimbound diff\n\n**wider**: `new.toml`, compared with `policy.toml`\n",
        "\n**wider**: accepted by `production` on other terms than before\n",
        "\n- asks for: `bind (first use enrols), single use` → `bind (first use enrols)`\n",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let (_, block) = ran.out.split_once("\n```json\n").unwrap();
    let example: Value = serde_json::from_str(block.split_once("\n```\n").unwrap().0).unwrap();
    assert_eq!(example["claims"]["environment"], "production");
    let ran = program.run(&["diff", "policy.toml", "new.toml", "--format", "sarif"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("this command writes"), "{}", ran.err);
}
