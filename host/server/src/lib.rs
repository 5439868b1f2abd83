//! claimbound in front of real traffic.
//!
//! One process beside a proxy, or a library inside a service: it decides the
//! tokens that requests carry by the routes of a configuration, keeps issuers'
//! keys fresh, exchanges tokens, and says how it is doing. What the decision
//! itself is stands in the crate [`claimbound`].
//!
//! Do not use this crate to terminate TLS or to route requests: a proxy does
//! that, and asks here.

pub mod config;
pub mod keys;
