//! A version as a module has one.

use semver::Version;

use crate::reason::clip;

/// Longest version, in bytes: as long as a tag of a registry (OCI distribution
/// 1.1, "Pulling manifests").
const LONGEST: usize = 128;

/// A text that is no version of a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// It is none of Semantic Versioning 2.0.0.
    #[error("`{0}` is not a version such as `1.4.0`")]
    Malformed(String),
    /// It is too long.
    #[error("`{0}` is longer than {LONGEST} bytes")]
    TooLong(String),
    /// It has build metadata: one version would have two spellings.
    #[error(
        "`{0}` has build metadata, which a module's version has not; leave out `+` and what follows"
    )]
    Build(String),
}

/// Reads a version of a module: Semantic Versioning 2.0.0 without build
/// metadata, at most 128 bytes.
///
/// # Errors
/// [`VersionError`], with the text cut to a bounded length.
pub fn parse(text: &str) -> Result<Version, VersionError> {
    if text.len() > LONGEST {
        return Err(VersionError::TooLong(clip(text)));
    }
    let version = Version::parse(text).map_err(|_| VersionError::Malformed(clip(text)))?;
    check(&version)?;
    Ok(version)
}

/// Refuses a version that no module has.
pub(super) fn check(version: &Version) -> Result<(), VersionError> {
    if !version.build.is_empty() {
        return Err(VersionError::Build(clip(&version.to_string())));
    }
    // 60 digits at most, so that only a long pre-release is written out.
    if version.pre.len() > LONGEST / 2 && version.to_string().len() > LONGEST {
        return Err(VersionError::TooLong(clip(&version.to_string())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_no_build_metadata_and_a_bounded_length() {
        for text in ["0.1.0", "1.4.0-rc.1", "18446744073709551615.0.0"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        let long = |length: usize| format!("1.0.0-{}", "a".repeat(length - 6));
        assert!(parse(&long(LONGEST)).is_ok());
        assert!(matches!(
            parse(&long(LONGEST + 1)),
            Err(VersionError::TooLong(_))
        ));
        assert!(matches!(parse("1.0.0+b"), Err(VersionError::Build(_))));
        for text in [
            "", "1", "1.0", "v1.0.0", "1.0.0 ", "01.0.0", "1.0.0-", "1.0.0-01",
        ] {
            assert!(
                matches!(parse(text), Err(VersionError::Malformed(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn a_version_made_by_hand_is_checked_as_one_that_was_read() {
        let mut version = Version::new(1, 0, 0);
        version.pre = semver::Prerelease::new(&"a".repeat(LONGEST)).unwrap();
        assert!(matches!(check(&version), Err(VersionError::TooLong(_))));
        version.build = semver::BuildMetadata::new("b").unwrap();
        assert!(matches!(check(&version), Err(VersionError::Build(_))));
    }
}
