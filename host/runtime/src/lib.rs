//! Decides whether a workload's token may act, in a sandboxed policy.
//!
//! Do not use this crate to let people log in, to check tokens that are not
//! OpenID Connect's, or to authorise what a caller does inside a session: it
//! answers one question, whether the holder of this token is a workload that
//! the policy trusts, and what it may be given.
//!
//! A token takes one way, and each step is a type that only the step before can
//! make:
//!
//! ```text
//! Token ─ decode ─ Decoded ─ verify ─ Verified ─ identify ─ Identified
//!       ─ admit ─ Admissible ─ judge ─ Judged ─ commit ─ Outcome
//! ```
//!
//! [`gate::Gate`] goes the whole way. An [`outcome::Outcome`] is an allow, a
//! denial with reasons, or an error; an error never allows. Time is an argument
//! everywhere: a [`clock::Clock`].
//!
//! ```
//! use claimbound::{bake, sandbox::{Limits, Sandbox}, policy::{Policy, PolicyError}};
//!
//! // A component without a program gives no answer, not even about itself.
//! let sandbox = Sandbox::new(Limits::default())?;
//! let refused = Policy::load(&sandbox, bake::STANDARD).unwrap_err();
//! assert!(matches!(refused, PolicyError::Describe(_)));
//! # Ok::<(), claimbound::outcome::HostError>(())
//! ```

pub mod bake;
mod base64url;
pub mod checks;
pub mod clock;
pub mod code;
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::restriction
)]
mod contract;
pub mod danger;
pub mod floor;
pub mod gate;
pub mod grant;
mod hexadecimal;
pub mod issuer;
pub mod json;
pub mod key;
pub mod ledger;
pub mod modules;
pub mod obligation;
pub mod outcome;
pub mod policy;
pub mod proof;
pub mod reason;
pub mod record;
pub mod sandbox;
mod sha256;
pub mod token;
pub mod verify;
pub mod waiting;

pub use claimbound_issuers as models;

#[cfg(test)]
mod mint;
