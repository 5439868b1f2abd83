//! Components whose document is not what their program was built from: nothing
//! is read from it but under the word `unverified`.

use std::path::PathBuf;
use std::process::Command;

use claimbound::bake;
use serde_json::{Value, json};
use wasm_encoder::{ComponentSectionId, Encode as _};

use super::guest::Guest;
use crate::forge::{NOW, job};
use crate::gate::DOCUMENT;
use crate::program::program;

const SECTION: &str = "claimbound:document";
const BUILD: &str = "claimbound:build";

/// What one call of the program came to.
struct Ran {
    status: i32,
    out: String,
    err: String,
}

/// A folder with a component and claims that [`DOCUMENT`] accepts.
struct Shelf(tempfile::TempDir);

impl Shelf {
    fn with(component: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("policy.wasm"), component).unwrap();
        std::fs::write(folder.path().join("claims.json"), job().to_string()).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, row: &str, arguments: &[&str]) -> Ran {
        let output = Command::new(program())
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        for stream in [&out, &err] {
            let odd = |character: char| character.is_control() && character != '\n';
            assert!(!stream.contains(odd), "{row}: {stream:?}");
            assert!(!stream.contains("panicked"), "{row}: {stream}");
            assert!(stream.len() < 16 * 1024, "{row}: {} bytes", stream.len());
        }
        Ran {
            status: output.status.code().unwrap(),
            out,
            err,
        }
    }

    fn inspect(&self, row: &str) -> Ran {
        self.run(row, &["inspect", "policy.wasm", "--format", "json"])
    }

    fn check(&self, row: &str, more: &[&str]) -> Ran {
        let now = NOW.to_string();
        let check = [
            "check",
            "--policy",
            "policy.wasm",
            "--claims",
            "claims.json",
            "--at",
            &now,
        ];
        self.run(row, &[&check[..], &["--format", "json"], more].concat())
    }
}

/// What this release builds from [`DOCUMENT`].
fn built() -> Vec<u8> {
    let shelf = Shelf::with(b"");
    std::fs::write(shelf.path("policy.toml"), DOCUMENT).unwrap();
    let ran = shelf.run("build", &["build", "policy.toml", "-o", "built.wasm"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    std::fs::read(shelf.path("built.wasm")).unwrap()
}

/// A component with custom sections behind it.
fn with_sections(component: &[u8], sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = component.to_vec();
    for (name, data) in sections {
        let mut section = Vec::new();
        name.encode(&mut section);
        section.extend_from_slice(data);
        bytes.push(ComponentSectionId::CoreCustom as u8);
        section.encode(&mut bytes);
    }
    bytes
}

/// The program of one document beside the text of another.
fn beside(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let lenient = DOCUMENT.replace("\"refs/heads/main\"\n", "{ glob = \"**\" }\n");
    assert_ne!(lenient, DOCUMENT);
    let compiled = claimbound_language::compile("policy.toml", &lenient)
        .unwrap_or_else(|findings| panic!("{findings}"));
    bake::bake(bake::STANDARD, &compiled.bytes, sections).unwrap()
}

fn state(ran: &Ran) -> Value {
    let json: Value = serde_json::from_str(&ran.out)
        .unwrap_or_else(|error| panic!("{error}: {} {}", ran.out, ran.err));
    json["document"]["state"].clone()
}

#[test]
fn what_was_built_here_is_verified_and_needs_nobody_to_name_its_issuers() {
    let shelf = Shelf::with(&built());
    assert_eq!(state(&shelf.inspect("built")), "verified");
    let ran = shelf.check("built", &[]);
    assert_eq!(ran.status, 0, "{} {}", ran.out, ran.err);
    assert!(!ran.out.contains("ceiling: none"), "{}", ran.out);
}

#[test]
fn a_document_that_the_program_was_not_built_from_speaks_for_nothing() {
    let long = format!("{DOCUMENT}\n# {}", "x".repeat(2 << 20));
    let deep = format!("x = {}", "[".repeat(100_000));
    let text = DOCUMENT.as_bytes();
    let lie = |release: &str| {
        let zero = format!("sha256:{}", "0".repeat(64));
        json!({ "release": release, "standard": zero, "time_zone_data": "2026a", "horizon": "2040-01-01" })
            .to_string()
    };
    let guest = Guest::honest().build();
    for (row, component) in [
        ("another policy's document", beside(&[(SECTION, text)])),
        (
            "and who built it",
            beside(&[(SECTION, text), (BUILD, lie("99.0.0").as_bytes())]),
        ),
        (
            "a release that moves the cursor",
            beside(&[(SECTION, text), (BUILD, lie("\u{1b}[2J").as_bytes())]),
        ),
        (
            "a release of a megabyte",
            beside(&[
                (SECTION, text),
                (BUILD, lie(&"9".repeat(1 << 20)).as_bytes()),
            ]),
        ),
        (
            "a builder that is no JSON",
            beside(&[(SECTION, text), (BUILD, b"{")]),
        ),
        (
            "a document that does not compile",
            beside(&[(SECTION, b"claimbound = 1")]),
        ),
        ("an empty document", beside(&[(SECTION, b"")])),
        ("a document of 2 MiB", beside(&[(SECTION, long.as_bytes())])),
        (
            "a document that nests without end",
            beside(&[(SECTION, deep.as_bytes())]),
        ),
        (
            "one section more than was built",
            with_sections(&built(), &[("x", b"y")]),
        ),
        (
            "a guest that allows everything",
            with_sections(&guest, &[(SECTION, text)]),
        ),
    ] {
        let shelf = Shelf::with(&component);
        let inspected = shelf.inspect(row);
        assert_eq!(inspected.status, 0, "{row}: {}", inspected.err);
        assert_eq!(state(&inspected), "unverified", "{row}");
        let json: Value = serde_json::from_str(&inspected.out).unwrap();
        assert_eq!(
            json["statements"],
            Value::Null,
            "{row}: statements of a lie"
        );
        // Neither issuers nor audience nor ceiling are taken from the lie.
        let ran = shelf.check(row, &[]);
        assert_eq!(ran.status, 2, "{row}: {}", ran.out);
        assert!(
            format!("{}{}", ran.out, ran.err).contains("--issuer"),
            "{row}: {} {}",
            ran.out,
            ran.err
        );
    }
}

#[test]
fn a_decision_without_a_verified_document_says_that_nothing_bounds_it() {
    let component = with_sections(&Guest::honest().build(), &[(SECTION, DOCUMENT.as_bytes())]);
    let shelf = Shelf::with(&component);
    let more = [
        "--issuer",
        "https://token.actions.githubusercontent.com",
        "--model",
        "github-actions",
        "--audience",
        "https://deploy.acme.example",
    ];
    let ran = shelf.check("told", &more);
    assert_eq!(ran.status, 0, "{} {}", ran.out, ran.err);
    assert!(ran.out.contains("ceiling: none"), "{}", ran.out);
    assert!(
        format!("{}{}", ran.out, ran.err).contains("unverified"),
        "{} {}",
        ran.out,
        ran.err
    );
}

#[test]
fn sections_that_can_be_read_in_two_ways_are_read_in_none() {
    let text = DOCUMENT.as_bytes();
    for (row, component, told) in [
        (
            "two documents",
            beside(&[(SECTION, text), (SECTION, text)]),
            "twice",
        ),
        (
            "one document more than was built",
            with_sections(&built(), &[(SECTION, b"")]),
            "twice",
        ),
        ("no UTF-8", beside(&[(SECTION, b"\xff")]), "not UTF-8"),
        (
            "no UTF-8 in the cases",
            with_sections(&built(), &[("claimbound:cases", b"\xff")]),
            "not UTF-8",
        ),
    ] {
        let shelf = Shelf::with(&component);
        for ran in [shelf.inspect(row), shelf.check(row, &[])] {
            assert_eq!(ran.status, 2, "{row}: {}", ran.out);
            assert!(
                format!("{}{}", ran.out, ran.err).contains(told),
                "{row}: {} {}",
                ran.out,
                ran.err
            );
        }
    }
}

#[test]
fn a_section_inside_a_module_is_nobodys_document() {
    let text = format!("(component (core module (@custom \"{SECTION}\" \"claimbound = 1\")))");
    let inner = wat::parse_str(text).unwrap();
    // The sections of a component follow its header of eight bytes.
    let component = [beside(&[]), inner[8..].to_vec()].concat();
    let shelf = Shelf::with(&component);
    let ran = shelf.inspect("inner");
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(state(&ran), "none");
    assert_eq!(shelf.check("inner", &[]).status, 2);
}
