//! Where requests arrive.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::{ConfigError, SecretSource, Span};

/// Where requests arrive.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// An address and port, or a Unix socket.
    pub address: Address,
    /// What is spoken here.
    pub serves: Vec<Protocol>,
    /// Who may speak here; without it, whoever reaches the address.
    pub proxy: Option<Proxy>,
    /// Most connections at once: 1024.
    pub connections: Option<usize>,
    /// Longest time for a request's headers to arrive: 10 seconds.
    pub header_timeout: Option<Span>,
    /// Most bytes of a request's headers: 64 KiB.
    pub header_bytes: Option<usize>,
}

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Forward authentication over HTTP, at `/authorize/ROUTE`: nginx's
    /// `auth_request`, Caddy's and Traefik's `forward_auth`, `HAProxy`, Apache.
    ForwardAuth,
    /// Envoy's `ext_authz` over HTTP, below `/ext-authz/ROUTE`.
    ExtAuthzHttp,
    /// Envoy's `ext_authz` over gRPC.
    ExtAuthzGrpc,
    /// Token exchange (RFC 8693): `/token`, `/jwks` and the discovery document.
    Exchange,
}

/// Who may speak at a listener. All that is named here must hold.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// The users who may connect, where the listener is a Unix socket.
    pub uids: Option<Vec<u32>>,
    /// What the proxy says in the header `X-Claimbound-Proxy`.
    pub secret: Option<SecretSource>,
}

/// Liveness (`/live`), readiness (`/ready`) and metrics (`/metrics`).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Monitor {
    /// An address and port, or a Unix socket.
    pub address: Address,
}

/// The operators' listener.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// A Unix socket, or an address of loopback.
    pub address: Address,
    /// The users who may connect to a Unix socket: the one that the program runs
    /// as, and root, unless it is said.
    pub uids: Option<Vec<u32>>,
    /// What operators say as a bearer token; needed where the address is of
    /// loopback.
    pub token: Option<SecretSource>,
}

impl Listener {
    /// Checks that it can know its proxies as it says.
    pub(crate) fn check(&self, at: &str) -> Result<(), ConfigError> {
        let Some(proxy) = &self.proxy else {
            return Ok(());
        };
        if proxy.uids.is_none() && proxy.secret.is_none() {
            return Err(ConfigError::at(at, "say `uids`, `secret`, or both"));
        }
        match (&self.address, &proxy.uids) {
            (Address::Tcp(_), Some(_)) => Err(ConfigError::at(
                at,
                "the users who connect are known on a Unix socket alone",
            )),
            (Address::Tcp(_) | Address::Unix(_), _) => Ok(()),
        }
    }
}

impl Admin {
    /// Checks that nobody else can reach it.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let Address::Tcp(address) = &self.address else {
            return Ok(());
        };
        if !address.ip().is_loopback() {
            let fault = format!(
                "`{address}` is not of loopback; operators speak there, or on a Unix socket"
            );
            return Err(ConfigError::at("admin.address", fault));
        }
        if self.token.is_none() {
            let fault = "whoever is on this machine reaches loopback; say a `token`";
            return Err(ConfigError::at("admin.token", fault));
        }
        if self.uids.is_some() {
            let fault = "the users who connect are known on a Unix socket alone";
            return Err(ConfigError::at("admin.uids", fault));
        }
        Ok(())
    }
}

/// An address and port, or a Unix socket (`unix:PATH`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address and port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(formatter, "{address}"),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer).unwrap_or_default();
        match text.strip_prefix("unix:") {
            Some("") => Err(serde::de::Error::custom("`unix:` names no socket")),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                serde::de::Error::custom(
                    "an address is wanted, such as `127.0.0.1:9000` or `unix:/run/claimbound.sock`",
                )
            }),
        }
    }
}

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An IP address and port, or `unix:` and the path of a socket.",
            "examples": ["127.0.0.1:9000", "unix:/run/claimbound/authorize.sock"],
        })
    }
}
