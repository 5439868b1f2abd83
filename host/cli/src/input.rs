//! Where input comes from: a file, standard input, the environment. Every read
//! is bounded, and every failure names its source.

use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail};

/// Longest text that a person wrote, or token, that is read, in bytes.
pub(crate) const TEXT: u64 = 1024 * 1024;
/// Longest component or module that is read, in bytes; script engines have
/// some 12 MiB.
pub(crate) const COMPONENT: u64 = 64 * 1024 * 1024;

/// A source of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input, written `-`.
    Standard,
    /// A variable of the environment, written `env:NAME`.
    Environment(String),
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match (text, text.strip_prefix("env:")) {
            ("-", _) => Self::Standard,
            (_, Some(name)) => Self::Environment(name.to_owned()),
            (path, None) => Self::File(path.into()),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "`{}`", path.display()),
            Self::Standard => formatter.write_str("standard input"),
            Self::Environment(name) => write!(formatter, "environment variable `{name}`"),
        }
    }
}

impl Source {
    /// The source as it is spelled.
    pub(crate) fn spelling(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Standard => "-".to_owned(),
            Self::Environment(name) => format!("env:{name}"),
        }
    }

    /// All bytes, at most `limit`.
    pub(crate) fn bytes(&self, limit: u64) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::File(path) => file(path, limit),
            Self::Standard => bounded(io::stdin().lock(), limit, self),
            Self::Environment(name) => environment(name),
        }
    }

    /// The bytes of a token, without the white space around it.
    pub(crate) fn token(&self) -> anyhow::Result<Vec<u8>> {
        let bytes = self.bytes(TEXT)?;
        Ok(bytes.trim_ascii().to_vec())
    }

    /// UTF-8 text, at most [`TEXT`] bytes.
    pub(crate) fn text(&self) -> anyhow::Result<String> {
        text(self.bytes(TEXT)?, self)
    }
}

/// All bytes of a file, at most `limit`.
pub(crate) fn file(path: &Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("`{name}` can't be read"))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        bail!("`{name}` is a folder, not a file");
    }
    bounded(file, limit, &Source::File(path.to_owned()))
}

/// A file's text, at most [`TEXT`] bytes.
pub(crate) fn file_text(path: &Path) -> anyhow::Result<String> {
    text(file(path, TEXT)?, &Source::File(path.to_owned()))
}

/// The bytes as text.
pub(crate) fn text(bytes: Vec<u8>, source: &Source) -> anyhow::Result<String> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        bail!("{source} is UTF-16, where UTF-8 is needed");
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{source} is not UTF-8: byte {at} starts no character")
    })
}

pub(crate) fn bounded(reader: impl Read, limit: u64, source: &Source) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = reader.take(limit + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("{source} can't be read"))?;
    if bytes.len() as u64 > limit {
        bail!("{source} is longer than {limit} bytes");
    }
    Ok(bytes)
}

fn environment(name: &str) -> anyhow::Result<Vec<u8>> {
    if name.is_empty() || name.contains(['=', '\0']) {
        bail!("`env:{name}` names no environment variable");
    }
    match std::env::var(name) {
        Ok(value) => Ok(value.into_bytes()),
        Err(std::env::VarError::NotPresent) => bail!("environment variable `{name}` is not set"),
        Err(std::env::VarError::NotUnicode(_)) => {
            bail!("environment variable `{name}` is not UTF-8")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart_by_their_spelling() {
        let parse = |text: &str| text.parse::<Source>().unwrap();
        assert_eq!(parse("-"), Source::Standard);
        assert_eq!(parse("env:TOKEN"), Source::Environment("TOKEN".into()));
        assert_eq!(parse("./env:x"), Source::File("./env:x".into()));
    }

    #[test]
    fn what_can_t_be_read_is_named() {
        let message = |source: &str| {
            let source: Source = source.parse().unwrap();
            format!("{:#}", source.text().unwrap_err())
        };
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("16"), b"\xff\xfea\0").unwrap();
        std::fs::write(at("latin"), b"abc\xfc").unwrap();
        std::fs::write(at("long"), vec![b'a'; usize::try_from(TEXT).unwrap() + 1]).unwrap();
        assert!(message(at("none").to_str().unwrap()).contains("none` can't be read"));
        assert!(message(folder.path().to_str().unwrap()).ends_with("is a folder, not a file"));
        assert!(message(at("16").to_str().unwrap()).ends_with("is UTF-16, where UTF-8 is needed"));
        assert!(message(at("latin").to_str().unwrap()).contains("byte 3"));
        assert!(message(at("long").to_str().unwrap()).contains("longer than"));
        assert!(message("env:").contains("names no environment variable"));
        assert!(message("env:CLAIMBOUND_NOT_SET_ANYWHERE").ends_with("is not set"));
    }

    #[test]
    fn white_space_around_a_token_is_no_part_of_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), " a.b.c\r\n").unwrap();
        assert_eq!(Source::File(file.path().into()).token().unwrap(), b"a.b.c");
    }
}
