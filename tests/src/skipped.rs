//! Tests that need what is not everywhere: each says that it was skipped, and fails
//! where what it needs should be there.

/// What has to be there: names with blanks between them.
const NEEDED: &str = "CLAIMBOUND_NO_SKIP";

/// Says why a test is skipped that lacks something.
///
/// # Panics
/// Where `CLAIMBOUND_NO_SKIP` names that.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn skipped(lacks: &str, why: &str) {
    let needed = std::env::var(NEEDED).unwrap_or_default();
    let is_needed = needed.split_ascii_whitespace().any(|one| one == lacks);
    assert!(!is_needed, "{why}, and {NEEDED} names `{lacks}`");
    eprintln!("skipped: {why}");
}
