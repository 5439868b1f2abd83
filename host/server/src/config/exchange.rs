//! Access tokens in exchange for workload tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Span;

/// Token exchange (RFC 8693): who issues, by which keys, for whom.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The issuer of the access tokens, an HTTPS URL at which its discovery
    /// document is reached, without a slash at its end. It is never one of the issuers whose tokens are
    /// taken.
    pub issuer: String,
    /// The folder of the signing keys, which is made for its user alone.
    pub keys: PathBuf,
    /// The algorithm of new keys.
    #[serde(default)]
    pub algorithm: SigningAlgorithm,
    /// When keys change.
    #[serde(default)]
    pub rotation: Rotation,
    /// What access tokens are issued for, by name.
    pub target: BTreeMap<String, Target>,
}

/// An algorithm that access tokens are signed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// When signing keys change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// How long a key signs: 30 days; at least an hour.
    pub every: Option<Span>,
    /// How long a key is published before it signs, so that whoever checks has
    /// fetched it: 1 day; at least 5 minutes, at most half the time that it
    /// signs.
    pub ahead: Option<Span>,
}

/// A resource server that access tokens are issued for.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The `aud` of its tokens, which is no audience of the route's.
    pub audience: String,
    /// URLs that ask for it as a `resource` (RFC 8707), besides its audience.
    #[serde(default)]
    pub resources: BTreeSet<String>,
    /// The route that decides the workload's token, which is one for that
    /// route's audience.
    pub route: String,
    /// The scopes that its tokens may carry; all that the route grants, unless
    /// it is said.
    pub scopes: Option<BTreeSet<String>>,
    /// The roles that its tokens may carry; all that the route grants, unless it
    /// is said.
    pub roles: Option<BTreeSet<String>>,
    /// The longest lifetime of its tokens: 15 minutes; at most 24 hours.
    pub longest_lifetime: Option<Span>,
}
