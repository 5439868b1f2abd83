//! What a policy says it is and needs, checked.

use serde::Serialize;

use crate::contract::exports::claimbound::policy::decide as wire;
use crate::reason::clip;

/// Most claims, parts, kinds of names, attributes or kinds of obligations.
const MOST: usize = 256;
/// Longest path of a claim, in names.
pub(super) const LONGEST_PATH: usize = 16;
/// Longest name of anything, in bytes.
const LONGEST: usize = 256;

/// What a policy says it is and needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// Its name: lower-case letters, digits, `-`, `_`, `.`, and first of all a
    /// letter or digit.
    pub name: String,
    /// Its version, by Semantic Versioning 2.0.0.
    pub version: String,
    /// The digest of its document, where it was built from one.
    pub document: Option<String>,
    /// The paths of the claims that it reads; none: the whole payload.
    pub claims: Option<Vec<Vec<String>>>,
    /// The parts of the subject that it reads.
    pub parts: Vec<String>,
    /// The kinds of names that it reads.
    pub names: Vec<String>,
    /// The attributes of the request that it reads.
    pub attributes: Vec<String>,
    /// Whether it wants the issuer's whole key set.
    pub published_keys: bool,
    /// The kinds of obligations that it may ask for.
    pub obligations: Vec<String>,
}

/// A manifest that no policy may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The name is not one.
    #[error(
        "`{0}` is not a name: 1 to 128 of `a-z`, `0-9`, `-`, `_`, `.`, the first a letter or digit"
    )]
    Name(String),
    /// The version is not one.
    #[error("`{0}` is not a version such as `1.4.0`")]
    Version(String),
    /// The digest of the document is none.
    #[error("`{0}` is not `sha256:` and 64 lower-case hexadecimal digits")]
    Document(String),
    /// A list is too long, or holds what is too long or empty.
    #[error("the list of {0} is too long, or holds an empty or too long name")]
    List(&'static str),
    /// A list names something twice.
    #[error("the list of {0} names `{1}` twice")]
    Twice(&'static str, String),
}

impl Manifest {
    /// Takes what a policy said, if it can be.
    pub(super) fn check(wire: wire::Manifest) -> Result<Self, ManifestError> {
        if !is_name(&wire.name) {
            return Err(ManifestError::Name(clip(&wire.name)));
        }
        if !is_version(&wire.version) {
            return Err(ManifestError::Version(clip(&wire.version)));
        }
        if let Some(document) = wire.document.as_deref().filter(|one| !is_digest(one)) {
            return Err(ManifestError::Document(clip(document)));
        }
        if let Some(claims) = &wire.claims {
            check_paths(claims)?;
        }
        check_list("parts", &wire.parts)?;
        check_list("names", &wire.names)?;
        check_list("attributes", &wire.attributes)?;
        check_list("obligations", &wire.obligations)?;
        Ok(Self {
            name: wire.name,
            version: wire.version,
            document: wire.document,
            claims: wire.claims,
            parts: wire.parts,
            names: wire.names,
            attributes: wire.attributes,
            published_keys: wire.published_keys,
            obligations: wire.obligations,
        })
    }
}

/// Whether a policy can be called so: 1 to 128 of `a-z`, `0-9`, `-`, `_` and `.`,
/// the first a letter or digit.
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    (1..=128).contains(&name.len())
        && name.bytes().all(allowed)
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
}

/// Semantic Versioning 2.0.0, §2, §9 and §10.
fn is_version(version: &str) -> bool {
    let (rest, build) = version.split_once('+').unwrap_or((version, "0"));
    let (core, pre) = rest.split_once('-').unwrap_or((rest, "0"));
    let numbers: Vec<_> = core.split('.').collect();
    let number = |text: &&str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'))
    };
    let word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    version.len() <= LONGEST
        && numbers.len() == 3
        && numbers.iter().all(number)
        && pre.split('.').all(word)
        && build.split('.').all(word)
}

fn is_digest(text: &str) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix("sha256:")
        .is_some_and(|digits| digits.len() == 64 && digits.bytes().all(digit))
}

fn check_paths(paths: &[Vec<String>]) -> Result<(), ManifestError> {
    const WHAT: &str = "claims";
    if paths.len() > MOST
        || paths
            .iter()
            .any(|path| path.is_empty() || path.len() > LONGEST_PATH)
    {
        return Err(ManifestError::List(WHAT));
    }
    if paths.iter().flatten().any(|name| name.len() > LONGEST) {
        return Err(ManifestError::List(WHAT));
    }
    match twice(paths) {
        None => Ok(()),
        Some(path) => Err(ManifestError::Twice(WHAT, path.join("."))),
    }
}

fn check_list(what: &'static str, names: &[String]) -> Result<(), ManifestError> {
    let unfit = |name: &String| name.is_empty() || name.len() > LONGEST;
    if names.len() > MOST || names.iter().any(unfit) {
        return Err(ManifestError::List(what));
    }
    match twice(names) {
        None => Ok(()),
        Some(name) => Err(ManifestError::Twice(what, name.clone())),
    }
}

fn twice<T: Eq + std::hash::Hash>(list: &[T]) -> Option<&T> {
    let mut seen = std::collections::HashSet::new();
    list.iter().find(|one| !seen.insert(*one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_held_to_their_grammar() {
        for name in ["a", "acme-deploy", "0.x_y"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-a", "A", "a/b", "../a", "a b", "ä"] {
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
