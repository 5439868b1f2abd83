//! Where the program under test is.

use std::path::{Path, PathBuf};

/// The program, beside this test's own executable.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let program = folder.join(format!("claimbound{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.is_file(),
        "{} is not there: build it first, by `cargo build -p claimbound-cli`",
        program.display()
    );
    program
}
