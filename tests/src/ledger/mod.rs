//! The ledger behind a gate: names and identities, single use, revocation.

mod case;
mod first_use;
mod migration;
mod nameless;
mod optional;
mod retirement;
mod revocation;
mod scope;
mod shape;
mod single_use;
mod suspension;
mod tombstone;
pub(crate) mod world;
