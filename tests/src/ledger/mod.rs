//! The ledger behind a gate: names and identities, single use, revocation.

mod files;
mod first_use;
mod operated;
mod outages;
mod process;
mod proxy;
mod races;
mod revoked;
mod roles;
mod server;
mod world;
