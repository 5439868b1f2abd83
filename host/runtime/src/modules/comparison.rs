//! How two versions of a module differ.

use std::fmt;
use std::str::FromStr;

use semver::Version;

use super::digest::Digest;
use super::document::{self, DocumentError, DocumentKind, quoted};
use super::name::ModuleName;
use crate::clock;
use crate::json::Node;
use crate::reason::clip;

const MEMBERS: [&str; 7] = ["type", "name", "old", "new", "outcome", "time", "release"];

/// How the new version differs from the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// They let in the same tokens, and give them the same.
    Equivalent,
    /// The new one lets in less.
    Narrower,
    /// The new one lets in more.
    Wider,
    /// Each lets in what the other does not, or gives otherwise.
    Different,
}

impl Relation {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Equivalent,
        Self::Narrower,
        Self::Wider,
        Self::Different,
    ];

    /// Whether all that the new one lets in was let in before, and got the same.
    pub const fn is_no_wider(self) -> bool {
        match self {
            Self::Equivalent | Self::Narrower => true,
            Self::Wider | Self::Different => false,
        }
    }

    /// As a comparison writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equivalent => "equivalent",
            Self::Narrower => "narrower",
            Self::Wider => "wider",
            Self::Different => "different",
        }
    }
}

impl FromStr for Relation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|relation| relation.as_str() == text)
            .ok_or_else(|| {
                let text = clip(text);
                format!("`{text}` is none of `equivalent`, `narrower`, `wider`, `different`")
            })
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One of the two that were compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Its version, without build metadata.
    pub version: Version,
    /// The digest of its component.
    pub digest: Digest,
}

/// How two versions of a module differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The module's name.
    pub name: ModuleName,
    /// The version that was there before.
    pub old: Compared,
    /// The version that comes after it.
    pub new: Compared,
    /// How the new one differs.
    pub outcome: Relation,
    /// When they were compared, in seconds since 1970, at most [`clock::LAST`].
    pub time: u64,
    /// The release of claimbound that compared them, without build metadata.
    pub release: Version,
}

impl Comparison {
    /// Reads a comparison, of at most 64 KiB.
    ///
    /// # Errors
    /// [`DocumentError`], at the first fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let document = document::open(bytes, DocumentKind::Comparison, &MEMBERS)?;
        let root = document.root();
        Ok(Self {
            name: document::parsed(root, "name")?,
            old: compared(document::object(root, "old")?)?,
            new: compared(document::object(root, "new")?)?,
            outcome: document::parsed(root, "outcome")?,
            time: document::time(root, "time")?,
            release: document::version(root, "release")?,
        })
    }

    /// The bytes to sign: always the same for the same comparison.
    pub fn to_bytes(&self) -> Vec<u8> {
        document::write(
            DocumentKind::Comparison,
            &[
                ("name", quoted(&self.name)),
                ("old", line(&self.old)),
                ("new", line(&self.new)),
                ("outcome", quoted(self.outcome)),
                ("time", quoted(clock::date(self.time))),
                ("release", quoted(&self.release)),
            ],
        )
    }
}

fn compared(node: Node<'_>) -> Result<Compared, DocumentError> {
    document::only(node, &["version", "digest"])?;
    Ok(Compared {
        version: document::version(node, "version")?,
        digest: document::parsed(node, "digest")?,
    })
}

fn line(compared: &Compared) -> String {
    let (version, digest) = (quoted(&compared.version), quoted(compared.digest));
    format!("{{ \"version\": {version}, \"digest\": {digest} }}")
}
