//! The ledger behind a gate: names and identities, single use, revocation.

mod case;
mod files;
mod first_use;
mod migration;
mod modules;
mod nameless;
pub(crate) mod older;
mod operated;
mod optional;
mod outages;
mod process;
mod proofs;
pub(crate) mod prover;
mod proxy;
mod races;
mod retirement;
mod revocation;
mod revoked;
mod roles;
mod scope;
pub(crate) mod server;
mod shape;
mod single_use;
mod suspension;
mod tombstone;
pub(crate) mod world;
