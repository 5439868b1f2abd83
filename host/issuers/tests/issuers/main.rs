//! The naming models, those that come with the crate and invented ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests say what they expect by unwrapping it, and why they were skipped"
)]

mod claims;
mod custom;
mod documented;
mod hostile;
mod identity;
mod invented;
mod properties;
mod questions;
mod refused;
mod standard;
mod vectors;
