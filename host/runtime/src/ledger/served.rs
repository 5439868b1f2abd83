//! What a route serves of a module, and how that is written down.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::name::{IdentityError, check_text};
use crate::modules::{
    Digest, DigestError, LAST_SERIAL, ModuleId, ModuleName, NameError, VersionError, parse_version,
};
use crate::reason::clip;

/// What a route serves of a module, and what operators have said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The route.
    pub route: String,
    /// The module's name.
    pub name: ModuleName,
    /// The version that was taken up last, or rolled back to. No lower one is
    /// taken up.
    pub version: Version,
    /// The component's digest.
    pub digest: Digest,
    /// The highest major version that may be taken up, inclusive.
    pub approved: u64,
    /// What an operator rolled back from, or rejected. It stays when a higher
    /// version has been taken up, and then it bars nothing.
    pub bar: Option<Bar>,
    /// The version that an operator promoted last, and neither rolled back from nor
    /// rejected since.
    pub promoted: Option<Version>,
    /// How often an operator barred versions: rolled back, or rejected.
    pub rollbacks: u64,
    /// Since when `version` is served, in seconds since 1970.
    pub since: u64,
    /// Who took it up, or rolled back to it.
    pub by: String,
    /// Why it was rolled back to; empty where a host took it up.
    pub reason: String,
}

/// What an operator rolled back from, or rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The highest version that was rolled back from or rejected. No version above
    /// the one that is served, up to this one, inclusive, is taken up.
    pub to: Version,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// The digest that a version of a module was first served with: for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The module's name and version.
    pub(super) module: ModuleId,
    /// The component's digest.
    pub(super) digest: Digest,
    /// When it was first served, in seconds since 1970.
    pub(super) at: u64,
    /// Who served it first.
    pub(super) by: String,
}

/// The highest serial of an index that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Serial {
    /// The store that it was seen in, as the configuration calls it.
    pub(super) store: String,
    /// The module's name.
    pub(super) name: ModuleName,
    /// The serial itself.
    pub(super) number: u64,
}

/// [`Served`] with every member a plain value: a row of a table, a line of an
/// export, what history keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServedRow {
    pub(crate) route: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) digest: String,
    /// As text: databases keep no number of 64 bits without a sign.
    pub(crate) approved: String,
    pub(crate) barred_to: Option<String>,
    pub(crate) barred_at: Option<u64>,
    pub(crate) barred_by: Option<String>,
    pub(crate) barred_reason: Option<String>,
    pub(crate) promoted: Option<String>,
    pub(crate) rollbacks: u64,
    pub(crate) since: u64,
    pub(crate) by: String,
    pub(crate) reason: String,
}

/// [`Known`] in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownRow {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) at: u64,
    pub(crate) by: String,
}

/// [`Serial`] in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SerialRow {
    pub(crate) store: String,
    pub(crate) name: String,
    pub(crate) serial: u64,
}

/// What can't be kept of a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// It is no version of a module.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// It is no digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// It is no name of a module.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It is no name of a route or of a store.
    #[error(transparent)]
    Text(#[from] IdentityError),
    /// It is no serial of an index.
    #[error("an index has no serial of {0}; the highest is {LAST_SERIAL}")]
    Serial(u64),
    /// It is no number.
    #[error("`{0}` is no major version")]
    Major(String),
    /// It says half of what a rollback or a rejection leaves.
    #[error("a bar has a version, a time, an operator and a reason")]
    Bar,
}

impl From<&Served> for ServedRow {
    fn from(served: &Served) -> Self {
        let bar = served.bar.as_ref();
        Self {
            route: served.route.clone(),
            name: served.name.to_string(),
            version: served.version.to_string(),
            digest: served.digest.to_string(),
            approved: served.approved.to_string(),
            barred_to: bar.map(|bar| bar.to.to_string()),
            barred_at: bar.map(|bar| bar.at),
            barred_by: bar.map(|bar| bar.by.clone()),
            barred_reason: bar.map(|bar| bar.reason.clone()),
            promoted: served.promoted.as_ref().map(Version::to_string),
            rollbacks: served.rollbacks,
            since: served.since,
            by: served.by.clone(),
            reason: served.reason.clone(),
        }
    }
}

impl TryFrom<ServedRow> for Served {
    type Error = ModuleError;

    fn try_from(row: ServedRow) -> Result<Self, ModuleError> {
        check_text(&row.route)?;
        Ok(Self {
            bar: bar(&row)?,
            version: parse_version(&row.version)?,
            approved: major(&row.approved)?,
            promoted: row.promoted.as_deref().map(parse_version).transpose()?,
            route: row.route,
            name: row.name.parse()?,
            digest: row.digest.parse()?,
            rollbacks: row.rollbacks,
            since: row.since,
            by: row.by,
            reason: row.reason,
        })
    }
}

fn bar(row: &ServedRow) -> Result<Option<Bar>, ModuleError> {
    let parts = (
        &row.barred_to,
        row.barred_at,
        &row.barred_by,
        &row.barred_reason,
    );
    match parts {
        (None, None, None, None) => Ok(None),
        (Some(to), Some(at), Some(by), Some(reason)) => Ok(Some(Bar {
            to: parse_version(to)?,
            at,
            by: by.clone(),
            reason: reason.clone(),
        })),
        (Some(_) | None, _, _, _) => Err(ModuleError::Bar),
    }
}

impl From<&Known> for KnownRow {
    fn from(known: &Known) -> Self {
        Self {
            name: known.module.name().to_string(),
            version: known.module.version().to_string(),
            digest: known.digest.to_string(),
            at: known.at,
            by: known.by.clone(),
        }
    }
}

impl TryFrom<KnownRow> for Known {
    type Error = ModuleError;

    fn try_from(row: KnownRow) -> Result<Self, ModuleError> {
        let version = parse_version(&row.version)?;
        Ok(Self {
            module: ModuleId::new(row.name.parse()?, version)?,
            digest: row.digest.parse()?,
            at: row.at,
            by: row.by,
        })
    }
}

impl From<&Serial> for SerialRow {
    fn from(serial: &Serial) -> Self {
        Self {
            store: serial.store.clone(),
            name: serial.name.to_string(),
            serial: serial.number,
        }
    }
}

impl TryFrom<SerialRow> for Serial {
    type Error = ModuleError;

    fn try_from(row: SerialRow) -> Result<Self, ModuleError> {
        let serial = Self {
            store: row.store,
            name: row.name.parse()?,
            number: row.serial,
        };
        serial.check()?;
        Ok(serial)
    }
}

impl Serial {
    /// Refuses what no store can keep.
    pub(super) fn check(&self) -> Result<(), ModuleError> {
        check_text(&self.store)?;
        if self.number > LAST_SERIAL {
            return Err(ModuleError::Serial(self.number));
        }
        Ok(())
    }
}

/// As a line of an export has it.
impl Serialize for Served {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ServedRow::from(self).serialize(serializer)
    }
}

/// What a route serves, as history keeps it.
pub(super) fn served_json(served: &Served) -> String {
    // INVARIANT: a row is plain values, which always serialise.
    serde_json::to_string(&ServedRow::from(served)).unwrap_or_default()
}

fn major(text: &str) -> Result<u64, ModuleError> {
    let major = text.parse::<u64>().ok();
    major
        .filter(|major| major.to_string() == text)
        .ok_or_else(|| ModuleError::Major(clip(text)))
}
