//! The same policy in every language: what each decides, and what a script can't do
//! to the others.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::program;
use crate::tree::root;

/// The languages, with the component that `tests/run` has built of the example.
const LANGUAGES: [&str; 4] = ["rust", "javascript", "python", "c"];

/// The component of an example, where it has been built.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn component(language: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CLAIMBOUND_GUESTS").map(PathBuf::from);
    let component = folder.map(|folder| folder.join(format!("release-train-{language}.wasm")));
    let found = component.filter(|component| component.is_file());
    if found.is_none() {
        eprintln!("skipped: the example in {language} was not built; tests/run builds it");
    }
    found
}

fn claimbound(arguments: &[&str], folder: &Path) -> (i32, String) {
    let output = Command::new(program())
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(text).unwrap(),
    )
}

fn cases() -> PathBuf {
    root().join("guest/examples/cases.toml")
}

#[test]
fn one_case_file_holds_in_every_language() {
    for language in LANGUAGES {
        let Some(component) = component(language) else {
            continue;
        };
        let (component, cases) = (component.to_str().unwrap(), cases());
        let test = ["test", component, "--cases", cases.to_str().unwrap()];
        let (status, text) = claimbound(&test, &root());
        assert_eq!(status, 0, "{language}: {text}");
    }
}

#[test]
fn every_language_declares_the_same() {
    let mut said = None;
    for component in LANGUAGES.into_iter().filter_map(component) {
        let inspect = ["inspect", "--format", "json", component.to_str().unwrap()];
        let (status, text) = claimbound(&inspect, &root());
        assert_eq!(status, 0, "{text}");
        let mut found: serde_json::Value = serde_json::from_str(&text).unwrap();
        for own in ["digest", "size", "file"] {
            found.as_object_mut().unwrap().remove(own);
        }
        let said = said.get_or_insert_with(|| found.clone());
        assert_eq!(found, *said, "{}", component.display());
    }
}
