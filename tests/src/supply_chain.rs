//! What a release says of itself: what is inside, what it was built from, and who
//! says so.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use cargo_metadata::MetadataCommand;
use claimbound::modules::{
    Digest, KeyAlgorithm, Provenance, ProvenanceError, PublicKey, SigningKey,
};
use serde_json::{Value, json};

use crate::tree::root;

/// Runs a script of `.ci` and hands over what it said.
fn ci(script: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(root().join(".ci").join(script));
    command.args(arguments).envs(variables.iter().copied());
    command.output().unwrap()
}

#[track_caller]
fn assert_done(output: &Output) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
}

/// The bills of the program and of the standard component.
fn bills() -> [Value; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_done(&ci("sbom", &[path], &[("SOURCE_DATE_EPOCH", "1795428000")]));
    ["claimbound.cdx.json", "standard.cdx.json"].map(|name| {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(
            !text.contains(root().to_str().unwrap()),
            "it names a folder"
        );
        serde_json::from_str(&text).unwrap()
    })
}

fn components(bill: &Value) -> &[Value] {
    bill["components"].as_array().unwrap()
}

/// The crates that a bill lists, as `name@version`.
fn crates(bill: &Value) -> BTreeSet<String> {
    let references = components(bill)
        .iter()
        .map(|one| one["bom-ref"].as_str().unwrap());
    let crates = references.filter_map(|one| one.strip_prefix("pkg:cargo/"));
    crates.map(str::to_owned).collect()
}

/// The units that cargo would compile and link, without what runs while it builds.
fn linked(package: &str, more: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--locked", "--unit-graph", "-Zunstable-options"])
        .args(["--package", package])
        .args(more)
        // It is no stable flag of cargo's, and asks for nothing to be built.
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(root())
        .output()
        .unwrap();
    assert_done(&output);
    let graph: Value = serde_json::from_slice(&output.stdout).unwrap();
    let index = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let mut next: Vec<_> = graph["roots"]
        .as_array()
        .unwrap()
        .iter()
        .map(index)
        .collect();
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    while let Some(at) = next.pop() {
        let unit = &graph["units"][at];
        let kind = unit["target"]["kind"][0].as_str().unwrap();
        let is_built = unit["mode"] == "build" && !matches!(kind, "proc-macro" | "custom-build");
        if is_built && seen.insert(at) {
            found.insert(named(unit["pkg_id"].as_str().unwrap()));
            let used = unit["dependencies"].as_array().unwrap().iter();
            next.extend(used.map(|one| index(&one["index"])));
        }
    }
    found
}

/// `name@version` of a package's id, which leaves the name out where the folder has it
/// (Cargo's reference, "Package ID Specifications").
fn named(id: &str) -> String {
    let (place, end) = id.split_once('#').unwrap();
    if end.contains('@') {
        return end.to_owned();
    }
    format!("{}@{end}", place.rsplit('/').next().unwrap())
}

#[test]
fn a_bill_lists_what_is_linked_and_nothing_else() {
    let [program, standard] = bills();
    for (bill, package, more) in [
        (program, "claimbound-cli", &["--release"][..]),
        (
            standard,
            "claimbound-standard",
            &["--lib", "--target", "wasm32-unknown-unknown"][..],
        ),
    ] {
        let mut linked = linked(package, more);
        let top = &bill["metadata"]["component"]["bom-ref"];
        let top = top.as_str().unwrap().strip_prefix("pkg:cargo/").unwrap();
        assert!(linked.remove(top), "{top}");
        assert_eq!(crates(&bill), linked, "{package}");
    }
}

#[test]
fn a_bill_is_what_its_schema_asks_for() {
    // As the package cyclonedx-python-lib 11 carries it, under Apache-2.0. Two others
    // that it refers to are for a licence's bare id and for signatures in the bill,
    // which ours has none of.
    let mut schema = include_str!("supply_chain/bom-1.5.schema.json").to_owned();
    for other in [
        r#""$ref": "spdx.SNAPSHOT.schema.json""#,
        r#""$ref": "jsf-0.82.SNAPSHOT.schema.json#/definitions/signature""#,
    ] {
        assert!(schema.contains(other), "{other}");
        schema = schema.replace(other, r#""not": {}"#);
    }
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let options = jsonschema::draft7::options().should_validate_formats(true);
    let validator = options.build(&schema).unwrap();
    for mut bill in bills() {
        let errors: Vec<_> = validator
            .iter_errors(&bill)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
        bill["components"][0]["type"] = json!("nothing");
        assert!(!validator.is_valid(&bill), "the schema is held to");
    }
}

#[test]
fn licences_and_digests_are_those_of_manifests_and_of_the_lock() {
    let lock: toml::Table =
        toml::from_str(&fs::read_to_string(root().join("Cargo.lock")).unwrap()).unwrap();
    let mut metadata = MetadataCommand::new();
    metadata.manifest_path(root().join("Cargo.toml"));
    let metadata = metadata
        .other_options(["--offline".to_owned()])
        .exec()
        .unwrap();
    let [program, _] = bills();
    let mut with_digest = 0;
    for one in components(&program) {
        let (name, version) = (
            one["name"].as_str().unwrap(),
            one["version"].as_str().unwrap(),
        );
        let mut packages = metadata.packages.iter();
        let found =
            packages.find(|package| package.name == name && package.version.to_string() == version);
        let Some(package) = found else { continue };
        let words = |text: &str| -> Vec<String> {
            let text = text.replace('/', " OR ");
            text.split_whitespace().map(str::to_owned).collect()
        };
        let licence = one["licenses"][0]["expression"].as_str().unwrap();
        assert_eq!(
            words(licence),
            words(package.license.as_deref().unwrap()),
            "{name}"
        );
        let mut locked = lock["package"].as_array().unwrap().iter();
        let locked = locked.find(|one| {
            one["name"].as_str() == Some(name) && one["version"].as_str() == Some(version)
        });
        let checksum = locked
            .unwrap()
            .get("checksum")
            .and_then(toml::Value::as_str);
        assert_eq!(one["hashes"][0]["content"].as_str(), checksum, "{name}");
        with_digest += usize::from(checksum.is_some());
    }
    assert!(with_digest > 200, "{with_digest}");
}

#[test]
fn a_bill_names_the_component_and_the_library_that_no_manifest_names() {
    let [program, standard] = bills();
    let digest = claimbound::policy::digest(claimbound::bake::STANDARD);
    let digest = digest.strip_prefix("sha256:").unwrap();
    let find = |bill: &Value, name: &str| {
        let mut all = components(bill).iter();
        all.find(|one| one["name"] == name).unwrap().clone()
    };
    assert_eq!(
        find(&program, "standard.wasm")["hashes"][0]["content"],
        digest
    );
    assert_eq!(
        standard["metadata"]["component"]["hashes"][0]["content"],
        digest
    );
    let lock = fs::read_to_string(root().join("host/runtime/standard.lock")).unwrap();
    let version = find(&standard, "rust-std")["version"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        lock.contains(&format!("compiler = \"rustc {version} ")),
        "{version}"
    );
    assert!(find(&program, "rust-std")["version"].is_string());
    assert_eq!(program["metadata"]["timestamp"], "2026-11-23T10:00:00Z");
}

/// A release of one file in a folder, with its provenance.
fn release() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("claimbound"), "a program").unwrap();
    let digits = Digest::of(b"a program").to_digits();
    fs::write(path("SHA256SUMS"), format!("{digits}  claimbound\n")).unwrap();
    let variables = [
        ("commit", "0123456789abcdef0123456789abcdef01234567"),
        ("lock", "aa"),
        ("compiler", "rustc 1.95.0\nhost: x86_64-unknown-linux-gnu\n"),
        ("component", "rustc 1.96.0"),
        ("started", "2026-11-23T10:00:00Z"),
        ("finished", "2026-11-23T10:05:00Z"),
        ("CLAIMBOUND_BUILDER", "https://builder.example"),
    ];
    let sums = path("SHA256SUMS");
    let output = ci("provenance", &[sums.to_str().unwrap()], &variables);
    assert_done(&output);
    fs::write(path("provenance.json"), output.stdout).unwrap();
    folder
}

fn sign(folder: &Path, key: &str) -> Output {
    let key = folder.join(key);
    ci(
        "sign",
        &[folder.to_str().unwrap(), key.to_str().unwrap()],
        &[],
    )
}

fn keys(folder: &Path, algorithm: KeyAlgorithm) -> PublicKey {
    let key = SigningKey::generate(algorithm).unwrap();
    fs::write(folder.join("release.key"), key.to_pem().unwrap().as_bytes()).unwrap();
    key.public().clone()
}

#[test]
fn the_provenance_of_a_release_is_about_its_files_and_signed() {
    let release = release();
    let key = keys(release.path(), KeyAlgorithm::P256);
    assert_done(&sign(release.path(), "release.key"));
    let envelope = fs::read(release.path().join("provenance.dsse.json")).unwrap();
    let provenance = Provenance::verify(&envelope, &key, &Digest::of(b"a program")).unwrap();
    assert_eq!(
        provenance.predicate_type(),
        "https://slsa.dev/provenance/v1"
    );
    let text = |path: &[&str]| provenance.statement().get(path).unwrap().text().unwrap();
    let predicate = |path: &[&str]| text(&[&["predicate"], path].concat()).to_owned();
    assert_eq!(text(&["_type"]), "https://in-toto.io/Statement/v1");
    assert_eq!(
        predicate(&["runDetails", "builder", "id"]),
        "https://builder.example"
    );
    let source = [
        "buildDefinition",
        "externalParameters",
        "source",
        "digest",
        "gitCommit",
    ];
    assert_eq!(
        predicate(&source),
        "0123456789abcdef0123456789abcdef01234567"
    );
    assert!(predicate(&["buildDefinition", "buildType"]).starts_with("https://"));

    let other = Provenance::verify(&envelope, &key, &Digest::of(b"another"));
    assert!(
        matches!(other, Err(ProvenanceError::Subject(_))),
        "{other:?}"
    );
    let stranger = SigningKey::generate(KeyAlgorithm::P256).unwrap();
    let by = Provenance::verify(&envelope, stranger.public(), &Digest::of(b"a program"));
    assert!(matches!(by, Err(ProvenanceError::Stranger)), "{by:?}");
}

#[test]
fn the_digests_of_a_release_are_verified_as_the_page_says() {
    let release = release();
    keys(release.path(), KeyAlgorithm::P256);
    assert_done(&sign(release.path(), "release.key"));
    let page = fs::read_to_string(root().join("docs/supply-chain.md")).unwrap();
    let commands = page.split("```sh verify\n").nth(1).unwrap();
    let commands = commands.split("```").next().unwrap();
    let run = |before: &str| {
        let script = format!("set -euo pipefail\n{before}\n{commands}");
        let mut bash = Command::new("bash");
        bash.args(["-c", &script]).current_dir(release.path());
        bash.output().unwrap()
    };
    let public = "openssl pkey -in release.key -pubout -out claimbound-release.pub";
    assert_done(&run(public));
    for harm in [
        "echo x >>claimbound",
        "sed -i s/claimbound/other/ SHA256SUMS && cp claimbound other",
        "openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout -out claimbound-release.pub",
    ] {
        let kept = fs::read(release.path().join("claimbound")).unwrap();
        let sums = fs::read(release.path().join("SHA256SUMS")).unwrap();
        assert!(!run(harm).status.success(), "{harm}");
        fs::write(release.path().join("claimbound"), kept).unwrap();
        fs::write(release.path().join("SHA256SUMS"), sums).unwrap();
        assert_done(&run(public));
    }
}

#[test]
fn a_key_that_cosign_would_not_sign_so_with_signs_nothing() {
    let release = release();
    keys(release.path(), KeyAlgorithm::Ed25519);
    fs::write(release.path().join("none.key"), "nothing").unwrap();
    for key in ["release.key", "none.key", "missing.key"] {
        let output = sign(release.path(), key);
        assert_eq!(output.status.code(), Some(2), "{key}");
        assert!(!release.path().join("SHA256SUMS.sig").exists(), "{key}");
    }
}

#[test]
fn the_workflow_runs_nobody_elses_action_and_no_expression_in_a_script() {
    let text = fs::read_to_string(root().join(".github/workflows/ci.yml")).unwrap();
    assert!(text.contains("run: .ci/run"), "{text}");
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        assert!(!line.contains("uses:"), "{line}");
        // Outside scripts it is the value of a key, and nothing but a value.
        let value = line.trim_start().split_once(": ").map(|(_, value)| value);
        let is_value =
            value.is_some_and(|value| value.starts_with("${{") || value.starts_with("ci-${{"));
        assert!(is_value || !line.contains("${{"), "{line}");
    }
}

/// Runs the audit in a tree with one lock of npm, where `npm` writes this.
fn audit(report: &str) -> (Option<i32>, String) {
    let tree = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = tree.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    write("example/package-lock.json", "{}");
    write(
        "bin/npm",
        &format!("#!/bin/sh\ncat <<'REPORT'\n{report}\nREPORT\nexit 1\n"),
    );
    write(
        ".ci/audit",
        &fs::read_to_string(root().join(".ci/audit")).unwrap(),
    );
    let path = format!(
        "{}/bin:{}",
        tree.path().display(),
        std::env::var("PATH").unwrap()
    );
    let mut git = Command::new("git");
    assert_done(
        &git.args(["init", "--quiet"])
            .current_dir(tree.path())
            .output()
            .unwrap(),
    );
    let mut audit = Command::new(tree.path().join(".ci/audit"));
    let output = audit.env("PATH", path).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn an_audit_fails_by_findings_and_says_where_it_got_no_answer() {
    let counts = |high: u32| {
        let report =
            json!({ "metadata": { "vulnerabilities": { "low": 0, "high": high, "total": high } } });
        report.to_string()
    };
    let (status, said) = audit(&counts(2));
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("example/package-lock.json: found: 2 high"),
        "{said}"
    );
    let (status, said) = audit(&counts(0));
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("nothing is known against them"), "{said}");
    for none in ["", r#"{"error":{"code":"ENOAUDIT"}}"#] {
        let (status, said) = audit(none);
        assert_eq!(status, Some(0), "{said}");
        assert!(
            said.contains("skipped, the database gave no answer"),
            "{said}"
        );
    }
}
