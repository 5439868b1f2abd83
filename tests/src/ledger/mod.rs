//! The ledger behind a gate: names and identities, single use, revocation.

mod first_use;
mod server;
mod world;
