//! The standard component: made from the sources that stand here, and nothing
//! but an evaluator.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use claimbound::bake;
use claimbound::policy::digest;
use serde::Deserialize;

use crate::tree::root;

/// `host/runtime/standard.lock`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    digest: String,
    sources: String,
    compiler: String,
    bindings: String,
}

fn lock() -> Lock {
    let text = fs::read_to_string(root().join("host/runtime/standard.lock")).unwrap();
    toml::from_str(&text).unwrap()
}

/// The component to test: this release's, or the one that
/// `CLAIMBOUND_STANDARD` names, which continuous integration has just built.
pub(crate) fn standard() -> Vec<u8> {
    match std::env::var_os("CLAIMBOUND_STANDARD") {
        Some(path) => fs::read(path).unwrap(),
        None => bake::STANDARD.to_vec(),
    }
}

#[test]
fn the_component_is_the_one_that_the_lock_names() {
    assert_eq!(digest(bake::STANDARD), lock().digest);
}

/// The digest of a list of digests, as `sha256sum` writes them: what
/// `guest/standard/rebuild` computes.
fn digest_of_sources() -> String {
    let mut sources = vec![
        PathBuf::from("guest/build"),
        PathBuf::from("guest/engine/Cargo.toml"),
        PathBuf::from("guest/standard/Cargo.toml"),
        PathBuf::from("wit/policy.wit"),
    ];
    for folder in ["guest/engine/src", "guest/standard/src"] {
        collect(Path::new(folder), &mut sources);
    }
    let mut names: Vec<_> = sources
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    let mut list = String::new();
    for name in names {
        let digest = digest(&fs::read(root().join(&name)).unwrap());
        list.push_str(digest.strip_prefix("sha256:").unwrap());
        list.push_str("  ");
        list.push_str(&name);
        list.push('\n');
    }
    digest(list.as_bytes())
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            collect(&path, sources);
        } else {
            sources.push(path);
        }
    }
}

/// The version of the bindings that the component is built with: others in the
/// tree may have another.
fn bindings() -> String {
    let lock: toml::Table =
        toml::from_str(&fs::read_to_string(root().join("Cargo.lock")).unwrap()).unwrap();
    let packages = lock["package"].as_array().unwrap();
    let named = |name: &'static str| {
        let packages = packages.iter();
        packages.filter(move |package| package["name"].as_str() == Some(name))
    };
    let standard = named("claimbound-standard").next().unwrap();
    let used = standard["dependencies"].as_array().unwrap().iter();
    let used: Vec<_> = used
        .filter_map(toml::Value::as_str)
        .filter_map(|used| used.strip_prefix("wit-bindgen"))
        .collect();
    match used[..] {
        // A lock leaves the version out where there is one alone.
        [""] => named("wit-bindgen").next().unwrap()["version"]
            .as_str()
            .unwrap()
            .to_owned(),
        [version] => version.trim().to_owned(),
        _ => panic!("{used:?}"),
    }
}

#[test]
fn the_sources_have_not_moved_on_from_the_lock() {
    assert_eq!(
        digest_of_sources(),
        lock().sources,
        "run guest/standard/rebuild"
    );
    assert_eq!(bindings(), lock().bindings, "run guest/standard/rebuild");
    assert!(lock().compiler.starts_with("rustc "), "{}", lock().compiler);
}

#[test]
fn the_component_is_small_and_imports_nothing() {
    let component = standard();
    assert!(component.len() < 128 * 1024, "{} bytes", component.len());
    let policy = crate::gate::policy(&component, crate::gate::DOCUMENT);
    assert_eq!(policy.manifest().name, "acme-deploy");
}

#[test]
fn the_same_program_gives_the_same_component() {
    let program = claimbound_language::compile("policy.toml", crate::gate::DOCUMENT).unwrap();
    let once = bake::bake(
        &standard(),
        &program.bytes,
        &[("claimbound:document", b"x")],
    );
    let twice = bake::bake(
        &standard(),
        &program.bytes,
        &[("claimbound:document", b"x")],
    );
    assert!(once.unwrap() == twice.unwrap());
}

#[test]
fn a_guest_says_so_when_it_cannot_be_built() {
    let output = Command::new(root().join("guest/build")).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("usage: guest/build"), "{error}");
}
