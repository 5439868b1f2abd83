//! The program: what is published, taken, listed and withdrawn.

use claimbound::modules::{Digest, Form, ModuleName, Published, SigningKey};

use super::fake::{Fake, ME, Means};
use super::world::{comparison, component, docker_configuration, id, key, open, published, sign};
use crate::cli::program::Program;

/// A folder with a module, its statement, and two pairs of keys.
struct Scene {
    program: Program,
    key: SigningKey,
    module: Published,
}

impl Scene {
    fn new() -> Self {
        let (program, key, other) = (Program::new(), key(), key());
        for (name, key) in [("release", &key), ("other", &other)] {
            program.write(&format!("{name}.key"), &*key.to_pem().unwrap());
            program.write(&format!("{name}.pub"), key.public().to_pem());
        }
        let mut scene = Self {
            module: published(&id("acme@1.4.0"), component("one"), &key),
            program,
            key,
        };
        scene.version("1.4.0", "one");
        scene
    }

    /// Writes a version as `claimbound sign` does.
    fn version(&mut self, version: &str, note: &str) {
        let id = id(&format!("acme@{version}"));
        self.module = published(&id, component(note), &self.key);
        let statement = &self.module.statements[0];
        self.program.write("acme.wasm", &self.module.component);
        self.program
            .write("acme.statement.json", &statement.document);
        let signature = statement.signatures[0].as_bytes();
        self.program
            .write("acme.statement.json.sigstore.json", signature);
    }

    fn said(&self, arguments: &[&str]) -> (i32, String) {
        let ran = self.program.run(arguments);
        (ran.status, ran.out + &ran.err)
    }

    fn index(&self, more: &[&str]) -> (i32, String) {
        let command = ["modules", "index", "store", "acme", "--expires", "7d"];
        self.said(&[&command, more].concat())
    }
}

#[test]
fn a_module_is_published_listed_taken_and_withdrawn() {
    let mut scene = Scene::new();
    let (status, said) = scene.said(&["push", "acme.wasm", "store"]);
    assert_eq!(
        (status, said.contains("✓ pushed  acme@1.4.0\n")),
        (0, true),
        "{said}"
    );
    scene.version("1.5.0", "two");
    assert_eq!(scene.said(&["push", "acme.wasm", "store"]).0, 0);
    let (_, said) = scene.said(&["modules", "list", "store", "acme"]);
    assert!(
        said.contains("no index") && said.contains("in no index"),
        "{said}"
    );

    let (status, said) = scene.index(&["--key", "release.key"]);
    assert_eq!(
        (status, said.contains("✓ published  edition 1 of `acme`")),
        (0, true),
        "{said}"
    );
    let pull = [
        "pull",
        "acme@1.5.0",
        "store",
        "--key",
        "release.pub",
        "-o",
        "out",
    ];
    let (status, said) = scene.said(&pull);
    assert_eq!(
        (status, said.contains("✓ verified  acme@1.5.0")),
        (0, true),
        "{said}"
    );
    assert!(
        said.contains("release.pub") && !said.contains("unverified"),
        "{said}"
    );
    assert_eq!(scene.program.read("out/acme.wasm"), component("two"));
    let again = scene.said(&["push", "out/acme.wasm", "store"]);
    assert_eq!(again.0, 0, "what was pulled can be pushed: {again:?}");

    let yank = [
        "modules",
        "yank",
        "store",
        "acme",
        "1.5.0",
        "--reason",
        "lets forks in",
    ];
    let key = ["--key", "release.key", "--expires", "7d"];
    let (status, said) = scene.said(&[&yank[..], &key].concat());
    assert_eq!((status, said.contains("2, 1 yanked")), (0, true), "{said}");
    let (status, said) = scene.said(&pull);
    assert_eq!(
        (status, said.contains("it is yanked: lets forks in")),
        (1, true),
        "{said}"
    );
    let (status, said) = scene.said(&["modules", "list", "store", "acme", "--key", "release.pub"]);
    assert_eq!(status, 0, "{said}");
    for wanted in [
        "edition 2, verified",
        "1.4.0",
        "listed",
        "yanked: lets forks in",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let (_, said) = scene.index(&["--key", "release.key"]);
    assert!(
        said.contains("edition 3") && said.contains("1 yanked"),
        "it stays so: {said}"
    );
    assert_eq!(
        scene.said(&["modules", "list", "store"]),
        (0, "acme\n".to_owned())
    );
}

#[test]
fn nothing_is_written_of_what_is_refused() {
    let scene = Scene::new();
    scene.said(&["push", "acme.wasm", "store"]);
    scene.program.write("out/x", "");
    let pull = ["pull", "acme@1.4.0", "store", "-o", "out"];
    let (status, said) = scene.said(&[&pull[..], &["--key", "other.pub"]].concat());
    assert_eq!(
        (status, said.contains("✗ refused  acme@1.4.0")),
        (1, true),
        "{said}"
    );
    let files = std::fs::read_dir(scene.program.path("out")).unwrap();
    assert_eq!(files.count(), 1);
    let (status, said) = scene.said(&pull);
    assert_eq!(
        (status, said.contains("! unverified  acme@1.4.0")),
        (0, true),
        "{said}"
    );
    let ran = scene
        .program
        .run(&["pull", "acme@1.4.0", "store", "--format", "json"]);
    assert_eq!(ran.json()["verified"], false);
    let ran = scene
        .program
        .run(&["pull", "acme@9.0.0", "store", "--format", "json"]);
    assert_eq!(ran.status, 2);
    let message = ran.json()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "the store has no module `acme@9.0.0`");
}

#[test]
fn an_edition_signs_nothing_that_nobody_vouches_for() {
    let scene = Scene::new();
    scene.said(&["push", "acme.wasm", "store"]);
    let (status, said) = scene.index(&["--key", "other.key"]);
    assert_eq!(
        (status, said.contains("can't be listed")),
        (2, true),
        "{said}"
    );
    let trusting = ["--key", "other.key", "--trust", "release.pub"];
    assert_eq!(scene.index(&trusting).0, 0);
    // The edition that is there is another's now.
    let (status, said) = scene.index(&["--key", "release.key"]);
    assert_eq!(status, 2, "{said}");
    assert!(
        said.contains("the index that is there is not trusted"),
        "{said}"
    );
    assert_eq!(
        scene
            .index(&["--key", "release.key", "--trust", "other.pub"])
            .0,
        0
    );
}

#[test]
fn one_version_has_one_digest_for_ever() {
    let mut scene = Scene::new();
    scene.said(&["push", "acme.wasm", "store"]);
    scene.version("1.4.0", "two");
    let (status, said) = scene.said(&["push", "acme.wasm", "store"]);
    assert_eq!(
        (status, said.contains("another version")),
        (2, true),
        "{said}"
    );
}

#[test]
fn what_lacks_a_statement_is_not_published() {
    let scene = Scene::new();
    scene.program.write("bare.wasm", component("one"));
    let (status, said) = scene.said(&["push", "bare.wasm", "store"]);
    assert_eq!(
        (status, said.contains("claimbound sign")),
        (2, true),
        "{said}"
    );
    let (status, said) = scene.said(&["push", "policy.toml", "store"]);
    assert_eq!(
        (status, said.contains("ends with `.wasm`")),
        (2, true),
        "{said}"
    );
    assert!(!scene.program.path("store").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_is_asked_by_what_docker_knows() {
    let scene = Scene::new();
    let fake = Fake::start(Means {
        referrers: Some(100),
        realm: Some(String::new()),
    })
    .await;
    let place = fake.place();
    let digest = Digest::of(&scene.module.component);
    let compared = comparison(&id("acme@1.4.0"), digest, "1.3.0", &scene.key);
    scene.program.write("c.json", &compared.document);
    scene
        .program
        .write("c.json.sig", compared.signatures[0].as_bytes());
    let push = ["push", "acme.wasm", &place, "--comparison", "c.json"];
    let run = |configuration: &tempfile::TempDir, arguments: &[&str]| {
        let folder = configuration.path().to_str().unwrap();
        let ran = scene
            .program
            .run_with(arguments, b"", &[("DOCKER_CONFIG", folder)]);
        (ran.status, ran.out + &ran.err)
    };
    let wrong = docker_configuration(&fake.host(), "bWU6aHVudGVyMw==");
    let (status, said) = tokio::task::block_in_place(|| run(&wrong, &push));
    assert_eq!(
        (status, said.contains("the store refuses")),
        (2, true),
        "{said}"
    );
    assert!(!said.contains("hunter3"), "{said}");
    let right = docker_configuration(&fake.host(), ME);
    let (status, said) = tokio::task::block_in_place(|| run(&right, &push));
    assert_eq!(status, 0, "{said}");
    let pull = ["pull", "acme@1.4.0", &place, "--key", "release.pub"];
    let (status, said) = tokio::task::block_in_place(|| run(&right, &pull));
    assert_eq!(
        (status, said.contains("✓ verified  acme@1.4.0")),
        (0, true),
        "{said}"
    );
    let found = scene.program.read("acme.comparison-from-1.3.0.json");
    assert_eq!(found, compared.document);
}

#[tokio::test]
async fn an_index_that_is_not_trusted_is_told_by_the_status() {
    let scene = Scene::new();
    let (name, other): (ModuleName, _) = ("acme".parse().unwrap(), key());
    let store = scene.program.path("store");
    let edition = super::world::index("acme", 1, &["1.4.0"], &other);
    open(store.to_str().unwrap())
        .push_index(&name, &edition)
        .await
        .unwrap();
    let also = sign(edition.document.clone(), &[(&scene.key, Form::Detached)]);
    let list = ["modules", "list", "store", "acme", "--key", "release.pub"];
    let (status, said) = scene.said(&list);
    assert_eq!(
        (status, said.contains("no host takes the index")),
        (1, true),
        "{said}"
    );
    open(store.to_str().unwrap())
        .push_index(&name, &also)
        .await
        .unwrap();
    let (status, said) = scene.said(&list);
    assert_eq!(
        (
            status,
            said.contains("no host takes the index: it expired at")
        ),
        (1, true),
        "{said}"
    );
}

#[tokio::test]
async fn an_index_that_expired_is_no_word_for_a_version_and_its_absence_is_said() {
    let scene = Scene::new();
    scene.said(&["push", "acme.wasm", "store"]);
    scene.program.write("out/x", "");
    let pull = [
        "pull",
        "acme@1.4.0",
        "store",
        "--key",
        "release.pub",
        "-o",
        "out",
    ];
    let (status, said) = scene.said(&pull);
    assert_eq!(
        (status, said.contains("the store has none")),
        (0, true),
        "{said}"
    );
    std::fs::remove_file(scene.program.path("out/acme.wasm")).unwrap();
    let name: ModuleName = "acme".parse().unwrap();
    let expired = super::world::index("acme", 6, &["1.4.0"], &scene.key);
    let store = scene.program.path("store");
    let store = open(store.to_str().unwrap());
    store.push_index(&name, &expired).await.unwrap();
    let (status, said) = scene.said(&pull);
    assert_eq!(
        (status, said.contains("edition 6 of the index expired")),
        (1, true),
        "{said}"
    );
    assert!(!scene.program.path("out/acme.wasm").exists());
    let (status, said) = scene.index(&["--key", "release.key"]);
    assert_eq!(
        (
            status,
            said.contains("edition 6, which is gone on from, expired")
        ),
        (0, true),
        "{said}"
    );
}

#[test]
fn signatures_of_another_document_are_gone_after_a_pull() {
    let scene = Scene::new();
    scene.said(&["push", "acme.wasm", "store"]);
    for stale in ["sig", "1.sig", "sigstore.json", "1.sigstore.json"] {
        let name = format!("out/acme.statement.json.{stale}");
        scene.program.write(&name, "of another");
    }
    let pull = ["pull", "acme@1.4.0", "store", "-o", "out"];
    assert_eq!(scene.said(&pull).0, 0);
    let files = std::fs::read_dir(scene.program.path("out")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(
        files,
        [
            "acme.statement.json",
            "acme.statement.json.sigstore.json",
            "acme.wasm"
        ]
    );
}

#[test]
fn an_edition_is_signed_by_a_key_from_wherever_keys_come() {
    let scene = Scene::new();
    scene.said(&["push", "acme.wasm", "store"]);
    let key = scene.program.read("release.key");
    let index = ["modules", "index", "store", "acme", "--expires", "7d"];
    let standard = [&index[..], &["--key", "-"]].concat();
    let ran = scene.program.run_with(&standard, &key, &[]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let text = String::from_utf8(key).unwrap();
    let variable = [&index[..], &["--key", "env:RELEASE_KEY"]].concat();
    let ran = scene
        .program
        .run_with(&variable, b"", &[("RELEASE_KEY", &text)]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.contains("edition 2"), "{}", ran.out);
}

#[test]
fn a_version_that_is_there_already_gets_what_it_lacks_and_that_is_said() {
    let scene = Scene::new();
    let push = ["push", "acme.wasm", "store"];
    let (_, said) = scene.said(&push);
    assert!(!said.contains("already"), "{said}");
    assert!(said.contains("hosts take what the index lists"), "{said}");
    scene.index(&["--key", "release.key"]);
    let (status, said) = scene.said(&push);
    assert_eq!(status, 0, "{said}");
    assert!(!said.contains("hosts take what the index lists"), "{said}");
    for wanted in [
        "✓ pushed  acme@1.4.0, which was there already",
        "nothing: the store has all of it",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let document = scene.module.statements[0].document.clone();
    let digest = Digest::of(&scene.module.component);
    let compared = comparison(&id("acme@1.4.0"), digest, "1.3.0", &scene.key);
    let also = sign(document, &[(&key(), Form::Detached)]);
    for (name, bytes) in [
        ("c.json", &compared.document[..]),
        ("c.json.sig", compared.signatures[0].as_bytes()),
        ("acme.statement.json.sig", also.signatures[0].as_bytes()),
    ] {
        scene.program.write(name, bytes);
    }
    let more = [&push[..], &["--comparison", "c.json", "--format", "json"]].concat();
    assert_eq!(
        scene.program.run(&more).json()["added"],
        serde_json::json!(["1 signature on the statement", "the comparison with 1.3.0"])
    );
    let again = scene.program.run(&more).json();
    assert_eq!(again["added"], serde_json::json!([]));
}

#[test]
fn a_comparison_with_a_newer_version_is_not_pushed() {
    let scene = Scene::new();
    let digest = Digest::of(&scene.module.component);
    let compared = comparison(&id("acme@1.4.0"), digest, "1.5.0", &scene.key);
    scene.program.write("c.json", &compared.document);
    let (status, said) = scene.said(&["push", "acme.wasm", "store", "--comparison", "c.json"]);
    assert_eq!(status, 2, "{said}");
    let wanted = "the older one comes first: `claimbound modules compare acme@1.4.0 acme@1.5.0`";
    assert!(said.contains(wanted), "{said}");
    assert!(!scene.program.path("store").exists());
}

#[test]
fn an_edition_that_holds_for_long_is_said_to_bound_little() {
    let scene = Scene::new();
    scene.said(&["push", "acme.wasm", "store"]);
    for (expires, is_long) in [("90d", false), ("91d", true)] {
        let index = ["modules", "index", "store", "acme", "--key", "release.key"];
        let (status, said) = scene.said(&[&index[..], &["--expires", expires]].concat());
        assert_eq!(status, 0, "{said}");
        let told = said.contains("a store can show this edition and hide later ones");
        assert_eq!(told, is_long, "{expires}: {said}");
    }
}

#[test]
fn a_statement_of_an_older_build_is_not_pushed_and_what_would_do_is_said() {
    let scene = Scene::new();
    scene.program.write("acme.wasm", component("two"));
    let (status, said) = scene.said(&["push", "acme.wasm", "store"]);
    assert_eq!(status, 2, "{said}");
    for wanted in [
        "`acme.statement.json` is about another component than `acme.wasm`",
        "perhaps an older build",
        "sign anew by `claimbound sign acme.wasm --key KEY`",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(!scene.program.path("store").exists());
}

#[test]
fn keys_that_did_not_sign_are_told_with_what_they_may_sign() {
    let scene = Scene::new();
    scene.said(&["push", "acme.wasm", "store"]);
    let wanted = "no known key signed it; known: `other.pub`, for `module`, `index`, \
                  `comparison` of `acme`";
    let (status, said) = scene.said(&["pull", "acme@1.4.0", "store", "--key", "other.pub"]);
    assert_eq!((status, said.contains(wanted)), (1, true), "{said}");
    scene.index(&["--key", "release.key"]);
    for call in [
        &["pull", "acme@1.4.0", "store", "--key", "other.pub"][..],
        &["modules", "list", "store", "acme", "--key", "other.pub"],
    ] {
        let (status, said) = scene.said(call);
        assert_eq!((status, said.contains(wanted)), (1, true), "{said}");
        assert!(said.contains("index"), "{said}");
    }
}

#[test]
fn a_name_that_the_store_does_not_hold_may_be_meant_for_one_that_it_does() {
    let scene = Scene::new();
    scene.said(&["push", "acme.wasm", "store"]);
    scene.index(&["--key", "release.key"]);
    let key = ["--key", "release.key", "--expires", "7d"];
    let yank = ["modules", "yank", "store", "acne", "1.4.0", "--reason", "x"];
    for call in [
        &["pull", "acne@1.4.0", "store"][..],
        &["pull", "acne@1.4.0", "store", "--key", "release.pub"],
        &["modules", "list", "store", "acne"],
        &[&["modules", "index", "store", "acne"][..], &key].concat(),
        &[&yank[..], &key].concat(),
    ] {
        let (status, said) = scene.said(call);
        assert_eq!(status, 2, "{call:?}: {said}");
        let wanted = "the store holds no module `acne` (did you mean `acme`?)";
        assert!(said.contains(wanted), "{call:?}: {said}");
    }
    let (_, said) = scene.said(&["pull", "else@1.4.0", "store"]);
    assert!(
        said.ends_with("the store holds no module `else`\n"),
        "{said}"
    );
}

#[test]
fn a_version_that_nobody_signed_is_listed_by_no_edition_and_how_to_sign_it_is_said() {
    let scene = Scene::new();
    std::fs::remove_file(scene.program.path("acme.statement.json.sigstore.json")).unwrap();
    let (_, said) = scene.said(&["push", "acme.wasm", "store"]);
    assert!(said.contains("nobody has signed it"), "{said}");
    let (status, said) = scene.index(&["--key", "release.key"]);
    assert_eq!(status, 2, "{said}");
    for wanted in [
        "`acme@1.4.0` can't be listed: the statement is not trusted: it has no signature",
        "`claimbound pull acme@1.4.0 store`",
        "`claimbound sign acme.wasm --key KEY`",
        "`claimbound push acme.wasm store`",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(!said.contains("--trust"), "{said}");
}

#[test]
fn a_registry_is_written_with_its_scheme() {
    let scene = Scene::new();
    let (status, said) = scene.said(&["push", "acme.wasm", "localhost:5000/x"]);
    assert_eq!(status, 2, "{said}");
    assert!(
        said.contains("`https://localhost:5000/x`") && said.contains("`http://localhost:5000/x`"),
        "{said}"
    );
    assert!(!scene.program.path("localhost:5000").exists());
    scene.program.write("localhost:5000/x/kept", "");
    let (status, said) = scene.said(&["push", "acme.wasm", "localhost:5000/x"]);
    assert_eq!(status, 0, "a folder that is there is one: {said}");
    for place in [
        "me:hunter2@registry.example:5000/x",
        "https://me:hunter2@registry.example/x",
    ] {
        let (status, said) = scene.said(&["modules", "list", place]);
        assert_eq!((status, said.contains("hunter2")), (2, false), "{said}");
    }
}

#[test]
fn a_store_stands_before_the_name_and_the_version() {
    let scene = Scene::new();
    for (place, told) in [
        (
            "oci://h.example/team/acme:1.4.0",
            Some("oci://h.example/team"),
        ),
        (
            "https://h.example/team/acme@sha256:0",
            Some("https://h.example/team"),
        ),
        ("https://me:hunter2@h.example/acme:1", None),
        ("https://h.example/Team", None),
    ] {
        let (status, said) = scene.said(&["push", "acme.wasm", place]);
        assert_eq!(status, 2, "{place}: {said}");
        assert!(!said.contains("hunter2"), "{place}: {said}");
        let before = "give what stands before the name";
        match told {
            Some(told) => assert!(said.contains(&format!("{before}: `{told}`")), "{said}"),
            None => assert!(!said.contains(before), "{place}: {said}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ends_with_the_name_has_it_added_again_and_that_is_said() {
    let scene = Scene::new();
    let fake = Fake::start(Means::default()).await;
    for (place, is_twice) in [
        (fake.place(), true),
        (fake.place().replace("/acme", "/team"), false),
    ] {
        let push = ["push", "acme.wasm", place.as_str()];
        let (status, said) = tokio::task::block_in_place(|| scene.said(&push));
        assert_eq!(status, 0, "{said}");
        let told = format!("its repository is `{place}/acme`");
        assert_eq!(said.contains(&told), is_twice, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_of_this_machine_without_tls_is_told_by_what_it_answers() {
    let scene = Scene::new();
    let fake = Fake::start(Means::default()).await;
    let secure = fake.place().replacen("http://", "https://", 1);
    let list = ["modules", "list", secure.as_str(), "acme"];
    let (status, said) = tokio::task::block_in_place(|| scene.said(&list));
    let wanted = format!("is written `{}`", fake.place());
    assert_eq!((status, said.contains(&wanted)), (2, true), "{said}");
}

#[test]
fn what_is_pulled_over_another_version_is_taken_for_none_of_it() {
    let mut scene = Scene::new();
    let digest = Digest::of(&scene.module.component);
    let compared = comparison(&id("acme@1.4.0"), digest, "1.3.0-rc.1", &scene.key);
    scene.program.write("c.json", &compared.document);
    let signature = compared.signatures[0].as_bytes();
    scene.program.write("c.json.sig", signature);
    scene.program.write("p.json", "{}");
    let with = ["--comparison", "c.json", "--provenance", "p.json"];
    let (status, said) = scene.said(&[&["push", "acme.wasm", "store"][..], &with].concat());
    assert_eq!(status, 0, "{said}");
    scene.version("1.5.0", "two");
    scene.said(&["push", "acme.wasm", "store"]);

    let pull = |version: &str| {
        let id = format!("acme@{version}");
        let ran = scene
            .program
            .run(&["pull", &id, "store", "-o", "new/out", "--format", "json"]);
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.json()["removed"].as_array().unwrap().len()
    };
    let there = || {
        let files = std::fs::read_dir(scene.program.path("new/out")).unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        files.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(pull("1.4.0"), 0);
    let first = there();
    for file in [
        "acme.comparison-from-1.3.0-rc.1.json",
        "acme.comparison-from-1.3.0-rc.1.json.sig",
        "acme.provenance.json",
    ] {
        assert!(first.contains(file), "{file}: {first:?}");
    }
    for kept in ["acme.txt", "acme.comparison-from-here.json", "other.wasm"] {
        scene.program.write(&format!("new/out/{kept}"), "mine");
    }
    assert_eq!(pull("1.4.0"), 0, "the same again removes nothing");
    assert!(pull("1.5.0") >= 2);
    let expected = [
        "acme.comparison-from-here.json",
        "acme.statement.json",
        "acme.statement.json.sigstore.json",
        "acme.txt",
        "acme.wasm",
        "other.wasm",
    ];
    assert_eq!(there(), expected.map(str::to_owned).into());
}

#[test]
fn who_signed_each_version_is_listed_where_keys_are_given() {
    let mut scene = Scene::new();
    scene.said(&["push", "acme.wasm", "store"]);
    scene.index(&["--key", "release.key"]);
    scene.version("1.5.0", "two");
    std::fs::remove_file(scene.program.path("acme.statement.json.sigstore.json")).unwrap();
    scene.said(&["push", "acme.wasm", "store"]);
    let list = ["modules", "list", "store", "acme"];
    let (_, said) = scene.said(&list);
    assert!(said.contains("nobody's word was checked"), "{said}");
    assert!(!said.contains("signed by"), "{said}");
    let keyed = [&list[..], &["--key", "release.pub"]].concat();
    let (status, said) = scene.said(&keyed);
    assert_eq!(status, 0, "{said}");
    let line = |version: &str| {
        let mut lines = said.lines();
        lines
            .find(|line| line.contains(version))
            .unwrap()
            .to_owned()
    };
    for wanted in ["  listed  ", "  signed by release.pub  "] {
        assert!(line("1.4.0").contains(wanted), "{said}");
    }
    assert!(line("1.5.0").contains("it has no signature"), "{said}");
    assert!(!said.contains("nobody's word"), "{said}");
    let json = [&keyed[..], &["--format", "json"]].concat();
    assert_eq!(
        scene.program.run(&json).json()["signers"],
        serde_json::json!({ "1.4.0": ["release.pub"], "1.5.0": null })
    );
    let json = [&list[..], &["--format", "json"]].concat();
    let json = scene.program.run(&json).json();
    assert_eq!(
        (&json["signers"], &json["verified"]),
        (&serde_json::Value::Null, &false.into())
    );
}

#[test]
fn a_component_that_is_not_the_one_that_is_listed_has_nobody_s_word() {
    let scene = Scene::new();
    scene.said(&["push", "acme.wasm", "store"]);
    scene.index(&["--key", "release.key"]);
    // Another version of the same name and number, signed as well.
    let other = published(&id("acme@1.4.0"), component("two"), &scene.key);
    let signature = other.statements[0].signatures[0].as_bytes();
    for (name, bytes) in [
        ("module.wasm", &other.component[..]),
        ("statement.json", &other.statements[0].document),
        ("statement.json.sigstore.json", signature),
    ] {
        scene
            .program
            .write(&format!("store/acme/1.4.0/{name}"), bytes);
    }
    let (_, said) = scene.said(&["modules", "list", "store", "acme", "--key", "release.pub"]);
    assert!(!said.contains("signed by"), "{said}");
    assert!(said.contains("has digest"), "{said}");
}

#[test]
fn of_many_versions_the_highest_are_asked_for_who_signed_them() {
    let mut scene = Scene::new();
    for minor in 0..21 {
        scene.version(&format!("1.{minor}.0"), &format!("of {minor}"));
        assert_eq!(scene.said(&["push", "acme.wasm", "store"]).0, 0);
    }
    let list = ["modules", "list", "store", "acme", "--key", "release.pub"];
    let (status, said) = scene.said(&list);
    assert_eq!(status, 0, "{said}");
    assert_eq!(said.matches("signed by release.pub").count(), 20, "{said}");
    let oldest = said.lines().find(|line| line.contains(" 1.0.0 ")).unwrap();
    assert!(oldest.ends_with("not asked for"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_a_registry_is_compared_as_one_of_a_folder() {
    let scene = Scene::new();
    let fake = Fake::start(Means::default()).await;
    let place = fake.place();
    let said = |arguments: &[&str]| tokio::task::block_in_place(|| scene.said(arguments));
    assert_eq!(said(&["push", "acme.wasm", &place]).0, 0);
    let compare = [
        "modules",
        "compare",
        "acme@1.4.0",
        "acme.wasm",
        "--store",
        &place,
    ];
    let (status, told) = said(&[&compare[..], &["--trust", "other.pub"]].concat());
    let refused = "`acme@1.4.0` is refused: the statement is not trusted: no known key signed it";
    assert_eq!((status, told.contains(refused)), (2, true), "{told}");
    // It is taken, and is no policy that could be compared.
    let (status, told) = said(&[&compare[..], &["--trust", "release.pub"]].concat());
    let taken = "`acme@1.4.0` can't be compared: it carries no document";
    assert_eq!((status, told.contains(taken)), (2, true), "{told}");
}
