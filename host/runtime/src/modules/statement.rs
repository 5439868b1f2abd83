//! What a module is: the document that is signed for it.

use super::contract::Contract;
use super::digest::Digest;
use super::document::{self, DocumentError, DocumentKind, quoted};
use super::id::ModuleId;
use crate::clock;

const MEMBERS: [&str; 7] = [
    "type", "name", "version", "digest", "contract", "time", "document",
];

/// What a module is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its name and version.
    pub id: ModuleId,
    /// The digest of its component.
    pub digest: Digest,
    /// The contract that it was made for.
    pub contract: Contract,
    /// When this was stated, in seconds since 1970, at most [`clock::LAST`].
    pub time: u64,
    /// The digest of the policy document that it was built from, where there is
    /// one.
    pub document: Option<Digest>,
}

impl Statement {
    /// Reads a statement, of at most 64 KiB.
    ///
    /// # Errors
    /// [`DocumentError`], at the first fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let document = document::open(bytes, DocumentKind::Statement, &MEMBERS)?;
        let root = document.root();
        let id = ModuleId::new(
            document::parsed(root, "name")?,
            document::version(root, "version")?,
        );
        Ok(Self {
            id: id.map_err(|error| DocumentError::invalid("version", error))?,
            digest: document::parsed(root, "digest")?,
            contract: document::parsed(root, "contract")?,
            time: document::time(root, "time")?,
            document: document::optional(root, "document")?,
        })
    }

    /// The bytes to sign: always the same for the same statement.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut members = vec![
            ("name", quoted(self.id.name())),
            ("version", quoted(self.id.version())),
            ("digest", quoted(self.digest)),
            ("contract", quoted(&self.contract)),
            ("time", quoted(clock::date(self.time))),
        ];
        members.extend(self.document.map(|digest| ("document", quoted(digest))));
        document::write(DocumentKind::Statement, &members)
    }
}
