//! The program format of claimbound's policies, and the evaluator that runs it.
//!
//! A policy document is compiled by `claimbound-language` to a *program*: one
//! block of bytes that is used where it lies. Nothing is parsed when a token is
//! decided: every look-up reads the bytes in place, inside bounds, and a
//! program that is damaged is a [`Failure`], never an allow.
//!
//! Do not use this crate to decide a token by yourself. It sees only facts that
//! a host has already verified, and it checks neither signatures nor the floor;
//! the `claimbound` crate does all of that and runs this code in a sandbox.
//!
//! - [`model`] is a program as data, and [`encode`](encode::encode) writes it;
//! - [`Program`] reads it back;
//! - [`evaluate`] and [`explain`] decide.

mod automaton;
mod bytes;
mod code;
mod condition;
mod decimal;
mod decision;
pub mod encode;
mod evaluate;
mod facts;
mod hash;
pub mod model;
mod number;
mod program;
#[cfg(test)]
mod tests;
mod time;
mod window;
mod words;

pub use automaton::{Automaton, AutomatonTooLarge};
pub use code::Code;
pub use decimal::{Decimal, NotADecimal};
pub use decision::{Decision, Failure, FirstUse, Grant, Obligation, Reason, Step};
pub use evaluate::{MOST_REASONS, MOST_STEPS, evaluate, explain};
pub use facts::{Facts, Key, Name, Value};
pub use program::{Manifest, Program};
pub use window::{Days, Offset, Weekly};
