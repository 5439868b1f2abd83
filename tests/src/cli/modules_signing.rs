//! Modules signed and verified, and what OpenSSL says of the signatures.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claimbound::modules::Statement;

use super::program::{POLICY, Program, Ran, settled};

/// A program with a component `deploy.wasm` and the keys `release` and `other`.
fn program() -> Program {
    let program = Program::new();
    done(&program, "build policy.toml -o deploy.wasm");
    done(&program, "modules keygen release");
    done(&program, "modules keygen other --algorithm ed25519");
    program
}

fn run(program: &Program, call: &str) -> Ran {
    let words: Vec<_> = call.split(' ').collect();
    program.run(&words)
}

fn done(program: &Program, call: &str) -> Ran {
    let ran = run(program, call);
    assert_eq!(ran.status, 0, "{call}: {ran:?}");
    ran
}

/// It is answered with no, for that reason.
fn refused(program: &Program, call: &str, why: &str) {
    let ran = run(program, call);
    assert_eq!(ran.status, 1, "{call}: {ran:?}");
    assert!(ran.out.contains(why), "{call}: {ran:?}");
}

/// It gives no answer, for that reason.
fn failed(program: &Program, call: &str, why: &str) {
    let ran = run(program, call);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{call}: {ran:?}");
    assert!(ran.err.contains(why), "{call}: {ran:?}");
}

#[test]
fn a_component_is_signed_and_verified() {
    let program = program();
    let signed = done(&program, "sign deploy.wasm --key release.key");
    let verified = done(&program, "verify deploy.wasm --key release.pub");
    let settled_times = |shown: String| {
        shown
            .lines()
            .map(|line| {
                let begins = ["  time", "  key"]
                    .iter()
                    .any(|label| line.starts_with(label));
                if begins { "  […]" } else { line }.to_owned() + "\n"
            })
            .collect::<String>()
    };
    settled(|| {
        insta::assert_snapshot!("modules-sign", settled_times(signed.shown()));
        insta::assert_snapshot!("modules-verify", settled_times(verified.shown()));
    });
    let json = done(
        &program,
        "verify deploy.wasm --key release.pub --format json",
    )
    .json();
    assert_eq!(json["verified"], true);
    assert_eq!(json["signed"]["name"], "acme-deploy");
    assert_eq!(json["signed"]["version"], "1.4.0");
    let statement = String::from_utf8(program.read("deploy.statement.json")).unwrap();
    assert!(
        statement.contains(r#""type": "claimbound.module.v1""#),
        "{statement}"
    );
}

#[test]
fn nothing_but_what_was_signed_is_verified() {
    let program = program();
    let verify = "verify deploy.wasm --key release.pub";
    refused(&program, verify, "no statement");
    done(&program, "sign deploy.wasm --key release.key --detached");
    refused(
        &program,
        "verify deploy.wasm --key other.pub",
        "the key `other.pub` did not sign it",
    );
    program.write("policy.toml", POLICY.replace("1.4.0", "1.4.1"));
    done(&program, "build policy.toml -o newer.wasm");
    program.write("deploy.wasm", program.read("newer.wasm"));
    refused(&program, verify, "the component's digest is");
    refused(
        &program,
        verify,
        "if you built it anew since, remove the statement",
    );
    done(&program, "build policy.toml -o deploy.wasm");
    failed(
        &program,
        "sign deploy.wasm --key other.key",
        "says something else",
    );
    let statement = String::from_utf8(program.read("deploy.statement.json")).unwrap();
    program.write("deploy.statement.json", statement + "\n");
    refused(&program, verify, "did not sign it");
    std::fs::remove_file(program.path("deploy.statement.json.sig")).unwrap();
    refused(&program, verify, "it has no signature");
}

#[test]
fn a_statement_that_lies_about_its_component_is_not_verified() {
    let program = program();
    done(&program, "sign deploy.wasm --key release.key");
    let statement = String::from_utf8(program.read("deploy.statement.json")).unwrap();
    program.write("deploy.statement.json", statement.replace("1.4.0", "9.0.0"));
    std::fs::remove_file(program.path("deploy.statement.json.sigstore.json")).unwrap();
    done(&program, "sign deploy.statement.json --key release.key");
    let verify = "verify deploy.wasm --key release.pub";
    refused(
        &program,
        verify,
        "and the component says `acme-deploy@1.4.0`",
    );
}

#[test]
fn a_second_key_signs_the_same_statement() {
    let program = program();
    done(&program, "sign deploy.wasm --key release.key");
    let first = program.read("deploy.statement.json");
    done(&program, "sign deploy.wasm --key other.key");
    done(&program, "sign deploy.wasm --key other.key --detached");
    assert_eq!(program.read("deploy.statement.json"), first);
    for key in ["release", "other"] {
        done(&program, &format!("verify deploy.wasm --key {key}.pub"));
    }
    // A key that signs again replaces its own signature, and no other.
    done(&program, "sign deploy.wasm --key other.key");
    let there = |name: &str| {
        program
            .path(&format!("deploy.statement.json.{name}"))
            .exists()
    };
    assert!(there("sigstore.json") && there("1.sigstore.json") && there("sig"));
    assert!(!there("2.sigstore.json") && !there("1.sig"));
    let only = "verify deploy.wasm --signature deploy.statement.json.1.sigstore.json --key";
    refused(&program, &format!("{only} release.pub"), "did not sign it");
    done(&program, &format!("{only} other.pub"));
}

#[test]
fn a_statement_is_written_for_something_else_to_sign() {
    let program = program();
    let stated = done(&program, "sign deploy.wasm --statement --format json").json();
    assert_eq!(stated["signed"]["name"], "acme-deploy");
    assert_eq!(stated["signature"], serde_json::Value::Null);
    let verify = "verify deploy.wasm --key other.pub";
    refused(&program, verify, "it has no signature");
    failed(&program, "sign deploy.wasm", "--key <KEY>");
    failed(
        &program,
        "sign deploy.wasm --statement --key other.key",
        "cannot be used with",
    );
    done(&program, "sign deploy.statement.json --key other.key");
    done(&program, verify);
}

#[test]
fn a_version_that_was_stated_anew_is_told_how_the_statement_that_is_there_is_signed() {
    let program = program();
    done(&program, "sign deploy.wasm --key release.key");
    done(&program, "push deploy.wasm store");
    let mut again = Statement::parse(&program.read("deploy.statement.json")).unwrap();
    again.time += 1;
    program.write("deploy.statement.json", again.to_bytes());
    let ran = run(&program, "push deploy.wasm store");
    assert_eq!(ran.status, 2, "{ran:?}");
    for call in [
        "pull acme-deploy@1.4.0 store -o there",
        "sign there/acme-deploy.wasm --key other.key",
        "push there/acme-deploy.wasm store",
    ] {
        let told = format!("`claimbound {}`", call.replace("other.key", "KEY"));
        assert!(ran.err.contains(&told), "{told}: {ran:?}");
        done(&program, call);
    }
}

#[test]
fn keys_replace_nothing_and_stand_in_no_other_place() {
    let program = program();
    failed(
        &program,
        "modules keygen release",
        "`release.key` is there already",
    );
    std::fs::remove_file(program.path("release.key")).unwrap();
    failed(
        &program,
        "modules keygen release",
        "`release.pub` is there already",
    );
    assert!(!program.path("release.key").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = program
            .path("other.key")
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let cosign = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\neyJrZGYi\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n";
    program.write("cosign.key", cosign);
    for (call, why) in [
        (
            "sign deploy.wasm --key release.pub",
            "this is a public key, and a private one is needed",
        ),
        (
            "sign deploy.wasm --key cosign.key",
            "sign with `cosign sign-blob` itself",
        ),
        ("sign deploy.wasm --key keys.json", "holds no PEM block"),
        (
            "sign policy.toml --key other.key",
            "`policy.toml` is a policy document, not a component; make one of it by `claimbound \
             build policy.toml`",
        ),
        (
            "verify policy.toml --key other.pub",
            "make one of it by `claimbound build policy.toml`",
        ),
        (
            "sign notes.txt --key other.key",
            "a policy is made a component by `claimbound build`",
        ),
        (
            "verify notes.txt --key other.pub",
            "a policy is made a component by `claimbound build`",
        ),
        (
            "sign core.wasm --key other.key",
            "`core.wasm` is a core module",
        ),
        (
            "verify core.wasm --key other.pub",
            "`core.wasm` is a core module",
        ),
        (
            "sign other.key --key other.key",
            "is a private key, not a component",
        ),
        ("sign claims.json --key other.key", "has no member `type`"),
        (
            "verify deploy.wasm --key other.key",
            "this is a private key, and a public one is needed",
        ),
        (
            "verify other.key --key other.pub",
            "is a private key, not a module",
        ),
    ] {
        program.write("keys.json", "{\"keys\":[]}");
        program.write("notes.txt", "nothing of that kind\n");
        program.write("core.wasm", b"\0asm\x01\0\0\0");
        failed(&program, call, why);
    }
    done(&program, "sign deploy.wasm --key other.key");
    let call = "verify deploy.wasm --key other.pub --signature other.key";
    failed(&program, call, "is a private key, not a signature");
    program.write("broken.sig", "not base64");
    let call = "verify deploy.wasm --key other.pub --signature broken.sig";
    refused(&program, call, "`broken.sig`: the signature is not base64");
}

#[test]
fn an_input_is_never_written_over() {
    let program = program();
    let before = program.read("deploy.wasm");
    failed(
        &program,
        "sign deploy.wasm --key other.key -o deploy.wasm",
        "is an input",
    );
    failed(
        &program,
        "sign deploy.wasm --key other.key -o deploy.statement.json",
        "is an input",
    );
    assert_eq!(program.read("deploy.wasm"), before);
}

/// OpenSSL in the program's folder; `None`, said aloud, where there is none.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn openssl(program: &Program, call: &str) -> Option<String> {
    let words = call.split(' ');
    let ran = Command::new("openssl")
        .args(words)
        .current_dir(program.path("."))
        .output();
    match ran {
        Ok(ran) => {
            assert!(ran.status.success(), "{call}: {ran:?}");
            Some(String::from_utf8(ran.stdout).unwrap())
        }
        Err(error) => {
            eprintln!("skipped: openssl can't be run ({error})");
            None
        }
    }
}

const FILE: &str = "deploy.statement.json";

/// How OpenSSL signs and verifies by each algorithm; raw signatures in `raw`.
const OPENSSL: [(&str, &str, &str, &str); 3] = [
    (
        "p256",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out theirs.key",
        "dgst -sha256 -sign theirs.key -out raw deploy.statement.json",
        "dgst -sha256 -verify ours.pub -signature raw deploy.statement.json",
    ),
    (
        "p256",
        "ecparam -name prime256v1 -genkey -out theirs.key",
        "dgst -sha256 -sign theirs.key -out raw deploy.statement.json",
        "dgst -sha256 -verify ours.pub -signature raw deploy.statement.json",
    ),
    (
        "ed25519",
        "genpkey -algorithm ed25519 -out theirs.key",
        "pkeyutl -sign -rawin -inkey theirs.key -in deploy.statement.json -out raw",
        "pkeyutl -verify -rawin -pubin -inkey ours.pub -in deploy.statement.json -sigfile raw",
    ),
];

#[test]
fn openssl_verifies_what_is_signed_here_and_the_other_way_round() {
    for (algorithm, generate, sign, verify) in OPENSSL {
        let program = program();
        done(
            &program,
            &format!("modules keygen ours --algorithm {algorithm}"),
        );
        done(&program, "sign deploy.wasm --key ours.key --detached");
        let ours = program.read(&format!("{FILE}.sig"));
        program.write("raw", STANDARD.decode(ours).unwrap());
        if openssl(&program, verify).is_none() {
            return;
        }
        openssl(&program, generate);
        openssl(&program, "pkey -in theirs.key -pubout -out theirs.pub");
        openssl(&program, sign);
        openssl(&program, "base64 -in raw -out theirs.sig");
        let call = "verify deploy.wasm --key theirs.pub --signature theirs.sig";
        done(&program, call);
        refused(
            &program,
            &call.replace("theirs.pub", "ours.pub"),
            "did not sign it",
        );
        // Either reads the other's private keys.
        done(&program, "sign deploy.wasm --key theirs.key");
        done(&program, "verify deploy.wasm --key theirs.pub");
        openssl(&program, "pkey -in ours.key -pubout -out same.pub");
        assert_eq!(program.read("same.pub"), program.read("ours.pub"));
    }
}

#[test]
fn keys_of_other_kinds_are_named_for_what_they_are() {
    let program = program();
    for (generate, what) in [
        (
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out k.key",
            "`RSA` with 2048 bits",
        ),
        (
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out k.key",
            "`EC` with 384 bits",
        ),
        (
            "genpkey -algorithm ed448 -out k.key",
            "only keys on P-256 and Ed25519",
        ),
    ] {
        if openssl(&program, generate).is_none() {
            return;
        }
        openssl(&program, "pkey -in k.key -pubout -out k.pub");
        failed(&program, "verify deploy.wasm --key k.pub", what);
        failed(
            &program,
            "sign deploy.wasm --key k.key",
            "another type or curve",
        );
    }
    openssl(
        &program,
        "pkey -in release.key -aes256 -passout pass:x -out k.key",
    );
    failed(
        &program,
        "sign deploy.wasm --key k.key",
        "is encrypted; decrypt it first",
    );
}
