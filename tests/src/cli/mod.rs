//! The built program, from outside: what it prints, how it exits, what it
//! refuses.

mod bad_input;
mod bench;
mod build;
#[cfg(unix)]
mod checks;
mod ci;
#[cfg(unix)]
mod code_cache;
mod comparisons;
mod coverage;
mod decide;
mod demo;
mod diff;
#[cfg(unix)]
mod fetch;
mod help;
mod ledger;
mod lint;
mod modules;
mod modules_signing;
mod operator;
pub(crate) mod program;
#[cfg(unix)]
mod reports;
mod revoke;
mod scaffold;
mod secrets;
mod subject;
mod token;
