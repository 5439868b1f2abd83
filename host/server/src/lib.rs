//! claimbound in front of real traffic.
//!
//! One process beside a proxy, or a library inside a service: it decides the
//! tokens that requests carry by the routes of a configuration, keeps issuers'
//! keys fresh, exchanges tokens, and says how it is doing. What the decision
//! itself is stands in the crate [`claimbound`].
//!
//! Do not use this crate to terminate TLS or to route requests: a proxy does
//! that, and asks here.

mod admin;
mod aside;
mod bounds;
pub mod config;
mod embedded;
mod evaluators;
pub mod exchange;
mod files;
mod fit;
mod frame;
mod ground;
mod host;
pub mod keys;
mod layer;
mod listener;
mod log;
mod metrics;
mod monitor;
mod monotonic;
mod nearest;
mod paths;
mod plan;
mod pools;
mod protocol;
mod question;
mod reload;
mod rollout;
pub mod server;
mod signals;
mod sparing;
pub mod store;
mod told;
mod workshop;

pub use embedded::Embedded;
pub use host::{Host, PresentedToken, Route};
pub use layer::{Body, ClaimLayer, ClaimService, PeerCertificate, allowed};
pub use protocol::answer::{Answer, Refusal};
pub use protocol::attributes::{Described, Peer};
pub use protocol::ext_authz_grpc::ROUTE_KEY;
pub use protocol::identity;
pub use protocol::router::PROXY;
pub use reload::OwnedEnvironment;
pub use signals::{Ended, Signals, Told};
