//! What CI systems are given: the action, the template and the hooks. Their scripts are
//! taken out of their files and run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use saphyr::{LoadableYamlNode as _, Yaml};

use super::program::{POLICY, Program};
use super::reports::OPEN;
use crate::tree::root;

const ACTION: &str = ".github/actions/lint/action.yml";
const TEMPLATE: &str = "docs/ci/gitlab.yml";
const HOOKS: &str = ".pre-commit-hooks.yaml";

/// What became of a script.
#[derive(Debug)]
struct Ran {
    status: i32,
    out: String,
}

/// Hands the one document of a YAML file over.
fn with_yaml<T>(file: &str, ask: impl FnOnce(&Yaml<'_>) -> T) -> T {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let documents = Yaml::load_from_str(&text).unwrap();
    assert_eq!(documents.len(), 1, "{file}");
    ask(&documents[0])
}

fn text(yaml: &Yaml<'_>) -> String {
    yaml.as_str()
        .unwrap_or_else(|| panic!("{yaml:?}"))
        .to_owned()
}

/// The pairs of a mapping of texts.
fn pairs(yaml: &Yaml<'_>) -> BTreeMap<String, String> {
    let mapping = yaml.as_mapping().unwrap();
    mapping
        .iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// A folder with `open`, `sound` and one with a blank in its name, and with the program
/// on the PATH.
fn folder() -> Program {
    let program = Program::new();
    for (folder, document) in [("open", OPEN), ("sound", POLICY), ("a * b", OPEN)] {
        fs::create_dir_all(program.path(folder)).unwrap();
        program.write(&format!("{folder}/policy.toml"), document);
    }
    fs::remove_file(program.path("policy.toml")).unwrap();
    program
}

/// The PATH on which the program is.
fn path_with_program() -> String {
    let program = crate::program::program();
    let folder = program.parent().unwrap().display().to_string();
    format!("{folder}:/usr/bin:/bin")
}

/// Runs a script by this command, in this folder, with these variables and no others.
fn run(shell: &[&str], script: &str, folder: &Path, env: &BTreeMap<String, String>) -> Ran {
    let path = env.get("PATH").cloned();
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .args(["-c", script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path.unwrap_or_else(path_with_program))
        .envs(env)
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    Ran {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap() + &err,
    }
}

/// How GitHub runs `shell: bash`.
const BASH: [&str; 5] = ["bash", "--noprofile", "--norc", "-eo", "pipefail"];

/// One step of the action: its script, and its variables as these inputs make them.
fn step(name: &str, inputs: &[(&str, &str)]) -> (String, BTreeMap<String, String>) {
    with_yaml(ACTION, |action| {
        let steps = action["runs"]["steps"].as_sequence().unwrap();
        let step = steps.iter().find(|step| text(&step["name"]) == name);
        let step = step.unwrap();
        let value = |expression: &str| {
            let name = expression.strip_prefix("${{ ").unwrap();
            let name = name.strip_suffix(" }}").unwrap();
            let Some(input) = name.strip_prefix("inputs.") else {
                assert_eq!(name, "github.action_path");
                return root().join(".github/actions/lint").display().to_string();
            };
            let given = inputs.iter().find(|(name, _)| *name == input);
            let default = || text(&action["inputs"][input]["default"]);
            given.map_or_else(default, |(_, value)| (*value).to_owned())
        };
        let env = pairs(&step["env"]).into_iter();
        let env = env.map(|(name, expression)| (name, value(&expression)));
        (text(&step["run"]), env.collect())
    })
}

/// Runs the action's review with these inputs.
fn lint(program: &Program, inputs: &[(&str, &str)]) -> Ran {
    for file in ["summary.md", "outputs"] {
        program.write(file, "");
    }
    let (script, mut env) = step("Lint", inputs);
    for (name, file) in [
        ("GITHUB_STEP_SUMMARY", "summary.md"),
        ("GITHUB_OUTPUT", "outputs"),
    ] {
        env.insert(name.to_owned(), program.path(file).display().to_string());
    }
    run(&BASH, &script, &program.path(""), &env)
}

fn read(program: &Program, file: &str) -> String {
    String::from_utf8(program.read(file)).unwrap()
}

#[test]
fn no_script_of_the_action_has_an_expression_in_it() {
    with_yaml(ACTION, |action| {
        assert_eq!(text(&action["runs"]["using"]), "composite");
        let steps = action["runs"]["steps"].as_sequence().unwrap();
        assert!(!steps.is_empty());
        for step in steps {
            assert!(!text(&step["run"]).contains("${{"));
            assert_eq!(text(&step["shell"]), "bash");
        }
    });
}

#[test]
fn the_action_annotates_summarises_and_writes_sarif() {
    let program = folder();
    let ran = lint(&program, &[("path", "open\na * b\n")]);
    assert_eq!(ran.status, 1, "{ran:?}");
    for folder in ["open", "a * b"] {
        let annotation = format!("::error file={folder}/policy.toml,line=");
        assert!(ran.out.contains(&annotation), "{}", ran.out);
    }
    let summary = read(&program, "summary.md");
    assert!(summary.starts_with("## claimbound lint\n"), "{summary}");
    assert!(summary.contains("`a * b/policy.toml`"), "{summary}");
    assert_eq!(read(&program, "outputs"), "sarif-file=claimbound.sarif\n");
    let sarif = read(&program, "claimbound.sarif");
    let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
}

#[test]
fn the_action_passes_where_nothing_counts() {
    let program = folder();
    let sound = lint(&program, &[("path", "sound"), ("fail-on", "error")]);
    assert_eq!(sound.status, 0, "{sound:?}");
    assert!(!sound.out.contains("::error"), "{sound:?}");
    assert!(read(&program, "summary.md").contains("1 policy: 0 errors"));
    let baseline = ["lint", "--write-baseline", "known.json"];
    assert_eq!(program.run(&baseline).status, 0);
    let known = lint(&program, &[("baseline", "known.json")]);
    assert_eq!(known.status, 0, "{known:?}");
    assert!(read(&program, "summary.md").contains("known from the baseline"));
}

#[test]
fn the_action_writes_what_it_is_asked_for_and_nothing_else() {
    let program = folder();
    let ran = lint(&program, &[("format", "summary"), ("fail-on", "never")]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    assert!(!program.path("claimbound.sarif").exists());
    let ran = lint(&program, &[("format", ""), ("path", "")]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("error[takeover]"), "{}", ran.out);
}

#[test]
fn no_input_of_the_action_is_obeyed() {
    let program = folder();
    for (name, value) in [
        ("path", "$(touch made)"),
        ("path", "--help"),
        ("fail-on", "never --help; touch made"),
        ("baseline", "`touch made`"),
        ("format", "$(touch made)"),
        ("format", "*"),
        ("sarif-file", "a\nmade=1"),
        ("sarif-file", ""),
    ] {
        let ran = lint(&program, &[(name, value)]);
        assert_eq!(ran.status, 2, "{name} {value}: {ran:?}");
        assert!(!program.path("made").exists(), "{name} {value}");
        assert_eq!(read(&program, "outputs"), "", "{name} {value}");
    }
}

/// A folder of programs that are scripts, to stand on the PATH.
fn scripts(program: &Program, scripts: &[(&str, &str)]) -> String {
    fs::create_dir_all(program.path("bin")).unwrap();
    for (name, script) in scripts {
        let file = format!("bin/{name}");
        program.write(&file, format!("#!/bin/sh\n{script}\n"));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(program.path(&file), mode).unwrap();
    }
    format!("{}:/usr/bin:/bin", program.path("bin").display())
}

#[test]
fn the_action_installs_the_program_of_its_own_release_where_there_is_none() {
    let program = folder();
    let (script, mut env) = step("Install claimbound", &[]);
    for (name, file) in [("GITHUB_PATH", "paths"), ("RUNNER_TEMP", "temporary")] {
        env.insert(name.to_owned(), program.path(file).display().to_string());
    }
    assert_eq!(run(&BASH, &script, &program.path(""), &env).status, 0);
    assert!(!program.path("paths").exists());
    let path = scripts(&program, &[("cargo", r#"printf '%s\n' "$@" >asked"#)]);
    env.insert("PATH".to_owned(), path);
    assert_eq!(run(&BASH, &script, &program.path(""), &env).status, 0);
    let bin = program.path("temporary/claimbound/bin");
    assert_eq!(read(&program, "paths"), format!("{}\n", bin.display()));
    let asked = read(&program, "asked");
    assert!(asked.starts_with("install\n--locked\n"), "{asked}");
    let source = fs::canonicalize(asked.lines().last().unwrap()).unwrap();
    assert_eq!(source, fs::canonicalize(root().join("host/cli")).unwrap());
}

/// A job of the template: its scripts, and its variables with these instead.
fn job(name: &str, variables: &[(&str, &str)]) -> (String, BTreeMap<String, String>) {
    with_yaml(TEMPLATE, |template| {
        let job = &template[name];
        let base = &template[text(&job["extends"]).as_str()];
        let mut env = pairs(&base["variables"]);
        if let Some(own) = job.as_mapping_get("variables") {
            env.extend(pairs(own));
        }
        for (name, value) in variables {
            assert!(
                env.insert((*name).to_owned(), (*value).to_owned())
                    .is_some()
            );
        }
        let lines = |yaml: &Yaml<'_>| yaml.as_sequence().unwrap().iter().map(text).collect();
        let scripts: [Vec<String>; 2] = [lines(&base["before_script"]), lines(&job["script"])];
        (scripts.concat().join("\n"), env)
    })
}

/// How GitLab's runner runs a job, where there is no bash.
const SH: [&str; 2] = ["sh", "-e"];

#[test]
fn the_template_reports_what_was_found() {
    let program = folder();
    for (path, fail_on, expected) in [
        ("open\na * b", "warning", 1),
        ("sound", "error", 0),
        ("open", "never", 0),
        ("nowhere", "never", 2),
        ("$(touch made)", "never", 2),
    ] {
        let variables = [("CLAIMBOUND_PATH", path), ("CLAIMBOUND_FAIL_ON", fail_on)];
        let (script, env) = job(".claimbound-lint", &variables);
        let _ = fs::remove_file(program.path("claimbound-lint.xml"));
        let ran = run(&SH, &script, &program.path(""), &env);
        assert_eq!(ran.status, expected, "{path}: {ran:?}");
        let report = program.path("claimbound-lint.xml");
        assert_eq!(report.exists(), expected != 2, "{path}");
        assert!(!program.path("made").exists());
        if expected == 1 {
            let xml = fs::read_to_string(report).unwrap();
            assert!(xml.contains("takeover") && xml.contains("a * b"), "{xml}");
        }
    }
}

/// Cases of the policy that stands in `sound`.
const CASES: &str = r#"
[token.plain]
like = "trust.production"

[[case]]
name = "production is deployed"
token = "plain"
at = "2026-11-23T10:01:00Z"
allow = "production"
"#;

#[test]
fn the_template_reports_what_became_of_cases() {
    let program = folder();
    program.write("sound/cases.toml", CASES);
    let (script, env) = job(".claimbound-test", &[]);
    let ran = run(&SH, &script, &program.path(""), &env);
    assert_eq!(ran.status, 0, "{ran:?}");
    let xml = read(&program, "claimbound-test.xml");
    assert!(xml.contains("production is deployed"), "{xml}");
    let refused = CASES.replace("allow = \"production\"", "deny = \"window.closed\"");
    program.write("sound/cases.toml", refused);
    let ran = run(&SH, &script, &program.path(""), &env);
    assert_eq!(ran.status, 1, "{ran:?}");
    let xml = read(&program, "claimbound-test.xml");
    assert!(xml.contains("<failure"), "{xml}");
}

#[test]
fn the_hooks_look_at_every_policy() {
    let program = folder();
    program.write("sound/cases.toml", CASES);
    let expected = BTreeMap::from([("claimbound-lint", 1), ("claimbound-test", 0)]);
    with_yaml(HOOKS, |hooks| {
        let hooks = hooks.as_sequence().unwrap();
        assert_eq!(hooks.len(), expected.len());
        for hook in hooks {
            let files = regex::Regex::new(&text(&hook["files"])).unwrap();
            assert!(files.is_match("policy.toml") && files.is_match("a/cases.toml"));
            assert!(!files.is_match("a/my-policy.toml"));
            assert_eq!(hook["pass_filenames"].as_bool(), Some(false));
            let entry = text(&hook["entry"]);
            let ran = run(&SH, &entry, &program.path(""), &BTreeMap::new());
            let id = text(&hook["id"]);
            assert_eq!(ran.status, expected[id.as_str()], "{id}: {ran:?}");
        }
    });
}
