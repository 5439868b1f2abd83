//! `modules compare`: what is said of two versions, and signed.

use claimbound::modules::{
    Authority, Comparison, Digest, KeyAlgorithm, Relation, Role, Signature, Signed, SigningKey,
    TrustedKey,
};

use super::program::{POLICY, Program, Ran, settled};

/// The next version of a policy, with some text replaced.
fn next(changes: &[(&str, &str)]) -> String {
    let version = [("1.4.0", "1.5.0")];
    let mut text = POLICY.to_owned();
    for (from, to) in version.iter().chain(changes) {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

/// A folder with `old.wasm`, `new.wasm` and a private key.
fn folder(new: &str) -> (Program, SigningKey) {
    let program = Program::new();
    for (name, text) in [("old", POLICY), ("new", new)] {
        build(&program, name, text);
    }
    let key = SigningKey::generate(KeyAlgorithm::P256).unwrap();
    program.write("compare.key", key.to_pem().unwrap().as_bytes());
    (program, key)
}

fn build(program: &Program, name: &str, text: &str) {
    let document = format!("{name}.toml");
    program.write(&document, text);
    assert_eq!(program.run(&["build", &document]).status, 0);
}

const WRITE: [&str; 4] = ["--key", "compare.key", "-o", "comparison.json"];

fn compare(program: &Program, more: &[&str]) -> Ran {
    program.run(&[&["modules", "compare", "old.wasm", "new.wasm"], more].concat())
}

/// What a host that trusts this key is told.
fn vouched(program: &Program, key: &SigningKey) -> Comparison {
    let name = "acme-deploy".parse().unwrap();
    let authority = Authority::new([TrustedKey {
        name: "compare".to_owned(),
        key: key.public().clone(),
        modules: vec!["acme-deploy".parse().unwrap()],
        roles: vec![Role::Comparison, Role::Wider],
    }]);
    let signed = Signed {
        document: program.read("comparison.json"),
        signatures: vec![Signature::parse(&program.read("comparison.json.sigstore.json")).unwrap()],
    };
    let vouched = authority.unwrap().comparison(&signed, &name).unwrap();
    vouched.document().clone()
}

fn assert_nothing_is_written(program: &Program) {
    for name in ["comparison.json", "comparison.json.sigstore.json"] {
        assert!(!program.path(name).exists(), "{name}");
    }
}

#[test]
fn every_outcome_is_signed_with_the_digests_of_both() {
    let loose = (
        r#"environment = "production""#,
        r#"environment = ["production", "staging"]"#,
    );
    let less = (r#"max_ttl = "10m""#, r#"max_ttl = "5m""#);
    let role = (r#"roles = ["deploy"]"#, r#"roles = ["deploy", "admin"]"#);
    let once = ("single_use = true\n", "");
    let lists = (r#"ref = "refs/heads/main""#, r#"ref = ["refs/heads/main"]"#);
    let forbids = ("self-hosted\" }", "somewhere\" }");
    let cases: [(&[_], Relation, i32); 7] = [
        (&[lists], Relation::Equivalent, 0),
        (&[less], Relation::Narrower, 0),
        (&[loose], Relation::Wider, 1),
        (&[role], Relation::Wider, 1),
        (&[once], Relation::Wider, 1),
        (&[once, less], Relation::Different, 1),
        (&[forbids], Relation::Different, 1),
    ];
    for (changes, outcome, status) in cases {
        let (program, key) = folder(&next(changes));
        let ran = compare(&program, &WRITE);
        assert_eq!(ran.status, status, "{changes:?}: {ran:?}");
        assert!(ran.out.starts_with(outcome.as_str()), "{}", ran.out);
        let comparison = vouched(&program, &key);
        assert_eq!(comparison.outcome, outcome, "{changes:?}");
        let side = |side: &claimbound::modules::Compared| (side.version.to_string(), side.digest);
        let digest = |name: &str| Digest::of(&program.read(name));
        assert_eq!(
            side(&comparison.old),
            ("1.4.0".to_owned(), digest("old.wasm"))
        );
        assert_eq!(
            side(&comparison.new),
            ("1.5.0".to_owned(), digest("new.wasm"))
        );
        assert_eq!(comparison.release.to_string(), env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn differences_are_shown_as_diff_shows_them() {
    let (program, _) = folder(&next(&[("single_use = true\n", "")]));
    let ran = compare(&program, &WRITE);
    settled(|| insta::assert_snapshot!("comparison", ran.shown()));
    let diff = program.run(&["diff", "old.wasm", "new.wasm"]);
    assert!(ran.out.starts_with(&diff.out), "{}", ran.out);
    let json = compare(&program, &["--format", "json"]).json();
    let mut diff = program
        .run(&["diff", "old.wasm", "new.wasm", "--format", "json"])
        .json();
    diff["written"] = serde_json::json!([]);
    diff["taken"] = serde_json::json!({ "old": null, "new": null });
    assert_eq!(json, diff);
}

#[test]
fn what_is_not_known_is_neither_signed_nor_written() {
    let glob = (
        r#"environment = "production""#,
        r#"environment = { glob = "prod*" }"#,
    );
    let (program, _) = folder(&next(&[glob]));
    let ran = compare(&program, &[&WRITE[..], &["--steps", "10"]].concat());
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.out.starts_with("unknown"), "{}", ran.out);
    assert!(ran.out.contains("`--steps`"), "{}", ran.out);
    assert_nothing_is_written(&program);
}

#[test]
fn a_component_is_compared_by_no_document_but_its_own() {
    let (program, _) = folder(&next(&[]));
    let mut bytes = program.read("new.wasm");
    let comment = b"# production only";
    let at = bytes.windows(comment.len()).position(|one| one == comment);
    bytes[at.unwrap() + 2] = b'P';
    program.write("new.wasm", bytes);
    let ran = compare(&program, &WRITE);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(
        ran.err.contains("its document is unverified"),
        "{}",
        ran.err
    );
    assert_nothing_is_written(&program);
}

#[test]
fn what_is_no_pair_of_versions_is_refused() {
    for (new, said) in [
        (POLICY.to_owned(), "both are `acme-deploy@1.4.0`"),
        (
            next(&[("acme-deploy", "acme-other")]),
            "`acme-deploy` and `acme-other` are two modules",
        ),
        (next(&[("1.5.0", "1.5.0+5")]), "acme-deploy 1.5.0+5"),
    ] {
        let (program, _) = folder(&new);
        let ran = compare(&program, &WRITE);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{said}");
        assert!(ran.err.contains(said), "{}", ran.err);
        assert_nothing_is_written(&program);
    }
    let (program, _) = folder(&next(&[]));
    let ran = program.run(&["modules", "compare", "old.wasm", "new.toml"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("`new.toml` is a document"), "{}", ran.err);
}

#[test]
fn a_pair_whose_older_version_comes_second_is_compared_and_said_to_be_one() {
    let (program, _) = folder(&next(&[]));
    for (sides, told) in [
        (["old.wasm", "new.wasm"], false),
        (["new.wasm", "old.wasm"], true),
    ] {
        let ran = program.run(&[&["modules", "compare"], &sides[..]].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
        let note = "`acme-deploy` 1.4.0 is below 1.5.0, and no host asks for this";
        assert_eq!(ran.err.contains(note), told, "{ran:?}");
    }
}

#[test]
fn nothing_that_is_read_is_written_over_and_a_key_that_is_none_signs_nothing() {
    let (program, _) = folder(&next(&[]));
    for input in ["old.wasm", "new.wasm", "compare.key"] {
        let before = program.read(input);
        let ran = compare(&program, &["--key", "compare.key", "-o", input]);
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(ran.err.contains("is an input"), "{}", ran.err);
        assert!(program.read(input) == before);
    }
    program.write("compare.key", "-----BEGIN NOTHING-----\n");
    assert_eq!(compare(&program, &WRITE).status, 2);
    assert_nothing_is_written(&program);
    // A signature of nothing that is kept would be no use.
    assert_eq!(compare(&program, &["--key", "compare.key"]).status, 2);
}

#[test]
fn a_second_key_signs_the_same_comparison_and_another_one_has_none_of_its_signatures() {
    let less = (r#"max_ttl = "10m""#, r#"max_ttl = "5m""#);
    let (program, key) = folder(&next(&[less]));
    let second = SigningKey::generate(KeyAlgorithm::Ed25519).unwrap();
    program.write("second.key", second.to_pem().unwrap().as_bytes());
    assert_eq!(compare(&program, &WRITE).status, 0);
    let document = program.read("comparison.json");
    let again = ["--key", "second.key", "-o", "comparison.json"];
    assert_eq!(compare(&program, &again).status, 0);
    assert_eq!(program.read("comparison.json"), document);
    vouched(&program, &key);
    let signature = program.read("comparison.json.1.sigstore.json");
    let signature = Signature::parse(&signature).unwrap();
    assert!(signature.is_by(second.public(), &document));
    build(&program, "new", &next(&[]));
    assert_eq!(compare(&program, &again).status, 0);
    let signature = program.read("comparison.json.sigstore.json");
    let signature = Signature::parse(&signature).unwrap();
    assert!(signature.is_by(second.public(), &program.read("comparison.json")));
    assert!(!program.path("comparison.json.1.sigstore.json").exists());
}

/// A store with both versions, listed, signed by `release.key`.
fn stored(new: &str) -> Program {
    let (program, _) = folder(new);
    done(&program, "modules keygen release");
    done(&program, "modules keygen other");
    for name in ["old", "new"] {
        done(&program, &format!("sign {name}.wasm --key release.key"));
        done(&program, &format!("push {name}.wasm store"));
    }
    done(&program, INDEX);
    program
}

const INDEX: &str = "modules index store acme-deploy --key release.key --expires 7d";
const NAMED: &str = "modules compare acme-deploy@1.4.0 acme-deploy@1.5.0 --store store";

fn run(program: &Program, call: &str) -> Ran {
    program.run(&call.split(' ').collect::<Vec<_>>())
}

fn done(program: &Program, call: &str) -> Ran {
    let ran = run(program, call);
    assert_eq!(ran.status, 0, "{call}: {ran:?}");
    ran
}

fn failed(program: &Program, call: &str, why: &str) {
    let ran = run(program, call);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{call}: {ran:?}");
    assert!(ran.err.contains(why), "{call}: {ran:?}");
}

#[test]
fn either_side_is_a_file_or_a_version_of_a_store() {
    let program = stored(&next(&[]));
    let files = done(&program, "modules compare old.wasm new.wasm --format json").json();
    let trusted = format!("{NAMED} --trust release.pub");
    let ran = done(&program, &format!("{trusted} --format json")).json();
    for member in ["relation", "old", "new", "differences"] {
        assert_eq!(ran[member], files[member], "{member}");
    }
    let taken = serde_json::json!({
        "verified": true, "signers": ["release.pub"], "edition": 1, "yanked": null,
    });
    assert_eq!(
        ran["taken"],
        serde_json::json!({ "old": taken, "new": taken })
    );
    let mixed = "modules compare acme-deploy@1.4.0 new.wasm --store store --trust release.pub";
    let ran = done(&program, mixed);
    assert!(
        ran.out.contains("acme-deploy@1.4.0, signed by release.pub"),
        "{ran:?}"
    );
    assert!(
        !ran.out.contains("acme-deploy@1.5.0") && ran.err.is_empty(),
        "{ran:?}"
    );

    let written = format!("{trusted} --key compare.key -o comparison.json");
    let ran = done(&program, &written);
    assert!(
        ran.out
            .contains("✓ signed  comparison of acme-deploy 1.5.0 with 1.4.0"),
        "{ran:?}"
    );
    done(&program, "push new.wasm store --comparison comparison.json");
}

#[test]
fn what_comes_of_a_store_is_verified_or_said_not_to_be() {
    let program = stored(&next(&[]));
    let ran = done(&program, NAMED);
    for version in ["1.4.0", "1.5.0"] {
        let said = format!("`acme-deploy@{version}` is unverified");
        assert!(ran.err.contains(&said), "{ran:?}");
    }
    failed(
        &program,
        &format!("{NAMED} --trust other.pub"),
        "no known key signed it",
    );
    // The store gives another component as the version than was signed.
    program.write(
        "store/acme-deploy/1.5.0/module.wasm",
        program.read("old.wasm"),
    );
    failed(
        &program,
        &format!("{NAMED} --trust release.pub"),
        "has digest",
    );
    failed(
        &program,
        NAMED,
        "`acme-deploy@1.5.0` was asked for, and the component says `acme-deploy@1.4.0`",
    );
}

#[test]
fn a_version_that_was_yanked_is_compared_and_said_to_be() {
    let program = stored(&next(&[]));
    let yank = INDEX.replace("index store acme-deploy", "yank store acme-deploy 1.4.0");
    done(&program, &format!("{yank} --reason unfit"));
    let ran = done(&program, &format!("{NAMED} --trust release.pub"));
    assert!(ran.out.contains("edition 2 yanks it: unfit"), "{ran:?}");
}

#[test]
fn a_file_goes_before_a_name_and_a_name_needs_a_store() {
    let program = stored(&next(&[]));
    failed(
        &program,
        "modules compare acme-deploy@1.4.0 new.wasm",
        "`acme-deploy@1.4.0` is no file; where it is the version of a module, name its store",
    );
    failed(
        &program,
        "modules compare old.wasm new.wasm --store store",
        "both sides are files",
    );
    failed(
        &program,
        "modules compare acne-deploy@1.4.0 new.wasm --store store",
        "the store holds no module `acne-deploy` (did you mean `acme-deploy`?)",
    );
    failed(
        &program,
        "modules compare old.wasm no.wasm --store store",
        "both sides",
    );
    failed(
        &program,
        "modules compare acme@1.x new.wasm --store store",
        "`1.x` is not a version",
    );
    program.write("acme-deploy@1.4.0", program.read("new.wasm"));
    let call = "modules compare acme-deploy@1.4.0 acme-deploy@1.5.0 --store store";
    failed(&program, call, "both are `acme-deploy@1.5.0`");
}
