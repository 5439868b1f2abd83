//! The built program, from outside: what it prints, how it exits, what it
//! refuses.

mod bad_input;
mod bench;
mod build;
#[cfg(unix)]
mod code_cache;
mod decide;
mod demo;
mod help;
pub(crate) mod program;
mod scaffold;
mod secrets;
mod token;
