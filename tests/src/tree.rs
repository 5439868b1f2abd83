//! The tree and its directions: who may depend on whom, and what stands where.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// For each crate of the product, the crates of the product that it may use.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("claimbound-engine", &[]),
    ("claimbound-standard", &["claimbound-engine"]),
    ("claimbound-sdk", &[]),
    ("claimbound-issuers", &[]),
    (
        "claimbound-language",
        &["claimbound-engine", "claimbound-issuers"],
    ),
    (
        "claimbound-analysis",
        &["claimbound-issuers", "claimbound-language"],
    ),
    ("claimbound", &["claimbound-issuers"]),
    ("claimbound-server", &["claimbound"]),
    (
        "claimbound-cli",
        &[
            "claimbound",
            "claimbound-analysis",
            "claimbound-issuers",
            "claimbound-language",
            "claimbound-server",
        ],
    ),
];

/// Libraries that one crate alone may name.
const ONLY_IN: &[(&str, &str)] = &[
    ("wasmtime", "claimbound"),
    ("anyhow", "claimbound-cli"),
    ("clap", "claimbound-cli"),
];

/// Each crate with what it depends on outside its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .unwrap();
    metadata
        .packages
        .into_iter()
        .map(|package| {
            let used = package
                .dependencies
                .into_iter()
                .filter(|dependency| dependency.kind != DependencyKind::Development)
                .map(|dependency| dependency.name);
            (package.name.to_string(), used.collect())
        })
        .collect()
}

#[test]
fn dependencies_point_the_way_the_design_says() {
    let mut found = dependencies();
    found.remove("claimbound-tests");
    let known: BTreeSet<_> = DIRECTIONS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), known);
    for (name, allowed) in DIRECTIONS {
        for used in found[*name].iter().filter(|used| known.contains(*used)) {
            assert!(allowed.contains(&used.as_str()), "{name} depends on {used}");
        }
    }
}

#[test]
fn some_libraries_are_named_by_one_crate_alone() {
    for (name, used) in dependencies() {
        for (library, owner) in ONLY_IN {
            assert!(
                !used.contains(*library) || name == *owner,
                "{name} depends on {library}"
            );
        }
    }
}

/// Every Rust file of the product, with its text outside tests: what follows
/// the first `#[cfg(test)] mod` of a file is its tests.
fn product() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in ["guest", "host"] {
        collect(&root().join(folder), &mut files);
    }
    assert!(files.len() > 40, "the product's sources were found");
    files
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "tests" | "examples" | "target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|end| end == "rs")
            && !matches!(name.as_str(), "tests.rs" | "mint.rs" | "build.rs")
        {
            let text = fs::read_to_string(&path).unwrap();
            let product = text
                .split_once("#[cfg(test)]\nmod tests {")
                .map_or(text.as_str(), |(product, _)| product);
            let place = path.strip_prefix(root()).unwrap();
            files.push((place.to_string_lossy().into_owned(), product.to_owned()));
        }
    }
}

/// What follows the page of a rule of the linter, whose samples name issuers; of
/// any other file all.
fn beside_pages<'t>(place: &str, text: &'t str) -> &'t str {
    let is_rule = place.contains("/lint/rules/");
    let check = text.find("check: Check::").filter(|_| is_rule);
    text.get(check.unwrap_or(0)..).unwrap()
}

/// The lines of code, not of comments, that hold `word`.
fn lines_with(word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (place, text) in product() {
        for line in beside_pages(&place, &text).lines() {
            let code = line.trim_start();
            // The issuer of samples that name none.
            let is_sample = code.starts_with("pub const ISSUER");
            if !code.starts_with("//") && !is_sample && code.contains(word) {
                found.push(format!("{place}: {code}"));
            }
        }
    }
    found
}

#[test]
fn no_issuer_is_named_in_product_code() {
    const ISSUERS: &[&str] = &[
        "githubusercontent",
        "github-actions",
        "gitlab.com",
        "buildkite",
        "circleci",
        "app.terraform.io",
        "bitbucket",
        "vstoken.dev.azure",
        "microsoftonline",
        "accounts.google",
        "kubernetes.io",
    ];
    for issuer in ISSUERS {
        let named = lines_with(issuer);
        assert!(named.is_empty(), "{named:#?}");
    }
}

#[test]
fn the_clock_the_environment_and_the_arguments_are_read_by_the_program_alone() {
    for word in ["SystemTime::now", "std::env::", "env::var", "Instant::now"] {
        let elsewhere: Vec<_> = lines_with(word)
            .into_iter()
            .filter(|line| !line.starts_with("host/cli/"))
            // The clock that an embedder may pass in.
            .filter(|line| !line.starts_with("host/runtime/src/clock.rs"))
            // Envoy starts this one, in its own environment.
            .filter(|line| !line.starts_with("host/envoy/src/instance.rs"))
            .collect();
        assert!(elsewhere.is_empty(), "{elsewhere:#?}");
    }
}

#[test]
fn unsafe_code_stands_in_the_guests_and_in_one_place_of_the_host() {
    const ALLOWED: &[&str] = &[
        // The contract's generated exports.
        "guest/standard/src/lib.rs",
        "guest/sdk/src/lib.rs",
        // An allocator and one slice, in linear memory.
        "guest/standard/src/arena.rs",
        "guest/standard/src/program.rs",
        // Machine code that was authenticated.
        "host/runtime/src/code/native.rs",
        // Envoy's ABI, which is one of C.
        "host/envoy/src/abi.rs",
    ];
    let elsewhere: Vec<_> = lines_with("unsafe")
        .into_iter()
        .filter(|line| !ALLOWED.iter().any(|place| line.starts_with(place)))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
}

#[test]
fn what_crates_carry_of_the_contract_is_the_contract() {
    let contract = fs::read(root().join("wit/policy.wit")).unwrap();
    for copy in ["guest/standard", "guest/sdk", "host/runtime"] {
        let copy = root().join(copy).join("wit/policy.wit");
        assert!(fs::read(&copy).unwrap() == contract, "{}", copy.display());
    }
    let reasons = fs::read(root().join("wit/reasons.toml")).unwrap();
    for copy in ["host/runtime/reasons.toml", "host/language/reasons.toml"] {
        assert!(fs::read(root().join(copy)).unwrap() == reasons, "{copy}");
    }
}

#[test]
fn nothing_but_the_project_stands_at_the_top() {
    const KNOWN: &[&str] = &[
        "Cargo.toml",
        "Cargo.lock",
        "guest",
        "host",
        "wit",
        "policies",
        "tests",
        "docs",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "target",
    ];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(
            name.starts_with('.') || KNOWN.contains(&name.as_str()),
            "{name}"
        );
    }
}

#[test]
fn the_language_and_the_host_never_grant_the_same_claims() {
    let sorted = |claims: &[&'static str]| claims.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(
        sorted(&claimbound_language::NEVER_GRANTED),
        sorted(&claimbound::grant::REGISTERED_CLAIMS)
    );
}
