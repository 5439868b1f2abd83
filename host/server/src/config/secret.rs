//! A secret: named by the configuration, kept elsewhere.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::files;

/// The longest secret, in bytes.
const LONGEST: u64 = 64 << 10;

/// Reads a variable of the environment. Only the program that runs a host does
/// so; it lends the means.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where a secret is: `env:NAME`, or `file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A variable of the environment.
    Environment(String),
    /// A file; a line end after it does not count.
    File(PathBuf),
}

/// A secret's text; its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// A secret that is not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{source}` {fault}", source = .from)]
pub struct SecretError {
    from: SecretSource,
    fault: String,
}

impl SecretSource {
    /// Reads it; a path that is not absolute starts at `folder`.
    ///
    /// # Errors
    /// Where it is absent, empty, too long, or no text.
    pub fn read(&self, folder: &Path, environment: Environment<'_>) -> Result<Secret, SecretError> {
        let fault = |fault: String| SecretError {
            from: self.clone(),
            fault,
        };
        let text = match self {
            Self::Environment(name) => {
                environment(name).ok_or_else(|| fault("is not set".into()))?
            }
            Self::File(path) => {
                let path = folder.join(path);
                let text = files::read_text(&path, LONGEST);
                text.map_err(|error| fault(error.to_string()))?
            }
        };
        let text = Zeroizing::new(text);
        let trimmed = text.trim_end_matches(['\r', '\n']);
        if trimmed.is_empty() {
            return Err(fault("is empty".into()));
        }
        Ok(Secret(Zeroizing::new(trimmed.to_owned())))
    }
}

impl Secret {
    /// A text that stands elsewhere than a configuration.
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this secret, in a time that does not depend on where
    /// they differ.
    pub fn is(&self, other: &[u8]) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_bytes(), other).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(formatter, "env:{name}"),
            Self::File(path) => write!(formatter, "file:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer).ok();
        match text.as_deref().and_then(|text| text.split_once(':')) {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            // Not a byte of it is shown: it may be the secret itself.
            Some(_) | None => Err(serde::de::Error::custom(
                "a secret is named by `env:NAME` or `file:PATH`, never written here",
            )),
        }
    }
}

impl JsonSchema for SecretSource {
    fn schema_name() -> Cow<'static, str> {
        "SecretSource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Where a secret is: `env:NAME` or `file:PATH`.",
            "pattern": "^(env|file):.+$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_written_in_the_configuration_nor_shown() {
        let told = serde_json::from_str::<SecretSource>("\"hunter2\"").unwrap_err();
        assert!(!told.to_string().contains("hunter2"), "{told}");
        let source: SecretSource = serde_json::from_str("\"env:X\"").unwrap();
        let secret = source
            .read(Path::new("/"), &|_| Some("hunter2\n".into()))
            .unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert!(secret.is(b"hunter2") && !secret.is(b"hunter3") && !secret.is(b""));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert!(source.read(Path::new("/"), &|_| None).is_err());
        assert!(source.read(Path::new("/"), &|_| Some("\n".into())).is_err());
    }
}
