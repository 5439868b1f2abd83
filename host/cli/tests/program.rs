//! The program starts. That this test needs it makes cargo build it, for the
//! tests of the whole, which run it from outside, as well.

use std::process::Command;

#[test]
fn it_says_which_release_it_is() {
    let output = Command::new(env!("CARGO_BIN_EXE_claimbound"))
        .arg("--version")
        .output()
        .unwrap();
    assert!(output.status.success());
    let expected = format!("claimbound {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}
