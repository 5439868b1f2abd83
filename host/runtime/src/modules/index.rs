//! Which versions of one name there are now.

use std::collections::HashSet;

use semver::Version;

use super::digest::Digest;
use super::document::{self, DocumentError, DocumentKind, quoted};
use super::name::ModuleName;
use super::version::{self, VersionError};
use crate::clock;
use crate::json::{Node, Value};

/// Most versions of one name; its 1 MiB may be full before.
pub const MOST_VERSIONS: usize = 10_000;
/// Longest reason why a version is yanked, in bytes.
const LONGEST_REASON: usize = 1024;
/// The largest serial: what an integer of 64 bits with a sign holds, as databases
/// keep them.
pub(crate) const LAST_SERIAL: u64 = i64::MAX.cast_unsigned();

const MEMBERS: [&str; 6] = ["type", "name", "serial", "time", "expires", "versions"];

/// Which versions of one name there are, as of some time and until another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    name: ModuleName,
    serial: u64,
    time: u64,
    expires: u64,
    versions: Vec<Listed>,
}

/// One version that an index lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The version.
    pub version: Version,
    /// The digest of its component.
    pub digest: Digest,
    /// Why nobody should begin to use it, where that is so.
    pub yanked: Option<String>,
}

/// What no index can be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// A version is none.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A version stands in it twice.
    #[error("version `{0}` stands in it twice")]
    Twice(String),
    /// The reason of a yanked version is none.
    #[error(
        "the reason why `{0}` is yanked is not 1 to {LONGEST_REASON} bytes without control characters"
    )]
    Reason(String),
    /// It expires before it begins, or a time can't be written as a date.
    #[error("it expires at or before its own time, or after the year 9999")]
    Times,
    /// The serial is too large.
    #[error("its serial is larger than {LAST_SERIAL}")]
    Serial,
    /// There is too much in it.
    #[error("it lists more than {MOST_VERSIONS} versions, or takes more than 1 MiB")]
    TooLong,
}

impl Index {
    /// An index of these versions, in that order; times are in seconds since
    /// 1970.
    ///
    /// # Errors
    /// [`IndexError`], at the first fault.
    pub fn new(
        name: ModuleName,
        serial: u64,
        time: u64,
        expires: u64,
        versions: Vec<Listed>,
    ) -> Result<Self, IndexError> {
        if serial > LAST_SERIAL {
            return Err(IndexError::Serial);
        }
        if time >= expires || expires > clock::LAST {
            return Err(IndexError::Times);
        }
        check(&versions)?;
        let index = Self {
            name,
            serial,
            time,
            expires,
            versions,
        };
        if index.to_bytes().len() > DocumentKind::Index.longest() {
            return Err(IndexError::TooLong);
        }
        Ok(index)
    }

    /// Reads an index, of at most 1 MiB and 10,000 versions.
    ///
    /// # Errors
    /// [`DocumentError`], at the first fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let document = document::open(bytes, DocumentKind::Index, &MEMBERS)?;
        let root = document.root();
        let versions = document::member(root, "versions")?;
        let Value::List(items) = versions.value() else {
            return Err(DocumentError::invalid("versions", "it is no list"));
        };
        if items.clone().nth(MOST_VERSIONS).is_some() {
            return Err(DocumentError::invalid("versions", IndexError::TooLong));
        }
        let index = Self {
            name: document::parsed(root, "name")?,
            serial: document::whole(root, "serial")?,
            time: document::time(root, "time")?,
            expires: document::time(root, "expires")?,
            versions: items.map(listed).collect::<Result<_, _>>()?,
        };
        if index.time >= index.expires {
            return Err(DocumentError::invalid("expires", IndexError::Times));
        }
        check(&index.versions).map_err(|error| DocumentError::invalid("versions", error))?;
        Ok(index)
    }

    /// The bytes to sign: always the same for the same index, one version a
    /// line.
    pub fn to_bytes(&self) -> Vec<u8> {
        let lines: Vec<_> = self.versions.iter().map(line).collect();
        let versions = if lines.is_empty() {
            "[]".to_owned()
        } else {
            format!("[\n    {}\n  ]", lines.join(",\n    "))
        };
        document::write(
            DocumentKind::Index,
            &[
                ("name", quoted(&self.name)),
                ("serial", self.serial.to_string()),
                ("time", quoted(clock::date(self.time))),
                ("expires", quoted(clock::date(self.expires))),
                ("versions", versions),
            ],
        )
    }

    /// The name whose versions it lists.
    pub const fn name(&self) -> &ModuleName {
        &self.name
    }

    /// Which edition it is; every later one has a larger serial.
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// When it was made, in seconds since 1970.
    pub const fn time(&self) -> u64 {
        self.time
    }

    /// From when on it says nothing any more, in seconds since 1970.
    pub const fn expires(&self) -> u64 {
        self.expires
    }

    /// Whether it says nothing any more; at its last second it does not.
    pub const fn is_expired_at(&self, now: u64) -> bool {
        now >= self.expires
    }

    /// Its versions, in its order.
    pub fn versions(&self) -> &[Listed] {
        &self.versions
    }

    /// What it says of a version.
    pub fn listed(&self, version: &Version) -> Option<&Listed> {
        self.versions.iter().find(|one| one.version == *version)
    }
}

fn listed(node: Node<'_>) -> Result<Listed, DocumentError> {
    document::only(node, &["version", "digest", "yanked"])?;
    Ok(Listed {
        version: document::version(node, "version")?,
        digest: document::parsed(node, "digest")?,
        yanked: document::optional(node, "yanked")?,
    })
}

fn line(listed: &Listed) -> String {
    let (version, digest) = (quoted(&listed.version), quoted(listed.digest));
    let yanked = listed.yanked.as_ref();
    let yanked = yanked.map_or_else(String::new, |why| format!(", \"yanked\": {}", quoted(why)));
    format!("{{ \"version\": {version}, \"digest\": {digest}{yanked} }}")
}

fn check(versions: &[Listed]) -> Result<(), IndexError> {
    if versions.len() > MOST_VERSIONS {
        return Err(IndexError::TooLong);
    }
    let mut seen = HashSet::new();
    for listed in versions {
        version::check(&listed.version)?;
        if !seen.insert(&listed.version) {
            return Err(IndexError::Twice(listed.version.to_string()));
        }
        if !listed.yanked.as_deref().is_none_or(is_reason) {
            return Err(IndexError::Reason(listed.version.to_string()));
        }
    }
    Ok(())
}

fn is_reason(text: &str) -> bool {
    let fits = (1..=LONGEST_REASON).contains(&text.len());
    fits && !text.chars().any(char::is_control)
}
