//! The same policy in every language: what each decides, and what a script can't do
//! to the others.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::program;
use crate::skipped::skipped;
use crate::tree::root;

/// The languages, with the component that `tests/run` has built of the example.
const LANGUAGES: [&str; 4] = ["rust", "javascript", "python", "c"];

/// A component of `tests/run`, where it has been built.
pub(crate) fn component(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CLAIMBOUND_GUESTS").map(PathBuf::from);
    let component = folder.map(|folder| folder.join(format!("{name}.wasm")));
    let found = component.filter(|component| component.is_file());
    if found.is_none() {
        skipped(
            name,
            &format!("{name}.wasm was not built; tests/run builds it where it can"),
        );
    }
    found
}

/// The example in a language.
fn example(language: &str) -> Option<PathBuf> {
    component(&format!("release-train-{language}"))
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
        let Some(component) = example(language) else {
            continue;
        };
        let (component, cases) = (component.to_str().unwrap(), cases());
        let run = ["test", component, "--cases", cases.to_str().unwrap()];
        let (status, text) = claimbound(&run, &root());
        assert_eq!(status, 0, "{language}: {text}");
    }
}

#[test]
fn every_language_declares_the_same() {
    let mut said = None;
    for component in LANGUAGES.into_iter().filter_map(example) {
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

/// The files of the package, with what they are copies of.
fn templates() -> Vec<(PathBuf, PathBuf)> {
    let examples = root().join("guest/examples");
    let templates = root().join("host/cli/src/scaffold");
    let mut pairs = vec![
        (templates.join("cases.toml"), examples.join("cases.toml")),
        (
            templates.join("rust/policy.rs"),
            root().join("guest/sdk/examples/release-train.rs"),
        ),
    ];
    for language in ["javascript", "python", "c"] {
        for entry in std::fs::read_dir(examples.join(language)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() && entry.file_name() != "policy.wasm" {
                let copy = templates.join(language).join(entry.file_name());
                pairs.push((copy, entry.path()));
            }
        }
    }
    pairs
}

#[test]
fn what_new_writes_is_what_the_examples_are() {
    for (copy, original) in templates() {
        if std::env::var_os("CLAIMBOUND_UPDATE").is_some() {
            std::fs::copy(&original, &copy).unwrap();
        }
        let same = std::fs::read(&copy).ok() == Some(std::fs::read(&original).unwrap());
        assert!(
            same,
            "{} is another: run with CLAIMBOUND_UPDATE=1",
            copy.display()
        );
    }
}

/// What a language's page has one do, to begin a policy and to publish it.
fn pages_commands(language: &str) -> [String; 2] {
    let commands = crate::docs::commands(&format!("policies-in-{language}.md"));
    commands.try_into().unwrap()
}

#[test]
fn every_page_publishes_alike_and_so_a_component_is_published() {
    let [_, publish] = pages_commands("c");
    for language in LANGUAGES {
        let [begin, same] = pages_commands(language);
        assert!(begin.contains("claimbound new acme-train"), "{begin}");
        assert_eq!(same, publish, "{language}");
    }
    // That of C is the smallest.
    let Some(component) = example("c") else {
        return;
    };
    let author = Author::new();
    std::fs::copy(component, author.path("policy.wasm")).unwrap();
    std::fs::copy(cases(), author.path("cases.toml")).unwrap();
    // The example's own name stands where `new` puts another.
    let publish = publish.replace("acme-train", "release-train");
    let (succeeds, text) = author.run(&publish, author.folder.path());
    assert!(succeeds, "{text}");
    assert!(text.contains("edition 1 of `release-train`"), "{text}");
}

/// A place for a page's commands.
struct Author {
    folder: tempfile::TempDir,
    environment: Vec<(String, std::ffi::OsString)>,
}

impl Author {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            environment: vec![("CLAIMBOUND".into(), program().into())],
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Whether commands succeed, and what they print.
    fn run(&self, commands: &str, folder: &Path) -> (bool, String) {
        let mut path = program().parent().unwrap().as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-ec", commands])
            .current_dir(folder)
            .env_remove("CARGO_TARGET_DIR")
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    /// Begins a policy as its page says, and breaks it.
    fn begin(&self, language: &str, source: &str) {
        let [begin, publish] = pages_commands(language);
        let (succeeds, text) = self.run(&begin, self.folder.path());
        assert!(succeeds, "{text}");
        assert!(text.contains("15 passed, 0 failed"), "{text}");
        let policy = self.path("acme-train");
        let (succeeds, text) = self.run(&publish, &policy);
        assert!(succeeds, "{text}");
        assert!(text.contains("edition 1 of `acme-train`"), "{text}");
        let source = policy.join(source);
        let broken = std::fs::read_to_string(&source).unwrap();
        assert!(broken.contains("456789"), "{broken}");
        std::fs::write(&source, broken.replace("456789", "9")).unwrap();
        let (succeeds, text) = self.run("./build && claimbound test policy.wasm", &policy);
        assert!(!succeeds, "{text}");
        assert!(
            text.contains("a repository that took the name over"),
            "{text}"
        );
        assert!(text.contains("found an allow"), "{text}");
    }
}

/// Whether the tools of a language have been installed by `tests/run`.
fn has_tools(language: &str) -> bool {
    let tools = std::env::var_os("CLAIMBOUND_TOOLS").map(PathBuf::from);
    let has = tools.is_some_and(|tools| tools.join(language).is_dir());
    if !has {
        skipped(
            language,
            &format!("CLAIMBOUND_TOOLS has no tools of {language}; tests/run installs them"),
        );
    }
    has
}

#[test]
fn a_policy_begun_in_javascript_is_built_and_tested_as_its_page_says() {
    if has_tools("javascript") {
        Author::new().begin("javascript", "policy.js");
    }
}

#[test]
fn a_policy_begun_in_python_is_built_and_tested_as_its_page_says() {
    if has_tools("python") {
        Author::new().begin("python", "policy.py");
    }
}

#[test]
fn a_policy_begun_in_c_is_built_and_tested_as_its_page_says() {
    if has_tools("c") {
        Author::new().begin("c", "policy.c");
    }
}

/// A compiler for WebAssembly, as `guest/build` finds it: variables for cargo.
fn rust_compiler() -> Option<Vec<(String, std::ffi::OsString)>> {
    let ask = |compiler: &str, what: &[&str]| {
        let output = Command::new(compiler).args(what).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(PathBuf::from(text.trim()))
    };
    let target = [
        "--print",
        "target-libdir",
        "--target",
        "wasm32-unknown-unknown",
    ];
    if ask("rustc", &target)?.is_dir() {
        return Some(Vec::new());
    }
    let debian = "/usr/bin/rustc";
    let library = ask(debian, &["--print", "sysroot"])?.join("lib/rustlib/src/rust/library");
    let host = ask("rustc", &["--print", "target-libdir"])?;
    let linker = host.parent()?.join("bin/rust-lld");
    (library.is_dir() && linker.is_file()).then(|| {
        vec![
            ("RUSTC".into(), debian.into()),
            ("RUSTC_BOOTSTRAP".into(), "1".into()),
            ("CARGO_UNSTABLE_BUILD_STD".into(), "std,panic_abort".into()),
            ("CARGO_UNSTABLE_BUILD_STD_FEATURES".into(), "".into()),
            (
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER".into(),
                linker.into(),
            ),
        ]
    })
}

#[test]
fn a_policy_begun_in_rust_is_built_and_tested_as_its_page_says() {
    // Where there are no guests, nobody has looked for a compiler.
    let compiler = std::env::var_os("CLAIMBOUND_GUESTS").and_then(|_| rust_compiler());
    let Some(compiler) = compiler else {
        skipped(
            "rust",
            "no compiler for WebAssembly was looked for; tests/run does",
        );
        return;
    };
    let mut author = Author::new();
    author.environment.extend(compiler);
    author
        .environment
        .push(("CARGO_NET_OFFLINE".into(), "true".into()));
    if let Some(tools) = std::env::var_os("CLAIMBOUND_TOOLS") {
        // The standard library is compiled once.
        let target = PathBuf::from(tools).join("rust");
        author
            .environment
            .push(("CARGO_TARGET_DIR".into(), target.into()));
    }
    // The crate of this tree, and what it was built with here.
    let sdk = root().join("guest/sdk");
    std::fs::create_dir_all(author.path(".cargo")).unwrap();
    let patch = format!("[patch.crates-io]\nclaimbound-sdk.path = {sdk:?}\n");
    std::fs::write(author.path(".cargo/config.toml"), patch).unwrap();
    std::fs::create_dir(author.path("acme-train")).unwrap();
    std::fs::copy(
        root().join("Cargo.lock"),
        author.path("acme-train/Cargo.lock"),
    )
    .unwrap();
    author.begin("rust", "policy.rs");
}
