//! Which module: a name and a version.

use std::fmt;
use std::str::FromStr;

use semver::Version;

use super::name::{ModuleName, NameError};
use super::version::{self, VersionError};
use crate::reason::clip;

/// One version of a module, written `name@version`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleId {
    name: ModuleName,
    version: Version,
}

/// A text that is no `name@version`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// There is no `@` in it.
    #[error("`{0}` is no `name@version`")]
    Malformed(String),
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The version is none.
    #[error(transparent)]
    Version(#[from] VersionError),
}

impl ModuleId {
    /// A version of a module.
    ///
    /// # Errors
    /// Where it has build metadata, or is too long.
    pub fn new(name: ModuleName, version: Version) -> Result<Self, VersionError> {
        version::check(&version)?;
        Ok(Self { name, version })
    }

    /// What the module is called.
    pub const fn name(&self) -> &ModuleName {
        &self.name
    }

    /// Which version of it.
    pub const fn version(&self) -> &Version {
        &self.version
    }

    /// From two texts, as a document or a manifest has them.
    pub(super) fn read(name: &str, version: &str) -> Result<Self, IdError> {
        Ok(Self {
            name: name.parse()?,
            version: version::parse(version)?,
        })
    }
}

impl FromStr for ModuleId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split_once('@') {
            Some((name, version)) => Self::read(name, version),
            None => Err(IdError::Malformed(clip(text))),
        }
    }
}

impl fmt::Display for ModuleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_shown() {
        let id: ModuleId = "acme-deploy@1.4.0-rc.1".parse().unwrap();
        assert_eq!(id.name().as_str(), "acme-deploy");
        assert_eq!(id.to_string(), "acme-deploy@1.4.0-rc.1");
        for text in [
            "",
            "acme",
            "acme@",
            "@1.0.0",
            "acme@1",
            "acme@1.0.0@2.0.0",
            "acme@1.0.0+b",
        ] {
            assert!(text.parse::<ModuleId>().is_err(), "{text}");
        }
    }
}
