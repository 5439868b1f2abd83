//! Help, completions and the manual, all made from the same definitions.

use super::program::Program;

const COMMANDS: [&[&str]; 63] = [
    &[],
    &["check"],
    &["explain"],
    &["test"],
    &["build"],
    &["inspect"],
    &["lint"],
    &["diff"],
    &["token"],
    &["token", "decode"],
    &["token", "verify"],
    &["token", "mint"],
    &["token", "fetch"],
    &["push"],
    &["pull"],
    &["modules"],
    &["modules", "keygen"],
    &["modules", "index"],
    &["modules", "yank"],
    &["modules", "list"],
    &["modules", "compare"],
    &["modules", "status"],
    &["modules", "served"],
    &["modules", "rollback"],
    &["modules", "approve"],
    &["modules", "reject"],
    &["modules", "promote"],
    &["subject"],
    &["subject", "init"],
    &["subject", "list"],
    &["subject", "show"],
    &["subject", "history"],
    &["subject", "approve"],
    &["subject", "suspend"],
    &["subject", "resume"],
    &["subject", "retire"],
    &["subject", "migrate"],
    &["subject", "forget"],
    &["subject", "export"],
    &["subject", "import"],
    &["revoke"],
    &["revoke", "token"],
    &["revoke", "subject"],
    &["revoke", "key"],
    &["revoke", "issuer"],
    &["revoke", "list"],
    &["revoke", "lift"],
    &["revoke", "lift", "token"],
    &["revoke", "lift", "subject"],
    &["revoke", "lift", "key"],
    &["revoke", "lift", "issuer"],
    &["audit"],
    &["audit", "verify"],
    &["audit", "show"],
    &["audit", "replay"],
    &["audit", "try"],
    &["sign"],
    &["verify"],
    &["new"],
    &["bench"],
    &["demo"],
    &["completions"],
    &["man"],
];

#[test]
fn every_command_explains_itself() {
    let program = Program::new();
    for command in COMMANDS {
        let ran = program.run(&[command, &["--help"]].concat());
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{command:?}");
        let name = format!("help-{}", [&["claimbound"], command].concat().join("-"));
        insta::assert_snapshot!(name, ran.out);
    }
}

#[test]
fn every_shell_gets_its_completions() {
    let program = Program::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = program.run(&["completions", shell]);
        assert_eq!(ran.status, 0, "{shell}");
        for word in ["explain", "jwks", "inspect"] {
            assert!(ran.out.contains(word), "{shell} knows no {word}");
        }
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let program = Program::new();
    let ran = program.run(&["man"]);
    assert!(
        ran.status == 0 && ran.out.contains(".TH claimbound 1"),
        "{ran:?}"
    );
    assert_eq!(program.run(&["man", "--dir", "pages"]).status, 0);
    for command in COMMANDS {
        let name = [&["claimbound"], command].concat().join("-");
        let page = program.read(&format!("pages/{name}.1"));
        assert!(
            String::from_utf8(page).unwrap().contains(".SH SYNOPSIS"),
            "{name}"
        );
    }
}

#[test]
fn the_version_is_the_release() {
    let ran = Program::new().run(&["--version"]);
    assert_eq!(
        ran.out,
        format!("claimbound {}\n", env!("CARGO_PKG_VERSION"))
    );
}
