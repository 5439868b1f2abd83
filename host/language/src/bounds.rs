//! What a host takes of a component that describes itself: the grammar of its
//! name and version, and how much it may read.

use crate::diagnostic::Sink;
use crate::fields::Placed;
use crate::rule::Rule;

/// The most claims, parts of subjects, kinds of names or attributes that a
/// policy reads.
pub(crate) const MOST: usize = 256;
/// The longest name of a policy, in bytes.
const LONGEST_NAME: usize = 128;
/// The longest version, in bytes.
const LONGEST_VERSION: usize = 256;

/// Checks the name of a policy.
pub(crate) fn check_name(name: &Placed<String>, sink: &mut Sink) -> bool {
    if is_name(&name.value) {
        return true;
    }
    let message = format!("`{}` is no name of a policy", name.value);
    sink.error(Rule::Name, &name.place, message)
        .expected("1 to 128 of `a-z`, `0-9`, `-`, `_` and `.`, the first a letter or digit");
    false
}

/// Checks the version of a policy.
pub(crate) fn check_version(version: &Placed<String>, sink: &mut Sink) -> bool {
    if is_version(&version.value) {
        return true;
    }
    let message = format!("`{}` is no version", version.value);
    sink.error(Rule::Value, &version.place, message)
        .expected("a semantic version such as `1.4.0`");
    false
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    let begins = name
        .bytes()
        .next()
        .is_some_and(|one| one.is_ascii_alphanumeric());
    begins && name.len() <= LONGEST_NAME && name.bytes().all(allowed)
}

/// Semantic Versioning 2.0.0, §2, §9 and §10, as hosts read it.
fn is_version(version: &str) -> bool {
    let (rest, build) = version.split_once('+').unwrap_or((version, "0"));
    let (core, before) = rest.split_once('-').unwrap_or((rest, "0"));
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits && (text == "0" || !text.starts_with('0'))
    };
    let word = |text: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !text.is_empty() && text.bytes().all(known)
    };
    version.len() <= LONGEST_VERSION
        && core.split('.').count() == 3
        && core.split('.').all(number)
        && before.split('.').all(word)
        && build.split('.').all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_have_the_grammar_that_hosts_have() {
        for name in ["a", "acme-deploy", "0.x_y"] {
            assert!(is_name(name), "{name}");
        }
        let long = "a".repeat(129);
        for name in ["", "-a", "A", "a/b", "../a", "a b", "ä", long.as_str()] {
            assert!(!is_name(name), "{name}");
        }
        for version in ["0.1.0", "1.4.0-rc.1", "1.0.0+build.5", "1.0.0-a-b+c"] {
            assert!(is_version(version), "{version}");
        }
        for version in [
            "", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "1.2.3-", "1.2.3+", "v1.2.3",
        ] {
            assert!(!is_version(version), "{version}");
        }
    }
}
