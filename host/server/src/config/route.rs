//! A route: one place where tokens are presented.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ModuleConfig, Span};

/// A place where tokens are presented, with an audience of its own.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// What a token's `aud` must name; no two routes share one.
    pub audience: String,
    /// The issuers whose tokens are taken, by their names in this file.
    pub issuers: Vec<String>,
    /// The policy: a component, as `claimbound build` makes it, that nobody has
    /// signed. It takes `danger_unsigned` beside it.
    pub policy: Option<PathBuf>,
    /// The policy: a module of a store, in place of `policy`.
    pub module: Option<ModuleConfig>,
    /// Whether a policy may decide here that nobody has signed: whoever may write
    /// its file decides who gets in.
    #[serde(default)]
    pub danger_unsigned: bool,
    /// How far clocks may differ; at most 5 minutes.
    pub leeway: Option<Span>,
    /// The token types that are taken, in place of each issuer's; the empty one
    /// stands for a token without a type.
    pub token_types: Option<Vec<String>>,
    /// The longest token, in bytes: 16 KiB.
    pub longest_token: Option<usize>,
    /// The most that the policy may grant.
    #[serde(default)]
    pub ceiling: CeilingConfig,
    /// What a request's attributes are taken from.
    #[serde(default)]
    pub attributes: BTreeMap<String, Source>,
    /// How this route learns of the caller's own request.
    #[serde(default)]
    pub forwarded: Forwarded,
}

/// The most that a route's grants may hold; past it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CeilingConfig {
    /// The roles that may be granted.
    #[serde(default)]
    pub roles: BTreeSet<String>,
    /// The scopes that may be granted.
    #[serde(default)]
    pub scopes: BTreeSet<String>,
    /// The names of extra claims that may be granted.
    #[serde(default)]
    pub claims: BTreeSet<String>,
    /// The longest lifetime that may be granted.
    pub longest_lifetime: Option<Span>,
    /// Whether a first use may enrol a name in the ledger.
    #[serde(default)]
    pub enrolment: bool,
    /// Obligations that every allow must carry.
    #[serde(default)]
    pub obligations: BTreeSet<Obligation>,
}

/// A kind of obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Obligation {
    /// The ledger accepts the workload's names.
    Bind,
    /// The token is spent.
    UseOnce,
    /// Possession is proved.
    Prove,
}

impl Obligation {
    /// The kind as the contract writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::UseOnce => "use-once",
            Self::Prove => "prove",
        }
    }
}

/// The one trusted source of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// A header that the proxy sets, and takes from nobody.
    Header(String),
    /// The proxy's own configuration: a context extension of Envoy's
    /// `ext_authz`.
    Context(String),
    /// Always this.
    Value(String),
}

/// How a route learns of the caller's own request, where a proof depends on it.
/// Every header named here is one that the proxy sets, and takes from nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Forwarded {
    /// Scheme and host of the route, as callers know them:
    /// `https://api.acme.example`. Proofs (`DPoP`) are for URLs below it; without
    /// it none can be checked.
    pub origin: Option<String>,
    /// The header that has the request's method: `X-Forwarded-Method`.
    pub method: Option<String>,
    /// The header that has the request's path, with or without its query:
    /// `X-Forwarded-Uri`.
    pub uri: Option<String>,
    /// The header that has the caller's certificate. Only a listener whose
    /// proxies are authenticated takes one.
    pub certificate: Option<CertificateHeader>,
}

/// A header that has the certificate of the caller's connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CertificateHeader {
    /// As RFC 9440 has it: DER as base64 between colons.
    Rfc9440(String),
    /// PEM, percent-encoded: nginx's `$ssl_client_escaped_cert`.
    EscapedPem(String),
    /// Its SHA-256 in hexadecimal: `ssl_c_der,sha2(256),hex` of `HAProxy`.
    Sha256Hex(String),
}
